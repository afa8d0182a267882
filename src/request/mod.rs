//! What was sent: which endpoint, and what its body says, read in one pass.

mod endpoint;

pub use endpoint::{Endpoint, Shape};
