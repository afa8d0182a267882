//! What the body may be, and that nothing in it changes but the bytes of the model's name.

use std::sync::OnceLock;

use crate::catalog::policy;
use crate::support::gateway::Gateway;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: {} }
keys:
  - { id: open, hash: <open>, team: t }
  - { id: small, hash: <small>, team: t, max_request_bytes: 1000 }
",
        ))
    })
}

const SERVED: &str = "gpt-4o-2024-08-06";

/// Sends `before "gpt-4o" after` and expects the same bytes with the provider's name in between.
fn passes(before: &[u8], name: &str, after: &[u8], chunks: Option<usize>) {
    let body = [before, name.as_bytes(), after].concat();
    let call = gateway().call("open").header("content-type", "application/json").body(body.clone());
    let reply = if let Some(size) = chunks { call.in_chunks(size) } else { call }.send();
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    assert_eq!(reply.status, 200, "{shown}: {}", reply.text());
    let expected = [before, format!("\"{SERVED}\"").as_bytes(), after].concat();
    let forwarded = reply.forwarded();
    assert!(
        forwarded.body == expected,
        "{shown} arrived as {}",
        String::from_utf8_lossy(&forwarded.body[..forwarded.body.len().min(200)])
    );
    assert!(forwarded.header("content-length").is_none_or(|length| length == expected.len().to_string()));
}

#[test]
fn only_the_bytes_of_the_model_change() {
    let around = [
        (r#"{"model":"#, r#","messages":[]}"#),
        (r#"{"messages":[],"model":"#, "}"),
        ("\r\n {\t\"messages\" : [ ] ,\n \"model\"  :\t ", "\n ,\"a\" : 1.0e+5 } \n\n"),
        (
            r#"{"unknown":{"model":"inner","deep":[[[{"model":1}]]]},"model":"#,
            r#","ratio":1.50,"big":123456789012345678901234567890,"s":"\u0041\/\"","e":1E-7}"#,
        ),
        (r#"{"messages":[{"role":"user","content":"\"model\":\"fake\", é 漢字 🦀 \ud83e\udd80 \\"}],"model":"#, "}"),
        (r#"{"Model":"x","MODEL":"y","model ":"z"," model":"w","model":"#, "}"),
        (
            r#"{"":"","model":"#,
            r#","user":"jo","metadata":{"k":"v"},"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}"#,
        ),
        (r#"{"lone":"\ud800","control":"\u0000","model":"#, "}"),
        (r#"{"mod\u0065l":"#, "}"),
    ];
    for (before, after) in around {
        for name in [r#""gpt-4o""#, r#""gpt\u002d4o""#, r#""\u0067\u0070\u0074-4\u006F""#, r#""chat-default""#] {
            passes(before.as_bytes(), name, after.as_bytes(), None);
        }
        for size in [1, 7, 4096] {
            passes(before.as_bytes(), r#""gpt-4o""#, after.as_bytes(), Some(size));
        }
    }
}

#[test]
fn large_bodies_pass_untouched_with_the_model_first_and_last() {
    for size in [100_000, 1_000_000, 15_000_000] {
        let text: String = "all work and no \\\"play\\\" é ".chars().cycle().take(size).collect::<String>();
        let text = text.trim_end_matches('\\');
        let messages = format!(r#""messages":[{{"role":"user","content":"{text}"}}],"max_tokens":5"#);
        passes(br#"{"model":"#, r#""gpt-4o""#, format!(",{messages}}}").as_bytes(), None);
        passes(format!("{{{messages},\"model\":").as_bytes(), r#""gpt-4o""#, b"}", Some(50_000));
    }
}

#[test]
fn what_is_not_one_json_object_with_one_model_is_refused() {
    let deep = |open: &str, close: &str| {
        format!(r#"{{"model":"gpt-4o","x":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000))
    };
    let cases: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "1",
        "\"gpt-4o\"",
        "[]",
        r#"[{"model":"gpt-4o"}]"#,
        "{}",
        r#"{"messages":[]}"#,
        "{",
        r#"{"model"#,
        r#"{"model":"gpt-4o""#,
        r#"{"model":"gpt-4o"}x"#,
        r#"{"model":"gpt-4o"}{"model":"gpt-4o-mini"}"#,
        r#"{"model":"gpt-4o"},"#,
        r#"{"model":"gpt-4o",}"#,
        r#"{,"model":"gpt-4o"}"#,
        r#"{"model":null}"#,
        r#"{"model":1}"#,
        r#"{"model":["gpt-4o"]}"#,
        r#"{"model":{"a":"gpt-4o"}}"#,
        r#"{"model":true}"#,
        r#"{"model":"gpt-4o","model":"gpt-4o"}"#,
        r#"{"model":"gpt-4o-mini","messages":[],"model":"gpt-4o"}"#,
        r#"{"model":"gpt-4o","mod\u0065l":"gpt-4o-mini"}"#,
        r#"{"model":1,"model":"gpt-4o"}"#,
        r#"{model:"gpt-4o"}"#,
        r#"{'model':'gpt-4o'}"#,
        r#"{"model":"gpt-4o" "a":1}"#,
        r#"{"model" "gpt-4o"}"#,
        r#"{"model":"gpt-4o","n":NaN}"#,
        r#"{"model":"gpt-4o","n":Infinity}"#,
        r#"{"model":"gpt-4o","n":01}"#,
        r#"{"model":"gpt-4o","n":1.}"#,
        r#"{"model":"gpt-4o","n":-}"#,
        r#"{"model":"gpt-4o","n":+1}"#,
        r#"{"model":"gpt-4o","n":tru}"#,
        r#"{"model":"gpt-4o"/**/}"#,
        "// x\n{\"model\":\"gpt-4o\"}",
        r#"{"model":"gpt-4o\x41"}"#,
        r#"{"model":"gpt-4o","s":"\u12g4"}"#,
        "{\"model\":\"gpt-4o\",\"s\":\"a\nb\"}",
        "{\"model\":\"gpt-4o\",\"s\":\"a\tb\"}",
        "\u{feff}{\"model\":\"gpt-4o\"}",
        r#"{"model":"gpt-4o","a":[1,2}}"#,
        r#"{"model":"gpt-4o","a":[1,]}"#,
        "{\"model\":\"gpt-4o\"}\0",
        r#"{"model":"gpt-4o","a":1]"#,
        "model=gpt-4o",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([
        b"{\"model\":\"gpt-4o\",\"s\":\"\xff\"}".to_vec(),
        b"{\"model\":\"gpt-4o\",\"s\":\"\xc0\xaf\"}".to_vec(),
        b"{\"model\":\"gpt-4o\",\"s\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"model\":\"gpt-4o\",\"s\":\"\xe2\x82\"}".to_vec(),
        b"{\"model\":\"gpt-4o\xff\"}".to_vec(),
        b"\xff\xfe{\0\"\0".to_vec(),
        deep("[", "]").into_bytes(),
        deep(r#"{"a":"#, "}").into_bytes(),
        "[".repeat(1_000_000).into_bytes(),
    ])
    .collect();
    for body in cases {
        for chunks in [None, Some(3)] {
            if chunks.is_some() && body.len() > 1000 {
                continue;
            }
            let call = gateway().call("open").header("content-type", "application/json").body(body.clone());
            let reply = if let Some(size) = chunks { call.in_chunks(size) } else { call }.send();
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            assert_eq!(reply.outcome(), (400, "invalid_request".into()), "{shown:?}: {}", reply.text());
            assert!(reply.received().is_empty(), "{shown:?} reached the provider");
        }
    }
}

#[test]
fn a_reasonable_depth_passes() {
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    passes(br#"{"model":"#, r#""gpt-4o""#, format!(",\"x\":{nested}}}").as_bytes(), None);
}

#[test]
fn only_plain_bodies_are_read() {
    let body = br#"{"model":"gpt-4o"}"#;
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity", "made-up"] {
        let reply = gateway().call("open").header("content-encoding", encoding).body(body).send();
        assert_eq!(reply.outcome(), (415, "unsupported_encoding".into()), "{encoding}: {}", reply.text());
        assert!(reply.received().is_empty());
    }
    assert_eq!(gateway().call("open").header("content-encoding", "identity").body(body).send().status, 200);
}

#[test]
fn the_content_type_is_not_believed() {
    for kind in ["text/plain", "application/octet-stream", "application/json; charset=utf-8"] {
        let reply = gateway().call("open").header("content-type", kind).body(r#"{"model":"llama-x"}"#).send();
        assert_eq!(reply.outcome(), (404, "model_not_found".into()), "{kind}");
    }
}

#[test]
fn a_body_above_the_limit_is_413() {
    let body = |size: usize| format!(r#"{{"model":"gpt-4o","x":"{}"}}"#, "x".repeat(size));
    for (key, size) in [("small", 1000), ("open", 16 << 20)] {
        for chunks in [None, Some(10_000)] {
            let call = gateway().call(key).body(body(size));
            let reply = if let Some(size) = chunks { call.in_chunks(size) } else { call }.send();
            assert_eq!(reply.outcome(), (413, "request_too_large".into()), "{key} {chunks:?}: {}", reply.text());
            assert!(reply.received().is_empty());
        }
    }
    assert_eq!(gateway().call("small").body(body(900)).send().status, 200);
}

#[test]
fn a_body_far_above_the_limit_is_refused_in_the_apis_shape_too() {
    let body = format!(r#"{{"model":"gpt-4o","x":"{}"}}"#, "x".repeat(24 << 20));
    for size in [60_000, 1 << 20, 25 << 20] {
        for _ in 0..3 {
            let reply = gateway().call("open").body(body.as_str()).in_chunks(size).send();
            assert_eq!(reply.outcome(), (413, "request_too_large".into()), "{size}: {}", reply.text());
        }
    }
}

#[test]
fn a_model_in_the_query_must_not_contradict_the_body() {
    let reply = gateway().call("open").path("/v1/chat/completions?model=gpt-4o-mini").chat("gpt-4o").send();
    assert_eq!(reply.outcome(), (400, "invalid_request".into()));
    assert!(reply.received().is_empty());
    for query in ["?model=gpt-4o", "?api-version=2024-10-21"] {
        let reply = gateway().call("open").path(&format!("/v1/chat/completions{query}")).chat("gpt-4o").send();
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    }
}

#[test]
fn a_request_without_a_body_is_refused_at_once() {
    let bytes = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n\r\n",
        crate::support::policy::key("open")
    );
    assert_eq!(gateway().raw(bytes.as_bytes()).status, 400);
}
