//! What the caller is told: refusals, the list of models and the standing of its limits, in the words of the API it
//! speaks.
//!
//! An answer cannot fail and says nothing about anybody but the caller: no key, no body text, no other tenant's name
//! or use; of what the caller sent only a model name is repeated, bounded and escaped.

mod echo;
mod model_list;
mod ratelimit;
mod refusal;
#[cfg(test)]
mod tests;
mod text;

pub use model_list::model_list;
pub use ratelimit::rate_limit_headers;
pub use refusal::{Budget, RateLimit, Refusal};

/// A reply that the filter gives itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names (lowercase) and values; `content-type` is always among them.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON body.
    fn json(status: u16, body: &impl serde::Serialize) -> Self {
        // Strings and numbers always serialise; an empty body would still carry the right status.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, headers: vec![("content-type", "application/json".to_owned())], body }
    }

    /// With one more header.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
