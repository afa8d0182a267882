//! The wire format of Bedrock's `Converse`: 12 input tokens beside 4 from the cache, 21 output tokens.

use serde_json::{Value, json};

use super::super::provider::Answer;

/// An answer of `Converse`, or of `ConverseStream` in frames.
pub fn answer(stream: bool, calls: bool) -> Answer {
    if stream {
        let events = if calls { call_events() } else { text_events() };
        let answer = Answer::stream(events.iter().map(|(name, payload)| frame(name, payload)));
        return Answer {
            headers: vec![("content-type".into(), "application/vnd.amazon.eventstream".into())],
            ..answer
        };
    }
    let (part, stop, usage) = if calls {
        let call = json!({ "toolUse": { "toolUseId": "tooluse_1", "name": "weather", "input": { "city": "Oslo" } } });
        (call, "tool_use", call_usage())
    } else {
        (json!({ "text": "Hello" }), "end_turn", usage())
    };
    Answer::json(
        200,
        &json!({ "metrics": { "latencyMs": 551 }, "output": { "message": { "role": "assistant", "content": [part] } },
            "stopReason": stop, "usage": usage }),
    )
}

fn usage() -> Value {
    json!({ "inputTokens": 12, "outputTokens": 21, "totalTokens": 37, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 0 })
}

fn call_usage() -> Value {
    json!({ "inputTokens": 40, "outputTokens": 9, "totalTokens": 49 })
}

fn text_events() -> Vec<(&'static str, Value)> {
    vec![
        ("messageStart", json!({ "role": "assistant" })),
        ("contentBlockDelta", json!({ "contentBlockIndex": 0, "delta": { "text": "Hel" } })),
        ("contentBlockDelta", json!({ "contentBlockIndex": 0, "delta": { "text": "lo" } })),
        ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
        ("messageStop", json!({ "stopReason": "end_turn" })),
        ("metadata", json!({ "usage": usage(), "metrics": { "latencyMs": 551 } })),
    ]
}

fn call_events() -> Vec<(&'static str, Value)> {
    let delta = |part: &str| json!({ "contentBlockIndex": 0, "delta": { "toolUse": { "input": part } } });
    let start = json!({ "toolUse": { "toolUseId": "tooluse_1", "name": "weather" } });
    vec![
        ("messageStart", json!({ "role": "assistant" })),
        ("contentBlockStart", json!({ "contentBlockIndex": 0, "start": start })),
        ("contentBlockDelta", delta("{\"city\":")),
        ("contentBlockDelta", delta("\"Oslo\"}")),
        ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
        ("messageStop", json!({ "stopReason": "tool_use" })),
        ("metadata", json!({ "usage": call_usage(), "metrics": { "latencyMs": 551 } })),
    ]
}

/// One event in a frame of `application/vnd.amazon.eventstream`.
pub fn frame(name: &str, payload: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for (key, value) in [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(u8::try_from(key.len()).expect("a short name"));
        headers.extend_from_slice(key.as_bytes());
        // A text, with its length in two bytes.
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).expect("a short value").to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let length = |bytes: usize| u32::try_from(bytes).expect("a small frame").to_be_bytes();
    let mut frame = Vec::new();
    frame.extend_from_slice(&length(16 + headers.len() + payload.len()));
    frame.extend_from_slice(&length(headers.len()));
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}
