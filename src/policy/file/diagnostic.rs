//! What is wrong with a policy file, where, and what to do about it; and the place such findings are collected.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::node::Pos;

/// Findings kept of one run; of more, only the number is told.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy holds, but probably not as meant.
    Warning,
}

impl Severity {
    /// The word shown for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Another place a finding is about, such as where a name was defined first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Related {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What is there.
    pub message: String,
}

/// One finding. It never holds a raw key: what looks like one is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file (or folder, for what has no better place).
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What was wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places it is about.
    pub related: Vec<Related>,
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: error: message`, as editors and CI systems read it; help and related places on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, file, line, column, message, help, related } = self;
        write!(f, "{}:{line}:{column}: {}: {message}", file.display(), severity.as_str())?;
        for Related { file, line, column, message } in related {
            write!(f, "\n  {}:{line}:{column}: {message}", file.display())?;
        }
        help.iter().try_for_each(|help| write!(f, "\n  help: {help}"))
    }
}

/// A finding whose file is still a number.
#[derive(Debug, Default)]
pub struct Finding {
    warning: bool,
    /// It will not be shown: no suggestion need be looked for.
    unseen: bool,
    pos: Pos,
    message: String,
    help: Option<String>,
    related: Vec<(Pos, String)>,
}

impl Finding {
    /// Says what to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Suggests the candidate nearest to what was written, if one is near.
    pub fn suggest<'a>(&mut self, written: &str, candidates: impl Iterator<Item = &'a str>) -> &mut Self {
        if self.unseen {
            return self;
        }
        if let Some(near) = nearest(written, candidates) {
            self.help = Some(format!("did you mean `{near}`?"));
        }
        self
    }

    /// Names another place.
    pub fn related(&mut self, pos: Pos, message: impl Into<String>) -> &mut Self {
        self.related.push((pos, message.into()));
        self
    }
}

/// Collects findings, so that one run reports every problem.
#[derive(Debug, Default)]
pub struct Sink {
    findings: Vec<Finding>,
    /// Takes what comes after [`MAX_DIAGNOSTICS`].
    overflow: Finding,
    overflowed: usize,
    errors: bool,
    /// Some of the policy could not be read: what is missing may be there.
    incomplete: bool,
    /// Takes what would be said about what is missing then.
    ignored: Finding,
}

impl Sink {
    /// Records an error.
    pub fn error(&mut self, pos: Pos, message: impl Into<String>) -> &mut Finding {
        self.errors = true;
        self.push(Finding { pos, message: message.into(), ..Finding::default() })
    }

    /// Records a warning.
    pub fn warning(&mut self, pos: Pos, message: impl Into<String>) -> &mut Finding {
        self.push(Finding { warning: true, pos, message: message.into(), ..Finding::default() })
    }

    /// Records an error about something that is not defined anywhere; nothing where not all of the policy could be read.
    pub fn missing(&mut self, pos: Pos, message: impl Into<String>) -> &mut Finding {
        if self.incomplete { self.ignore() } else { self.error(pos, message) }
    }

    /// As [`Self::missing`], but a warning.
    pub fn probably_missing(&mut self, pos: Pos, message: impl Into<String>) -> &mut Finding {
        if self.incomplete { self.ignore() } else { self.warning(pos, message) }
    }

    /// Remembers that some of the policy could not be read, which has been reported.
    pub const fn incomplete(&mut self) {
        self.incomplete = true;
    }

    fn ignore(&mut self) -> &mut Finding {
        self.ignored = Finding { unseen: true, ..Finding::default() };
        &mut self.ignored
    }

    /// Whether there was an error.
    pub const fn has_errors(&self) -> bool {
        self.errors
    }

    fn push(&mut self, finding: Finding) -> &mut Finding {
        if self.findings.len() >= MAX_DIAGNOSTICS {
            self.overflowed = self.overflowed.saturating_add(1);
            self.overflow = Finding { unseen: true, ..finding };
            return &mut self.overflow;
        }
        self.findings.push(finding);
        self.findings.last_mut().unwrap_or(&mut self.overflow)
    }

    /// All findings in order of their places, each once.
    pub fn finish(self, files: &[PathBuf]) -> Vec<Diagnostic> {
        let Self { mut findings, overflowed, errors, .. } = self;
        findings.sort_by(|a, b| (a.pos, a.warning, &a.message).cmp(&(b.pos, b.warning, &b.message)));
        findings.dedup_by(|a, b| a.pos == b.pos && a.message == b.message);
        let file = |pos: Pos| files.get(pos.file as usize).map_or_else(|| Path::new("").into(), Clone::clone);
        let mut all: Vec<Diagnostic> = findings
            .into_iter()
            .map(|Finding { warning, pos, message, help, related, .. }| Diagnostic {
                severity: if warning { Severity::Warning } else { Severity::Error },
                file: file(pos),
                line: pos.line,
                column: pos.column,
                message,
                help,
                related: related
                    .into_iter()
                    .map(|(pos, message)| Related { file: file(pos), line: pos.line, column: pos.column, message })
                    .collect(),
            })
            .collect();
        if overflowed > 0 {
            all.push(Diagnostic {
                severity: if errors { Severity::Error } else { Severity::Warning },
                file: files.first().cloned().unwrap_or_default(),
                line: 1,
                column: 1,
                message: format!("{overflowed} more problems are not shown"),
                help: Some("repair those above and check again".into()),
                related: vec![],
            });
        }
        all
    }
}

/// User input in backticks, without what could be a key or disturb a terminal.
pub fn quoted(text: &str) -> String {
    if looks_like_a_key(text) {
        return "`…` (not shown: it looks like a key)".into();
    }
    let mut shown: String =
        text.chars().take(80).map(|c| if c.is_control() || c == '`' { '\u{fffd}' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Whether a text could be a raw key and is better not shown: a known prefix, or a long run of letters and digits mixed.
pub fn looks_like_a_key(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    let prefixed =
        lower.len() >= 16 && ["sk-", "sk_", "kw-", "kw_", "bearer "].iter().any(|prefix| lower.starts_with(prefix));
    let dense = |run: &str| {
        run.len() >= 24 && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let encoded = |run: &str| run.len() >= 32 && mixed(run);
    prefixed
        || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(dense)
        || text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').any(encoded)
}

/// Whether a text can hardly be anything but a raw key: a known prefix, and then what nobody would choose as a name.
pub fn is_surely_a_key(text: &str) -> bool {
    let random =
        |rest: &str| rest.len() >= 16 && (mixed(rest) || rest.split(['-', '_', '.']).any(|run| run.len() >= 20));
    ["sk-", "sk_", "kw-", "kw_", "Bearer "].iter().filter_map(|prefix| text.trim().strip_prefix(prefix)).any(random)
}

/// Whether a text holds digits and letters of both cases.
fn mixed(text: &str) -> bool {
    let any = |test: fn(&u8) -> bool| text.bytes().any(|byte| test(&byte));
    any(u8::is_ascii_digit) && any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase)
}

/// The candidate with the fewest typing slips from `written`, if they are few enough to be slips.
fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > 128 {
        return None;
    }
    let lower = written.to_lowercase();
    let bound = (written.chars().count() / 3).clamp(1, 4);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_not_repeated() {
        for key in [
            "sk-0123456789abcdef",
            "Bearer abcdefghijklm",
            "Sk-ProjabcdefABCDEF",
            "a1b2c3d4e5f6a1b2c3d4e5f6",
            "Zm9v-YmFy_YmF6Zm9v-YmFy_YmF6Zm9v-1",
        ] {
            assert!(!quoted(key).contains(key), "{key}");
        }
        for name in
            ["claude-sonnet-4-20250514", "anthropic.claude-3-5-sonnet-20241022-v2:0", "sk-team", "openai/gpt-4o"]
        {
            assert_eq!(quoted(name), format!("`{name}`"));
        }
    }

    #[test]
    fn a_name_with_a_prefix_is_not_taken_for_a_key() {
        for name in [
            "sk-marketing-prod-2026",
            "kw-team",
            "Bearer-of-news",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca4",
        ] {
            assert!(!is_surely_a_key(name), "{name}");
        }
        for key in ["sk-live-4f9a8b7c6d5e4f3a2b1c0d9e", "kw_AbCd-1234_EfGh-5678"] {
            assert!(is_surely_a_key(key), "{key}");
        }
    }

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let names = ["frontier", "gpt-4o"];
        assert_eq!(nearest("fronteir", names.into_iter()), Some("frontier"));
        assert_eq!(nearest("GPT-4O", names.into_iter()), Some("gpt-4o"));
        assert_eq!(nearest("embeddings", names.into_iter()), None);
    }

    #[test]
    fn more_problems_than_are_kept_are_counted() {
        let mut sink = Sink::default();
        for line in 0..1500 {
            sink.error(Pos { file: 0, line, column: 1 }, "bad");
        }
        let all = sink.finish(&["a.yaml".into()]);
        assert_eq!(all.len(), MAX_DIAGNOSTICS + 1);
        assert_eq!(all[MAX_DIAGNOSTICS].message, "500 more problems are not shown");
    }
}
