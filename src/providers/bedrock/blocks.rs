//! Writes `system` and `messages`: what was said so far.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::family::Family;
use super::names;
use crate::providers::conversation::{Conversation, Image, Media, Part, Role, ToolResult};
use crate::providers::fields::{object, text};
use crate::providers::unmapped::Unmapped;

/// Stands where Bedrock wants text and there is none.
const EMPTY: &str = "(empty)";

/// Writes both.
pub(super) fn write(
    conversation: &Conversation,
    family: Family,
    unmapped: &mut Unmapped,
) -> (Vec<Value>, Vec<Value>) {
    let mut writer = Writer { family, unmapped, documents: BTreeSet::new(), copies: 1 };
    let mut system = Vec::new();
    for part in &conversation.system {
        writer.part(part, &mut system);
    }
    let mut messages: Vec<Message> = Vec::new();
    for turn in &conversation.turns {
        let mut message = Message { is_user: turn.role != Role::Assistant, results: Vec::new(), others: Vec::new() };
        for part in &turn.parts {
            if turn.role == Role::System {
                writer.instruction(part, &mut message.others);
            } else if let Part::ToolResult(result) = part {
                writer.result(result, &mut message.results);
            } else {
                writer.part(part, &mut message.others);
            }
        }
        match messages.last_mut() {
            Some(last) if last.is_user == message.is_user => last.extend(message),
            _ if message.is_empty() => {}
            _ => messages.push(message),
        }
    }
    // The user always begins, and a user who has said nothing still had the last word.
    if messages.first().is_none_or(|first| !first.is_user) {
        messages.insert(0, Message::of_empty_user());
    }
    let ends_with_user = conversation.turns.last().is_some_and(|turn| turn.role != Role::Assistant);
    if ends_with_user && messages.last().is_some_and(|last| !last.is_user) {
        messages.push(Message::of_empty_user());
    }
    // The beginning of an answer may not end with white space.
    if let Some(last) = messages.last_mut().filter(|last| !last.is_user)
        && let Some(Value::String(text)) = last.others.last_mut().and_then(|block| block.get_mut("text"))
    {
        text.truncate(text.trim_end().len());
    }
    (system, messages.into_iter().map(Message::into_json).collect())
}

/// One message: roles alternate, so turns of one role become one.
struct Message {
    is_user: bool,
    /// Results come before everything else.
    results: Vec<Value>,
    others: Vec<Value>,
}

impl Message {
    fn of_empty_user() -> Self {
        Self { is_user: true, results: Vec::new(), others: vec![json!({ "text": EMPTY })] }
    }

    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.others.is_empty()
    }

    fn extend(&mut self, other: Self) {
        self.results.extend(other.results);
        self.others.extend(other.others);
    }

    fn into_json(self) -> Value {
        let mut content = self.results;
        content.extend(self.others);
        let has = |name| content.iter().any(|block: &Value| block.get(name).is_some());
        if has("document") && !has("text") {
            // A document needs text beside it.
            content.push(json!({ "text": EMPTY }));
        }
        let role = if self.is_user { "user" } else { "assistant" };
        object([("role", role.into()), ("content", content.into())])
    }
}

struct Writer<'a> {
    family: Family,
    unmapped: &'a mut Unmapped,
    /// The names of documents: each may be there only once.
    documents: BTreeSet<String>,
    /// The last number that told one from another of its name. None is tried twice: a caller may have given a document the
    /// name that another is about to get.
    copies: usize,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part, blocks: &mut Vec<Value>) {
        match part {
            // Text of nothing but white space is refused.
            Part::Text { text, cache } if !text.trim().is_empty() => {
                blocks.push(json!({ "text": text }));
                blocks.extend(cache_point(cache.as_ref(), self.family));
            }
            Part::Refusal(text) if !text.trim().is_empty() => blocks.push(json!({ "text": text })),
            Part::Text { .. } | Part::Refusal(_) => {}
            Part::Image(image) => blocks.extend(self.image(image)),
            Part::Document { source, name } => blocks.extend(self.document(source, name.as_deref())),
            Part::Audio { format, data } => {
                blocks.push(json!({ "audio": { "format": format, "source": { "bytes": data } } }));
            }
            Part::ToolCall(call) => {
                let name = names::tool(&call.name);
                let input = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
                let id = names::id(&call.id);
                blocks.push(json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } }));
            }
            // The results of a turn are written by `result`; there are none elsewhere.
            Part::ToolResult(result) => self.result(result, blocks),
            // Others than Claude take no thoughts back, and Claude none that are not signed. They are no part of what
            // was asked, so they count as said.
            Part::Reasoning { text, signature: Some(signature) }
                if self.family.claude().is_some() && !signature.is_empty() =>
            {
                let text = json!({ "text": text, "signature": signature });
                blocks.push(json!({ "reasoningContent": { "reasoningText": text } }));
            }
            Part::RedactedReasoning(data) if self.family.claude().is_some() => {
                blocks.push(json!({ "reasoningContent": { "redactedContent": data } }));
            }
            Part::Reasoning { .. } | Part::RedactedReasoning(_) => {}
        }
    }

    /// Instructions in the middle, which Converse does not know, are said by the user and marked.
    fn instruction(&mut self, part: &Part, blocks: &mut Vec<Value>) {
        match part {
            Part::Text { text, cache } if !text.trim().is_empty() => {
                let text = format!("<system>\n{text}\n</system>");
                self.part(&Part::Text { text, cache: cache.clone() }, blocks);
            }
            _ => self.part(part, blocks),
        }
    }

    fn result(&mut self, result: &ToolResult, blocks: &mut Vec<Value>) {
        let mut content = Vec::new();
        if result.is_error && !self.family.is_claude_or_nova() {
            content.push(json!({ "text": "The tool failed." }));
        }
        for part in &result.parts {
            self.part(part, &mut content);
        }
        // Cache points stand beside results, not in them.
        let (points, mut content): (Vec<_>, Vec<_>) =
            content.into_iter().partition(|block| block.get("cachePoint").is_some());
        if content.is_empty() {
            content.push(json!({ "text": EMPTY }));
        }
        let mut written = Map::new();
        written.insert("toolUseId".to_owned(), json!(names::id(&result.id)));
        written.insert("content".to_owned(), Value::Array(content));
        if result.is_error && self.family.is_claude_or_nova() {
            written.insert("status".to_owned(), json!("error"));
        }
        blocks.push(json!({ "toolResult": written }));
        blocks.extend(points);
    }

    fn image(&mut self, image: &Image) -> Option<Value> {
        let Media::Inline { media_type, data } = &image.source else {
            self.unmapped.add_either("image_url", "image.source.url");
            return None;
        };
        let format = match media_type.as_str() {
            "image/png" => "png",
            "image/jpeg" | "image/jpg" => "jpeg",
            "image/gif" => "gif",
            "image/webp" => "webp",
            _ => {
                self.unmapped.add_either("image_url", "image.source.media_type");
                return None;
            }
        };
        Some(json!({ "image": { "format": format, "source": { "bytes": data } } }))
    }

    fn document(&mut self, source: &Media, name: Option<&str>) -> Option<Value> {
        let Media::Inline { media_type, data } = source else {
            self.unmapped.add_either("file", "document.source.url");
            return None;
        };
        let format = match media_type.split(';').next().unwrap_or_default().trim() {
            "application/pdf" => "pdf",
            "text/csv" => "csv",
            "application/msword" => "doc",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
            "application/vnd.ms-excel" => "xls",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
            "text/html" => "html",
            "text/plain" => "txt",
            "text/markdown" => "md",
            _ => {
                self.unmapped.add_either("file", "document.source.media_type");
                return None;
            }
        };
        let name = names::document(name.unwrap_or_default());
        let name = if name.is_empty() { "document" } else { &name };
        let mut unique = name.to_owned();
        while !self.documents.insert(unique.clone()) {
            self.copies = self.copies.saturating_add(1);
            unique = format!("{name} ({})", self.copies);
        }
        Some(json!({ "document": { "format": format, "name": unique, "source": { "bytes": data } } }))
    }
}

/// The block for a cache mark, which comes after what it marks. It changes no answer, so models without a cache go without.
pub(super) fn cache_point(cache: Option<&Value>, family: Family) -> Option<Value> {
    let cache = cache.filter(|cache| !cache.is_null() && family.is_claude_or_nova())?;
    let mut point = Map::new();
    point.insert("type".to_owned(), json!("default"));
    point.extend(text(cache, "ttl").map(|ttl| ("ttl".to_owned(), json!(ttl))));
    Some(json!({ "cachePoint": point }))
}
