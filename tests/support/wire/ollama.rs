//! The wire format of Ollama's own chat.

use serde_json::{Value, json};

use super::super::provider::Answer;

/// An answer of `/api/chat` as it is asked for; Ollama streams JSON lines.
pub fn answer(model: &str, stream: bool, calls: bool) -> Answer {
    let call =
        json!([{ "id": "call_1", "function": { "index": 0, "name": "weather", "arguments": { "city": "Oslo" } } }]);
    let line = |content: &str, calls: Option<&Value>, usage: Option<(u64, u64)>| {
        let mut line = json!({ "model": model, "created_at": "2026-03-01T12:00:00.123456789Z",
            "message": { "role": "assistant", "content": content }, "done": usage.is_some() });
        if let Some(calls) = calls {
            line["message"]["tool_calls"] = calls.clone();
        }
        if let Some((input, output)) = usage {
            line["done_reason"] = json!("stop");
            line["total_duration"] = json!(5_191_566_416_u64);
            line["prompt_eval_count"] = json!(input);
            line["eval_count"] = json!(output);
        }
        line
    };
    let lines = match (stream, calls) {
        (false, true) => return Answer::json(200, &line("", Some(&call), Some((40, 9)))),
        (false, false) => return Answer::json(200, &line("Hello", None, Some((12, 21)))),
        (true, true) => vec![line("", Some(&call), None), line("", None, Some((40, 9)))],
        (true, false) => vec![line("Hel", None, None), line("lo", None, None), line("", None, Some((12, 21)))],
    };
    let answer = Answer::stream(lines.iter().map(|line| format!("{line}\n")));
    Answer { headers: vec![("content-type".into(), "application/x-ndjson".into())], ..answer }
}
