//! What the other tests stand on holds by itself.

use crate::support::{config, envoy::Envoy, http, policy, provider::Provider};

#[test]
fn the_shipped_configuration_starts_and_sends_nothing_without_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    let mut config = config::shipped(folder.path(), provider.address());
    // The gate itself is another test's business: here the router stands alone, and the caller names the cluster.
    let manager = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"].as_array_mut().unwrap().retain(|filter| filter["name"] != "gate");
    let envoy = Envoy::start(folder.path(), &config, 2).unwrap_or_else(|log| panic!("{log}"));
    for cluster in ["openai", "anthropic", "local", "demo"] {
        let headers = [("x-keyward-cluster", cluster), ("x-scenario", cluster)];
        let request = http::request("POST", "/v1/chat/completions", &headers, br#"{"model":"m","messages":[]}"#);
        let answer = http::exchange(envoy.listener("gateway"), &request).unwrap();
        // Nothing goes out without a plan of the gate's.
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (500, &"provider_unavailable".into()),
            "{cluster}: {}",
            answer.text()
        );
        assert_eq!(provider.received(cluster).len(), 0);
    }
    assert!(envoy.cpu_us() > 0 && envoy.memory_kib() > 0);
}

#[test]
fn names_in_angle_brackets_become_hashes_of_keys() {
    let text = policy::with_hashes("keys: [{ id: a, hash: <ann> }]");
    assert!(text.contains(&policy::hash(&policy::key("ann"))) && !text.contains('<'), "{text}");
}
