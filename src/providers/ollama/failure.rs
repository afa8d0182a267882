//! Errors: `{"error": "text"}`.

use serde_json::Value;

use crate::providers::conversation::Failure;

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.get("error").map_or_else(|| Failure::of_status(status), |error| of_error(error, status))
}

/// Of the `error` itself. What stands before Ollama may write an object there, as OpenAI does.
pub(super) fn of_error(error: &Value, status: u16) -> Failure {
    let failure = Failure::of_status(status);
    let text = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    match text.filter(|text| !text.is_empty()) {
        Some(text) => Failure { message: text.to_owned(), ..failure },
        None => failure,
    }
}
