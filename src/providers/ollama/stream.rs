//! A streamed answer: lines, each an [`Answer`].

use super::answer::{Answer, Calls};
use super::failure;
use crate::providers::conversation::Event;
use crate::providers::{Malformed, StreamReader, wire};

/// The most bytes that one line may have.
const LARGEST: usize = 4 << 20;

/// Reads a stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    begun: bool,
    ended: bool,
    calls: Calls,
}

impl StreamReader for Reader {
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        // What is after the last line feed has none.
        let rest = lines.next_back().unwrap_or_default();
        for end in lines {
            let mut line = core::mem::take(&mut self.line);
            line.extend_from_slice(end);
            self.take(&line, events)?;
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LARGEST {
            return Err(Malformed("a line of the stream is larger than 4 MiB".to_owned()));
        }
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let line = core::mem::take(&mut self.line);
        self.take(&line, events)
    }
}

impl Reader {
    fn take(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.ended || line.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut answer: Answer = wire::read(line).map_err(|error| Malformed(error.to_string()))?;
        if let Some(error) = &answer.error {
            self.ended = true;
            events.push(Event::Failed(failure::of_error(error, 500)));
            return Ok(());
        }
        if !self.begun {
            self.begun = true;
            events.push(Event::Begin { id: None, usage: answer.counts() });
        }
        let message = answer.message.take().unwrap_or_default();
        events.extend(message.thinking.filter(|text| !text.is_empty()).map(Event::Reasoning));
        events.extend(message.content.filter(|text| !text.is_empty()).map(Event::Text));
        for call in message.tool_calls.unwrap_or_default() {
            let (index, call) = self.calls.take(call, answer.created_at.as_deref());
            events.push(Event::ToolCall { index, id: call.id, name: call.name });
            events.push(Event::Arguments { index, json: call.arguments.to_string() });
        }
        if answer.done == Some(true) {
            self.ended = true;
            events.push(Event::Stop(answer.stop(self.calls.any())));
            events.extend(answer.counts().map(Event::Usage));
            events.push(Event::End);
        }
        Ok(())
    }
}
