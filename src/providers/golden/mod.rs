//! Golden files, in `tests/golden/<dialect>`: what goes into a dialect beside what comes out. `KEYWARD_BLESS=1 cargo test --lib
//! providers` renews them.

mod translated;
mod understood;

use std::path::{Path, PathBuf};

pub use translated::{broken_bodies, failures, replies, requests, streams, usage_survives};
pub use understood::{assert_answers, assert_streams, assert_survives};

use super::conversation::Event;
use super::{Call, Dialect, Malformed};
use crate::request::Endpoint;

/// A call for a model.
pub const fn call(provider_model: &str, endpoint: Endpoint) -> Call<'_> {
    Call {
        endpoint,
        request_id: "0",
        model: "the-model",
        provider_model,
        max_output_tokens: None,
        stream: false,
        has_functions: false,
        created: 1_700_000_000,
        api_version: None,
        base_path: None,
    }
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// Compares a file below `tests/golden` with what it has to be.
pub fn assert_golden(file: &str, actual: &str) {
    let path = path(file);
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

/// What goes in: the files of a folder with an extension, by their names without it.
pub fn inputs(folder: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_suffix(extension)?.strip_suffix('.')?.to_owned();
        Some((name, file))
    });
    let mut inputs: Vec<_> = named
        .filter(|(name, _)| !name.ends_with(".out"))
        .map(|(name, file)| (name, std::fs::read(file).unwrap()))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{folder}");
    inputs
}

/// What a stream says that comes in these pieces and then ends.
pub fn read<'a>(
    dialect: &dyn Dialect,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Result<(), Malformed>) {
    let mut reader = dialect.read_stream(&call("a-model", Endpoint::Chat));
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(malformed) = reader.read(piece, &mut events) {
            return (events, Err(malformed));
        }
    }
    let end = reader.end(&mut events);
    (events, end)
}

/// What a stream says, which is the same when it is cut at any byte or into single ones.
fn read_however_cut(dialect: &dyn Dialect, name: &str, bytes: &[u8]) -> (Vec<Event>, Result<(), Malformed>) {
    let whole = read(dialect, [bytes]);
    for cut in 0..=bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(read(dialect, [left, right]), whole, "{name} cut at {cut}");
    }
    assert_eq!(read(dialect, bytes.chunks(1)), whole, "{name} in single bytes");
    whole
}
