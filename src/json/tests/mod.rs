//! The grammar, and that cuts change nothing.

mod edges;
mod properties;

use super::*;
use serde_json::Value;

/// What a visitor was told, with pieces joined: how they were cut is not part of the meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    BeginObject(u64),
    EndObject(u64),
    BeginArray(u64),
    EndArray(u64),
    Key(u64, Vec<u8>, u64),
    Text(u64, Vec<u8>, u64),
    Number(u64, Vec<u8>, u64),
    Literal(Literal, u64),
    /// What was told of a token that never ended.
    Unfinished(u64, Vec<u8>),
}

#[derive(Default)]
struct Recorder {
    /// After how many bytes of a string it wants no more of it.
    patience: Option<usize>,
    events: Vec<Event>,
    at: u64,
    bytes: Vec<u8>,
}

impl Recorder {
    fn begin(&mut self, at: u64) {
        self.at = at;
        self.bytes.clear();
    }
    fn push(&mut self, raw: &[u8]) {
        assert!(!raw.is_empty(), "pieces are never empty");
        self.bytes.extend_from_slice(raw);
    }
    fn push_char(&mut self, decoded: char) {
        self.push(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Visitor for Recorder {
    fn begin_object(&mut self, at: u64) {
        self.events.push(Event::BeginObject(at));
    }
    fn end_object(&mut self, end: u64) {
        self.events.push(Event::EndObject(end));
    }
    fn begin_array(&mut self, at: u64) {
        self.events.push(Event::BeginArray(at));
    }
    fn end_array(&mut self, end: u64) {
        self.events.push(Event::EndArray(end));
    }
    fn begin_key(&mut self, at: u64) {
        self.begin(at);
    }
    fn key_piece(&mut self, raw: &[u8]) {
        self.push(raw);
    }
    fn key_char(&mut self, decoded: char) {
        self.push_char(decoded);
    }
    fn end_key(&mut self, end: u64) {
        self.events.push(Event::Key(self.at, std::mem::take(&mut self.bytes), end));
    }
    fn begin_string(&mut self, at: u64) {
        self.begin(at);
    }
    fn wants_string(&self) -> bool {
        self.patience.is_none_or(|patience| self.bytes.len() < patience)
    }
    fn string_piece(&mut self, raw: &[u8]) {
        self.push(raw);
    }
    fn string_char(&mut self, decoded: char) {
        self.push_char(decoded);
    }
    fn end_string(&mut self, end: u64) {
        self.events.push(Event::Text(self.at, std::mem::take(&mut self.bytes), end));
    }
    fn begin_number(&mut self, at: u64) {
        self.begin(at);
    }
    fn number_piece(&mut self, raw: &[u8]) {
        self.push(raw);
    }
    fn end_number(&mut self, end: u64) {
        self.events.push(Event::Number(self.at, std::mem::take(&mut self.bytes), end));
    }
    fn literal(&mut self, literal: Literal, at: u64) {
        self.events.push(Event::Literal(literal, at));
    }
}

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, depth: u32) -> (Result<(), Malformed>, Vec<Event>) {
    let mut recorder = Recorder::default();
    let mut scanner = Scanner::new(depth);
    let mut result = Ok(());
    for piece in pieces {
        result = scanner.feed(piece, &mut recorder);
    }
    let end = scanner.finish(&mut recorder);
    if result.is_err() {
        assert_eq!(result, end, "a failed scan stays failed");
    }
    if !recorder.bytes.is_empty() {
        recorder.events.push(Event::Unfinished(recorder.at, recorder.bytes));
    }
    (end, recorder.events)
}

fn whole(text: &[u8]) -> (Result<(), Malformed>, Vec<Event>) {
    scan([text], MAX_DEPTH)
}

fn kind(text: impl AsRef<[u8]>) -> Option<(MalformedKind, u64)> {
    whole(text.as_ref()).0.err().map(|malformed| (malformed.kind, malformed.at))
}

/// `serde_json` on the same text. `IgnoredAny` checks the grammar without a depth limit, and takes lone surrogates, but
/// skips strings without checking UTF-8.
fn oracle(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

fn nesting(text: &[u8]) -> u32 {
    let events = whole(text).1;
    let mut depth = 0u32;
    let mut most = 0;
    for event in events {
        match event {
            Event::BeginObject(_) | Event::BeginArray(_) => depth += 1,
            Event::EndObject(_) | Event::EndArray(_) => depth -= 1,
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

fn assert_cuts_change_nothing(text: &[u8]) {
    let expected = whole(text);
    for cut in 0..=text.len() {
        let (left, right) = text.split_at(cut);
        assert_eq!(scan([left, right], MAX_DEPTH), expected, "cut at {cut} of {:?}", String::from_utf8_lossy(text));
    }
    assert_eq!(scan(text.chunks(1), MAX_DEPTH), expected, "byte by byte: {:?}", String::from_utf8_lossy(text));
}
