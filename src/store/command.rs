//! Commands for Redis and what it answers, whatever carries them.

use super::library::SCRIPT_SHA1;

/// A command: its words.
pub type Command = Vec<String>;

/// How functions of the library are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Calling {
    /// `FCALL`: Redis 7, Valkey.
    #[default]
    Function,
    /// `EVALSHA`, where there are no functions.
    Script,
}

/// Calls a function of the library on `keys`.
pub(super) fn call(calling: Calling, function: &str, keys: &[String], arguments: Vec<String>) -> Command {
    let head: &[&str] = match calling {
        Calling::Function => &["FCALL", function],
        Calling::Script => &["EVALSHA", SCRIPT_SHA1],
    };
    let mut command: Command = head.iter().map(|word| (*word).to_owned()).collect();
    command.push(keys.len().to_string());
    command.extend_from_slice(keys);
    if calling == Calling::Script {
        command.push(function.trim_start_matches("keyward_").to_owned());
    }
    command.extend(arguments);
    command
}

/// The key of a level's limits.
pub(super) fn level_key(name: &str) -> String {
    format!("kw:{{kw}}:level:{name}")
}

/// Reads the words of an answer one by one.
pub(super) struct Words<'t>(core::str::Split<'t, char>);

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(text.split(' '))
    }

    pub(super) fn word(&mut self) -> Option<&'t str> {
        self.0.next()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.word()?.parse().ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        self.word()?.parse().ok()
    }
}

/// Numbers the keys of a command: each once, in the order of first use.
#[derive(Debug, Default)]
pub(super) struct Keys(pub Vec<String>);

impl Keys {
    /// The number of a key, from 1.
    pub(super) fn number(&mut self, key: String) -> usize {
        if let Some(at) = self.0.iter().position(|known| *known == key) {
            return at.saturating_add(1);
        }
        self.0.push(key);
        self.0.len()
    }
}
