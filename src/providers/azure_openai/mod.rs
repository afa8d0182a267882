//! Azure `OpenAI`: the bodies are `OpenAI`'s, so all but the paths, the credential's header and some errors is [`openai`]'s.
//!
//! Paths are those of the v1 API, unless the policy gives an `api_version` that is a date: then the model is a deployment,
//! named in the path. What the v1 API calls versions, `preview` and `latest`, is sent along on its paths.

mod failure;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::conversation::{Conversation, Failure, Reply};
use super::fields::set;
use super::{Call, Credential, Malformed, Service, StreamReader, Written, openai, percent_encoded};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: AzureOpenAi = AzureOpenAi;

/// Azure `OpenAI`.
#[derive(Debug)]
pub struct AzureOpenAi;

impl super::Dialect for AzureOpenAi {
    fn serves(&self, endpoint: Endpoint) -> Service {
        match endpoint {
            Endpoint::Chat
            | Endpoint::Completions
            | Endpoint::Embeddings
            | Endpoint::Responses
            | Endpoint::Images
            | Endpoint::Speech
            | Endpoint::Transcriptions
            | Endpoint::Translations => Service::Native,
            Endpoint::Messages => Service::Translated,
            // Azure has other services for these.
            Endpoint::Moderations | Endpoint::Rerank | Endpoint::Models => Service::None,
        }
    }

    fn path(&self, call: &Call<'_>) -> String {
        let endpoint = if call.endpoint == Endpoint::Messages { Endpoint::Chat } else { call.endpoint };
        let below = endpoint.path().strip_prefix("/v1").unwrap_or(endpoint.path());
        let version = call.api_version.filter(|version| !version.is_empty());
        let dated = version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        let base = call.base_path.map(|base| base.trim_end_matches('/'));
        let mut path = match (dated, endpoint) {
            (false, _) => format!("{}{below}", base.unwrap_or("/openai/v1")),
            // Responses have the model in the body only.
            (true, Endpoint::Responses) => format!("{}{below}", base.unwrap_or("/openai")),
            (true, _) => {
                let deployment = percent_encoded(call.provider_model);
                format!("{}/deployments/{deployment}{below}", base.unwrap_or("/openai"))
            }
        };
        if let Some(version) = version {
            path.push_str("?api-version=");
            path.push_str(&percent_encoded(version));
        }
        path
    }

    fn credential(&self) -> Credential {
        Credential::Header("api-key")
    }

    fn tool_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        openai::DIALECT.tool_name(name)
    }

    fn write_request(&self, conversation: &Conversation, call: &Call<'_>) -> Written {
        // What `OpenAI`'s reasoning models refuse goes by their names, and a deployment may have any.
        let by_callers_name = !openai::is_openais(call.provider_model) && openai::wants_max_completion_tokens(call.model);
        let known_as = if by_callers_name { call.model } else { call.provider_model };
        let mut written = openai::DIALECT.write_request(conversation, &Call { provider_model: known_as, ..*call });
        set(&mut written.body, "model", call.provider_model);
        written
    }

    fn read_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        openai::DIALECT.read_reply(body)
    }

    fn read_stream(&self, call: &Call<'_>) -> Box<dyn StreamReader> {
        openai::DIALECT.read_stream(call)
    }

    fn read_failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}
