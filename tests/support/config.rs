//! Makes a test's configuration out of the gateway that people run, `envoy/envoy.yaml`: what is tested is what is shipped.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::build;

/// How a cluster speaks, and its own filters.
pub const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The providers whose credentials come from files, see [`secret`].
const WITH_CREDENTIAL: [&str; 5] = ["openai", "anthropic", "gemini", "openrouter", "azure"];

/// The cluster of the store: the one whose endpoint is no provider.
pub const STORE: &str = "redis-http";

/// The credential that stands for a provider's own; it must reach that provider and nobody else.
pub fn credential(provider: &str) -> String {
    format!("credential-of-{provider}")
}

/// The shipped configuration with every port picked by the system, every provider replaced by a fake one (without TLS) at
/// the address that belongs to its name, the store ([`STORE`]) likewise, and `.keyward/` replaced by `folder`.
pub fn shipped(folder: &Path, provider: impl Fn(&str) -> SocketAddr) -> Value {
    for name in WITH_CREDENTIAL {
        secret(folder, name, &credential(name));
    }
    std::fs::copy(build::wasm(), folder.join("keyward.wasm")).expect("the filter was built");
    let text = std::fs::read_to_string(build::root().join("envoy/envoy.yaml")).expect("the gateway's configuration");
    let mut config: Value = serde_saphyr::from_str(&text).expect("envoy.yaml is YAML");
    let folder = folder.to_str().expect("a path in UTF-8");
    relocate(&mut config, folder, build::root().to_str().expect("a path in UTF-8"));
    config["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    for listener in config["static_resources"]["listeners"].as_array_mut().into_iter().flatten() {
        listener["address"]["socket_address"]["port_value"] = json!(0);
    }
    for cluster in config["static_resources"]["clusters"].as_array_mut().into_iter().flatten() {
        if cluster.get("load_assignment").is_some() {
            point(cluster, &provider);
        }
    }
    config
}

/// Puts a provider's credential in place, as `envoy/envoy.yaml` names it and as a person would: by renaming.
pub fn secret(folder: &Path, name: &str, value: &str) {
    std::fs::create_dir_all(folder.join("secrets")).expect("the folder can be written to");
    let secret = json!({ "resources": [{
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": name, "generic_secret": { "secret": { "inline_string": value } } }] });
    let beside = folder.join(format!("secrets/{name}.new"));
    std::fs::write(&beside, secret.to_string()).expect("the folder can be written to");
    std::fs::rename(beside, folder.join(format!("secrets/{name}.yaml"))).expect("a rename within a folder");
}

/// Paths below `.keyward` lie in the test's folder, those below `envoy/` in the repository.
fn relocate(value: &mut Value, folder: &str, root: &str) {
    match value {
        Value::String(text) if text == ".keyward" => folder.clone_into(text),
        Value::String(text) if text.starts_with(".keyward/") => *text = text.replacen(".keyward", folder, 1),
        Value::String(text) if text.starts_with("envoy/demo/") => *text = format!("{root}/{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, folder, root)),
        Value::Object(fields) => fields.values_mut().for_each(|field| relocate(field, folder, root)),
        _ => {}
    }
}

/// Replaces the addresses of a cluster's endpoints and speaks plain HTTP/1.1 to them.
fn point(cluster: &mut Value, provider: impl Fn(&str) -> SocketAddr) {
    let is_store = cluster["name"] == STORE;
    for group in cluster["load_assignment"]["endpoints"].as_array_mut().into_iter().flatten() {
        for endpoint in group["lb_endpoints"].as_array_mut().into_iter().flatten() {
            let name = &endpoint["metadata"]["filter_metadata"]["keyward"]["provider"];
            let name = if is_store { Some(STORE) } else { name.as_str() };
            let provider = provider(name.expect("an endpoint says which provider it is"));
            let address = json!({ "address": provider.ip().to_string(), "port_value": provider.port() });
            endpoint["endpoint"]["address"] = json!({ "socket_address": address });
        }
    }
    let fields = cluster.as_object_mut().expect("a cluster is a mapping");
    for remote in ["transport_socket", "dns_lookup_family", "wait_for_warm_on_init"] {
        fields.remove(remote);
    }
    cluster["type"] = json!("STATIC");
    // A test opens as many requests at once as it likes.
    let many =
        json!({ "max_connections": 20000, "max_pending_requests": 20000, "max_requests": 20000, "max_retries": 100 });
    cluster["circuit_breakers"] = json!({ "thresholds": [many] });
    let options = cluster.get_mut("typed_extension_protocol_options").and_then(|all| all.get_mut(HTTP_OPTIONS));
    if let Some(options) = options.and_then(Value::as_object_mut) {
        options.remove("auto_config");
        options.insert("explicit_http_config".into(), json!({ "http_protocol_options": {} }));
    }
}
