use serde_json::Value;

use super::super::conversation::{Failure, FailureKind};
use super::super::fields::text;

/// What OpenAI calls a request that is longer than the model can read; programs look for it.
pub(super) const TOO_LONG: &str = "context_length_exceeded";

/// What Anthropic calls it: there is no code for it.
pub(super) const TOO_LONG_MESSAGE: &str = "prompt is too long";

/// What it calls one that leaves no room for the answer that is asked for.
const TOO_LONG_WITH_ANSWER: &str = "exceed context limit";

/// Reads `{"type":"error","error":{"type":…,"message":…}}`.
pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Failure::of_status(status) };
    of(status, &body)
}

/// An error in the middle of a stream: its type tells the status.
pub(super) fn of_stream(event: &Value) -> Failure {
    let kind = event.pointer("/error/type").and_then(Value::as_str).unwrap_or_default();
    let status = match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" | "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    };
    of(status, event)
}

fn of(status: u16, body: &Value) -> Failure {
    let mut failure = Failure::of_status(status);
    let error = body.get("error").unwrap_or(&Value::Null);
    let message = text(error, "message").or_else(|| error.as_str()).filter(|message| !message.is_empty());
    let too_long = status == 400 && message.is_some_and(|message| {
        message.starts_with(TOO_LONG_MESSAGE) || message.contains(TOO_LONG_WITH_ANSWER)
    });
    if let Some(message) = message {
        message.clone_into(&mut failure.message);
    }
    failure.code = too_long.then(|| TOO_LONG.to_owned());
    failure
}

/// The type of an error.
pub(super) const fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Request => "invalid_request_error",
        FailureKind::Authentication => "authentication_error",
        FailureKind::Permission => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::TooLarge => "request_too_large",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Server => "api_error",
    }
}
