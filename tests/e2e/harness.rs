//! What the other tests stand on holds by itself.

use std::time::{Duration, Instant};

use crate::catalog;
use crate::support::fleet::Fleet;
use crate::support::http::Connection;
use crate::support::store::{Part, Store};
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
    // The store is no provider's: nothing stands before it but the gate.
    for cluster in clusters.iter().filter_map(|cluster| cluster["name"].as_str()).filter(|name| *name != config::STORE)
    {
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

#[test]
fn the_store_survives_being_stopped_and_killed_with_what_it_held() {
    let store = Store::start();
    assert_eq!(store.command(&["HINCRBY", "kw:a", "x\u{1f}y/z", "9007199254740993"]), 9_007_199_254_740_993_u64);
    let held = || store.command(&["HGETALL", "kw:a"]);
    let before = held();
    assert_eq!(before, serde_json::json!({ "x\u{1f}y/z": "9007199254740993" }));
    for part in [Part::Redis, Part::Webdis] {
        let request = http::request("POST", "/", &[], b"PING");
        let mut connection = Connection::open(store.address()).unwrap();
        let mut answers = || {
            connection.send(&request).unwrap();
            connection.response().unwrap().status == 200
        };
        // Webdis finds each of its ways to a Redis that is new by itself.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !(0..20).all(|_| answers()) {
            assert!(Instant::now() < deadline, "{part:?}");
        }
        store.stop(part);
        connection.send(&request).unwrap();
        store.go_on(part);
        assert_eq!(
            connection.response().unwrap().status,
            200,
            "{part:?}: the connection is kept, and the call with it"
        );
        store.kill(part);
        let alone = http::exchange(store.address(), &request);
        assert!(alone.map_or(true, |answer| answer.status == 503), "{part:?} is gone");
        store.restart(part);
        assert_eq!(held(), before, "{part:?}");
    }
}

#[test]
fn a_fleet_serves_and_loses_no_record_of_one_that_was_killed() {
    let mut fleet = Fleet::start(
        2,
        &catalog::policy(
            "store: { cluster: redis-http, on_outage: allow }\nkeys: [{ id: k, hash: <k>, models: [all] }]",
        ),
    );
    let calls = |fleet: &Fleet| {
        for gateway in fleet.gateways() {
            let reply = gateway.chat("k", "gpt-4o");
            assert_eq!(reply.status, 200, "{}", reply.text());
            reply.audit();
        }
    };
    calls(&fleet);
    fleet.kill(0);
    assert!(http::get(fleet.gateway(0).address(), "/").is_err(), "it is dead");
    assert_eq!(fleet.gateway(1).chat("k", "gpt-4o").status, 200);
    fleet.restart(0);
    calls(&fleet);
    fleet.gateway(1).wait("a record is missing", || {
        fleet.audit_records().iter().filter(|record| record["key_id"] == "k").count() == 5
    });
}
