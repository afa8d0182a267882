//! Turns as `messages`. A message has one text and its images beside it; a result of a tool is a message of its own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::providers::conversation::{Conversation, Media, Part, Role, ToolResult};
use crate::providers::unmapped::Unmapped;

pub(super) fn write(conversation: &Conversation, unmapped: &mut Unmapped) -> Vec<Value> {
    let mut messages = Messages { done: Vec::new(), names: BTreeMap::new(), unmapped };
    messages.add("system", &conversation.system);
    for turn in &conversation.turns {
        let role = match turn.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        messages.add(role, &turn.parts);
    }
    messages.done
}

/// A message as it grows.
#[derive(Default)]
struct Message<'a> {
    texts: Vec<String>,
    images: Vec<&'a str>,
    thoughts: Vec<&'a str>,
    calls: Vec<Value>,
}

struct Messages<'a, 'u> {
    done: Vec<Value>,
    /// The names of the tools that were called, by the ids of the calls.
    names: BTreeMap<&'a str, &'a str>,
    unmapped: &'u mut Unmapped,
}

impl<'a> Messages<'a, '_> {
    fn add(&mut self, role: &str, parts: &'a [Part]) {
        let mut message = Message::default();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.finish(role, core::mem::take(&mut message));
                self.result(result);
            } else {
                self.part(part, &mut message);
            }
        }
        self.finish(role, message);
    }

    fn part(&mut self, part: &'a Part, message: &mut Message<'a>) {
        match part {
            Part::Text { text, .. } | Part::Refusal(text) => message.texts.push(text.clone()),
            Part::Image(image) => match &image.source {
                Media::Inline { data, .. } => message.images.push(data),
                Media::Url(_) => self.unmapped.add_either("image_url", "image.source.url"),
            },
            // As Ollama's own OpenAI-compatible API passes it to models that hear.
            Part::Audio { data, .. } => message.images.push(data),
            Part::Document { source, .. } => match text_of(source) {
                Some(text) => message.texts.push(text),
                None => self.unmapped.add_either("file", "document"),
            },
            Part::ToolCall(call) => {
                self.names.insert(&call.id, &call.name);
                let arguments = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
                let function = json!({ "index": message.calls.len(), "name": call.name, "arguments": arguments });
                message.calls.push(json!({ "id": call.id, "function": function }));
            }
            Part::Reasoning { text, .. } => message.thoughts.push(text),
            // Results are messages of their own; the other is for the eyes of another provider.
            Part::ToolResult(_) | Part::RedactedReasoning(_) => {}
        }
    }

    fn result(&mut self, result: &'a ToolResult) {
        let mut content = Message::default();
        for part in &result.parts {
            self.part(part, &mut content);
        }
        let mut message = Map::new();
        message.insert("tool_call_id".to_owned(), json!(result.id));
        if let Some(name) = self.names.get(result.id.as_str()) {
            message.insert("tool_name".to_owned(), json!(name));
        }
        if result.is_error {
            content.texts.insert(0, "Error:".to_owned());
        }
        self.push("tool", message, &content);
    }

    fn finish(&mut self, role: &str, message: Message<'a>) {
        let Message { texts, images, thoughts, calls } = &message;
        if texts.is_empty() && images.is_empty() && thoughts.is_empty() && calls.is_empty() {
            return;
        }
        let mut more = Map::new();
        if !thoughts.is_empty() {
            more.insert("thinking".to_owned(), json!(thoughts.join("\n")));
        }
        if !calls.is_empty() {
            more.insert("tool_calls".to_owned(), json!(calls));
        }
        self.push(role, more, &message);
    }

    fn push(&mut self, role: &str, more: Map<String, Value>, message: &Message<'_>) {
        let mut pushed = Map::new();
        pushed.insert("role".to_owned(), json!(role));
        let texts: Vec<&str> = message.texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        pushed.insert("content".to_owned(), texts.join("\n").into());
        if !message.images.is_empty() {
            pushed.insert("images".to_owned(), json!(message.images));
        }
        pushed.extend(more);
        self.done.push(Value::Object(pushed));
    }
}

/// The text of a document that is text.
fn text_of(source: &Media) -> Option<String> {
    match source {
        Media::Inline { media_type, data } if media_type.starts_with("text/") => {
            String::from_utf8(STANDARD.decode(data).ok()?).ok()
        }
        _ => None,
    }
}
