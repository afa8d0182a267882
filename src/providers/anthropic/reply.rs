use serde_json::Value;

use super::super::{Malformed, wire};
use super::super::conversation::{Part, Reply, Stop, ToolCall};
use super::super::fields::text;
use super::{JSON_TOOL, usage};

pub(super) fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let body: Value = wire::read(body).map_err(|error| Malformed(format!("the answer is no JSON: {error}")))?;
    let Some(blocks) = body.get("content").and_then(Value::as_array) else {
        let said = body.pointer("/error/message").and_then(Value::as_str);
        return Err(Malformed(format!("the answer has no content: {}", said.unwrap_or("it says nothing of why"))));
    };
    let parts: Vec<Part> = blocks.iter().filter_map(part).collect();
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let stop_sequence = text(&body, "stop_sequence");
    Ok(Reply {
        id: text(&body, "id").map(str::to_owned),
        created: None,
        stop: stop(text(&body, "stop_reason").unwrap_or_default(), stop_sequence, calls),
        parts,
        usage: body.get("usage").and_then(usage::read),
    })
}

/// Blocks of tools that Anthropic runs are not asked for, and say nothing that chat has words for.
fn part(block: &Value) -> Option<Part> {
    let owned = |key: &str| text(block, key).unwrap_or_default().to_owned();
    let input = || block.get("input").cloned().unwrap_or_else(|| serde_json::json!({}));
    match text(block, "type")? {
        "text" => Some(Part::text(owned("text"))),
        "thinking" => {
            Some(Part::Reasoning { text: owned("thinking"), signature: text(block, "signature").map(str::to_owned) })
        }
        "redacted_thinking" => Some(Part::RedactedReasoning(owned("data"))),
        "tool_use" if text(block, "name") == Some(JSON_TOOL) => Some(Part::text(input().to_string())),
        "tool_use" => {
            Some(Part::ToolCall(ToolCall { id: owned("id"), name: owned("name"), arguments: input() }))
        }
        _ => None,
    }
}

/// Why it ended. A call of the tool that stands for the form of the answer is no call.
pub(super) fn stop(reason: &str, sequence: Option<&str>, calls: bool) -> Stop {
    match reason {
        "tool_use" if calls => Stop::Tools,
        "stop_sequence" => Stop::Sequence(sequence.map(str::to_owned)),
        "max_tokens" | "model_context_window_exceeded" | "compaction" => Stop::Length,
        "refusal" => Stop::Filtered,
        _ => Stop::End,
    }
}
