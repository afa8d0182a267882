//! What a request can cost and what it did cost, in integer nano-dollars.
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod money;
mod price;

pub use money::{NanoUsd, ParseUsdError};
pub use price::Price;
