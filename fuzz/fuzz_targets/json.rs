//! The scanner takes what serde_json takes, and tells the same wherever the text is cut.
#![no_main]

use arbitrary::Arbitrary;
use keyward::json::{Literal, MAX_DEPTH, Malformed, Scanner, Visitor};
use keyward_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    cuts: [u8; 4],
    text: &'a [u8],
}

/// What a visitor was told, with pieces joined: how they were cut is not part of the meaning.
#[derive(Debug, PartialEq)]
enum Event {
    Begin(u8, u64),
    End(u8, u64),
    Piece(Vec<u8>),
    Literal(Literal, u64),
}

#[derive(Debug, Default)]
struct Recorder {
    events: Vec<Event>,
    depth: usize,
    deepest: usize,
}

impl Recorder {
    fn open(&mut self, kind: u8, at: u64) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        self.events.push(Event::Begin(kind, at));
    }
    fn close(&mut self, kind: u8, end: u64) {
        self.depth -= 1;
        self.events.push(Event::End(kind, end));
    }
    fn piece(&mut self, raw: &[u8]) {
        match self.events.last_mut() {
            Some(Event::Piece(joined)) => joined.extend_from_slice(raw),
            _ => self.events.push(Event::Piece(raw.to_vec())),
        }
    }
}

impl Visitor for Recorder {
    fn begin_object(&mut self, at: u64) {
        self.open(b'{', at);
    }
    fn end_object(&mut self, end: u64) {
        self.close(b'}', end);
    }
    fn begin_array(&mut self, at: u64) {
        self.open(b'[', at);
    }
    fn end_array(&mut self, end: u64) {
        self.close(b']', end);
    }
    fn begin_key(&mut self, at: u64) {
        self.events.push(Event::Begin(b'k', at));
    }
    fn key_piece(&mut self, raw: &[u8]) {
        self.piece(raw);
    }
    fn key_char(&mut self, decoded: char) {
        self.piece(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    fn end_key(&mut self, end: u64) {
        self.events.push(Event::End(b'k', end));
    }
    fn begin_string(&mut self, at: u64) {
        self.events.push(Event::Begin(b's', at));
    }
    fn string_piece(&mut self, raw: &[u8]) {
        self.piece(raw);
    }
    fn string_char(&mut self, decoded: char) {
        self.piece(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    fn end_string(&mut self, end: u64) {
        self.events.push(Event::End(b's', end));
    }
    fn begin_number(&mut self, at: u64) {
        self.events.push(Event::Begin(b'n', at));
    }
    fn number_piece(&mut self, raw: &[u8]) {
        self.piece(raw);
    }
    fn end_number(&mut self, end: u64) {
        self.events.push(Event::End(b'n', end));
    }
    fn literal(&mut self, literal: Literal, at: u64) {
        self.events.push(Event::Literal(literal, at));
    }
}

fn scan(pieces: &[&[u8]]) -> (Result<(), Malformed>, Recorder) {
    let mut recorder = Recorder::default();
    let mut scanner = Scanner::new(MAX_DEPTH);
    for piece in pieces {
        let _ = scanner.feed(piece, &mut recorder);
    }
    (scanner.finish(&mut recorder), recorder)
}

fuzz_target!(|input: Input| {
    let (result, whole) = scan(&[input.text]);
    for cuts in [input.cuts, [0; 4]] {
        let (cut_result, cut) = scan(&pieces(input.text, cuts));
        assert_eq!(cut_result, result);
        assert_eq!(cut.events, whole.events);
    }
    // Where the depths allowed do not differ. `IgnoredAny` takes lone surrogates, as the scanner does, but checks no UTF-8.
    if whole.deepest < 120 {
        let oracle = std::str::from_utf8(input.text).is_ok()
            && serde_json::from_slice::<serde::de::IgnoredAny>(input.text).is_ok();
        assert_eq!(result.is_ok(), oracle);
    }
});
