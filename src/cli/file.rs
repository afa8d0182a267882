//! Reading a policy and writing files for other programs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Failure, Outcome, output::Output, report};
use crate::policy::Policy;
use crate::policy::file::diagnostic::Sink;
use crate::policy::file::merge::Merged;
use crate::policy::file::source::Sources;
use crate::policy::file::{Diagnostic, Loaded, load_against, load_all};

/// Loads the policy for a command that works with it. Findings go to stderr; where the policy has
/// errors, the command ends with the outcome given back instead.
///
/// # Errors
/// When a path does not exist.
pub fn policy(
    paths: &[PathBuf],
    environment: Option<&str>,
    output: &mut Output,
) -> Result<Result<Policy, Outcome>, Failure> {
    exist(paths)?;
    told(load_all(paths, environment), output)
}

/// As [`policy`], and shows what it was made of, with the paths of its files, where it has no errors.
///
/// # Errors
/// When a path does not exist.
pub fn policy_against(
    paths: &[PathBuf],
    output: &mut Output,
    against: impl FnOnce(&Merged, &[PathBuf]),
) -> Result<Result<Policy, Outcome>, Failure> {
    exist(paths)?;
    let show = |_: &Policy, merged: &Merged, sources: &mut Sources, _: &mut Sink| against(merged, &sources.paths);
    told(load_against(paths, None, Timestamp::now(), show), output)
}

fn told(loaded: Result<Loaded, Vec<Diagnostic>>, output: &mut Output) -> Result<Result<Policy, Outcome>, Failure> {
    let (policy, findings) = match loaded {
        Ok(loaded) => (Ok(loaded.policy), loaded.warnings),
        Err(findings) => (Err(Outcome::Bad), findings),
    };
    if !findings.is_empty() {
        let text = if output.json { format!("{:#}\n", report::json(&findings)) } else { report::text(&findings) };
        output.aside(&text)?;
    }
    Ok(policy)
}

/// That every path is there: a mistyped path is a mistake in the command, not in the policy.
///
/// # Errors
/// Names the first that is not.
pub fn exist(paths: &[PathBuf]) -> Result<(), Failure> {
    let missing = paths.iter().find_map(|path| fs::metadata(path).err().map(|error| (path, error)));
    missing.map_or(Ok(()), |(path, error)| Err(Failure::told(format!("cannot read `{}`: {error}", path.display()))))
}

/// Writes a whole file beside `path` and renames it over that, so that nobody ever reads half of it. The rename is also
/// what makes Envoy load it.
///
/// # Errors
/// When it cannot be written; what was at `path` stays.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::told(format!("cannot write `{}`: {error}", path.display()));
    let name = path.file_name().ok_or_else(|| Failure::told(format!("`{}` is not a file", path.display())))?;
    let beside = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // Nothing to do about a leftover that cannot be removed either.
            let _ = fs::remove_file(&beside);
        }
        told(error)
    })
}
