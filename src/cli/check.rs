//! `keyward check`: every problem of a policy.

use std::path::PathBuf;

use super::output::{GOOD, Output, counted, styled};
use super::{Failure, Outcome, file, report};
use crate::policy::file::load_all;

/// Arguments of `keyward check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Policy files, and folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Check what a bundle of this environment would hold
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Exit with 1 instead of 0 if there are warnings; they are shown as warnings all the same
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        file::exist(&self.paths)?;
        let (summary, findings) = match load_all(&self.paths, self.environment.as_deref()) {
            Ok(loaded) => {
                let (keys, models) = (loaded.policy.keys.len(), loaded.policy.catalog.models.len());
                let (keys, models) = (counted(keys, "key"), counted(models, "model"));
                (format!("{keys}, {models}, version {}", loaded.policy.version), loaded.warnings)
            }
            Err(findings) => (String::new(), findings),
        };
        let (errors, warnings) = report::count(&findings);
        let bad = errors > 0 || (self.deny_warnings && warnings > 0);
        if output.json {
            output.json(&report::json(&findings))?;
        } else if !findings.is_empty() {
            output.text(&report::text(&findings))?;
        }
        if !output.json && !bad {
            output.text(&format!("{}: {summary}\n", styled(GOOD, "ok")))?;
        }
        Ok(if bad { Outcome::Bad } else { Outcome::Good })
    }
}
