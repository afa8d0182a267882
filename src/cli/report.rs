//! Findings about policy files, for people (in the manner of rustc) and for machines.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::output::{BAD, FRAME, STRONG, WARN, counted, styled};
use crate::policy::file::{Diagnostic, Severity, looks_like_a_key};

/// Longest source line shown, in characters.
const MAX_LINE: usize = 160;

/// All findings with the lines they are about, and how many there are.
pub fn text(findings: &[Diagnostic]) -> String {
    let mut sources = HashMap::new();
    let mut text: String = findings.iter().map(|finding| one(finding, &mut sources)).collect();
    let (errors, warnings) = count(findings);
    let parts: Vec<String> = [(errors, "error", BAD), (warnings, "warning", WARN)]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, word, style)| styled(style, counted(count, word)))
        .collect();
    text.push_str(&parts.join(", "));
    text.push('\n');
    text
}

/// How many errors and how many warnings.
pub fn count(findings: &[Diagnostic]) -> (usize, usize) {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    (errors, findings.len().saturating_sub(errors))
}

/// The findings as an array.
pub fn json(findings: &[Diagnostic]) -> Value {
    let one = |Diagnostic { severity, file, line, column, message, help, related }: &Diagnostic| {
        let related = related.iter().map(
            |near| json!({ "file": path(&near.file), "line": near.line, "column": near.column, "message": near.message }),
        );
        json!({
            "severity": severity.as_str(),
            "file": path(file),
            "line": line,
            "column": column,
            "message": message,
            "help": help,
            "related": related.collect::<Vec<_>>(),
        })
    };
    findings.iter().map(one).collect()
}

/// A path for machines: one that is not UTF-8 has replacement characters instead of no report at all.
fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn one<'f>(finding: &'f Diagnostic, sources: &mut HashMap<&'f Path, Vec<String>>) -> String {
    let Diagnostic { severity, file, line, column, message, help, related } = finding;
    let style = if *severity == Severity::Error { BAD } else { WARN };
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let (arrow, bar, note) = (styled(FRAME, "-->"), styled(FRAME, "|"), styled(FRAME, "="));
    let mut text = format!("{}{}\n", styled(style, severity.as_str()), styled(STRONG, format!(": {message}")));
    let _ = writeln!(text, "{margin}{arrow} {}:{line}:{column}", file.display());
    let lines = sources.entry(file).or_insert_with(|| read(file));
    let source = usize::try_from(*line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
    if let Some(source) = source.filter(|source| can_be_shown(source, message, *column)) {
        let shown: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_LINE).collect();
        let before = usize::try_from(*column).unwrap_or(1).saturating_sub(1);
        let _ = writeln!(text, "{margin} {bar}\n{} {bar} {}", styled(FRAME, &number), shown.trim_end());
        let _ = writeln!(text, "{margin} {bar} {}{}", " ".repeat(before), styled(style, "^"));
    }
    for near in related {
        let place = format!("{}:{}:{}", near.file.display(), near.line, near.column);
        let _ = writeln!(text, "{margin} {note} {}: {} ({place})", styled(STRONG, "note"), near.message);
    }
    if let Some(help) = help {
        let _ = writeln!(text, "{margin} {note} {}: {help}", styled(STRONG, "help"));
    }
    text.push('\n');
    text
}

fn read(file: &Path) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// Not a line that could hold a key, which some put where its hash belongs, and some into their Envoy configuration.
fn can_be_shown(source: &str, message: &str, column: u32) -> bool {
    let on_a_hash = |text: &str| text.to_ascii_lowercase().contains("hash");
    let token = |c: char| c.is_whitespace() || "\"'`{}[]()<>,:=#|".contains(c);
    let wide = usize::try_from(column).is_ok_and(|column| column > MAX_LINE);
    !(wide
        || source.trim().is_empty()
        || on_a_hash(source)
        || on_a_hash(message)
        || message.contains("key stands")
        || message.contains("looks like a key")
        || source.to_ascii_lowercase().contains("bearer")
        || source.to_ascii_lowercase().contains("inline")
        || source.split(token).any(looks_like_a_key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_could_hold_a_key_is_not_shown() {
        for line in [
            "    hash: hunter2",
            "  - { id: a, hash: 'x' }",
            "  key: sk-live-0123456789abcdef",
            "  note: {k: \"Zm9v-YmFy_YmF6Zm9v-YmFy_YmF6Zm9v-1\"}",
            "  authorization: Bearer abc",
            "  - { name: key, secret: { inline_string: hunter2 } }",
        ] {
            assert!(!can_be_shown(line, "unknown field", 3), "{line}");
        }
        assert!(!can_be_shown("  hunter2", "not the hash of a key", 3));
        assert!(can_be_shown("  claude-sonnet-4-20250514: { cluster: a }", "unknown field", 3));
    }
}
