//! Chat completions to Anthropic and back: `tests/golden/anthropic`.

use super::super::openai::CHAT;
use super::super::{Dialect, Service, golden};
use super::DIALECT;
use crate::request::Endpoint;

#[test]
fn requests() {
    golden::requests("anthropic/requests", &CHAT, &DIALECT, Endpoint::Chat);
}

#[test]
fn replies() {
    golden::replies("anthropic/replies", &CHAT, &DIALECT, Endpoint::Chat);
}

#[test]
fn streams() {
    golden::streams("anthropic/streams", &CHAT, &DIALECT, Endpoint::Chat);
}

#[test]
fn nothing_breaks() {
    golden::broken_bodies("anthropic", &CHAT, &DIALECT, Endpoint::Chat);
}

#[test]
fn failures() {
    golden::failures("anthropic/failures", &CHAT, &DIALECT);
}

#[test]
fn only_messages_and_chat_are_served() {
    for &endpoint in &Endpoint::ALL {
        let service = match endpoint {
            Endpoint::Messages => Service::Native,
            Endpoint::Chat => Service::Translated,
            _ => Service::None,
        };
        assert_eq!(DIALECT.serves(endpoint), service);
    }
    assert_eq!(DIALECT.path(&golden::call("m", Endpoint::Chat)), "/v1/messages");
}

#[test]
fn usage_survives() {
    golden::usage_survives(&CHAT, Endpoint::Chat, 0);
}
