//! Anthropic's wire format.

use serde_json::{Value, json};

use super::super::provider::Answer;
use super::named;

/// A message as it is asked for.
pub fn answer(model: &str, stream: bool, calls: bool) -> Answer {
    match (stream, calls) {
        (true, true) => Answer::stream(tool_use_events(model)),
        (true, false) => Answer::stream(message_events(model)),
        (false, true) => Answer::json(200, &tool_use(model)),
        (false, false) => Answer::json(200, &message(model)),
    }
}

/// An error.
pub fn error(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_1" })
}

/// The event that tells an error within a stream.
pub fn error_event(kind: &str, message: &str) -> String {
    named(&error(kind, message))
}

/// An Anthropic message: 12 fresh input tokens, 100 written to the cache, 1000 read from it, 21 output.
pub fn message(model: &str) -> Value {
    json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [{ "type": "text", "text": "Hello" }],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": messages_usage(21) })
}

fn messages_usage(output: u64) -> Value {
    json!({ "input_tokens": 12, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": output })
}

/// The events of an Anthropic stream with the usage of [`message`].
pub fn message_events(model: &str) -> Vec<String> {
    let mut begun = message(model);
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"] = messages_usage(1);
    let delta = |text: &str| {
        named(&json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } }))
    };
    vec![
        named(&json!({ "type": "message_start", "message": begun })),
        named(&json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } })),
        named(&json!({ "type": "ping" })),
        delta("Hel"),
        delta("lo"),
        named(&json!({ "type": "content_block_stop", "index": 0 })),
        named(
            &json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 21 } }),
        ),
        named(&json!({ "type": "message_stop" })),
    ]
}

fn tool_use(model: &str) -> Value {
    let mut answer = message(model);
    answer["content"] =
        json!([{ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Oslo" } }]);
    answer["stop_reason"] = json!("tool_use");
    answer["usage"] = json!({ "input_tokens": 40, "output_tokens": 9 });
    answer
}

fn tool_use_events(model: &str) -> Vec<String> {
    let mut begun = tool_use(model);
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"] = json!({ "input_tokens": 40, "output_tokens": 1 });
    let delta = |part: &str| {
        named(
            &json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "input_json_delta", "partial_json": part } }),
        )
    };
    vec![
        named(&json!({ "type": "message_start", "message": begun })),
        named(
            &json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} } }),
        ),
        delta("{\"city\":"),
        delta("\"Oslo\"}"),
        named(&json!({ "type": "content_block_stop", "index": 0 })),
        named(
            &json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null }, "usage": { "output_tokens": 9 } }),
        ),
        named(&json!({ "type": "message_stop" })),
    ]
}
