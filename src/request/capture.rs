/// Longest value that is kept, in bytes. No name in a policy comes near it.
pub(super) const LONGEST: usize = 256;

/// One short value as it arrives: at most [`LONGEST`] bytes are kept, whatever is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Capture {
    bytes: Vec<u8>,
    longer: bool,
}

impl Capture {
    pub(super) fn push(&mut self, raw: &[u8]) {
        let room = LONGEST.saturating_sub(self.bytes.len());
        match raw.split_at_checked(room) {
            Some((fitting, rest)) => {
                self.bytes.extend_from_slice(fitting);
                self.longer |= !rest.is_empty();
            }
            None => self.bytes.extend_from_slice(raw),
        }
    }

    /// The whole value as text; `None` if it was longer or is no text.
    pub(super) fn text(self) -> Option<String> {
        if self.longer { None } else { String::from_utf8(self.bytes).ok() }
    }

    /// The value as the name of an end user: of a longer one its beginning, so that nobody gets out of a limit by a long
    /// name.
    pub(super) fn user(self) -> Option<String> {
        let text = match String::from_utf8(self.bytes) {
            Ok(text) => text,
            // Cut within a character.
            Err(error) => {
                let whole = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(whole);
                String::from_utf8(bytes).ok()?
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// The value as the name of a model.
    pub(super) fn model(self) -> ModelName {
        let name = String::from_utf8_lossy(&self.bytes).into_owned();
        ModelName::new(name, self.longer)
    }
}

/// What a request gives as the name of its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelName {
    /// A name to look up.
    Name(String),
    /// No name a catalog can hold, whatever its patterns: too long, or with characters in it that are no text. Its
    /// beginning, to show.
    Impossible(String),
}

impl ModelName {
    /// Sorts a name out; `longer` says that more of it was not kept.
    pub(super) fn new(name: String, longer: bool) -> Self {
        let no_text = |character: char| character.is_control() || character == char::REPLACEMENT_CHARACTER;
        if longer || name.len() > LONGEST || name.chars().any(no_text) {
            Self::Impossible(name)
        } else {
            Self::Name(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_of_exactly_the_longest_is_whole_and_one_more_is_not() {
        for (length, whole) in [(0, true), (LONGEST, true), (LONGEST + 1, false), (LONGEST * 9, false)] {
            let mut capture = Capture::default();
            for _ in 0..length {
                capture.push(b"m");
            }
            assert_eq!(capture.clone().text().is_some(), whole, "{length}");
            assert_eq!(matches!(capture.model(), ModelName::Name(_)), whole, "{length}");
        }
    }

    #[test]
    fn what_is_no_text_is_no_name() {
        for name in ["a\0", "a\nb", "\u{7f}", "\u{85}", "\u{fffd}"] {
            assert_eq!(ModelName::new(name.into(), false), ModelName::Impossible(name.into()));
        }
        assert_eq!(ModelName::new("モデル ü".into(), false), ModelName::Name("モデル ü".into()));
    }

    proptest! {
        #[test]
        fn no_more_than_the_longest_is_ever_kept(pieces in proptest::collection::vec(".{0,90}", 0..9)) {
            let mut capture = Capture::default();
            pieces.iter().for_each(|piece| capture.push(piece.as_bytes()));
            prop_assert!(capture.bytes.len() <= LONGEST);
            let whole = pieces.concat();
            prop_assert_eq!(capture.text(), (whole.len() <= LONGEST).then_some(whole));
        }
    }
}
