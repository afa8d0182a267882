//! TLS between Envoys and the store, by the cluster's transport socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::catalog::policy;
use crate::support::config::STORE;
use crate::support::envoy::Envoy;
use crate::support::fleet::Fleet;
use crate::support::store::Store;
use crate::support::tls::Certificate;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));
static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Certificate::create(FOLDER.path()));

fn tls(context: &str, common: Value) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{context}");
    json!({ "name": "tls", "typed_config": { "@type": kind, "common_tls_context": common } })
}

/// Speaks TLS and hands on what it says to a store in the clear.
fn terminator(folder: &Path, store: SocketAddr) -> Envoy {
    let address = |ip: String, port: u16| json!({ "socket_address": { "address": ip, "port_value": port } });
    let here = address("127.0.0.1".into(), 0);
    let chain = json!({ "certificate_chain": { "filename": CERTIFICATE.chain },
        "private_key": { "filename": CERTIFICATE.key } });
    let proxy = json!({ "name": "tcp", "typed_config": { "stat_prefix": "tcp", "cluster": "clear",
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy" } });
    let endpoint = json!({ "endpoint": { "address": address(store.ip().to_string(), store.port()) } });
    let config = json!({
        "admin": { "address": here },
        "static_resources": {
            "listeners": [{ "name": "tls", "address": here, "filter_chains": [{
                "transport_socket": tls("DownstreamTlsContext", json!({ "tls_certificates": [chain] })),
                "filters": [proxy] }] }],
            "clusters": [{ "name": "clear", "type": "STATIC", "load_assignment": {
                "cluster_name": "clear", "endpoints": [{ "lb_endpoints": [endpoint] }] } }],
        },
    });
    Envoy::start(folder, &config, 1).expect("Envoy starts")
}

fn speak_tls(config: &mut Value) {
    let clusters = config["static_resources"]["clusters"].as_array_mut().into_iter().flatten();
    for cluster in clusters.filter(|cluster| cluster["name"] == STORE) {
        let validation = json!({ "trusted_ca": { "filename": CERTIFICATE.issuer } });
        cluster["transport_socket"] = tls("UpstreamTlsContext", json!({ "validation_context": validation }));
    }
}

fn fleet(timeout: &str) -> (TempDir, Envoy, Fleet) {
    let (folder, store) = (tempfile::tempdir().expect("a temporary folder"), Store::start());
    let terminator = terminator(folder.path(), store.address());
    let limited = "keys: [{ id: k, hash: <k>, models: [all], limits: [{ requests: 20, per: day }] }]";
    let policy = policy(&format!("store: {{ cluster: {STORE}, timeout: {timeout} }}\n{limited}"));
    let fleet = Fleet::start_before(store, terminator.listener("tls"), speak_tls, 2, &policy);
    (folder, terminator, fleet)
}

#[test]
fn two_envoys_admit_exactly_twenty_over_tls() {
    let (_folder, _terminator, fleet) = fleet("5s");
    let statuses = (0..30).map(|call| fleet.gateway(call % 2).chat("k", "gpt-4o").status);
    let admitted = statuses.filter(|status| *status == 200).count();
    assert_eq!(admitted, 20);
}
