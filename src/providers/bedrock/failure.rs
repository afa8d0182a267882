//! What Bedrock says when it fails: a status and `{"message": …}`, or an exception in the middle of a stream.

use serde_json::Value;

use super::frames::Message;
use crate::providers::conversation::{Failure, FailureKind};
use crate::providers::fields::text;

/// The exceptions, with the status each has outside of a stream. Those of the model itself are no fault of the request,
/// whatever their status.
const EXCEPTIONS: &[(&str, u16, FailureKind)] = &[
    ("AccessDeniedException", 403, FailureKind::Permission),
    ("ExpiredTokenException", 403, FailureKind::Authentication),
    ("IncompleteSignatureException", 403, FailureKind::Authentication),
    ("InternalServerException", 500, FailureKind::Server),
    ("InvalidSignatureException", 403, FailureKind::Authentication),
    ("MissingAuthenticationTokenException", 403, FailureKind::Authentication),
    ("ModelErrorException", 424, FailureKind::Server),
    ("ModelNotReadyException", 429, FailureKind::Overloaded),
    ("ModelStreamErrorException", 424, FailureKind::Server),
    ("ModelTimeoutException", 408, FailureKind::Timeout),
    ("ResourceNotFoundException", 404, FailureKind::NotFound),
    ("ServiceQuotaExceededException", 400, FailureKind::RateLimit),
    ("ServiceUnavailableException", 503, FailureKind::Overloaded),
    ("ThrottlingException", 429, FailureKind::RateLimit),
    ("UnrecognizedClientException", 403, FailureKind::Authentication),
    ("ValidationException", 400, FailureKind::Request),
];

/// What Bedrock and the models behind it say of a prompt that is too long, in no code of its own.
const TOO_LONG: &[&str] = &["too long", "maximum context length", "exceed context limit"];

/// Reads the body of an answer with an error status. Its kind is in the header `x-amzn-errortype`, given as `named`, and in
/// the body's `__type` where a proxy or another protocol of AWS put it there.
pub(super) fn read(status: u16, named: &str, body: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = first(&body, &["__type", "code"]).or(Some(named)).map(name_of).filter(|code| !code.is_empty());
    let mut failure = Failure::of_status(status);
    if status == 424 {
        failure.kind = FailureKind::Server;
    }
    if let Some((_, _, kind)) = code.and_then(known) {
        failure.kind = kind;
    }
    if let Some(message) = first(&body, &["message", "Message", "errorMessage"]) {
        message.clone_into(&mut failure.message);
    }
    failure.code = code_of(status, code, &failure.message);
    failure
}

/// Reads an exception or an error in the middle of a stream.
pub(super) fn of_message(message: &Message<'_>) -> Failure {
    let name = name_of(message.name);
    let (name, status, kind) = known(name).unwrap_or((name, 500, FailureKind::Server));
    let body: Value = serde_json::from_slice(message.payload).unwrap_or_default();
    let said = first(&body, &["message", "Message", "originalMessage"]).unwrap_or(message.error);
    let said = if said.is_empty() { "the provider failed in the middle of the stream" } else { said };
    let code = code_of(status, Some(name), said);
    Failure { status, kind, message: said.to_owned(), code, param: None, retry_after: None }
}

/// Programs that shorten a prompt that is too long look for `OpenAI`'s code.
fn code_of(status: u16, name: Option<&str>, message: &str) -> Option<String> {
    let too_long = status == 400 && TOO_LONG.iter().any(|words| message.contains(words));
    let code = if too_long { Some("context_length_exceeded") } else { name.filter(|name| !name.is_empty()) };
    code.map(ToOwned::to_owned)
}

/// `com.amazon.coral.validate#ValidationException:http://…` is `ValidationException`.
fn name_of(code: &str) -> &str {
    let name = code.rsplit_once('#').map_or(code, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// Streams write the names with a small letter, answers with a large one.
fn known(name: &str) -> Option<(&'static str, u16, FailureKind)> {
    EXCEPTIONS.iter().copied().find(|(known, _, _)| known.eq_ignore_ascii_case(name))
}

/// The first of these fields that says something.
fn first<'a>(body: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| text(body, name)).filter(|text| !text.is_empty())
}
