//! Gemini's wire format: 12 input tokens, 4 of them cached; 15 output tokens and 6 of thoughts.

use serde_json::{Value, json};

use super::super::provider::Answer;

/// An answer of `generateContent` as it is asked for.
pub fn answer(stream: bool, calls: bool) -> Answer {
    let call = json!({ "functionCall": { "name": "weather", "args": { "city": "Oslo" } } });
    match (stream, calls) {
        (false, true) => Answer::json(200, &piece(&call, json!("STOP"), tool_usage())),
        (false, false) => Answer::json(200, &piece(&json!({ "text": "Hello" }), json!("STOP"), usage())),
        // Lines end as Google ends them.
        (true, true) => Answer::stream([event(&piece(&call, json!("STOP"), tool_usage()))]),
        (true, false) => Answer::stream([
            event(&piece(&json!({ "text": "Hel" }), Value::Null, json!({ "promptTokenCount": 12 }))),
            event(&piece(&json!({ "text": "lo" }), json!("STOP"), usage())),
        ]),
    }
}

fn piece(part: &Value, finish: Value, usage: Value) -> Value {
    let mut candidate = json!({ "content": { "parts": [part], "role": "model" }, "index": 0 });
    if !finish.is_null() {
        candidate["finishReason"] = finish;
    }
    json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r-1" })
}

fn usage() -> Value {
    json!({ "promptTokenCount": 12, "cachedContentTokenCount": 4, "candidatesTokenCount": 15, "thoughtsTokenCount": 6, "totalTokenCount": 33 })
}

fn tool_usage() -> Value {
    json!({ "promptTokenCount": 40, "candidatesTokenCount": 9, "totalTokenCount": 49 })
}

fn event(data: &Value) -> String {
    format!("data: {data}\r\n\r\n")
}
