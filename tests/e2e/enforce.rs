//! An Envoy that cannot enforce lets nothing through.

use std::time::Duration;

use serde_json::Value;

use crate::catalog::policy;
use crate::support::gateway::Gateway;

const POLICY: &str = "teams: { t: {} }\nkeys: [ { id: a, hash: <a>, team: t } ]";

/// Without the flag Envoy behaves as every version before 1.35 does.
fn forget_the_flag(bundle: &mut Value) {
    match bundle {
        Value::Object(fields) => {
            fields.remove("allow_on_headers_stop_iteration");
            fields.values_mut().for_each(forget_the_flag);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_the_flag),
        _ => {}
    }
}

#[test]
fn without_the_flag_no_request_gets_through() {
    let gateway = match Gateway::start_edited(&policy(POLICY), 2, forget_the_flag) {
        Ok(gateway) => gateway,
        Err(log) => {
            assert!(log.contains("keyward"), "it says why: {log}");
            return;
        }
    };
    for (key, model) in [("a", "gpt-4o"), ("a", "nope"), ("nobody", "gpt-4o"), ("", "gpt-4o")] {
        let received = gateway.call(key).chat(model).send_and_linger(Duration::from_millis(500));
        assert!(received.is_empty(), "{key} {model} got through");
        // Also when the caller names the cluster.
        let received = gateway
            .call(key)
            .header("x-keyward-cluster", "openai")
            .chat(model)
            .send_and_linger(Duration::from_millis(500));
        assert!(received.is_empty(), "{key} {model} got through");
    }
}

#[test]
fn without_a_policy_that_loads_no_request_gets_through() {
    let break_it = |bundle: &mut Value| {
        let plugin = &mut bundle["resources"][0]["typed_config"]["config"];
        assert!(plugin["configuration"]["value"].is_string(), "{plugin}");
        plugin["configuration"]["value"] = "bm90IGEgYnVuZGxl".into();
    };
    // Envoy either does not start, or refuses every request.
    let Ok(gateway) = Gateway::start_edited(&policy(POLICY), 2, break_it) else { return };
    for _ in 0..20 {
        let received = gateway
            .call("a")
            .header("x-keyward-cluster", "openai")
            .chat("gpt-4o")
            .send_and_linger(Duration::from_millis(50));
        assert!(received.is_empty());
    }
}
