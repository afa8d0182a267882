use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::providers::Api;
use crate::request::{Endpoint, ModelPlace};

/// What the gate decided about a request, for every attempt of it: what is to be said to which provider.
///
/// It reaches the attempts as filter state of Envoy, in [`Plan::encode`]'s form: no caller can forge it, and it never leaves
/// Envoy. It holds no prompt and no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan<'a> {
    /// The request's id.
    #[serde(borrow)]
    pub request_id: &'a str,
    /// What is asked for.
    pub endpoint: Endpoint,
    /// The model by the name the caller knows.
    #[serde(borrow)]
    pub model: &'a str,
    /// When the request arrived, in seconds since the Unix epoch.
    pub arrived: u64,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Drop what cannot be said to a provider, instead of refusing the request.
    pub drop_params: bool,
    /// The most output the request may ask for, where the policy says so.
    pub max_output_tokens: Option<u64>,
    /// The query of the request's path, without `?`.
    #[serde(borrow)]
    pub query: Option<&'a str>,
    /// The caller's headers that belong to the API it speaks, such as `anthropic-beta`.
    #[serde(borrow)]
    pub api_headers: Vec<(&'a str, &'a str)>,
    /// How long the body is as the gate sends it on.
    pub body_bytes: u64,
    /// Where the body, as the gate sends it on, names the first target's model.
    pub place: Option<ModelPlace>,
    /// Who calls; only for providers that are to be told.
    #[serde(borrow)]
    pub identity: Option<Identity<'a>>,
    /// What may serve the request.
    #[serde(borrow)]
    pub targets: Vec<PlannedTarget<'a>>,
}

/// One provider that may serve a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTarget<'a> {
    /// Which of the model's targets it is.
    pub index: u16,
    /// The provider's name, as endpoints have it in their metadata.
    #[serde(borrow)]
    pub provider: &'a str,
    /// How it is spoken to.
    pub api: Api,
    /// Its own name of the model.
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    /// Its version of the API.
    #[serde(borrow)]
    pub api_version: Option<&'a str>,
    /// What comes before its paths.
    #[serde(borrow)]
    pub base_path: Option<&'a str>,
    /// Whether it is told who calls.
    pub forward_identity: bool,
}

/// Who calls, by the names of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity<'a> {
    /// The team.
    #[serde(borrow)]
    pub team: Option<&'a str>,
    /// The project.
    #[serde(borrow)]
    pub project: Option<&'a str>,
    /// The key's id.
    #[serde(borrow)]
    pub key_id: &'a str,
    /// The person or service.
    #[serde(borrow)]
    pub user: Option<&'a str>,
}

/// The first byte of a plan: gate and attempts may be of different builds, as one can be reloaded without the other.
const FORMAT: u8 = 1;

impl<'a> Plan<'a> {
    /// As filter state.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Only memory could fail, which in the filter aborts before.
        postcard::to_extend(self, vec![FORMAT]).unwrap_or_default()
    }

    /// Reads filter state; `None` if it is none, or of another build.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (&FORMAT, plan) = bytes.split_first()? else { return None };
        postcard::from_bytes(plan).ok()
    }

    /// The target for the provider of an endpoint.
    #[must_use]
    pub fn target(&self, provider: &str) -> Option<&PlannedTarget<'a>> {
        self.targets.iter().find(|target| target.provider == provider)
    }
}
