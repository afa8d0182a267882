//! `keyward explain`: what the gate would decide on a request, level by level.

mod explanation;
mod json;
mod served;
mod text;

use std::path::PathBuf;

use jiff::Timestamp;

use super::output::Output;
use super::{Failure, Outcome, file};
use crate::authn::Reason;
use crate::policy::file::load_all;
use crate::policy::{Key, Policy};
use crate::request::Endpoint;

use explanation::Denied;

/// Arguments of `keyward explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// Policy files, and folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The id of the key (not the key itself)
    #[arg(long, value_name = "ID")]
    key: String,
    /// The model as a request would name it
    #[arg(long)]
    model: String,
    /// The endpoint called
    #[arg(long, default_value = "chat", value_parser = endpoint)]
    endpoint: Endpoint,
    /// Only keys of this environment, and those of none
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The request names an end user
    #[arg(long)]
    end_user: bool,
}

impl Explain {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut policy = match file::policy(&self.paths, self.environment.as_deref(), output)? {
            Ok(policy) => policy,
            Err(outcome) => return Ok(outcome),
        };
        let mut key = self.find(&policy);
        let mut elsewhere = None;
        if let (None, Some(asked)) = (&key, &self.environment)
            && let Ok(everywhere) = load_all(&self.paths, None)
        {
            key = self.find(&everywhere.policy);
            let of = key.as_ref().and_then(|key| key.environment.as_deref()).unwrap_or_default();
            elsewhere = Some(format!("the key is for environment {of}: a bundle for {asked} does not hold it"));
            policy = Policy { version: policy.version, ..everywhere.policy };
        }
        let key = key.ok_or_else(|| {
            Failure::told("no key of the policy has that id; `--key` takes the `id` of its entry, not the key itself")
        })?;
        let mut explanation = self.explain(&policy, &key, Timestamp::now().as_second());
        if let Some(note) = elsewhere {
            let rule = Some(Reason::Unknown.to_string());
            explanation.denied = Some(Denied { code: "invalid_api_key", rule, note: Some(note) });
        }
        if output.json {
            output.json(&json::json(&explanation))?;
        } else {
            output.text(&text::text(&explanation))?;
        }
        Ok(if explanation.denied.is_some() { Outcome::Bad } else { Outcome::Good })
    }

    fn find(&self, policy: &Policy) -> Option<Key> {
        policy.keys.iter().map(|(_, key)| key).find(|key| key.id == self.key)
    }
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::ALL.into_iter().find(|endpoint| endpoint.as_str() == text).ok_or_else(|| {
        let words: Vec<_> = Endpoint::ALL.iter().map(|endpoint| endpoint.as_str()).collect();
        format!("one of {}", words.join(", "))
    })
}
