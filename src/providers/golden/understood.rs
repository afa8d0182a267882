//! What a dialect understands of a provider's answers: `<case>.txt` beside each.

use super::{Dialect, Event, assert_golden, inputs, read, read_however_cut};

/// Compares every stream with its golden, and with itself cut at every byte and into single bytes.
pub fn assert_streams(dialect: &dyn Dialect, folder: &str, extension: &str) {
    for (name, bytes) in inputs(&format!("{folder}/streams"), extension) {
        let (events, end) = read_however_cut(dialect, &name, &bytes);
        let lines: String = events.iter().map(|event| format!("{event:?}\n")).collect();
        let end = end.err().map(|malformed| format!("{malformed:?}\n")).unwrap_or_default();
        assert_golden(&format!("{folder}/streams/{name}.txt"), &format!("{lines}{end}"));
    }
}

/// Compares every whole answer and every error with its golden. The first line of an error's file is its status.
pub fn assert_answers(dialect: &dyn Dialect, folder: &str) {
    for (name, body) in inputs(&format!("{folder}/replies"), "json") {
        assert_golden(&format!("{folder}/replies/{name}.txt"), &format!("{:#?}\n", dialect.read_reply(&body)));
    }
    for (name, file) in inputs(&format!("{folder}/failures"), "http") {
        let file = String::from_utf8(file).unwrap();
        let (status, body) = file.split_once('\n').unwrap();
        let failure = dialect.read_failure(status.parse().unwrap(), body.as_bytes());
        assert_golden(&format!("{folder}/failures/{name}.txt"), &format!("{failure:#?}\n"));
    }
}

/// Bytes that are no answer at all are told and never panic.
pub fn assert_survives(dialect: &dyn Dialect) {
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
