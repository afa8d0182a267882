use serde_json::{Value, json};

use crate::providers::conversation::{Conversation, Event, Part};
use crate::providers::golden::{assert_answers, assert_golden, assert_streams, assert_survives, call, read};
use crate::providers::openai::CHAT;
use crate::providers::samples::{self, assistant, result, user};
use crate::providers::{Api, Call, Caller as _, Credential, Dialect, Service};
use crate::request::Endpoint;

fn dialect() -> &'static dyn Dialect {
    Api::Gemini.dialect()
}

#[test]
fn every_request_is_written_as_its_golden_says() {
    for (name, conversation) in samples::all() {
        let mut golden = serde_json::Map::new();
        for model in ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro", "gemini-3-flash", "gemini-3.8-flash"] {
            let written = dialect().write_request(&conversation, &call(model, Endpoint::Chat));
            let written = json!({ "body": written.body, "unmapped": written.unmapped });
            // Only what differs from the model before says anything.
            if golden.values().next_back() != Some(&written) {
                golden.insert(model.to_owned(), written);
            }
        }
        assert_golden(&format!("gemini/requests/{name}.json"), &format!("{:#}\n", Value::Object(golden)));
    }
}

#[test]
fn every_answer_is_read_as_its_golden_says() {
    assert_answers(dialect(), "gemini");
}

#[test]
fn every_stream_is_read_as_its_golden_says_however_it_is_cut() {
    assert_streams(dialect(), "gemini", "sse");
}

#[test]
fn nonsense_is_survived() {
    assert_survives(dialect());
}

#[test]
fn counts_that_are_none_lose_no_answer() {
    let answer = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":1.5,"candidatesTokenCount":"2","totalTokenCount":null}}"#;
    let reply = dialect().read_reply(answer.as_bytes()).unwrap();
    assert_eq!((reply.parts.len(), reply.usage), (1, None));
}

#[test]
fn only_chats_are_served() {
    for endpoint in [Endpoint::Chat, Endpoint::Messages] {
        assert_eq!(dialect().serves(endpoint), Service::Translated);
    }
    for endpoint in [Endpoint::Embeddings, Endpoint::Responses, Endpoint::Models] {
        assert_eq!(dialect().serves(endpoint), Service::None);
    }
    assert_eq!(dialect().credential(), Credential::Header("x-goog-api-key"));
}

#[test]
fn paths() {
    let whole = call("gemini-2.5-pro", Endpoint::Chat);
    assert_eq!(dialect().path(&whole), "/v1beta/models/gemini-2.5-pro:generateContent");
    let streamed = Call { stream: true, base_path: Some("/proxy/v1/"), ..whole };
    assert_eq!(dialect().path(&streamed), "/proxy/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
}

#[test]
fn fields_go_by_the_names_of_the_callers_api() {
    let samples = samples::all();
    let written = |name: &str, endpoint| {
        let (_, conversation) = samples.iter().find(|sample| sample.0 == name).unwrap();
        dialect().write_request(conversation, &call("gemini-2.0-flash", endpoint)).unmapped
    };
    assert_eq!(written("reasoning_medium", Endpoint::Chat), ["reasoning_effort"]);
    assert_eq!(written("reasoning_medium", Endpoint::Messages), ["output_config.effort"]);
    assert_eq!(written("json_schema_and_tools", Endpoint::Chat), ["response_format"]);
    assert_eq!(written("json_schema_and_tools", Endpoint::Messages), ["output_config.format"]);
}

/// A call that is sent back as callers send it has the id and signature that it came with.
#[test]
fn the_signature_of_a_call_comes_back() {
    let part = json!({ "functionCall": { "id": "f1", "name": "f", "args": { "a": 1 } }, "thoughtSignature": "ab+/cd==" });
    let body = json!({ "candidates": [{ "content": { "parts": [part] }, "finishReason": "STOP" }] });
    let reply = dialect().read_reply(body.to_string().as_bytes()).unwrap();
    let Some(Part::ToolCall(made)) = reply.parts.first() else { panic!("{reply:?}") };
    let turns = vec![assistant(reply.parts.clone()), user(vec![result(&made.id, vec![Part::text("1")], false)])];
    let conversation = Conversation { turns, ..Conversation::default() };
    let written = dialect().write_request(&conversation, &call("gemini-3-pro", Endpoint::Messages));
    assert_eq!(written.body["contents"][0]["parts"][0], part);
    assert_eq!(
        written.body["contents"][1]["parts"][0]["functionResponse"],
        json!({ "id": "f1", "name": "f", "response": { "output": "1" } })
    );
}

/// Callers of chat completions get images as LiteLLM tells them, streamed or not.
#[test]
fn an_image_reaches_the_caller() {
    let called = call("gemini-2.5-flash-image", Endpoint::Chat);
    let part = |data: &str| json!({ "inlineData": { "mimeType": "image/png", "data": data } });
    let sound = json!({ "inlineData": { "mimeType": "audio/wav", "data": "UklG" } });
    let body = json!({ "candidates": [{ "content": { "parts": [part("QQ=="), sound, part("Qg==")] }, "finishReason": "STOP" }] });
    let image =
        |index: u32, url: &str| json!({ "index": index, "type": "image_url", "image_url": { "url": url } });
    let images = [image(0, "data:image/png;base64,QQ=="), image(1, "data:image/png;base64,Qg==")];

    let reply = dialect().read_reply(body.to_string().as_bytes()).unwrap();
    let told: Value = serde_json::from_slice(&CHAT.write_reply(&reply, &called)).unwrap();
    let message = &told["choices"][0]["message"];
    assert_eq!((&message["images"], &message["content"]), (&json!(images), &Value::Null), "{told}");

    let (events, _) = read(dialect(), [format!("data: {body}\n\n").as_bytes()]);
    let (mut writer, mut out) = (CHAT.write_stream(&called, false), Vec::new());
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    let text = String::from_utf8(out).unwrap();
    let chunks = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let deltas = chunks.filter_map(|chunk| chunk["choices"][0]["delta"].get("images").cloned());
    assert_eq!(deltas.collect::<Vec<_>>(), images.map(|image| json!([image])), "{text}");
}

#[test]
fn a_stream_without_a_finish_reason_does_not_end() {
    let chunk = b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n";
    let (events, end) = read(dialect(), [&chunk[..]]);
    assert_eq!((events.last(), end), (Some(&Event::Text("a".to_owned())), Ok(())));
}

#[test]
fn bare_json_is_bounded() {
    let (_, end) = read(dialect(), [&b"{"[..], &vec![b' '; 2 << 20]]);
    assert!(end.is_err());
}
