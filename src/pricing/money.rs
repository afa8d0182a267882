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

impl fmt::Display for NanoUsd {
    /// The exact decimal, without trailing zeros: `0.0000025`, `12`, `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / NANOS_PER_DOLLAR, self.0 % NANOS_PER_DOLLAR);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:09}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}
