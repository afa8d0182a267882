//! Who calls: credentials, header hygiene, paths.

use std::sync::OnceLock;

use serde_json::json;

use crate::catalog::policy;
use crate::support::config::credential;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::policy::key;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: { org: acme } }
keys:
  - { id: open, hash: <open>, team: t }
  - { id: other, hash: <other>, team: t }
  - { id: expired, hash: <expired>, team: t, expires: 2020-01-01T00:00:00Z }
  - { id: early, hash: <early>, team: t, not_before: 2999-01-01T00:00:00Z }
  - { id: disabled, hash: <disabled>, team: t, disabled: true }
  - { id: small, hash: <small>, team: t, models: [small] }
  - { id: embeds, hash: <embeds>, team: t, endpoints: [embeddings] }
",
        ))
    })
}

const CHAT: &[u8] = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn each_credential_header_opens() {
    let key = key("open");
    let bearer = format!("Bearer {key}");
    for (name, value) in [("authorization", &bearer), ("x-api-key", &key), ("api-key", &key)] {
        let reply = gateway().call("").header(name, value).chat("gpt-4o").send();
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
    }
}

#[test]
fn every_bad_credential_gets_the_same_401() {
    let bearer = |name: &str| format!("Bearer {}", key(name));
    let cases: Vec<Vec<(&str, String)>> = vec![
        vec![],
        vec![("authorization", String::new())],
        vec![("authorization", "Bearer".into())],
        vec![("authorization", "Bearer ".into())],
        vec![("authorization", key("open"))],
        vec![("authorization", format!("Basic {}", key("open")))],
        vec![("authorization", format!("Bearer Bearer {}", key("open")))],
        vec![("authorization", format!("{} x", bearer("open")))],
        vec![("authorization", format!("Bearer {}", key("open").trim_end_matches('-')))],
        vec![("authorization", bearer("nobody"))],
        vec![("authorization", bearer("expired"))],
        vec![("authorization", bearer("early"))],
        vec![("authorization", bearer("disabled"))],
        vec![("x-api-key", key("nobody"))],
        vec![("authorization", bearer("open")), ("x-api-key", key("other"))],
        vec![("authorization", bearer("open")), ("api-key", key("nobody"))],
        vec![("authorization", bearer("open")), ("authorization", bearer("open"))],
        vec![("authorization", bearer("open")), ("authorization", bearer("other"))],
        vec![("x-api-key", key("open")), ("x-api-key", key("other"))],
        vec![("x-goog-api-key", key("open"))],
    ];
    let mut bodies = Vec::new();
    for case in cases {
        let mut call = gateway().call("");
        for (name, value) in &case {
            call = call.header(name, value);
        }
        let reply = call.chat("gpt-4o").send();
        assert_eq!(reply.outcome(), (401, "invalid_api_key".into()), "{case:?}: {}", reply.text());
        assert!(reply.received().is_empty(), "{case:?} reached the provider");
        bodies.push(reply.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one message for all: {bodies:?}");
}

#[test]
fn errors_have_the_shape_of_the_api_called() {
    let openai = gateway().call("").chat("gpt-4o").send().json();
    for field in ["message", "type", "param", "code"] {
        assert!(openai["error"].get(field).is_some(), "{openai}");
    }
    let reply = gateway().call("").path("/v1/messages").chat("claude-sonnet").send();
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["type"], &body["error"]["type"]),
        (401, &json!("error"), &json!("authentication_error"))
    );
    let body = gateway().call("open").path("/v1/messages").chat("nope").send().json();
    assert_eq!(body["error"]["type"], "not_found_error");
}

#[test]
fn the_callers_credential_stays_and_the_providers_goes() {
    for name in ["authorization", "x-api-key", "api-key"] {
        let value = if name == "authorization" { format!("Bearer {}", key("open")) } else { key("open") };
        let forwarded = gateway().call("").header(name, &value).chat("gpt-4o").send().forwarded();
        assert!(!format!("{:?}", forwarded.headers).contains(&key("open")), "{name} leaked: {forwarded:?}");
        assert_eq!(forwarded.header("authorization"), Some(format!("Bearer {}", credential("openai")).as_str()));
        assert_eq!((forwarded.header("x-api-key"), forwarded.header("api-key")), (None, None));
    }
    let forwarded = gateway().call("open").path("/v1/messages").chat("claude-sonnet").send().forwarded();
    assert_eq!(
        (forwarded.header("x-api-key"), forwarded.header("authorization")),
        (Some(credential("anthropic").as_str()), None)
    );
}

#[test]
fn a_key_repeated_where_other_gateways_take_it_stays_too() {
    for name in ["x-goog-api-key", "ocp-apim-subscription-key", "x-litellm-api-key", "proxy-authorization", "cookie"] {
        let forwarded = gateway().call("open").header(name, &key("open")).chat("gpt-4o").send().forwarded();
        assert_eq!(forwarded.header(name), None);
    }
}

#[test]
fn a_caller_sets_no_internal_header() {
    let names =
        ["x-keyward-cluster", "X-Keyward-Cluster", "x-keyward-credential-openai", "x-keyward-team", "x-keyward-model"];
    for name in names {
        let reply = gateway().call("open").header(name, "local").chat("gpt-4o").send();
        assert_eq!(
            (reply.status, reply.header("x-keyward-provider")),
            (200, Some("openai")),
            "{name}: {}",
            reply.text()
        );
        let left = reply.forwarded().headers;
        let forged = left.iter().find(|(field, value)| field.starts_with("x-keyward-") && value == "local");
        assert_eq!(forged, None, "{name} reached the provider");
        assert!(!left.iter().any(|(field, _)| field.starts_with("x-keyward-credential")));
    }
}

#[test]
fn no_provider_sees_an_internal_header() {
    for model in ["gpt-4o", "claude-sonnet"] {
        let forwarded = gateway().chat("open", model).forwarded();
        let seen = forwarded.headers.iter().find(|(name, _)| name.starts_with("x-keyward-"));
        assert_eq!(seen, None, "{model}");
    }
}

#[test]
fn other_headers_pass() {
    let forwarded = gateway()
        .call("open")
        .header("openai-organization", "org-1")
        .header("x-custom", "a, b")
        .chat("gpt-4o")
        .send()
        .forwarded();
    assert_eq!((forwarded.header("openai-organization"), forwarded.header("x-custom")), (Some("org-1"), Some("a, b")));
}

#[test]
fn unknown_paths_are_404() {
    let posts = [
        "/",
        "/v1",
        "/v1/",
        "/v1/files",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1/chat/completionsx",
        "/v2/chat/completions",
        "/v1/v1/chat/completions",
        "/V1/chat/completions",
        "/v1/Chat/Completions",
        "/v1/models",
        "/v1/fine_tuning/jobs",
        "/v1/chat/completions;x=1",
        "/key/generate",
        "/stats",
        "/v1/chat/completions/..",
    ];
    for path in posts {
        let reply = gateway().call("open").path(path).chat("gpt-4o").send();
        assert_eq!(reply.status, 404, "POST {path}: {}", reply.text());
        assert!(reply.received().is_empty(), "POST {path} reached the provider");
    }
    let counted = gateway().call("open").path("/v1/messages/count_tokens").chat("gpt-4o").send();
    assert_eq!((counted.status, &counted.json()["type"]), (404, &"error".into()), "as Anthropic says it");
    for path in ["/v1/chat/completions", "/v1/embeddings", "/v1/modelsx"] {
        let reply = gateway().call("open").get(path).send();
        assert_eq!(reply.status, 404, "GET {path}: {}", reply.text());
        assert!(reply.received().is_empty());
    }
}

#[test]
fn tricky_paths_reach_no_provider_by_another_name() {
    for path in [
        "/v1/%63hat/completions",
        "//v1/chat/completions",
        "/v1/../v1/files",
        "/x/../v1/chat/completions",
        "/v1%2fchat/completions",
    ] {
        let bytes = request("POST", path, &[("authorization", "Bearer nobody")], CHAT);
        let status = gateway().raw(&bytes).status;
        assert!(matches!(status, 400 | 401 | 404), "{path}: {status}");
        let status = gateway().call("embeds").path(path).chat("gpt-4o").send().status;
        assert!(matches!(status, 400 | 403 | 404), "{path}: {status}");
    }
}

#[test]
fn every_endpoint_works_with_and_without_v1() {
    for (path, model) in [
        ("chat/completions", "gpt-4o"),
        ("completions", "gpt-4o"),
        ("embeddings", "embed"),
        ("responses", "gpt-4o"),
        ("messages", "claude-sonnet"),
        ("moderations", "gpt-4o"),
        ("images/generations", "gpt-4o"),
        ("audio/speech", "gpt-4o"),
        ("rerank", "gpt-4o"),
    ] {
        for prefix in ["/v1/", "/"] {
            let reply = gateway()
                .call("open")
                .path(&format!("{prefix}{path}"))
                .json(&json!({ "model": model, "input": "hi" }))
                .send();
            assert_eq!(reply.status, 200, "{prefix}{path}: {}", reply.text());
            assert_eq!(reply.forwarded().path, format!("/v1/{path}"), "the provider is asked at its own path");
        }
    }
}

#[test]
fn an_endpoint_not_granted_is_refused() {
    let reply = gateway().call("embeds").chat("gpt-4o").send();
    assert_eq!(reply.outcome(), (403, "endpoint_not_allowed".into()));
    assert_eq!(
        gateway().call("embeds").path("/v1/embeddings").json(&json!({ "model": "embed", "input": "a" })).send().status,
        200
    );
}

#[test]
fn a_model_whose_cluster_envoy_does_not_have_fails_like_a_provider_that_is_down() {
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let reply = gateway().call("open").path(path).chat("lost").send();
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.json()["error"]["message"].is_string(), "{path}: {}", reply.text());
        assert_eq!(reply.header("x-keyward-attempts"), Some("0"), "nothing was tried");
        assert_eq!(reply.audit()["cost_usd"], "0");
    }
}

#[test]
fn a_known_key_is_told_how_it_stands_whatever_it_asks_for() {
    let nothing_there = gateway().call("open").path("/v1/nothing").chat("gpt-4o").send();
    assert_eq!(nothing_there.status, 404);
    let not_allowed = gateway().call("small").chat("gpt-4o").send();
    assert_eq!((not_allowed.status, not_allowed.header("x-keyward-model")), (403, Some("gpt-4o")));
    for reply in [nothing_there, not_allowed] {
        assert!(reply.header("x-keyward-request-id").is_some(), "{:?}", reply.headers);
        assert_eq!(reply.header("x-keyward-attempts"), Some("0"));
    }
    let unknown = gateway().call("").path("/v1/nothing").chat("gpt-4o").send();
    assert_eq!((unknown.status, unknown.header("x-keyward-request-id")), (404, None));
}
