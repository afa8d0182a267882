//! Golden files: what goes into a dialect and what comes out, beside each other under `tests/golden/<dialect>/`.
//!
//! `<case>.json` or `<case>.sse` is what goes in; `<case>.out.json` or `<case>.out.sse`, what comes out.
//! Renews with `KEYWARD_BLESS=1 cargo test providers`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::conversation::{Event, Part, Reply, Stop};
use super::{Call, Caller, Dialect};
use crate::metering::{BodyKind, Meter, Usage};
use crate::request::Endpoint;

/// A call of a model by the name of the provider's model.
pub fn call(endpoint: Endpoint, provider_model: &str) -> Call<'_> {
    Call {
        endpoint,
        model: "the-model",
        provider_model,
        max_output_tokens: None,
        stream: false,
        created: 1_700_000_000,
        api_version: None,
        base_path: None,
    }
}

/// What goes in, of all cases in a folder.
fn cases(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.to_str().unwrap().contains(".out."));
    paths.sort();
    assert!(!paths.is_empty(), "{}", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn assert_golden(input: &Path, actual: &str) {
    let extension = input.extension().unwrap().to_str().unwrap();
    let path = input.with_extension(format!("out.{extension}"));
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Requests: a caller's body becomes the provider's, or the caller is told what is wrong. `model` names the provider's.
pub fn requests(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (path, input) in cases(folder) {
        let body: Value = serde_json::from_slice(&input).unwrap();
        let written = match caller.read_request(&input) {
            Ok(conversation) => {
                let written = dialect.write_request(&conversation, &call(endpoint, body["model"].as_str().unwrap()));
                json!({ "unmapped": written.unmapped, "body": written.body })
            }
            Err(bad) => json!({ "bad": { "message": bad.message, "param": bad.param } }),
        };
        assert_golden(&path, &pretty(&written));
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
    for (_, input) in cases(&format!("{folder}/requests")) {
        for body in broken(&serde_json::from_slice(&input).unwrap()) {
            if let Ok(conversation) = caller.read_request(body.to_string().as_bytes()) {
                let written = dialect.write_request(&conversation, &call(endpoint, "claude-opus-4-1"));
                assert!(written.body.is_object());
            }
        }
    }
    for (_, input) in cases(&format!("{folder}/replies")) {
        for body in broken(&serde_json::from_slice(&input).unwrap()) {
            let body = body.to_string();
            if let Ok(reply) = dialect.read_reply(body.as_bytes()) {
                caller.write_reply(&reply, &call(endpoint, ""));
            }
            dialect.read_failure(400, body.as_bytes());
            // The same as an event of a stream.
            let (events, _) = read(dialect, &[format!("data: {body}\n\n").as_bytes()]);
            let mut writer = caller.write_stream(&call(endpoint, ""), true);
            events.into_iter().for_each(|event| writer.write(event, &mut Vec::new()));
        }
    }
    for (_, input) in cases(&format!("{folder}/streams")) {
        let text = String::from_utf8(input).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            for event in broken(&event) {
                let changed = text.replace(line, &event.to_string());
                let (events, _) = read(dialect, &[changed.as_bytes()]);
                let mut writer = caller.write_stream(&call(endpoint, ""), true);
                events.into_iter().for_each(|event| writer.write(event, &mut Vec::new()));
            }
        }
    }
}

/// What the meter reads out of an answer is what the provider counted, but for what the caller's API has no word for.
pub fn usage_survives(caller: &dyn Caller, endpoint: Endpoint, hour: u64) {
    let usage = Usage { input: 1000, cached: 500, cache_write: 300, cache_write_1h: 200, output: 70, reasoning: 40 };
    let expected = Some(Usage { cache_write_1h: hour, ..usage });
    let reply = Reply { id: None, created: None, parts: vec![Part::text("Hi")], stop: Stop::End, usage: Some(usage) };
    let metered = |kind, body: &[u8]| {
        let mut meter = Meter::new(endpoint.into(), kind, false);
        meter.feed(body, true);
        meter.finish().usage
    };
    assert_eq!(metered(BodyKind::Json, &caller.write_reply(&reply, &call(endpoint, ""))), expected);
    let mut writer = caller.write_stream(&call(endpoint, ""), true);
    let mut out = Vec::new();
    for event in [
        Event::Begin { id: None, usage: None },
        Event::Text("Hi".into()),
        Event::Stop(Stop::End),
        Event::Usage(usage),
        Event::End,
    ] {
        writer.write(event, &mut out);
    }
    assert_eq!(metered(BodyKind::Sse, &out), expected);
}

/// Whole answers: a provider's body becomes the caller's.
pub fn replies(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (path, input) in cases(folder) {
        let written = match dialect.read_reply(&input) {
            Ok(reply) => serde_json::from_slice(&caller.write_reply(&reply, &call(endpoint, ""))).unwrap(),
            Err(malformed) => json!({ "malformed": malformed.0 }),
        };
        assert_golden(&path, &pretty(&written));
    }
}

/// Errors: `{"status", "body"}` of a provider becomes the caller's body.
pub fn failures(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect) {
    for (path, input) in cases(folder) {
        let input: Value = serde_json::from_slice(&input).unwrap();
        let body = match &input["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let failure = dialect.read_failure(input["status"].as_u64().unwrap().try_into().unwrap(), body.as_bytes());
        let written: Value = serde_json::from_slice(&caller.write_failure(&failure, "req_1")).unwrap();
        assert_golden(&path, &pretty(&json!({ "status": failure.status, "body": written })));
    }
}

fn read(dialect: &dyn Dialect, pieces: &[&[u8]]) -> (Vec<Event>, Option<String>) {
    let mut reader = dialect.read_stream();
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(malformed) = reader.read(piece, &mut events) {
            return (events, Some(malformed.0));
        }
    }
    (events, None)
}

/// Streams: a provider's becomes the caller's, the same however it is cut.
pub fn streams(folder: &str, caller: &dyn Caller, dialect: &dyn Dialect, endpoint: Endpoint) {
    for (path, input) in cases(folder) {
        let whole = read(dialect, &[&input]);
        for at in 0..input.len() {
            let (left, right) = input.split_at(at);
            assert_eq!(read(dialect, &[left, right]), whole, "{} cut at {at}", path.display());
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(read(dialect, &bytes), whole, "{} byte by byte", path.display());

        let mut writer = caller.write_stream(&call(endpoint, ""), true);
        let mut out = Vec::new();
        for event in whole.0 {
            writer.write(event, &mut out);
        }
        let mut out = String::from_utf8(out).unwrap();
        if let Some(malformed) = whole.1 {
            out.push_str(&format!(": malformed: {malformed}\n"));
        }
        assert_golden(&path, &out);
    }
}
