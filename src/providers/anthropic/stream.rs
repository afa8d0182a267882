use serde_json::Value;

use super::super::conversation::Event;
use super::super::fields::text;
use super::super::{Malformed, SseEvents, StreamReader, wire};
use super::usage::Told;
use super::{JSON_TOOL, failure, reply};

/// The most blocks that may be open at once; Anthropic has one.
const MOST_OPEN: usize = 64;

/// Reads a stream of messages' events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: SseEvents,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    told: Told,
    open: Vec<Block>,
    /// How many tools were called.
    calls: u32,
}

/// A block of the answer that has begun.
#[derive(Debug)]
struct Block {
    index: Option<u64>,
    /// The call that it is, if it is one.
    call: Option<u32>,
    /// Its arguments are the answer.
    is_answer: bool,
    has_arguments: bool,
}

impl StreamReader for Reader {
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        let state = &mut self.state;
        self.events.read(bytes, |event| state.event(&event.data, events))
    }
}

impl State {
    fn event(&mut self, data: &str, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        let event: Value =
            wire::read(data.as_bytes()).map_err(|error| Malformed(format!("an event of the stream is no JSON: {error}")))?;
        let index = event.get("index").and_then(Value::as_u64);
        match text(&event, "type").unwrap_or_default() {
            "message_start" => {
                let message = event.get("message").unwrap_or(&Value::Null);
                self.told.take(message.get("usage").unwrap_or(&Value::Null));
                self.told.forget_output();
                let id = text(message, "id").map(str::to_owned);
                events.push(Event::Begin { id, usage: self.told.counts() });
            }
            "content_block_start" => self.start(index, event.get("content_block").unwrap_or(&Value::Null), events)?,
            "content_block_delta" => self.delta(index, event.get("delta").unwrap_or(&Value::Null), events),
            "content_block_stop" => self.close(index, events),
            "message_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                if let Some(reason) = text(delta, "stop_reason") {
                    let sequence = text(delta, "stop_sequence");
                    events.push(Event::Stop(reply::stop(reason, sequence, self.calls > 0)));
                }
                if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
                    self.told.take(usage);
                    events.extend(self.told.counts().map(Event::Usage));
                }
            }
            "message_stop" => {
                self.ended = true;
                events.push(Event::End);
            }
            "error" => {
                self.ended = true;
                events.push(Event::Failed(failure::of_stream(&event)));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, index: Option<u64>, block: &Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.open.len() >= MOST_OPEN {
            return Err(Malformed(format!("more than {MOST_OPEN} blocks of the answer are open at once")));
        }
        let owned = |key: &str| text(block, key).unwrap_or_default().to_owned();
        let mut open = Block { index, call: None, is_answer: false, has_arguments: false };
        match text(block, "type").unwrap_or_default() {
            "text" => say(Event::Text(owned("text")), events),
            "thinking" => {
                say(Event::Reasoning(owned("thinking")), events);
                say(Event::Signature(owned("signature")), events);
            }
            "redacted_thinking" => events.push(Event::RedactedReasoning(owned("data"))),
            "tool_use" if text(block, "name") == Some(JSON_TOOL) => open.is_answer = true,
            "tool_use" => {
                open.call = Some(self.calls);
                events.push(Event::ToolCall { index: self.calls, id: owned("id"), name: owned("name") });
                self.calls = self.calls.saturating_add(1);
            }
            _ => {}
        }
        if let Some(input) = block.get("input").filter(|input| input.as_object().is_some_and(|input| !input.is_empty())) {
            open.arguments(&input.to_string(), events);
        }
        self.open.push(open);
        Ok(())
    }

    fn delta(&mut self, index: Option<u64>, delta: &Value, events: &mut Vec<Event>) {
        let owned = |key: &str| text(delta, key).unwrap_or_default().to_owned();
        match text(delta, "type").unwrap_or_default() {
            "text_delta" => say(Event::Text(owned("text")), events),
            "thinking_delta" => say(Event::Reasoning(owned("thinking")), events),
            "signature_delta" => say(Event::Signature(owned("signature")), events),
            "input_json_delta" => {
                if let Some(block) = self.open.iter_mut().find(|block| block.index == index) {
                    block.arguments(text(delta, "partial_json").unwrap_or_default(), events);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, index: Option<u64>, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|block| block.index == index) {
            let mut block = self.open.swap_remove(at);
            if !block.has_arguments {
                block.arguments("{}", events);
            }
        }
    }
}

impl Block {
    fn arguments(&mut self, json: &str, events: &mut Vec<Event>) {
        if json.is_empty() {
            return;
        }
        self.has_arguments = true;
        if self.is_answer {
            events.push(Event::Text(json.to_owned()));
        } else if let Some(index) = self.call {
            events.push(Event::Arguments { index, json: json.to_owned() });
        }
    }
}

fn say(event: Event, events: &mut Vec<Event>) {
    let empty = matches!(&event, Event::Text(text) | Event::Reasoning(text) | Event::Signature(text) if text.is_empty());
    if !empty {
        events.push(event);
    }
}
