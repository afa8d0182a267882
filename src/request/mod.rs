//! What was sent: which endpoint, and what its body says, read in one pass.
//!
//! Fail-closed: what cannot be read exactly one way (a body that is not JSON, a field given twice, a form with an
//! ambiguous boundary) is refused with [`BadBody`], never guessed at; a path that is not one of ours is [`NotFound`].

mod bad_body;
mod body;
mod capture;
mod content_type;
mod encoding;
mod endpoint;
mod estimate;
mod field;
mod form;
mod form_part;
mod json_body;
mod named;
mod path;
mod rewrite;
#[cfg(test)]
mod tests;

pub use bad_body::BadBody;
pub use body::{Body, BodyScan, IncludeUsage, Layout, ModelField, StreamOptions};
pub use capture::ModelName;
pub use encoding::is_readable_encoding;
pub use endpoint::{Endpoint, Shape};
pub(crate) use estimate::{FILE_TOKENS, SHORTEST_FILE};
pub use named::{NoModel, model_named};
pub use path::{NotFound, Routed, route, shape};
pub use rewrite::{Edits, ModelPlace};
