//! What the other tests stand on holds by itself.

use crate::support::{config, envoy::Envoy, http, policy, provider::Providers};

#[test]
fn the_shipped_configuration_starts_with_every_provider_replaced_and_sends_nothing_without_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let providers = Providers::default();
    let mut config = config::shipped(folder.path(), |name| providers.address(name));
    // Without the gate anybody can name a cluster; but no plan comes with the request, so no attempt is made.
    let manager = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"].as_array_mut().unwrap().retain(|filter| filter["name"] != "gate");
    let envoy = Envoy::start(folder.path(), &config, 2).unwrap_or_else(|log| panic!("{log}"));
    let clusters = config["static_resources"]["clusters"].as_array().unwrap();
    for cluster in clusters.iter().filter_map(|cluster| cluster["name"].as_str()) {
        let headers = [("x-keyward-cluster", cluster), ("x-scenario", cluster)];
        let request = http::request("POST", "/v1/chat/completions", &headers, br#"{"model":"m","messages":[]}"#);
        let answer = http::exchange(envoy.listener("gateway"), &request).unwrap();
        let code = &answer.json()["error"]["code"];
        assert_eq!((answer.status, code), (500, &"provider_unavailable".into()), "{cluster}: {}", answer.text());
        assert!(providers.received(cluster).is_empty(), "{cluster} was reached");
    }
    assert!(clusters.len() > 8 && envoy.cpu_us() > 0 && envoy.memory_kib() > 0);
}

#[test]
fn names_in_angle_brackets_become_hashes_of_keys() {
    let text = policy::with_hashes("keys: [{ id: a, hash: <ann> }]");
    assert!(text.contains(&policy::hash(&policy::key("ann"))) && !text.contains('<'), "{text}");
}
