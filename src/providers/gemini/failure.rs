//! Errors: `{"error": {code, message, status, details}}`, in a stream sometimes as the only item of an array.

use serde::Deserialize;
use serde_json::Value;

use crate::providers::conversation::{Failure, FailureKind};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireError {
    code: Option<u16>,
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Detail>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    field_violations: Option<Vec<FieldViolation>>,
    /// Of `RetryInfo`: seconds, as in `1.5s`.
    retry_delay: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FieldViolation {
    field: Option<String>,
}

/// What it says of a prompt that is too long, for which programs look by OpenAI's code.
const TOO_LONG: &str = "exceeds the maximum number of tokens allowed";

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = body.as_array().and_then(|items| items.first()).unwrap_or(&body);
    first.get("error").map_or_else(|| Failure::of_status(status), |error| of_error(error, Some(status)))
}

/// Of the `error` itself; in the middle of a stream there is no status but the one in it.
pub(super) fn of_error(error: &Value, status: Option<u16>) -> Failure {
    let error: WireError = match error {
        Value::String(message) => WireError { message: Some(message.clone()), ..WireError::default() },
        error => serde_json::from_value(error.clone()).unwrap_or_default(),
    };
    let details = error.details.unwrap_or_default();
    let bad_key = details.iter().any(|detail| detail.reason.as_deref() == Some("API_KEY_INVALID"));
    let named = error.status.as_deref().and_then(of_name);
    let status = match status.or(error.code.filter(|code| (400..600).contains(code))) {
        // A key that is not one is told as a fault of the request.
        Some(_) if bad_key => 401,
        Some(status) => status,
        None => named.unwrap_or(500),
    };
    let too_long = status == 400 && error.message.as_deref().is_some_and(|message| message.contains(TOO_LONG));
    let code = match (bad_key, too_long) {
        (true, _) => Some("API_KEY_INVALID".to_owned()),
        (false, true) => Some("context_length_exceeded".to_owned()),
        (false, false) => error.status,
    };
    let retry_after = details.iter().find_map(|detail| seconds(detail.retry_delay.as_deref()?));
    let mut violations = details.into_iter().filter_map(|detail| detail.field_violations).flatten();
    let failure = Failure::of_status(status);
    Failure {
        // The name is more exact than the status: 400 is also what must not be done now.
        kind: named.filter(|_| !bad_key).map_or(failure.kind, FailureKind::of_status),
        message: error.message.filter(|message| !message.is_empty()).unwrap_or(failure.message),
        code,
        param: violations.find_map(|violation| violation.field),
        status,
        retry_after,
    }
}

/// Whole seconds, so that it is not too soon.
fn seconds(duration: &str) -> Option<u32> {
    let (whole, fraction) = duration.strip_suffix('s').map(|text| text.split_once('.').unwrap_or((text, "")))?;
    let more = u32::from(fraction.bytes().any(|digit| digit != b'0'));
    whole.parse::<u32>().ok()?.checked_add(more)
}

/// The status of a name, by `google.rpc.Code`.
fn of_name(name: &str) -> Option<u16> {
    Some(match name {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "ABORTED" | "ALREADY_EXISTS" => 409,
        "RESOURCE_EXHAUSTED" => 429,
        "CANCELLED" => 499,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => 500,
        "UNIMPLEMENTED" => 501,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => return None,
    })
}
