use serde_json::Value;

use super::super::conversation::Failure;
use super::super::fields::text;

/// What OpenAI says of a prompt that is too long, and others (vLLM, llama.cpp) without its code.
const TOO_LONG: [&str; 3] =
    ["maximum context length", "tokens exceed the configured limit", "exceeds the available context size"];

/// OpenAI says `{"error":{…}}`; vLLM and Mistral say the same without the wrapping; FastAPI, `detail`; others, text.
pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Failure::of_status(status) };
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(&body);
    of(status, error)
}

/// An error in the middle of a stream. Its status is told by its code (OpenRouter) or its type.
pub(super) fn of_stream(error: &Value) -> Failure {
    let status = error.get("code").and_then(|code| match code {
        Value::String(code) => code.parse().ok(),
        code => code.as_u64().and_then(|code| u16::try_from(code).ok()),
    });
    let status = status.filter(|status| (400..600).contains(status)).unwrap_or(match text(error, "type") {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("rate_limit_error" | "insufficient_quota" | "tokens" | "requests") => 429,
        _ => 500,
    });
    of(status, error)
}

fn of(status: u16, error: &Value) -> Failure {
    let detail = error.get("detail").filter(|detail| !detail.is_null());
    let message = error.as_str().or_else(|| text(error, "message")).map(str::to_owned);
    let message = message.or_else(|| detail.map(|detail| detail.as_str().map_or_else(|| detail.to_string(), str::to_owned)));
    // A number here is the status once more.
    let code = text(error, "code").filter(|code| !code.is_empty() && code.parse::<u16>().is_err());
    let told = message.as_deref().unwrap_or_default();
    let too_long = status == 400 && TOO_LONG.iter().any(|words| told.contains(words));
    let code = code.or_else(|| too_long.then_some("context_length_exceeded"));
    let code = code.map(str::to_owned);
    let nameless = Failure::of_status(status);
    let message = message.filter(|message| !message.is_empty()).unwrap_or(nameless.message);
    Failure { message, code, param: text(error, "param").map(str::to_owned), status, kind: nameless.kind, retry_after: None }
}
