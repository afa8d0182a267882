//! Failover along a chain: each attempt speaks to its own provider, and the caller sees one answer.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::call::Reply;
use crate::support::config::credential;
use crate::support::gateway::Gateway;
use crate::support::provider::{Answer, Received, Step};
use crate::support::{told, wire};

/// Anthropic first, then OpenAI, as the cluster `claude-sonnet` has it.
pub const POLICY: &str = r#"
version: 1
providers:
  anthropic: { api: anthropic }
  openai: { api: openai }
models:
  claude-sonnet:
    cluster: claude-sonnet
    max_output_tokens: 1000
    targets:
      - { provider: anthropic, model: claude-sonnet-4-20250514, price: { input: 3, cached_input: 0.30, cache_write: 3.75, cache_write_1h: 6, output: 15 } }
      - { provider: openai, model: gpt-4o-2024-08-06, price: { input: 2.50, cached_input: 1.25, output: 10 } }
  hurried:
    cluster: claude-sonnet
    timeout: 400ms
    targets:
      - { provider: anthropic, model: claude-sonnet-4-20250514, price: { input: 3, output: 15 } }
      - { provider: openai, model: gpt-4o-2024-08-06, price: { input: 2.50, output: 10 } }
  guarded:
    cluster: claude-sonnet
    targets:
      - { provider: anthropic, model: claude-sonnet-4-20250514, price: { input: 3, output: 15 } }
      - { provider: openai, model: gpt-costly, price: { input: 2.50, output: 10 } }
  opened:
    cluster: claude-sonnet
    open_fallback: true
    targets:
      - { provider: anthropic, model: claude-sonnet-4-20250514, price: { input: 3, output: 15 } }
      - { provider: openai, model: gpt-costly, price: { input: 2.50, output: 10 } }
  costly:
    cluster: openai
    targets: [ { provider: openai, model: gpt-costly, price: { input: 2.50, output: 10 } } ]
teams: { t: {} }
keys:
  - { id: all, hash: <all>, team: t }
  - { id: frugal, hash: <frugal>, team: t, deny: [costly] }
"#;

/// The shipped gateway; but no provider is put aside for the failures that one test after the other asks for.
pub fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start_configured(POLICY, |config| {
            for cluster in config["static_resources"]["clusters"].as_array_mut().into_iter().flatten() {
                cluster.as_object_mut().unwrap().remove("outlier_detection");
            }
        })
    })
}

pub const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

pub fn body(model: &str, stream: bool) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50, "stream": stream })
}

pub fn tried(record: &Value) -> Vec<(&str, Option<u64>)> {
    let attempts = record["tried"].as_array().unwrap();
    attempts.iter().map(|attempt| (attempt["provider"].as_str().unwrap(), attempt["status"].as_u64())).collect()
}

/// How the first provider may fail, and the status that is noted of it.
fn failures() -> Vec<(&'static str, Answer, Option<u64>)> {
    let overloaded = wire::anthropic::error("overloaded_error", "busy");
    vec![
        ("reset", Answer::reset(), None),
        ("429", Answer::json(429, &overloaded).with_header("retry-after", "7"), Some(429)),
        ("500", Answer::json(500, &overloaded), Some(500)),
        ("500 without a body", Answer::whole(500, "text/plain", ""), Some(500)),
        ("503 of a proxy", Answer::whole(503, "text/html", "<html>no</html>"), Some(503)),
        ("529", Answer::json(529, &overloaded), Some(529)),
        ("error while its body comes", Answer::json(500, &overloaded).cut_every(1), Some(500)),
    ]
}

/// Failures that only show in the body of an answer that says it is good. Only where the answer is translated is it read
/// before it passes.
fn failures_within(stream: bool) -> Vec<(&'static str, Answer, Option<u64>)> {
    let begun = || wire::message_events("m")[..1].to_vec();
    if stream {
        vec![
            ("nothing of a stream", Answer::stream([""; 0]), Some(200)),
            ("cut before the first byte of a stream", Answer::stream([""; 0]).then(Step::Cut), Some(200)),
            ("cut before anything was said", Answer::stream(begun()).then(Step::Cut), Some(200)),
            ("end before anything was said", Answer::stream(begun()), Some(200)),
            ("no events", Answer::whole(200, "text/html", "<html>hello</html>"), Some(200)),
            ("malformed events", Answer::stream(["event: message_start\ndata: {\"type\":\n\n"]), Some(200)),
            ("error first", Answer::stream([wire::anthropic::error_event("overloaded_error", "busy")]), Some(200)),
            (
                "error before anything was said",
                Answer::stream(begun().into_iter().chain([wire::anthropic::error_event("api_error", "no")])),
                Some(200),
            ),
        ]
    } else {
        vec![
            ("cut before the body", Answer::json(200, &wire::message("m")).cut_every(50).cut_after(0), Some(200)),
            ("HTML", Answer::whole(200, "text/html", "<html>hello</html>"), Some(200)),
            ("other JSON", Answer::json(200, &json!({ "hello": "world" })), Some(200)),
            ("nothing", Answer::whole(200, "application/json", ""), Some(200)),
        ]
    }
}

/// That an attempt said to its provider what this one has to hear, and nothing else.
fn speaks_to_its_own(attempt: &Received) {
    let name = attempt.provider.as_str();
    let (path, host, model) = match name {
        "anthropic" => ("/v1/messages", "api.anthropic.com", "claude-sonnet-4-20250514"),
        _ => ("/v1/chat/completions", "api.openai.com", "gpt-4o-2024-08-06"),
    };
    assert_eq!((attempt.path.as_str(), attempt.header("host")), (path, Some(host)), "{name}");
    assert_eq!(attempt.json()["model"], model, "{name}: {}", attempt.json());
    let bearer = (name == "openai").then(|| format!("Bearer {}", credential(name)));
    assert_eq!(attempt.header("authorization"), bearer.as_deref(), "{name}");
    let key = (name == "anthropic").then(|| credential(name));
    assert_eq!(attempt.header("x-api-key"), key.as_deref(), "{name}");
    assert_eq!(attempt.header("anthropic-version"), (name == "anthropic").then_some("2023-06-01"), "{name}");
    let credentials = attempt.headers.iter().filter(|(_, value)| value.contains("credential-of-")).count();
    assert_eq!(credentials, 1, "{:?}", attempt.headers);
    let ours = |(field, value): &(String, String)| {
        field.starts_with("x-keyward-")
            || field.starts_with("x-envoy-")
            || field.starts_with("x-forwarded-")
            || ["forwarded", "x-real-ip", "via"].contains(&field.as_str())
            || value == "gateway"
            || value.contains("sk-kw-test")
    };
    assert!(!attempt.headers.iter().any(ours), "{:?}", attempt.headers);
    let length = attempt.header("content-length").map(|length| length.parse());
    assert!(length.is_none_or(|length| length == Ok(attempt.body.len())), "{name}");
}

/// That OpenAI answered after Anthropic had failed.
fn second_answered(what: &str, path: &str, stream: bool, first: Option<u64>, reply: &Reply<'_>) {
    let what = format!("{what}, {path}, stream {stream}");
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    let received = reply.received();
    let providers: Vec<&str> = received.iter().map(|attempt| attempt.provider.as_str()).collect();
    assert_eq!(providers, ["anthropic", "openai"], "{what}");
    received.iter().for_each(speaks_to_its_own);
    let told = told::read(path, reply, stream);
    assert_eq!((told.text.as_str(), &told.error), ("Hello", &None), "{what}: {}", reply.text());
    // Who is spoken to in their own API gets their own answer.
    let named = if path == "/v1/messages" { "claude-sonnet" } else { "gpt-4o-2024-08-06" };
    assert_eq!(told.model, named, "{what}: {}", reply.text());
    assert_eq!(reply.header("x-keyward-model"), Some("claude-sonnet"), "{what}");
    assert_eq!(reply.header("x-keyward-provider"), Some("openai"), "{what}");
    assert_eq!(reply.number("x-keyward-attempts"), 2, "{what}");
    // 12 at $2.50 and 21 at $10 a million.
    assert_eq!(reply.header("x-keyward-cost-usd"), (!stream).then_some("0.00024"), "{what}");
    for internal in ["x-keyward-target", "x-envoy-attempt-count"] {
        assert_eq!(reply.header(internal), None, "{what}");
    }
    let record = reply.audit();
    let expected = json!({ "provider": "openai", "provider_model": "gpt-4o-2024-08-06", "attempts": 2, "status": 200, "decision": "allowed",
        "input_tokens": 12, "output_tokens": 21, "cost_usd": "0.00024", "estimated": false, "model": "claude-sonnet" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{what}: {field}: {record}");
    }
    assert_eq!(tried(&record), [("anthropic", first), ("openai", Some(200))], "{what}");
}

fn failing(path: &str, stream: bool, answer: Answer) -> Reply<'static> {
    let mut call = gateway().call("all").path(path).json(&body("claude-sonnet", stream));
    for header in ["x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via"] {
        call = call.header(header, "10.0.0.1");
    }
    call.answered_by("anthropic", answer).send()
}

#[test]
fn a_provider_that_fails_before_it_answers_is_replaced_by_the_next() {
    for path in PATHS {
        for stream in [false, true] {
            for (what, answer, status) in failures() {
                second_answered(what, path, stream, status, &failing(path, stream, answer));
            }
        }
    }
}

#[test]
fn a_good_answer_that_cannot_be_read_is_replaced_by_the_next_providers() {
    for stream in [false, true] {
        for (what, answer, status) in failures_within(stream) {
            let path = "/v1/chat/completions";
            second_answered(what, path, stream, status, &failing(path, stream, answer));
        }
    }
}

#[test]
fn the_first_provider_is_asked_in_its_own_words() {
    for path in PATHS {
        for stream in [false, true] {
            let reply = gateway().call("all").path(path).json(&body("claude-sonnet", stream)).send();
            let told = told::read(path, &reply, stream);
            assert_eq!((reply.status, told.text.as_str()), (200, "Hello"), "{}", reply.text());
            speaks_to_its_own(&reply.forwarded());
            let record = reply.audit();
            assert_eq!(tried(&record), [("anthropic", Some(200))]);
            // 12 at $3, 100 written to the cache at $3.75, 1000 read from it at $0.30, 21 at $15 a million.
            assert_eq!(record["cost_usd"], "0.001026", "{record}");
        }
    }
}

#[test]
fn the_last_providers_error_reaches_the_caller_in_its_own_shape() {
    let limited = || {
        let error = wire::error("Slow down.", "requests", "rate_limit_exceeded");
        Answer::json(429, &error).with_header("retry-after", "7")
    };
    for path in PATHS {
        for stream in [false, true] {
            let reply = gateway()
                .call("all")
                .path(path)
                .json(&body("claude-sonnet", stream))
                .answered_by("anthropic", Answer::json(503, &wire::anthropic::error("api_error", "no")))
                .answered_by("openai", limited())
                .send();
            assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")), "{path}: {}", reply.text());
            let error = &reply.json()["error"];
            assert_eq!(error["message"], "Slow down.", "{path}: {}", reply.text());
            if path == "/v1/messages" {
                let kinds = (&reply.json()["type"], &error["type"]);
                assert_eq!(kinds, (&json!("error"), &json!("rate_limit_error")), "{}", reply.text());
            } else {
                assert_eq!(error["code"], "rate_limit_exceeded", "{}", reply.text());
            }
            let record = reply.audit();
            let chain = [("anthropic", Some(503)), ("openai", Some(429))];
            assert_eq!(tried(&record), [chain, chain].concat(), "{record}");
            assert_eq!(
                (&record["status"], &record["cost_usd"], &record["attempts"]),
                (&json!(429), &json!("0"), &json!(4))
            );
            assert_eq!((&record["provider"], reply.header("x-keyward-provider")), (&json!("openai"), Some("openai")));
        }
    }
}

#[test]
fn headers_between_a_provider_and_the_gateway_end_there() {
    let theirs = ["set-cookie", "alt-svc", "strict-transport-security", "www-authenticate", "x-envoy-overloaded"];
    for path in PATHS {
        for answer in
            [Answer::json(200, &wire::message("m")), Answer::json(400, &wire::anthropic::error("api_error", "no"))]
        {
            let answer = theirs.iter().fold(answer, |answer, header| answer.with_header(header, "x"));
            let reply = failing(path, false, answer.with_header("request-id", "theirs"));
            for header in theirs {
                assert_eq!(reply.header(header), None, "{path} {}", reply.status);
            }
            assert_eq!((reply.header("request-id"), reply.number("x-keyward-attempts")), (Some("theirs"), 1), "{path}");
        }
    }
}

#[test]
fn what_the_caller_did_wrong_is_not_tried_elsewhere() {
    for (path, told) in PATHS.into_iter().zip(["chat", "messages"]) {
        let bad = Answer::json(400, &wire::anthropic::error("invalid_request_error", "too long"));
        let reply = failing(path, false, bad);
        assert_eq!((reply.status, &reply.json()["error"]["message"]), (400, &json!("too long")), "{told}");
        assert_eq!(tried(&reply.audit()), [("anthropic", Some(400))]);
    }
}

#[test]
fn a_provider_that_fails_once_is_tried_again_at_the_end_of_the_chain() {
    let reply = gateway()
        .call("all")
        .json(&body("claude-sonnet", false))
        .answered_by("anthropic", Answer::reset())
        .answered_by("anthropic", Answer::json(200, &wire::message("m")))
        .answered_by("openai", Answer::json(500, &wire::error("no", "server_error", "x")))
        .send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let record = reply.audit();
    assert_eq!(tried(&record), [("anthropic", None), ("openai", Some(500)), ("anthropic", Some(200))]);
    assert_eq!((&record["provider"], &record["cost_usd"]), (&json!("anthropic"), &json!("0.001026")));
}

#[test]
fn what_the_caller_said_to_one_provider_is_said_to_it_again_and_to_no_other() {
    let reply = gateway()
        .call("all")
        .path("/v1/messages?beta=true")
        .header("anthropic-version", "2023-01-01")
        .header("anthropic-beta", "a")
        .header("anthropic-beta", "b")
        .json(&body("claude-sonnet", false))
        .answered_by("anthropic", Answer::reset())
        .answered_by("anthropic", Answer::json(200, &wire::message("m")))
        .answered_by("openai", Answer::json(500, &wire::error("no", "server_error", "x")))
        .send();
    let received = reply.received();
    let [first, second, third] = received.as_slice() else { panic!("{received:?}") };
    for attempt in [first, third] {
        assert_eq!(attempt.path, "/v1/messages?beta=true");
        assert_eq!(attempt.header("anthropic-version"), Some("2023-01-01"));
        let betas: Vec<&str> =
            attempt.headers.iter().filter(|(name, _)| name == "anthropic-beta").map(|(_, v)| v.as_str()).collect();
        assert_eq!(betas.join(",").replace(' ', ""), "a,b");
        assert_eq!(attempt.body, first.body);
        assert_eq!(
            (attempt.header("authorization"), attempt.header("x-api-key")),
            (None, Some(credential("anthropic").as_str()))
        );
    }
    assert_eq!(second.path, "/v1/chat/completions");
    assert!(!second.headers.iter().any(|(name, _)| name.starts_with("anthropic-")), "{:?}", second.headers);
}

#[test]
fn nothing_is_tried_again_once_a_stream_has_begun() {
    for path in PATHS {
        for (what, answer) in [
            ("cut", Answer::stream(&wire::message_events("m")[..4]).then(Step::Cut)),
            ("ended", Answer::stream(&wire::message_events("m")[..4])),
            (
                "error",
                Answer::stream(
                    wire::message_events("m")[..4]
                        .iter()
                        .cloned()
                        .chain([wire::anthropic::error_event("overloaded_error", "busy")]),
                ),
            ),
        ] {
            let reply = failing(path, true, answer);
            assert_eq!(reply.status, 200, "{what} {path}");
            assert_eq!(reply.received().len(), 1, "{what} {path}");
            let told = told::read(path, &reply, true);
            assert_eq!(told.text, "Hel", "{what} {path}");
            let says_so = told.error.is_some() || !reply.complete || told.finish.is_empty();
            assert!(says_so, "{what} {path}: nobody may take it for whole: {}", reply.text());
            let record = reply.audit();
            assert_eq!(
                (&record["estimated"], &record["provider"]),
                (&json!(true), &json!("anthropic")),
                "{what} {path}: {record}"
            );
            assert_ne!(record["cost_usd"], "0", "{what} {path}: {record}");
        }
    }
}

#[test]
fn a_fallback_is_no_way_around_a_grant() {
    let down = || Answer::json(503, &wire::anthropic::error("overloaded_error", "busy"));
    let call = |key: &str, model: &str, path: &str| {
        gateway().call(key).path(path).json(&body(model, false)).answered_by("anthropic", down()).send()
    };
    for path in PATHS {
        for (key, model) in [("all", "guarded"), ("all", "opened"), ("frugal", "opened")] {
            let reply = call(key, model, path);
            assert_eq!((reply.status, reply.header("x-keyward-provider")), (200, Some("openai")), "{key} {model}");
            assert_eq!(reply.received()[1].json()["model"], "gpt-costly");
        }
        let reply = call("frugal", "guarded", path);
        assert!(reply.received().iter().all(|attempt| attempt.provider == "anthropic"), "{path}");
        let error = &reply.json()["error"]["message"];
        assert_eq!((reply.status, error), (500, &json!("the model cannot be served here")), "{path}: {}", reply.text());
        assert!(!reply.text().contains("gpt-costly"), "{path}: {}", reply.text());
        let record = reply.audit();
        assert_eq!((&record["provider"], &record["cost_usd"]), (&json!("anthropic"), &json!("0")), "{record}");
        assert_eq!(record["decision"], "provider_unavailable", "{record}");
        assert!(tried(&record).iter().all(|(provider, _)| *provider == "anthropic"), "{record}");
    }
}

#[test]
fn large_bodies_are_sent_again_and_come_back_whole() {
    let long = "a \"long\" text, ".repeat(200_000);
    for path in PATHS {
        let mut asked = body("claude-sonnet", false);
        asked["messages"][0]["content"] = json!(long);
        for first in [Answer::reset(), Answer::json(503, &wire::anthropic::error("api_error", "no"))] {
            let answer = Answer::json(200, &wire::chat("gpt-4o", &long, &wire::usage(12, 21)));
            let call = gateway().call("all").path(path).json(&asked);
            let reply = call.answered_by("anthropic", first).answered_by("openai", answer).send();
            assert_eq!((reply.status, reply.complete), (200, true), "{path}: {}", reply.text());
            assert!(told::read(path, &reply, false).text == long, "{path}: the answer is another one");
            let received = reply.received();
            assert_eq!(received.len(), 2, "{path}");
            for attempt in &received {
                assert!(attempt.json()["messages"][0].to_string().contains(&json!(long).to_string()), "{path}");
            }
            assert_eq!(reply.audit()["cost_usd"], "0.00024");
        }
    }
}
