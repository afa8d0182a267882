//! What came back: usage out of JSON and SSE answers, as the bytes stream by.
//!
//! A [`Meter`] looks at each piece once, on its way to the caller, and at the end says what it [`Metered`]. It never
//! holds back a chunk a client could use; with `strip_usage_chunk` it takes out the one event that only we asked for.
//!
//! How it fails: open for the caller, closed for the ledger. An answer it cannot read passes unchanged and yields no
//! usage, only the amount of text seen so far, from which a charge can be estimated ([`estimate_tokens`]). Usage is
//! taken only from the places the APIs define, never from text, tool arguments or metadata a model or caller controls.

mod choices;
mod counts;
mod dialect;
mod estimate;
mod event;
mod facts;
mod meter;
mod node;
mod reported;
mod strip;
mod text;
mod usage;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use dialect::{BodyKind, Dialect};
pub use estimate::estimate_tokens;
pub use meter::{Meter, Metered, Passed};
pub use usage::Usage;
