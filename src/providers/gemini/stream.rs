//! A streamed answer: server-sent events, each an [`Answer`]. An error may come as bare JSON in the place of an event.

use serde_json::Value;

use super::answer::{Answer, Said, stop};
use super::call_id::CallIds;
use super::failure;
use crate::metering::Counts;
use crate::providers::conversation::{Event, Failure, Stop};
use crate::providers::{Malformed, SseEvents, StreamReader, wire};

/// The most bytes of bare JSON that are kept.
const LARGEST: usize = 1 << 20;

/// Reads a stream. That it ends is told by nothing but the end of the body, and earlier models give every chunk a finish
/// reason; so why it stopped is told at the end.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: SseEvents,
    /// Bytes that are not events, from the first line on that begins like JSON.
    bare: Option<Vec<u8>>,
    in_line: bool,
    answer: Progress,
}

#[derive(Debug, Default)]
struct Progress {
    begun: bool,
    failed: bool,
    id: Option<String>,
    ids: CallIds,
    counts: Option<Counts>,
    finish_reason: Option<String>,
    blocked: bool,
}

impl StreamReader for Reader {
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        let bare = self.bare.is_none().then(|| self.bare_json(bytes)).flatten();
        let (sse, json) = match (bare, &self.bare) {
            (Some(at), _) => bytes.split_at_checked(at).unwrap_or_default(),
            (None, Some(_)) => (Default::default(), bytes),
            (None, None) => (bytes, Default::default()),
        };
        let answer = &mut self.answer;
        self.events.read(sse, |event| {
            let chunk = wire::read(event.data.as_bytes()).map_err(|error| Malformed(error.to_string()))?;
            answer.take(chunk, events)
        })?;
        if bare.is_some() || self.bare.is_some() {
            let kept = self.bare.get_or_insert_default();
            kept.extend_from_slice(json);
            if kept.len() > LARGEST {
                return Err(Malformed("the stream is not of events".to_owned()));
            }
        }
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Malformed> {
        // Only now: to look at it with every piece would be work without bounds.
        self.failed_bare(events);
        if self.answer.failed {
            return Ok(());
        }
        if self.bare.is_some() {
            return Err(Malformed("the stream is not of events".to_owned()));
        }
        self.answer.end(events);
        Ok(())
    }
}

impl Reader {
    /// Where a line begins that no event has.
    fn bare_json(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' | b'\r' => self.in_line = false,
                b'{' | b'[' if !self.in_line => return Some(at),
                _ => self.in_line = true,
            }
        }
        None
    }

    /// Takes the error out of the bare JSON, if that is complete.
    fn failed_bare(&mut self, events: &mut Vec<Event>) {
        let Some(Ok(json)) = self.bare.as_deref().map(serde_json::from_slice::<Value>) else { return };
        let first = json.as_array().and_then(|items| items.first()).unwrap_or(&json);
        if let Some(error) = first.get("error") {
            self.answer.fail(failure::of_error(error, None), events);
        }
    }
}

impl Progress {
    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !self.failed {
            self.failed = true;
            events.push(Event::Failed(failure));
        }
    }

    fn take(&mut self, chunk: Value, events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.failed {
            return Ok(());
        }
        let chunk = match chunk {
            Value::Array(items) => items.into_iter().next().unwrap_or_default(),
            chunk => chunk,
        };
        let chunk: Answer = serde_json::from_value(chunk).map_err(|error| Malformed(error.to_string()))?;
        if let Some(error) = chunk.error {
            self.fail(failure::of_error(&error, None), events);
            return Ok(());
        }
        let before = self.counts;
        if let Some(told) = chunk.usage_metadata.and_then(|usage| usage.counts()) {
            self.counts.get_or_insert_default().take(&told);
        }
        if self.begun {
            events.extend(self.counts.filter(|_| self.counts != before).map(Event::Usage));
        } else {
            self.begun = true;
            self.id = chunk.response_id;
            events.push(Event::Begin { id: self.id.clone(), usage: self.counts });
        }
        self.blocked |= chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        let Some(candidate) = chunk.candidates.and_then(|candidates| candidates.into_iter().next()) else {
            return Ok(());
        };
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            Self::tell(part.said(&mut self.ids, self.id.as_deref()), events);
        }
        if candidate.finish_reason.is_some() {
            self.finish_reason = candidate.finish_reason;
        }
        Ok(())
    }

    fn tell(said: Said, events: &mut Vec<Event>) {
        match said {
            Said::Text(text) => events.push(Event::Text(text)),
            Said::Thought { text, signature } => {
                if !text.is_empty() {
                    events.push(Event::Reasoning(text));
                }
                events.extend(signature.map(Event::Signature));
            }
            Said::Call(index, call) => {
                events.push(Event::ToolCall { index, id: call.id, name: call.name });
                events.push(Event::Arguments { index, json: call.arguments.to_string() });
            }
            Said::Image(image) => events.push(Event::Image(image)),
            Said::Nothing => {}
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let stop = match &self.finish_reason {
            Some(reason) => stop(reason, self.ids.any()),
            None if self.blocked => {
                // Nothing was generated, so nothing of it is counted.
                if let Some(counts) = self.counts.as_mut().filter(|counts| counts.output.is_none()) {
                    counts.output = Some(0);
                    events.push(Event::Usage(*counts));
                }
                Stop::Filtered
            }
            // It broke off.
            None => return,
        };
        events.push(Event::Stop(stop));
        events.push(Event::End);
    }
}
