use serde_json::{Map, Value, json};

use super::super::super::fields::set;
use super::super::super::Call;
use super::super::super::conversation::{Image, Media, Part, Reply, Stop};
use super::super::usage;

/// The id of an answer whose provider gives none: no two answers may have the same.
pub(super) fn own_id(call: &Call<'_>) -> String {
    format!("chatcmpl-{}", call.request_id)
}

pub(super) fn write(reply: &Reply, call: &Call<'_>) -> Value {
    let mut written = json!({
        "id": reply.id.clone().unwrap_or_else(|| own_id(call)),
        "object": "chat.completion",
        "created": reply.created.unwrap_or(call.created),
        "model": call.model,
        "choices": [{
            "index": 0,
            "message": message(&reply.parts, call.has_functions),
            "logprobs": null,
            "finish_reason": finish_reason(&reply.stop, call.has_functions),
        }],
    });
    if let Some(usage) = &reply.usage {
        set(&mut written, "usage", usage::write(&usage.usage()));
    }
    written
}

fn message(parts: &[Part], has_functions: bool) -> Value {
    let (mut said, mut refused, mut thought) = (String::new(), String::new(), String::new());
    let (mut calls, mut blocks, mut images) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text { text, .. } => said.push_str(text),
            Part::Refusal(text) => refused.push_str(text),
            Part::Reasoning { text, signature } => {
                thought.push_str(text);
                // Without a signature nobody wants them back.
                if let Some(signature) = signature {
                    blocks.push(json!({ "type": "thinking", "thinking": text, "signature": signature }));
                }
            }
            Part::RedactedReasoning(data) => blocks.push(json!({ "type": "redacted_thinking", "data": data })),
            Part::ToolCall(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments.to_string() },
            })),
            Part::Image(shown) => images.push(image(shown, images.len())),
            Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    let silent = said.is_empty() && !(calls.is_empty() && refused.is_empty() && images.is_empty());
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), if silent { Value::Null } else { said.into() });
    message.insert("refusal".to_owned(), if refused.is_empty() { Value::Null } else { refused.into() });
    if !thought.is_empty() {
        message.insert("reasoning_content".to_owned(), thought.into());
    }
    if !blocks.is_empty() {
        message.insert("thinking_blocks".to_owned(), blocks.into());
    }
    if has_functions {
        // There is room for one: what else was to be done is asked for again.
        let first = calls.first_mut().and_then(|call| call.get_mut("function")).map(Value::take);
        message.extend(first.map(|function| ("function_call".to_owned(), function)));
    } else if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    if !images.is_empty() {
        message.insert("images".to_owned(), images.into());
    }
    Value::Object(message)
}

/// An image as LiteLLM and OpenRouter tell it; OpenAI's own models draw none in a chat.
pub(super) fn image(image: &Image, index: usize) -> Value {
    let url = match &image.source {
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
        Media::Url(url) => url.clone(),
    };
    json!({ "index": index, "type": "image_url", "image_url": { "url": url } })
}

pub(super) const fn finish_reason(stop: &Stop, has_functions: bool) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Tools if has_functions => "function_call",
        Stop::Tools => "tool_calls",
        Stop::Filtered => "content_filter",
    }
}
