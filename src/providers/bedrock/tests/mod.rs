//! Goldens are in `tests/golden/bedrock`: what goes in beside what comes out.

mod frames;
mod replies;
mod requests;
mod streams;

use super::super::golden::{self, call as call_of};
use super::super::{Call, Credential, Dialect as _, Service};
use super::DIALECT;
use crate::request::Endpoint;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn call(provider_model: &str) -> Call<'_> {
    call_of(provider_model, Endpoint::Chat)
}

fn assert_golden(name: &str, actual: &str) {
    golden::assert_golden(&format!("bedrock/{name}"), actual);
}

fn inputs(folder: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    golden::inputs(&format!("bedrock/{folder}"), extension)
}

#[test]
fn chats_are_served_and_nothing_else() {
    for endpoint in Endpoint::ALL {
        let expected = match endpoint {
            Endpoint::Chat | Endpoint::Messages => Service::Translated,
            _ => Service::None,
        };
        assert_eq!(DIALECT.serves(endpoint), expected, "{}", endpoint.as_str());
    }
}

#[test]
fn the_path_names_the_model_and_the_operation() {
    let call = call("anthropic.claude-v1:0");
    assert_eq!(DIALECT.path(&call), "/model/anthropic.claude-v1%3A0/converse");
    let streamed = Call { stream: true, base_path: Some("/aws/"), ..call };
    assert_eq!(DIALECT.path(&streamed), "/aws/model/anthropic.claude-v1%3A0/converse-stream");
}

#[test]
fn envoy_signs_so_no_credential_is_sent() {
    assert_eq!(DIALECT.credential(), Credential::None);
}
