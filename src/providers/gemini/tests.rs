use serde_json::{Value, json};

use crate::providers::conversation::{Conversation, Event, Part};
use crate::providers::goldens::{assert_answers, assert_golden, assert_streams, assert_survives, call, read};
use crate::providers::samples::{self, assistant, result, user};
use crate::providers::{Api, Call, Credential, Dialect, Service};
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
        assert_golden("gemini", &format!("requests/{name}.json"), &format!("{:#}\n", Value::Object(golden)));
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
    assert_eq!(written("reasoning_medium", Endpoint::Messages), ["thinking"]);
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
