//! A JSON number read as a count, in integer arithmetic, as its characters arrive.

/// Digits of an exponent beyond which a number is zero or too large whatever the rest says.
const EXPONENT_LIMIT: i64 = 10_000;

/// Collects a number; feed it from [`Visitor::number_piece`](super::Visitor::number_piece).
#[derive(Debug, Clone, Copy, Default)]
pub struct Number {
    negative: bool,
    /// The digits so far as one integer, saturated.
    digits: u64,
    saturated: bool,
    /// Whether a digit other than 0 was dropped for want of room.
    rest: bool,
    /// Digits kept after the point, less those dropped before it: the value is `digits * 10^-scale`.
    scale: i64,
    exponent: i64,
    exponent_negative: bool,
    part: Part,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Integer,
    Fraction,
    Exponent,
}

impl Number {
    /// Starts anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds characters of the number. Grammar is the scanner's business.
    pub fn push(&mut self, raw: &[u8]) {
        for &byte in raw {
            match byte {
                b'0'..=b'9' => self.digit(u64::from(byte - b'0')),
                b'.' => self.part = Part::Fraction,
                b'e' | b'E' => self.part = Part::Exponent,
                b'-' if self.part == Part::Exponent => self.exponent_negative = true,
                b'-' => self.negative = true,
                _ => {}
            }
        }
    }

    fn digit(&mut self, digit: u64) {
        if self.part == Part::Exponent {
            let exponent = self.exponent.saturating_mul(10).saturating_add(i64::try_from(digit).unwrap_or(0));
            self.exponent = exponent.min(EXPONENT_LIMIT);
            return;
        }
        let longer = self.digits.checked_mul(10).and_then(|digits| digits.checked_add(digit));
        match (longer, self.part) {
            (Some(digits), part) if !self.saturated => {
                self.digits = digits;
                if part == Part::Fraction {
                    self.scale = self.scale.saturating_add(1);
                }
            }
            // No room: from here only the place of a digit counts, and that it was there, because counts round up.
            (_, part) => {
                self.saturated = true;
                self.rest |= digit != 0;
                if part == Part::Integer {
                    self.scale = self.scale.saturating_sub(1);
                }
            }
        }
    }

    /// The number as a count: rounded up to a whole number, `u64::MAX` where it is larger, `None` where it is negative.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        if self.digits == 0 {
            return Some(0);
        }
        if self.negative {
            return None;
        }
        let exponent = if self.exponent_negative { self.exponent.saturating_neg() } else { self.exponent };
        let shift = exponent.saturating_sub(self.scale);
        let power = 10u64.checked_pow(u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX));
        let digits = self.digits.saturating_add(u64::from(self.rest));
        Some(match (shift >= 0, power) {
            (true, Some(power)) => digits.saturating_mul(power),
            (true, None) => u64::MAX,
            (false, Some(power)) => digits.div_ceil(power),
            (false, None) => 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Option<u64> {
        let mut number = Number::default();
        for byte in text.as_bytes() {
            number.push(std::slice::from_ref(byte));
        }
        number.count()
    }

    #[test]
    fn whole_numbers_are_exact() {
        for value in [0, 1, 9, 10, 4096, 9_007_199_254_740_993, u64::MAX - 1, u64::MAX] {
            assert_eq!(count(&value.to_string()), Some(value));
        }
        assert_eq!(count("-0"), Some(0));
    }

    #[test]
    fn fractions_round_up_and_exponents_are_applied() {
        assert_eq!(count("12.0"), Some(12));
        assert_eq!(count("12.01"), Some(13));
        assert_eq!(count("1.2e1"), Some(12));
        assert_eq!(count("1E+3"), Some(1000));
        assert_eq!(count("1000e-3"), Some(1));
        assert_eq!(count("1e-400"), Some(1));
        assert_eq!(count("0e400"), Some(0));
        assert_eq!(count("0.000000000000000000000000000001"), Some(1));
    }

    #[test]
    fn negative_is_no_count_and_huge_is_the_largest() {
        assert_eq!(count("-1"), None);
        assert_eq!(count("-1e400"), None);
        assert_eq!(count("1e400"), Some(u64::MAX));
        assert_eq!(count("18446744073709551616"), Some(u64::MAX));
        assert_eq!(count(&"9".repeat(500)), Some(u64::MAX));
        assert_eq!(count(&format!("1e{}", "9".repeat(500))), Some(u64::MAX));
        assert_eq!(count(&format!("1e-{}", "9".repeat(500))), Some(1));
    }
}
