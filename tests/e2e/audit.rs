//! What is recorded: one record per request, allowed or refused, and the metrics.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::catalog::policy;
use crate::support::gateway::Gateway;
use crate::support::policy::key;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { marketing: { org: acme, models: [frontier, small] } }
projects: { ads: { team: marketing } }
users: { jo: {} }
keys:
  - { id: full, hash: <full>, team: marketing, project: ads, user: jo, environment: prod, limits: [ { usd: 100, per: month } ] }
  - { id: capped, hash: <capped>, team: marketing, max_output_tokens: 50, max_request_bytes: 200 }
  - { id: limited, hash: <limited>, team: marketing, limits: [ { requests: 0, per: minute } ] }
",
        ))
    })
}

const FIELDS: [&str; 25] = [
    "time",
    "request_id",
    "key_id",
    "org",
    "team",
    "project",
    "user",
    "environment",
    "end_user",
    "endpoint",
    "model",
    "provider",
    "provider_model",
    "attempts",
    "stream",
    "status",
    "decision",
    "rule",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "estimated",
];

fn complete(record: &Value) {
    for field in FIELDS.iter().chain(&["reserved_usd", "latency_us"]) {
        assert!(record.get(field).is_some(), "{field} is missing: {record}");
    }
    for field in ["auth", "reserve", "upstream", "first_token", "total"] {
        assert!(record["latency_us"].get(field).is_some(), "latency_us.{field} is missing: {record}");
    }
}

#[test]
fn an_allowed_request_is_recorded_in_full() {
    let body = json!({ "model": "chat-default", "messages": [{ "role": "user", "content": "a secret prompt" }], "user": "end-user-7", "max_tokens": 10 });
    let reply = gateway().call("full").json(&body).send();
    let record = reply.audit();
    complete(&record);
    let expected = json!({
        "key_id": "full", "org": "acme", "team": "marketing", "project": "ads", "user": "jo", "environment": "prod", "end_user": "end-user-7",
        "endpoint": "chat", "model": "chat-default", "provider": "openai", "provider_model": "gpt-4o-2024-08-06", "attempts": 1, "stream": false,
        "status": 200, "decision": "allowed", "input_tokens": 12, "cached_tokens": 0, "cache_write_tokens": 0, "output_tokens": 21,
        "reasoning_tokens": 0, "cost_usd": "0.00024", "estimated": false,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{field}: {record}");
    }
    assert!(record["time"].as_str().unwrap().ends_with('Z') && record["latency_us"]["total"].as_u64().unwrap() > 0);
    assert_ne!(record["reserved_usd"], "0");
}

#[test]
fn refused_requests_are_recorded_with_what_decided() {
    let cases = [
        ("full", "llama", "model_not_allowed", Some("team marketing: not granted")),
        ("full", "nope", "model_not_found", None),
        ("limited", "gpt-4o", "rate_limit_exceeded", Some("key limited: 0 requests per minute")),
    ];
    for (key, model, decision, rule) in cases {
        let record = gateway().chat(key, model).audit();
        complete(&record);
        assert_eq!(
            (&record["decision"], &record["key_id"], &record["model"]),
            (&json!(decision), &json!(key), &json!(model)),
            "{record}"
        );
        assert_eq!((&record["cost_usd"], &record["provider"]), (&json!("0"), &Value::Null));
        assert_eq!(record["rule"].as_str(), rule, "{record}");
    }
}

#[test]
fn a_request_above_a_cap_is_recorded_with_the_cap() {
    let asks = |key: &str, more: &Value| {
        let mut body = json!({ "model": "chat-default", "messages": [] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = gateway().call(key).json(&body).send();
        (reply.status, reply.audit()["rule"].clone())
    };
    assert_eq!(asks("capped", &json!({ "max_tokens": 50 })), (200, Value::Null));
    assert_eq!(asks("capped", &json!({ "max_tokens": 51 })), (400, json!("key capped: max_output_tokens 50")));
    assert_eq!(asks("full", &json!({ "max_tokens": 1001 })), (400, json!("model gpt-4o: max_output_tokens 1000")));
    assert_eq!(asks("capped", &json!({ "x": "x".repeat(200) })), (413, json!("key capped: max_request_bytes 200")));
}

#[test]
fn a_request_without_a_key_is_recorded() {
    let count = || gateway().audit_records().iter().filter(|record| record["decision"] == "invalid_api_key").count();
    let before = count();
    gateway().chat("nobody", "gpt-4o");
    gateway().wait("no record", || count() > before);
    let record = gateway().audit_records().into_iter().rfind(|record| record["decision"] == "invalid_api_key").unwrap();
    complete(&record);
    assert_eq!((&record["key_id"], &record["team"], &record["status"]), (&Value::Null, &Value::Null, &json!(401)));
}

#[test]
fn neither_prompt_nor_key_is_ever_written_down() {
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "PROMPT-CANARY" }] });
    for name in ["full", "nobody"] {
        gateway().call(name).json(&body).send();
        gateway().call(name).body("{\"model\":\"PROMPT-CANARY").send();
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let written = format!("{:?}{}", gateway().audit_records(), gateway().envoy().log());
    assert!(!written.contains("PROMPT-CANARY") && !written.contains(&key("full")) && !written.contains(&key("nobody")));
}

#[test]
fn metrics_count_by_names_of_the_policy_only() {
    let labels = [("team", "marketing"), ("model", "gpt-4o-mini"), ("decision", "allowed")];
    let requests = || gateway().metric("keyward_requests_total", &labels);
    let before = requests();
    for _ in 0..3 {
        gateway().chat("full", "gpt-4o-mini");
    }
    gateway().wait("requests are not counted", || requests() == before + 3);
    let tokens = |kind| {
        gateway().metric("keyward_tokens_total", &[("team", "marketing"), ("model", "gpt-4o-mini"), ("kind", kind)])
    };
    assert_eq!((tokens("input"), tokens("output")), ((before + 3) * 12, (before + 3) * 21));
    // 12 × 0.15 + 21 × 0.60 millionths of a dollar.
    assert_eq!(gateway().metric("keyward_cost_nano_usd_total", &labels[..2]), (before + 3) * 14_400);
    // Envoy merges histograms every few seconds.
    gateway()
        .wait("the filter's own time is not measured", || gateway().metric("keyward_filter_time_us_count", &[]) > 0);
    assert!(gateway().metric("keyward_policy_in_force", &[]) >= 1);

    gateway().chat("full", "a-model-made-up-by-a-caller");
    gateway()
        .wait("not counted", || gateway().metric("keyward_requests_total", &[("decision", "model_not_found")]) > 0);
    assert_eq!(gateway().metric("keyward_requests_total", &[("model", "a-model-made-up-by-a-caller")]), 0);
}
