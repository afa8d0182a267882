//! What is owed where an answer is translated: for all that a provider told of it, whoever got to read it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failover::{body, gateway, tried};
use crate::support::provider::{Answer, Latch, Step};
use crate::support::wire;

const CHAT: &str = "/v1/chat/completions";

fn anthropic(answer: Answer) -> crate::support::call::Call<'static> {
    gateway().call("all").path(CHAT).answered_by("anthropic", answer)
}

/// A message with arguments nested deeper than anybody reads; $0.00105 at Anthropic's price.
fn unreadable() -> Answer {
    let mut message = wire::message("m");
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    message["content"] = json!([{ "type": "tool_use", "id": "toolu_1", "name": "f", "input": { "x": deep } }]);
    // The usage comes first, so that it is known however deep the rest is.
    let usage = message["usage"].to_string();
    let whole = message.to_string();
    Answer::whole(200, "application/json", format!("{{\"usage\":{usage},{}", whole.trim_start_matches('{')))
}

/// Of a message that an OpenAI caller gets, with this usage.
fn with_usage(usage: &Value) -> Value {
    let mut message = wire::message("m");
    message["usage"] = usage.clone();
    let reply = anthropic(Answer::json(200, &message)).json(&body("claude-sonnet", false)).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.audit()
}

#[test]
fn an_answer_that_nobody_can_read_is_paid_for_beside_the_one_that_takes_its_place() {
    let reply = anthropic(unreadable()).json(&body("claude-sonnet", false)).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let record = reply.audit();
    assert_eq!(tried(&record), [("anthropic", Some(200)), ("openai", Some(200))]);
    assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&json!(12 + 1112), &json!(21 + 21)));
    assert_eq!((&record["cost_usd"], &record["estimated"]), (&json!("0.001266"), &json!(true)), "{record}");
    assert_eq!(reply.header("x-keyward-cost-usd"), Some("0.001266"));
}

#[test]
fn an_answer_that_ends_too_early_is_paid_for_too() {
    let whole = wire::message("m").to_string().into_bytes();
    let half = Answer::whole(200, "application/json", &whole[..whole.len() / 2]);
    let reply = anthropic(half).json(&body("claude-sonnet", false)).send();
    let record = reply.audit();
    assert_eq!(tried(&record), [("anthropic", Some(200)), ("openai", Some(200))]);
    assert!(record["output_tokens"].as_u64() > Some(21) && record["input_tokens"].as_u64() > Some(12), "{record}");
    assert_eq!(record["estimated"], true, "{record}");
}

/// The first half of a message, and what comes then.
fn half(step: Step) -> Answer {
    let mut half = Answer::json(200, &wire::message("m"));
    let middle = half.bytes().len() / 2;
    half = half.cut_every(middle);
    half.steps.truncate(1);
    half.then(step)
}

/// What half a message comes to: a quarter of its bytes.
fn half_output() -> u64 {
    (wire::message("m").to_string().len() as u64 / 2).div_ceil(4)
}

#[test]
fn an_answer_that_breaks_off_or_takes_too_long_is_paid_for_too() {
    let latch = Latch::closed();
    for (model, stream, answer) in [
        ("claude-sonnet", false, half(Step::Cut)),
        ("hurried", false, half(Step::Hold(Arc::clone(&latch)))),
        // Who asks for a stream may be answered with a whole one.
        ("claude-sonnet", true, half(Step::Cut)),
    ] {
        let reply = anthropic(answer).json(&body(model, stream)).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let record = reply.audit();
        assert_eq!(tried(&record), [("anthropic", Some(200)), ("openai", Some(200))]);
        let output = record["output_tokens"].as_u64().unwrap();
        assert_eq!((output, &record["estimated"]), (half_output() + 21, &json!(true)), "{model}: {record}");
        assert!(record["input_tokens"].as_u64() > Some(12), "{record}");
    }
    latch.open();
}

#[test]
fn what_a_chain_lost_is_paid_for_where_nobody_else_answers() {
    let busy = Answer::json(500, &wire::error("no", "server_error", "x"));
    let reply = anthropic(half(Step::Cut))
        .answered_by("anthropic", Answer::reset())
        .answered_by("openai", busy)
        .json(&body("claude-sonnet", false))
        .send();
    let record = reply.audit();
    assert_eq!(record["output_tokens"], half_output(), "{record}");
    assert_eq!(reply.header("x-keyward-cost-usd"), record["cost_usd"].as_str(), "{record}");
    assert_ne!(record["cost_usd"], "0", "{record}");
}

#[test]
fn an_answer_that_comes_whole_in_the_end_is_paid_for_once() {
    let mut slow = Answer::json(200, &wire::message("m")).cut_every(50);
    slow.steps.insert(3, Step::Wait(Duration::from_millis(100)));
    let record = anthropic(slow).json(&body("claude-sonnet", false)).send().audit();
    assert_eq!((&record["cost_usd"], &record["estimated"]), (&json!("0.001026"), &json!(false)), "{record}");
    // Nor is what turns out to be an error, or about something else.
    for answer in [json!({ "hello": "world" }), wire::anthropic::error("api_error", "no")] {
        let mut slow = Answer::json(200, &answer).cut_every(5);
        slow.steps.insert(1, Step::Wait(Duration::from_millis(100)));
        let record = anthropic(slow).json(&body("claude-sonnet", false)).send().audit();
        assert_eq!((&record["cost_usd"], &record["estimated"]), (&json!("0.00024"), &json!(false)), "{record}");
    }
}

#[test]
fn whoever_hangs_up_while_an_answer_is_collected_owes_it_once() {
    let latch = Latch::closed();
    let answer = half(Step::Hold(Arc::clone(&latch)));
    let mut asked = body("claude-sonnet", false);
    asked["user"] = json!("left-while-collected");
    let received = anthropic(answer).json(&asked).send_and_linger(Duration::from_millis(500));
    assert_eq!(received.len(), 1);
    let record = || gateway().audit_records().into_iter().find(|record| record["end_user"] == "left-while-collected");
    gateway().wait("no record of who hung up", || record().is_some());
    latch.open();
    let record = record().unwrap();
    let estimated = anthropic(Answer::json(200, &json!({ "content": [{ "type": "text", "text": "x" }] })));
    let once = estimated.json(&asked).send().audit()["input_tokens"].clone();
    assert_eq!((&record["input_tokens"], &record["status"]), (&once, &json!(499)), "{record}");
    assert_eq!((&record["output_tokens"], &record["estimated"]), (&json!(half_output()), &json!(true)), "{record}");
}

#[test]
fn a_stream_that_begins_with_what_nobody_can_read_is_paid_for_too() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"x":"#;
    let block = format!("event: content_block_start\ndata: {start}{deep}}}}}}}\n\n");
    let events = [wire::message_events("m")[0].clone(), block];
    let reply = anthropic(Answer::stream(events)).json(&body("claude-sonnet", true)).send();
    let record = reply.audit();
    assert_eq!(tried(&record), [("anthropic", Some(200)), ("openai", Some(200))], "{record}");
    assert_eq!((&record["input_tokens"], &record["estimated"]), (&json!(12 + 1112), &json!(true)), "{record}");
}

#[test]
fn what_was_lost_twice_is_not_tried_again() {
    let reply = anthropic(unreadable())
        .answered_by("anthropic", unreadable())
        .answered_by("openai", Answer::json(500, &wire::error("no", "server_error", "x")))
        .json(&body("claude-sonnet", false))
        .send();
    assert_eq!((reply.status, reply.header("x-envoy-ratelimited")), (502, None), "{}", reply.text());
    let record = reply.audit();
    assert_eq!(tried(&record), [("anthropic", Some(200)), ("openai", Some(500)), ("anthropic", Some(200))]);
    assert_eq!(record["cost_usd"], "0.002052", "{record}");
}

#[test]
fn whoever_hangs_up_owes_what_the_provider_told_before() {
    let latch = Latch::closed();
    let answer = Answer::stream(&wire::message_events("m")[..5]).then(Step::Hold(Arc::clone(&latch)));
    let mut open = anthropic(answer).json(&body("claude-sonnet", true)).open();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("lo\"") {
        read.extend(open.piece().expect("the answer goes on"));
    }
    let record = open.hang_up();
    latch.open();
    // 12, 100 written and 1000 read from the cache; the output is estimated from what was said.
    let told = (&record["input_tokens"], &record["cached_tokens"], &record["cache_write_tokens"]);
    assert_eq!(told, (&json!(1112), &json!(1000), &json!(100)), "{record}");
    assert_eq!(record["estimated"], true, "{record}");
    assert!(matches!(record["output_tokens"].as_u64(), Some(1..=5)), "{record}");
}

#[test]
fn a_stream_that_its_provider_cuts_owes_what_was_told_before() {
    let answer = Answer::stream(&wire::message_events("m")[..5]).then(Step::Cut);
    let reply = anthropic(answer).json(&body("claude-sonnet", true)).send();
    let record = reply.audit();
    assert_eq!((&record["input_tokens"], &record["estimated"]), (&json!(1112), &json!(true)), "{record}");
}

/// Of a message from a provider that speaks OpenAI's API, and has not counted by then.
fn uncounted() -> [String; 2] {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", json!({ "id": "c", "object": "chat.completion.chunk", "choices": [choice] }))
    };
    [chunk(json!({ "role": "assistant", "content": "Hello" }), Value::Null), chunk(json!({}), json!("stop"))]
}

#[test]
fn the_zeros_that_a_message_begins_with_are_no_counts() {
    let call = || gateway().call("all").path("/v1/messages");
    let whole = json!({ "id": "c", "object": "chat.completion", "choices": [
        { "index": 0, "message": { "role": "assistant", "content": "Hello" }, "finish_reason": "stop" }] });
    let events = uncounted().into_iter().chain(["data: [DONE]\n\n".to_owned()]);
    for (stream, answer) in [(false, Answer::json(200, &whole)), (true, Answer::stream(events))] {
        let reply = call().json(&body("costly", stream)).answered_by("openai", answer).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        owes_an_estimate(&reply.audit());
    }
    let latch = Latch::closed();
    let answer = Answer::stream(&uncounted()[..1]).then(Step::Hold(Arc::clone(&latch)));
    let mut open = call().json(&body("costly", true)).answered_by("openai", answer).open();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("Hello") {
        read.extend(open.piece().expect("the answer goes on"));
    }
    let record = open.hang_up();
    latch.open();
    owes_an_estimate(&record);
}

fn owes_an_estimate(record: &Value) {
    let (input, output) = (record["input_tokens"].as_u64(), record["output_tokens"].as_u64());
    assert!(input > Some(0) && output > Some(0), "{record}");
    assert_eq!(record["estimated"], true, "{record}");
}

#[test]
fn usage_that_is_not_told_is_estimated() {
    for usage in [Value::Null, json!({}), json!({ "input_tokens": "12", "output_tokens": -1 })] {
        let record = with_usage(&usage);
        owes_an_estimate(&record);
    }
    let record = with_usage(&json!({ "input_tokens": 12 }));
    assert_eq!((&record["input_tokens"], &record["estimated"]), (&json!(12), &json!(true)), "{record}");
}

#[test]
fn a_cache_that_is_kept_for_an_hour_has_its_own_price() {
    let hour = json!({ "ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60 });
    let usage =
        json!({ "input_tokens": 12, "cache_creation_input_tokens": 100, "cache_creation": hour, "output_tokens": 21 });
    let record = with_usage(&usage);
    // 12 at $3, 40 at $3.75, 60 at $6, 21 at $15 a million.
    assert_eq!((&record["cost_usd"], &record["estimated"]), (&json!("0.000861"), &json!(false)), "{record}");
}

#[test]
fn counts_that_fall_are_not_believed() {
    let mut events = wire::message_events("m");
    events[6] = events[6].replace(r#"{"output_tokens":21}"#, r#"{"input_tokens":1,"output_tokens":21}"#);
    assert!(events[6].contains(r#""input_tokens":1"#), "{}", events[6]);
    let reply = anthropic(Answer::stream(&events)).json(&body("claude-sonnet", true)).send();
    let record = reply.audit();
    assert_eq!((&record["input_tokens"], &record["cost_usd"]), (&json!(1112), &json!("0.001026")), "{record}");
}
