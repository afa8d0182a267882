//! The strict, incremental JSON scanner: a state machine that can stop after any byte.

mod number;
mod text;

use super::runs;
use super::{Literal, Malformed, MalformedKind, Visitor};

/// The deepest nesting a scanner can be told to allow.
pub const MAX_DEPTH: u32 = 128;

/// Reads one JSON text, pushed in pieces of any size. A fixed, small number of bytes, whatever is fed to it.
#[derive(Debug, Clone)]
pub struct Scanner {
    state: State,
    /// Whether the string being read is a key.
    in_key: bool,
    depth: u32,
    max_depth: u32,
    /// One bit per open container, the innermost lowest: 1 is an array.
    arrays: u128,
    /// Bytes of the pieces before this one.
    consumed: u64,
    failed: Option<Malformed>,
    /// Bytes so far of characters that are not ASCII.
    not_ascii: u64,
    /// Continuation bytes still due of a UTF-8 character, and the range the next one must be in.
    due: u8,
    low: u8,
    high: u8,
    /// Hexadecimal digits read of an escape, and their value.
    digits: u8,
    unit: u16,
    /// A high surrogate that waits for its other half; 0 is none.
    surrogate: u16,
    /// The word being read, and what is left of it.
    literal: Literal,
    word: &'static [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    // What comes next, between tokens.
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    // Inside a key or string.
    Text,
    Utf8,
    Escape,
    Hex,
    // Inside a number, named after what was read last.
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    ESign,
    Exponent,
    // Inside `null`, `true`, `false`.
    Word,
}

/// An error and its place in the piece.
type Stop = (usize, MalformedKind);

impl Scanner {
    /// A scanner that allows `max_depth` levels of objects and arrays, at most [`MAX_DEPTH`].
    #[must_use]
    pub fn new(max_depth: u32) -> Self {
        Self {
            state: State::Value,
            in_key: false,
            depth: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            arrays: 0,
            consumed: 0,
            failed: None,
            not_ascii: 0,
            due: 0,
            low: 0,
            high: 0,
            digits: 0,
            unit: 0,
            surrogate: 0,
            literal: Literal::Null,
            word: &[],
        }
    }

    /// Forgets everything: the next piece begins a new text.
    pub fn reset(&mut self) {
        *self = Self::new(self.max_depth);
    }

    /// How many bytes of the text so far are not ASCII. Those of a JSON text all lie within its keys and strings.
    #[must_use]
    pub const fn not_ascii(&self) -> u64 {
        self.not_ascii
    }

    /// Reads the next piece of the text and tells `visitor` what is in it.
    ///
    /// # Errors
    /// The first byte that breaks the grammar; the same error again on every later call.
    pub fn feed<V: Visitor>(&mut self, piece: &[u8], visitor: &mut V) -> Result<(), Malformed> {
        if let Some(malformed) = self.failed {
            return Err(malformed);
        }
        match self.scan(piece, visitor) {
            Ok(()) => {
                self.consumed = self.offset(piece.len());
                Ok(())
            }
            Err((index, kind)) => Err(self.fail(self.offset(index), kind)),
        }
    }

    /// The input has ended: checks that it was one whole value, and reports the end of a number at its very end.
    ///
    /// # Errors
    /// The text was empty, incomplete, or broken before.
    pub fn finish<V: Visitor>(&mut self, visitor: &mut V) -> Result<(), Malformed> {
        if let Some(malformed) = self.failed {
            return Err(malformed);
        }
        match self.state {
            State::CommaOrEnd if self.depth == 0 => Ok(()),
            State::Zero | State::Integer | State::Fraction | State::Exponent if self.depth == 0 => {
                visitor.end_number(self.consumed);
                self.state = State::CommaOrEnd;
                Ok(())
            }
            State::Value if self.depth == 0 => Err(self.fail(self.consumed, MalformedKind::Empty)),
            _ => Err(self.fail(self.consumed, MalformedKind::Incomplete)),
        }
    }

    fn fail(&mut self, at: u64, kind: MalformedKind) -> Malformed {
        let malformed = Malformed { at, kind };
        self.failed = Some(malformed);
        malformed
    }

    /// The absolute offset of a place in the current piece.
    #[inline(always)]
    const fn offset(&self, index: usize) -> u64 {
        self.consumed.saturating_add(index as u64)
    }

    fn scan<V: Visitor>(&mut self, piece: &[u8], visitor: &mut V) -> Result<(), Stop> {
        // Where the bytes of the current token begin that the visitor was not given yet.
        let mut from = 0;
        let result = self.tokens(piece, &mut from, visitor);
        // Also where the text breaks: had it been cut there, the bytes before would have been handed over.
        let end = result.err().map_or(piece.len(), |(index, _)| index);
        self.hand_over(between(piece, from, end), visitor);
        result
    }

    #[inline(always)]
    fn tokens<V: Visitor>(&mut self, piece: &[u8], from: &mut usize, visitor: &mut V) -> Result<(), Stop> {
        let mut i = 0;
        while let Some(&byte) = piece.get(i) {
            match self.state {
                State::Value | State::ValueOrEnd => i = self.value(piece, i, byte, from, visitor)?,
                State::Key | State::KeyOrEnd => match byte {
                    b'"' => {
                        visitor.begin_key(self.offset(i));
                        self.in_key = true;
                        self.state = State::Text;
                        i += 1;
                        *from = i;
                    }
                    b' ' | b'\n' | b'\r' | b'\t' => i += runs::whitespace(rest(piece, i)),
                    b'}' if self.state == State::KeyOrEnd => {
                        i += 1;
                        self.close();
                        visitor.end_object(self.offset(i));
                    }
                    _ => return Err((i, MalformedKind::ExpectedKey)),
                },
                State::Colon => match byte {
                    b':' => {
                        self.state = State::Value;
                        i += 1;
                    }
                    b' ' | b'\n' | b'\r' | b'\t' => i += runs::whitespace(rest(piece, i)),
                    _ => return Err((i, MalformedKind::ExpectedColon)),
                },
                State::CommaOrEnd => i = self.after_value(piece, i, byte, visitor)?,
                State::Text => i = self.text(piece, i, from, visitor)?,
                State::Utf8 => {
                    self.continuation(byte).map_err(|kind| (i, kind))?;
                    i += 1;
                }
                State::Escape => {
                    self.escape(byte, visitor).map_err(|kind| (i, kind))?;
                    i += 1;
                    *from = i;
                }
                State::Hex => {
                    self.hex(byte, visitor).map_err(|kind| (i, kind))?;
                    i += 1;
                    *from = i;
                }
                State::Word => {
                    self.word(byte, self.offset(i), visitor).map_err(|kind| (i, kind))?;
                    i += 1;
                }
                _ => i = self.number(piece, i, byte, *from, visitor)?,
            }
        }
        Ok(())
    }

    /// At the end of a piece, or of what is good of it: the part of an unfinished token that it holds.
    fn hand_over<V: Visitor>(&self, raw: &[u8], visitor: &mut V) {
        match self.state {
            State::Text | State::Utf8 => self.text_piece(raw, visitor),
            State::Minus
            | State::Zero
            | State::Integer
            | State::Point
            | State::Fraction
            | State::E
            | State::ESign
            | State::Exponent
                if !raw.is_empty() =>
            {
                visitor.number_piece(raw);
            }
            _ => {}
        }
    }

    #[inline(always)]
    fn value<V: Visitor>(
        &mut self,
        piece: &[u8],
        i: usize,
        byte: u8,
        from: &mut usize,
        visitor: &mut V,
    ) -> Result<usize, Stop> {
        let at = self.offset(i);
        match byte {
            b'"' => {
                visitor.begin_string(at);
                self.in_key = false;
                self.state = State::Text;
                *from = i + 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => return Ok(i + runs::whitespace(rest(piece, i))),
            b'{' => {
                self.open(0).map_err(|kind| (i, kind))?;
                self.state = State::KeyOrEnd;
                visitor.begin_object(at);
            }
            b'[' => {
                self.open(1).map_err(|kind| (i, kind))?;
                self.state = State::ValueOrEnd;
                visitor.begin_array(at);
            }
            b'-' | b'0'..=b'9' => {
                self.state = match byte {
                    b'-' => State::Minus,
                    b'0' => State::Zero,
                    _ => State::Integer,
                };
                visitor.begin_number(at);
                *from = i;
            }
            b'n' => self.begin_word(Literal::Null, b"ull"),
            b't' => self.begin_word(Literal::True, b"rue"),
            b'f' => self.begin_word(Literal::False, b"alse"),
            b']' if self.state == State::ValueOrEnd => {
                self.close();
                visitor.end_array(at.saturating_add(1));
            }
            // The first byte of U+FEFF in UTF-8 and UTF-16. A text that begins with one of them is never JSON.
            0xef | 0xfe | 0xff if at == 0 => return Err((i, MalformedKind::ByteOrderMark)),
            _ => return Err((i, MalformedKind::ExpectedValue)),
        }
        Ok(i + 1)
    }

    #[inline(always)]
    fn after_value<V: Visitor>(&mut self, piece: &[u8], i: usize, byte: u8, visitor: &mut V) -> Result<usize, Stop> {
        let in_array = self.arrays & 1 == 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return Ok(i + runs::whitespace(rest(piece, i))),
            _ if self.depth == 0 => return Err((i, MalformedKind::TrailingData)),
            b',' => self.state = if in_array { State::Value } else { State::Key },
            b'}' if !in_array => {
                self.close();
                visitor.end_object(self.offset(i + 1));
            }
            b']' if in_array => {
                self.close();
                visitor.end_array(self.offset(i + 1));
            }
            _ => return Err((i, MalformedKind::ExpectedCommaOrEnd)),
        }
        Ok(i + 1)
    }

    fn open(&mut self, array: u128) -> Result<(), MalformedKind> {
        if self.depth >= self.max_depth {
            return Err(MalformedKind::TooDeep);
        }
        self.depth += 1;
        self.arrays = self.arrays << 1 | array;
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.arrays >>= 1;
        self.state = State::CommaOrEnd;
    }
}

#[inline(always)]
fn rest(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

#[inline(always)]
fn between(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from..to).unwrap_or_default()
}
