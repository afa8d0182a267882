//! What an answer cost, however its bytes are cut.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::catalog::policy;
use crate::support::call::Reply;
use crate::support::gateway::Gateway;
use crate::support::provider::{Answer, Latch, Step};
use crate::support::wire;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: {} }
keys:
  - { id: open, hash: <open>, team: t }
  - { id: limited, hash: <limited>, team: t, limits: [ { requests: 1000, per: hour }, { tokens: 100000, per: hour } ] }
",
        ))
    })
}

/// Input, cached, cache writes, output, reasoning; and the cost.
type Metered = ([u64; 5], &'static str);

fn metered(record: &Value) -> [u64; 5] {
    ["input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"]
        .map(|field| record[field].as_u64().unwrap_or(u64::MAX))
}

fn call(path: &str, model: &str, stream: bool, answer: Answer) -> Reply<'static> {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50, "stream": stream });
    gateway().call("open").path(path).json(&body).answered(answer).send()
}

fn stream(events: &str) -> Answer {
    Answer::stream([events])
}

fn answers() -> Vec<(&'static str, &'static str, &'static str, bool, Answer, Metered)> {
    let usage = |details: Value| {
        let mut usage = wire::usage(1000, 100);
        for (name, value) in details.as_object().unwrap() {
            usage[name] = value.clone();
        }
        usage
    };
    let cached = usage(
        json!({ "prompt_tokens_details": { "cached_tokens": 400 }, "completion_tokens_details": { "reasoning_tokens": 60 } }),
    );
    let chat = "/v1/chat/completions";
    let (plain, with_cache) = (([12, 0, 0, 21, 0], "0.00024"), ([1000, 400, 0, 100, 60], "0.003"));
    let claude: Metered = ([1112, 1000, 100, 21, 0], "0.001026");
    let sse = |text: &str, end: &str| text.replace('\n', end);
    let usage_events = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"x\"}}}}],\"usage\":null}}\n\ndata: {{\"choices\":[],\"usage\":{}}}\n\ndata: [DONE]\n\n",
        wire::usage(12, 21)
    );
    let every = (1..=21)
        .map(|n| wire::event(&json!({ "choices": [{ "delta": { "content": "x" } }], "usage": wire::usage(12, n) })))
        .collect::<String>();
    vec![
        ("json", chat, "gpt-4o", false, Answer::json(200, &wire::chat("m", "x", &wire::usage(12, 21))), plain),
        ("cached and reasoning", chat, "gpt-4o", false, Answer::json(200, &wire::chat("m", "x", &cached)), with_cache),
        (
            "usage said in the text",
            chat,
            "gpt-4o",
            false,
            Answer::json(
                200,
                &wire::chat("m", "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}", &wire::usage(12, 21)),
            ),
            plain,
        ),
        ("stream", chat, "gpt-4o", true, wire::chat_stream("m", &["a", "b"], Some(wire::usage(12, 21))), plain),
        ("stream, cached", chat, "gpt-4o", true, wire::chat_stream("m", &["a", "b"], Some(cached)), with_cache),
        ("CRLF", chat, "gpt-4o", true, stream(&sse(&usage_events, "\r\n")), plain),
        ("CR", chat, "gpt-4o", true, stream(&sse(&usage_events, "\r")), plain),
        (
            "BOM, comments, ids, no space",
            chat,
            "gpt-4o",
            true,
            stream(&format!("\u{feff}: hi\n\nid: 1\nretry: 5\nevent: x\n{}", usage_events.replace("data: ", "data:"))),
            plain,
        ),
        (
            "data over several lines",
            chat,
            "gpt-4o",
            true,
            stream(&usage_events.replace(",\"usage\":{", ",\ndata: \"usage\":\ndata: {")),
            plain,
        ),
        (
            "no [DONE], no last blank line",
            chat,
            "gpt-4o",
            true,
            stream(usage_events.split("\n\ndata: [DONE]").next().unwrap()),
            plain,
        ),
        ("usage in every chunk, cumulative", chat, "gpt-4o", true, stream(&format!("{every}data: [DONE]\n\n")), plain),
        (
            "usage on the finish chunk",
            chat,
            "gpt-4o",
            true,
            stream(&format!(
                "data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}],\"usage\":{}}}\n\ndata: [DONE]\n\n",
                wire::usage(12, 21)
            )),
            plain,
        ),
        (
            "completions",
            "/v1/completions",
            "gpt-4o",
            false,
            Answer::json(200, &json!({ "object": "text_completion", "usage": wire::usage(12, 21), "choices": [] })),
            plain,
        ),
        (
            "embeddings",
            "/v1/embeddings",
            "embed",
            false,
            Answer::json(
                200,
                &json!({ "object": "list", "data": [], "usage": { "prompt_tokens": 12, "total_tokens": 12 } }),
            ),
            ([12, 0, 0, 0, 0], "0.00000024"),
        ),
        (
            "responses",
            "/v1/responses",
            "gpt-4o",
            false,
            Answer::json(200, &wire::response("m")),
            ([12, 4, 0, 21, 6], "0.000235"),
        ),
        (
            "responses, streamed",
            "/v1/responses",
            "gpt-4o",
            true,
            stream(&format!(
                "event: response.completed\ndata: {}\n\n",
                json!({ "type": "response.completed", "response": wire::response("m") })
            )),
            ([12, 4, 0, 21, 6], "0.000235"),
        ),
        ("messages", "/v1/messages", "claude-sonnet", false, Answer::json(200, &wire::message("m")), claude),
        (
            "messages, streamed",
            "/v1/messages",
            "claude-sonnet",
            true,
            stream(&wire::message_events("m").concat()),
            claude,
        ),
        (
            "error event behind the usage",
            chat,
            "gpt-4o",
            true,
            stream(&format!(
                "{}data: {}\n\n",
                usage_events.replace("data: [DONE]\n\n", ""),
                wire::error("x", "server_error", "y")
            )),
            plain,
        ),
    ]
}

#[test]
fn usage_is_exact_in_every_wire_format_and_chunking() {
    for (name, path, model, stream, answer, (tokens, cost)) in answers() {
        for size in [1, 7, 100, usize::MAX] {
            let sent = answer.bytes();
            let reply = call(path, model, stream, answer.clone().cut_every(size));
            assert_eq!((reply.status, reply.complete), (200, true), "{name}: {}", reply.text());
            let record = reply.audit();
            assert_eq!(
                (metered(&record), record["cost_usd"].as_str()),
                (tokens, Some(cost)),
                "{name}, pieces of {size}: {record}"
            );
            assert_eq!((&record["estimated"], &record["stream"]), (&json!(false), &json!(stream)), "{name}");
            if !stream {
                assert_eq!(reply.body, sent, "{name}: an answer passes as it is");
            }
        }
    }
}

#[test]
fn an_answer_that_is_not_streamed_says_what_it_cost() {
    let reply = gateway().chat("open", "gpt-4o");
    assert_eq!(reply.header("x-keyward-cost-usd"), Some("0.00024"));
    assert_eq!(gateway().chat("open", "llama").header("x-keyward-cost-usd"), Some("0"));
    assert_eq!(gateway().call("open").chat_stream("gpt-4o").send().header("x-keyward-cost-usd"), None);
}

#[test]
fn an_answer_without_usage_is_estimated_and_marked() {
    let text = "word ".repeat(400);
    let silent = Answer::json(
        200,
        &json!({ "object": "chat.completion", "choices": [{ "message": { "role": "assistant", "content": text } }] }),
    );
    for (stream, answer) in [(false, silent), (true, wire::chat_stream("m", &[text.as_str()], None))] {
        let record = call("/v1/chat/completions", "gpt-4o", stream, answer).audit();
        assert_eq!(record["estimated"], true, "{record}");
        let [input, .., output, _] = metered(&record);
        assert!((1..100).contains(&input) && (100..2000).contains(&output), "{record}");
        assert_ne!(record["cost_usd"], "0");
    }
}

#[test]
fn a_providers_error_passes_and_costs_nothing() {
    let error = wire::error("slow down", "rate_limit_error", "rate_limit_exceeded");
    let reply = call("/v1/chat/completions", "gpt-4o", false, Answer::json(429, &error));
    assert_eq!((reply.status, reply.json()), (429, error));
    let record = reply.audit();
    assert_eq!(
        (metered(&record), &record["cost_usd"], &record["decision"], &record["status"]),
        ([0; 5], &json!("0"), &json!("allowed"), &json!(429)),
        "{record}"
    );
}

#[test]
fn the_limits_told_are_the_callers_not_the_providers() {
    let mut answer = Answer::json(200, &wire::chat("m", "x", &wire::usage(12, 21)));
    for kind in ["requests", "tokens"] {
        for field in ["limit", "remaining", "reset"] {
            answer.headers.push((format!("x-ratelimit-{field}-{kind}"), "5".into()));
        }
    }
    answer.headers.push(("x-keyward-model".into(), "another".into()));
    answer.headers.push(("x-keyward-unknown".into(), "1".into()));
    let reply = gateway().call("limited").chat("gpt-4o").answered(answer).send();
    for kind in ["requests", "tokens"] {
        for field in ["limit", "remaining", "reset"] {
            let name = format!("x-ratelimit-{field}-{kind}");
            assert!(reply.header(&name).is_some_and(|value| value != "5"), "{name}: {:?}", reply.header(&name));
        }
    }
    assert_eq!(reply.header("x-keyward-model"), Some("gpt-4o"));
    assert_eq!(reply.header("x-keyward-unknown"), None);
}

#[test]
fn an_answer_of_an_untold_or_wrong_type_is_metered() {
    let json = Answer::json(200, &wire::chat("m", "x", &wire::usage(12, 21)));
    for (stream, answer) in [(false, json), (true, wire::chat_stream("m", &["a"], Some(wire::usage(12, 21))))] {
        for content_type in [None, Some("text/plain; charset=utf-8"), Some("application/octet-stream")] {
            let mut answer = answer.clone();
            answer.headers = content_type.map(|value| ("content-type".into(), value.into())).into_iter().collect();
            let reply = call("/v1/chat/completions", "gpt-4o", stream, answer);
            let record = reply.audit();
            assert_eq!(
                (metered(&record), &record["estimated"]),
                ([12, 0, 0, 21, 0], &json!(false)),
                "{content_type:?}, stream {stream}: {record}"
            );
            assert_eq!(reply.header("x-keyward-cost-usd").is_some(), !stream);
            assert_eq!(reply.text().contains("prompt_tokens"), !stream, "{}", reply.text());
        }
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_charged_for_its_size() {
    for stream in [false, true] {
        let mut answer = Answer::stream([vec![0x8f_u8; 500]]);
        answer.headers = vec![
            ("content-type".into(), if stream { "text/event-stream" } else { "application/json" }.into()),
            ("content-encoding".into(), "gzip".into()),
        ];
        let reply = call("/v1/chat/completions", "gpt-4o", stream, answer);
        assert_eq!(reply.body, vec![0x8f_u8; 500], "it passes as it is");
        let record = reply.audit();
        assert_eq!((&record["output_tokens"], &record["estimated"]), (&json!(250), &json!(true)), "{record}");
        assert_eq!(reply.header("x-keyward-cost-usd"), (!stream).then(|| record["cost_usd"].as_str().unwrap()));
    }
}

#[test]
fn an_answer_that_broke_off_before_any_of_it_passed_is_not_charged() {
    let answer = Answer::json(200, &wire::chat("m", "x", &wire::usage(12, 21))).cut_every(40).then(Step::Cut);
    let reply = call("/v1/chat/completions", "gpt-4o", false, answer.clone());
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (502, &json!("provider_unavailable")),
        "{}",
        reply.text()
    );
    let record = reply.audit();
    assert_eq!(
        (metered(&record), &record["cost_usd"], &record["status"], &record["decision"]),
        ([0; 5], &json!("0"), &json!(502), &json!("provider_unavailable")),
        "the record and the answer say the same: {record}"
    );
    let reply = call("/v1/messages", "claude-sonnet", false, answer);
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (502, &json!("api_error")), "{}", reply.text());
}

#[test]
fn a_caller_that_hangs_up_while_its_answer_is_held_is_charged_for_it() {
    let latch = Latch::closed();
    let answer = Answer::json(200, &wire::chat("m", "x", &wire::usage(12, 21))).cut_every(40);
    let body = json!({ "model": "gpt-4o", "messages": [], "max_tokens": 50, "user": "left-early" });
    let call = gateway().call("open").json(&body).answered(answer.then(Step::Hold(latch.clone())));
    assert_eq!(call.send_and_linger(Duration::from_millis(500)).len(), 1);
    let record = || gateway().audit_records().into_iter().find(|record| record["end_user"] == "left-early");
    gateway().wait("no record of who hung up", || record().is_some());
    latch.open();
    let record = record().unwrap();
    assert_eq!((metered(&record), &record["status"]), ([12, 0, 0, 21, 0], &json!(499)), "{record}");
    assert_ne!(record["cost_usd"], "0", "{record}");
}

#[test]
fn an_answer_that_is_not_text_says_its_cost() {
    let answer = Answer { headers: vec![("content-type".into(), "audio/mpeg".into())], ..Answer::stream(["binary"]) };
    let body = json!({ "model": "gpt-4o", "input": "say this" });
    let reply = gateway().call("open").path("/v1/audio/speech").json(&body).answered(answer).send();
    let record = reply.audit();
    assert_eq!(reply.header("x-keyward-cost-usd"), record["cost_usd"].as_str(), "{record}");
    assert_ne!(record["cost_usd"], "0");
}

#[test]
fn an_error_and_an_empty_answer_say_their_cost_too() {
    let error = Answer::json(429, &wire::error("slow down", "rate_limit_error", "rate_limit_exceeded"));
    let reply = call("/v1/chat/completions", "gpt-4o", false, error);
    assert_eq!(reply.header("x-keyward-cost-usd"), Some("0"));
    let empty =
        call("/v1/chat/completions", "gpt-4o", false, Answer { steps: Vec::new(), ..Answer::json(200, &json!(1)) });
    let record = empty.audit();
    assert_eq!(empty.header("x-keyward-cost-usd"), record["cost_usd"].as_str(), "{record}");
}

#[test]
fn every_attempt_is_counted() {
    let policy = policy("teams: { t: {} }\nkeys: [ { id: open, hash: <open>, team: t } ]\n");
    let gateway = Gateway::start_configured(&policy, |config| {
        let manager = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        let host = &mut manager["route_config"]["virtual_hosts"][0];
        host["include_attempt_count_in_response"] = json!(false);
        host["routes"][0]["route"]["retry_policy"] = json!({ "retry_on": "5xx", "num_retries": 2 });
    });
    let down = Answer::json(500, &wire::error("down", "server_error", "x"));
    let reply = gateway.call("open").chat("gpt-4o").answered(down).send();
    assert_eq!((reply.status, reply.header("x-keyward-attempts")), (500, Some("3")));
    assert_eq!(reply.audit()["attempts"], 3);
    assert_eq!(gateway.chat("open", "gpt-4o").header("x-keyward-attempts"), Some("1"));
}
