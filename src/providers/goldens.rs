//! Goldens of dialects, in `tests/golden/<dialect>`: what goes in beside what comes out.

use std::path::{Path, PathBuf};

use super::conversation::Event;
use super::{Call, Dialect, Malformed};
use crate::request::Endpoint;

fn folder(dialect: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dialect).join(name)
}

/// Compares; `KEYWARD_BLESS=1 cargo test --lib providers` renews.
pub(super) fn assert_golden(dialect: &str, name: &str, actual: &str) {
    let path = folder(dialect, name);
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

/// What goes in: the files with an extension, by their names without it.
pub(super) fn inputs(dialect: &str, name: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<_> = std::fs::read_dir(folder(dialect, name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    inputs
}

/// A call for a model.
pub(super) const fn call(provider_model: &str, endpoint: Endpoint) -> Call<'_> {
    Call {
        endpoint,
        model: "mine",
        provider_model,
        max_output_tokens: None,
        stream: false,
        created: 1_700_000_000,
        api_version: None,
        base_path: None,
    }
}

/// What a stream says that comes in these pieces and then ends.
pub(super) fn read<'a>(
    dialect: &dyn Dialect,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Result<(), Malformed>) {
    let mut reader = dialect.read_stream();
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(malformed) = reader.read(piece, &mut events) {
            return (events, Err(malformed));
        }
    }
    let end = reader.end(&mut events);
    (events, end)
}

/// Compares every stream with its golden, and with itself cut at every byte and into single bytes.
pub(super) fn assert_streams(dialect: &dyn Dialect, folder: &str, extension: &str) {
    for (name, bytes) in inputs(folder, "streams", extension) {
        let whole = read(dialect, [bytes.as_slice()]);
        let (events, end) = &whole;
        let lines: String = events.iter().map(|event| format!("{event:?}\n")).collect();
        let end = end.as_ref().err().map(|malformed| format!("{malformed:?}\n")).unwrap_or_default();
        assert_golden(folder, &format!("streams/{name}.txt"), &format!("{lines}{end}"));
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            assert_eq!(read(dialect, [left, right]), whole, "{name} cut at {cut}");
        }
        assert_eq!(read(dialect, bytes.chunks(1)), whole, "{name} in single bytes");
    }
}

/// Compares every whole answer and every error with its golden. The first line of an error's file is its status.
pub(super) fn assert_answers(dialect: &dyn Dialect, folder: &str) {
    for (name, body) in inputs(folder, "replies", "json") {
        assert_golden(folder, &format!("replies/{name}.txt"), &format!("{:#?}\n", dialect.read_reply(&body)));
    }
    for (name, file) in inputs(folder, "failures", "http") {
        let file = String::from_utf8(file).unwrap();
        let (status, body) = file.split_once('\n').unwrap();
        let failure = dialect.read_failure(status.parse().unwrap(), body.as_bytes());
        assert_golden(folder, &format!("failures/{name}.txt"), &format!("{failure:#?}\n"));
    }
}

/// Bytes that are no answer at all are told and never panic.
pub(super) fn assert_survives(dialect: &dyn Dialect) {
    for bytes in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        b"[{}]",
        b"\xff\xfe",
        b"data: {\n\n",
        b"data: x\n\n",
        b"{\"error\":",
        b"<html>",
    ] {
        let _ = dialect.read_reply(bytes);
        assert_eq!(dialect.read_failure(502, bytes).status, 502);
        let (events, _) = read(dialect, bytes.chunks(1));
        assert!(!events.contains(&Event::End), "{bytes:?}");
    }
}
