//! What holds for any text, however it is cut.

use proptest::prelude::*;

use super::*;

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
