//! An answer as it is on the wire, whole or a chunk of a stream: both are the same object.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call_id::CallIds;
use super::tools;
use crate::metering::Counts;
use crate::providers::conversation::{Image, Media, Stop, ToolCall};
use crate::providers::fields::lenient_count;
use crate::providers::marks::GEMINI;

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
    Image(Image),
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
            let (media_type, data) = (data.mime_type.unwrap_or_default(), data.data.unwrap_or_default());
            // Callers have no words for anything else.
            let is_image = media_type.starts_with("image/");
            let image = Image { source: Media::Inline { media_type, data }, detail: None };
            return if is_image { Said::Image(image) } else { Said::Nothing };
        }
        let text = self.text.unwrap_or_default();
        if self.thought == Some(true) {
            let signature = self.thought_signature.filter(|signature| !signature.is_empty());
            return Said::Thought { text, signature: signature.map(|signature| format!("{GEMINI}{signature}")) };
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
        | "IMAGE_PROHIBITED_CONTENT" | "IMAGE_RECITATION" | "IMAGE_OTHER" | "NO_IMAGE" | "ESCALATION" | "MODEL_ARMOR" => Stop::Filtered,
        _ if called => Stop::Tools,
        _ => Stop::End,
    }
}

/// The counts, which grow from chunk to chunk.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UsageMetadata {
    #[serde(deserialize_with = "lenient_count")]
    prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    cached_content_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    candidates_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    thoughts_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    total_token_count: Option<u64>,
}

impl UsageMetadata {
    /// What they come to; `None` where nothing is counted.
    pub fn counts(&self) -> Option<Counts> {
        let (answer, thoughts) = (self.candidates_token_count, self.thoughts_token_count);
        let tools = self.tool_use_prompt_token_count.unwrap_or(0);
        let input = self.prompt_token_count.map(|prompt| prompt.saturating_add(tools));
        // Some models count thoughts as part of the answer, most beside it: the total tells.
        let beyond = self.total_token_count.zip(input).and_then(|(total, input)| total.checked_sub(input));
        let output = match beyond {
            Some(output) if output >= answer.unwrap_or(1) => Some(output),
            _ => answer.or(thoughts.map(|_| 0)).map(|answer| answer.saturating_add(thoughts.unwrap_or(0))),
        };
        input.or(output)?;
        Some(Counts {
            input,
            cached: self.cached_content_token_count.unwrap_or(0),
            output,
            reasoning: thoughts.unwrap_or(0),
            ..Counts::default()
        })
    }
}
