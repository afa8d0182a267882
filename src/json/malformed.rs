//! Why a text is not JSON, and where, in words for the person who sent it.

use thiserror::Error;

/// The first place where a text breaks the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind} at byte {at}")]
pub struct Malformed {
    /// Offset of the offending byte from the start of the text; its length where it ended too early.
    pub at: u64,
    /// What is wrong there.
    pub kind: MalformedKind,
}

/// What is wrong with a text that should be JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedKind {
    /// Nothing, or nothing but whitespace.
    #[error("empty text instead of JSON")]
    Empty,
    /// The text ends inside a value.
    #[error("text ends in the middle of the JSON")]
    Incomplete,
    /// RFC 8259, section 8.1: no byte order mark.
    #[error("byte order mark before the JSON; send UTF-8 without one")]
    ByteOrderMark,
    /// Something else where a value belongs, such as `NaN` or the end of a list after a comma.
    #[error("a value was expected")]
    ExpectedValue,
    /// Something else where a quoted key belongs.
    #[error("a quoted key was expected")]
    ExpectedKey,
    /// No colon after a key.
    #[error("a colon was expected after the key")]
    ExpectedColon,
    /// Neither a comma nor the matching bracket after a value.
    #[error("a comma or the closing bracket was expected")]
    ExpectedCommaOrEnd,
    /// Something after the value.
    #[error("unexpected text after the end of the JSON")]
    TrailingData,
    /// A raw byte below 0x20 in a string.
    #[error("unescaped control character in a string")]
    ControlCharacter,
    /// A backslash with something that JSON does not know after it.
    #[error("invalid escape in a string")]
    InvalidEscape,
    /// Bytes that are not UTF-8: overlong, a surrogate, above U+10FFFF, stray or missing continuation.
    #[error("invalid UTF-8 in a string")]
    InvalidUtf8,
    /// A number such as `01`, `1.` or `-`.
    #[error("invalid number")]
    InvalidNumber,
    /// Almost `true`, `false` or `null`.
    #[error("invalid literal")]
    InvalidLiteral,
    /// More levels of nesting than allowed.
    #[error("too many levels of nesting")]
    TooDeep,
}
