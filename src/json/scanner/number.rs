//! Inside a number or one of the words `null`, `true` and `false`.

use super::{Scanner, State, Stop, between};
use crate::json::{Literal, MalformedKind, Visitor};

impl Scanner {
    #[inline(always)]
    pub(super) fn number<V: Visitor>(
        &mut self,
        piece: &[u8],
        mut i: usize,
        mut byte: u8,
        from: usize,
        visitor: &mut V,
    ) -> Result<usize, Stop> {
        if matches!(self.state, State::Integer | State::Fraction | State::Exponent) {
            while byte.is_ascii_digit() {
                i += 1;
                match piece.get(i) {
                    Some(&next) => byte = next,
                    None => return Ok(i),
                }
            }
        }
        self.state = match (self.state, byte) {
            (State::Minus, b'0') => State::Zero,
            (State::Minus, b'1'..=b'9') => State::Integer,
            (State::Zero | State::Integer, b'.') => State::Point,
            (State::Point, b'0'..=b'9') => State::Fraction,
            (State::Zero | State::Integer | State::Fraction, b'e' | b'E') => State::E,
            (State::E, b'+' | b'-') => State::ESign,
            (State::E | State::ESign, b'0'..=b'9') => State::Exponent,
            (State::Minus | State::Point | State::E | State::ESign, _) | (State::Zero, b'0'..=b'9') => {
                return Err((i, MalformedKind::InvalidNumber));
            }
            // Over; the byte that ended it is read as what comes after a value.
            _ => {
                let raw = between(piece, from, i);
                if !raw.is_empty() {
                    visitor.number_piece(raw);
                }
                visitor.end_number(self.offset(i));
                self.state = State::CommaOrEnd;
                return Ok(i);
            }
        };
        Ok(i + 1)
    }

    pub(super) const fn begin_word(&mut self, literal: Literal, rest: &'static [u8]) {
        self.literal = literal;
        self.word = rest;
        self.state = State::Word;
    }

    pub(super) fn word<V: Visitor>(&mut self, byte: u8, at: u64, visitor: &mut V) -> Result<(), MalformedKind> {
        match self.word.split_first() {
            Some((&expected, rest)) if expected == byte => {
                self.word = rest;
                if rest.is_empty() {
                    let before = if self.literal == Literal::False { 4 } else { 3 };
                    visitor.literal(self.literal, at.saturating_sub(before));
                    self.state = State::CommaOrEnd;
                }
                Ok(())
            }
            _ => Err(MalformedKind::InvalidLiteral),
        }
    }
}
