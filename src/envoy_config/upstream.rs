//! Whether the clusters that models name run the provider role, in its place, behind the credentials it needs.

use super::asked::Asked;
use super::cluster::{Cluster, Role};
use super::listener::DEFAULT_BUFFER;
use super::reach::Reach;
use super::tree::Ask as _;
use super::{Fit, VM_ID, bytes};
use crate::policy::Provider;
use crate::policy::file::diagnostic::{Sink, quoted};
use crate::policy::file::node::{Node, Pos};
use crate::providers::Credential;

/// The provider role itself.
pub fn provider_role(cluster: &Cluster<'_>, models: &[Asked<'_>], sink: &mut Sink) {
    let Some((place, filter)) = cluster.filter(|role| matches!(role, Role::Provider(_))) else {
        if let Some((_, filter)) = cluster.filter(|role| matches!(role, Role::Discovered)) {
            sink.warning(
                filter.pos,
                format!(
                    "whether cluster {} runs the provider role is not seen: the filter comes by discovery",
                    quoted(cluster.name)
                ),
            )
            .related(cluster.pos, "the cluster");
            return;
        }
        let finding =
            sink.error(cluster.pos, format!("cluster {} does not run the provider role", quoted(cluster.name)));
        if let Some(model) = models.first() {
            finding.related(model.pos, format!("model {} names the cluster", quoted(model.name)));
        }
        finding.help(
            "add the wasm filter with `root_id: provider` to `http_filters` of its `HttpProtocolOptions`, before \
             `upstream_codec`; an aggregate has its own",
        );
        return;
    };
    if let Role::Provider(config) = filter.role {
        wasm("provider role", config, filter.pos, sink);
    }
    if cluster.filter(|role| matches!(role, Role::Codec)).is_some_and(|(codec, _)| codec < place) {
        sink.error(
            filter.pos,
            format!("in cluster {} the provider role stands behind `upstream_codec`", quoted(cluster.name)),
        )
        .related(cluster.pos, "the cluster")
        .help("put it before `upstream_codec`, which comes last");
    }
}

/// What either role needs of its wasm filter.
pub fn wasm(role: &str, config: &Node, pos: Pos, sink: &mut Sink) {
    if !config.flag_at("allow_on_headers_stop_iteration") {
        sink.error(
            config.at("allow_on_headers_stop_iteration").map_or(pos, |flag| flag.pos),
            format!("the {role} needs `allow_on_headers_stop_iteration: true`"),
        )
        .help("without it no request passes: each waits until a timeout ends it");
    }
    let vm_id = config.text_at("vm_config/vm_id").unwrap_or_default();
    if vm_id != VM_ID {
        let stated = if vm_id.is_empty() { "no `vm_id`".to_owned() } else { format!("the `vm_id` {}", quoted(vm_id)) };
        sink.warning(config.pos_at("vm_config/vm_id"), format!("the {role} has {stated}")).help(format!(
            "write `vm_id: {VM_ID}`: roles of one name share a VM per worker, and all gates their counters"
        ));
    }
}

/// The credentials of all providers that a cluster leads to.
pub fn credentials(fit: &Fit<'_>, cluster: &Cluster<'_>, reach: &Reach<'_>, models: &[Asked<'_>], sink: &mut Sink) {
    let Some(role) = cluster.provider_role() else { return };
    for filter in &cluster.filters {
        if matches!(filter.role, Role::Injector(header) if header.eq_ignore_ascii_case("authorization")) {
            sink.warning(filter.pos, "the injector writes `authorization` itself, whichever provider the attempt is at")
                .help("let it write `x-keyward-credential-<provider>`: the provider role puts it where that provider wants it");
        }
    }
    let providers = reach.providers();
    let known = fit.policy.providers.iter().filter(|provider| providers.contains(provider.name.as_str()));
    let signing_filter = cluster.filter(|role| matches!(role, Role::Signing));
    for provider in known.filter(|provider| models.iter().any(|model| model.targets(&provider.name))) {
        if let (Some((_, filter)), true) = (signing_filter, provider.api.dialect().credential() != Credential::None) {
            let (cluster_name, name) = (quoted(cluster.name), quoted(&provider.name));
            sink.error(filter.pos, format!("cluster {cluster_name} signs what goes to provider {name} for AWS"))
                .related(cluster.pos, "the cluster")
                .help("take the provider or Bedrock out of the cluster: every attempt there would be signed, in the place of the provider's own credential");
        }
        match provider.api.dialect().credential() {
            Credential::None => signing(cluster, provider, role, sink),
            Credential::Bearer | Credential::Header(_) => injector(fit, cluster, reach, provider, role, sink),
        }
    }
}

fn injector(
    fit: &Fit<'_>,
    cluster: &Cluster<'_>,
    reach: &Reach<'_>,
    provider: &Provider,
    role: usize,
    sink: &mut Sink,
) {
    let header = format!("x-keyward-credential-{}", provider.name);
    match cluster.injector_for(&provider.name) {
        Some((place, filter)) if place > role => {
            sink.error(
                filter.pos,
                format!(
                    "in cluster {} the injector of `{header}` stands behind the provider role",
                    quoted(cluster.name)
                ),
            )
            .related(cluster.pos, "the cluster")
            .help("put it before: behind it the header itself goes to the provider, and to any other of the cluster");
        }
        Some(_) => {}
        None if wants_credential(fit, reach, provider) => {
            let (cluster_name, name) = (quoted(cluster.name), quoted(&provider.name));
            let finding =
                sink.warning(cluster.pos, format!("cluster {cluster_name} calls provider {name} without a credential"));
            finding.help(format!("add a credential injector that writes `{header}`, before the provider role"));
        }
        None => {}
    }
}

/// A provider of one's own may ask for no credential. It is not on the internet then, and no other cluster has one for it.
fn wants_credential(fit: &Fit<'_>, reach: &Reach<'_>, provider: &Provider) -> bool {
    let elsewhere = fit.clusters.values().any(|cluster| cluster.injector_for(&provider.name).is_some());
    let of_provider = |cluster: &Cluster<'_>| {
        cluster.endpoints.iter().any(|endpoint| endpoint.provider.is_some_and(|(name, _)| name == provider.name))
    };
    elsewhere || reach.clusters.iter().any(|cluster| cluster.tls && of_provider(cluster))
}

fn signing(cluster: &Cluster<'_>, provider: &Provider, role: usize, sink: &mut Sink) {
    let name = quoted(&provider.name);
    match cluster.filter(|role| matches!(role, Role::Signing)) {
        None => {
            sink.warning(
                cluster.pos,
                format!("cluster {} does not sign the requests for provider {name}", quoted(cluster.name)),
            )
            .help("add the filter `envoy.filters.http.aws_request_signing` behind the provider role");
        }
        Some((place, filter)) if place < role => {
            sink.error(
                filter.pos,
                format!("cluster {} signs requests before the provider role has written them", quoted(cluster.name)),
            )
            .related(cluster.pos, "the cluster")
            .help("put `aws_request_signing` behind the provider role: no signature is valid otherwise");
        }
        Some(_) => {}
    }
}

/// Room for the bodies that the provider role writes anew. Not an error: Envoy 1.40 goes by the route's limit alone.
pub fn buffer(fit: &Fit<'_>, cluster: &Cluster<'_>, sink: &mut Sink) {
    let (limit, pos) = cluster.buffer;
    let limit = limit.unwrap_or(DEFAULT_BUFFER);
    if limit < fit.buffer {
        let (name, limit, body) = (quoted(cluster.name), bytes(limit), bytes(fit.largest_body));
        sink.warning(
            pos,
            format!("the buffer of cluster {name} is {limit}, and the policy lets bodies of {body} pass"),
        )
        .help(format!(
            "`per_connection_buffer_limit_bytes: {}`: the body, and the 1 MiB that Envoy reads at once",
            fit.buffer
        ));
    }
}
