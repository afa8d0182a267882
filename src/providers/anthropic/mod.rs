//! Anthropic Messages: as a provider ([`DIALECT`]), and as the API that callers speak ([`MESSAGES`]).
//!
//! What differs between Claude's generations (thinking, structured output, sampling) is told by the model's name: see
//! `model`.

mod failure;
pub(super) mod format;
mod messages;
pub(super) mod model;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
pub(super) mod thinking;
mod turns;
mod usage;

pub use messages::MESSAGES;

use std::borrow::Cow;

use super::conversation::{Conversation, Failure, Reply};
use super::{Call, Credential, Malformed, Service, StreamReader, Written, fitted};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: Anthropic = Anthropic;

/// The longest name of a tool, and the longest id of a call.
const LONGEST_NAME: usize = 128;

/// The tool whose arguments are the answer, for models without structured output.
const JSON_TOOL: &str = "json_tool_call";

/// Anthropic.
#[derive(Debug)]
pub struct Anthropic;

impl super::Dialect for Anthropic {
    fn serves(&self, endpoint: Endpoint) -> Service {
        match endpoint {
            Endpoint::Messages => Service::Native,
            Endpoint::Chat => Service::Translated,
            _ => Service::None,
        }
    }

    fn path(&self, call: &Call<'_>) -> String {
        format!("{}/messages", call.base_path.unwrap_or("/v1"))
    }

    fn credential(&self) -> Credential {
        Credential::Header("x-api-key")
    }

    fn headers(&self, _call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![("anthropic-version", "2023-06-01".to_owned())]
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
