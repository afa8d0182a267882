//! `keyward store status`: what is in the store, and whether it would survive a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::loaded::Loaded;
use crate::cli::output::{BAD, Output, STRONG, WARN, counted, styled};
use crate::cli::redis::{Address, Store};
use crate::cli::{Failure, Outcome};
use crate::store::KEY_PREFIX;
use crate::store::library::VERSION;

/// How many times to ask for more keys: about a hundred thousand are looked at, and no more.
const MOST_SCANS: usize = 100;

/// Arguments of `keyward store status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    address: Address,
}

/// What of ours stands in the server.
#[derive(Debug, Default)]
struct Found {
    /// Levels with limits in use.
    levels: usize,
    /// Days of the ledger.
    days: BTreeSet<String>,
    /// Callers' keys.
    keys: usize,
    /// Whether that is all.
    all: bool,
}

/// What is told.
struct Told {
    server: String,
    loaded: Loaded,
    /// By Envoy: seconds since it was seen, and what it says of itself.
    envoys: BTreeMap<String, (u64, String)>,
    found: Found,
    memory: u64,
    /// Whether anything is written to disk; `None` where the server does not say.
    persistent: Option<bool>,
}

impl Status {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut store = self.address.connect()?;
        let told = Told::read(&mut store)?;
        if output.json { output.json(&told.json()) } else { output.text(&told.text()) }?;
        let ready = match told.loaded {
            Loaded::Library(version) => version == VERSION,
            Loaded::NoFunctions { script } => script,
            Loaded::Nothing => false,
        };
        Ok(if ready { Outcome::Good } else { Outcome::Bad })
    }
}

impl Told {
    fn read(store: &mut Store) -> Result<Self, Failure> {
        let info: String = store.ask(&["INFO"])?;
        let of = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(field, _)| *field == name).map(|(_, value)| value.to_owned())
        };
        let (seconds, _): (u64, u64) = store.ask(&["TIME"])?;
        let seen: BTreeMap<String, String> = store.ask(&["HGETALL", "kw:{kw}:envoys"])?;
        let envoys = seen.into_iter().map(|(envoy, text)| {
            let (at, text) = text.split_once(' ').unwrap_or((&text, ""));
            (envoy, (seconds.saturating_sub(at.parse::<u64>().unwrap_or(0) / 1000), text.to_owned()))
        });
        let envoys = envoys.collect();
        // Hosted servers often hide their configuration.
        let saves: Option<BTreeMap<String, String>> = store.attempt(&["CONFIG", "GET", "save"]).ok();
        let appends = of("aof_enabled").is_some_and(|value| value == "1");
        let persistent = if appends { Some(true) } else { saves.map(|saves| saves.values().any(|it| !it.is_empty())) };
        Ok(Self {
            server: of("redis_version").unwrap_or_else(|| "unknown".into()),
            loaded: Loaded::of(store)?,
            envoys,
            found: Found::read(store)?,
            memory: of("used_memory").and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
            persistent,
        })
    }

    fn json(&self) -> Value {
        let (form, version) = match self.loaded {
            Loaded::Library(version) => ("library", Some(version)),
            Loaded::NoFunctions { script: true } => ("script", Some(VERSION)),
            Loaded::NoFunctions { script: false } | Loaded::Nothing => ("none", None),
        };
        let envoys =
            self.envoys.iter().map(|(id, (ago, text))| json!({ "id": id, "seen_seconds_ago": ago, "text": text }));
        json!({
            "server": self.server,
            "library": { "form": form, "version": version, "wanted": VERSION },
            "envoys": envoys.collect::<Vec<_>>(),
            "levels": self.found.levels,
            "ledger_days": self.found.days,
            "stored_keys": self.found.keys,
            "all_seen": self.found.all,
            "memory_bytes": self.memory,
            "persistent": self.persistent,
        })
    }

    fn text(&self) -> String {
        let init = "run `keyward store init`";
        let library = match self.loaded {
            Loaded::Library(VERSION) => format!("version {VERSION}"),
            Loaded::Library(other) => styled(BAD, format!("version {other}, not {VERSION}: {init}")),
            Loaded::Nothing | Loaded::NoFunctions { script: false } => styled(BAD, format!("none: {init}")),
            Loaded::NoFunctions { script: true } => format!("version {VERSION}, as a script"),
        };
        let Found { levels, days, keys, all } = &self.found;
        let least = if *all { "" } else { "at least " };
        let span = match (days.first(), days.last()) {
            (Some(first), Some(last)) if first != last => format!(", {first} to {last}"),
            (Some(day), _) => format!(", {day}"),
            _ => String::new(),
        };
        let mut text = String::new();
        for (name, value) in [
            ("server", format!("Redis {}", self.server)),
            ("library", library),
            ("limits", format!("{least}{} in use", counted(*levels, "level"))),
            ("ledger", format!("{least}{}{span}", counted(days.len(), "day"))),
            ("keys", format!("{least}{} of callers", counted(*keys, "key"))),
            ("memory", format!("{} KiB, of the whole server", self.memory / 1024)),
            ("disk", self.persistent.map_or("not told", |is| if is { "written" } else { "not written" }).to_owned()),
            ("envoys", self.envoys.len().to_string()),
        ] {
            let _ = writeln!(text, "{}  {value}", styled(STRONG, format!("{name:<7}")));
        }
        for (envoy, (ago, said)) in &self.envoys {
            let _ = writeln!(text, "         {envoy}  seen {ago} s ago  {said}");
        }
        if self.persistent == Some(false) {
            let lost =
                "nothing is written to disk: a restart forgets what was used and the ledger; set `appendonly yes`";
            let _ = writeln!(text, "{}: {lost}", styled(WARN, "warning"));
        }
        text
    }
}

impl Found {
    fn read(store: &mut Store) -> Result<Self, Failure> {
        let (mut found, mut cursor) = (Self::default(), "0".to_owned());
        let (mut levels, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..MOST_SCANS {
            let scan = ["SCAN", &cursor, "MATCH", "kw:*", "COUNT", "1000"];
            let (next, names): (String, Vec<String>) = store.ask(&scan)?;
            // One may be told twice.
            for name in names {
                if let Some(level) = name.strip_prefix("kw:{kw}:level:") {
                    levels.insert(level.to_owned());
                } else if let Some(day) = name.strip_prefix("kw:{kw}:day:") {
                    found.days.insert(day.to_owned());
                } else if name.starts_with(KEY_PREFIX) {
                    keys.insert(name);
                }
            }
            found.all = next == "0";
            if found.all {
                break;
            }
            cursor = next;
        }
        (found.levels, found.keys) = (levels.len(), keys.len());
        Ok(found)
    }
}
