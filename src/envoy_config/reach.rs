//! Whether the clusters that models name are there, and lead to the providers of their targets and to no other.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::Asked;
use super::cluster::{Cluster, Clusters, Endpoint};
use super::{Fit, named};
use crate::policy::file::diagnostic::{Sink, quoted};
use crate::policy::file::node::Pos;

/// What a cluster leads to, through the members of aggregates.
#[derive(Debug, Default)]
pub struct Reach<'c> {
    /// The clusters, itself first.
    pub clusters: Vec<&'c Cluster<'c>>,
    /// Their endpoints.
    pub endpoints: Vec<Endpoint<'c>>,
    /// Whether all of them stand in the file.
    pub whole: bool,
}

impl<'c> Reach<'c> {
    /// Follows a cluster.
    pub fn of(cluster: &'c Cluster<'c>, all: &'c Clusters<'c>) -> Self {
        let mut reach = Self { whole: true, ..Self::default() };
        let mut seen = BTreeSet::from([cluster.name]);
        let mut open = vec![cluster];
        while let Some(cluster) = open.pop() {
            reach.whole &= cluster.discovered.is_none();
            reach.clusters.push(cluster);
            reach.endpoints.extend(&cluster.endpoints);
            for (member, _) in cluster.members.iter().flatten().rev() {
                match all.get(member) {
                    Some(member) if seen.insert(member.name) => open.push(member),
                    Some(_) => {}
                    None => reach.whole = false,
                }
            }
        }
        reach
    }

    /// Its providers, by name.
    pub fn providers(&self) -> BTreeSet<&'c str> {
        self.endpoints.iter().filter_map(|endpoint| Some(endpoint.provider?.0)).collect()
    }
}

/// A model's cluster that Envoy does not have.
pub fn missing_cluster(fit: &Fit<'_>, name: &str, models: &[Asked<'_>], sink: &mut Sink) {
    for model in models {
        let what = format!("model {} names cluster {}, which Envoy", quoted(model.name), quoted(name));
        if fit.cds {
            sink.warning(model.pos, format!("{what} would have to get by CDS"))
                .help("the file has no such cluster, and what comes by CDS is not seen here")
                .suggest(name, fit.clusters.keys().copied());
        } else {
            sink.error(model.pos, format!("{what} does not have"))
                .help("add it to `static_resources.clusters`, or name one that is there")
                .suggest(name, fit.clusters.keys().copied());
        }
    }
}

/// Members of aggregates that Envoy does not have, and endpoints that come from elsewhere.
pub fn unseen(fit: &Fit<'_>, reach: &Reach<'_>, sink: &mut Sink) {
    for cluster in &reach.clusters {
        for (member, pos) in cluster.members.iter().flatten().filter(|(name, _)| !fit.clusters.contains_key(name)) {
            let what = format!("cluster {} is made of {}, which Envoy", quoted(cluster.name), quoted(member));
            if fit.cds {
                sink.warning(*pos, format!("{what} would have to get by CDS"))
                    .help("the file has no such cluster, and what comes by CDS is not seen here")
                    .suggest(member, fit.clusters.keys().copied());
            } else {
                sink.error(*pos, format!("{what} does not have"))
                    .help("add it to `static_resources.clusters`, or name one that is there")
                    .suggest(member, fit.clusters.keys().copied());
            }
        }
        if let Some(from) = cluster.discovered {
            sink.warning(cluster.pos, format!("the endpoints of cluster {} come {from}", quoted(cluster.name)))
                .help("they are not seen here; each needs `filter_metadata.keyward.provider` in its metadata");
        }
    }
}

/// Targets that no endpoint is of.
pub fn targets(cluster: &Cluster<'_>, reach: &Reach<'_>, models: &[Asked<'_>], sink: &mut Sink) {
    if !reach.whole {
        return;
    }
    let reached = reach.providers();
    let mut missing: BTreeMap<&str, Vec<(&str, Pos)>> = BTreeMap::new();
    for model in models {
        for (provider, pos) in model.targets.iter().filter(|(provider, _)| !reached.contains(provider.name.as_str())) {
            missing.entry(&provider.name).or_default().push((model.name, *pos));
        }
    }
    for (provider, targets) in missing {
        let Some((_, first)) = targets.first() else { continue };
        let names: Vec<&str> = targets.iter().map(|(name, _)| *name).collect();
        let (cluster_name, of) = (quoted(cluster.name), named("model", &names));
        sink.error(
            *first,
            format!("no endpoint of cluster {cluster_name} is of provider {}: {of} cannot reach it", quoted(provider)),
        )
        .related(cluster.pos, "the cluster")
        .help(format!(
            "give an endpoint the metadata `filter_metadata: {{ keyward: {{ provider: {provider} }} }}`, or drop the target"
        ));
    }
}

/// Endpoints that name no provider, or one that a model there is not for.
pub fn endpoints(fit: &Fit<'_>, reach: &Reach<'_>, models: &[Asked<'_>], sink: &mut Sink) {
    for endpoint in &reach.endpoints {
        let Some((provider, pos)) = endpoint.provider else {
            sink.error(endpoint.pos, "the endpoint does not say which provider it is: every attempt there is a 500")
                .help("add `metadata: { filter_metadata: { keyward: { provider: … } } }`");
            continue;
        };
        if !fit.policy.providers.iter().any(|known| known.name == provider) {
            sink.error(
                pos,
                format!("the policy defines no provider {}: every attempt there is a 500", quoted(provider)),
            )
            .help("add it to `providers:` of the policy")
            .suggest(provider, fit.policy.providers.iter().map(|known| known.name.as_str()));
            continue;
        }
        let strangers: Vec<(&str, Pos)> =
            models.iter().filter(|model| !model.targets(provider)).map(|model| (model.name, model.pos)).collect();
        if let Some((_, first)) = strangers.first() {
            let names: Vec<&str> = strangers.iter().map(|(name, _)| *name).collect();
            sink.error(
                pos,
                format!(
                    "provider {} is no target of {}: an attempt there is a 500",
                    quoted(provider),
                    named("model", &names)
                ),
            )
            .related(*first, "which leads here by its cluster")
            .help("add a target for the provider, or name a cluster without this endpoint");
        }
    }
}
