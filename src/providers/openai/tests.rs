//! Messages to OpenAI and back: `tests/golden/openai`.

use super::super::anthropic::MESSAGES;
use super::super::{Dialect, Service, golden};
use super::DIALECT;
use crate::request::Endpoint;

#[test]
fn requests() {
    golden::requests("openai/requests", &MESSAGES, &DIALECT, Endpoint::Messages);
}

#[test]
fn replies() {
    golden::replies("openai/replies", &MESSAGES, &DIALECT, Endpoint::Messages);
}

#[test]
fn streams() {
    golden::streams("openai/streams", &MESSAGES, &DIALECT, Endpoint::Messages);
}

#[test]
fn nothing_breaks() {
    golden::broken_bodies("openai", &MESSAGES, &DIALECT, Endpoint::Messages);
}

#[test]
fn failures() {
    golden::failures("openai/failures", &MESSAGES, &DIALECT);
}

#[test]
fn everything_passes_through_but_messages() {
    for &endpoint in &Endpoint::ALL {
        let translated = endpoint == Endpoint::Messages;
        let service = if translated { Service::Translated } else { Service::Native };
        assert_eq!(DIALECT.serves(endpoint), service);
        let path = DIALECT.path(&golden::call("m", endpoint));
        assert_eq!(path, if translated { "/v1/chat/completions" } else { endpoint.path() });
    }
}

#[test]
fn the_base_path_stands_for_v1() {
    for base_path in ["/openai/v1", "/api/v1", ""] {
        let call = super::super::Call { base_path: Some(base_path), ..golden::call("m", Endpoint::Embeddings) };
        assert_eq!(DIALECT.path(&call), format!("{base_path}/embeddings"));
    }
}

#[test]
fn usage_survives() {
    golden::usage_survives(&MESSAGES, Endpoint::Messages, 200);
}

#[test]
fn arguments_that_wait_for_a_name_have_bounds_together() {
    let mut reader = DIALECT.read_stream(&golden::call("gpt-4o", Endpoint::Messages));
    let early = |index: usize| {
        let call = serde_json::json!({ "index": index, "id": index.to_string(), "function": { "arguments": "x".repeat(1 << 18) } });
        format!("data: {}\n\n", serde_json::json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }))
    };
    let mut read = |index| reader.read(early(index).as_bytes(), &mut Vec::new());
    assert!((0..4).all(|index| read(index).is_ok()));
    assert!(read(4).is_err());
}
