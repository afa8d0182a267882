//! Texts at the edges of the grammar, and what is promised of each.

use super::*;

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
