//! What a model's name tells: where it is, and how it is told to think.

use core::fmt::Write as _;

/// What differs between generations of models. What is not known to be old is taken for new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Up to Gemini 2.0, and Gemma: they do not think.
    Unthinking,
    /// Gemini 2.5: thinks within a budget of tokens.
    Budget,
    /// Gemini 3 and later: thinks at a level, wants the signatures of its calls back, has no penalties, and can be bound to a
    /// format while it may call tools.
    Level,
}

impl Generation {
    pub fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let is = |names: &[&str]| names.iter().any(|name| model.contains(name));
        if is(&["gemini-1.", "gemini-2.0", "gemma", "learnlm"]) {
            Self::Unthinking
        } else if is(&["gemini-2."]) {
            Self::Budget
        } else {
            Self::Level
        }
    }
}

/// Whether a model that thinks at a level knows the level `minimal`: the smallest do, larger ones did up to 3.6, and those that
/// do not refuse it.
pub(super) fn thinks_minimally(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    ["flash-lite", "gemini-3-flash", "gemini-3.5-flash", "gemini-3.6-flash"].iter().any(|name| model.contains(name))
}

/// The path of a model: `models/` before its name, unless it says itself what it is. Nothing in a name can leave its place in
/// the path.
pub(super) fn resource(model: &str) -> String {
    let (kind, name) = match model.split_once('/') {
        Some((kind @ ("models" | "tunedModels"), name)) => (kind, name),
        _ => ("models", model),
    };
    let mut path = format!("{kind}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'@') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Generation, resource};

    #[test]
    fn names_tell_generations() {
        for (model, generation) in [
            ("gemini-1.5-pro", Generation::Unthinking),
            ("gemini-2.0-flash-001", Generation::Unthinking),
            ("models/gemma-3-27b-it", Generation::Unthinking),
            ("gemini-2.5-flash-lite", Generation::Budget),
            ("gemini-3-pro-preview", Generation::Level),
            ("gemini-flash-latest", Generation::Level),
        ] {
            assert_eq!(Generation::of(model), generation, "{model}");
        }
    }

    #[test]
    fn a_name_stays_in_its_place() {
        for (model, path) in [
            ("gemini-2.5-pro", "models/gemini-2.5-pro"),
            ("models/gemini-2.5-pro", "models/gemini-2.5-pro"),
            ("tunedModels/mine", "tunedModels/mine"),
            ("../files?x=#", "models/..%2Ffiles%3Fx%3D%23"),
            ("a:b ü", "models/a%3Ab%20%C3%BC"),
        ] {
            assert_eq!(resource(model), path);
        }
    }
}
