//! An explanation for machines.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::explanation::Explanation;
use super::served::{cluster, rates, target_parts};
use crate::authz::{Resolved, Verdict};
use crate::gate::cap::{Cap, StatedBy};
use crate::policy::{Limit, Metric, Policy, Source};
use crate::pricing::NanoUsd;

/// The explanation as an object.
pub fn json(explanation: &Explanation<'_>) -> Value {
    let Explanation { policy, key, endpoint, requested, model, steps, limits, caps, reserved, denied } = explanation;
    json!({
        "decision": denied.as_ref().map_or("allowed", |denied| denied.code),
        "rule": denied.as_ref().map(|denied| &denied.rule),
        "note": denied.as_ref().map(|denied| &denied.note),
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
            "groups": model.groups().collect::<BTreeSet<_>>(),
            "cluster": cluster(model),
            "targets": targets(policy, model),
        })),
        "steps": steps.iter().map(|(source, verdict)| {
            with_source(source, json!({ "verdict": word(*verdict), "why": verdict.to_string() }))
        }).collect::<Vec<_>>(),
        "limits": limits.iter().filter_map(|(source, limit)| Some(with_source(source, one_limit((*limit)?))))
            .collect::<Vec<_>>(),
        "caps": caps.iter().map(one_cap).collect::<Vec<_>>(),
        "reserved": reserved.as_ref().map(|reserved| json!({
            "output_tokens": reserved.output,
            "usd": reserved.cost.to_string(),
            "usd_per_million_input_tokens": reserved.per_million_input.to_string(),
            "expected_at": reserved.expected.iter().map(|source| with_source(source, json!({}))).collect::<Vec<_>>(),
        })),
    })
}

/// An object, and where what it tells is stated.
fn with_source(source: &Source<'_>, mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("level".into(), source.kind.as_str().into());
        fields.insert("name".into(), source.name.into());
        fields.insert("tier".into(), source.tier.into());
    }
    value
}

fn one_limit(limit: &Limit) -> Value {
    let amount = if limit.metric == Metric::Usd { NanoUsd(limit.amount).to_string() } else { limit.amount.to_string() };
    json!({
        "metric": limit.metric.as_str(),
        "amount": amount,
        "per": (limit.metric != Metric::Concurrency).then(|| limit.period.to_string()),
        "model": limit.model.as_ref().map(ToString::to_string),
    })
}

fn one_cap(cap: &Cap<'_>) -> Value {
    let (kind, name) = match cap.by {
        StatedBy::Level(source) => (source.kind.as_str(), source.name),
        StatedBy::Model(name) => ("model", name),
        StatedBy::Default => ("default", ""),
    };
    json!({ "cap": cap.field, "most": cap.most, "by": kind, "name": name })
}

const fn word(verdict: Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Silent => "silent",
        Verdict::GrantedBy(_) => "granted",
        Verdict::Denied(_) => "denied",
    }
}

fn targets(policy: &Policy, model: &Resolved<'_>) -> Vec<Value> {
    let one = |target| {
        let (provider, name, price) = target_parts(policy, model, target);
        let price = price.map(|price| {
            let rates = rates(price).into_iter().map(|(rate, usd)| (rate.to_owned(), usd.to_string().into()));
            Value::Object(rates.collect())
        });
        json!({ "provider": provider, "model": name, "price": price })
    };
    model.targets().iter().map(one).collect()
}
