//! A whole answer.

use super::answer::{Answer, Calls};
use crate::providers::{Malformed, wire};
use crate::providers::conversation::{Part, Reply};

pub(super) fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let mut answer: Answer = wire::read(body).map_err(|error| Malformed(error.to_string()))?;
    let Some(message) = answer.message.take() else { return Err(Malformed("it has no message".to_owned())) };
    let mut calls = Calls::default();
    let mut parts = Vec::new();
    if let Some(text) = message.thinking.filter(|text| !text.is_empty()) {
        parts.push(Part::Reasoning { text, signature: None });
    }
    if let Some(text) = message.content.filter(|text| !text.is_empty()) {
        parts.push(Part::text(text));
    }
    for call in message.tool_calls.unwrap_or_default() {
        parts.push(Part::ToolCall(calls.take(call, answer.created_at.as_deref()).1));
    }
    let created = answer.created_at.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    Ok(Reply {
        id: None,
        created: created.and_then(|time| u64::try_from(time.as_second()).ok()),
        parts,
        stop: answer.stop(calls.any()),
        usage: answer.counts(),
    })
}
