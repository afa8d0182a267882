//! What came back: usage out of JSON and SSE answers, as the bytes stream by.

mod usage;

pub use usage::Usage;
