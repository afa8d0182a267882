//! Amounts of money as whole nano-dollars: reading, writing, never rounding.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An amount of money: whole nano-dollars (10⁻⁹ USD). At most about 18 billion dollars; arithmetic saturates there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NanoUsd(pub u64);

/// Why a text is not an amount of dollars.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseUsdError {
    /// A minus sign.
    #[error("an amount of money cannot be below zero")]
    Negative,
    /// More than nine decimals.
    #[error("at most 9 decimals: Keyward counts in nano-dollars")]
    TooFine,
    /// More than fits.
    #[error("too large an amount of money")]
    TooLarge,
    /// Not a decimal number.
    #[error("not a decimal number of US dollars, like `2.50`")]
    NotADecimal,
}

const NANOS_PER_DOLLAR: u64 = 1_000_000_000;

impl FromStr for NanoUsd {
    type Err = ParseUsdError;

    /// Reads a plain decimal number of dollars exactly: `3`, `2.50`, `0.000000001`. Trailing zeros are free.
    fn from_str(text: &str) -> Result<Self, ParseUsdError> {
        if text.starts_with('-') {
            return Err(ParseUsdError::Negative);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Err(ParseUsdError::NotADecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return Err(ParseUsdError::TooFine);
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| ParseUsdError::TooLarge)? };
        let fraction: u64 = format!("{fraction:0<9}").parse().map_err(|_| ParseUsdError::NotADecimal)?;
        whole
            .checked_mul(NANOS_PER_DOLLAR)
            .and_then(|nanos| nanos.checked_add(fraction))
            .map(Self)
            .ok_or(ParseUsdError::TooLarge)
    }
}

/// An amount as a decimal, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    digits: [u8; Self::LONGEST],
    length: usize,
}

impl Decimal {
    /// Eleven digits, a point, nine digits: all that 64 bits can hold.
    const LONGEST: usize = 21;

    /// The text: `0.0000025`, `12`, `0`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.digits.get(..self.length).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) {
        for (to, from) in self.digits.iter_mut().skip(self.length).zip(text) {
            *to = *from;
            self.length = self.length.saturating_add(1);
        }
    }
}

impl NanoUsd {
    /// The exact decimal number of dollars, without trailing zeros.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        let (whole, fraction) = (self.0 / NANOS_PER_DOLLAR, self.0 % NANOS_PER_DOLLAR);
        let mut decimal = Decimal { digits: [0; Decimal::LONGEST], length: 0 };
        let mut buffer = itoa::Buffer::new();
        decimal.push(buffer.format(whole).as_bytes());
        if fraction > 0 {
            // A leading one keeps the zeros of the fraction: 1_000_002_500.
            let padded = buffer.format(fraction.saturating_add(NANOS_PER_DOLLAR));
            decimal.push(b".");
            decimal.push(padded.trim_end_matches('0').get(1..).unwrap_or_default().as_bytes());
        }
        decimal
    }
}

impl fmt::Display for NanoUsd {
    /// As [`NanoUsd::decimal`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.decimal().as_str())
    }
}
