use std::borrow::Cow;

use serde::Serialize;

use super::{
    Answer,
    echo::shown,
    text::{allowance, wait},
};
use crate::policy::{LevelKind, Metric, Period};
use crate::pricing::NanoUsd;
use crate::request::{BadBody, Endpoint, NoModel, NotFound, Shape};

/// Why a request is refused, with what the caller may know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No credential, or one that is malformed, unknown, expired, disabled or not yet valid: told apart nowhere,
    /// nothing to probe.
    Unauthenticated,
    /// The key may not call this endpoint.
    EndpointNotAllowed {
        /// The endpoint called.
        endpoint: Endpoint,
    },
    /// The model is in the catalog, but not for this key.
    ModelNotAllowed {
        /// As called.
        model: String,
    },
    /// No such model in the catalog.
    ModelNotFound {
        /// As called.
        model: String,
    },
    /// The body cannot be read exactly one way.
    InvalidRequest(BadBody),
    /// A `content-encoding` that cannot be read.
    UnsupportedEncoding,
    /// The body is above the limit.
    RequestTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A limit on anything but money has no room.
    RateLimit(RateLimit),
    /// A limit on money has no room.
    Budget(Budget),
    /// The store cannot be reached, and the policy says to deny then, or the key would have to be looked up there.
    StoreUnavailable,
    /// Method and path are none of ours.
    NotFound,
    /// No provider answered: Envoy's own status, in the words of the API that was called.
    ProviderFailed {
        /// What Envoy would have said.
        status: u16,
    },
}

/// The limit that has no room for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Where it is stated.
    pub level: LevelKind,
    /// What it counts.
    pub metric: Metric,
    /// The most there may be in one window.
    pub amount: u64,
    /// The window.
    pub period: Period,
    /// The model called, if the limit counts only some models.
    pub model: Option<String>,
    /// Milliseconds until the same request would find room, estimated where nobody can know (concurrency). `None`:
    /// never, the limit is too small for it.
    pub retry_after_ms: Option<u64>,
}

/// The budget that is spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Where it is stated.
    pub level: LevelKind,
    /// Spent or reserved in the window.
    pub spent: NanoUsd,
    /// The budget.
    pub limit: NanoUsd,
    /// The window.
    pub period: Period,
    /// The model called, if the budget is for some models only.
    pub model: Option<String>,
    /// Milliseconds until the window ends. `None`: the request can cost more than the whole budget.
    pub retry_after_ms: Option<u64>,
}

impl From<BadBody> for Refusal {
    fn from(bad: BadBody) -> Self {
        Self::InvalidRequest(bad)
    }
}

impl From<NoModel> for Refusal {
    fn from(no_model: NoModel) -> Self {
        match no_model {
            NoModel::Bad(bad) => Self::InvalidRequest(bad),
            NoModel::Impossible(model) => Self::ModelNotFound { model },
        }
    }
}

impl From<NotFound> for Refusal {
    fn from(NotFound: NotFound) -> Self {
        Self::NotFound
    }
}

/// Past this wait a client library should not try again by itself: OpenAI's and Anthropic's would not wait that long
/// but come back sooner, in vain.
const LONGEST_AUTOMATIC_WAIT_MS: u64 = 60_000;

/// What `store_unavailable` tells a client to wait.
const STORE_RETRY_MS: u64 = 1000;

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'static str,
    message: &'a str,
}

impl Refusal {
    /// The answer in the shape of the API called; `request_id` is what `x-keyward-request-id` carries.
    ///
    /// Shapes: <https://platform.openai.com/docs/guides/error-codes>, <https://docs.anthropic.com/en/api/errors>.
    #[must_use]
    pub fn answer(&self, shape: Shape, request_id: &str) -> Answer {
        let message = self.message();
        let status = self.status();
        let answer = match shape {
            Shape::OpenAi => {
                let error = OpenAiError {
                    message: &message,
                    r#type: openai_type(status),
                    param: self.param(),
                    code: self.code(),
                };
                Answer::json(status, &OpenAiBody { error })
            }
            Shape::Anthropic => {
                let error = AnthropicError { r#type: anthropic_type(status), message: &message };
                Answer::json(status, &AnthropicBody { r#type: "error", error, request_id })
            }
        };
        self.advise(answer)
    }

    /// HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::Unauthenticated => 401,
            Self::EndpointNotAllowed { .. } | Self::ModelNotAllowed { .. } => 403,
            Self::ModelNotFound { .. } | Self::NotFound => 404,
            Self::RequestTooLarge { .. } => 413,
            Self::UnsupportedEncoding => 415,
            Self::RateLimit(_) | Self::Budget(_) => 429,
            Self::StoreUnavailable => 503,
            Self::ProviderFailed { status } => *status,
        }
    }

    /// The `code` of an answer, and the `decision` of the audit record.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "invalid_api_key",
            Self::EndpointNotAllowed { .. } => "endpoint_not_allowed",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::RequestTooLarge { .. } => "request_too_large",
            Self::RateLimit(_) => "rate_limit_exceeded",
            Self::Budget(_) => "budget_exceeded",
            Self::StoreUnavailable => "store_unavailable",
            Self::NotFound => "not_found",
            Self::ProviderFailed { status: 413 } => "request_too_large",
            Self::ProviderFailed { status: 504 | 408 } => "provider_timeout",
            Self::ProviderFailed { .. } => "provider_unavailable",
        }
    }

    /// The field at fault.
    const fn param(&self) -> Option<&'static str> {
        match self {
            Self::ModelNotAllowed { .. } | Self::ModelNotFound { .. } => Some("model"),
            Self::InvalidRequest(bad) => bad.param,
            _ => None,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Unauthenticated => {
                "Missing or invalid API key. Send one valid key, as `Authorization: Bearer <key>`.".into()
            }
            Self::EndpointNotAllowed { endpoint } => {
                format!("Endpoint {} is not allowed for this API key.", endpoint.as_str()).into()
            }
            Self::ModelNotAllowed { model } => {
                format!("Model {} is not allowed for this API key.", shown(model)).into()
            }
            Self::ModelNotFound { model } => {
                format!("Model {} does not exist. GET /v1/models lists the models this API key may call.", shown(model))
                    .into()
            }
            Self::InvalidRequest(bad) => format!("Invalid request: {bad}.").into(),
            Self::UnsupportedEncoding => {
                "The request body is encoded in a way that cannot be read. Send it without `content-encoding`.".into()
            }
            Self::RequestTooLarge { limit } => {
                format!("The request body is larger than the limit of {limit} bytes.").into()
            }
            Self::RateLimit(limit) => limit.message().into(),
            Self::Budget(budget) => budget.message().into(),
            Self::StoreUnavailable => "Keys and limits cannot be checked at the moment. Try again shortly.".into(),
            Self::NotFound => "Unknown path, or a method it does not have.".into(),
            Self::ProviderFailed { status: 413 } => "The request body is larger than the gateway can hold.".into(),
            Self::ProviderFailed { status: 504 | 408 } => "The provider did not answer in time.".into(),
            Self::ProviderFailed { .. } => "No provider for this model could be reached.".into(),
        }
    }

    /// Adds the headers that tell a client library what to do next.
    fn advise(&self, answer: Answer) -> Answer {
        let retry_after_ms = match self {
            Self::Unauthenticated => return answer.with("www-authenticate", "Bearer"),
            Self::RateLimit(limit) => limit.retry_after_ms,
            Self::Budget(budget) => budget.retry_after_ms,
            Self::StoreUnavailable => Some(STORE_RETRY_MS),
            _ => return answer,
        };
        let Some(ms) = retry_after_ms else {
            return answer.with("x-should-retry", "false");
        };
        // A wait of nothing is one that ended just now; clients read 0 as no advice.
        let ms = ms.max(1);
        let answer = answer.with("retry-after", ms.div_ceil(1000).to_string()).with("retry-after-ms", ms.to_string());
        if ms > LONGEST_AUTOMATIC_WAIT_MS { answer.with("x-should-retry", "false") } else { answer }
    }
}

impl RateLimit {
    fn message(&self) -> String {
        let limit = limit_text(self.level, "limit", self.metric, self.amount, self.period, self.model.as_deref());
        match self.retry_after_ms {
            Some(ms) => format!("Rate limit exceeded: {limit}. Try again in {}.", wait(ms)),
            None if self.amount == 0 => {
                format!("Rate limit exceeded: {limit}, which admits nothing. Trying again will not help.")
            }
            None => format!(
                "Rate limit exceeded: this request alone asks for more than the {limit}. \
                 Shorten it or lower its maximum of output tokens; trying again will not help."
            ),
        }
    }
}

impl Budget {
    fn message(&self) -> String {
        let budget = limit_text(self.level, "budget", Metric::Usd, self.limit.0, self.period, self.model.as_deref());
        let spent = self.spent;
        match self.retry_after_ms {
            Some(ms) if spent < self.limit => format!(
                "Budget exceeded: ${spent} of the {budget} is spent or reserved, and what is left is too little for this \
                 request. \
                 It renews in {}.",
                wait(ms)
            ),
            Some(ms) => {
                format!("Budget exceeded: ${spent} of the {budget} is spent or reserved. It renews in {}.", wait(ms))
            }
            None if self.limit.0 == 0 => {
                format!("Budget exceeded: {budget}, which admits nothing. Trying again will not help.")
            }
            None => format!(
                "Budget exceeded: this request alone can cost more than the {budget}. \
                 Shorten it or lower its maximum of output tokens; trying again will not help."
            ),
        }
    }
}

/// `team limit of 600 requests per minute for model gpt-4o`: the kind of level, never its name, so that a limit
/// shared with others says nothing of them.
fn limit_text(
    level: LevelKind,
    noun: &str,
    metric: Metric,
    amount: u64,
    period: Period,
    model: Option<&str>,
) -> String {
    let level = level.as_str().replace('_', " ");
    let model = model.map(|model| format!(" for model {}", shown(model))).unwrap_or_default();
    format!("{level} {noun} of {}{model}", allowance(metric, amount, period))
}

const fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
