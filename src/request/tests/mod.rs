//! Bodies of all kinds, read whole and cut at every byte.

mod form;
mod json;
mod json_fields;
mod rewrite;

use super::{BadBody, Body, BodyScan, Endpoint, ModelName};

/// Reads a body in those pieces.
fn read<'a>(
    endpoint: Endpoint,
    content_type: Option<&str>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Body, BadBody> {
    let mut scan = BodyScan::new(endpoint, content_type)?;
    for piece in pieces {
        scan.feed(piece)?;
    }
    scan.finish()
}

/// Reads a body whole, cut in two at every place, and byte by byte: always with the same result.
fn read_all_ways(endpoint: Endpoint, content_type: Option<&str>, body: &[u8]) -> Result<Body, BadBody> {
    let whole = read(endpoint, content_type, [body]);
    for cut in 0..=body.len() {
        let (left, right) = body.split_at(cut);
        assert_eq!(read(endpoint, content_type, [left, right]), whole, "cut at {cut}");
    }
    assert_eq!(read(endpoint, content_type, body.chunks(1)), whole, "byte by byte");
    whole
}

fn name(text: &str) -> ModelName {
    ModelName::Name(text.to_owned())
}
