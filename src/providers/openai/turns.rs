//! The messages of a chat request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::fields::set;
use super::super::unmapped::Unmapped;
use super::super::conversation::{Conversation, Media, Part, Role};
use super::super::{fitted, shortened};
use super::model::wants_thoughts_back;
use super::super::marks::TOLD_AS_REASONING_CONTENT;
use super::{LONGEST_ID, LONGEST_NAME};

pub(super) fn write(conversation: &Conversation, model: &str, unmapped: &mut Unmapped) -> Vec<Value> {
    let mut messages = Vec::new();
    let system = joined(&conversation.system, "\n\n");
    if !system.is_empty() {
        messages.push(json!({ "role": "system", "content": system }));
    }
    for turn in &conversation.turns {
        match turn.role {
            Role::System => messages.push(json!({ "role": "system", "content": joined(&turn.parts, "\n\n") })),
            Role::User => user(&turn.parts, &mut messages, unmapped),
            Role::Assistant => messages.push(assistant(&turn.parts, model)),
        }
    }
    messages
}

/// The texts among the parts.
fn joined(parts: &[Part], between: &str) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } | Part::Refusal(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(between)
}

/// The results come first, since they must follow the calls at once. What a result holds beyond text cannot be said in
/// one, so it goes into the message after them.
fn user(parts: &[Part], messages: &mut Vec<Value>, unmapped: &mut Unmapped) {
    let mut content = Vec::new();
    for part in parts {
        let Part::ToolResult(result) = part else { continue };
        let text = joined(&result.parts, "\n");
        let text = if result.is_error { format!("Error: {text}") } else { text };
        messages.push(json!({ "role": "tool", "tool_call_id": shortened(&result.id, LONGEST_ID), "content": text }));
        let more = result.parts.iter().filter(|part| !matches!(part, Part::Text { .. } | Part::Refusal(_)));
        let more: Vec<Value> = more.filter_map(|part| piece(part, unmapped)).collect();
        if !more.is_empty() {
            content.push(json!({ "type": "text", "text": format!("The result of tool call {}:", result.id) }));
            content.extend(more);
        }
    }
    content.extend(parts.iter().filter_map(|part| piece(part, unmapped)));
    if content.is_empty() {
        return;
    }
    // Many servers take only a string where there is only text.
    let texts: Option<Vec<&str>> = content.iter().map(|piece| piece.get("text").and_then(Value::as_str)).collect();
    let content = texts.map_or_else(|| Value::Array(content.clone()), |texts| texts.join("\n").into());
    messages.push(json!({ "role": "user", "content": content }));
}

fn piece(part: &Part, unmapped: &mut Unmapped) -> Option<Value> {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => Some(json!({ "type": "text", "text": text })),
        Part::Image(image) => {
            let mut url = json!({ "url": address(&image.source) });
            if let Some(detail) = &image.detail {
                set(&mut url, "detail", detail.clone());
            }
            Some(json!({ "type": "image_url", "image_url": url }))
        }
        Part::Document { source, name } => document(source, name.as_deref()).or_else(|| {
            unmapped.add("document");
            None
        }),
        Part::Audio { format, data } => {
            Some(json!({ "type": "input_audio", "input_audio": { "format": format, "data": data } }))
        }
        Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning { .. } | Part::RedactedReasoning(_) => None,
    }
}

/// Text is said as text; a file is sent along. There is no way to have one fetched.
fn document(source: &Media, name: Option<&str>) -> Option<Value> {
    let Media::Inline { media_type, data } = source else { return None };
    if media_type.starts_with("text/") {
        let text = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
        let text = name.map_or_else(|| text.clone(), |name| format!("{name}:\n{text}"));
        return Some(json!({ "type": "text", "text": text }));
    }
    let mut name = name.unwrap_or("document").to_owned();
    // Of what type it is, OpenAI reads off the name; a title need not tell.
    if media_type == "application/pdf" && !name.to_ascii_lowercase().ends_with(".pdf") {
        name.push_str(".pdf");
    }
    Some(json!({ "type": "file", "file": { "filename": name, "file_data": address(source) } }))
}

fn address(source: &Media) -> String {
    match source {
        Media::Url(url) => url.clone(),
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
    }
}

/// Thoughts go back with the calls of tools that they led to, where the provider knows their name. Others are those of
/// other providers: nobody here can read them, or they would be refused.
fn assistant(parts: &[Part], model: &str) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let content = joined(parts, "");
    let mut calls = Vec::new();
    let mut thoughts = String::new();
    let wanted = wants_thoughts_back(model);
    for part in parts {
        match part {
            Part::ToolCall(call) => calls.push(json!({
                "id": shortened(&call.id, LONGEST_ID),
                "type": "function",
                "function": { "name": fitted(&call.name, LONGEST_NAME), "arguments": call.arguments.to_string() },
            })),
            Part::Reasoning { text, signature } => match signature.as_deref() {
                Some(TOLD_AS_REASONING_CONTENT) => thoughts.push_str(text),
                None | Some("") if wanted => thoughts.push_str(text),
                _ => {}
            },
            _ => {}
        }
    }
    let content = if content.is_empty() && !calls.is_empty() { Value::Null } else { content.into() };
    message.insert("content".to_owned(), content);
    if !calls.is_empty() && (wanted || !thoughts.is_empty()) {
        message.insert("reasoning_content".to_owned(), thoughts.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    Value::Object(message)
}
