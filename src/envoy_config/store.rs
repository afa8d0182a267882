//! Whether the cluster of the policy's store is there, with the credential it needs.

use super::Fit;
use super::cluster::{Cluster, Role};
use crate::policy::StoreDialect;
use crate::policy::file::diagnostic::{Sink, quoted};
use crate::policy::file::merge::Merged;

/// The store's cluster.
pub fn check(fit: &Fit<'_>, merged: &Merged, sink: &mut Sink) {
    let Some((store, place)) = fit.policy.store.as_ref().zip(merged.store.as_ref()) else { return };
    let pos = place.value.cluster.at().map_or(place.pos, |cluster| cluster.pos);
    let Some(cluster) = fit.clusters.get(store.cluster.as_str()) else {
        let what = format!("the store is behind cluster {}, which Envoy", quoted(&store.cluster));
        let finding = if fit.cds {
            sink.warning(pos, format!("{what} would have to get by CDS"))
                .help("the file has no such cluster, and what comes by CDS is not seen here")
        } else {
            sink.error(pos, format!("{what} does not have"))
                .help("add it to `static_resources.clusters`, as envoy/envoy.yaml has `redis-http`")
        };
        finding.suggest(&store.cluster, fit.clusters.keys().copied());
        return;
    };
    if store.dialect == StoreDialect::Upstash && !has_credential(cluster) {
        sink.warning(cluster.pos, format!("cluster {} calls Upstash without its token", quoted(cluster.name)))
            .related(pos, "the store is behind it")
            .help("add a credential injector that writes `authorization`, before `upstream_codec`");
    }
}

fn has_credential(cluster: &Cluster<'_>) -> bool {
    let writes = |role: &Role<'_>| match role {
        Role::Injector(header) => header.eq_ignore_ascii_case("authorization"),
        Role::Discovered => true,
        _ => false,
    };
    cluster.filter(writes).is_some()
}
