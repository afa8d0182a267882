//! The Envoys that are compared.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load;
use crate::support::envoy::Envoy;
use crate::support::{build, config, http, policy};

/// One of the compared.
#[derive(Debug)]
pub struct Variant {
    /// Its process.
    pub envoy: Envoy,
    /// Where it listens.
    pub address: SocketAddr,
    folder: TempDir,
}

impl Variant {
    /// (a): no filter of ours, no access log, a direct route.
    pub fn bare(provider: SocketAddr) -> Self {
        Self::start(|folder| direct(config::shipped(folder, |_| provider), None))
    }

    /// (b): as (a), with the filter that only holds.
    pub fn holding(provider: SocketAddr) -> Self {
        build::cargo(
            &build::root().join("benches/hold"),
            &["build", "--release", "--locked", "--target", "wasm32-wasip1"],
        );
        let module = build::target_dir().join("wasm32-wasip1/release/hold.wasm");
        Self::start(|folder| direct(config::shipped(folder, |_| provider), Some(hold(&module))))
    }

    /// (c): the shipped configuration with a policy of that many keys, without the provider role.
    pub fn gate(provider: SocketAddr, keys: usize) -> Self {
        Self::start(|folder| {
            bundle(&folder.join("gate.json"), keys, "", "openai");
            without_provider_role(config::shipped(folder, |_| provider))
        })
    }

    /// (d): the shipped configuration with a policy of that many keys, its provider speaking `api`.
    pub fn whole(provider: SocketAddr, keys: usize, api: &str) -> Self {
        Self::start(|folder| {
            bundle(&folder.join("gate.json"), keys, "", api);
            config::shipped(folder, |_| provider)
        })
    }

    /// As (c), with a store that keeps the limits. `close`: each key may make so few requests that all are near its limit.
    pub fn fleet(provider: SocketAddr, store: SocketAddr, keys: usize, close: bool) -> Self {
        Self::start(|folder| {
            let mut text = policy_of(keys, "", "openai");
            text.push_str("store: { cluster: redis-http, timeout: 2s }\n");
            if close {
                text = text.replace("{ usd: 100000, per: month }", "{ requests: 8, per: day }");
            }
            write(&text, &folder.join("gate.json"));
            without_provider_role(config::shipped(folder, |name| if name == config::STORE { store } else { provider }))
        })
    }

    /// How often it called the store.
    pub fn callouts(&self) -> u64 {
        let stats = http::get(self.envoy.admin(), "/stats?filter=redis-http.upstream_rq_total").expect("Envoy answers");
        stats.text().trim().rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
    }

    fn start(configure: impl FnOnce(&std::path::Path) -> Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configure(folder.path());
        let envoy = Envoy::start(folder.path(), &config, 1).unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"));
        let address = envoy.listener("gateway");
        Self { envoy, address, folder }
    }

    /// Where its bundle is, if it has one.
    pub fn bundle(&self) -> PathBuf {
        self.folder.path().join("gate.json")
    }
}

/// A bundle with `keys` keys and limits of every kind at every level, none of which is ever reached. `note` makes it differ.
pub fn bundle(path: &std::path::Path, keys: usize, note: &str, api: &str) {
    write(&policy_of(keys, note, api), path);
}

fn policy_of(keys: usize, note: &str, api: &str) -> String {
    let mut policy = POLICY.replace("api: openai", &format!("api: {api}"));
    policy.push_str(&format!("teams:\n  note{note}: {{}}\n"));
    for team in 0..10 {
        policy.push_str(&format!("  team{team}: {{ org: acme, tier: standard, limits: [ {{ usd: 1000000, per: month }}, {{ requests: 900000000, per: day }}, {{ concurrency: 100000 }} ] }}\n"));
    }
    policy.push_str("keys:\n");
    for (number, key) in load::keys(keys).iter().enumerate() {
        policy.push_str(&format!(
            "  - {{ id: {key}, hash: <{key}>, team: team{}, limits: [ {{ usd: 100000, per: month }} ] }}\n",
            number % 10
        ));
    }
    policy
}

fn write(policy: &str, path: &std::path::Path) {
    policy::bundle(policy, build::wasm(), path).unwrap_or_else(|error| panic!("the policy has problems:\n{error}"));
}

const POLICY: &str = r"
version: 1
providers: { local: { api: openai } }
models:
  gpt:
    cluster: local
    groups: [frontier]
    max_output_tokens: 1000
    targets: [ { provider: local, model: gpt-4o-2024-08-06, price: { input: 2.50, cached_input: 1.25, output: 10 } } ]
tiers:
  standard:
    models: [frontier]
    limits: [ { requests: 100000000, per: minute }, { tokens: 1000000000000, per: minute } ]
orgs: { acme: { limits: [ { requests: 100000000, per: hour } ] } }
";

fn without_provider_role(mut config: Value) -> Value {
    for cluster in config["static_resources"]["clusters"].as_array_mut().into_iter().flatten() {
        cluster.as_object_mut().expect("a cluster").remove("typed_extension_protocol_options");
    }
    config
}

fn direct(config: Value, filter: Option<Value>) -> Value {
    let mut config = without_provider_role(config);
    let manager = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let fields = manager.as_object_mut().expect("the gateway's connection manager");
    fields.remove("access_log");
    let filters = fields["http_filters"].as_array_mut().expect("filters");
    filters.retain(|other| other["name"] != "gate");
    filters.splice(0..0, filter);
    fields["route_config"]["virtual_hosts"] = json!([{ "name": "all", "domains": ["*"], "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "local", "timeout": "600s" } }] }]);
    config
}

fn hold(module: &std::path::Path) -> Value {
    fs::metadata(module).expect("the filter that holds was built");
    json!({ "name": "hold", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "hold", "allow_on_headers_stop_iteration": true,
            "vm_config": { "vm_id": "hold", "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": module } } },
        },
    }})
}
