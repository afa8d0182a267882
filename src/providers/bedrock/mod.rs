//! Amazon Bedrock's `Converse` and `ConverseStream`.
//!
//! Follows the API reference of the Bedrock runtime (2023-09-30). Requests are signed by Envoy's `aws_request_signing`, so
//! no credential is sent from here. What one field of it means depends on the family of the model ([`family`]), and what
//! Converse has no field for goes to the model as `additionalModelRequestFields` ([`sampling`]).
//!
//! What goes wrong: a stream that is damaged or not what the API says is [`Malformed`], and an exception inside a stream is
//! [`Event::Failed`](super::conversation::Event::Failed); a field that cannot be said is named in [`Written::unmapped`].

mod blocks;
mod failure;
mod family;
mod form;
mod frames;
mod names;
mod reply;
mod request;
mod sampling;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use std::borrow::Cow;

use family::Family;

use super::conversation::{Conversation, Failure, Reply};
use super::{Call, Credential, Malformed, Service, StreamReader, Written, percent_encoded};
use crate::request::Endpoint;

/// The dialect.
pub static DIALECT: Bedrock = Bedrock;

/// `Converse`.
#[derive(Debug)]
pub struct Bedrock;

impl super::Dialect for Bedrock {
    fn serves(&self, endpoint: Endpoint) -> Service {
        match endpoint {
            Endpoint::Chat | Endpoint::Messages => Service::Translated,
            _ => Service::None,
        }
    }

    fn path(&self, call: &Call<'_>) -> String {
        let base = call.base_path.unwrap_or_default().trim_end_matches('/');
        let operation = if call.stream { "converse-stream" } else { "converse" };
        format!("{base}/model/{}/{operation}", percent_encoded(call.provider_model))
    }

    fn credential(&self) -> Credential {
        Credential::None
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let accept = if call.stream { "application/vnd.amazon.eventstream" } else { "application/json" };
        vec![("accept", accept.to_owned())]
    }

    fn tool_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        names::tool(name)
    }

    fn write_request(&self, conversation: &Conversation, call: &Call<'_>) -> Written {
        request::write(conversation, call)
    }

    fn read_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::read(body)
    }

    fn read_stream(&self, call: &Call<'_>) -> Box<dyn StreamReader> {
        Box::new(stream::Reader::of(Family::of(call)))
    }

    fn read_failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, "", body)
    }

    fn failure_header(&self) -> Option<&'static str> {
        Some("x-amzn-errortype")
    }

    fn read_named_failure(&self, status: u16, name: &str, body: &[u8]) -> Failure {
        failure::read(status, name, body)
    }
}
