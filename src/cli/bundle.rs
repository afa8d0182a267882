//! `keyward bundle`: compiles a policy into what Envoy, Istio or Envoy Gateway loads.

use std::path::PathBuf;

use serde_json::json;

use super::delivery::{self, Filter, Format};
use super::output::{Output, counted, styled};
use super::{Failure, Outcome, file, output};
use crate::policy::bundle::encode;

/// Arguments of `keyward bundle`.
#[derive(Debug, clap::Args)]
pub struct Bundle {
    /// Policy files, and folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// What it is for
    #[arg(long, value_enum, default_value_t = Format::Ecds)]
    format: Format,
    /// Where Envoy finds the module
    #[arg(long, value_name = "FILE", default_value = "target/wasm32-wasip1/release/keyward.wasm")]
    wasm: String,
    /// The name of the HTTP filter in Envoy's configuration
    #[arg(long, value_name = "FILTER", default_value = "gate")]
    name: String,
    /// Only keys of this environment, and those of none
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// With `--format envoy-gateway`: the listener to patch, as `namespace/gateway/listener`
    #[arg(long, value_name = "LISTENER", default_value = "default/eg/http", value_parser = listener)]
    listener: String,
    /// Where to write; written beside and renamed, which is what makes Envoy load it [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Bundle {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let policy = match file::policy(&self.paths, self.environment.as_deref(), output)? {
            Ok(policy) => policy,
            Err(outcome) => return Ok(outcome),
        };
        let bytes = encode(&policy).map_err(|error| Failure::told(format!("cannot encode the policy: {error}")))?;
        let filter = Filter { name: &self.name, wasm: &self.wasm, bundle: &bytes, version: &policy.version };
        let text = format!("{:#}\n", delivery::render(self.format, &filter, &self.listener));
        let Some(path) = &self.output else {
            output.raw(text.as_bytes())?;
            return Ok(Outcome::Good);
        };
        file::replace(path, text.as_bytes())?;
        let (keys, models) = (policy.keys.len(), policy.catalog.models.len());
        if output.json {
            let (version, bytes) = (&policy.version, text.len());
            output
                .json(&json!({ "version": version, "keys": keys, "models": models, "bytes": bytes, "output": path.to_string_lossy() }))?;
        } else {
            let written = styled(output::GOOD, "written");
            let (path, version) = (path.display(), &policy.version);
            let (keys, models) = (counted(keys, "key"), counted(models, "model"));
            output.aside(&format!("{written}: {path} ({keys}, {models}, version {version})\n"))?;
        }
        Ok(Outcome::Good)
    }
}

fn listener(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    if parts.len() == 3 && parts.iter().all(|part| !part.is_empty()) {
        Ok(text.into())
    } else {
        Err("write it as `namespace/gateway/listener`".into())
    }
}
