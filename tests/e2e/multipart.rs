//! Forms: transcriptions and translations, whose model is a field of a multipart body.

use std::sync::OnceLock;

use crate::catalog::policy;
use crate::support::call::Reply;
use crate::support::gateway::Gateway;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: { deny: [llama] } }
keys: [ { id: open, hash: <open>, team: t } ]
",
        ))
    })
}

const TYPE: &str = "multipart/form-data; boundary=XyZ";

fn part(disposition: &str, value: &[u8]) -> Vec<u8> {
    [format!("--XyZ\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(), value, b"\r\n"].concat()
}

fn file() -> Vec<u8> {
    // A file may hold anything, also what looks like a part.
    part(
        "name=\"file\"; filename=\"a.wav\"",
        b"RIFF\0\xff\xfe\r\n--XyX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nllama\r\n--Xy",
    )
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--XyZ--\r\n"].concat()
}

fn send(content_type: &str, body: &[u8], path: &str) -> Reply<'static> {
    gateway().call("open").path(path).header("content-type", content_type).body(body).send()
}

#[test]
fn only_the_model_field_changes() {
    let big = part("name=\"file\"; filename=\"b.wav\"", &vec![0xA5; 2_000_000]);
    for path in ["/v1/audio/transcriptions", "/v1/audio/translations", "/audio/transcriptions"] {
        for around in
            [[file(), part("name=\"language\"", "é".as_bytes())], [part("name=\"temperature\"", b"0"), big.clone()]]
        {
            for disposition in ["name=\"model\"", "name=model", "NAME=\"model\""] {
                let [before, after] = &around;
                let with = |model: &[u8]| form(&[before.clone(), part(disposition, model), after.clone()]);
                let reply = send(TYPE, &with(b"whisper"), path);
                assert_eq!(reply.status, 200, "{path} {disposition}: {}", reply.text());
                let forwarded = reply.forwarded();
                assert!(forwarded.body == with(b"whisper-1"), "{path} {disposition}");
                assert_eq!(forwarded.header("content-type"), Some(TYPE));
            }
        }
    }
}

#[test]
fn a_model_does_not_end_the_form_it_is_in() {
    // `openai/*` goes out as what the `*` matched.
    for name in ["openai/--XyZ--", "openai/--XyZ"] {
        let body = form(&[part("name=\"model\"", name.as_bytes()), file()]);
        let reply = send(TYPE, &body, "/v1/audio/transcriptions");
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
        let named = form(&[file()]);
        assert_eq!(send(TYPE, &named, &format!("/v1/audio/transcriptions?model={name}")).status, 400, "{name}");
    }
}

#[test]
fn every_cut_of_the_body_gives_the_same() {
    let body = form(&[file(), part("name=\"model\"", b"whisper")]);
    for size in [1, 2, 3, 5, 11, 64] {
        let reply = gateway()
            .call("open")
            .path("/v1/audio/transcriptions")
            .header("content-type", TYPE)
            .body(body.clone())
            .in_chunks(size)
            .send();
        assert_eq!(reply.forwarded().body, form(&[file(), part("name=\"model\"", b"whisper-1")]), "chunks of {size}");
    }
}

#[test]
fn a_form_without_exactly_one_model_is_refused() {
    let model = |name: &[u8]| part("name=\"model\"", name);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (TYPE, form(&[file()])),
        (TYPE, form(&[model(b"whisper"), file(), model(b"whisper")])),
        (TYPE, form(&[model(b"whisper"), file(), model(b"llama")])),
        (TYPE, form(&[part("name=\"model\"; filename=\"x\"", b"whisper"), file()])),
        (TYPE, model(b"whisper")),
        (TYPE, b"".to_vec()),
        (TYPE, br#"{"model":"whisper"}"#.to_vec()),
        ("multipart/form-data", form(&[model(b"whisper"), file()])),
        ("multipart/form-data; boundary=other", form(&[model(b"whisper"), file()])),
        ("application/json", form(&[model(b"whisper"), file()])),
    ];
    for (content_type, body) in cases {
        let reply = send(content_type, &body, "/v1/audio/transcriptions");
        assert_eq!(
            reply.outcome(),
            (400, "invalid_request".into()),
            "{content_type} {}: {}",
            String::from_utf8_lossy(&body),
            reply.text()
        );
        assert!(reply.received().is_empty());
    }
}

#[test]
fn a_forms_model_is_authorized_like_any() {
    for (model, outcome) in [("llama", (403, "model_not_allowed")), ("nope", (404, "model_not_found"))] {
        let reply = send(TYPE, &form(&[part("name=\"model\"", model.as_bytes()), file()]), "/v1/audio/transcriptions");
        assert_eq!(reply.outcome(), (outcome.0, outcome.1.into()));
    }
}
