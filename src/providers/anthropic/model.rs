//! What a model of Claude understands, as its name tells. A name that tells no version is taken for the newest: new
//! families (`claude-fable`) are.

/// The version in a model's name: `claude-sonnet-4-5-20250929` is (4, 5); `claude-3-7-sonnet-latest`, (3, 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::providers) struct Claude {
    version: (u32, u32),
    opus: bool,
}

impl Claude {
    pub(in crate::providers) fn of(model: &str) -> Self {
        let opus = model.contains("opus");
        // Dates are no versions.
        let number = |part: &str| part.parse::<u32>().ok().filter(|number| *number < 1000);
        let mut parts = model.split(['-', '.', '@', '/', ':', '_']).map(number).skip_while(Option::is_none);
        let version = match (parts.next().flatten(), parts.next().flatten()) {
            _ if !is_claude(model) => (0, 0),
            (Some(major), minor) => (major, minor.unwrap_or(0)),
            (None, _) => (u32::MAX, 0),
        };
        Self { version, opus: opus || version.0 == u32::MAX }
    }

    /// Thinking is adaptive, steered by an effort. Older ones are given a budget; those from 4.7 on refuse one.
    pub(in crate::providers) fn thinks_adaptively(self) -> bool {
        self.version >= (4, 6)
    }

    /// It tells its thoughts only if it is told to.
    pub(in crate::providers) fn keeps_thoughts(self) -> bool {
        self.version >= (4, 7)
    }

    /// It knows the effort `xhigh`.
    pub(in crate::providers) fn has_xhigh(self) -> bool {
        self.version >= (4, 7)
    }

    /// It can be told a schema for its answer and for the arguments of tools (`output_config.format`, `strict`).
    pub(in crate::providers) fn has_structured_output(self) -> bool {
        self.version >= (4, 5)
    }

    /// It takes `temperature`, `top_p` and `top_k` at all.
    pub(in crate::providers) fn samples(self) -> bool {
        self.version < (4, 7)
    }

    /// It takes `temperature` and `top_p` together.
    pub(in crate::providers) fn samples_twofold(self) -> bool {
        self.version < (4, 1)
    }

    /// It thinks unless told not to.
    pub(in crate::providers) fn thinks_by_itself(self) -> bool {
        self.version >= (5, 0)
    }

    /// It cannot be told not to think, and so not to call a certain tool either.
    pub(in crate::providers) fn always_thinks(self) -> bool {
        self.opus && self.version >= (5, 5)
    }

    /// It can be made to call a tool while it thinks.
    pub(in crate::providers) fn thinks_when_forced(self) -> bool {
        self.version >= (4, 8) && !self.always_thinks()
    }
}

/// Whether the name is one of Claude's. Others that speak this API (DeepSeek, Kimi, GLM) know it as it was at first.
fn is_claude(model: &str) -> bool {
    ["claude", "opus", "sonnet", "haiku"].iter().any(|name| model.contains(name))
}

#[cfg(test)]
mod tests {
    use super::Claude;

    #[test]
    fn versions_are_read_from_names() {
        for (name, version) in [
            ("claude-3-haiku-20240307", (3, 0)),
            ("claude-3-7-sonnet-latest", (3, 7)),
            ("claude-opus-4-20250514", (4, 0)),
            ("claude-sonnet-4-5-20250929", (4, 5)),
            ("claude-opus-4-6", (4, 6)),
            ("anthropic/claude-opus-4.7", (4, 7)),
            ("claude-sonnet-5", (5, 0)),
            ("claude-haiku-5-5", (5, 5)),
            ("claude-sonnet-4@20250514", (4, 0)),
            ("claude-fable", (u32::MAX, 0)),
            ("glm-5.5", (0, 0)),
            ("deepseek-v4-pro", (0, 0)),
        ] {
            assert_eq!(Claude::of(name).version, version, "{name}");
        }
    }

    #[test]
    fn generations_differ() {
        let old = Claude::of("claude-sonnet-4-20250514");
        assert!(!old.thinks_adaptively() && !old.has_structured_output() && old.samples() && old.samples_twofold());
        let sonnet = Claude::of("claude-sonnet-4-5");
        assert!(!sonnet.thinks_adaptively() && sonnet.has_structured_output() && sonnet.samples());
        assert!(!sonnet.samples_twofold() && !sonnet.thinks_by_itself());
        let other = Claude::of("kimi-k2-thinking");
        assert!(other.samples() && other.samples_twofold() && !other.thinks_adaptively() && !other.always_thinks());
        let opus = Claude::of("claude-opus-5-5");
        assert!(opus.thinks_adaptively() && !opus.samples() && opus.always_thinks() && !opus.thinks_when_forced());
        let haiku = Claude::of("claude-haiku-5-5");
        assert!(!haiku.always_thinks() && haiku.thinks_when_forced() && haiku.thinks_by_itself());
    }
}
