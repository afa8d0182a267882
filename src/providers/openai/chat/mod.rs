//! Chat completions as callers speak them, to providers that speak something else.
//!
//! Beyond OpenAI's own words, LiteLLM's for thinking are understood and written: `reasoning_content`, `thinking_blocks`
//! (with the signatures that Anthropic wants back), `thinking` in a request, and `cache_control` on texts and tools.

mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod turns;

use serde_json::json;

use super::super::conversation::{Conversation, Failure, FailureKind, Reply};
use super::super::{BadRequest, Call, StreamWriter};

/// The caller's side.
pub static CHAT: ChatCompletions = ChatCompletions;

/// Chat completions.
#[derive(Debug)]
pub struct ChatCompletions;

impl super::super::Caller for ChatCompletions {
    fn read_request(&self, body: &[u8]) -> Result<Conversation, BadRequest> {
        request::read(body)
    }

    fn write_reply(&self, reply: &Reply, call: &Call<'_>) -> Vec<u8> {
        reply::write(reply, call).to_string().into_bytes()
    }

    fn write_stream(&self, call: &Call<'_>, asks_usage: bool) -> Box<dyn StreamWriter> {
        Box::new(stream::Writer::new(call, asks_usage))
    }

    fn write_failure(&self, failure: &Failure, _request_id: &str) -> Vec<u8> {
        error(failure).to_string().into_bytes()
    }
}

fn error(failure: &Failure) -> serde_json::Value {
    let kind = match failure.kind {
        FailureKind::Request | FailureKind::TooLarge => "invalid_request_error",
        FailureKind::Authentication => "authentication_error",
        FailureKind::Permission => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Overloaded | FailureKind::Timeout | FailureKind::Server => "server_error",
    };
    json!({ "error": { "message": failure.message, "type": kind, "param": failure.param, "code": failure.code } })
}
