//! Ollama's own chat: `/api/chat`, streamed as JSON lines.
//!
//! Ollama also offers OpenAI's and Anthropic's APIs under `/v1`; who wants those says `api: openai` or `api: anthropic`.

mod answer;
mod failure;
mod messages;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use super::conversation::{Conversation, Failure, Reply};
use super::{Call, Credential, Malformed, Service, StreamReader, Written};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: Ollama = Ollama;

/// Ollama.
#[derive(Debug)]
pub struct Ollama;

impl super::Dialect for Ollama {
    fn serves(&self, endpoint: Endpoint) -> Service {
        match endpoint {
            Endpoint::Chat | Endpoint::Messages => Service::Translated,
            _ => Service::None,
        }
    }

    fn path(&self, call: &Call<'_>) -> String {
        format!("{}/chat", call.base_path.unwrap_or("/api").trim_end_matches('/'))
    }

    /// Ollama itself asks for none; `ollama.com` and proxies in front of one's own do.
    fn credential(&self) -> Credential {
        Credential::Bearer
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
