//! What a scanner tells about the JSON it reads.

/// The three words of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
}

/// Receives what a [`Scanner`](super::Scanner) meets, in the order of the text. Every method does nothing by default,
/// and compiles to nothing where it is not overridden.
///
/// `at` is the absolute offset of the first byte of a thing (its opening quote or bracket), `end` the offset just after
/// its last byte, so `at..end` are exactly the bytes of the value.
///
/// The text of keys and strings comes as any number of pieces, none of them empty: raw UTF-8 between escapes, cut where
/// the input was cut, even inside a character; and one `char` per escape, a surrogate pair being one. An escaped
/// surrogate without its other half is U+FFFD.
pub trait Visitor {
    /// `{`
    #[inline]
    fn begin_object(&mut self, at: u64) {
        let _ = at;
    }
    /// `}`
    #[inline]
    fn end_object(&mut self, end: u64) {
        let _ = end;
    }
    /// `[`
    #[inline]
    fn begin_array(&mut self, at: u64) {
        let _ = at;
    }
    /// `]`
    #[inline]
    fn end_array(&mut self, end: u64) {
        let _ = end;
    }
    /// The opening quote of a key.
    #[inline]
    fn begin_key(&mut self, at: u64) {
        let _ = at;
    }
    /// Raw bytes of a key.
    #[inline]
    fn key_piece(&mut self, raw: &[u8]) {
        let _ = raw;
    }
    /// An escape in a key, decoded.
    #[inline]
    fn key_char(&mut self, decoded: char) {
        let _ = decoded;
    }
    /// The closing quote of a key; its value comes next.
    #[inline]
    fn end_key(&mut self, end: u64) {
        let _ = end;
    }
    /// The opening quote of a string value.
    #[inline]
    fn begin_string(&mut self, at: u64) {
        let _ = at;
    }
    /// Whether the rest of the string that is being read is of interest. Where not, none, some or all of it is still told.
    #[inline]
    fn wants_string(&self) -> bool {
        true
    }
    /// Raw bytes of a string value.
    #[inline]
    fn string_piece(&mut self, raw: &[u8]) {
        let _ = raw;
    }
    /// An escape in a string value, decoded.
    #[inline]
    fn string_char(&mut self, decoded: char) {
        let _ = decoded;
    }
    /// The closing quote of a string value.
    #[inline]
    fn end_string(&mut self, end: u64) {
        let _ = end;
    }
    /// The first byte of a number.
    #[inline]
    fn begin_number(&mut self, at: u64) {
        let _ = at;
    }
    /// Characters of a number.
    #[inline]
    fn number_piece(&mut self, raw: &[u8]) {
        let _ = raw;
    }
    /// The end of a number, known only once the byte after it was seen.
    #[inline]
    fn end_number(&mut self, end: u64) {
        let _ = end;
    }
    /// `null`, `true` or `false`, once complete.
    #[inline]
    fn literal(&mut self, literal: Literal, at: u64) {
        let _ = (literal, at);
    }
}

/// Ignores everything: for asking only whether a text is JSON.
impl Visitor for () {}
