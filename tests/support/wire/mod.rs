//! Answers in the wire formats of the real providers, one file for each. A request with tools is answered with a call of the
//! weather tool, until it brings the result; every other one with "Hello".

pub mod anthropic;
pub mod bedrock;
pub mod gemini;
pub mod ollama;
pub mod openai;

pub use anthropic::{message, message_events};
pub use openai::{chat, chat_stream, error, event, response, usage};

use serde_json::{Value, json};

use super::provider::{Answer, Received};

/// What a request that names no scenario is answered: what its endpoint answers, streamed if it asks for that.
pub fn answer(request: &Received) -> Answer {
    let body = request.json();
    let stream = body["stream"] == true;
    let path = request.path.split('?').next().unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    let calls = asks_for_a_call(&body);
    if let Some(operation) = path.strip_prefix("/model/").and_then(|rest| rest.split_once('/')).map(|(_, last)| last) {
        return bedrock::answer(operation == "converse-stream", calls);
    }
    if path.contains(":generateContent") || path.contains(":streamGenerateContent") {
        return gemini::answer(path.contains(":stream"), calls);
    }
    if path.ends_with("/api/chat") {
        return ollama::answer(model, stream, calls);
    }
    let below = path.rsplit("/v1/").next().unwrap_or_default();
    // Azure's deployments name the model in the path.
    let below =
        below.strip_prefix("/openai/deployments/").and_then(|rest| rest.split_once('/')).map_or(below, |(_, b)| b);
    match below {
        "chat/completions" => openai::answer(&body, model, stream, calls),
        "completions" if stream => Answer::stream(openai::completion_events(model)),
        "completions" => Answer::json(200, &openai::completion(model)),
        "embeddings" => Answer::json(200, &openai::embeddings(model)),
        "responses" if stream => Answer::stream(openai::response_events(model)),
        "responses" => Answer::json(200, &response(model)),
        "messages" => anthropic::answer(model, stream, calls),
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

/// Whether a request brings tools and no result of one yet, in whichever API.
fn asks_for_a_call(body: &Value) -> bool {
    let has_tools = body["tools"].is_array() || body["toolConfig"]["tools"].is_array();
    let text = body.to_string();
    let results = ["\"role\":\"tool\"", "\"tool_result\"", "\"toolResult\"", "\"functionResponse\""];
    has_tools && !results.iter().any(|result| text.contains(result))
}

/// A server-sent event with a name, which its data has too.
fn named(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
}
