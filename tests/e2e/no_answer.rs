//! What a provider sends that is no answer: the next provider is asked, and a caller is told in its own API.

use serde_json::{Value, json};

use crate::failover::{PATHS, body, gateway, tried};
use crate::support::call::Reply;
use crate::support::provider::Answer;
use crate::support::{told, wire};

/// A model that OpenAI alone serves.
const ALONE: &str = "costly";

fn redirect() -> Answer {
    Answer::whole(302, "text/html", "<html>moved</html>").with_header("location", "https://login.example/")
}

fn no_answers() -> Vec<(&'static str, u64, Answer)> {
    vec![
        ("redirect", 302, redirect()),
        ("redirect without a body", 302, Answer::whole(302, "text/plain", "").with_header("location", "/")),
        ("not modified", 304, Answer::whole(304, "text/plain", "")),
        ("page", 200, Answer::whole(200, "text/html; charset=utf-8", "<html>log in</html>")),
        ("page in pieces", 200, Answer::whole(200, "text/html", "<html>log in</html>").cut_every(3)),
    ]
}

/// That an error is one of the API called.
fn in_its_shape(what: &str, path: &str, reply: &Reply<'_>) -> Value {
    let body = reply.json();
    assert!(reply.complete && body["error"]["message"].is_string(), "{what} {path}: {}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"), "{what} {path}");
    assert_eq!(body["type"] == "error", path == "/v1/messages", "{what} {path}: {body}");
    body
}

#[test]
fn what_is_no_answer_is_replaced_by_the_next_providers() {
    for (what, status, answer) in no_answers() {
        // On each path one of the two is spoken to in its own API and the other is translated.
        for path in PATHS {
            let call = gateway().call("all").path(path).json(&body("claude-sonnet", false));
            let reply = call.answered_by("anthropic", answer.clone()).send();
            assert_eq!((reply.status, reply.number("x-keyward-attempts")), (200, 2), "{what} {path}: {}", reply.text());
            assert_eq!(told::read(path, &reply, false).text, "Hello", "{what} {path}");
            let record = reply.audit();
            assert_eq!(tried(&record), [("anthropic", Some(status)), ("openai", Some(200))], "{what} {path}");
            assert_eq!(record["cost_usd"], "0.00024", "{what} {path}: {record}");
        }
    }
}

#[test]
fn where_nobody_answers_the_caller_hears_it_in_its_own_api() {
    for (what, status, answer) in no_answers() {
        for path in PATHS {
            for stream in [false, true] {
                let call = gateway().call("all").path(path).json(&body(ALONE, stream));
                let reply = call.answered_by("openai", answer.clone()).send();
                assert_eq!((reply.status, reply.header("location")), (502, None), "{what} {path}: {}", reply.text());
                in_its_shape(what, path, &reply);
                for theirs in ["log in", "moved", "html"] {
                    assert!(!reply.text().contains(theirs), "{what} {path}: {}", reply.text());
                }
                let record = reply.audit();
                let told = (&record["status"], &record["decision"], &record["cost_usd"]);
                assert_eq!(told, (&json!(502), &json!("provider_unavailable"), &json!("0")), "{what} {path}: {record}");
                assert_eq!(tried(&record), vec![("openai", Some(status)); 4], "{what} {path}");
                assert_eq!(record["attempts"], 4, "{what} {path}: {record}");
            }
        }
    }
}

#[test]
fn an_error_without_a_body_gets_one() {
    for path in PATHS {
        for status in [400, 404, 500] {
            let answer = Answer::whole(status, "text/plain", "")
                .with_header("retry-after", "7")
                .with_header("x-request-id", "p");
            let reply = gateway().call("all").path(path).json(&body(ALONE, false)).answered_by("openai", answer).send();
            assert_eq!((reply.status, reply.header("retry-after")), (status, Some("7")), "{path}: {}", reply.text());
            in_its_shape("empty", path, &reply);
            assert_eq!(reply.header("x-keyward-cost-usd"), Some("0"), "{path} {status}");
            let record = reply.audit();
            let told = (&record["status"], &record["decision"], &record["cost_usd"]);
            assert_eq!(told, (&json!(status), &json!("allowed"), &json!("0")), "{path}: {record}");
        }
    }
}

#[test]
fn what_nobody_can_read_is_no_error_of_the_providers() {
    for (what, stream, answer) in [
        ("other JSON", false, Answer::json(200, &json!({ "hello": "world" }))),
        ("no JSON", false, Answer::whole(200, "application/json", "<html>")),
        ("nothing", false, Answer::whole(200, "application/json", "")),
        ("malformed events", true, Answer::stream(["data: {\n\n"])),
        ("nothing of a stream", true, Answer::stream([""; 0])),
    ] {
        let call = gateway().call("all").path("/v1/messages").json(&body(ALONE, stream));
        let reply = call.answered_by("openai", answer).send();
        assert_eq!(reply.status, 502, "{what}: {}", reply.text());
        in_its_shape(what, "/v1/messages", &reply);
        let record = reply.audit();
        let told = (&record["decision"], &record["cost_usd"], &record["attempts"]);
        assert_eq!(told, (&json!("provider_unavailable"), &json!("0"), &json!(4)), "{what}: {record}");
        assert_eq!(tried(&record), vec![("openai", Some(200)); 4], "{what}");
        let internal = ["x-keyward-refused", "x-keyward-target"].map(|name| reply.header(name));
        assert_eq!(internal, [None; 2], "{what}");
    }
    // But an error is, also where it comes with a good status.
    let error = Answer::stream([wire::event(&wire::error("no", "server_error", "x"))]);
    let call = gateway().call("all").path("/v1/messages").json(&body(ALONE, true));
    let record = call.answered_by("openai", error).send().audit();
    assert_eq!(record["decision"], "allowed", "{record}");
}

#[test]
fn a_byte_order_mark_makes_no_answer_unreadable() {
    let answer = format!("\u{feff}{}", wire::chat("m", "Hello", &wire::usage(12, 21)));
    for path in PATHS {
        let call = gateway().call("all").path(path).json(&body(ALONE, false));
        let reply = call.answered_by("openai", Answer::whole(200, "application/json", answer.as_str())).send();
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.audit()["estimated"], false, "{path}");
    }
}

#[test]
fn an_answer_without_a_body_stays_one() {
    let call = gateway().call("all").json(&body(ALONE, false));
    let reply = call.answered_by("openai", Answer::whole(204, "text/plain", "")).send();
    assert_eq!((reply.status, reply.text().as_str()), (204, ""), "{:?}", reply.headers);
}

#[test]
fn what_no_provider_was_sent_counts_as_no_attempt() {
    let mut asked = body("claude-sonnet", false);
    asked["seed"] = json!(7);
    let reply = gateway().call("all").json(&asked).send();
    assert_eq!((reply.status, reply.received().len()), (400, 0), "{}", reply.text());
    assert_eq!(reply.number("x-keyward-attempts"), 0);
    let record = reply.audit();
    assert_eq!((&record["attempts"], tried(&record).len()), (&json!(0), 0), "{record}");
    // Nor is one that the plan does not hold, after another has been tried.
    let down = Answer::json(503, &wire::anthropic::error("overloaded_error", "busy"));
    let call = gateway().call("frugal").path("/v1/messages").json(&body("guarded", false));
    let reply = call.answered_by("anthropic", down).send();
    assert_eq!(reply.status, 500, "{}", reply.text());
    let record = reply.audit();
    assert_eq!((&record["attempts"], tried(&record)), (&json!(1), vec![("anthropic", Some(503))]), "{record}");
}
