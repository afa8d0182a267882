//! Reads whole answers.

use serde_json::Value;

use super::names;
use crate::metering::Counts;
use crate::providers::{Malformed, wire};
use crate::providers::conversation::{Part, Reply, Stop, ToolCall};
use crate::providers::fields::{count, list, text};

/// Reads the body of an answer.
pub(super) fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let body: Value = wire::read(body).map_err(|error| Malformed(format!("the answer is not JSON: {error}")))?;
    let content = body.pointer("/output/message/content").and_then(Value::as_array);
    let content = content.ok_or_else(|| Malformed("the answer has no `output.message.content`".to_owned()))?;
    let mut parts = Vec::new();
    let mut calls = 0;
    for block in content {
        if let Some(part) = part(block, &mut calls) {
            parts.push(part);
        }
    }
    let stop = stop(&body, calls > 0);
    Ok(Reply { id: None, created: None, parts, stop, usage: body.get("usage").and_then(usage) })
}

/// The part that a block is; `None` for those that no API of a caller has words for. Counts the calls of the caller's tools.
fn part(block: &Value, calls: &mut u32) -> Option<Part> {
    if let Some(said) = text(block, "text") {
        return Some(Part::text(said));
    }
    if let Some(call) = block.get("toolUse") {
        let name = text(call, "name").unwrap_or_default();
        let arguments = call.get("input").filter(|input| input.is_object()).cloned();
        let arguments = arguments.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        if name == names::ANSWER {
            return Some(Part::text(arguments.to_string()));
        }
        let id = text(call, "toolUseId").filter(|id| !id.is_empty());
        let id = id.map_or_else(|| format!("call_{calls}"), ToOwned::to_owned);
        *calls += 1;
        return Some(Part::ToolCall(ToolCall { id, name: name.to_owned(), arguments }));
    }
    if let Some(reasoning) = block.get("reasoningContent") {
        if let Some(redacted) = text(reasoning, "redactedContent") {
            return Some(Part::RedactedReasoning(redacted.to_owned()));
        }
        let thoughts = reasoning.get("reasoningText").unwrap_or(&Value::Null);
        let signature = text(thoughts, "signature").map(ToOwned::to_owned);
        return Some(Part::Reasoning { text: text(thoughts, "text").unwrap_or_default().to_owned(), signature });
    }
    let cited = list(block.get("citationsContent")?, "content");
    Some(Part::text(cited.iter().filter_map(|piece| text(piece, "text")).collect::<String>()))
}

/// Why it ended, told by the body of an answer or by `messageStop`. An answer by [`names::ANSWER`] has called no tool as far
/// as the caller knows.
pub(super) fn stop(body: &Value, has_calls: bool) -> Stop {
    match text(body, "stopReason").unwrap_or_default() {
        "tool_use" if has_calls => Stop::Tools,
        "stop_sequence" => {
            let fields = body.get("additionalModelResponseFields").unwrap_or(&Value::Null);
            let of_stream = fields.get("delta").unwrap_or(&Value::Null);
            let sequence = text(fields, "stop_sequence").or_else(|| text(of_stream, "stop_sequence"));
            Stop::Sequence(sequence.map(ToOwned::to_owned))
        }
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "guardrail_intervened" | "content_filtered" | "refusal" => Stop::Filtered,
        // `end_turn`; `malformed_model_output` and `malformed_tool_use`, which callers' APIs have no word for.
        _ => Stop::End,
    }
}

/// The usage. `inputTokens` counts neither what was read from a cache nor what was written to it.
pub(super) fn usage(usage: &Value) -> Option<Counts> {
    let (fresh, output) = (count(usage, "inputTokens"), count(usage, "outputTokens"));
    fresh.or(output)?;
    let cached = count(usage, "cacheReadInputTokens").unwrap_or(0);
    let cache_write = count(usage, "cacheWriteInputTokens").unwrap_or(0);
    let hourly = list(usage, "cacheDetails").iter().filter(|detail| text(detail, "ttl") == Some("1h"));
    Some(Counts {
        input: fresh.map(|fresh| fresh.saturating_add(cached).saturating_add(cache_write)),
        cached,
        cache_write,
        cache_write_1h: hourly.filter_map(|detail| count(detail, "inputTokens")).fold(0, u64::saturating_add),
        output,
        // Part of the output, but not told apart.
        reasoning: 0,
    })
}
