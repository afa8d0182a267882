//! Answers of all dialects, in any cut.

mod json;
mod properties;
mod stream;
mod strip;

use super::*;

/// Feeds pieces, and says what was metered and what went on to the caller.
fn run<'a>(mut meter: Meter, pieces: impl IntoIterator<Item = &'a [u8]>, flush: bool) -> (Metered, Vec<u8>) {
    let mut passed = Vec::new();
    let mut pass = |piece: &[u8], outcome| match outcome {
        Passed::Unchanged => passed.extend_from_slice(piece),
        Passed::Replaced(bytes) => passed.extend(bytes),
    };
    for piece in pieces {
        let outcome = meter.feed(piece, false);
        pass(piece, outcome);
    }
    if flush {
        let outcome = meter.feed(b"", true);
        pass(b"", outcome);
    }
    (meter.finish(), passed)
}

/// Metered in words, leaving out what is not there.
fn summary(metered: &Metered) -> String {
    let mut words = Vec::new();
    match metered.usage {
        None => words.push("no usage".to_owned()),
        Some(usage) => {
            let known = |known: bool, count: u64| if known { count.to_string() } else { format!("{count}?") };
            words.push(format!("in {}", known(metered.input_known, usage.input)));
            for (name, count) in
                [("cached", usage.cached), ("write", usage.cache_write), ("write_1h", usage.cache_write_1h)]
            {
                if count > 0 {
                    words.push(format!("{name} {count}"));
                }
            }
            words.push(format!("out {}", known(metered.output_known, usage.output)));
            if usage.reasoning > 0 {
                words.push(format!("reasoning {}", usage.reasoning));
            }
        }
    }
    if metered.first_token_seen {
        words.push(format!("text {}+{}", metered.text_ascii_bytes, metered.text_other_bytes));
    }
    if metered.provider_error {
        words.push("error".to_owned());
    }
    words.push(if metered.complete { "complete" } else { "cut" }.to_owned());
    words.extend(metered.model.clone());
    words.join(", ")
}

/// Checks an answer in every cut: the same result, and the same bytes passed on.
fn check(meter: &Meter, body: &[u8], expected: &str, passed: &[u8]) {
    let shown = String::from_utf8_lossy(body);
    let (metered, out) = run(meter.clone(), [body], true);
    assert_eq!(summary(&metered), expected, "{shown}");
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(passed));
    let expected = (metered, out);

    assert_eq!(run(meter.clone(), body.chunks(1), true), expected, "byte by byte: {shown}");
    for cut in 0..=body.len() {
        let (left, right) = body.split_at(cut);
        assert_eq!(run(meter.clone(), [left, right], true), expected, "cut at {cut}: {shown}");
    }
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..50 {
        let mut pieces = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (piece, after) = rest.split_at(((seed >> 33) as usize % 40).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(run(meter.clone(), pieces, true), expected, "random cuts: {shown}");
    }

    // The end may come with the last piece, or never be announced.
    let mut whole = meter.clone();
    let outcome = whole.feed(body, true);
    let out = match outcome {
        Passed::Unchanged => body.to_vec(),
        Passed::Replaced(bytes) => bytes,
    };
    assert_eq!((whole.finish(), out), expected, "end with the piece: {shown}");
    if expected.0.usage.is_some() {
        assert_eq!(run(meter.clone(), [body], false).0, expected.0, "end not announced: {shown}");
    }
}

/// An answer that passes unchanged.
fn json(dialect: Dialect, body: &str, expected: &str) {
    check(&Meter::new(dialect, BodyKind::Json, false), body.as_bytes(), expected, body.as_bytes());
}

/// A stream that passes unchanged, with each of the three line ends.
fn sse(dialect: Dialect, body: &str, expected: &str) {
    for line_end in ["\n", "\r", "\r\n"] {
        let body = body.replace('\n', line_end);
        check(&Meter::new(dialect, BodyKind::Sse, false), body.as_bytes(), expected, body.as_bytes());
    }
}

/// A stream of events with nothing but data.
fn events(data: &[&str]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}
