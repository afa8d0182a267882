//! The grammar, and that cuts change nothing.

use super::*;
use proptest::prelude::*;
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

/// Texts at the edges of the grammar, good and bad.
const EDGES: &[&[u8]] = &[
    b"",
    b" \n\t\r ",
    b"{}",
    b"[]",
    b" [ ] ",
    b"{ }",
    b"[1,]",
    b"[,1]",
    b"{\"a\":1,}",
    b"{,}",
    b"{\"a\"}",
    b"{\"a\" 1}",
    b"{\"a\":}",
    b"{a:1}",
    b"{'a':1}",
    b"{1:1}",
    b"[1 2]",
    b"[1}",
    b"{\"a\":1]",
    b"]",
    b"}",
    b",",
    b":",
    b"[",
    b"{",
    b"[1",
    b"{\"a\":1",
    b"\"",
    b"\"a",
    b"\"a\\",
    b"\"a\\u",
    b"\"a\\u12",
    b"nul",
    b"null",
    b"nulL",
    b"nulll",
    b"true",
    b"false",
    b"falsy",
    b"True",
    b"[true,false,null]",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"-",
    b"-a",
    b"0",
    b"-0",
    b"00",
    b"01",
    b"-01",
    b"1",
    b"10",
    b"+1",
    b".5",
    b"1.",
    b"1.e1",
    b"1.5",
    b"0.5",
    b"0.50e+10",
    b"1e",
    b"1e+",
    b"1e-",
    b"1e5",
    b"1E-05",
    b"0e0",
    b"0x10",
    b"1 ",
    b"1,",
    b"1 2",
    b"[1.5e3,-2]",
    b"{\"a\":1}{",
    b"{} {}",
    b"{}\0",
    b"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
    b"\"\\x\"",
    b"\"\\'\"",
    b"\"\\u00g0\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\ud83d\"",
    b"\"\\ude00\"",
    b"\"\\ud83d\\ud83d\\ude00x\"",
    b"\"\\ud83dx\\ude00\"",
    b"\"\\ud83d\\n\"",
    b"\"\\ud83d\\u0041\"",
    b"\"\\ud83d\xc3\xa9\"",
    b"{\"\\ud83d\":\"\\ud83d\"}",
    b"\"\\u0000\"",
    b"\"\x00\"",
    b"\"\x1f\"",
    b"\"\n\"",
    b"\"abc\x00\"",
    b"{\"abc\x00\":1}",
    b"\"abc\xff\"",
    b"\"abc\xe2\x82\"",
    b"\"a\\nbc\\x\"",
    b"[12.x]",
    b"\"\x7f\"",
    b"\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
    b"\"\xed\x9f\xbf\xee\x80\x80\"",
    b"\"\x80\"",
    b"\"\xbf\"",
    b"\"\xc0\x80\"",
    b"\"\xc1\xbf\"",
    b"\"\xc3\"",
    b"\"\xc3\x28\"",
    b"\"\xe0\x9f\xbf\"",
    b"\"\xe2\x82\"",
    b"\"\xe2\x28\xa1\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xed\xbf\xbf\"",
    b"\"\xf0\x8f\xbf\xbf\"",
    b"\"\xf0\x9f\x98\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xf5\x80\x80\x80\"",
    b"\"\xff\"",
    b"\xef\xbb\xbf{}",
    b"\xfe\xff",
    b" \xef\xbb\xbf{}",
    b"{}\xef\xbb\xbf",
    b"/*c*/1",
    b"[1]//",
    b"{\"a\":{\"b\":[{},[],{\"c\":[[]]}]},\"a\":2}",
    b"{\"abcdefghijklmnopqrstuvwxyz0123456789\" :\t\"0123456789abcdef0123456789abcde\xc3\xa9f0123456789\\n\" }",
];

#[test]
fn the_grammar_is_that_of_serde_json_and_utf_8() {
    for text in EDGES {
        assert_eq!(whole(text).0.is_ok(), oracle(text), "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn cuts_change_neither_events_nor_errors() {
    for text in EDGES {
        assert_cuts_change_nothing(text);
    }
}

#[test]
fn the_error_names_the_first_wrong_byte() {
    use MalformedKind::*;
    let cases: &[(&[u8], MalformedKind, u64)] = &[
        (b"", Empty, 0),
        (b"  ", Empty, 2),
        (b"[", Incomplete, 1),
        (b"12.", Incomplete, 3),
        (b"\xef\xbb\xbf{}", ByteOrderMark, 0),
        (b"[1,]", ExpectedValue, 3),
        (b"NaN", ExpectedValue, 0),
        (b"{\"a\":1,}", ExpectedKey, 7),
        (b"{\"a\",", ExpectedColon, 4),
        (b"[1}", ExpectedCommaOrEnd, 2),
        (b"{} x", TrailingData, 3),
        (b"\"a\x01\"", ControlCharacter, 2),
        (b"\"\\q\"", InvalidEscape, 2),
        (b"\"ab\xed\xa0\x80\"", InvalidUtf8, 4),
        (b"01", InvalidNumber, 1),
        (b"-x", InvalidNumber, 1),
        (b"[trve]", InvalidLiteral, 3),
    ];
    for (text, expected, at) in cases {
        assert_eq!(kind(text), Some((*expected, *at)), "{:?}", String::from_utf8_lossy(text));
    }
    let malformed = whole(b"[1,]").0.unwrap_err();
    assert_eq!(malformed.to_string(), "a value was expected at byte 3");
}

#[test]
fn depth_is_bounded_and_a_bomb_costs_nothing() {
    for depth in [0, 1, 5, MAX_DEPTH] {
        let nested = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
        let levels = depth as usize;
        if levels > 0 {
            assert_eq!(scan([nested(levels).as_slice()], depth).0, Ok(()));
        }
        let error = scan([nested(levels + 1).as_slice()], depth).0.unwrap_err();
        assert_eq!(error, Malformed { at: levels as u64, kind: MalformedKind::TooDeep });
    }
    assert_eq!(kind(b"[".repeat(1_000_000)), Some((MalformedKind::TooDeep, 128)));
    assert_eq!(kind(b"{\"a\":".repeat(100_000)), Some((MalformedKind::TooDeep, 128 * 5)));
    assert_eq!(scan([b"[[]]".as_slice()], u32::MAX).0, Ok(()), "more than the maximum is the maximum");
    assert_eq!(scan([b"1".as_slice()], 0).0, Ok(()));
}

#[test]
fn containers_close_as_what_they_were_opened() {
    let text = b"[{\"a\":[{\"b\":[]}]}]";
    assert_eq!(whole(text).0, Ok(()));
    for (index, &byte) in text.iter().enumerate() {
        let swapped = match byte {
            b']' => b'}',
            b'}' => b']',
            _ => continue,
        };
        let mut wrong = text.to_vec();
        wrong[index] = swapped;
        assert!(whole(&wrong).0.is_err(), "{}", String::from_utf8_lossy(&wrong));
    }
}

#[test]
fn offsets_enclose_exactly_the_bytes_of_a_value() {
    let text = br#"{"mod\u0065l" : "gpt\n4o\ud83d\ude00" ,"n":-1.5e3}"#;
    let (result, events) = whole(text);
    assert_eq!(result, Ok(()));
    let Event::Key(_, key, _) = &events[1] else { panic!("{events:?}") };
    assert_eq!(key, b"model");
    let Event::Text(at, value, end) = &events[2] else { panic!("{events:?}") };
    assert_eq!(value, "gpt\n4o😀".as_bytes());
    assert_eq!(&text[*at as usize..*end as usize], br#""gpt\n4o\ud83d\ude00""#);
    let Event::Number(at, number, end) = &events[4] else { panic!("{events:?}") };
    assert_eq!((&text[*at as usize..*end as usize], number.as_slice()), (&b"-1.5e3"[..], &b"-1.5e3"[..]));
}

#[test]
fn a_lone_surrogate_is_grammatical_and_decodes_to_the_replacement_character() {
    let decoded = |text: &str| match whole(text.as_bytes()).1.first() {
        Some(Event::Text(_, bytes, _)) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(decoded(r#""a\ud83db""#), "a\u{fffd}b");
    assert_eq!(decoded(r#""\ude00""#), "\u{fffd}");
    assert_eq!(decoded(r#""\ud83d""#), "\u{fffd}");
    assert_eq!(decoded(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
    assert_eq!(decoded(r#""\ud83d\n\ude00""#), "\u{fffd}\n\u{fffd}");
    assert_eq!(decoded(r#""\ud83d\u0041""#), "\u{fffd}A");
    assert_eq!(decoded(r#""\ud83dé""#), "\u{fffd}é");
}

#[test]
fn a_reset_scanner_begins_anew() {
    let mut scanner = Scanner::new(3);
    assert!(scanner.feed(b"[[x", &mut ()).is_err());
    scanner.reset();
    let mut recorder = Recorder::default();
    assert_eq!(scanner.feed(b"\"\\ud83d", &mut recorder), Ok(()));
    scanner.reset();
    assert_eq!(scanner.feed(b"\"b\"", &mut recorder), Ok(()));
    assert_eq!(scanner.finish(&mut recorder), Ok(()));
    assert_eq!(recorder.events, [Event::Text(0, b"b".to_vec(), 3)]);
    assert!(scanner.feed(b"x", &mut ()).is_err(), "a finished text takes no more");
}

fn json(leaf_text: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        leaf_text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((leaf_text, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The texts of a value in the order serde_json writes them.
fn texts(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => found.push(text.clone().into_bytes()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            for (key, item) in fields {
                found.push(key.clone().into_bytes());
                texts(item, found);
            }
        }
        _ => {}
    }
}

/// Writes every character of every string as an escape.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                inside = !inside;
                out.push('"');
            }
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
            }
            _ if inside => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(character),
        }
    }
    out
}

/// Bytes that matter to the grammar, so that random texts go deep.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let token = proptest::sample::select(vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"\"a\":",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"\\ude00",
        b"\\n",
        b"0",
        b"1",
        b"-",
        b".",
        b"e",
        b"E",
        b"+",
        b"true",
        b"null",
        b"fals",
        b" ",
        b"\n",
        b"\x00",
        b"\x1f",
        b"\x7f",
        b"\x80",
        b"\xc3",
        b"\xa9",
        b"\xe2\x82",
        b"\xac",
        b"\xed",
        b"\xf0\x9f",
        b"\x98\x80",
        b"\xff",
        b"a",
        b"0123456789abcdef",
    ]);
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn pieces<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_serde_json_writes_is_read_as_it_was_meant(value in json("\\PC{0,24}|[a-z]{0,40}"), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut expected = Vec::new();
        texts(&value, &mut expected);
        for text in [escaped(&text), text] {
            let (result, events) = whole(text.as_bytes());
            prop_assert_eq!(result, Ok(()));
            let found: Vec<Vec<u8>> = events.into_iter().filter_map(|event| match event {
                Event::Key(_, text, _) | Event::Text(_, text, _) => Some(text),
                _ => None,
            }).collect();
            prop_assert_eq!(&found, &expected);
        }
    }

    #[test]
    fn any_text_is_accepted_or_refused_as_serde_json_does(text in soup()) {
        if nesting(&text) < 120 {
            prop_assert_eq!(whole(&text).0.is_ok(), oracle(&text), "{:?}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn a_broken_text_is_accepted_or_refused_as_serde_json_does(
        value in json("\\PC{0,12}"), place: prop::sample::Index, change in any::<u8>(), remove: bool,
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let place = place.index(text.len());
        if remove { text.remove(place); } else { text[place] = change; }
        prop_assert_eq!(whole(&text).0.is_ok(), oracle(&text), "{:?}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn random_cuts_change_nothing(text in soup(), cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        prop_assert_eq!(scan(pieces(&text, &cuts), MAX_DEPTH), whole(&text));
    }

    #[test]
    fn random_cuts_of_json_change_nothing(
        value in json("\\PC{0,24}"), escape: bool, cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut text = value.to_string();
        if escape { text = escaped(&text); }
        prop_assert_eq!(scan(pieces(text.as_bytes(), &cuts), MAX_DEPTH), whole(text.as_bytes()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_single_cut_changes_nothing(value in json("\\PC{0,16}"), text in soup()) {
        assert_cuts_change_nothing(value.to_string().as_bytes());
        assert_cuts_change_nothing(&text);
    }
}

/// A text of strings in which halves of pairs, escapes and long runs stand in every order.
fn tangled() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\\ud800",
        "\\udc00",
        "\\ud83d\\ude00",
        "\\n",
        "\\\\",
        "\\\"",
        "\\/",
        "\\u0041",
        "a",
        "\u{e9}",
        "\u{1f600}",
        "aaaaaaaaaaaaaaaaaaaa",
    ]);
    let string = prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat());
    prop::collection::vec((string.clone(), string), 1..6).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":\"{value}\"")).collect();
        format!("{{{}}}{}", members.join(","), " ".repeat(20))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn who_wants_no_strings_is_told_of_everything_else_alike(
        text in tangled(), patience in 0_usize..4, cut in any::<prop::sample::Index>(),
    ) {
        let without_texts = |recorder: Recorder| -> Vec<Event> {
            let blank = |event| match event {
                Event::Text(at, _, end) => Event::Text(at, Vec::new(), end),
                other => other,
            };
            recorder.events.into_iter().map(blank).collect()
        };
        let told = |patience, pieces: &[&[u8]]| {
            let (mut recorder, mut scanner) = (Recorder { patience, ..Recorder::default() }, Scanner::new(9));
            let fed: Result<(), Malformed> = pieces.iter().try_for_each(|piece| scanner.feed(piece, &mut recorder));
            (fed.and_then(|()| scanner.finish(&mut recorder)), scanner.not_ascii(), without_texts(recorder))
        };
        let expected = told(None, &[text.as_bytes()]);
        prop_assert!(expected.0.is_ok());
        let (left, right) = text.as_bytes().split_at(cut.index(text.len()));
        prop_assert_eq!(&told(Some(patience), &[text.as_bytes()]), &expected);
        prop_assert_eq!(&told(Some(patience), &[left, right]), &expected);
    }
}
