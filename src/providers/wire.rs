//! JSON that a provider wrote. Who cuts text between the halves of a surrogate pair (whatever counts text in UTF-16 and streams
//! it in pieces) escapes each half alone, which is no text: a sign that cannot be shown is no reason to lose an answer.

use serde::de::DeserializeOwned;

/// Reads it, with U+FFFD for every half of a pair that stands alone.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|error| match mended(json) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// The same with `\ufffd` in the place of lone halves; `None` if there are none.
fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let (mut mended, mut rest, mut found) = (Vec::new(), json, false);
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (before, escape) = rest.split_at_checked(at)?;
        mended.extend_from_slice(before);
        let (length, is_lone) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(0xD800..=0xDFFF), _) => (6, true),
            (Some(_), _) => (6, false),
            (None, _) => (2, false),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, &[]));
        mended.extend_from_slice(if is_lone { b"\\ufffd" } else { escape });
        found |= is_lone;
        rest = after;
    }
    mended.extend_from_slice(rest);
    found.then_some(mended)
}

/// The code unit that an escape at the beginning stands for.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let digits = core::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    #[test]
    fn lone_halves_cost_one_sign() {
        for (wire, text) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83dx\ude00\n""#, "\u{fffd}x\u{fffd}\n"),
            (r#""\\ud83d\ud83d""#, "\\ud83d\u{fffd}"),
        ] {
            assert_eq!(read::<Value>(wire.as_bytes()).unwrap(), json!(text), "{wire}");
        }
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for wire in [r#""\ud83d"#, r#""\u+123""#, r#"{"a":}"#, r#""\ud83d\u12""#, "\"\\", "\"\\ud8"] {
            assert!(read::<Value>(wire.as_bytes()).is_err(), "{wire}");
        }
    }
}
