//! What becomes of requests and answers between a caller and a dialect: `<case>.out.json` or `<case>.out.sse` beside each.

use serde_json::{Value, json};

use super::super::conversation::{Event, Part, Reply, Stop};
use super::super::{Caller, Dialect};
use super::{assert_golden, call, inputs, read, read_however_cut};
use crate::metering::{BodyKind, Meter, Usage};
use crate::request::Endpoint;

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Requests: a caller's body becomes the provider's, or the caller is told what is wrong. `model` names the provider's.
pub fn requests(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (name, input) in inputs(folder, "json") {
        let body: Value = serde_json::from_slice(&input).unwrap();
        let written = match caller.read_request(&input) {
            Ok(conversation) => {
                let written = dialect.write_request(&conversation, &call(body["model"].as_str().unwrap(), endpoint));
                json!({ "unmapped": written.unmapped, "body": written.body })
            }
            Err(bad) => json!({ "bad": { "message": bad.message, "param": bad.param } }),
        };
        assert_golden(&format!("{folder}/{name}.out.json"), &pretty(&written));
    }
}

/// Every value that comes of one by having one of the values within it replaced, or its text cut.
fn broken(value: &Value) -> Vec<Value> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut copy = value.clone();
        change(&mut copy);
        copy
    };
    let mut all =
        [json!(null), json!(7), json!(-0.5), json!(""), json!("x"), json!([]), json!([1]), json!({}), json!(true)]
            .to_vec();
    match value {
        Value::Object(fields) => {
            for (key, within) in fields {
                all.extend(broken(within).into_iter().map(|within| with(&|copy| copy[key] = within.clone())));
            }
        }
        Value::Array(values) => {
            for (index, within) in values.iter().enumerate() {
                all.extend(broken(within).into_iter().map(|within| with(&|copy| copy[index] = within.clone())));
            }
        }
        _ => {}
    }
    all
}

/// Requests and answers in which anything may be anything else: they may be refused, but nothing breaks.
pub fn broken_bodies(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (_, input) in inputs(&format!("{folder}/requests"), "json") {
        for body in broken(&serde_json::from_slice(&input).unwrap()) {
            if let Ok(conversation) = caller.read_request(body.to_string().as_bytes()) {
                let written = dialect.write_request(&conversation, &call("claude-opus-4-1", endpoint));
                assert!(written.body.is_object());
            }
        }
    }
    for (_, input) in inputs(&format!("{folder}/replies"), "json") {
        for body in broken(&serde_json::from_slice(&input).unwrap()) {
            let body = body.to_string();
            if let Ok(reply) = dialect.read_reply(body.as_bytes()) {
                caller.write_reply(&reply, &call("", endpoint));
            }
            dialect.read_failure(400, body.as_bytes());
            // The same as an event of a stream.
            let (events, _) = read(dialect, [format!("data: {body}\n\n").as_bytes()]);
            let mut writer = caller.write_stream(&call("", endpoint), true);
            events.into_iter().for_each(|event| writer.write(event, &mut Vec::new()));
        }
    }
    for (_, input) in inputs(&format!("{folder}/streams"), "sse") {
        let text = String::from_utf8(input).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            for event in broken(&event) {
                let changed = text.replace(line, &event.to_string());
                let (events, _) = read(dialect, [changed.as_bytes()]);
                let mut writer = caller.write_stream(&call("", endpoint), true);
                events.into_iter().for_each(|event| writer.write(event, &mut Vec::new()));
            }
        }
    }
}

/// What the meter reads out of an answer is what the provider counted, but for what the caller's API has no word for.
pub fn usage_survives(caller: &dyn Caller, endpoint: Endpoint, hour: u64) {
    let usage = Usage { input: 1000, cached: 500, cache_write: 300, cache_write_1h: 200, output: 70, reasoning: 40 };
    let expected = Some(Usage { cache_write_1h: hour, ..usage });
    let reply =
        Reply { id: None, created: None, parts: vec![Part::text("Hi")], stop: Stop::End, usage: Some(usage.into()) };
    let metered = |kind, body: &[u8]| {
        let mut meter = Meter::new(endpoint.into(), kind, false);
        meter.feed(body, true);
        meter.finish().usage
    };
    assert_eq!(metered(BodyKind::Json, &caller.write_reply(&reply, &call("", endpoint))), expected);
    let mut writer = caller.write_stream(&call("", endpoint), true);
    let mut out = Vec::new();
    for event in [
        Event::Begin { id: None, usage: None },
        Event::Text("Hi".into()),
        Event::Stop(Stop::End),
        Event::Usage(usage.into()),
        Event::End,
    ] {
        writer.write(event, &mut out);
    }
    assert_eq!(metered(BodyKind::Sse, &out), expected);
}

/// Whole answers: a provider's body becomes the caller's.
pub fn replies(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (name, input) in inputs(folder, "json") {
        let written = match dialect.read_reply(&input) {
            Ok(reply) => serde_json::from_slice(&caller.write_reply(&reply, &call("", endpoint))).unwrap(),
            Err(malformed) => json!({ "malformed": malformed.0 }),
        };
        assert_golden(&format!("{folder}/{name}.out.json"), &pretty(&written));
    }
}

/// Errors: `{"status", "body"}` of a provider becomes the caller's body.
pub fn failures(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect) {
    for (name, input) in inputs(folder, "json") {
        let input: Value = serde_json::from_slice(&input).unwrap();
        let body = match &input["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let failure = dialect.read_failure(input["status"].as_u64().unwrap().try_into().unwrap(), body.as_bytes());
        let written: Value = serde_json::from_slice(&caller.write_failure(&failure, "req_1")).unwrap();
        assert_golden(
            &format!("{folder}/{name}.out.json"),
            &pretty(&json!({ "status": failure.status, "body": written })),
        );
    }
}

/// Streams: a provider's becomes the caller's, the same however it is cut.
pub fn streams(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (name, input) in inputs(folder, "sse") {
        let (events, end) = read_however_cut(dialect, &name, &input);
        let mut writer = caller.write_stream(&call("", endpoint), true);
        let mut out = Vec::new();
        for event in events {
            writer.write(event, &mut out);
        }
        let mut out = String::from_utf8(out).unwrap();
        if let Err(malformed) = end {
            out.push_str(&format!(": malformed: {}\n", malformed.0));
        }
        assert_golden(&format!("{folder}/{name}.out.sse"), &out);
    }
}
