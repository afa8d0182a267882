use serde_json::{Value, json};

use super::super::super::Call;
use super::super::super::conversation::{Part, Reply, Stop};
use super::super::usage;

/// The id of an answer whose provider gives none: no two answers may have the same.
pub(super) fn own_id(call: &Call<'_>) -> String {
    format!("msg_{}", call.request_id)
}

pub(super) fn write(reply: &Reply, call: &Call<'_>) -> Value {
    let (stop_reason, stop_sequence) = stop(&reply.stop);
    json!({
        "id": reply.id.clone().unwrap_or_else(|| own_id(call)),
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": reply.parts.iter().filter_map(block).collect::<Vec<_>>(),
        "stop_reason": stop_reason,
        "stop_sequence": stop_sequence,
        "usage": usage::write(&reply.usage.unwrap_or_default().usage()),
    })
}

fn block(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => {
            (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
        }
        Part::Reasoning { text, signature } => {
            let signature = signature.as_deref().unwrap_or_default();
            Some(json!({ "type": "thinking", "thinking": text, "signature": signature }))
        }
        Part::RedactedReasoning(data) => Some(json!({ "type": "redacted_thinking", "data": data })),
        Part::ToolCall(call) => {
            Some(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments }))
        }
        Part::Image(_) | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => None,
    }
}

pub(super) fn stop(stop: &Stop) -> (&'static str, Option<&str>) {
    match stop {
        Stop::End => ("end_turn", None),
        Stop::Sequence(sequence) => ("stop_sequence", sequence.as_deref()),
        Stop::Length => ("max_tokens", None),
        Stop::Tools => ("tool_use", None),
        Stop::Filtered => ("refusal", None),
    }
}
