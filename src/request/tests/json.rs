//! JSON bodies: what is one, and its model.

use super::{name, read_all_ways};
use crate::request::{BadBody, Body, Endpoint, ModelName, StreamOptions};

pub(super) fn body(endpoint: Endpoint, text: &str) -> Body {
    read_all_ways(endpoint, None, text.as_bytes()).unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

pub(super) fn bad(endpoint: Endpoint, text: impl AsRef<[u8]>) -> BadBody {
    let text = text.as_ref();
    match read_all_ways(endpoint, None, text) {
        Err(bad) => bad,
        Ok(body) => panic!("{}: {body:?}", String::from_utf8_lossy(text)),
    }
}

pub(super) fn chat(text: &str) -> Body {
    body(Endpoint::Chat, text)
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{{\"model\":\"m\",\"x\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    let cases: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"  \r\n\t ".to_vec(),
        b"null".to_vec(),
        b"\"model\"".to_vec(),
        b"7".to_vec(),
        b"[]".to_vec(),
        b"[{\"model\":\"m\"}]".to_vec(),
        b"{\"model\":\"m\"".to_vec(),
        b"{\"model\":\"m".to_vec(),
        b"{\"model\"}".to_vec(),
        b"{\"model\":}".to_vec(),
        b"{\"model\":\"m\",}".to_vec(),
        b"{,\"model\":\"m\"}".to_vec(),
        b"{\"model\" \"m\"}".to_vec(),
        b"{model:\"m\"}".to_vec(),
        b"{'model':'m'}".to_vec(),
        b"{\"model\":\"m\"} x".to_vec(),
        b"{\"model\":\"m\"}{\"model\":\"n\"}".to_vec(),
        b"{\"model\":\"m\"}\0".to_vec(),
        b"{\"model\":\"m\"}]".to_vec(),
        b"{\"model\":\"m\",\"x\":NaN}".to_vec(),
        b"{\"model\":\"m\",\"x\":Infinity}".to_vec(),
        b"{\"model\":\"m\",\"x\":01}".to_vec(),
        b"{\"model\":\"m\",\"x\":tru}".to_vec(),
        b"{\"model\":\"m\"/* c */}".to_vec(),
        b"{\"model\":\"m\",// c\n\"x\":1}".to_vec(),
        b"{\"model\":\"m\n\"}".to_vec(),
        b"{\"model\":\"\\x6d\"}".to_vec(),
        b"{\"model\":\"\\u00g0\"}".to_vec(),
        b"\xef\xbb\xbf{\"model\":\"m\"}".to_vec(),
        b"\xff\xfe{\0\"\0".to_vec(),
        b"{\"model\":\"m\xff\"}".to_vec(),
        b"{\"model\":\"m\",\"x\":\"\xc0\xaf\"}".to_vec(),
        b"{\"model\":\"m\",\"x\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"model\":\"m\",\"\xe9\":1}".to_vec(),
        b"{\"model\":\"m\",\"x\":\"\xe2\x82\"}".to_vec(),
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec(),
        b"model=gpt-4o&messages=x".to_vec(),
        b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n".to_vec(),
        deep("[", "]", 128).into_bytes(),
        deep("{\"a\":", "}", 128).into_bytes(),
    ];
    for case in &cases {
        let bad = bad(Endpoint::Chat, case);
        assert_eq!(bad.param, None, "{}", String::from_utf8_lossy(case));
        assert!(bad.message.starts_with("the body"), "{bad}");
    }
    assert_eq!(chat(&deep("[", "]", 127)).model.unwrap().name, name("m"));
}

#[test]
fn a_refusal_never_repeats_the_body() {
    for text in ["{\"model\":\"SECRET\",SECRET}", "{\"SECRET\":SECRET}", "{\"model\":[\"SECRET\"]}", "SECRET"] {
        assert!(!bad(Endpoint::Chat, text).message.contains("SECRET"));
    }
}

#[test]
fn the_model_is_read_with_its_place() {
    for (text, expected, value) in [
        (r#"{"model":"gpt-4o"}"#, "gpt-4o", r#""gpt-4o""#),
        ("\t{ \"messages\" : [] ,\r\n \"model\"\n:\t\"gpt-4o\" } \n", "gpt-4o", r#""gpt-4o""#),
        (r#"{"model":"gpt\u002d4\u006F"}"#, "gpt-4o", r#""gpt\u002d4\u006F""#),
        (r#"{"\u006dodel":"m"}"#, "m", r#""m""#),
        (r#"{"model":"a\/b\"c\\"}"#, "a/b\"c\\", r#""a\/b\"c\\""#),
        (r#"{"é":"ü","model":"モデル"}"#, "モデル", r#""モデル""#),
        (r#"{"model":"\ud83d\ude00"}"#, "😀", r#""\ud83d\ude00""#),
        (r#"{"x":{"model":"n"},"y":["model"],"model":"m","z":{"model":1}}"#, "m", r#""m""#),
        (r#"{"Model":1,"model ":2,"MODEL":3,"model\u0000":4,"mode":5,"models":6,"model":"m"}"#, "m", r#""m""#),
        (r#"{"messages":[{"content":"\"model\":\"x\""}],"model":"m"}"#, "m", r#""m""#),
        (r#"{"model":" m "}"#, " m ", r#"" m ""#),
    ] {
        let model = chat(text).model.unwrap();
        assert_eq!(model.name, name(expected), "{text}");
        assert_eq!(text.get(model.span), Some(value), "{text}");
    }
    assert_eq!(chat("{}").model, None, "the path may name it");
}

#[test]
fn a_model_that_is_no_name_is_refused() {
    for value in ["1", "null", "true", "[]", "[\"m\"]", "{}", "{\"model\":\"m\"}", "\"\"", "1.5e3"] {
        assert_eq!(bad(Endpoint::Chat, format!("{{\"model\":{value}}}")).param, Some("model"), "{value}");
    }
}

#[test]
fn a_name_that_no_catalog_can_hold_is_no_error_here() {
    let longest = "m".repeat(256);
    assert_eq!(chat(&format!(r#"{{"model":"{longest}"}}"#)).model.unwrap().name, name(&longest));
    for value in ["m".repeat(257), "m".repeat(5000), "\\u006d".repeat(257), "a\\u0000b".into(), "\\ud800".into()] {
        let model = chat(&format!(r#"{{"model":"{value}"}}"#)).model.unwrap();
        assert!(matches!(model.name, ModelName::Impossible(_)), "{value}");
    }
}

#[test]
fn half_a_pair_in_a_long_string_hides_no_key_behind_it() {
    let behind = r#"{"model":"a","x":"xx\ud800\nAAAAAAAAAAAAAAAAAAAAAAAA","model":"b"}                  "#;
    assert!(bad(Endpoint::Chat, behind).message.contains("twice"));
    let honest = r#"{"messages":[{"role":"user","content":"xx\ud800\nAAAAAAAAAAAAAAAAAAAAAAAA"}],"model":"b"}      "#;
    assert_eq!(chat(honest).model.map(|field| field.name), Some(name("b")));
}

#[test]
fn a_governed_field_given_twice_is_refused_by_name() {
    for (endpoint, first, second, param) in [
        (Endpoint::Chat, r#""model":"m""#, r#""model":"m""#, "model"),
        (Endpoint::Chat, r#""model":"m""#, r#""mod\u0065l":"n""#, "model"),
        (Endpoint::Moderations, r#""\u006d\u006f\u0064\u0065\u006C":"m""#, r#""model":"n""#, "model"),
        (Endpoint::Chat, r#""stream":true"#, r#""stream":null"#, "stream"),
        (Endpoint::Chat, r#""stream_options":null"#, r#""stream_options":{}"#, "stream_options"),
        (Endpoint::Chat, r#""max_tokens":1"#, r#""max_tokens":1"#, "max_tokens"),
        (Endpoint::Messages, r#""max_tokens":null"#, r#""max_tokens":9"#, "max_tokens"),
        (Endpoint::Chat, r#""max_completion_tokens":1"#, r#""max_completion\u005ftokens":2"#, "max_completion_tokens"),
        (Endpoint::Responses, r#""max_output_tokens":1"#, r#""max_output_tokens":2"#, "max_output_tokens"),
        (Endpoint::Chat, r#""n":1"#, r#""n":100"#, "n"),
        (Endpoint::Completions, r#""best_of":1"#, r#""best_of":100"#, "best_of"),
        (Endpoint::Embeddings, r#""user":"a""#, r#""user":7"#, "user"),
        (Endpoint::Messages, r#""metadata":{"user_id":"a"}"#, r#""metadata":null"#, "metadata"),
    ] {
        for text in [format!("{{{first},{second}}}"), format!("{{{second},\"x\":[{{}}],{first}}}")] {
            let bad = bad(endpoint, &text);
            assert_eq!(bad.param, Some(param), "{text}");
            assert!(bad.message.contains(param) && bad.message.contains("twice"), "{bad}");
        }
    }
    let inside = r#"{"stream_options":{"include_usage":false,"include_us\u0061ge":true}}"#;
    assert_eq!(bad(Endpoint::Chat, inside).param, Some("stream_options.include_usage"));
    let inside = r#"{"metadata":{"user_id":"a","x":{},"user_id":"b"}}"#;
    assert_eq!(bad(Endpoint::Messages, inside).param, Some("metadata.user_id"));
}

#[test]
fn a_field_that_the_api_does_not_have_is_not_judged() {
    for (endpoint, text) in [
        (Endpoint::Embeddings, r#"{"max_tokens":"x","n":-1,"stream_options":7,"best_of":[],"metadata":1}"#),
        (Endpoint::Messages, r#"{"user":1,"user":2,"n":"x","n":3,"max_output_tokens":"x","stream_options":1}"#),
        (Endpoint::Responses, r#"{"max_tokens":"x","n":-1,"stream_options":{"include_usage":7}}"#),
        (Endpoint::Chat, r#"{"temperature":1,"temperature":2,"best_of":"x","x":{"stream":1,"stream":2}}"#),
    ] {
        let body = body(endpoint, text);
        assert_eq!((body.max_output_tokens, body.outputs), (None, 1), "{text}");
        assert_eq!((body.user, body.stream_options), (None, StreamOptions::Absent), "{text}");
    }
}
