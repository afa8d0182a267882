//! Which names a key may call, for `GET /v1/models`.

use std::collections::BTreeSet;

use super::access::{Verdict, decide_model, levels, model_verdict};
use super::catalog::{is_wildcard, resolve};
use super::pattern;
use crate::policy::{Grant, Key, Model, Policy};

/// The names the key may call, sorted: exact names and aliases; a wildcard entry under its pattern, where the pattern as
/// a whole is granted and not denied; and single names that a grant gives out of a wildcard entry.
///
/// The end-user level is not asked: the request that lists models names no end user.
#[must_use]
pub fn allowed_models<'p>(policy: &'p Policy, key: &'p Key) -> Vec<&'p str> {
    let callable = |name: &&str| {
        resolve(&policy.catalog, name).is_some_and(|model| decide_model(levels(policy, key), &model).is_ok())
    };
    let (patterns, exact): (Vec<_>, Vec<_>) = policy.catalog.models.iter().partition(|model| is_wildcard(model));
    let patterns = patterns.into_iter().filter(|entry| whole_pattern_allowed(policy, key, entry));
    let granted = levels(policy, key).flat_map(|level| &level.rules).flat_map(|rules| rules.models.iter().flatten());
    let single = granted.filter_map(|grant| match grant {
        Grant::Name(name) => Some(name.as_str()),
        Grant::All | Grant::Group(_) | Grant::Glob(_) => None,
    });
    let names: BTreeSet<&str> = exact
        .into_iter()
        .map(|model| model.name.as_str())
        .chain(single)
        .filter(callable)
        .chain(patterns.map(|entry| entry.name.as_str()))
        .collect();
    names.into_iter().collect()
}

/// Whether every name the entry's pattern matches is granted, and not all of them are denied.
fn whole_pattern_allowed(policy: &Policy, key: &Key, entry: &Model) -> bool {
    let rules = levels(policy, key).flat_map(|level| &level.rules);
    // A glob that matches the pattern's own text, its `*`s as plain characters, matches all the pattern does.
    let covers = |grant: &Grant| match grant {
        Grant::All => true,
        Grant::Name(_) => false,
        Grant::Group(group) => entry.groups.contains(group),
        Grant::Glob(glob) => pattern::matches(glob, &entry.name),
    };
    rules.into_iter().all(|rules| !matches!(model_verdict(rules, covers), Verdict::Denied(_)))
}
