//! `keyward store init`: loads the library, or the script where the server has no functions.

use serde_json::json;

use super::loaded::Loaded;
use crate::cli::output::{GOOD, Output, WARN, styled};
use crate::cli::redis::{Address, Store};
use crate::cli::{Failure, Outcome};
use crate::store::library::{LIBRARY, SCRIPT, VERSION};

/// Arguments of `keyward store init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    #[command(flatten)]
    address: Address,
    /// Load the library even if that of the server is newer, or the same
    #[arg(long)]
    force: bool,
}

impl Init {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut store = self.address.connect()?;
        let before = match Loaded::of(&mut store)? {
            Loaded::NoFunctions { .. } => return script(&mut store, output),
            Loaded::Nothing => None,
            Loaded::Library(version) => Some(version),
        };
        if before.is_some_and(|before| before > VERSION) && !self.force {
            let newer = before.unwrap_or_default();
            return Err(Failure::told(format!(
                "the store at {} has version {newer} of the library, this is version {VERSION}; `--force` goes back",
                store.place
            )));
        }
        let load = self.force || before != Some(VERSION);
        if load {
            let _: String = store.ask(&["FUNCTION", "LOAD", "REPLACE", LIBRARY])?;
        }
        if output.json {
            output.json(&json!({ "form": "library", "version": VERSION, "before": before, "loaded": load }))?;
        } else {
            let said = match (load, before) {
                (false, _) => format!("version {VERSION} of the library is there already"),
                (true, None) => format!("version {VERSION} of the library is loaded"),
                (true, Some(before)) => format!("version {VERSION} of the library has replaced version {before}"),
            };
            output.text(&format!("{}: {said}\n", styled(GOOD, "ok")))?;
        }
        Ok(Outcome::Good)
    }
}

/// Servers before 7.0, and some that speak like Redis, have no functions.
fn script(store: &mut Store, output: &mut Output) -> Result<Outcome, Failure> {
    let sha: String = store.ask(&["SCRIPT", "LOAD", SCRIPT])?;
    if output.json {
        output.json(&json!({ "form": "script", "version": VERSION, "sha1": sha, "loaded": true }))?;
    } else {
        output.text(&format!("{}: version {VERSION} is loaded as a script, {sha}\n", styled(GOOD, "ok")))?;
    }
    let forgets =
        "this server has no functions (Redis 7.0 has); it forgets scripts when it restarts, then run this again";
    output.aside(&format!("{}: {forgets}\n", styled(WARN, "warning")))?;
    Ok(Outcome::Good)
}
