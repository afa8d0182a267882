use serde_json::Value;

use crate::providers::conversation::Failure;
use crate::providers::fields::text;
use crate::providers::{Dialect as _, openai};

/// `OpenAI`'s errors, with what only Azure says: in `innererror`, which of its filters refused a prompt.
pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let mut failure = openai::DIALECT.read_failure(status, body);
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(inner) = body.pointer("/error/innererror") else { return failure };
    failure.code = failure.code.or_else(|| text(inner, "code").map(ToOwned::to_owned));
    let filters = ["content_filter_result", "content_filter_results"].iter().find_map(|name| inner.get(name)?.as_object());
    let refused = |filter: &Value| filter.get("filtered").and_then(Value::as_bool) == Some(true);
    let refused: Vec<&str> = filters
        .into_iter()
        .flatten()
        .filter(|(_, filter)| refused(filter))
        .map(|(name, _)| name.as_str())
        .collect();
    if !refused.is_empty() {
        failure.message = format!("{} (filtered: {})", failure.message, refused.join(", "));
    }
    failure
}
