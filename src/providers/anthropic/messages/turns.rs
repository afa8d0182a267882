//! The messages that a caller sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::super::BadRequest;
use super::super::super::conversation::{Image, Media, Part, Role, ToolCall, ToolResult, Turn};
use super::super::super::fields::{Fields, bad};

pub(super) fn read(messages: Vec<Fields>) -> Result<Vec<Turn>, BadRequest> {
    let turns = messages.into_iter().map(|mut message| {
        let role = match message.needed("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(message.wrong("role", "user or assistant")),
        };
        Ok(Turn { role, parts: content(&mut message, "content")? })
    });
    turns.collect()
}

/// A string or a list of blocks.
pub(super) fn content(message: &mut Fields, key: &str) -> Result<Vec<Part>, BadRequest> {
    let blocks = match message.take(key) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![Part::text(text)]),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(message.wrong(key, "a string or a list")),
    };
    let place = message.place(key);
    let mut parts = Vec::new();
    for (index, value) in blocks.into_iter().enumerate() {
        block(&mut Fields::new(value, &format!("{place}[{index}]"))?, &mut parts)?;
    }
    Ok(parts)
}

fn block(block: &mut Fields, parts: &mut Vec<Part>) -> Result<(), BadRequest> {
    let kind = block.needed("type")?;
    parts.push(match kind.as_str() {
        "text" => Part::Text { text: block.needed("text")?, cache: block.take("cache_control") },
        "image" => {
            let mut source = block.object("source")?.ok_or_else(|| block.wrong("source", "an object"))?;
            Part::Image(Image { source: media(&mut source)?, detail: None })
        }
        "document" => return document(block, parts),
        "tool_use" => Part::ToolCall(ToolCall {
            id: block.needed("id")?,
            name: block.needed("name")?,
            arguments: block.take("input").unwrap_or_else(|| serde_json::json!({})),
        }),
        "tool_result" => Part::ToolResult(ToolResult {
            id: block.needed("tool_use_id")?,
            parts: content(block, "content")?,
            is_error: block.flag("is_error")?.unwrap_or(false),
        }),
        "thinking" => Part::Reasoning { text: block.needed("thinking")?, signature: block.text("signature")? },
        "redacted_thinking" => Part::RedactedReasoning(block.needed("data")?),
        other => {
            let place = block.place("type");
            return Err(bad(place, format!("Content of type {other} cannot be sent to the provider of this model.")));
        }
    });
    Ok(())
}

fn media(source: &mut Fields) -> Result<Media, BadRequest> {
    match source.needed("type")?.as_str() {
        "base64" => Ok(Media::Inline { media_type: source.needed("media_type")?, data: source.needed("data")? }),
        "url" => Ok(Media::Url(source.needed("url")?)),
        "text" => {
            let media_type = source.text("media_type")?.unwrap_or_else(|| "text/plain".to_owned());
            Ok(Media::Inline { media_type, data: STANDARD.encode(source.needed("data")?) })
        }
        _ => Err(source.wrong("type", "base64, url or text: files are Anthropic's own")),
    }
}

/// A file, or blocks that are as good as said directly.
fn document(block: &mut Fields, parts: &mut Vec<Part>) -> Result<(), BadRequest> {
    let name = block.text("title")?;
    let context = block.text("context")?;
    let Some(Value::Object(source)) = block.take("source") else { return Err(block.wrong("source", "an object")) };
    let is_content = source.get("type").is_some_and(|kind| kind == "content");
    let mut source = Fields::new(Value::Object(source), &block.place("source"))?;
    parts.extend(context.map(Part::text));
    if is_content {
        parts.extend(name.map(Part::text));
        parts.extend(content(&mut source, "content")?);
    } else {
        parts.push(Part::Document { source: media(&mut source)?, name });
    }
    Ok(())
}
