//! `keyward check`: every problem of a policy, and of an Envoy configuration that does not fit it.

use std::path::PathBuf;

use super::output::{GOOD, Output, counted, styled};
use super::{Failure, Outcome, file, report};
use crate::envoy_config;
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
    /// Find what does not fit the policies in what Envoy is started with, YAML or JSON: clusters, providers of endpoints,
    /// filters, credentials, buffers, retries. What comes over xDS is not seen: where it may, the finding is a warning
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
    /// With `--envoy`: the name of the HTTP filter that is the gate, as given to `keyward bundle`
    #[arg(long, value_name = "FILTER", default_value = "gate", requires = "envoy")]
    name: String,
    /// Exit with 1 instead of 0 if there are warnings; they are shown as warnings all the same
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        file::exist(&self.paths)?;
        let environment = self.environment.as_deref();
        let loaded = match &self.envoy {
            Some(bootstrap) => {
                file::exist(std::slice::from_ref(bootstrap))?;
                envoy_config::load(&self.paths, environment, bootstrap, &self.name)
            }
            None => load_all(&self.paths, environment),
        };
        let (summary, findings) = match loaded {
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
