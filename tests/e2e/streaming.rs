//! Streams: nothing held back, usage asked for and taken out again, and a fair charge when one is cut.

use std::sync::OnceLock;

use serde_json::json;

use crate::catalog::policy;
use crate::support::gateway::Gateway;
use crate::support::provider::{Answer, Latch, Step};
use crate::support::wire;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: {} }
keys: [ { id: open, hash: <open>, team: t } ]
",
        ))
    })
}

#[test]
fn usage_is_asked_for_and_taken_out_again() {
    for (options, asked) in [
        ("", false),
        (r#","stream_options":{}"#, false),
        (r#","stream_options":null"#, false),
        (r#","stream_options":{"include_usage":false}"#, false),
        (r#","stream_options":{"include_usage":true}"#, true),
        (r#","stream_options": { "other" : 1 } "#, false),
    ] {
        for path in ["/v1/chat/completions", "/v1/completions"] {
            let body = format!(r#"{{"model":"gpt-4o","stream":true,"messages":[],"prompt":"x"{options}}}"#);
            let reply = gateway().call("open").path(path).body(body).send();
            let forwarded = reply.forwarded();
            assert_eq!(
                forwarded.json()["stream_options"]["include_usage"],
                true,
                "{options}: {}",
                String::from_utf8_lossy(&forwarded.body)
            );
            if options.contains("other") {
                assert_eq!(forwarded.json()["stream_options"]["other"], 1);
            }
            let text = reply.text();
            assert_eq!(text.contains("\"choices\":[]"), asked, "{path} {options}: {text}");
            assert!(text.ends_with("data: [DONE]\n\n") && text.contains("lo"), "{path}: {text}");
            let record = reply.audit();
            assert_eq!((&record["output_tokens"], &record["estimated"]), (&json!(21), &json!(false)), "{record}");
        }
    }
}

#[test]
fn the_usage_chunk_is_taken_out_however_the_bytes_are_cut() {
    let whole = wire::chat_stream("m", &["a", "b"], Some(wire::usage(12, 21)));
    let size = whole.bytes().len();
    let without: String = String::from_utf8(whole.bytes())
        .unwrap()
        .split_inclusive("\n\n")
        .filter(|event| !event.contains("\"choices\":[]"))
        .collect();
    for cut in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, size] {
        let reply = gateway().call("open").chat_stream("gpt-4o").answered(whole.clone().cut_every(cut)).send();
        // What a caller who did not ask gets may say `"usage":null` or not; the events and their order stay.
        let plain = |text: &str| text.replace(",\"usage\":null", "").replace("\"usage\":null,", "");
        assert_eq!(plain(&reply.text()), plain(&without), "pieces of {cut}");
    }
}

#[test]
fn a_request_that_is_not_streamed_is_not_asked_for_usage() {
    for stream in ["", r#","stream":false"#, r#","stream":null"#] {
        let body = format!(r#"{{"model":"gpt-4o","messages":[]{stream}}}"#);
        let forwarded = gateway().call("open").body(body.clone()).send().forwarded();
        assert_eq!(String::from_utf8_lossy(&forwarded.body), body.replace("gpt-4o", "gpt-4o-2024-08-06"));
    }
}

#[test]
fn no_piece_is_held_back() {
    let latches = [Latch::closed(), Latch::closed()];
    let event =
        |text: &str| wire::event(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] })).into_bytes();
    let mut answer = Answer::stream([event("one")]);
    answer.steps.extend([
        Step::Hold(latches[0].clone()),
        Step::Send(event("two")),
        Step::Hold(latches[1].clone()),
        Step::Send(b"data: [DONE]\n\n".to_vec()),
    ]);
    let mut open = gateway().call("open").chat_stream("gpt-4o").answered(answer).open();
    // Each piece arrives while the provider waits for the test, so it cannot have waited for the next one.
    assert_eq!(open.piece().unwrap(), event("one"));
    latches[0].open();
    assert_eq!(open.piece().unwrap(), event("two"));
    latches[1].open();
    assert_eq!(open.piece().unwrap(), b"data: [DONE]\n\n");
    assert_eq!(open.piece(), None);
}

#[test]
fn a_caller_who_hangs_up_pays_for_what_was_streamed() {
    let text = "word ".repeat(200);
    let mut answer = wire::chat_stream("m", &[text.as_str()], None);
    answer.steps.truncate(2);
    let mut open =
        gateway().call("open").chat_stream("gpt-4o").answered(answer.then(Step::Hold(Latch::closed()))).open();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("word") {
        seen.extend(open.piece().unwrap());
    }
    let record = open.hang_up();
    assert_eq!((&record["estimated"], &record["decision"]), (&json!(true), &json!("allowed")), "{record}");
    assert!((50..1000).contains(&record["output_tokens"].as_u64().unwrap()), "{record}");
}

#[test]
fn a_stream_the_provider_cuts_is_charged_for_what_was_streamed() {
    for (path, model, events) in [
        (
            "/v1/chat/completions",
            "gpt-4o",
            vec![wire::event(&json!({ "choices": [{ "index": 0, "delta": { "content": "word ".repeat(200) } }] }))],
        ),
        ("/v1/messages", "claude-sonnet", wire::message_events("m")[..4].to_vec()),
    ] {
        let body = json!({ "model": model, "messages": [], "max_tokens": 300, "stream": true });
        let reply =
            gateway().call("open").path(path).json(&body).answered(Answer::stream(events).then(Step::Cut)).send();
        assert!(!reply.complete, "{path}");
        let record = reply.audit();
        assert_eq!(record["estimated"], true, "{record}");
        assert!(record["output_tokens"].as_u64().unwrap() > 0, "{record}");
    }
}

#[test]
fn an_error_event_midway_passes_and_settles() {
    let error = wire::event(&wire::error("overloaded", "server_error", "x"));
    let answer = Answer::stream([
        wire::event(&json!({ "choices": [{ "index": 0, "delta": { "content": "word" } }] })),
        error.clone(),
    ]);
    let reply = gateway().call("open").chat_stream("gpt-4o").answered(answer).send();
    assert!(reply.text().ends_with(&error), "{}", reply.text());
    assert_eq!(reply.audit()["estimated"], true);
}
