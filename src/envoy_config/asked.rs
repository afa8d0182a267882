//! What a policy asks of Envoy: clusters by name, providers behind them, room for bodies.

use std::collections::BTreeMap;

use crate::authz;
use crate::gate::{MAX_REQUEST_BYTES, cap};
use crate::policy::file::merge::Merged;
use crate::policy::file::node::Pos;
use crate::policy::{Entry, Policy, Provider};

/// Envoy reads this much at once: what holds a body has to be that much larger than the body.
const READ_AT_ONCE: u64 = 1 << 20;

/// A model that is served.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its catalog name.
    pub name: &'a str,
    /// Where its cluster is named.
    pub pos: Pos,
    /// Its targets: the provider, and where it is named.
    pub targets: Vec<(&'a Provider, Pos)>,
}

impl Asked<'_> {
    /// Whether a provider is one of its targets.
    pub fn targets(&self, provider: &str) -> bool {
        self.targets.iter().any(|(target, _)| target.name == provider)
    }
}

/// The models that are served, by the cluster they name.
pub fn models<'a>(policy: &'a Policy, merged: &Merged) -> BTreeMap<&'a str, Vec<Asked<'a>>> {
    let mut clusters: BTreeMap<&str, Vec<Asked<'_>>> = BTreeMap::new();
    for model in &policy.catalog.models {
        let Entry::Served { cluster, targets, .. } = &model.entry else { continue };
        let Some(entry) = merged.models.get(&model.name) else { continue };
        let places = entry.doc.targets.get().map(|list| list.0.as_slice()).unwrap_or_default();
        let targets = targets.iter().zip(places).filter_map(|(target, place)| {
            let pos = place.value.provider.at().map_or(place.pos, |provider| provider.pos);
            Some((policy.providers.get(usize::from(target.provider))?, pos))
        });
        let pos = entry.doc.cluster.at().map_or(entry.pos, |cluster| cluster.pos);
        clusters.entry(cluster).or_default().push(Asked { name: &model.name, pos, targets: targets.collect() });
    }
    clusters
}

/// The largest body that the gate lets pass for any key.
pub fn largest_body(policy: &Policy) -> u64 {
    let caps = policy.keys.iter().map(|(_, key)| cap::request_bytes(authz::levels(policy, &key)).most);
    caps.max().unwrap_or(MAX_REQUEST_BYTES)
}

/// What Envoy has to hold for such bodies.
pub fn buffer(policy: &Policy) -> u64 {
    largest_body(policy).saturating_add(READ_AT_ONCE)
}
