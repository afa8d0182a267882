//! `keyward key`: makes keys. A key is shown once and stored nowhere; policies, or the store, hold its hash.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::json;

use super::output::{FAINT, Output, STRONG, styled};
use super::stored_key::{Put, Revoke};
use super::{Failure, Outcome, file};
use crate::authn;
use crate::policy::file::Moment;

/// How every key begins, so that secret scanners can find one that leaked.
const PREFIX: &str = "sk-kw-";
/// Longest name in a policy, in characters.
const MAX_NAME: usize = 64;

/// Commands on keys.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a key: prints it once, and the policy entry that holds its hash
    New(New),
    /// Put keys into the Redis of a fleet: they work without a new bundle
    Put(Put),
    /// Take a key out of the Redis of a fleet
    Revoke(Revoke),
}

/// Arguments of `keyward key new`.
#[derive(Debug, clap::Args)]
pub struct New {
    /// The team that pays
    #[arg(long, value_name = "NAME", value_parser = name)]
    team: String,
    /// The project it is for
    #[arg(long, value_name = "NAME", value_parser = name)]
    project: Option<String>,
    /// The person or service it belongs to
    #[arg(long, value_name = "NAME", value_parser = user)]
    user: Option<String>,
    /// The environment it is for
    #[arg(long, value_name = "NAME", value_parser = name)]
    environment: Option<String>,
    /// Its name in audit records [default: team, project and six random characters]
    #[arg(long, value_name = "NAME", value_parser = name)]
    id: Option<String>,
    /// From when on it is no longer valid: `90d`, `12h`, `4w`, or as `expires` in a policy: a date or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = expires)]
    expires: Option<Timestamp>,
    /// Write the entry to a policy file of its own; then nothing but the key is printed
    #[arg(long, value_name = "FILE")]
    output_policy: Option<PathBuf>,
    /// Replace that file if it exists
    #[arg(long, requires = "output_policy")]
    force: bool,
}

/// Runs a command on keys.
pub fn run(command: &Command, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        Command::New(new) => make(new, output),
        Command::Put(put) => put.run(output),
        Command::Revoke(revoke) => revoke.run(output),
    }
}

fn make(new: &New, output: &mut Output) -> Result<Outcome, Failure> {
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
    let hash = format!("sha256:{}", STANDARD.encode(authn::hash(&key).0));
    let id = match &new.id {
        Some(id) => id.clone(),
        None => new.default_id()?,
    };
    let entry = new.entry(&id, &hash);
    if let Some(path) = &new.output_policy {
        if path.exists() && !new.force {
            let message = format!("`{}` exists; name another file, or replace it with `--force`", path.display());
            return Err(Failure::told(message));
        }
        file::replace(path, format!("version: 1\n\nkeys:\n{entry}").as_bytes())?;
    }
    if output.json {
        output.json(&json!({ "key": key, "id": id, "hash": hash, "entry": entry }))?;
    } else if let Some(path) = &new.output_policy {
        output.text(&format!("{key}\n"))?;
        output.aside(&styled(FAINT, format!("the key `{id}` is shown once; its entry is in {}\n", path.display())))?;
    } else {
        let style = if std::io::stdout().is_terminal() { STRONG } else { clap::builder::styling::Style::new() };
        output.text(&format!("{}\n", styled(style, &key)))?;
        output.aside(&styled(FAINT, "the key above is shown once; this goes under `keys:` in a policy file:\n"))?;
        output.text(&format!("\n{entry}"))?;
    }
    Ok(Outcome::Good)
}

impl New {
    fn default_id(&self) -> Result<String, Failure> {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from);
        let random: String = random::<6>()?.into_iter().map(letter).collect();
        let names = self.project.iter().fold(self.team.clone(), |names, project| format!("{names}-{project}"));
        let names: String = names.chars().take(MAX_NAME.saturating_sub(7)).collect();
        Ok(format!("{names}-{random}"))
    }

    /// The entry as an item of `keys:`.
    fn entry(&self, id: &str, hash: &str) -> String {
        let mut entry = format!("  - id: {}\n    hash: {hash}\n    team: {}\n", yaml(id), yaml(&self.team));
        let named = [("project", &self.project), ("user", &self.user), ("environment", &self.environment)];
        for (field, value) in named {
            if let Some(value) = value {
                let _ = writeln!(entry, "    {field}: {}", yaml(value));
            }
        }
        if let Some(expires) = self.expires {
            let _ = writeln!(entry, "    expires: {expires}");
        }
        entry
    }
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::told(format!("no randomness to be had: {error}")))?;
    Ok(bytes)
}

/// A name as YAML reads it back: plain where it begins with a letter and is not a word of YAML.
fn yaml(name: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if plain && !WORDS.contains(&name.to_ascii_lowercase().as_str()) { name.into() } else { format!("\"{name}\"") }
}

fn name(text: &str) -> Result<String, String> {
    of_alphabet(text, "._@-")
}

fn user(text: &str) -> Result<String, String> {
    of_alphabet(text, "._@+-")
}

fn of_alphabet(text: &str, also: &str) -> Result<String, String> {
    if !(1..=MAX_NAME).contains(&text.chars().count()) {
        return Err(format!("a name has 1 to {MAX_NAME} characters"));
    }
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    if fits { Ok(text.into()) } else { Err(format!("use ASCII letters, digits and any of {also}")) }
}

fn expires(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now().round(Unit::Second).map_err(|error| error.to_string())?;
    let hours = [('h', 1), ('d', 24), ('w', 168)].into_iter().find_map(|(unit, hours)| {
        let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(hours)
    });
    let moment = match hours {
        Some(hours) => hours
            .checked_mul(3600)
            .and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok())
            .ok_or("too far away")?,
        None => {
            let Moment(second) = text.parse().map_err(|help| format!("{help}; or a span, like `90d`, `12h`, `4w`"))?;
            Timestamp::from_second(second).map_err(|error| error.to_string())?
        }
    };
    if moment <= now { Err("that moment is over".into()) } else { Ok(moment) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_span_or_a_moment_to_come() {
        for text in ["90d", "12h", "4w", "2999-01-01", "2999-01-01T00:00:00Z", "2999-01-01T02:00:00+02:00"] {
            assert!(expires(text).unwrap() > Timestamp::now(), "{text}");
        }
        assert_eq!(expires("2999-01-01").unwrap().to_string(), "2999-01-01T00:00:00Z", "as a policy reads it");
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "90",
            "90y",
            "9223372036854775807w",
            "2001-01-01T00:00:00Z",
            "2001-01-01",
            "tomorrow",
        ] {
            assert!(expires(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_read_back_as_the_text_it_is() {
        for (name, written) in [("ads", "ads"), ("1e3", "\"1e3\""), ("No", "\"No\""), ("@x", "\"@x\""), ("-", "\"-\"")]
        {
            assert_eq!(yaml(name), written);
        }
    }
}
