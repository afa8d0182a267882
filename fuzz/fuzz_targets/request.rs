//! A body is read alike wherever it is cut; edited, it names the provider's model and says all else as before.
#![no_main]

use arbitrary::Arbitrary;
use keyward::request::{BadBody, Body, BodyScan, Edits, Endpoint, Layout, ModelField};
use keyward_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    endpoint: u8,
    /// Which of `MODELS` the provider knows it by.
    model: u8,
    cuts: [u8; 4],
    /// The body. Of a form, the content type stands before it, on a line of its own.
    sent: &'a [u8],
}

const MODELS: [&str; 4] = ["m", "gpt-4o-2024-08-06", "a\"\\\n\u{1}é", "--b--"];

fn read(endpoint: Endpoint, content_type: Option<&str>, pieces: &[&[u8]]) -> Result<Body, BadBody> {
    let mut scan = BodyScan::new(endpoint, content_type)?;
    let mut fed = Ok(());
    for piece in pieces {
        let result = scan.feed(piece);
        assert!(fed.is_ok() || fed == result, "a scan that failed stays failed");
        fed = result;
    }
    let body = scan.finish();
    assert!(fed.is_ok() || body.is_err());
    body
}

/// What the edits mean, by a tree; `None` where the tree cannot hold the body (lone surrogates, numbers out of range).
fn meaning(body: &[u8], model: &str, ask: bool) -> Option<Value> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    value["model"] = json!(model);
    if ask {
        if !value["stream_options"].is_object() {
            value["stream_options"] = json!({});
        }
        value["stream_options"]["include_usage"] = json!(true);
    }
    Some(value)
}

/// Whether bytes outside of the model's value are as before.
fn only_the_model_changed(field: &ModelField, before: &[u8], after: &[u8]) -> bool {
    let (head, tail) = (&before[..field.span.start], &before[field.span.end..]);
    after.len() >= head.len() + tail.len() && after.starts_with(head) && after.ends_with(tail)
}

fuzz_target!(|input: Input| {
    let endpoint = Endpoint::ALL[usize::from(input.endpoint) % Endpoint::ALL.len()];
    let (content_type, sent) = match input.sent.iter().position(|byte| *byte == b'\n') {
        Some(end) if endpoint.is_multipart() => (str::from_utf8(&input.sent[..end]).ok(), &input.sent[end + 1..]),
        _ => (None, input.sent),
    };
    let whole = read(endpoint, content_type, &[sent]);
    for cuts in [input.cuts, [0; 4]] {
        assert_eq!(read(endpoint, content_type, &pieces(sent, cuts)), whole);
    }
    let Ok(body) = whole else { return };

    let model = MODELS[usize::from(input.model) % MODELS.len()];
    if Edits::check(&body, model).is_err() {
        return;
    }
    let ask = body.needs_asking_for_usage();
    let edits = Edits::new(&body, model, ask);
    let edited = edits.apply(sent);
    let head = edits.apply(&sent[..edits.end()]);
    assert_eq!([&head, &sent[edits.end()..]].concat(), edited, "a beginning of the body is enough");
    if let Some(field) = body.model.as_ref().filter(|_| !ask) {
        assert!(only_the_model_changed(field, sent, &edited));
    }
    let again = match read(endpoint, content_type, &[&edited]) {
        Ok(again) => again,
        // The field that was added is one more than we read.
        Err(bad) => {
            assert!(body.model.is_none() && bad.message.contains("64 parts"), "{bad}");
            return;
        }
    };
    if matches!(body.layout, Layout::Object { .. }) {
        if let Some(expected) = meaning(sent, model, ask) {
            assert_eq!(serde_json::from_slice::<Value>(&edited).ok(), Some(expected));
        }
        assert!(!again.needs_asking_for_usage());
    }
    if !model.contains(char::is_control) {
        assert!(Edits::new(&again, model, ask).is_empty(), "read again, there is nothing left to change");
    }
    assert_eq!((again.stream, again.user, again.outputs), (body.stream, body.user, body.outputs));
    assert_eq!(again.max_output_tokens, body.max_output_tokens);
});
