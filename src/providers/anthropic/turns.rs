//! The messages of a request: turns of user and assistant that alternate and are never empty.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::fields::{object, set};
use super::super::unmapped::Unmapped;
use super::super::conversation::{Media, Part, Role, ToolResult, Turn};
use super::super::fitted;
use super::LONGEST_NAME;

/// What stands where something must and nothing is said.
const NOTHING: &str = ".";

pub(super) fn write(turns: &[Turn], unmapped: &mut Unmapped) -> Vec<Value> {
    let mut merged: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns {
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        let blocks: Vec<Value> = match turn.role {
            Role::System => texts(&turn.parts).into_iter().map(instruction).collect(),
            _ => turn.parts.iter().filter_map(|part| block(part, unmapped)).collect(),
        };
        match merged.last_mut() {
            Some((latest, all)) if *latest == role => all.extend(blocks),
            _ => merged.push((role, blocks)),
        }
    }
    if merged.first().is_none_or(|(role, _)| *role != "user") {
        merged.insert(0, ("user", Vec::new()));
    }
    if let Some((_, blocks)) = merged.last_mut().filter(|(role, _)| *role == "assistant") {
        prefill(blocks);
    }
    let messages = merged.into_iter().map(|(role, mut blocks)| {
        // Results must come first.
        blocks.sort_by_key(|block| block.get("type").is_none_or(|kind| kind != "tool_result"));
        if blocks.is_empty() {
            blocks.push(json!({ "type": "text", "text": NOTHING }));
        }
        object([("role", role.into()), ("content", blocks.into())])
    });
    messages.collect()
}

/// The texts among the parts, as blocks; empty ones are refused, so they are left out.
pub(super) fn texts(parts: &[Part]) -> Vec<Value> {
    let blocks = parts.iter().filter_map(|part| match part {
        Part::Text { text, cache } => text_block(text, cache.as_ref()),
        _ => None,
    });
    blocks.collect()
}

fn text_block(text: &str, cache: Option<&Value>) -> Option<Value> {
    (!text.trim().is_empty()).then(|| {
        let mut block = json!({ "type": "text", "text": text });
        if let Some(cache) = cache {
            set(&mut block, "cache_control", cache.clone());
        }
        block
    })
}

/// An instruction in the middle of the chat, which has no role of its own here.
fn instruction(mut block: Value) -> Value {
    let said = block.get("text").and_then(Value::as_str).map(|text| format!("<system>\n{text}\n</system>"));
    set(&mut block, "text", said);
    block
}

/// The beginning of the answer must not end in white space.
fn prefill(blocks: &mut [Value]) {
    if let Some(text) = blocks.last_mut().and_then(|block| block.get_mut("text"))
        && let Some(trimmed) = text.as_str().map(|text| text.trim_end().to_owned())
    {
        *text = trimmed.into();
    }
}

fn block(part: &Part, unmapped: &mut Unmapped) -> Option<Value> {
    match part {
        Part::Text { text, cache } => text_block(text, cache.as_ref()),
        Part::Refusal(text) => text_block(text, None),
        // How closely to look is a hint that Anthropic does not take.
        Part::Image(image) => Some(json!({ "type": "image", "source": source(&image.source) })),
        Part::Document { source: from, name } => {
            let mut block = json!({ "type": "document", "source": document(from) });
            if let Some(name) = name {
                set(&mut block, "title", name.clone());
            }
            Some(block)
        }
        Part::Audio { .. } => {
            unmapped.add("input_audio");
            None
        }
        Part::ToolCall(call) => {
            let (id, name) = (fitted(&call.id, LONGEST_NAME), fitted(&call.name, LONGEST_NAME));
            Some(json!({ "type": "tool_use", "id": id, "name": name, "input": call.arguments }))
        }
        Part::ToolResult(result) => Some(tool_result(result, unmapped)),
        // Thoughts without a signature are refused; those of earlier turns do not matter to the answer.
        Part::Reasoning { text, signature } => {
            let signature = signature.as_deref().filter(|signature| !signature.is_empty())?;
            Some(json!({ "type": "thinking", "thinking": text, "signature": signature }))
        }
        Part::RedactedReasoning(data) => Some(json!({ "type": "redacted_thinking", "data": data })),
    }
}

/// A cache mark within a result counts only on the result itself.
fn tool_result(result: &ToolResult, unmapped: &mut Unmapped) -> Value {
    let mut cache = None;
    let mut content: Vec<Value> = result.parts.iter().filter_map(|part| block(part, unmapped)).collect();
    for block in content.iter_mut().filter_map(Value::as_object_mut) {
        cache = block.remove("cache_control").or(cache);
    }
    let mut written = Map::new();
    written.insert("type".to_owned(), "tool_result".into());
    written.insert("tool_use_id".to_owned(), fitted(&result.id, LONGEST_NAME).into());
    if !content.is_empty() {
        written.insert("content".to_owned(), content.into());
    }
    if result.is_error {
        written.insert("is_error".to_owned(), true.into());
    }
    if let Some(cache) = cache {
        written.insert("cache_control".to_owned(), cache);
    }
    Value::Object(written)
}

fn source(media: &Media) -> Value {
    match media {
        Media::Url(url) => json!({ "type": "url", "url": url }),
        Media::Inline { media_type, data } => json!({ "type": "base64", "media_type": media_type, "data": data }),
    }
}

/// Text is sent as text, everything else as an image is.
fn document(media: &Media) -> Value {
    if let Media::Inline { media_type, data } = media
        && media_type.starts_with("text/")
        && let Some(text) = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    {
        return json!({ "type": "text", "media_type": "text/plain", "data": text });
    }
    source(media)
}
