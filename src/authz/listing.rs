//! Which names a key may call, for `GET /v1/models`.

use std::collections::BTreeSet;

use super::access::{decide_model, levels};
use super::catalog::{is_wildcard, resolve};
use crate::policy::{Grant, Key, Policy};

/// The names the key may call, sorted: exact names, aliases, and single names that a grant gives out of a wildcard entry.
/// A pattern is no name that can be called, and what a provider has behind it is not known here: it is not listed.
///
/// The end-user level is not asked: the request that lists models names no end user.
#[must_use]
pub fn allowed_models<'p>(policy: &'p Policy, key: &'p Key) -> Vec<&'p str> {
    let callable = |name: &&str| {
        resolve(&policy.catalog, name).is_some_and(|model| decide_model(levels(policy, key), &model).is_ok())
    };
    let exact = policy.catalog.models.iter().filter(|model| !is_wildcard(model)).map(|model| model.name.as_str());
    let granted = levels(policy, key).flat_map(|level| &level.rules).flat_map(|rules| rules.models.iter().flatten());
    let single = granted.filter_map(|grant| match grant {
        Grant::Name(name) => Some(name.as_str()),
        Grant::All | Grant::Group(_) | Grant::Glob(_) => None,
    });
    exact.chain(single).filter(callable).collect::<BTreeSet<&str>>().into_iter().collect()
}
