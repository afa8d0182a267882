//! Reads `ConverseStream`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::family::Family;
use super::frames::{Frames, Message};
use super::{failure, names, reply};
use crate::metering::Counts;
use crate::providers::conversation::Event;
use crate::providers::fields::{count, text};
use crate::providers::{Malformed, StreamReader, wire};

/// The most blocks that may be open at once: every open one is remembered.
const MOST_OPEN: usize = 256;

/// Reads one stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    frames: Frames,
    state: State,
}

/// What has to be remembered between events.
#[derive(Debug, Default)]
struct State {
    begun: bool,
    stopped: bool,
    has_usage: bool,
    /// Models of `OpenAI` count in `inputTokens` what is cached as well, but only when they stream.
    counts_cached: bool,
    /// Nothing is read any more.
    over: bool,
    /// How many of the caller's tools were called.
    calls: u32,
    /// The calls that are open, by the index of their block.
    open: BTreeMap<u64, Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    /// Which of the caller's calls; `None` for the answer in JSON.
    call: Option<u32>,
    /// No arguments yet.
    is_empty: bool,
}

impl Reader {
    /// For a model of that family.
    pub(super) fn of(family: Family) -> Self {
        let state = State { counts_cached: family == Family::OpenAi, ..State::default() };
        Self { state, ..Self::default() }
    }
}

impl StreamReader for Reader {
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        let Self { frames, state } = self;
        frames.read(bytes, |message| state.take(&message, events))
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let Self { frames, state } = self;
        if !state.over && frames.is_within_one() {
            return Err(Malformed("the stream ended within a frame".to_owned()));
        }
        // An answer whose usage never came is complete all the same.
        if !state.over && state.stopped {
            state.over = true;
            events.push(Event::End);
        }
        Ok(())
    }
}

impl State {
    fn take(&mut self, message: &Message<'_>, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.over {
            return Ok(());
        }
        if message.kind != "event" {
            self.over = true;
            events.push(Event::Failed(failure::of_message(message)));
            return Ok(());
        }
        let event: Value = wire::read(message.payload)
            .map_err(|error| Malformed(format!("the event `{}` is not JSON: {error}", message.name)))?;
        if !self.begun {
            self.begun = true;
            events.push(Event::Begin { id: None, usage: None });
        }
        let block = count(&event, "contentBlockIndex").unwrap_or(0);
        match message.name {
            "contentBlockStart" => self.start(block, &event, events)?,
            "contentBlockDelta" => self.delta(block, event.get("delta").unwrap_or(&Value::Null), events)?,
            "contentBlockStop" => {
                if let Some(Open { call, is_empty: true }) = self.open.remove(&block) {
                    events.push(arguments(call, "{}".to_owned()));
                }
            }
            "messageStop" => {
                self.stopped = true;
                events.push(Event::Stop(reply::stop(&event, self.calls > 0)));
            }
            "metadata" => {
                self.has_usage = true;
                events.extend(event.get("usage").and_then(|usage| self.usage(usage)).map(Event::Usage));
            }
            // `messageStart`, and what is not known.
            _ => {}
        }
        if self.stopped && self.has_usage {
            self.over = true;
            events.push(Event::End);
        }
        Ok(())
    }

    fn usage(&self, usage: &Value) -> Option<Counts> {
        let mut counts = reply::usage(usage)?;
        let cached = counts.cached.saturating_add(counts.cache_write);
        // What is less than its parts is beside them.
        if let Some(all) = count(usage, "inputTokens").filter(|all| self.counts_cached && *all >= cached) {
            counts.input = Some(all);
        }
        Some(counts)
    }

    fn start(&mut self, block: u64, event: &Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let Some(tool) = event.pointer("/start/toolUse") else { return Ok(()) };
        if self.open.len() >= MOST_OPEN {
            return Err(Malformed(format!("more than {MOST_OPEN} tool calls are open at once")));
        }
        let name = text(tool, "name").unwrap_or_default();
        let call = (name != names::ANSWER).then_some(self.calls);
        self.open.insert(block, Open { call, is_empty: true });
        if let Some(index) = call {
            self.calls = self.calls.saturating_add(1);
            let id = text(tool, "toolUseId").filter(|id| !id.is_empty());
            let id = id.map_or_else(|| format!("call_{index}"), ToOwned::to_owned);
            events.push(Event::ToolCall { index, id, name: name.to_owned() });
        }
        Ok(())
    }

    fn delta(&mut self, block: u64, delta: &Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let said = |value: &Value, name: &str| text(value, name).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        let part = |name| delta.get(name).unwrap_or(&Value::Null);
        if let Some(json) = said(part("toolUse"), "input") {
            let open = self.open.get_mut(&block);
            let open = open.ok_or_else(|| Malformed("arguments of a tool call that has not begun".to_owned()))?;
            open.is_empty = false;
            events.push(arguments(open.call, json));
        }
        let reasoning = part("reasoningContent");
        events.extend(said(delta, "text").map(Event::Text));
        events.extend(said(reasoning, "text").map(Event::Reasoning));
        events.extend(said(reasoning, "signature").map(Event::Signature));
        events.extend(said(reasoning, "redactedContent").map(Event::RedactedReasoning));
        Ok(())
    }
}

/// Arguments of a call, or text of the answer in JSON.
fn arguments(call: Option<u32>, json: String) -> Event {
    match call {
        Some(index) => Event::Arguments { index, json },
        None => Event::Text(json),
    }
}
