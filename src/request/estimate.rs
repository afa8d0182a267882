//! How large the input of a request is, counted while it streams by.
//!
//! Text is counted in bytes, ASCII and the rest apart, and becomes tokens by [`estimate_tokens`]. All strings and
//! keys count: the keys (`role`, `content`, `type`) stand for the few tokens a provider adds around every message.
//! Text counts as it is written: an escape such as `\u4e2d` is six bytes of ASCII, which makes as many tokens as the
//! three bytes of the character itself, so escapes need not be decoded. Two things are no text:
//!
//! - Files sent as base64. A provider bills an image by its size in pixels, commonly up to about 1,600 tokens, not
//!   by the length of its base64, which would be hundreds of thousands. Each counts [`FILE_TOKENS`]. To count as a
//!   file a string has to look like one: ASCII without a space, and either a `data:` URI or a long value of a key
//!   that holds base64 in one of the APIs. So nobody makes a prompt cheap by calling it `data`.
//! - Prompts sent as numbers (`"input": [[1, 2, 3]]`) are tokens already: one each.
//!
//! It is only what a request takes from its limits until the provider has counted.

use crate::metering::estimate_tokens;

/// What one file counts.
pub(crate) const FILE_TOKENS: u64 = 1600;

/// Shorter values of keys that can hold base64 count as text.
pub(crate) const SHORTEST_FILE: u64 = 1024;

/// Shorter strings that begin with `data:` count as text.
const SHORTEST_DATA_URI: u64 = 32;

const DATA_URI: &[u8] = b"data:";

/// Keys that hold base64: Anthropic's `source.data` and OpenAI's `input_audio.data`, `file.file_data`, `b64_json`.
pub(super) fn holds_base64(key: &[u8]) -> bool {
    matches!(key, b"data" | b"file_data" | b"b64_json")
}

/// What was counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct InputCount {
    /// Bytes of text.
    text: u64,
    /// Those of them that are not ASCII.
    other: u64,
    /// What counts otherwise.
    tokens: u64,
}

impl InputCount {
    /// Adds plain text.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.add_text(text.len() as u64);
        self.add_not_ascii(not_ascii(text));
    }

    /// Of the bytes of text, so many are not ASCII.
    pub(super) const fn add_not_ascii(&mut self, bytes: u64) {
        self.other = self.other.saturating_add(bytes);
    }

    /// Adds text of so many bytes.
    pub(super) const fn add_text(&mut self, bytes: u64) {
        self.text = self.text.saturating_add(bytes);
    }

    /// Adds a file.
    pub(super) const fn add_file(&mut self) {
        self.tokens = self.tokens.saturating_add(FILE_TOKENS);
    }

    /// Adds one token.
    pub(super) const fn add_token(&mut self) {
        self.tokens = self.tokens.saturating_add(1);
    }

    /// All of it as tokens.
    pub(super) const fn tokens(self) -> u64 {
        estimate_tokens(self.text.saturating_sub(self.other), self.other).saturating_add(self.tokens)
    }
}

/// Whether a string looks like a file so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It does not, and never will.
    #[default]
    Text,
    /// The first so many bytes are those of `data:`.
    Beginning(usize),
    /// It does, if it gets that long.
    File {
        /// In bytes.
        shortest: u64,
    },
}

impl Likeness {
    /// That of a string before its first byte; `holds_base64` says what its key is.
    pub(super) const fn of_string(holds_base64: bool) -> Self {
        if holds_base64 { Self::File { shortest: SHORTEST_FILE } } else { Self::Beginning(0) }
    }

    /// That of a string of which `raw` comes next.
    pub(super) fn with(self, raw: &[u8]) -> Self {
        match self {
            Self::Text => Self::Text,
            Self::Beginning(matched) => Self::begin(matched, raw),
            // Without an early end, so that it is compared sixteen bytes at a time.
            Self::File { .. } if raw.iter().fold(true, |all, &byte| all & (byte != b' ') & byte.is_ascii()) => self,
            Self::File { .. } => Self::Text,
        }
    }

    /// Whether a string of so many bytes is a file.
    pub(super) const fn is_file(self, bytes: u64) -> bool {
        matches!(self, Self::File { shortest } if bytes >= shortest)
    }

    fn begin(matched: usize, raw: &[u8]) -> Self {
        let due = DATA_URI.get(matched..).unwrap_or_default();
        let (beginning, rest) = raw.split_at_checked(due.len()).unwrap_or((raw, &[]));
        if !due.starts_with(beginning) {
            Self::Text
        } else if beginning.len() == due.len() {
            Self::File { shortest: SHORTEST_DATA_URI }.with(rest)
        } else {
            Self::Beginning(matched.saturating_add(beginning.len()))
        }
    }
}

/// How many bytes are not ASCII. In chunks that a byte can count, so that it is done sixteen at a time.
fn not_ascii(raw: &[u8]) -> u64 {
    // Most bodies are ASCII, which is seen faster than it is counted.
    if raw.is_ascii() {
        return 0;
    }
    raw.chunks(255).map(|chunk| u64::from(chunk.iter().fold(0_u8, |sum, byte| sum.wrapping_add(byte >> 7)))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str, holds_base64: bool) -> u64 {
        pieces([text.as_bytes()], holds_base64)
    }

    fn pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, holds_base64: bool) -> u64 {
        let (mut count, mut likeness, mut length) = (InputCount::default(), Likeness::of_string(holds_base64), 0);
        for piece in pieces {
            count.add_not_ascii(not_ascii(piece));
            likeness = likeness.with(piece);
            length += piece.len() as u64;
        }
        if likeness.is_file(length) {
            count.add_file();
        } else {
            count.add_text(length);
        }
        count.tokens()
    }

    #[test]
    fn text_counts_by_its_bytes() {
        assert_eq!(string(&"abcd".repeat(100), false), estimate_tokens(400, 0));
        assert_eq!(string(&"é".repeat(300), false), estimate_tokens(0, 600));
        assert_eq!(string("", false), 0);
    }

    #[test]
    fn a_file_counts_the_same_whatever_its_size() {
        let base64 = "iVBORw0KGgo/+A==".repeat(10_000);
        assert_eq!(string(&base64, true), FILE_TOKENS);
        assert_eq!(string(&format!("data:image/png;base64,{base64}"), false), FILE_TOKENS);
    }

    #[test]
    fn a_prompt_does_not_get_cheap_by_being_called_a_file() {
        let prompt = "Tell me a story. ".repeat(1000);
        let bytes = prompt.len() as u64;
        assert_eq!(string(&prompt, true), estimate_tokens(bytes, 0));
        assert_eq!(string(&format!("data:{prompt}"), false), estimate_tokens(bytes + 5, 0));
        let han = "講個故事".repeat(1000);
        assert_eq!(string(&han, true), estimate_tokens(0, han.len() as u64));
        assert_eq!(string(&"x".repeat(5000), false), estimate_tokens(5000, 0), "no such key");
    }

    #[test]
    fn short_values_are_text() {
        assert_eq!(string(&"x".repeat(1023), true), estimate_tokens(1023, 0));
        assert_eq!(string(&"x".repeat(1024), true), FILE_TOKENS);
        assert_eq!(string("data:", false), estimate_tokens(5, 0));
        assert_eq!(string("dat", false), estimate_tokens(3, 0));
    }

    proptest! {
        #[test]
        fn pieces_count_like_the_whole(
            text in "(data:)?[a é]{0,40}", base64 in any::<bool>(), cut in 0_usize..60, repeat in 1_usize..80
        ) {
            let text = text.repeat(repeat);
            let (left, right) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(pieces([left, right], base64), string(&text, base64));
        }

        #[test]
        fn every_byte_is_counted_once(text in ".{0,700}") {
            let other = text.bytes().filter(|byte| !byte.is_ascii()).count();
            prop_assert_eq!(not_ascii(text.as_bytes()), other as u64);
        }
    }
}
