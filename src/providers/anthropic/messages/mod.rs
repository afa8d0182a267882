//! Messages as callers speak them, to providers that speak something else.

mod arguments;
mod reply;
mod request;
mod stream;
mod turns;

use serde_json::json;

use super::super::fields::set;
use super::super::conversation::{Conversation, Failure, Reply};
use super::super::{BadRequest, Call, StreamWriter};
use super::failure::{TOO_LONG, TOO_LONG_MESSAGE, kind};

/// The caller's side.
pub static MESSAGES: Messages = Messages;

/// Messages.
#[derive(Debug)]
pub struct Messages;

impl super::super::Caller for Messages {
    fn read_request(&self, body: &[u8]) -> Result<Conversation, BadRequest> {
        request::read(body)
    }

    fn write_reply(&self, reply: &Reply, call: &Call<'_>) -> Vec<u8> {
        reply::write(reply, call).to_string().into_bytes()
    }

    fn write_stream(&self, call: &Call<'_>, _asks_usage: bool) -> Box<dyn StreamWriter> {
        Box::new(stream::Writer::new(call))
    }

    fn write_failure(&self, failure: &Failure, request_id: &str) -> Vec<u8> {
        let mut written = error(failure);
        set(&mut written, "request_id", request_id);
        written.to_string().into_bytes()
    }
}

/// An error. That a prompt is too long is told by Anthropic's words for it: programs that shorten it look for them.
fn error(failure: &Failure) -> serde_json::Value {
    let too_long = failure.code.as_deref() == Some(TOO_LONG) && !failure.message.starts_with(TOO_LONG_MESSAGE);
    let message = if too_long { format!("{TOO_LONG_MESSAGE}: {}", failure.message) } else { failure.message.clone() };
    json!({ "type": "error", "error": { "type": kind(failure.kind), "message": message } })
}
