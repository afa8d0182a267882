//! One attempt at one provider: its request on the way out, its answer on the way back.
//!
//! Fails closed: without a plan, or at a provider that is no target of the plan, nothing is sent. A good answer that cannot
//! be read becomes a 502, so that Envoy tries the next provider as it does for any other failure; a stream whose first event
//! is an error too. Once a part of a stream has passed, an error is told in the stream.

mod lost;
mod request;
mod response;
mod streaming;
#[cfg(test)]
mod tests;

pub use request::{Body, RequestHead, of_an_api};
pub use response::{ResponseHead, ResponsePiece};

use super::conversation::{Failure, FailureKind};
use super::{Api, Call, Caller, Dialect, Renamed, Service, caller};
use crate::audit::Spent;
use crate::metering::Counts;
use crate::request::{Endpoint, ModelPlace};
use crate::routing::Plan;
use response::Answering;

/// Headers that only Keyward and Envoy use among themselves.
const INTERNAL: &str = "x-keyward-";
/// Headers into which credential injectors write the credentials of providers, before their names.
const CREDENTIAL: &str = "x-keyward-credential-";
/// By this response header the gate learns which target answered.
pub const TARGET: &str = "x-keyward-target";
/// By this response header the gate learns that no provider answered, but an attempt itself, and why: an error code.
pub const REFUSED: &str = "x-keyward-refused";
/// By this response header Envoy's router is kept from trying again: it takes it for that of a rate-limiting upstream.
pub const NOT_AGAIN: &str = "x-envoy-ratelimited";

/// An attempt.
#[derive(Debug)]
pub struct Attempt {
    request_id: String,
    endpoint: Endpoint,
    model: String,
    created: u64,
    stream: bool,
    drop_params: bool,
    max_output_tokens: Option<u64>,
    place: Option<ModelPlace>,
    query: Option<String>,
    api_headers: Vec<(String, String)>,
    body_bytes: u64,
    /// Header and value by which the provider is told who calls.
    identity: Vec<(&'static str, String)>,
    target: Target,
    asks_usage: bool,
    has_functions: bool,
    renamed: Renamed,
    /// What a header says of the kind of an error.
    failure_name: String,
    /// A header says when to try again.
    says_when: bool,
    answering: Answering,
    /// What its provider told of the usage.
    counts: Option<Counts>,
    /// It answered well, but nobody will read it.
    lost: bool,
}

/// The chosen target.
#[derive(Debug)]
struct Target {
    index: u16,
    provider: String,
    api: Api,
    model: String,
    api_version: Option<String>,
    base_path: Option<String>,
}

/// An answer in the provider's place: status and body, in the caller's API.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// Why: an error code.
    pub code: &'static str,
    /// JSON.
    pub body: Vec<u8>,
}

impl Attempt {
    /// Takes an attempt up, at an endpoint that says it is of `provider`.
    ///
    /// # Errors
    /// There is no plan, the endpoint does not say whose it is, or the provider is none of the plan's.
    pub fn begin(plan: &[u8], provider: Option<&str>) -> Result<Self, Refused> {
        let Some(plan) = Plan::decode(plan) else {
            let failure =
                misconfigured("no plan came with the request: the gate's filter is missing or of another version");
            return Err(refused(&failure, Endpoint::Chat, ""));
        };
        let found = provider.and_then(|provider| plan.target(provider));
        let Some(found) = found else {
            // Names of the policy are not the caller's business.
            let failure = misconfigured("the model cannot be served here");
            return Err(refused(&failure, plan.endpoint, plan.request_id));
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let target = Target {
            index: found.index,
            provider: found.provider.to_owned(),
            api: found.api,
            model: found.model.clone().into_owned(),
            api_version: owned(found.api_version),
            base_path: owned(found.base_path),
        };
        let identity = plan.identity.as_ref().filter(|_| found.forward_identity).map(|who| {
            let told = [
                ("x-keyward-team", who.team),
                ("x-keyward-project", who.project),
                ("x-keyward-key-id", Some(who.key_id)),
                ("x-keyward-user", who.user),
            ];
            told.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
        });
        let attempt = Self {
            request_id: plan.request_id.to_owned(),
            endpoint: plan.endpoint,
            model: plan.model.to_owned(),
            created: plan.arrived,
            stream: plan.stream,
            drop_params: plan.drop_params,
            max_output_tokens: plan.max_output_tokens,
            identity: identity.unwrap_or_default(),
            place: plan.place,
            query: plan.query.map(str::to_owned),
            api_headers: plan
                .api_headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body_bytes: plan.body_bytes,
            target,
            asks_usage: false,
            has_functions: false,
            renamed: Renamed::default(),
            failure_name: String::new(),
            says_when: false,
            answering: Answering::Waiting,
            counts: None,
            lost: false,
        };
        match attempt.service() {
            Service::None => {
                let api = attempt.target.api.name();
                let failure = Failure {
                    message: format!(
                        "the {} endpoint is not served by a provider that speaks {api}",
                        attempt.endpoint.as_str()
                    ),
                    code: Some("unsupported_endpoint".to_owned()),
                    ..Failure::of_status(400)
                };
                Err(attempt.refuse(&failure))
            }
            Service::Native | Service::Translated => Ok(attempt),
        }
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.target.provider
    }

    /// What is owed for it, as far as it is known by now; `None` where the answer tells that itself, or nothing is owed.
    #[must_use]
    pub fn spent(&self) -> Option<Spent> {
        if self.lost { Some(Spent::Lost(self.counts.unwrap_or_default())) } else { self.counts.map(Spent::Told) }
    }

    fn dialect(&self) -> &'static dyn Dialect {
        self.target.api.dialect()
    }

    fn service(&self) -> Service {
        self.dialect().serves(self.endpoint)
    }

    fn call(&self) -> Call<'_> {
        Call {
            endpoint: self.endpoint,
            request_id: &self.request_id,
            model: &self.model,
            provider_model: &self.target.model,
            max_output_tokens: self.max_output_tokens,
            stream: self.stream,
            has_functions: self.has_functions,
            created: self.created,
            api_version: self.target.api_version.as_deref(),
            base_path: self.target.base_path.as_deref(),
        }
    }

    /// The answer where Envoy does not hand the request's body over, or does not take it back: what is left of it must not
    /// go out.
    #[must_use]
    pub fn body_lost(&self) -> Refused {
        self.refuse(&misconfigured("the request's body could not be written for the provider"))
    }

    fn refuse(&self, failure: &Failure) -> Refused {
        refused(failure, self.endpoint, &self.request_id)
    }
}

fn refused(failure: &Failure, endpoint: Endpoint, request_id: &str) -> Refused {
    let code = if failure.kind == FailureKind::Request { "invalid_request" } else { "provider_unavailable" };
    Refused { status: failure.status, code, body: of_caller(endpoint).write_failure(failure, request_id) }
}

/// The body of an error that came without one: a client library that finds no JSON cannot tell what went wrong.
#[must_use]
pub fn of_status(status: u16, code: Option<&str>, endpoint: Endpoint, request_id: &str) -> Vec<u8> {
    let failure = Failure { code: code.map(str::to_owned), ..Failure::of_status(status) };
    of_caller(endpoint).write_failure(&failure, request_id)
}

/// The caller's API, for its errors: those of endpoints that are not translated are OpenAI's.
fn of_caller(endpoint: Endpoint) -> &'static dyn Caller {
    caller(endpoint).unwrap_or(&super::openai::CHAT)
}

fn misconfigured(message: &str) -> Failure {
    Failure { message: message.to_owned(), code: Some("provider_unavailable".to_owned()), ..Failure::of_status(500) }
}
