//! An answer as it is on the wire, whole or a chunk of a stream: both are the same object.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call_id::CallIds;
use super::contents::SIGNATURE;
use super::tools;
use crate::metering::Usage;
use crate::providers::conversation::{Stop, ToolCall};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Answer {
    pub candidates: Option<Vec<Candidate>>,
    pub prompt_feedback: Option<PromptFeedback>,
    pub usage_metadata: Option<UsageMetadata>,
    pub response_id: Option<String>,
    pub error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Candidate {
    pub content: Option<Content>,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub parts: Option<Vec<WirePart>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    pub block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WirePart {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
    inline_data: Option<InlineData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FunctionCall {
    id: Option<String>,
    name: Option<String>,
    args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InlineData {
    mime_type: Option<String>,
    data: Option<String>,
}

/// What a part says.
pub(super) enum Said {
    Text(String),
    Thought { text: String, signature: Option<String> },
    Call(u32, ToolCall),
    Media { media_type: String, data: String },
    Nothing,
}

impl WirePart {
    pub fn said(self, ids: &mut CallIds, answer: Option<&str>) -> Said {
        if let Some(call) = self.function_call {
            let (index, id) = ids.next(call.id.as_deref(), answer, self.thought_signature.as_deref());
            let arguments = call.args.filter(Value::is_object).unwrap_or_else(|| json!({}));
            let name = tools::name_in(call.name.as_deref().unwrap_or_default());
            return Said::Call(index, ToolCall { id, name, arguments });
        }
        if let Some(data) = self.inline_data {
            let media_type = data.mime_type.unwrap_or_default();
            return Said::Media { media_type, data: data.data.unwrap_or_default() };
        }
        let text = self.text.unwrap_or_default();
        if self.thought == Some(true) {
            let signature = self.thought_signature.filter(|signature| !signature.is_empty());
            return Said::Thought { text, signature: signature.map(|signature| format!("{SIGNATURE}{signature}")) };
        }
        // The signature of text is not asked for, and callers have no place for it.
        if text.is_empty() { Said::Nothing } else { Said::Text(text) }
    }
}

/// Why an answer ended. Calls have no reason of their own.
pub(super) fn stop(finish_reason: &str, called: bool) -> Stop {
    match finish_reason {
        "MAX_TOKENS" => Stop::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "OTHER" | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT" | "IMAGE_RECITATION" | "MODEL_ARMOR" => Stop::Filtered,
        _ if called => Stop::Tools,
        _ => Stop::End,
    }
}

/// The counts, which grow from chunk to chunk.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UsageMetadata {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    total_token_count: Option<u64>,
}

impl UsageMetadata {
    /// Takes later counts in the place of earlier ones; 0 erases nothing.
    pub fn merge(&mut self, later: &Self) {
        let newer = |slot: &mut Option<u64>, later: Option<u64>| {
            if slot.is_none() || later.is_some_and(|count| count > 0) {
                *slot = later.or(*slot);
            }
        };
        newer(&mut self.prompt_token_count, later.prompt_token_count);
        newer(&mut self.tool_use_prompt_token_count, later.tool_use_prompt_token_count);
        newer(&mut self.cached_content_token_count, later.cached_content_token_count);
        newer(&mut self.candidates_token_count, later.candidates_token_count);
        newer(&mut self.thoughts_token_count, later.thoughts_token_count);
        newer(&mut self.total_token_count, later.total_token_count);
    }

    /// What they come to; `None` where nothing is counted.
    pub fn usage(&self) -> Option<Usage> {
        if self.prompt_token_count.is_none() && self.candidates_token_count.is_none() && self.total_token_count.is_none()
        {
            return None;
        }
        let input = self.prompt_token_count.unwrap_or(0).saturating_add(self.tool_use_prompt_token_count.unwrap_or(0));
        let answer = self.candidates_token_count.unwrap_or(0);
        let thoughts = self.thoughts_token_count.unwrap_or(0);
        // Some models count thoughts as part of the answer, most beside it: the total tells.
        let output = match self.total_token_count {
            Some(total) if total >= input.saturating_add(answer) => total.saturating_sub(input),
            _ => answer.saturating_add(thoughts),
        };
        Some(Usage {
            input,
            cached: self.cached_content_token_count.unwrap_or(0).min(input),
            output,
            reasoning: thoughts.min(output),
            ..Usage::default()
        })
    }
}
