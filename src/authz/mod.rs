//! What may they call: the model a name stands for, and whether every level grants it.
//!
//! Fails closed: a name that is not in the catalog is nothing, whatever a grant says, and a level that is missing from
//! the policy grants nothing.

mod access;
mod catalog;
mod listing;
mod pattern;

pub use access::{Denied, Step, Verdict, Why, decide, decide_endpoint, decide_model, explain, grant_matches, levels};
pub use catalog::{MAX_NAME, Resolved, resolve};
pub use listing::allowed_models;
pub use pattern::{captures, expand, matches};

#[cfg(test)]
mod tests;
