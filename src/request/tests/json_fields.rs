//! What is read of a JSON body beside its model.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::json::{bad, body, chat};
use super::read;
use crate::metering::estimate_tokens;
use crate::request::{Endpoint, IncludeUsage, Layout, ModelName, StreamOptions};

#[test]
fn stream_is_a_boolean() {
    for (value, expected) in [("true", true), ("false", false), ("null", false)] {
        assert_eq!(chat(&format!("{{\"stream\": {value} }}")).stream, expected);
    }
    assert!(!chat("{\"x\":{\"stream\":true}}").stream);
    for value in ["1", "0", "\"true\"", "\"\"", "[]", "{}", "[true]"] {
        assert_eq!(bad(Endpoint::Messages, format!("{{\"stream\":{value}}}")).param, Some("stream"), "{value}");
    }
}

#[test]
fn stream_options_are_read_with_their_places() {
    let options = |text: &str| body(Endpoint::Completions, text).stream_options;
    assert_eq!(options("{}"), StreamOptions::Absent);
    assert_eq!(options(r#"{"x":{"stream_options":{"include_usage":true}}}"#), StreamOptions::Absent);
    assert_eq!(options(r#"{"stream_options": null}"#), StreamOptions::Null(19..23));
    let object = |open, empty, include_usage| StreamOptions::Object { open, empty, include_usage };
    assert_eq!(options(r#"{"stream_options":{ }}"#), object(19, true, IncludeUsage::Absent));
    assert_eq!(options(r#"{"stream_options":{"x":{"include_usage":true}}}"#), object(19, false, IncludeUsage::Absent));
    assert_eq!(options(r#"{"stream_options":{"include_usage":true}}"#), object(19, false, IncludeUsage::On));
    assert_eq!(options(r#"{"stream_options":{"include_usage":false}}"#), object(19, false, IncludeUsage::Off(35..40)));
    assert_eq!(options(r#"{"stream_options":{"include_usage": null}}"#), object(19, false, IncludeUsage::Off(36..40)));
    for value in ["true", "1", "\"x\"", "[]", "[{\"include_usage\":true}]"] {
        assert_eq!(bad(Endpoint::Chat, format!("{{\"stream_options\":{value}}}")).param, Some("stream_options"));
    }
    for value in ["1", "\"true\"", "[]", "{}"] {
        let text = format!("{{\"stream_options\":{{\"include_usage\":{value}}}}}");
        assert_eq!(bad(Endpoint::Chat, text).param, Some("stream_options.include_usage"));
    }
}

#[test]
fn usage_is_asked_for_only_where_a_stream_would_not_tell() {
    let needs = |endpoint, text| body(endpoint, text).needs_asking_for_usage();
    assert!(needs(Endpoint::Chat, r#"{"stream":true}"#));
    assert!(needs(Endpoint::Completions, r#"{"stream":true,"stream_options":{"include_usage":false}}"#));
    assert!(!needs(Endpoint::Chat, r#"{"stream":true,"stream_options":{"include_usage":true}}"#));
    assert!(!needs(Endpoint::Chat, r#"{"stream":false,"stream_options":{}}"#));
    assert!(!needs(Endpoint::Responses, r#"{"stream":true}"#));
    assert!(!needs(Endpoint::Messages, r#"{"stream":true}"#));
}

#[test]
fn the_most_output_is_a_whole_number() {
    for (endpoint, text, expected) in [
        (Endpoint::Chat, r#"{"max_tokens":0}"#, Some(0)),
        (Endpoint::Chat, r#"{"max_tokens":4294967295}"#, Some(u32::MAX)),
        (Endpoint::Chat, r#"{"max_tokens":null}"#, None),
        (Endpoint::Chat, r#"{"max_tokens":5,"max_completion_tokens":9}"#, Some(9)),
        (Endpoint::Chat, r#"{"max_completion_tokens":9,"max_tokens":50}"#, Some(50)),
        (Endpoint::Chat, r#"{"max_output_tokens":9}"#, None),
        (Endpoint::Completions, r#"{"max_tokens":16}"#, Some(16)),
        (Endpoint::Messages, r#"{"max_tokens":1024,"thinking":{"max_tokens":1}}"#, Some(1024)),
        (Endpoint::Responses, r#"{"max_output_tokens":77 }"#, Some(77)),
    ] {
        assert_eq!(body(endpoint, text).max_output_tokens, expected, "{text}");
    }
    for value in ["-1", "-0", "1.0", "1e3", "1E0", "0.5", "4294967296", "1e400", "\"5\"", "true", "[5]", "{}"] {
        for (endpoint, param) in [
            (Endpoint::Chat, "max_tokens"),
            (Endpoint::Chat, "max_completion_tokens"),
            (Endpoint::Responses, "max_output_tokens"),
            (Endpoint::Images, "n"),
            (Endpoint::Completions, "best_of"),
        ] {
            assert_eq!(bad(endpoint, format!("{{\"{param}\":{value}}}")).param, Some(param), "{value}");
        }
    }
    let long = format!("{{\"max_tokens\":{}}}", "9".repeat(300));
    assert_eq!(bad(Endpoint::Chat, long).param, Some("max_tokens"));
}

#[test]
fn outputs_multiply() {
    for (endpoint, text, expected) in [
        (Endpoint::Chat, "{}", 1),
        (Endpoint::Chat, r#"{"n":null}"#, 1),
        (Endpoint::Chat, r#"{"n":128}"#, 128),
        (Endpoint::Completions, r#"{"n":2,"best_of":5}"#, 5),
        (Endpoint::Completions, r#"{"n":5,"best_of":2}"#, 5),
        (Endpoint::Completions, r#"{"prompt":"a","n":2}"#, 2),
        (Endpoint::Completions, r#"{"prompt":["a","b","c"],"n":2}"#, 6),
        (Endpoint::Completions, r#"{"prompt":[[1,2],[3]],"n":2}"#, 4),
        (Endpoint::Completions, r#"{"prompt":[1,2,3],"n":2}"#, 2),
        (Endpoint::Completions, r#"{"x":{"prompt":["a","b"]},"prompt":[]}"#, 1),
    ] {
        assert_eq!(body(endpoint, text).outputs, expected, "{text}");
    }
    for value in ["0", "129"] {
        assert_eq!(bad(Endpoint::Chat, format!("{{\"n\":{value}}}")).param, Some("n"));
    }
}

#[test]
fn the_end_user_is_read_where_the_api_puts_it() {
    let user = |endpoint, text: &str| body(endpoint, text).user;
    assert_eq!(user(Endpoint::Chat, r#"{"user":"j\u006f"}"#).as_deref(), Some("jo"));
    assert_eq!(user(Endpoint::Messages, r#"{"metadata":{"x":1,"user_id":"jo"}}"#).as_deref(), Some("jo"));
    assert_eq!(user(Endpoint::Chat, r#"{"metadata":{"user_id":"jo"}}"#), None);
    assert_eq!(user(Endpoint::Messages, r#"{"user":"jo","metadata":{"x":{"user_id":"al"}}}"#), None);
    for value in ["null", "1", "{}", "[\"a\"]", "\"\""] {
        assert_eq!(user(Endpoint::Chat, &format!("{{\"user\":{value}}}")), None, "{value}");
        assert_eq!(user(Endpoint::Messages, &format!("{{\"metadata\":{value}}}")), None);
        assert_eq!(user(Endpoint::Messages, &format!("{{\"metadata\":{{\"user_id\":{value}}}}}")), None);
    }
}

#[test]
fn a_long_name_of_an_end_user_does_not_get_it_out_of_its_limits() {
    let user = |name: &str| body(Endpoint::Chat, &format!("{{\"user\":\"{name}\"}}")).user.unwrap();
    assert_eq!(user(&"u".repeat(256)), "u".repeat(256));
    assert_eq!(user(&"u".repeat(100_000)), "u".repeat(256));
    assert_eq!(user(&format!("x{}", "é".repeat(200))), format!("x{}", "é".repeat(127)), "cut at a character");
}

#[test]
fn the_input_is_estimated_from_all_text() {
    let tokens = |endpoint, text: &str| body(endpoint, text).input_tokens;
    assert_eq!(tokens(Endpoint::Chat, "{}"), 0);
    assert_eq!(tokens(Endpoint::Chat, r#"{"aaaa":"bbbb","c":[{"dd":["eé"]}]}"#), estimate_tokens(4 + 4 + 1 + 2 + 1, 2));
    assert_eq!(tokens(Endpoint::Chat, r#"{"a":"\u00e9\n\ud83d\ude00"}"#), estimate_tokens(21, 0), "as it is written");
    assert_eq!(tokens(Endpoint::Chat, r#"{"a":123456789}"#), estimate_tokens(1, 0), "settings are no input");
}

#[test]
fn prompts_given_as_tokens_count_one_each() {
    let tokens = |endpoint, text: &str| body(endpoint, text).input_tokens;
    assert_eq!(tokens(Endpoint::Embeddings, r#"{"input":[1,2,3]}"#), 2 + 3);
    assert_eq!(tokens(Endpoint::Embeddings, r#"{"input":[[1,2],[3],[]],"dimensions":9}"#), 4 + 3);
    assert_eq!(tokens(Endpoint::Completions, r#"{"prompt":[[1,2.0,-3]],"n":3}"#), 2 + 3);
    assert_eq!(tokens(Endpoint::Embeddings, r#"{"input":[{"x":1},[[2]]],"x":[1]}"#), 2, "no prompts");
}

#[test]
fn files_count_the_same_whatever_their_size() {
    for size in [2000, 20_000] {
        let base64 = "AbC/".repeat(size / 4);
        let url = format!(r#"{{"":[{{"":{{"":"data:image/png;base64,{base64}"}}}}]}}"#);
        assert_eq!(read(Endpoint::Chat, None, [url.as_bytes()]).unwrap().input_tokens, 1600);
        for key in ["data", "file_data", "b64_json", "d\\u0061ta"] {
            for text in [format!(r#"{{"":[{{"{key}":"{base64}"}}]}}"#), format!(r#"{{"{key}":"{base64}"}}"#)] {
                let tokens = read(Endpoint::Messages, None, text.as_bytes().chunks(7)).unwrap().input_tokens;
                assert_eq!(tokens, 1600 + estimate_tokens(key.len() as u64, 0), "{key}");
            }
        }
        let escaped = base64.replace('/', "\\/");
        let text = format!(r#"{{"":{{"":"data:image\/png;base64,{escaped}"}}}}"#);
        assert_eq!(
            read(Endpoint::Chat, None, text.as_bytes().chunks(5)).unwrap().input_tokens,
            1600,
            "escaped slashes"
        );
    }
    let list = format!(r#"{{"":{{"data":["{}"]}}}}"#, "x".repeat(4000));
    assert_eq!(read(Endpoint::Chat, None, [list.as_bytes()]).unwrap().input_tokens, estimate_tokens(4004, 0));
    let after = format!(r#"{{"":{{"data":[{{"data":1}},"{}"]}}}}"#, "x".repeat(4000));
    assert_eq!(read(Endpoint::Chat, None, [after.as_bytes()]).unwrap().input_tokens, estimate_tokens(4008, 0));
}

#[test]
fn the_layout_says_where_members_can_be_added() {
    for (text, open, empty) in [("{}", 1, true), (" \n{ } ", 3, true), ("{\"x\":{}}", 1, false)] {
        assert_eq!(chat(text).layout, Layout::Object { open, empty });
    }
}

/// Any JSON value, with keys and words we govern more often than by chance.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        proptest::sample::select(vec!["model", "stream", "stream_options", "include_usage", "max_tokens", "n", "data"])
            .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..60), cut in 0_usize..60
    ) {
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        let whole = read(Endpoint::Chat, None, [bytes.as_slice()]);
        prop_assert_eq!(read(Endpoint::Chat, None, [left, right]), whole);
    }

    #[test]
    fn almost_json_is_read_alike_however_it_is_cut(
        mut value in any_json(), at in 0_usize..300, byte in any::<u8>(), cut in 0_usize..300
    ) {
        if let Value::Object(members) = &mut value {
            members.entry("model").or_insert(json!("m"));
        }
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        let whole = read(Endpoint::Chat, None, [bytes.as_slice()]);
        prop_assert_eq!(read(Endpoint::Chat, None, [left, right]), whole.clone());
        if whole.is_ok() {
            // Not as a value: that would also ask that its numbers fit.
            let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
            prop_assert!(parsed.is_ok() && bytes.trim_ascii().starts_with(b"{"), "accepted what is no JSON object");
        }
    }

    #[test]
    fn what_is_read_is_what_a_json_parser_reads(value in any_json(), model in ".{1,30}") {
        let value = json!({ "x": value, "model": model, "stream": true, "max_tokens": 7, "user": "u" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let body = read(Endpoint::Chat, None, [text.as_bytes()]).unwrap();
        let field = body.model.unwrap();
        let read: String = serde_json::from_str(text.get(field.span).unwrap()).unwrap();
        prop_assert_eq!(&read, &model);
        prop_assert_eq!(field.name, ModelName::new(model, false));
        prop_assert_eq!((body.stream, body.max_output_tokens, body.user.as_deref()), (true, Some(7), Some("u")));
    }
}
