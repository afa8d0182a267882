//! `keyward explain`: what the gate would decide on a request, level by level.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::output::Output;
use super::{Failure, Outcome, explain_text, file};
use crate::authz::{self, Resolved, Step, Verdict};
use crate::policy::{Entry, Key, Level, Limit, Metric, Policy};
use crate::pricing::{NanoUsd, Price};
use crate::request::Endpoint;

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

/// All there is to say on one request.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Who calls.
    pub key: &'a Key,
    /// What for.
    pub endpoint: Endpoint,
    /// The name in the request.
    pub requested: &'a str,
    /// What it stands for; `None` if nothing in the catalog.
    pub model: Option<Resolved<'a>>,
    /// What each source of rules says.
    pub steps: Vec<Step<'a>>,
    /// The limits that would apply.
    pub limits: Vec<(&'a Level, &'a Limit)>,
    /// The error code of the refusal, and why; `None` if allowed.
    pub denied: Option<(&'static str, String)>,
}

impl Explain {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let policy = match file::policy(&self.paths, self.environment.as_deref(), output)? {
            Ok(policy) => policy,
            Err(outcome) => return Ok(outcome),
        };
        let key = policy.keys.iter().map(|(_, key)| key).find(|key| key.id == self.key).ok_or_else(|| {
            Failure::told("no key of the policy has that id; `--key` takes the `id` of its entry, not the key itself")
        })?;
        let explanation = explanation(&policy, &key, self, Timestamp::now().as_second());
        if output.json {
            output.json(&explanation.json())?;
        } else {
            output.text(&explain_text::text(&explanation))?;
        }
        Ok(if explanation.denied.is_some() { Outcome::Bad } else { Outcome::Good })
    }
}

fn explanation<'a>(policy: &'a Policy, key: &'a Key, asked: &'a Explain, now: i64) -> Explanation<'a> {
    let levels = || authz::levels(policy, key).chain(policy.end_users.iter().filter(|_| asked.end_user));
    let model = authz::resolve(&policy.catalog, &asked.model);
    let steps = model.as_ref().map(|model| authz::explain(levels(), asked.endpoint, model)).unwrap_or_default();
    let applies = |limit: &Limit| {
        limit.model.as_ref().is_none_or(|grant| model.as_ref().is_some_and(|model| authz::grant_matches(grant, model)))
    };
    let of_level = |level: &'a Level| level.limits.iter().map(move |limit| (level, limit));
    let limits = levels().flat_map(of_level).filter(|(_, limit)| model.is_some() && applies(limit)).collect();
    let denied = invalid(key, now)
        .map(|why| ("invalid_api_key", why.to_owned()))
        .or_else(|| {
            let denied = authz::decide_endpoint(levels(), asked.endpoint).err()?;
            Some(("endpoint_not_allowed", denied.to_string()))
        })
        .or_else(|| match &model {
            None => Some(("model_not_found", "no entry of the catalog has or matches that name".to_owned())),
            Some(model) => {
                let denied = authz::decide_model(levels(), model).err()?;
                Some(("model_not_allowed", denied.to_string()))
            }
        });
    Explanation { policy, key, endpoint: asked.endpoint, requested: &asked.model, model, steps, limits, denied }
}

/// Why the key does not count at that moment, if so.
fn invalid(key: &Key, now: i64) -> Option<&'static str> {
    crate::authn::valid_at(key, now).err().map(|reason| match reason {
        crate::authn::Reason::Disabled => "the key is disabled",
        crate::authn::Reason::NotYetValid => "the key is not valid yet",
        crate::authn::Reason::Expired => "the key has expired",
        _ => "the key is not known",
    })
}

impl Explanation<'_> {
    fn json(&self) -> Value {
        let Self { policy, key, endpoint, requested, model, steps, limits, denied } = self;
        let decision = denied.as_ref().map_or("allowed", |(code, _)| code);
        json!({
            "decision": decision,
            "why": denied.as_ref().map(|(_, why)| why),
            "policy_version": policy.version,
            "key": {
                "id": key.id, "org": key.org, "team": key.team, "project": key.project, "user": key.user,
                "environment": key.environment,
            },
            "endpoint": endpoint.as_str(),
            "requested": requested,
            "model": model.as_ref().map(|model| json!({
                "entry": model.model.name,
                "name": model.name,
                "alias": model.alias.map(|alias| &alias.name),
                "groups": model.groups().collect::<std::collections::BTreeSet<_>>(),
                "cluster": cluster(model),
                "targets": targets(policy, model),
            })),
            "steps": steps.iter().map(|step| json!({
                "level": step.source.kind.as_str(), "name": step.source.name, "tier": step.source.tier,
                "verdict": word(step.verdict), "why": step.verdict.to_string(),
            })).collect::<Vec<_>>(),
            "limits": limits.iter().map(|(level, limit)| json!({
                "level": level.kind.as_str(), "name": level.name, "tier": limit.tier,
                "metric": limit.metric.as_str(), "amount": amount(limit),
                "per": (limit.metric != Metric::Concurrency).then(|| limit.period.to_string()),
                "model": limit.model.as_ref().map(ToString::to_string),
            })).collect::<Vec<_>>(),
        })
    }
}

fn targets(policy: &Policy, model: &Resolved<'_>) -> Vec<Value> {
    let Entry::Served { targets, .. } = &model.model.entry else { return vec![] };
    let one = |target| {
        let (provider, name, price) = target_parts(policy, model, target);
        let price = price.map(|price| {
            let rates = rates(price).into_iter().map(|(rate, usd)| (rate.to_owned(), usd.to_string().into()));
            Value::Object(rates.collect())
        });
        json!({ "provider": provider, "model": name, "price": price })
    };
    targets.iter().map(one).collect()
}

/// The cluster that serves a model.
pub fn cluster<'a>(model: &Resolved<'a>) -> &'a str {
    match &model.model.entry {
        Entry::Served { cluster, .. } => cluster,
        Entry::Alias { .. } => "",
    }
}

/// Provider, its name for the model, and price of a target.
pub fn target_parts<'t>(
    policy: &'t Policy,
    model: &Resolved<'_>,
    target: &'t crate::policy::Target,
) -> (&'t str, std::borrow::Cow<'t, str>, Option<&'t Price>) {
    let provider = policy.providers.get(usize::from(target.provider)).map_or("", |provider| &provider.name);
    (provider, model.provider_model(target), target.price.as_ref())
}

/// The rates of a price that are stated, under the words of policy files.
pub fn rates(price: &Price) -> Vec<(&'static str, NanoUsd)> {
    let Price { input, cached_input, cache_write, cache_write_1h, output, reasoning, request } = *price;
    let optional = [
        ("cached_input", cached_input),
        ("cache_write", cache_write),
        ("cache_write_1h", cache_write_1h),
        ("output", Some(output)),
        ("reasoning", reasoning),
        ("request", Some(request).filter(|request| request.0 > 0)),
    ];
    let stated = optional.into_iter().filter_map(|(rate, usd)| Some((rate, usd?)));
    [("input", input)].into_iter().chain(stated).collect()
}

/// The amount of a limit: dollars or a count.
fn amount(limit: &Limit) -> String {
    if limit.metric == Metric::Usd { NanoUsd(limit.amount).to_string() } else { limit.amount.to_string() }
}

const fn word(verdict: Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Silent => "silent",
        Verdict::GrantedBy(_) => "granted",
        Verdict::Denied(_) => "denied",
    }
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::ALL.into_iter().find(|endpoint| endpoint.as_str() == text).ok_or_else(|| {
        let words: Vec<_> = Endpoint::ALL.iter().map(|endpoint| endpoint.as_str()).collect();
        format!("one of {}", words.join(", "))
    })
}
