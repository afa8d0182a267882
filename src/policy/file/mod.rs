//! Policy files: a folder of YAML becomes a checked, resolved [`Policy`].
//!
//! The way of a file: found and read (`source`), parsed into a tree that knows its places (`node`), read into
//! documents (`decode`, `document`), merged with the others (`merge`), checked and resolved (`resolve`).
//!
//! Fails whole and talkatively: one error anywhere means no policy, and every problem is reported in one go, with its
//! place and what to do. What could be a key is never repeated in a message.

mod catalog;
pub(crate) mod decode;
pub(crate) mod diagnostic;
pub(crate) mod document;
mod glob;
mod grant;
mod key;
mod level;
pub(crate) mod merge;
mod names;
pub(crate) mod node;
mod period;
mod resolve;
mod scalar;
mod schema;
pub(crate) mod source;
mod store;
mod timezone;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use diagnostic::{Diagnostic, MAX_DIAGNOSTICS, Related, Severity, looks_like_a_key};
pub(crate) use scalar::Moment;
pub use schema::schema;

use super::Policy;
use diagnostic::Sink;
use merge::Merged;
use source::Sources;

/// A policy, and what is worth knowing about it.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What holds, but is probably not as meant.
    pub warnings: Vec<Diagnostic>,
}

/// Loads a policy from a file, or from the `*.yaml` and `*.yml` files directly in a folder (not those in folders below it).
/// With an environment, keys of other environments are left out.
///
/// # Errors
/// Every problem found, warnings included, if any of them is an error.
pub fn load(path: &Path, environment: Option<&str>) -> Result<Loaded, Vec<Diagnostic>> {
    load_all(&[path.into()], environment)
}

/// Loads one policy from several files and folders, as [`load`] does from one.
///
/// # Errors
/// Every problem found, warnings included, if any of them is an error.
pub fn load_all(paths: &[PathBuf], environment: Option<&str>) -> Result<Loaded, Vec<Diagnostic>> {
    load_at(paths, environment, Timestamp::now())
}

fn load_at(paths: &[PathBuf], environment: Option<&str>, now: Timestamp) -> Result<Loaded, Vec<Diagnostic>> {
    load_against(paths, environment, now, |_, _, _, _| ())
}

/// Loads a policy and, where it has no errors, holds it against something else: `against` is given the policy, what it was made
/// of, and where to add files and findings.
pub(crate) fn load_against(
    paths: &[PathBuf],
    environment: Option<&str>,
    now: Timestamp,
    against: impl FnOnce(&Policy, &Merged, &mut Sources, &mut Sink),
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let mut sources = source::read(paths, &mut sink);
    let merged = merge::merge(&sources, &mut sink);
    let policy = resolve::resolve(&merged, environment, now, &mut sink);
    let version = sources.version(environment);
    if !sink.has_errors() {
        against(&policy, &merged, &mut sources, &mut sink);
    }
    let failed = sink.has_errors();
    let diagnostics = sink.finish(&sources.paths);
    if failed { Err(diagnostics) } else { Ok(Loaded { policy: Policy { version, ..policy }, warnings: diagnostics }) }
}
