//! Answers in the wire formats of the real providers, with the usage a test asks for.

use serde_json::{Value, json};

use super::provider::{Answer, Received};

/// What a request that names no scenario is answered: what its endpoint answers, streamed if it asks for that.
pub fn answer(request: &Received) -> Answer {
    let body = request.json();
    let stream = body["stream"] == true;
    let path = request.path.split('?').next().unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    match path.rsplit("/v1/").next().unwrap_or_default() {
        "chat/completions" if stream => chat_stream(model, &["Hel", "lo"], Some(usage(12, 21)))
            .with_usage_if(body["stream_options"]["include_usage"] == true),
        "chat/completions" if body["tools"].is_array() => Answer::json(200, &tool_call(model)),
        "chat/completions" => Answer::json(200, &chat(model, "Hello", &usage(12, 21))),
        "completions" if stream => Answer::stream(completion_events(model)),
        "completions" => Answer::json(200, &completion(model)),
        "embeddings" => Answer::json(200, &embeddings(model)),
        "responses" if stream => Answer::stream(response_events(model)),
        "responses" => Answer::json(200, &response(model)),
        "messages" if stream => Answer::stream(message_events(model)),
        "messages" => Answer::json(200, &message(model)),
        "moderations" => Answer::json(
            200,
            &json!({ "id": "modr-1", "model": model, "results": [{ "flagged": false, "categories": {}, "category_scores": {} }] }),
        ),
        "images/generations" => Answer::json(
            200,
            &json!({ "created": 1, "data": [{ "b64_json": "aGk=" }], "usage": { "input_tokens": 12, "output_tokens": 21, "total_tokens": 33, "input_tokens_details": { "text_tokens": 12, "image_tokens": 0 } } }),
        ),
        "audio/transcriptions" | "audio/translations" => Answer::json(
            200,
            &json!({ "text": "hello", "usage": { "type": "tokens", "input_tokens": 12, "output_tokens": 21, "total_tokens": 33 } }),
        ),
        "audio/speech" => Answer {
            status: 200,
            headers: vec![("content-type".into(), "audio/mpeg".into())],
            ..Answer::stream(["\u{1}\u{2}sound"])
        },
        "rerank" => Answer::json(
            200,
            &json!({ "id": "rr-1", "results": [{ "index": 0, "relevance_score": 1 }], "meta": { "billed_units": { "search_units": 1 } } }),
        ),
        _ => Answer::json(404, &error("no such path", "invalid_request_error", "not_found")),
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

fn completion(model: &str) -> Value {
    json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": model, "usage": usage(12, 21),
            "choices": [{ "text": "Hello", "index": 0, "logprobs": null, "finish_reason": "stop" }] })
}

fn completion_events(model: &str) -> Vec<String> {
    let chunk = |text: &str| json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": model, "choices": [{ "text": text, "index": 0, "finish_reason": null }] });
    let mut last = chunk("");
    last["choices"] = json!([]);
    last["usage"] = usage(12, 21);
    vec![event(&chunk("Hel")), event(&chunk("lo")), event(&last), "data: [DONE]\n\n".into()]
}

fn embeddings(model: &str) -> Value {
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

fn response_events(model: &str) -> Vec<String> {
    let mut begun = response(model);
    begun["status"] = json!("in_progress");
    begun["usage"] = Value::Null;
    begun["output"] = json!([]);
    let named = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let delta = |text: &str, at: u64| {
        named(
            json!({ "type": "response.output_text.delta", "sequence_number": at, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text, "logprobs": [] }),
        )
    };
    vec![
        named(json!({ "type": "response.created", "sequence_number": 0, "response": begun })),
        delta("Hel", 1),
        delta("lo", 2),
        named(json!({ "type": "response.completed", "sequence_number": 3, "response": response(model) })),
    ]
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
    let named = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let mut begun = message(model);
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"] = messages_usage(1);
    let delta = |text: &str| {
        named(json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } }))
    };
    vec![
        named(json!({ "type": "message_start", "message": begun })),
        named(json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } })),
        named(json!({ "type": "ping" })),
        delta("Hel"),
        delta("lo"),
        named(json!({ "type": "content_block_stop", "index": 0 })),
        named(
            json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 21 } }),
        ),
        named(json!({ "type": "message_stop" })),
    ]
}
