//! OpenAI and what is compatible with it: as a provider ([`DIALECT`]), and as the API that callers speak ([`CHAT`]).
//!
//! All of OpenAI's endpoints pass through. Messages are written as chat completions, in the words that OpenAI and the
//! many servers after its model understand alike: `max_tokens` for every model but OpenAI's own reasoning models,
//! `system` rather than `developer`, plain strings where a message is only text.

mod chat;
mod failure;
mod model;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod turns;
mod usage;

pub use chat::CHAT;
pub(super) use model::{is_openais, wants_max_completion_tokens};

use std::borrow::Cow;

use super::conversation::{Conversation, Failure, Reply};
use super::{Call, Credential, Malformed, Service, StreamReader, Written, fitted};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: OpenAi = OpenAi;

/// The longest name of a tool that OpenAI takes.
const LONGEST_NAME: usize = 64;

/// The longest id of a call or of a user. Claude Code's users are longer.
const LONGEST_ID: usize = 64;

/// OpenAI.
#[derive(Debug)]
pub struct OpenAi;

impl super::Dialect for OpenAi {
    fn serves(&self, endpoint: Endpoint) -> Service {
        if endpoint == Endpoint::Messages { Service::Translated } else { Service::Native }
    }

    fn path(&self, call: &Call<'_>) -> String {
        let endpoint = if call.endpoint == Endpoint::Messages { Endpoint::Chat } else { call.endpoint };
        let path = endpoint.path();
        let below = path.strip_prefix("/v1").unwrap_or(path);
        format!("{}{below}", call.base_path.unwrap_or("/v1"))
    }

    fn credential(&self) -> Credential {
        Credential::Bearer
    }

    fn tool_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        fitted(name, LONGEST_NAME)
    }

    fn write_request(&self, conversation: &Conversation, call: &Call<'_>) -> Written {
        request::write(conversation, call)
    }

    fn read_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::read(body)
    }

    fn read_stream(&self, _: &Call<'_>) -> Box<dyn StreamReader> {
        Box::new(stream::Reader::default())
    }

    fn read_failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}
