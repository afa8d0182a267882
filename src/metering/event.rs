//! One event of a stream: its name, its data, and what the data says.

use super::facts::Facts;
use crate::json::{BoundedText, MAX_DEPTH, Scanner};
use crate::sse::{Field, Token};

/// The event being read. Reused from event to event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    scanner: Scanner,
    facts: Facts,
    name: BoundedText<48>,
    /// The first bytes of the data: enough to know the marker that ends OpenAI streams.
    head: BoundedText<8>,
    /// Whether a data line came.
    has_data: bool,
    malformed: bool,
}

/// What an event turned out to be.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    /// No data, or data that is not JSON.
    Nothing,
    /// `[DONE]`
    Done,
    /// JSON, whole, and its kind: its `type`, or where it has none the name of the event.
    Facts(&'a Facts, &'a [u8]),
}

impl Event {
    pub fn new() -> Self {
        Self {
            scanner: Scanner::new(MAX_DEPTH),
            facts: Facts::new(true),
            name: BoundedText::default(),
            head: BoundedText::default(),
            has_data: false,
            malformed: false,
        }
    }

    /// Forgets the event before.
    pub fn clear(&mut self) {
        self.scanner.reset();
        self.facts.clear();
        self.name.clear();
        self.head.clear();
        self.has_data = false;
        self.malformed = false;
    }

    /// Reads a part of it.
    pub fn read(&mut self, token: &Token<'_>) {
        match *token {
            // Several data lines are one text, with a line feed between them.
            Token::Field(Field::Data) if self.has_data => self.data(b"\n"),
            Token::Field(Field::Data) => self.has_data = true,
            Token::Field(Field::Name) => self.name.clear(),
            Token::Value(Field::Data, bytes) => self.data(bytes),
            Token::Value(Field::Name, bytes) => self.name.push(bytes),
            _ => {}
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        self.head.push(bytes);
        if !self.malformed {
            self.malformed = self.scanner.feed(bytes, &mut self.facts).is_err();
        }
    }

    /// The event is complete, or nothing more comes: what it was.
    pub fn end(&mut self) -> Outcome<'_> {
        if self.head.as_bytes().is_some_and(|head| head.trim_ascii() == b"[DONE]") {
            Outcome::Done
        } else if self.scanner.finish(&mut self.facts).is_ok() {
            Outcome::Facts(&self.facts, self.kind())
        } else {
            Outcome::Nothing
        }
    }

    /// Whether its `event:` name says that it is an error, whatever its data is.
    pub fn is_named_error(&self) -> bool {
        self.name.as_bytes() == Some(b"error")
    }

    /// Its `type`, or where it has none its `event:` name; empty where there is neither.
    pub fn kind(&self) -> &[u8] {
        let told = if self.facts.kind.is_empty() { self.name.as_bytes() } else { self.facts.kind.as_bytes() };
        // One that does not fit is none of those we know, but it is one.
        told.unwrap_or(b"?")
    }

    /// What is known of an event that was cut off, unless it was no JSON.
    pub fn unfinished(&self) -> Option<&Facts> {
        (!self.malformed).then_some(&self.facts)
    }

    /// Whether it is certain before its end that it is no usage chunk; see [`Facts::is_content`].
    pub fn is_content(&self, finished: u128) -> bool {
        self.malformed || self.facts.is_content(finished)
    }
}
