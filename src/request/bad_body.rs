use std::borrow::Cow;

use thiserror::Error;

use super::Endpoint;

/// Why a body is refused (400): what was wrong and what to do, without a word of what the body says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BadBody {
    /// For the caller: lowercase, no full stop.
    pub message: Cow<'static, str>,
    /// The field that is wrong, as the caller writes it.
    pub param: Option<&'static str>,
}

impl BadBody {
    /// Something is wrong with the body as a whole.
    pub(crate) const fn whole(message: &'static str) -> Self {
        Self { message: Cow::Borrowed(message), param: None }
    }

    /// Something is wrong with one field.
    pub(crate) fn field(param: &'static str, problem: &str) -> Self {
        Self { message: Cow::Owned(format!("`{param}` {problem}")), param: Some(param) }
    }

    /// More output is asked for than may be given.
    pub(crate) fn above_cap(endpoint: Endpoint, cap: u64) -> Self {
        let param = match endpoint {
            Endpoint::Responses => "max_output_tokens",
            _ => "max_tokens",
        };
        Self {
            message: Cow::Owned(format!("more output tokens are asked for than the {cap} allowed; lower `{param}`")),
            param: Some(param),
        }
    }

    /// A field that decides what a request may cost is there twice: which one the provider would take is anybody's
    /// guess.
    pub(crate) fn twice(param: &'static str) -> Self {
        Self::field(param, "is given twice; send it once")
    }
}
