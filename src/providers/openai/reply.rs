use serde_json::Value;

use super::super::{Malformed, wire};
use super::super::conversation::{Part, Reply, Stop, ToolCall};
use super::super::fields::{arguments, list, text};
use super::super::marks::TOLD_AS_REASONING_CONTENT;
use super::usage;

pub(super) fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let body: Value = wire::read(body).map_err(|error| Malformed(format!("the answer is no JSON: {error}")))?;
    let Some(choice) = list(&body, "choices").first() else {
        let said = body.pointer("/error/message").and_then(Value::as_str);
        return Err(Malformed(format!("the answer has no choices: {}", said.unwrap_or("it says nothing of why"))));
    };
    let message = choice.get("message").unwrap_or(&Value::Null);
    let mut parts = Vec::new();
    if let Some((text, signature)) = thoughts(message).filter(|(thoughts, _)| !thoughts.is_empty()) {
        parts.push(Part::Reasoning { text, signature: signature.map(str::to_owned) });
    }
    if let Some(said) = said(message).filter(|said| !said.is_empty()) {
        parts.push(Part::text(said));
    }
    if let Some(refusal) = text(message, "refusal").filter(|refusal| !refusal.is_empty()) {
        parts.push(Part::Refusal(refusal.to_owned()));
    }
    let calls = list(message, "tool_calls").iter().filter_map(|call| Some((text(call, "id"), call.get("function")?)));
    let legacy = message.get("function_call").filter(|call| !call.is_null()).map(|call| (None, call));
    for (index, (id, function)) in calls.chain(legacy).enumerate() {
        parts.push(Part::ToolCall(ToolCall {
            id: id.filter(|id| !id.is_empty()).map_or_else(|| format!("call_{index}"), str::to_owned),
            name: text(function, "name").unwrap_or_default().to_owned(),
            // Some servers give the object itself.
            arguments: match function.get("arguments") {
                Some(object @ Value::Object(_)) => object.clone(),
                json => arguments(json.and_then(Value::as_str).unwrap_or_default()),
            },
        }));
    }
    let stop = match stop(text(choice, "finish_reason"), text(choice, "stop_reason"), calls_tools(&parts)) {
        Stop::End if parts.iter().any(|part| matches!(part, Part::Refusal(_))) => Stop::Filtered,
        stop => stop,
    };
    Ok(Reply {
        id: text(&body, "id").filter(|id| !id.is_empty()).map(str::to_owned),
        created: body.get("created").and_then(Value::as_u64),
        stop,
        parts,
        usage: body.get("usage").and_then(usage::read),
    })
}

fn calls_tools(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
}

/// What a message or a delta says: a string, or (Mistral) a list of pieces.
pub(super) fn said(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(pieces) => Some(pieces.iter().filter_map(|piece| text(piece, "text")).collect()),
        _ => None,
    }
}

/// What it thinks, and what stands for the signature: under one of two names, or (Mistral) in pieces of the content.
pub(super) fn thoughts(message: &Value) -> Option<(String, Option<&'static str>)> {
    if let Some(thoughts) = text(message, "reasoning_content") {
        return Some((thoughts.to_owned(), Some(TOLD_AS_REASONING_CONTENT)));
    }
    if let Some(thoughts) = text(message, "reasoning") {
        return Some((thoughts.to_owned(), None));
    }
    let pieces = list(message, "content").iter().flat_map(|piece| list(piece, "thinking"));
    Some((pieces.filter_map(|piece| text(piece, "text")).collect(), None))
}

/// Why it ended. Some servers say `stop` although tools are called; vLLM says which text it stopped at.
pub(super) fn stop(reason: Option<&str>, stop_reason: Option<&str>, calls: bool) -> Stop {
    match reason {
        Some("length") => Stop::Length,
        Some("content_filter") => Stop::Filtered,
        Some("tool_calls" | "function_call") => Stop::Tools,
        _ if calls => Stop::Tools,
        _ => stop_reason.map_or(Stop::End, |text| Stop::Sequence(Some(text.to_owned()))),
    }
}
