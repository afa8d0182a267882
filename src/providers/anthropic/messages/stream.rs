use serde_json::{Value, json};

use super::super::super::{Call as Asked, StreamWriter};
use super::super::super::conversation::{Event, Stop};
use super::super::usage;
use super::arguments::Arguments;
use super::error;
use super::reply::{own_id, stop};
use crate::metering::Counts;

/// Writes the events of a message: blocks one after the other, and at the end, with the usage, why it ended.
///
/// Providers may tell the arguments of several calls by turns. A call's block is closed once its arguments are complete,
/// or else at the end, so that none are lost.
#[derive(Debug)]
pub(super) struct Writer {
    /// The id, where the provider gives none.
    own_id: String,
    model: String,
    usage: Counts,
    stop: Option<Stop>,
    begun: bool,
    ended: bool,
    /// The number of the next block.
    next: u32,
    open: Open,
    calls: Vec<Call>,
}

/// The block of text or thoughts that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Text(u32),
    Thinking(u32),
    /// Its signature was told: what is thought next is another block.
    Signed(u32),
}

/// A call whose block is open.
#[derive(Debug)]
struct Call {
    index: u32,
    block: u32,
    arguments: Arguments,
}

impl Writer {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            own_id: own_id(asked),
            model: asked.model.to_owned(),
            usage: Counts::default(),
            stop: None,
            begun: false,
            ended: false,
            next: 0,
            open: Open::None,
            calls: Vec::new(),
        }
    }

    fn begin(&mut self, id: Option<&str>, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let message = json!({
            "id": id.unwrap_or(&self.own_id),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage::write(&self.usage.usage()),
        });
        event("message_start", &json!({ "type": "message_start", "message": message }), out);
    }

    fn start(&mut self, block: &Value, out: &mut Vec<u8>) -> u32 {
        let index = self.next;
        self.next = index.saturating_add(1);
        let start = json!({ "type": "content_block_start", "index": index, "content_block": block });
        event("content_block_start", &start, out);
        index
    }

    fn close_open(&mut self, out: &mut Vec<u8>) {
        if let Open::Text(index) | Open::Thinking(index) | Open::Signed(index) = self.open {
            close(index, out);
        }
        self.open = Open::None;
    }

    fn close_calls(&mut self, all: bool, out: &mut Vec<u8>) {
        self.calls.retain(|call| {
            let closes = all || call.arguments.are_complete();
            if closes {
                close(call.block, out);
            }
            !closes
        });
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        let index = if let Open::Text(index) = self.open {
            index
        } else {
            self.close_open(out);
            self.close_calls(false, out);
            self.start(&json!({ "type": "text", "text": "" }), out)
        };
        self.open = Open::Text(index);
        delta(index, &json!({ "type": "text_delta", "text": text }), out);
    }

    fn thinking(&mut self, out: &mut Vec<u8>) -> u32 {
        let index = if let Open::Thinking(index) = self.open {
            index
        } else {
            self.close_open(out);
            self.close_calls(false, out);
            self.start(&json!({ "type": "thinking", "thinking": "", "signature": "" }), out)
        };
        self.open = Open::Thinking(index);
        index
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close_open(out);
        self.close_calls(true, out);
        let reason = self.stop.take().unwrap_or_default();
        let (stop_reason, stop_sequence) = stop(&reason);
        let delta = json!({
            "type": "message_delta",
            "delta": { "stop_reason": stop_reason, "stop_sequence": stop_sequence },
            "usage": usage::write(&self.usage.usage()),
        });
        event("message_delta", &delta, out);
        event("message_stop", &json!({ "type": "message_stop" }), out);
        self.ended = true;
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, next: Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match &next {
            Event::Failed(failure) => {
                self.ended = true;
                event("error", &error(failure), out);
                return;
            }
            Event::Begin { id, usage } => {
                self.usage = usage.unwrap_or(self.usage);
                self.begin(id.as_deref(), out);
            }
            _ => self.begin(None, out),
        }
        match next {
            Event::Text(text) | Event::Refusal(text) if !text.is_empty() => self.text(&text, out),
            Event::Reasoning(text) if !text.is_empty() => {
                let index = self.thinking(out);
                delta(index, &json!({ "type": "thinking_delta", "thinking": text }), out);
            }
            Event::Signature(signature) => {
                let index = self.thinking(out);
                delta(index, &json!({ "type": "signature_delta", "signature": signature }), out);
                self.open = Open::Signed(index);
            }
            Event::RedactedReasoning(data) => {
                self.close_open(out);
                self.close_calls(false, out);
                let index = self.start(&json!({ "type": "redacted_thinking", "data": data }), out);
                close(index, out);
            }
            Event::ToolCall { index, id, name } => {
                self.close_open(out);
                self.close_calls(false, out);
                let block = self.start(&json!({ "type": "tool_use", "id": id, "name": name, "input": {} }), out);
                self.calls.push(Call { index, block, arguments: Arguments::default() });
            }
            Event::Arguments { index, json } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.index == index) {
                    call.arguments.take(&json);
                    delta(call.block, &json!({ "type": "input_json_delta", "partial_json": json }), out);
                }
            }
            Event::Stop(stop) => self.stop = Some(stop),
            Event::Usage(usage) => self.usage = usage,
            Event::End => self.end(out),
            _ => {}
        }
    }
}

fn delta(index: u32, delta: &Value, out: &mut Vec<u8>) {
    event("content_block_delta", &json!({ "type": "content_block_delta", "index": index, "delta": delta }), out);
}

fn close(index: u32, out: &mut Vec<u8>) {
    event("content_block_stop", &json!({ "type": "content_block_stop", "index": index }), out);
}

fn event(name: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {name}\ndata: {data}\n\n").as_bytes());
}
