//! What a key may call: grants, denies, groups, globs, wildcards, aliases, and the list that says so.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::catalog::policy;
use crate::support::gateway::Gateway;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r#"
tiers:
  standard: { models: [frontier, "openai/*"], deny: ["openai/o1-*"] }
teams:
  all: { models: [all] }
  standard: { tier: standard }
  open: {}
  none: { models: [] }
  no-default: { deny: [chat-default] }
keys:
  - { id: all, hash: <all>, team: all }
  - { id: standard, hash: <standard>, team: standard }
  - { id: narrowed, hash: <narrowed>, team: standard, models: [gpt-4o, llama] }
  - { id: alias-only, hash: <alias-only>, team: open, models: [chat-default] }
  - { id: target-only, hash: <target-only>, team: open, models: [gpt-4o] }
  - { id: nothing, hash: <nothing>, team: open, models: [] }
  - { id: team-nothing, hash: <team-nothing>, team: none, models: [all] }
  - { id: no-alias, hash: <no-alias>, team: no-default }
  - { id: no-target, hash: <no-target>, team: open, deny: [gpt-4o] }
  - { id: globs, hash: <globs>, team: open, models: ["gpt-*-mini", "openai/gpt*"] }
"#,
        ))
    })
}

#[test]
fn a_model_is_allowed_if_every_level_grants_it_and_none_denies_it() {
    const OK: (u16, &str) = (200, "");
    const NO: (u16, &str) = (403, "model_not_allowed");
    const UNKNOWN: (u16, &str) = (404, "model_not_found");
    let cases = [
        ("all", "gpt-4o", OK),
        ("all", "llama", OK),
        ("all", "openai/o1-mini", OK),
        ("all", "chat-default", OK),
        ("all", "gpt-4", UNKNOWN),
        ("all", "GPT-4o", UNKNOWN),
        ("all", " gpt-4o", UNKNOWN),
        ("all", "gpt-4o ", UNKNOWN),
        ("all", "gpt-4o,llama", UNKNOWN),
        ("all", "", (400, "invalid_request")),
        ("all", "all", UNKNOWN),
        ("all", "*", UNKNOWN),
        ("all", "gpt-*", UNKNOWN),
        ("all", "frontier", UNKNOWN),
        ("all", "openaiz/x", UNKNOWN),
        ("all", "openai", UNKNOWN),
        ("all", "gpt-4o-2024-08-06", UNKNOWN),
        ("all", "gpt-4o\n", UNKNOWN),
        ("all", "gpt-4o\0", UNKNOWN),
        ("standard", "gpt-4o", OK),
        ("standard", "chat-default", OK),
        ("standard", "gpt-4o-mini", NO),
        ("standard", "llama", NO),
        ("standard", "openai/gpt-5", OK),
        ("standard", "openai/o1-mini", NO),
        ("standard", "nope", UNKNOWN),
        ("narrowed", "gpt-4o", OK),
        ("narrowed", "llama", NO),
        ("narrowed", "openai/gpt-5", NO),
        ("alias-only", "chat-default", OK),
        ("alias-only", "gpt-4o", NO),
        ("target-only", "chat-default", OK),
        ("target-only", "gpt-4o", OK),
        ("nothing", "gpt-4o", NO),
        ("team-nothing", "gpt-4o", NO),
        ("nothing", "nope", UNKNOWN),
        ("no-alias", "chat-default", NO),
        ("no-alias", "gpt-4o", OK),
        ("no-target", "chat-default", NO),
        ("no-target", "gpt-4o", NO),
        ("no-target", "llama", OK),
        ("globs", "gpt-4o-mini", OK),
        ("globs", "gpt-4o", NO),
        ("globs", "openai/gpt-5", OK),
        ("globs", "openai/o3", NO),
    ];
    for (key, model, (status, code)) in cases {
        let reply = gateway().chat(key, model);
        assert_eq!(reply.outcome(), (status, code.to_owned()), "{key} calling {model:?}: {}", reply.text());
        assert_eq!(reply.received().len(), usize::from(status == 200), "{key} calling {model:?}");
    }
}

#[test]
fn a_refusal_names_the_model_and_nothing_else() {
    let reply = gateway().chat("standard", "llama");
    assert_eq!(reply.json()["error"]["message"], "Model llama is not allowed for this API key.");
}

#[test]
fn the_provider_sees_its_own_name_for_the_model() {
    let cases = [
        ("gpt-4o", "gpt-4o-2024-08-06", "openai"),
        ("chat-default", "gpt-4o-2024-08-06", "openai"),
        ("llama", "meta/llama-3:70b", "local"),
        ("openai/gpt-5", "gpt-5", "openai"),
        ("openai/a/b*c", "a/b*c", "openai"),
        ("openai/o1-mini", "o1/mini/served", "local"),
        ("openai/o1", "o1", "openai"),
        ("openai/\"quoted\"\\é", "\"quoted\"\\é", "openai"),
    ];
    for (model, provider_model, provider) in cases {
        let reply = gateway().chat("all", model);
        assert_eq!(reply.forwarded().json()["model"], provider_model, "{model}");
        assert_eq!(reply.header("x-keyward-provider"), Some(provider), "{model}");
    }
}

#[test]
fn the_list_is_exactly_what_the_key_may_call() {
    let cases: [(&str, &[&str]); 6] = [
        ("all", &["chat-default", "claude-sonnet", "embed", "gpt-4o", "gpt-4o-mini", "llama", "lost", "whisper"]),
        ("standard", &["chat-default", "claude-sonnet", "gpt-4o"]),
        ("narrowed", &["chat-default", "gpt-4o"]),
        ("alias-only", &["chat-default"]),
        ("nothing", &[]),
        ("no-target", &["claude-sonnet", "embed", "gpt-4o-mini", "llama", "lost", "whisper"]),
    ];
    for (key, expected) in cases {
        for path in ["/v1/models", "/models"] {
            let reply = gateway().call(key).get(path).send();
            let body = reply.json();
            assert_eq!((reply.status, &body["object"]), (200, &"list".into()), "{}", reply.text());
            let listed = body["data"].as_array().unwrap();
            assert!(listed.iter().all(|model| model["object"] == "model"), "{body}");
            let names: BTreeSet<&str> = listed.iter().filter_map(|model| model["id"].as_str()).collect();
            assert_eq!(names, expected.iter().copied().collect(), "{key} {path}");
            assert!(reply.received().is_empty(), "the filter answers, no provider");
        }
    }
    assert_eq!(gateway().call("").get("/v1/models").send().status, 401);
}
