//! The messages that a caller sent.

use serde_json::Value;

use super::super::super::BadRequest;
use super::super::super::conversation::{Image, Media, Part, Role, ToolCall, ToolResult, Turn};
use super::super::super::fields::{Fields, MOST_VALUES, bad, values};

/// The leading instructions, and the turns.
pub(super) fn read(messages: Vec<Fields>) -> Result<(Vec<Part>, Vec<Turn>), BadRequest> {
    let mut system = Vec::new();
    let mut turns = Vec::new();
    // The older function calls have no ids: results follow the latest.
    let mut latest_function = String::new();
    // Arguments are JSON within text, so they were not counted with the rest of the request.
    let mut room = MOST_VALUES;
    for (index, mut message) in messages.into_iter().enumerate() {
        let role = message.needed("role")?;
        let (role, parts) = match role.as_str() {
            "system" | "developer" => (Role::System, content(&mut message)?),
            "user" => (Role::User, content(&mut message)?),
            "assistant" => {
                latest_function = format!("call_{index}");
                (Role::Assistant, assistant(&mut message, &latest_function, &mut room)?)
            }
            "tool" => (Role::User, vec![result(message.needed("tool_call_id")?, &mut message)?]),
            "function" => (Role::User, vec![result(latest_function.clone(), &mut message)?]),
            _ => return Err(message.wrong("role", "system, developer, user, assistant or tool")),
        };
        if role == Role::System && turns.is_empty() {
            system.extend(parts);
        } else {
            turns.push(Turn { role, parts });
        }
    }
    Ok((system, turns))
}

fn result(id: String, message: &mut Fields) -> Result<Part, BadRequest> {
    Ok(Part::ToolResult(ToolResult { id, parts: content(message)?, is_error: false }))
}

/// A string or a list of pieces. A cache mark on the message is one on its last text.
fn content(message: &mut Fields) -> Result<Vec<Part>, BadRequest> {
    let mark = message.take("cache_control");
    let mut parts = match message.take("content") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text)],
        Some(Value::Array(pieces)) => {
            let place = message.place("content");
            let pieces = pieces.into_iter().enumerate();
            let parts = pieces.map(|(index, value)| piece(&mut Fields::new(value, &format!("{place}[{index}]"))?));
            parts.collect::<Result<_, _>>()?
        }
        Some(_) => return Err(message.wrong("content", "a string or a list")),
    };
    let last = parts.iter_mut().rev().find_map(|part| if let Part::Text { cache, .. } = part { Some(cache) } else { None });
    if let Some(cache) = last.filter(|cache| cache.is_none()) {
        *cache = mark;
    }
    Ok(parts)
}

fn piece(piece: &mut Fields) -> Result<Part, BadRequest> {
    let kind = piece.needed("type")?;
    let mut inner = |key: &str| piece.object(key)?.ok_or_else(|| piece.wrong(key, "an object"));
    match kind.as_str() {
        "text" => Ok(Part::Text { text: piece.needed("text")?, cache: piece.take("cache_control") }),
        "refusal" => Ok(Part::Refusal(piece.needed("refusal")?)),
        "image_url" => image(piece),
        "input_audio" => {
            let mut audio = inner("input_audio")?;
            Ok(Part::Audio { format: audio.needed("format")?, data: audio.needed("data")? })
        }
        "file" => {
            let mut file = inner("file")?;
            let name = file.text("filename")?;
            let Some(data) = file.text("file_data")? else {
                let place = file.place("file_data");
                let message = format!("{place} is missing: a file must be sent along, ids of files are OpenAI's own.");
                return Err(bad(place, message));
            };
            let source = media(data, "application/pdf");
            Ok(Part::Document { source, name })
        }
        _ => Err(piece.wrong("type", "text, image_url, input_audio or file")),
    }
}

fn image(piece: &mut Fields) -> Result<Part, BadRequest> {
    let (url, detail) = match piece.take("image_url") {
        Some(Value::String(url)) => (url, None),
        Some(value) => {
            let mut image = Fields::new(value, &piece.place("image_url"))?;
            (image.needed("url")?, image.text("detail")?)
        }
        None => return Err(piece.wrong("image_url", "an object")),
    };
    let source = if url.starts_with("data:") { media(url, "image/png") } else { Media::Url(url) };
    Ok(match source {
        Media::Inline { ref media_type, .. } if media_type == "application/pdf" => Part::Document { source, name: None },
        source => Part::Image(Image { source, detail }),
    })
}

/// A data URI, a URL, or bare base64 of what it is likely to be.
fn media(data: String, likely: &str) -> Media {
    if data.starts_with("https://") || data.starts_with("http://") {
        return Media::Url(data);
    }
    let of_uri = data.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    let Some((header, encoded)) = of_uri else { return Media::Inline { media_type: likely.to_owned(), data } };
    let media_type = header.split(';').next().filter(|media_type| !media_type.is_empty()).unwrap_or(likely);
    // A name that many use and OpenAI takes, but others refuse.
    let media_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type };
    Media::Inline { media_type: media_type.to_owned(), data: encoded.to_owned() }
}

fn assistant(message: &mut Fields, function_id: &str, room: &mut usize) -> Result<Vec<Part>, BadRequest> {
    let mut parts = Vec::new();
    let thoughts = message.text("reasoning_content")?;
    let thoughts = message.text("reasoning")?.or(thoughts);
    let blocks = message.objects("thinking_blocks")?;
    if let Some(text) = thoughts.filter(|text| blocks.is_empty() && !text.is_empty()) {
        parts.push(Part::Reasoning { text, signature: None });
    }
    for mut block in blocks {
        parts.push(match block.needed("type")?.as_str() {
            "redacted_thinking" => Part::RedactedReasoning(block.needed("data")?),
            _ => Part::Reasoning { text: block.text("thinking")?.unwrap_or_default(), signature: block.text("signature")? },
        });
    }
    parts.extend(content(message)?);
    if let Some(refusal) = message.text("refusal")?.filter(|refusal| !refusal.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    for mut call in message.objects("tool_calls")? {
        let id = call.needed("id")?;
        let mut function = call.object("function")?.ok_or_else(|| call.wrong("function", "an object"))?;
        parts.push(tool_call(id, &mut function, room)?);
    }
    if let Some(mut function) = message.object("function_call")? {
        parts.push(tool_call(function_id.to_owned(), &mut function, room)?);
    }
    if message.take("audio").is_some() {
        return Err(bad(message.place("audio"), "The audio of an earlier answer is known to OpenAI alone: send its text."));
    }
    Ok(parts)
}

/// `room`: how many values its arguments and those after it may still hold.
fn tool_call(id: String, function: &mut Fields, room: &mut usize) -> Result<Part, BadRequest> {
    let name = function.needed("name")?;
    let json = function.text("arguments")?.unwrap_or_default();
    let arguments = if json.trim().is_empty() { "{}" } else { json.as_str() };
    let Some(left) = room.checked_sub(values(arguments.as_bytes())) else {
        let message = format!("The arguments of all calls hold more than {MOST_VALUES} values.");
        return Err(bad(function.place("arguments"), message));
    };
    *room = left;
    match serde_json::from_str(arguments) {
        Ok(arguments @ Value::Object(_)) => Ok(Part::ToolCall(ToolCall { id, name, arguments })),
        _ => Err(function.wrong("arguments", "the text of a JSON object")),
    }
}
