//! Goldens are in `tests/golden/azure_openai`: what goes in beside what comes out.

use super::super::conversation::{Conversation, Part, Role, Turn};
use super::super::{Call, Credential, Dialect as _, Service, golden};
use super::DIALECT;
use crate::request::Endpoint;

fn call(endpoint: Endpoint) -> Call<'static> {
    golden::call("my gpt/4o", endpoint)
}

#[test]
fn openais_endpoints_pass_through_and_messages_are_translated() {
    for endpoint in Endpoint::ALL {
        let expected = match endpoint {
            Endpoint::Messages => Service::Translated,
            Endpoint::Moderations | Endpoint::Rerank | Endpoint::Models => Service::None,
            _ => Service::Native,
        };
        assert_eq!(DIALECT.serves(endpoint), expected, "{}", endpoint.as_str());
    }
}

#[test]
fn paths_are_of_the_v1_api() {
    for (endpoint, path) in [
        (Endpoint::Chat, "/openai/v1/chat/completions"),
        (Endpoint::Messages, "/openai/v1/chat/completions"),
        (Endpoint::Completions, "/openai/v1/completions"),
        (Endpoint::Embeddings, "/openai/v1/embeddings"),
        (Endpoint::Responses, "/openai/v1/responses"),
        (Endpoint::Images, "/openai/v1/images/generations"),
        (Endpoint::Speech, "/openai/v1/audio/speech"),
        (Endpoint::Transcriptions, "/openai/v1/audio/transcriptions"),
        (Endpoint::Translations, "/openai/v1/audio/translations"),
    ] {
        assert_eq!(DIALECT.path(&call(endpoint)), path);
    }
    let preview = Call { api_version: Some("preview"), ..call(Endpoint::Chat) };
    assert_eq!(DIALECT.path(&preview), "/openai/v1/chat/completions?api-version=preview");
    let elsewhere = Call { base_path: Some("/team/"), ..call(Endpoint::Chat) };
    assert_eq!(DIALECT.path(&elsewhere), "/team/chat/completions");
}

#[test]
fn paths_of_a_dated_version_name_the_deployment() {
    for (endpoint, path) in [
        (Endpoint::Chat, "/openai/deployments/my%20gpt%2F4o/chat/completions?api-version=2024-10-21"),
        (Endpoint::Messages, "/openai/deployments/my%20gpt%2F4o/chat/completions?api-version=2024-10-21"),
        (Endpoint::Embeddings, "/openai/deployments/my%20gpt%2F4o/embeddings?api-version=2024-10-21"),
        (Endpoint::Translations, "/openai/deployments/my%20gpt%2F4o/audio/translations?api-version=2024-10-21"),
        (Endpoint::Responses, "/openai/responses?api-version=2024-10-21"),
    ] {
        assert_eq!(DIALECT.path(&Call { api_version: Some("2024-10-21"), ..call(endpoint) }), path);
    }
    let elsewhere = Call { api_version: Some("2024-10-21"), base_path: Some("/team"), ..call(Endpoint::Embeddings) };
    assert_eq!(DIALECT.path(&elsewhere), "/team/deployments/my%20gpt%2F4o/embeddings?api-version=2024-10-21");
}

#[test]
fn the_credential_has_a_header_of_its_own() {
    assert_eq!(DIALECT.credential(), Credential::Header("api-key"));
}

#[test]
fn messages_are_written_as_openai_has_them() {
    let turns = vec![Turn { role: Role::User, parts: vec![Part::text("Hello")] }];
    let conversation = Conversation { turns, top_k: Some(3), ..Conversation::default() };
    let call = call(Endpoint::Messages);
    let written = DIALECT.write_request(&conversation, &call);
    assert_eq!(written, crate::providers::openai::DIALECT.write_request(&conversation, &call));
    assert_eq!(written.body["messages"][0]["content"], "Hello");
    assert_eq!(written.unmapped, ["top_k"]);
}

#[test]
fn the_callers_name_of_a_model_tells_what_the_deployments_does_not() {
    let conversation = Conversation { max_output_tokens: Some(100), ..Conversation::default() };
    let call = Call { model: "o3", ..call(Endpoint::Messages) };
    let body = DIALECT.write_request(&conversation, &call).body;
    assert_eq!(body["max_completion_tokens"], 100);
    assert_eq!(body["max_tokens"], serde_json::Value::Null);
    assert_eq!(body["model"], "my gpt/4o");
}

#[test]
fn what_the_deployments_name_tells_is_believed() {
    let conversation =
        Conversation { max_output_tokens: Some(100), temperature: Some(0.into()), ..Conversation::default() };
    for (deployment, refused) in [("gpt-4o", false), ("gpt-35-turbo", false), ("gpt-5-mini", true), ("mine", true)] {
        let call = Call { model: "gpt-5", provider_model: deployment, ..call(Endpoint::Messages) };
        let written = DIALECT.write_request(&conversation, &call);
        assert_eq!(written.unmapped.contains(&"temperature".to_owned()), refused, "{deployment}");
        assert_eq!(written.body["max_tokens"].is_null(), refused, "{deployment}");
    }
}

#[test]
fn every_answer_and_stream_is_read_as_its_golden_says() {
    golden::assert_answers(&DIALECT, "azure_openai");
    golden::assert_streams(&DIALECT, "azure_openai", "sse");
    golden::assert_survives(&DIALECT);
}
