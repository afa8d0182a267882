use std::fmt::Write as _;

use super::frames::encoded;
use super::{assert_golden, call, inputs};
use crate::providers::bedrock::DIALECT;
use crate::providers::conversation::Event;
use crate::providers::{Dialect as _, Malformed};

/// Lines of `kind name payload`, as frames.
fn wire(script: &[u8]) -> Vec<u8> {
    let script = std::str::from_utf8(script).unwrap();
    let mut wire = Vec::new();
    for line in script.lines() {
        let mut words = line.splitn(3, ' ');
        let (kind, name, payload) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        wire.extend(encoded(kind, name, payload));
    }
    wire
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, Malformed> {
    let mut reader = DIALECT.read_stream(&call("anthropic.claude-sonnet-4"));
    let mut events = Vec::new();
    for piece in pieces {
        reader.read(piece, &mut events)?;
    }
    Ok(events)
}

#[test]
fn every_stream_is_read_as_its_golden_says() {
    for (name, script) in inputs("streams", "events") {
        let mut text = String::new();
        for event in read([&wire(&script)[..]]).unwrap() {
            let _ = writeln!(text, "{event:?}");
        }
        assert_golden(&format!("streams/{name}.txt"), &text);
    }
}

#[test]
fn every_cut_of_a_stream_gives_the_same_events() {
    for (name, script) in inputs("streams", "events") {
        let wire = wire(&script);
        let whole = read([&wire[..]]).unwrap();
        for at in 0..=wire.len() {
            let (before, after) = wire.split_at(at);
            assert_eq!(read([before, after]).unwrap(), whole, "{name} cut at {at}");
        }
        assert_eq!(read(wire.chunks(1)).unwrap(), whole, "{name} byte by byte");
        assert_eq!(read(wire.chunks(7)).unwrap(), whole, "{name} by seven bytes");
    }
}

#[test]
fn every_event_is_given_with_the_last_byte_of_its_frame() {
    let first = encoded("event", "messageStart", r#"{"role":"assistant"}"#);
    let second = encoded("event", "contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#);
    let mut reader = DIALECT.read_stream(&call("anthropic.claude-sonnet-4"));
    let mut events = Vec::new();
    reader.read(&first, &mut events).unwrap();
    assert_eq!(events.len(), 1);
    reader.read(&second[..second.len() - 1], &mut events).unwrap();
    assert_eq!(events.len(), 1);
    reader.read(&second[second.len() - 1..], &mut events).unwrap();
    assert_eq!(events.last(), Some(&Event::Text("a".to_owned())));
}

#[test]
fn what_is_no_stream_is_malformed() {
    let delta = r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{}"}}}"#;
    for bytes in [
        b"{\"message\":\"not a stream\"}".to_vec(),
        b"data: {}\n\ndata: [DONE]\n\n".to_vec(),
        encoded("event", "contentBlockDelta", "not JSON"),
        encoded("event", "contentBlockDelta", delta),
    ] {
        assert!(read([&bytes[..]]).is_err());
    }
}

#[test]
fn the_end_of_the_body_ends_an_answer_that_was_stopped() {
    let start = encoded("event", "messageStart", "{}");
    let stop = encoded("event", "messageStop", r#"{"stopReason":"end_turn"}"#);
    let usage = encoded("event", "metadata", r#"{"usage":{"inputTokens":1}}"#);
    let ended = |wire: &[u8]| {
        let mut reader = DIALECT.read_stream(&call("anthropic.claude-sonnet-4"));
        let mut events = Vec::new();
        reader.read(wire, &mut events).unwrap();
        reader.end(&mut events).map(|()| events.iter().filter(|event| **event == Event::End).count())
    };
    assert_eq!(ended(&start).unwrap(), 0);
    assert_eq!(ended(&[&start[..], &stop].concat()).unwrap(), 1);
    assert_eq!(ended(&[&start[..], &stop, &usage].concat()).unwrap(), 1);
    assert!(ended(&start[..20]).is_err());
}

/// The input that a model is told to have had.
fn input(model: &str, usage: &str) -> Option<u64> {
    let mut events = Vec::new();
    let wire = encoded("event", "metadata", &format!(r#"{{"usage":{usage}}}"#));
    DIALECT.read_stream(&call(model)).read(&wire, &mut events).unwrap();
    let counts = events.iter().find_map(|event| if let Event::Usage(counts) = event { Some(counts) } else { None });
    counts.and_then(|counts| counts.input)
}

#[test]
fn what_openais_models_cached_is_counted_once() {
    let all = r#"{"inputTokens":12401,"cacheReadInputTokens":8367,"cacheWriteInputTokens":4032,"outputTokens":5,"totalTokens":24805}"#;
    assert_eq!(input("openai.gpt-5.5", all), Some(12401));
    assert_eq!(input(super::CLAUDE, all), Some(24800));
    let fresh = r#"{"inputTokens":2,"cacheReadInputTokens":8367,"cacheWriteInputTokens":4032,"outputTokens":5}"#;
    for model in ["openai.gpt-5.5", super::CLAUDE] {
        assert_eq!(input(model, fresh), Some(12401));
    }
}

#[test]
fn no_more_calls_are_open_than_are_bounded() {
    let mut wire = Vec::new();
    for index in 0..300 {
        let start = format!(r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":"a","name":"b"}}}}}}"#);
        wire.extend(encoded("event", "contentBlockStart", &start));
    }
    assert_eq!(read([&wire[..]]).unwrap_err().0, "more than 256 tool calls are open at once");
}
