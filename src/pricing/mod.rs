//! What a request can cost and what it did cost, in integer nano-dollars.
//!
//! Fails towards too much, never too little: sums round up once at the end and saturate at the largest amount there is.
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod demand;
mod money;
mod price;

#[cfg(test)]
mod tests;

pub use demand::{Demand, reserve_demand};
pub use money::{Decimal, NanoUsd, ParseUsdError};
pub use price::Price;
