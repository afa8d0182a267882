//! What is owed for an answer that nobody has.

use crate::metering::{BodyKind, Counts, Dialect, Meter, estimate_tokens};
use crate::request::{Endpoint, FILE_TOKENS, SHORTEST_FILE};

/// What is owed for a good answer of which this is all that comes, or that nobody can read. The provider charges for it where
/// something was generated, be it cut off; not for an error in its place, the page of a proxy, JSON that is about something
/// else, or the blank lines with which some (DeepSeek) keep a connection open until they begin.
pub(super) fn owed(endpoint: Endpoint, body: &[u8]) -> Option<Counts> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if body.is_empty() || body.starts_with(b"<") {
        return None;
    }
    let mut meter = Meter::new(Dialect::from(endpoint), BodyKind::Json, false);
    meter.feed(body, true);
    let metered = meter.finish();
    let generated = metered.usage.is_some() || metered.first_token_seen || !metered.complete;
    if !generated || metered.provider_error {
        return None;
    }
    let told = metered.usage.map(Counts::from).unwrap_or_default();
    let output = told.output.filter(|_| metered.output_known).or_else(|| Some(estimated(body)));
    Some(Counts { input: told.input.filter(|_| metered.input_known), output, ..told })
}

/// The output, by the bytes of the answer. An image in base64 is no text: it would count hundreds of times what it costs.
fn estimated(body: &[u8]) -> u64 {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let (mut ascii, mut other, mut files) = (0_u64, 0_u64, 0_u64);
    for run in body.chunk_by(|left, right| is_base64(*left) == is_base64(*right)) {
        let (length, all) = (run.len() as u64, run.first().is_some_and(|first| is_base64(*first)));
        if all && length >= SHORTEST_FILE {
            files = files.saturating_add(FILE_TOKENS);
        } else {
            let plain = run.iter().filter(|byte| byte.is_ascii()).count() as u64;
            ascii = ascii.saturating_add(plain);
            other = other.saturating_add(length.saturating_sub(plain));
        }
    }
    estimate_tokens(ascii, other).saturating_add(files)
}

#[cfg(test)]
mod tests {
    use super::owed;
    use crate::request::Endpoint;

    fn output(body: &str) -> Option<u64> {
        owed(Endpoint::Chat, body.as_bytes()).and_then(|counts| counts.output)
    }

    #[test]
    fn nothing_is_owed_for_what_is_no_answer() {
        for body in ["", "\n\n \r\n", "\u{feff}", "<html>", "\u{feff} <html>", r#"{"error":{"message":"busy"}}"#, "{}"]
        {
            assert_eq!(output(body), None, "{body:?}");
        }
        assert_eq!(output("\n\n{\"id\":\""), output("{\"id\":\""));
        assert_eq!(output("\u{feff}{\"id\":\""), Some(2));
    }

    #[test]
    fn an_image_is_not_counted_by_its_bytes() {
        let before = r#"{"candidates":[{"content":{"parts":[{"inlineData":{"data":""#;
        let image = "iVBORw0KGgo+/_-".repeat(100_000);
        assert_eq!(output(&format!("{before}{image}")), output(before).map(|tokens| tokens + 1600));
        let text = "word ".repeat(1000);
        assert_eq!(output(&format!("{before}{text}")), Some((before.len() + text.len()).div_ceil(4) as u64));
    }
}
