use serde_json::{Value, json};

use super::super::super::fields::set;
use super::super::super::{Call, StreamWriter};
use super::super::super::conversation::{Event, Stop};
use super::super::usage;
use super::error;
use super::reply::{finish_reason, image, own_id};
use crate::metering::Counts;

/// Writes chunks: the role first, then what is said, then why it ended, then the usage if it was asked for.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    created: u64,
    asks_usage: bool,
    has_functions: bool,
    usage: Option<Counts>,
    begun: bool,
    stopped: bool,
    ended: bool,
    /// The calls that have no arguments yet.
    bare_calls: Vec<u32>,
    thinking: Thinking,
    /// How many images were told.
    images: usize,
}

/// Where in `thinking_blocks` the stream is.
#[derive(Debug, Default)]
struct Thinking {
    index: u32,
    /// The block of that index has something in it.
    open: bool,
}

impl Thinking {
    fn close(&mut self) {
        self.index = self.index.saturating_add(self.open.into());
        self.open = false;
    }
}

impl Writer {
    pub(super) fn new(call: &Call<'_>, asks_usage: bool) -> Self {
        Self {
            id: own_id(call),
            model: call.model.to_owned(),
            created: call.created,
            asks_usage,
            has_functions: call.has_functions,
            usage: None,
            begun: false,
            stopped: false,
            ended: false,
            bare_calls: Vec::new(),
            thinking: Thinking::default(),
            images: 0,
        }
    }

    fn begin(&mut self, id: Option<String>, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            if let Some(id) = id {
                self.id = id;
            }
            self.delta(&json!({ "role": "assistant", "content": "" }), out);
        }
    }

    fn delta(&self, delta: &Value, out: &mut Vec<u8>) {
        self.chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]), None, out);
    }

    fn chunk(&self, choices: Value, usage: Option<Counts>, out: &mut Vec<u8>) {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.asks_usage {
            set(&mut chunk, "usage", usage.map_or(Value::Null, |counts| usage::write(&counts.usage())));
        }
        data(&chunk.to_string(), out);
    }

    /// A call without arguments has an empty object of them.
    fn finish_calls(&mut self, out: &mut Vec<u8>) {
        for index in core::mem::take(&mut self.bare_calls) {
            self.arguments(index, "{}", out);
        }
    }

    fn arguments(&self, index: u32, json: &str, out: &mut Vec<u8>) {
        let function = json!({ "arguments": json });
        if !self.has_functions {
            self.delta(&json!({ "tool_calls": [{ "index": index, "function": function }] }), out);
        } else if index == 0 {
            self.delta(&json!({ "function_call": function }), out);
        }
    }

    fn stop(&mut self, stop: &Stop, out: &mut Vec<u8>) {
        if !self.stopped {
            self.stopped = true;
            self.finish_calls(out);
            let reason = finish_reason(stop, self.has_functions);
            self.chunk(json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": reason }]), None, out);
        }
    }

    /// Entries of a list in a delta have an index: OpenAI's SDK joins them by it.
    fn thinking(&self, mut delta: Value, block: Value, out: &mut Vec<u8>) {
        let mut entry = json!({ "index": self.thinking.index });
        if let (Some(entry), Value::Object(block)) = (entry.as_object_mut(), block) {
            entry.extend(block);
        }
        set(&mut delta, "thinking_blocks", json!([entry]));
        self.delta(&delta, out);
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, event: Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        if let Event::Failed(failure) = &event {
            // Without [DONE]: what broke off must not look complete.
            self.ended = true;
            data(&error(failure).to_string(), out);
            return;
        }
        if !matches!(event, Event::Begin { .. }) {
            self.begin(None, out);
        }
        match event {
            Event::Begin { id, usage } => {
                self.usage = self.usage.or(usage);
                self.begin(id, out);
            }
            Event::Text(text) => {
                self.thinking.close();
                self.delta(&json!({ "content": text }), out);
            }
            Event::Refusal(text) => self.delta(&json!({ "refusal": text }), out),
            Event::Reasoning(text) => {
                self.thinking.open = true;
                self.thinking(json!({ "reasoning_content": text }), json!({ "type": "thinking", "thinking": text }), out);
            }
            Event::Signature(signature) => {
                self.thinking.open = true;
                self.thinking(json!({}), json!({ "type": "thinking", "signature": signature }), out);
                self.thinking.close();
            }
            Event::RedactedReasoning(block) => {
                self.thinking.close();
                self.thinking.open = true;
                self.thinking(json!({}), json!({ "type": "redacted_thinking", "data": block }), out);
                self.thinking.close();
            }
            Event::Image(shown) => {
                self.thinking.close();
                self.delta(&json!({ "images": [image(&shown, self.images)] }), out);
                self.images = self.images.saturating_add(1);
            }
            Event::ToolCall { index, id, name } => {
                self.thinking.close();
                self.bare_calls.push(index);
                let function = json!({ "name": name, "arguments": "" });
                if !self.has_functions {
                    let call = json!({ "index": index, "id": id, "type": "function", "function": function });
                    self.delta(&json!({ "tool_calls": [call] }), out);
                } else if index == 0 {
                    self.delta(&json!({ "function_call": function }), out);
                }
            }
            Event::Arguments { index, json } => {
                self.bare_calls.retain(|bare| *bare != index);
                self.arguments(index, &json, out);
            }
            Event::Stop(stop) => self.stop(&stop, out),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::End => {
                self.stop(&Stop::End, out);
                if self.asks_usage && self.usage.is_some() {
                    self.chunk(json!([]), self.usage, out);
                }
                data("[DONE]", out);
                self.ended = true;
            }
            Event::Failed(_) => {}
        }
    }
}

fn data(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n\n");
}
