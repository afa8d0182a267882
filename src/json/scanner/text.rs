//! Inside a key or string: UTF-8, escapes and surrogate pairs.

use super::{Scanner, State, Stop, between, rest};
use crate::json::{MalformedKind, Visitor, runs};

impl Scanner {
    /// Reads on in a key or string until it ends, an escape begins or the piece is over.
    #[inline(always)]
    pub(super) fn text<V: Visitor>(
        &mut self,
        piece: &[u8],
        mut i: usize,
        from: &mut usize,
        visitor: &mut V,
    ) -> Result<usize, Stop> {
        if self.surrogate != 0 && piece.get(i).is_some_and(|&byte| byte != b'\\') {
            self.lone_surrogate(visitor);
        }
        loop {
            if !self.in_key && !visitor.wants_string() {
                // Nobody will hear of the half of a pair: it must not be told with the next key instead.
                self.surrogate = 0;
                i += runs::plain_or_escaped(rest(piece, i), |byte| simple_escape(byte).is_some());
                *from = i;
            }
            i += runs::plain(rest(piece, i));
            match piece.get(i) {
                None => return Ok(i),
                Some(b'"') => {
                    self.surrogate = 0;
                    self.text_piece(between(piece, *from, i), visitor);
                    let end = self.offset(i + 1);
                    if self.in_key {
                        visitor.end_key(end);
                        self.state = State::Colon;
                    } else {
                        visitor.end_string(end);
                        self.state = State::CommaOrEnd;
                    }
                    return Ok(i + 1);
                }
                Some(b'\\') => {
                    self.text_piece(between(piece, *from, i), visitor);
                    let Some(decoded) = piece.get(i + 1).copied().and_then(simple_escape) else {
                        self.state = State::Escape;
                        *from = i + 1;
                        return Ok(i + 1);
                    };
                    // By far the most escapes are of two bytes, both there: no need to leave for them.
                    self.lone_surrogate(visitor);
                    self.text_char(decoded, visitor);
                    i += 2;
                    *from = i;
                }
                Some(..0x20) => return Err((i, MalformedKind::ControlCharacter)),
                Some(&lead) => {
                    let whole = whole_characters(rest(piece, i));
                    i += whole;
                    self.not_ascii = self.not_ascii.saturating_add(whole as u64);
                    if whole == 0 {
                        // Cut short by the end of the piece, or broken: byte by byte tells which, and where.
                        self.lead(lead).map_err(|kind| (i, kind))?;
                        return Ok(i + 1);
                    }
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn text_piece<V: Visitor>(&self, raw: &[u8], visitor: &mut V) {
        if raw.is_empty() {
        } else if self.in_key {
            visitor.key_piece(raw);
        } else {
            visitor.string_piece(raw);
        }
    }

    fn text_char<V: Visitor>(&self, decoded: char, visitor: &mut V) {
        if self.in_key {
            visitor.key_char(decoded);
        } else {
            visitor.string_char(decoded);
        }
    }

    fn lone_surrogate<V: Visitor>(&mut self, visitor: &mut V) {
        if self.surrogate != 0 {
            self.surrogate = 0;
            self.text_char(char::REPLACEMENT_CHARACTER, visitor);
        }
    }

    /// The first byte of a character of several bytes (Unicode, table 3-7).
    fn lead(&mut self, byte: u8) -> Result<(), MalformedKind> {
        (self.due, self.low, self.high) = match byte {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(MalformedKind::InvalidUtf8),
        };
        self.state = State::Utf8;
        self.not_ascii = self.not_ascii.saturating_add(1);
        Ok(())
    }

    pub(super) fn continuation(&mut self, byte: u8) -> Result<(), MalformedKind> {
        if byte < self.low || byte > self.high {
            return Err(MalformedKind::InvalidUtf8);
        }
        self.not_ascii = self.not_ascii.saturating_add(1);
        (self.low, self.high) = (0x80, 0xbf);
        self.due = self.due.saturating_sub(1);
        if self.due == 0 {
            self.state = State::Text;
        }
        Ok(())
    }

    pub(super) fn escape<V: Visitor>(&mut self, byte: u8, visitor: &mut V) -> Result<(), MalformedKind> {
        if byte == b'u' {
            (self.digits, self.unit) = (0, 0);
            self.state = State::Hex;
            return Ok(());
        }
        let decoded = simple_escape(byte).ok_or(MalformedKind::InvalidEscape)?;
        self.lone_surrogate(visitor);
        self.text_char(decoded, visitor);
        self.state = State::Text;
        Ok(())
    }

    pub(super) fn hex<V: Visitor>(&mut self, byte: u8, visitor: &mut V) -> Result<(), MalformedKind> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(MalformedKind::InvalidEscape),
        };
        self.unit = self.unit << 4 | u16::from(digit);
        self.digits += 1;
        if self.digits == 4 {
            self.state = State::Text;
            self.code_unit(self.unit, visitor);
        }
        Ok(())
    }

    fn code_unit<V: Visitor>(&mut self, unit: u16, visitor: &mut V) {
        match unit {
            0xdc00..=0xdfff if self.surrogate != 0 => {
                let high = u32::from(self.surrogate & 0x3ff);
                let low = u32::from(unit & 0x3ff);
                self.surrogate = 0;
                let pair = char::from_u32(0x1_0000 + (high << 10 | low));
                self.text_char(pair.unwrap_or(char::REPLACEMENT_CHARACTER), visitor);
            }
            0xd800..=0xdbff => {
                self.lone_surrogate(visitor);
                self.surrogate = unit;
            }
            _ => {
                self.lone_surrogate(visitor);
                self.text_char(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER), visitor);
            }
        }
    }
}

/// What a backslash and this byte stand for (RFC 8259, section 7), except `u`, which begins a longer escape.
#[inline(always)]
const fn simple_escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte as char,
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// Length of the leading run of whole, valid characters that are not ASCII.
#[inline]
fn whole_characters(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match rest(bytes, length) {
            [0xe1..=0xec | 0xee | 0xef, 0x80..=0xbf, 0x80..=0xbf, ..] => 3,
            [0xc2..=0xdf, 0x80..=0xbf, ..] => 2,
            [0xe0, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
            [0xed, 0x80..=0x9f, 0x80..=0xbf, ..] => 3,
            [0xf0, 0x90..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..] => 4,
            [0xf1..=0xf3, 0x80..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..] => 4,
            [0xf4, 0x80..=0x8f, 0x80..=0xbf, 0x80..=0xbf, ..] => 4,
            _ => return length,
        };
    }
}
