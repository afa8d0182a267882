//! What a configuration says of its clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Ask, short};
use crate::policy::file::node::{Node, Pos};

/// Where the upstream filters of a cluster stand.
const OPTIONS: &str = "typed_extension_protocol_options";
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// Before the provider's name in a header that a credential injector writes.
const CREDENTIAL: &str = "x-keyward-credential-";
/// The type of wasm filters.
pub const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A cluster.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it begins.
    pub pos: Pos,
    /// The clusters it is made of, in their order, if it is an aggregate.
    pub members: Option<Vec<(&'a str, Pos)>>,
    /// Its own endpoints.
    pub endpoints: Vec<Endpoint<'a>>,
    /// Whether other endpoints than those may come, and from where.
    pub discovered: Option<&'static str>,
    /// Whether it has endpoints of several priorities.
    pub has_priorities: bool,
    /// Whether its endpoints are reached by TLS.
    pub tls: bool,
    /// `per_connection_buffer_limit_bytes`, and where it is written (or the cluster, where it is not).
    pub buffer: (Option<u64>, Pos),
    /// Its upstream filters, in their order.
    pub filters: Vec<Filter<'a>>,
}

/// An endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// Where it begins.
    pub pos: Pos,
    /// The provider that its metadata names, and where.
    pub provider: Option<(&'a str, Pos)>,
}

/// An upstream filter.
#[derive(Debug)]
pub struct Filter<'a> {
    /// Where it begins.
    pub pos: Pos,
    /// What it is for.
    pub role: Role<'a>,
}

/// What an upstream filter is for.
#[derive(Debug)]
pub enum Role<'a> {
    /// Keyward's provider role: the wasm filter's `config`.
    Provider(&'a Node),
    /// A credential injector, by the header it writes.
    Injector(&'a str),
    /// Signs requests for AWS.
    Signing,
    /// The end of the chain.
    Codec,
    /// Comes by discovery: what it is does not stand here.
    Discovered,
    /// None of this.
    Other,
}

/// All clusters, by name.
pub type Clusters<'a> = BTreeMap<&'a str, Cluster<'a>>;

/// Reads the clusters of a bootstrap.
pub fn clusters(bootstrap: &Node) -> Clusters<'_> {
    let nodes = bootstrap.list("static_resources/clusters").iter();
    nodes.filter_map(|node| Some((node.text_at("name")?, Cluster::read(node)?))).collect()
}

impl<'a> Cluster<'a> {
    fn read(node: &'a Node) -> Option<Self> {
        let groups = node.list("load_assignment/endpoints");
        let endpoints: Vec<_> =
            groups.iter().flat_map(|group| group.list("lb_endpoints")).map(Endpoint::read).collect();
        let priorities: BTreeSet<u64> =
            groups.iter().map(|group| group.number_at("priority").unwrap_or_default()).collect();
        let members = node
            .at("cluster_type/typed_config")
            .filter(|config| config.text_at("@type").is_some_and(|named| short(named).contains("clusters.aggregate.")));
        let members = members.map(|config| {
            config.list("clusters").iter().filter_map(|member| Some((member.text()?, member.pos))).collect()
        });
        let discovered = if node.text_at("type") == Some("EDS") {
            Some("by EDS")
        } else if members.is_none() && endpoints.is_empty() && node.at("cluster_type").is_some() {
            Some("from its cluster type")
        } else if groups.iter().any(|group| group.at("leds_cluster_locality_config").is_some()) {
            Some("by LEDS")
        } else {
            None
        };
        let filters = node.at(OPTIONS).and_then(|all| all.at(HTTP_OPTIONS)).map(|options| options.list("http_filters"));
        Some(Self {
            name: node.text_at("name")?,
            pos: node.pos,
            members,
            endpoints,
            discovered,
            has_priorities: priorities.len() > 1,
            tls: node.at("transport_socket").is_some() || !node.list("transport_socket_matches").is_empty(),
            buffer: (
                node.number_at("per_connection_buffer_limit_bytes"),
                node.pos_at("per_connection_buffer_limit_bytes"),
            ),
            filters: filters.unwrap_or_default().iter().map(Filter::read).collect(),
        })
    }

    /// Where the first filter of a role stands in the chain, and which it is.
    pub fn filter(&self, role: impl Fn(&Role<'a>) -> bool) -> Option<(usize, &Filter<'a>)> {
        self.filters.iter().enumerate().find(|(_, filter)| role(&filter.role))
    }

    /// Where the provider role stands in the chain.
    pub fn provider_role(&self) -> Option<usize> {
        self.filter(|role| matches!(role, Role::Provider(_))).map(|(place, _)| place)
    }

    /// The injector that writes the credential of a provider, and where it stands in the chain.
    pub fn injector_for(&self, provider: &str) -> Option<(usize, &Filter<'a>)> {
        let names = |header: &str| {
            let named = header.get(CREDENTIAL.len()..).is_some_and(|name| name.eq_ignore_ascii_case(provider));
            named && header.get(..CREDENTIAL.len()).is_some_and(|start| start.eq_ignore_ascii_case(CREDENTIAL))
        };
        self.filter(|role| matches!(role, Role::Injector(header) if names(header)))
    }
}

impl<'a> Endpoint<'a> {
    fn read(node: &'a Node) -> Self {
        let provider = node.at("metadata/filter_metadata/keyward/provider");
        Self { pos: node.pos, provider: provider.and_then(|node| Some((node.text()?, node.pos))) }
    }
}

impl<'a> Filter<'a> {
    fn read(node: &'a Node) -> Self {
        Self { pos: node.pos, role: Role::read(node) }
    }
}

impl<'a> Role<'a> {
    fn read(node: &'a Node) -> Self {
        if node.at("config_discovery").is_some() {
            return Self::Discovered;
        }
        let Some((config, named)) = node.typed_config() else { return Self::Other };
        match named {
            WASM if config.text_at("config/root_id") == Some("provider") => {
                config.at("config").map_or(Self::Other, Self::Provider)
            }
            "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector" => {
                // What injects no header of its choice writes `authorization`, as this one does by default.
                let header = config.at("credential").and_then(|kind| kind.typed_config()?.0.text_at("header"));
                Self::Injector(header.unwrap_or("authorization"))
            }
            "envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning" => Self::Signing,
            "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec" => Self::Codec,
            _ => Self::Other,
        }
    }
}
