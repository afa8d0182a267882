//! What a configuration says of the way of requests: connection managers, the gate in them, their routes.

use super::cluster::WASM;
use super::tree::{Ask, short};
use crate::policy::file::node::{Node, Pos};

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
/// The header by which the gate tells the router its cluster.
pub const CLUSTER_HEADER: &str = "x-keyward-cluster";
/// What Envoy holds of a body unless told otherwise.
pub const DEFAULT_BUFFER: u64 = 1 << 20;

/// A connection manager.
#[derive(Debug)]
pub struct Manager<'a> {
    /// Where its filters begin.
    pub pos: Pos,
    /// The gate, if it is there.
    pub gate: Option<Gate<'a>>,
    /// A wasm filter that comes by discovery under another name than the gate's, and where it is written.
    pub other: Option<(&'a str, Pos)>,
    /// What says that routes come from elsewhere, or stand in a tree that is not followed.
    pub routes_elsewhere: Option<Pos>,
    /// Its routes that lead to clusters.
    pub routes: Vec<Route<'a>>,
}

/// The gate.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// Where it begins.
    pub pos: Pos,
    /// The filter's name.
    pub name: &'a str,
    /// The wasm filter's `config`, unless it comes by discovery.
    pub inline: Option<&'a Node>,
}

/// A route that leads to a cluster.
#[derive(Debug)]
pub struct Route<'a> {
    /// Where it begins.
    pub pos: Pos,
    /// Whether the gate's header names its cluster.
    pub by_gate: bool,
    /// Filters that the route turns off.
    pub disabled: Vec<&'a str>,
    /// Whether the gate's header is taken off before the request leaves.
    pub removes_header: bool,
    /// Whether answers tell the number of attempts.
    pub tells_attempts: bool,
    /// Where its virtual host begins.
    pub host: Pos,
    /// The most Envoy holds of a body, and where that is said (or where it could be).
    pub buffer: (u64, Pos),
    /// Its retry policy.
    pub retry: Option<&'a Node>,
}

/// All connection managers. `gate` is the name by which the gate is discovered.
pub fn managers<'a>(bootstrap: &'a Node, gate: &str) -> Vec<Manager<'a>> {
    let mut managers = vec![];
    for listener in bootstrap.list("static_resources/listeners") {
        let chains = listener.list("filter_chains").iter().chain(listener.at("default_filter_chain"));
        for filter in chains.flat_map(|chain| chain.list("filters")) {
            if let Some((config, MANAGER)) = filter.typed_config() {
                managers.push(Manager::read(config, listener, gate));
            }
        }
    }
    managers
}

impl<'a> Manager<'a> {
    fn read(config: &'a Node, listener: &'a Node, gate: &str) -> Self {
        let filters = config.list("http_filters");
        let table = config.at("route_config");
        let elsewhere = ["rds", "scoped_routes"].iter().find_map(|field| config.at(field));
        Self {
            pos: config.pos_at("http_filters"),
            gate: filters.iter().find_map(|filter| Gate::read(filter, gate)),
            other: filters
                .iter()
                .filter(|filter| is_discovered_wasm(filter))
                .find_map(|filter| Some((filter.text_at("name").filter(|name| *name != gate)?, filter.pos))),
            routes_elsewhere: elsewhere.or_else(|| unlisted(table?)).map(|node| node.pos),
            routes: table.map(|table| routes(table, listener)).unwrap_or_default(),
        }
    }

    /// Whether the gate, and nothing else, names the cluster of any of its routes.
    pub fn is_routed_by_gate(&self) -> bool {
        self.routes.iter().any(|route| route.by_gate)
    }
}

impl<'a> Gate<'a> {
    fn read(filter: &'a Node, gate: &str) -> Option<Self> {
        let name = filter.text_at("name").unwrap_or_default();
        if is_discovered_wasm(filter) {
            return (name == gate).then_some(Self { pos: filter.pos, name, inline: None });
        }
        let (config, WASM) = filter.typed_config()? else { return None };
        let inline = config.at("config").filter(|config| config.text_at("root_id") == Some("gate"))?;
        Some(Self { pos: filter.pos, name, inline: Some(inline) })
    }
}

fn is_discovered_wasm(filter: &Node) -> bool {
    let types = filter.list("config_discovery/type_urls");
    types.iter().filter_map(Ask::text).any(|url| short(url) == WASM)
}

/// What a table has beside routes in lists: virtual hosts by discovery, or trees of routes.
fn unlisted(table: &Node) -> Option<&Node> {
    table.at("vhds").or_else(|| table.list("virtual_hosts").iter().find_map(|host| host.at("matcher")))
}

fn routes<'a>(table: &'a Node, listener: &'a Node) -> Vec<Route<'a>> {
    let mut routes = vec![];
    for host in table.list("virtual_hosts") {
        for node in host.list("routes") {
            if let Some(action) = node.at("route") {
                routes.push(Route::read(node, action, host, table, listener));
            }
        }
    }
    routes
}

impl<'a> Route<'a> {
    fn read(node: &'a Node, action: &'a Node, host: &'a Node, table: &'a Node, listener: &'a Node) -> Self {
        let is_header = |node: &Node| node.text().is_some_and(|text| text.eq_ignore_ascii_case(CLUSTER_HEADER));
        let removed = |level: &Node| level.list("request_headers_to_remove").iter().any(is_header);
        Self {
            pos: node.pos,
            by_gate: action.at("cluster_header").is_some_and(is_header),
            disabled: [node, host, table].into_iter().flat_map(disabled).collect(),
            removes_header: [node, host, table].into_iter().any(removed),
            tells_attempts: host.flag_at("include_attempt_count_in_response"),
            host: host.pos,
            buffer: buffer(node, host, listener),
            retry: action.at("retry_policy").or_else(|| host.at("retry_policy")),
        }
    }
}

/// The narrowest level that says it counts; the listener's is the one that was there before Envoy 1.36.
fn buffer(route: &Node, host: &Node, listener: &Node) -> (u64, Pos) {
    let levels = [
        (route, "request_body_buffer_limit"),
        (host, "request_body_buffer_limit"),
        (listener, "per_connection_buffer_limit_bytes"),
    ];
    let stated = levels.iter().find_map(|(level, field)| Some((level.number_at(field)?, level.pos_at(field))));
    stated.unwrap_or((DEFAULT_BUFFER, host.pos))
}

/// Filters that a route, virtual host or table turns off.
fn disabled(level: &Node) -> Vec<&str> {
    use crate::policy::file::node::Value;
    let Some(Value::Mapping(filters)) = level.at("typed_per_filter_config").map(|all| &all.value) else {
        return vec![];
    };
    filters.iter().filter(|(_, config)| config.flag_at("disabled")).filter_map(|(name, _)| name.text()).collect()
}
