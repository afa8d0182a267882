//! Google Gemini: `generateContent` and `streamGenerateContent` of the Gemini API.
//!
//! The OpenAI-compatible API that Google offers beside it is `api: openai` with a `base_path`.

mod answer;
mod call_id;
mod contents;
mod failure;
mod model;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use super::conversation::{Conversation, Failure, Reply};
use super::{Call, Credential, Malformed, Service, StreamReader, Written};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: Gemini = Gemini;

/// Gemini.
#[derive(Debug)]
pub struct Gemini;

impl super::Dialect for Gemini {
    fn serves(&self, endpoint: Endpoint) -> Service {
        match endpoint {
            Endpoint::Chat | Endpoint::Messages => Service::Translated,
            _ => Service::None,
        }
    }

    fn path(&self, call: &Call<'_>) -> String {
        let base = call.base_path.unwrap_or("/v1beta").trim_end_matches('/');
        let method = if call.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("{base}/{}:{method}", model::resource(call.provider_model))
    }

    fn credential(&self) -> Credential {
        Credential::Header("x-goog-api-key")
    }

    fn write_request(&self, conversation: &Conversation, call: &Call<'_>) -> Written {
        request::write(conversation, call)
    }

    fn read_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::read(body)
    }

    fn read_stream(&self, _: &Call<'_>) -> Box<dyn StreamReader> {
        Box::<stream::Reader>::default()
    }

    fn read_failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}
