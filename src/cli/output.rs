//! Where a command writes: styled for people on a terminal (never with `NO_COLOR`), plain in a pipe, JSON for machines.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

/// An error.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// A warning.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Something granted.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What stands out.
pub const STRONG: Style = Style::new().bold();
/// What frames the rest.
pub const FRAME: Style = AnsiColor::Blue.on_default().bold();
/// What may be skipped.
pub const FAINT: Style = Style::new().dimmed();

/// `text` in `style`; the style is taken out again where the output shows none.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A number of things: `1 key`, `2 keys`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Both outputs of the process.
#[derive(Debug)]
pub struct Output {
    /// Whether JSON was asked for.
    pub json: bool,
}

impl Output {
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// A text to stdout, with styles where they show.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// A text to stderr, with styles where they show.
    pub fn aside(&mut self, text: &str) -> io::Result<()> {
        anstream::stderr().lock().write_all(text.as_bytes())
    }

    /// Bytes to stdout, as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// A JSON value to stdout.
    pub fn json(&mut self, value: &Value) -> io::Result<()> {
        self.raw(format!("{value:#}\n").as_bytes())
    }

    /// Why the command could not do its work, to stderr.
    pub fn failure(&mut self, message: &str) {
        let text = if self.json {
            format!("{:#}\n", json!({ "error": message }))
        } else {
            format!("{}: {message}\n", styled(BAD, "error"))
        };
        // Where stderr is gone too, the exit code has to do.
        let _ = self.aside(&text);
    }
}
