use serde_json::Value;

use super::super::conversation::{Event, Stop};
use super::super::fields::{list, text};
use super::super::{Malformed, SseEvents, StreamReader, wire};
use super::{failure, reply, usage};

/// The most calls of tools that an answer may hold: each is remembered.
const MOST_CALLS: usize = 1024;

/// The longest id of a call, likewise. Gemini's compatible API keeps thoughts in it, of some kilobytes.
const LONGEST_ID: usize = 64 << 10;

/// The most bytes of arguments that are kept because the names of their calls are yet to come.
const MOST_EARLY: usize = 1 << 20;

/// Reads a stream of chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: SseEvents,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    /// What stands for the signature of the thoughts that are being told.
    signature: Option<&'static str>,
    refused: bool,
    stopped: bool,
    ended: bool,
    calls: Vec<Call>,
    /// Bytes of arguments that came before the names of their calls, of all calls.
    early: usize,
}

/// A call as the stream tells it.
#[derive(Debug)]
struct Call {
    /// The provider's number of it: not always given, not always its own.
    number: Option<u64>,
    id: String,
    /// Its name was told.
    begun: bool,
    /// Arguments that came before the name.
    early: String,
    has_arguments: bool,
}

impl StreamReader for Reader {
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        let state = &mut self.state;
        self.events.read(bytes, |event| state.event(&event.data, events))
    }

    /// Not every server says `[DONE]`: what has told why it ended is complete.
    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.state.stopped && !self.state.ended {
            self.state.ended = true;
            events.push(Event::End);
        }
        Ok(())
    }
}

impl State {
    fn event(&mut self, data: &str, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        if data.trim() == "[DONE]" {
            self.begin(None, events);
            self.ended = true;
            events.push(Event::End);
            return Ok(());
        }
        let chunk: Value =
            wire::read(data.as_bytes()).map_err(|error| Malformed(format!("a chunk of the stream is no JSON: {error}")))?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            self.ended = true;
            events.push(Event::Failed(failure::of_stream(error)));
            return Ok(());
        }
        if let Some(choice) = list(&chunk, "choices").first() {
            self.begin(text(&chunk, "id"), events);
            self.choice(choice, events)?;
        }
        let usage = chunk.get("usage").or_else(|| chunk.pointer("/x_groq/usage"));
        if let Some(usage) = usage.and_then(usage::read) {
            self.begin(text(&chunk, "id"), events);
            events.push(Event::Usage(usage));
        }
        Ok(())
    }

    fn begin(&mut self, id: Option<&str>, events: &mut Vec<Event>) {
        if !self.begun {
            self.begun = true;
            let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
            events.push(Event::Begin { id, usage: None });
        }
    }

    fn choice(&mut self, choice: &Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        if let Some((thoughts, signature)) = reply::thoughts(delta).filter(|(thoughts, _)| !thoughts.is_empty()) {
            self.signature = signature;
            events.push(Event::Reasoning(thoughts));
        }
        let said = reply::said(delta).filter(|said| !said.is_empty());
        let refusal = text(delta, "refusal").filter(|refusal| !refusal.is_empty());
        self.refused |= refusal.is_some();
        let finish = text(choice, "finish_reason").filter(|reason| !reason.is_empty());
        let function = delta.get("function_call").filter(|function| !function.is_null());
        let calls = function.is_some() || !list(delta, "tool_calls").is_empty();
        if said.is_some() || refusal.is_some() || finish.is_some() || calls {
            let signature = self.signature.take();
            events.extend(signature.map(|signature| Event::Signature(signature.to_owned())));
        }
        events.extend(said.map(Event::Text));
        events.extend(refusal.map(|refusal| Event::Refusal(refusal.to_owned())));
        for call in list(delta, "tool_calls") {
            self.call(call, events)?;
        }
        if let Some(function) = function {
            self.call(&serde_json::json!({ "index": 0, "function": function }), events)?;
        }
        if let Some(reason) = finish.filter(|_| !self.stopped) {
            self.stopped = true;
            let bare = |call: &Call| call.begun && !call.has_arguments;
            for (index, _) in self.calls.iter().enumerate().filter(|(_, call)| bare(call)) {
                events.push(Event::Arguments { index: ordinal(index), json: "{}".to_owned() });
            }
            let stop = match reply::stop(Some(reason), text(choice, "stop_reason"), !self.calls.is_empty()) {
                Stop::End if self.refused => Stop::Filtered,
                stop => stop,
            };
            events.push(Event::Stop(stop));
        }
        Ok(())
    }

    fn call(&mut self, delta: &Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let number = delta.get("index").and_then(Value::as_u64);
        let id = text(delta, "id").unwrap_or_default();
        let index = self.place(number, id);
        if index >= MOST_CALLS || id.len() > LONGEST_ID {
            return Err(Malformed(format!("more than {MOST_CALLS} calls of tools, or an id of over {LONGEST_ID} bytes")));
        }
        if index == self.calls.len() {
            let id = if id.is_empty() { format!("call_{index}") } else { id.to_owned() };
            self.calls.push(Call { number, id, begun: false, early: String::new(), has_arguments: false });
        }
        let Some(call) = self.calls.get_mut(index) else { return Ok(()) };
        let index = ordinal(index);
        let function = delta.get("function").unwrap_or(&Value::Null);
        let name = text(function, "name").filter(|name| !name.is_empty());
        if let Some(name) = name.filter(|_| !call.begun) {
            call.begun = true;
            events.push(Event::ToolCall { index, id: call.id.clone(), name: name.to_owned() });
        }
        let json = match function.get("arguments") {
            Some(object @ Value::Object(_)) => object.to_string(),
            arguments => arguments.and_then(Value::as_str).unwrap_or_default().to_owned(),
        };
        let json = if call.begun { core::mem::take(&mut call.early) + &json } else { json };
        if json.is_empty() {
            return Ok(());
        }
        if call.begun {
            call.has_arguments = true;
            events.push(Event::Arguments { index, json });
        } else {
            self.early = self.early.saturating_add(json.len());
            if self.early > MOST_EARLY {
                return Err(Malformed("calls of tools have arguments and no names".to_owned()));
            }
            call.early.push_str(&json);
        }
        Ok(())
    }

    /// Which call a delta is about. Servers that do not number calls, or number all of them 0, begin each with an id of
    /// its own.
    fn place(&self, number: Option<u64>, id: &str) -> usize {
        let latest = self.calls.iter().rposition(|call| number.is_none() || call.number == number);
        let of_latest = latest.and_then(|latest| self.calls.get(latest));
        match (latest, of_latest) {
            (Some(latest), Some(call)) if id.is_empty() || call.id == id => latest,
            _ => self.calls.iter().position(|call| !id.is_empty() && call.id == id).unwrap_or(self.calls.len()),
        }
    }
}

fn ordinal(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
