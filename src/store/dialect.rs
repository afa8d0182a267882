//! The two ways of speaking to Redis over HTTP.

use serde_json::Value;

use super::command::Command;
use crate::policy::StoreDialect;

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The store, or what stands before it, is not there or not well.
    Unavailable,
    /// Redis answered with an error of its own.
    Refused(String),
}

/// A command as an HTTP body.
#[must_use]
pub fn body(dialect: StoreDialect, command: &Command) -> Vec<u8> {
    match dialect {
        StoreDialect::Webdis => webdis(command),
        StoreDialect::Upstash => serde_json::to_vec(command).unwrap_or_default(),
    }
}

/// What Redis answered, as text: numbers and strings; empty for nothing.
///
/// # Errors
/// [`NoAnswer`].
pub fn answer(dialect: StoreDialect, status: u16, body: &[u8]) -> Result<Option<String>, NoAnswer> {
    let told = serde_json::from_slice::<Value>(body).ok();
    // It goes into a log.
    let line = |text: &str| text.chars().filter(|char| !char.is_control()).take(200).collect();
    let refused = |text: &Value| NoAnswer::Refused(line(text.as_str().unwrap_or("an error")));
    match dialect {
        StoreDialect::Webdis => {
            if status != 200 {
                return Err(NoAnswer::Unavailable);
            }
            // One member, named like the command.
            let told = told.as_ref().and_then(Value::as_object).and_then(|members| members.values().next());
            match told.ok_or(NoAnswer::Unavailable)? {
                Value::Array(status) => match status.as_slice() {
                    [Value::Bool(true), text] => Ok(text.as_str().map(str::to_owned)),
                    [Value::Bool(false), text] => Err(refused(text)),
                    _ => Err(NoAnswer::Unavailable),
                },
                value => Ok(text(value)),
            }
        }
        StoreDialect::Upstash => match (status, told.as_ref().and_then(Value::as_object)) {
            (200, Some(members)) if members.contains_key("result") => Ok(members.get("result").and_then(text)),
            (400..=403, Some(members)) => Err(members.get("error").map_or(NoAnswer::Unavailable, refused)),
            _ => Err(NoAnswer::Unavailable),
        },
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Webdis takes a command as a path: words between slashes, and a dot would begin a file's extension.
fn webdis(command: &Command) -> Vec<u8> {
    let mut path = Vec::with_capacity(command.iter().map(|word| word.len().saturating_add(1)).sum());
    for (index, word) in command.iter().enumerate() {
        if index > 0 {
            path.push(b'/');
        }
        for byte in word.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
                path.push(byte);
            } else {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
                path.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        ["FCALL", "f", "a/b.c%"].map(str::to_owned).to_vec()
    }

    #[test]
    fn commands() {
        assert_eq!(body(StoreDialect::Webdis, &command()), b"FCALL/f/a%2Fb%2Ec%25");
        assert_eq!(body(StoreDialect::Upstash, &command()), br#"["FCALL","f","a/b.c%"]"#);
    }

    #[test]
    fn answers() {
        use StoreDialect::{Upstash, Webdis};
        let said = |text: &str| Ok(Some(text.to_owned()));
        let refused = |text: &str| Err(NoAnswer::Refused(text.to_owned()));
        let down = || Err(NoAnswer::Unavailable);
        for (dialect, status, body, expected) in [
            (Webdis, 200, r#"{"FCALL":"ok 1"}"#, said("ok 1")),
            (Webdis, 200, r#"{"GET":null}"#, Ok(None)),
            (Webdis, 200, r#"{"INCR":2}"#, said("2")),
            (Webdis, 200, r#"{"SET":[true,"OK"]}"#, said("OK")),
            (Webdis, 200, r#"{"FCALL":[false,"ERR no"]}"#, refused("ERR no")),
            (Webdis, 503, "", down()),
            (Webdis, 200, "<html>", down()),
            (Upstash, 200, r#"{"result":"ok 1"}"#, said("ok 1")),
            (Upstash, 200, r#"{"result":null}"#, Ok(None)),
            (Upstash, 400, r#"{"error":"ERR no"}"#, refused("ERR no")),
            (Upstash, 401, r#"{"error":"Unauthorized"}"#, refused("Unauthorized")),
            (Upstash, 502, r#"{"error":"x"}"#, down()),
            (Upstash, 0, "", down()),
        ] {
            assert_eq!(answer(dialect, status, body.as_bytes()), expected, "{dialect:?} {status} {body}");
        }
    }
}
