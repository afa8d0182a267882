//! What a caller reads out of an answer, in either API, streamed or not: the same where the same was said.

use serde_json::{Value, json};

use super::http::Response;

/// The content of an answer.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Told {
    /// The model it names; in a stream, every event that names one names this.
    pub model: String,
    /// All text.
    pub text: String,
    /// Name and arguments of each call of a tool.
    pub calls: Vec<(String, Value)>,
    /// Why it ended.
    pub finish: String,
    /// Input and output tokens as the API counts them; `None` where it does not tell.
    pub usage: Option<(u64, u64)>,
    /// The error in it.
    pub error: Option<Value>,
}

/// The data of each server-sent event.
pub fn events(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let data = text.split("\n\n").filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
    let data = data.filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON in an event: {data}"))).collect()
}

/// Reads a chat completion.
pub fn chat(response: &Response, stream: bool) -> Told {
    let mut told = Told::default();
    let mut arguments: Vec<(String, String)> = Vec::new();
    let pieces = if stream { events(&response.body) } else { vec![response.json()] };
    for piece in &pieces {
        told.error = told.error.or_else(|| piece.get("error").filter(|error| !error.is_null()).cloned());
        told.name_model(&piece["model"]);
        let choice = &piece["choices"][0];
        let said = if stream { &choice["delta"] } else { &choice["message"] };
        told.text.push_str(said["content"].as_str().unwrap_or_default());
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            if let Some(name) = call["function"]["name"].as_str() {
                arguments.push((name.to_owned(), String::new()));
            }
            let part = call["function"]["arguments"].as_str().unwrap_or_default();
            arguments.last_mut().expect("a call begins with its name").1.push_str(part);
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            finish.clone_into(&mut told.finish);
        }
        told.usage = tokens(&piece["usage"], "prompt_tokens", "completion_tokens").or(told.usage);
    }
    told.calls = arguments.into_iter().map(|(name, json)| (name, parsed(&json))).collect();
    told
}

/// Reads a message.
pub fn messages(response: &Response, stream: bool) -> Told {
    let mut told = Told::default();
    if !stream {
        let body = response.json();
        told.error = body.get("error").cloned();
        told.name_model(&body["model"]);
        for block in body["content"].as_array().into_iter().flatten() {
            told.text.push_str(block["text"].as_str().unwrap_or_default());
            if let Some(name) = block["name"].as_str() {
                told.calls.push((name.to_owned(), block["input"].clone()));
            }
        }
        body["stop_reason"].as_str().unwrap_or_default().clone_into(&mut told.finish);
        told.usage = tokens(&body["usage"], "input_tokens", "output_tokens");
        return told;
    }
    let mut arguments: Vec<(String, String)> = Vec::new();
    for event in events(&response.body) {
        told.error = told.error.or_else(|| event.get("error").cloned());
        told.name_model(&event["message"]["model"]);
        if let Some(name) = event["content_block"]["name"].as_str() {
            arguments.push((name.to_owned(), String::new()));
        }
        told.text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        if let Some(part) = event["delta"]["partial_json"].as_str() {
            arguments.last_mut().expect("a call begins with its name").1.push_str(part);
        }
        if let Some(finish) = event["delta"]["stop_reason"].as_str() {
            finish.clone_into(&mut told.finish);
        }
        for usage in [&event["message"]["usage"], &event["usage"]] {
            let (input, output) = told.usage.unwrap_or_default();
            if usage.is_object() {
                let number = |field: &str, before: u64| usage[field].as_u64().unwrap_or(before);
                told.usage = Some((number("input_tokens", input), number("output_tokens", output)));
            }
        }
    }
    told.calls = arguments.into_iter().map(|(name, json)| (name, parsed(&json))).collect();
    told
}

/// Reads an answer of a path.
pub fn read(path: &str, response: &Response, stream: bool) -> Told {
    if path.ends_with("/messages") { messages(response, stream) } else { chat(response, stream) }
}

impl Told {
    fn name_model(&mut self, model: &Value) {
        let Some(model) = model.as_str() else { return };
        assert!(self.model.is_empty() || self.model == model, "it names {} and {model}", self.model);
        model.clone_into(&mut self.model);
    }
}

fn tokens(usage: &Value, input: &str, output: &str) -> Option<(u64, u64)> {
    Some((usage[input].as_u64()?, usage[output].as_u64()?))
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| json!({ "no JSON": json }))
}
