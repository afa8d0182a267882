//! Turns as `contents`, with turns of one speaker merged.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::Generation;
use super::{call_id, tools};
use crate::providers::conversation::{Conversation, Media, Part, Role, ToolCall, ToolResult};
use crate::providers::fields::object;
use crate::providers::marks::GEMINI;

/// In the place of a signature that is not there, as Google documents it: calls that another model made have none.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Adds `contents` and `systemInstruction`.
pub(super) fn write(conversation: &Conversation, generation: Generation, body: &mut Map<String, Value>) {
    let mut system: Vec<Value> = conversation.system.iter().filter_map(text).collect();
    let mut contents = Contents { generation, done: Vec::new(), names: BTreeMap::new() };
    for turn in &conversation.turns {
        match turn.role {
            // There are no instructions between turns; what they lose in place they keep in weight.
            Role::System => system.extend(turn.parts.iter().filter_map(text)),
            Role::User => contents.add("user", &turn.parts),
            Role::Assistant => contents.add("model", &turn.parts),
        }
    }
    let mut contents = contents.finish();
    if contents.is_empty() {
        // There must be one.
        let parts = if system.is_empty() { vec![json!({ "text": " " })] } else { core::mem::take(&mut system) };
        contents.push(json!({ "role": "user", "parts": parts }));
    }
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": system }));
    }
    body.insert("contents".to_owned(), Value::Array(contents));
}

struct Content {
    role: &'static str,
    parts: Vec<Value>,
    /// What comes after all results of tools.
    after: Vec<Value>,
}

struct Contents<'a> {
    generation: Generation,
    done: Vec<Content>,
    /// The names of the tools that were called, by the ids of the calls.
    names: BTreeMap<&'a str, &'a str>,
}

impl<'a> Contents<'a> {
    fn add(&mut self, role: &'static str, parts: &'a [Part]) {
        let mut content = match self.done.pop() {
            Some(last) if last.role == role => last,
            last => {
                self.done.extend(last);
                Content { role, parts: Vec::new(), after: Vec::new() }
            }
        };
        for part in parts {
            match part {
                Part::ToolCall(call) => {
                    self.names.insert(&call.id, &call.name);
                    content.parts.push(function_call(call, self.generation));
                }
                Part::ToolResult(result) => self.function_response(result, &mut content),
                // They are of another model's making.
                Part::Reasoning { .. } if self.generation == Generation::Unthinking => {}
                part => content.parts.extend(plain(part)),
            }
        }
        self.done.push(content);
    }

    fn function_response(&self, result: &ToolResult, content: &mut Content) {
        let (id, _) = call_id::split(&result.id);
        let name = self.names.get(result.id.as_str()).copied().unwrap_or(id);
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for part in &result.parts {
            match part {
                Part::Text { text, .. } | Part::Refusal(text) => texts.push(text.as_str()),
                part => media.extend(plain(part)),
            }
        }
        // As text, even where it is JSON: a `$ref` in an object here has been refused.
        let key = if result.is_error { "error" } else { "output" };
        let mut response = json!({ "id": id, "name": tools::name_out(name), "response": { key: texts.join("\n") } });
        let (inside, beside): (Vec<Value>, Vec<Value>) = media
            .into_iter()
            .partition(|media| self.generation == Generation::Level && media.get("inlineData").is_some());
        if let (Some(response), false) = (response.as_object_mut(), inside.is_empty()) {
            response.insert("parts".to_owned(), Value::Array(inside));
        }
        content.parts.push(json!({ "functionResponse": response }));
        content.after.extend(beside);
    }

    fn finish(self) -> Vec<Value> {
        let generation = self.generation;
        let contents = self.done.into_iter().filter_map(|mut content| {
            if generation == Generation::Level {
                sign(&mut content.parts);
            }
            content.parts.append(&mut content.after);
            (!content.parts.is_empty()).then(|| object([("role", content.role.into()), ("parts", content.parts.into())]))
        });
        contents.collect()
    }
}

/// Of calls made at once the first has the signature, and must have one.
fn sign(parts: &mut [Value]) {
    let first = parts.iter_mut().filter_map(Value::as_object_mut).find(|part| part.contains_key("functionCall"));
    if let Some(first) = first.filter(|first| !first.contains_key("thoughtSignature")) {
        first.insert("thoughtSignature".to_owned(), json!(NO_SIGNATURE));
    }
}

fn function_call(call: &ToolCall, generation: Generation) -> Value {
    let (id, signature) = call_id::split(&call.id);
    let arguments = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
    let mut part =
        json!({ "functionCall": { "id": id, "name": tools::name_out(&call.name), "args": arguments } });
    let signature = signature.filter(|_| generation != Generation::Unthinking);
    if let (Some(part), Some(signature)) = (part.as_object_mut(), signature) {
        part.insert("thoughtSignature".to_owned(), json!(signature));
    }
    part
}

/// A part that is neither a call nor a result. Empty text is refused, so it becomes nothing, as do thoughts that only another
/// provider can read.
fn plain(part: &Part) -> Option<Value> {
    match part {
        Part::Text { .. } | Part::Refusal(_) => text(part),
        Part::Image(image) => Some(media(&image.source)),
        Part::Document { source, .. } => Some(media(source)),
        Part::Audio { format, data } => {
            Some(json!({ "inlineData": { "mimeType": format!("audio/{format}"), "data": data } }))
        }
        Part::Reasoning { text, signature } => {
            match signature.as_deref().and_then(|signature| signature.strip_prefix(GEMINI)) {
                Some(signature) => Some(json!({ "text": text, "thought": true, "thoughtSignature": signature })),
                None if text.is_empty() => None,
                None => Some(json!({ "text": text, "thought": true })),
            }
        }
        Part::RedactedReasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
    }
}

fn text(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) if !text.is_empty() => Some(json!({ "text": text })),
        _ => None,
    }
}

fn media(source: &Media) -> Value {
    match source {
        Media::Inline { media_type, data } => json!({ "inlineData": { "mimeType": media_type, "data": data } }),
        Media::Url(url) => match media_type_of(url) {
            Some(media_type) => json!({ "fileData": { "mimeType": media_type, "fileUri": url } }),
            None => json!({ "fileData": { "fileUri": url } }),
        },
    }
}

/// What the end of a path tells of a file. Files that were uploaded to Gemini need no more than their URI.
fn media_type_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "json" => "application/json",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "mov" => "video/mov",
        "webm" => "video/webm",
        _ => return None,
    })
}
