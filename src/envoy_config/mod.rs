//! Does Envoy's configuration fit the policy? For `keyward check --envoy`.
//!
//! Reads a bootstrap, YAML or JSON, as far as Keyward is concerned (`tree`, `cluster`, `listener`), and holds it against what
//! the policy asks of it (`asked`): clusters and providers (`reach`), upstream filters (`upstream`), the store (`store`), the
//! way of requests (`gate`), the next attempt (`failover`).
//!
//! Whether Envoy takes the rest is Envoy's to say (`envoy --mode validate`). What comes over xDS does not stand in the file:
//! where something is missing that may come, the finding is a warning.

mod asked;
mod cluster;
mod failover;
mod gate;
mod listener;
mod reach;
mod store;
mod tree;
mod upstream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::policy::Policy;
use crate::policy::file::diagnostic::{Diagnostic, Sink, quoted};
use crate::policy::file::merge::Merged;
use crate::policy::file::node::{self, Kind, Node, Pos, Value};
use crate::policy::file::source::Sources;
use crate::policy::file::{Loaded, load_against};
use asked::Asked;
use cluster::Clusters;
use listener::Manager;
use reach::Reach;
use tree::Ask as _;

/// The name by which Envoy keeps VMs and counters of Keyward.
const VM_ID: &str = "keyward";

/// Loads a policy as [`crate::policy::file::load_all`] does, and holds a bootstrap of Envoy against it, in which the gate is
/// discovered by the name `gate`. A policy that has errors is not held against anything.
///
/// # Errors
/// Every problem found, warnings included, if any of them is an error.
pub fn load(
    paths: &[PathBuf],
    environment: Option<&str>,
    bootstrap: &Path,
    gate: &str,
) -> Result<Loaded, Vec<Diagnostic>> {
    load_against(paths, environment, Timestamp::now(), |policy, merged, sources, sink| {
        if let Some(bootstrap) = read(bootstrap, sources, sink) {
            check(policy, merged, &bootstrap, gate, sink);
        }
    })
}

/// Policy and configuration, side by side.
struct Fit<'a> {
    policy: &'a Policy,
    /// Served models by the cluster they name.
    models: BTreeMap<&'a str, Vec<Asked<'a>>>,
    largest_body: u64,
    /// What Envoy has to hold of a body.
    buffer: u64,
    clusters: Clusters<'a>,
    managers: Vec<Manager<'a>>,
    /// Whether clusters may come by discovery.
    cds: bool,
    /// Whether listeners may.
    lds: bool,
    /// The gate's name.
    gate: &'a str,
    /// Where the configuration begins.
    pos: Pos,
    /// Where its listeners begin.
    listeners: Pos,
}

fn read(path: &Path, sources: &mut Sources, sink: &mut Sink) -> Option<Node> {
    sources.read_file(path, sink);
    let file = sources.paths.iter().position(|known| known == path)?;
    let (file, text) = sources.texts.iter().find(|(number, _)| usize::try_from(*number) == Ok(file))?;
    let (documents, whole) = node::parse(Kind::Envoy, *file, text, sink);
    if !whole {
        return None;
    }
    let bootstrap = documents.into_iter().next();
    let known = |node: &Node| node.at("static_resources").or_else(|| node.at("dynamic_resources")).is_some();
    if !bootstrap.as_ref().is_some_and(known) {
        sink.error(Pos::start_of(*file), "this is no bootstrap of Envoy: it has neither static nor dynamic resources")
            .help("give the file that Envoy is started with, `envoy -c FILE`");
        return None;
    }
    bootstrap
}

fn check(policy: &Policy, merged: &Merged, bootstrap: &Node, gate: &str, sink: &mut Sink) {
    merge_keys(bootstrap, sink);
    let fit = Fit {
        policy,
        models: asked::models(policy, merged),
        largest_body: asked::largest_body(policy),
        buffer: asked::buffer(policy),
        clusters: cluster::clusters(bootstrap),
        managers: listener::managers(bootstrap, gate),
        cds: bootstrap.at("dynamic_resources/cds_config").is_some(),
        lds: bootstrap.at("dynamic_resources/lds_config").is_some(),
        gate,
        pos: bootstrap.pos,
        listeners: bootstrap.pos_at("static_resources/listeners"),
    };
    for (name, models) in &fit.models {
        let Some(cluster) = fit.clusters.get(name) else {
            reach::missing_cluster(&fit, name, models, sink);
            continue;
        };
        let reach = Reach::of(cluster, &fit.clusters);
        reach::unseen(&fit, &reach, sink);
        reach::targets(cluster, &reach, models, sink);
        reach::endpoints(&fit, &reach, models, sink);
        upstream::provider_role(cluster, models, sink);
        upstream::credentials(&fit, cluster, &reach, models, sink);
        upstream::buffer(&fit, cluster, sink);
    }
    store::check(&fit, merged, sink);
    gate::check(&fit, sink);
    failover::check(&fit, sink);
}

/// Other tools merge the mapping behind `<<`; Envoy knows no field of that name and does not start.
fn merge_keys(node: &Node, sink: &mut Sink) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|item| merge_keys(item, sink)),
        Value::Mapping(pairs) => {
            for (key, value) in pairs {
                if matches!(&key.value, Value::Scalar { text, plain: true } if text == "<<") {
                    sink.error(key.pos, "Envoy does not read YAML merge keys")
                        .help("repeat a whole value with an alias, or write it out");
                }
                merge_keys(value, sink);
            }
        }
    }
}

/// A few things by their names.
fn named(thing: &str, names: &[&str]) -> String {
    match names {
        [] => format!("no {thing}"),
        [one] => format!("{thing} {}", quoted(one)),
        [first, second] => format!("{thing}s {} and {}", quoted(first), quoted(second)),
        [first, rest @ ..] => format!("{thing} {} and {} others", quoted(first), rest.len()),
    }
}

/// A size, as one reads it.
fn bytes(size: u64) -> String {
    const MIB: u64 = 1 << 20;
    if size >= MIB && size.is_multiple_of(MIB) { format!("{} MiB", size / MIB) } else { format!("{size} bytes") }
}
