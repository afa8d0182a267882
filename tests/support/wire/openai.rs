//! OpenAI's wire format.

use serde_json::{Value, json};

use super::super::provider::Answer;
use super::named;

/// A chat completion as it is asked for.
pub fn answer(body: &Value, model: &str, stream: bool, calls: bool) -> Answer {
    match (stream, calls) {
        (true, true) => tool_call_stream(model).with_usage_if(body["stream_options"]["include_usage"] == true),
        (true, false) => chat_stream(model, &["Hel", "lo"], Some(usage(12, 21)))
            .with_usage_if(body["stream_options"]["include_usage"] == true),
        (false, true) => Answer::json(200, &tool_call(model)),
        (false, false) => Answer::json(200, &chat(model, "Hello", &usage(12, 21))),
    }
}

impl Answer {
    /// Without the usage chunk of an OpenAI stream where it was not asked for: a provider that was not asked says nothing.
    fn with_usage_if(mut self, asked: bool) -> Self {
        if !asked {
            let at = self.steps.len().saturating_sub(2);
            self.steps.remove(at);
        }
        self
    }
}

/// An OpenAI usage object.
pub fn usage(input: u64, output: u64) -> Value {
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 0 } })
}

/// An OpenAI error.
pub fn error(message: &str, kind: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// A chat completion.
pub fn chat(model: &str, text: &str, usage: &Value) -> Value {
    json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1_767_225_600, "model": model,
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "refusal": null }, "logprobs": null, "finish_reason": "stop" }],
            "usage": usage, "service_tier": "default", "system_fingerprint": "fp_1" })
}

fn tool_call(model: &str) -> Value {
    let call = json!({ "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } });
    let mut answer = chat(model, "", &usage(40, 9));
    answer["choices"][0]["message"] = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    answer["choices"][0]["finish_reason"] = json!("tool_calls");
    answer
}

/// One server-sent event as OpenAI writes it.
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A chat stream: one chunk per text, the finish chunk, the usage chunk if there is a usage, `[DONE]`.
pub fn chat_stream(model: &str, texts: &[&str], usage: Option<Value>) -> Answer {
    let chunk = |delta: Value, finish: Value| {
        let mut chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": model,
                "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }] });
        if usage.is_some() {
            chunk["usage"] = Value::Null;
        }
        event(&chunk)
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    events.extend(texts.iter().map(|text| chunk(json!({ "content": text }), Value::Null)));
    events.push(chunk(json!({}), json!("stop")));
    if let Some(usage) = &usage {
        events.push(event(&json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600,
                "model": model, "choices": [], "usage": usage })));
    }
    events.push("data: [DONE]\n\n".into());
    Answer::stream(events)
}

/// A call of the weather tool, streamed as OpenAI does.
fn tool_call_stream(model: &str) -> Answer {
    let chunk = |delta: Value, finish: Value| {
        event(
            &json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": model, "usage": null,
                "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }] }),
        )
    };
    let arguments =
        |part: &str| chunk(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": part } }] }), Value::Null);
    let call =
        json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "" } });
    Answer::stream([
        chunk(json!({ "role": "assistant", "content": null, "tool_calls": [call] }), Value::Null),
        arguments("{\"city\":"),
        arguments("\"Oslo\"}"),
        chunk(json!({}), json!("tool_calls")),
        event(&json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600,
                "model": model, "choices": [], "usage": usage(40, 9) })),
        "data: [DONE]\n\n".into(),
    ])
}

pub(super) fn completion(model: &str) -> Value {
    json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": model, "usage": usage(12, 21),
            "choices": [{ "text": "Hello", "index": 0, "logprobs": null, "finish_reason": "stop" }] })
}

pub(super) fn completion_events(model: &str) -> Vec<String> {
    let chunk = |text: &str| json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": model, "choices": [{ "text": text, "index": 0, "finish_reason": null }] });
    let mut last = chunk("");
    last["choices"] = json!([]);
    last["usage"] = usage(12, 21);
    vec![event(&chunk("Hel")), event(&chunk("lo")), event(&last), "data: [DONE]\n\n".into()]
}

pub(super) fn embeddings(model: &str) -> Value {
    // Base64 of two little-endian floats, which the SDKs ask for unless told otherwise.
    json!({ "object": "list", "data": [{ "object": "embedding", "index": 0, "embedding": "AACAPwAAAEA=" }], "model": model,
            "usage": { "prompt_tokens": 12, "total_tokens": 12 } })
}

/// A Responses API object.
pub fn response(model: &str) -> Value {
    json!({ "id": "resp_1", "object": "response", "created_at": 1_767_225_600, "status": "completed", "error": null, "incomplete_details": null,
            "instructions": null, "metadata": {}, "model": model, "parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": [], "top_p": 1,
            "output": [{ "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello", "annotations": [] }] }],
            "usage": { "input_tokens": 12, "input_tokens_details": { "cached_tokens": 4 }, "output_tokens": 21, "output_tokens_details": { "reasoning_tokens": 6 }, "total_tokens": 33 } })
}

pub(super) fn response_events(model: &str) -> Vec<String> {
    let mut begun = response(model);
    begun["status"] = json!("in_progress");
    begun["usage"] = Value::Null;
    begun["output"] = json!([]);
    let delta = |text: &str, at: u64| {
        named(
            &json!({ "type": "response.output_text.delta", "sequence_number": at, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text, "logprobs": [] }),
        )
    };
    vec![
        named(&json!({ "type": "response.created", "sequence_number": 0, "response": begun })),
        delta("Hel", 1),
        delta("lo", 2),
        named(&json!({ "type": "response.completed", "sequence_number": 3, "response": response(model) })),
    ]
}
