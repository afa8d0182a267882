//! A policy and a configuration that fit, and one edit at a time that makes them not.

use std::path::PathBuf;

use super::*;
use crate::policy::file::Severity;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/envoy_config")
}

fn find(policy: &Path, envoy: &Path) -> Vec<Diagnostic> {
    match load(&[policy.into()], None, envoy, "gate") {
        Ok(loaded) => {
            assert!(loaded.warnings.iter().all(|finding| finding.severity == Severity::Warning));
            loaded.warnings
        }
        Err(found) => found,
    }
}

/// What to replace in which file (`policy` or `envoy`), and by what. The text stands there once.
type Edit = (&'static str, &'static str, &'static str);

const LISTENER: &str = "    - name: gateway\n";
const RETRY: &str = "                            retry_policy:
                              retry_on: reset,retriable-status-codes
                              retriable_status_codes: [429, 500, 502, 503, 504]
                              retry_priority: { name: envoy.retry_priorities.previous_priorities }
";
const CHAIN: &str = "[*key-anthropic, *key-openai, *provider, *codec] # of the chain";
const DISCOVERED: &str = "                    config_discovery:
                      type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]
";
const TABLE: &str = "                route_config:\n";
const LIMIT: &str = "                      request_body_buffer_limit: 20971520\n";
const CDS: Edit = ("envoy", "dynamic_resources: {}", "dynamic_resources: { cds_config: { ads: {} } }");
const LDS: Edit = ("envoy", "dynamic_resources: {}", "dynamic_resources: { lds_config: { ads: {} } }");

const STORE: Edit = ("policy", "version: 1\n", "version: 1\nstore: { cluster: redis-http }\n");

/// Each names the rule that its edits break; `tests/envoy_config/<rule>.expected` holds what is said.
const CASES: &[(&str, &[Edit])] = &[
    ("a_cluster_is_there", &[("policy", "cluster: openai", "cluster: opnai")]),
    ("a_cluster_may_come_by_cds", &[("policy", "cluster: openai", "cluster: mistral"), CDS]),
    ("a_member_of_an_aggregate_is_there", &[("envoy", "[anthropic, openai]", "[anthropc, openai]")]),
    ("a_member_of_an_aggregate_may_come_by_cds", &[("envoy", "[anthropic, openai]", "[anthropc, openai]"), CDS]),
    ("an_aggregate_that_holds_itself_ends", &[("envoy", "[anthropic, openai]", "[anthropic, claude-sonnet]")]),
    (
        "a_target_has_an_endpoint",
        &[("policy", "targets: [{ provider: openai", "targets: [{ provider: local, model: l }, { provider: openai")],
    ),
    ("a_provider_of_an_endpoint_is_a_target", &[("policy", "      - { provider: openai, model: gpt-4o }\n", "")]),
    ("a_provider_of_an_endpoint_is_defined", &[("envoy", "{ provider: local }", "{ provider: locla }")]),
    (
        "an_endpoint_names_its_provider",
        &[("envoy", "metadata: { filter_metadata: { keyward: { provider: local } } }", "endpoint: {}")],
    ),
    (
        "endpoints_by_eds_are_not_seen",
        &[("envoy", "    - name: anthropic\n", "    - name: anthropic\n      type: EDS\n")],
    ),
    ("a_named_cluster_runs_the_provider_role", &[("envoy", CHAIN, "[*key-anthropic, *key-openai, *codec]")]),
    (
        "the_provider_role_comes_before_the_codec",
        &[("envoy", CHAIN, "[*key-anthropic, *key-openai, *codec, *provider]")],
    ),
    (
        "a_provider_role_by_discovery_is_not_seen",
        &[("envoy", "[*provider, *sign, *codec]", "[{ name: p, config_discovery: {} }, *sign, *codec]")],
    ),
    ("the_provider_role_stops_at_headers", &[("envoy", "        allow_on_headers_stop_iteration: true\n", "")]),
    ("the_provider_role_has_its_vm_id", &[("envoy", "vm_id: keyward", "vm_id: other")]),
    ("a_chain_injects_the_credentials_of_its_members", &[("envoy", CHAIN, "[*key-openai, *provider, *codec]")]),
    (
        "a_provider_by_tls_has_a_credential",
        &[
            ("envoy", "[*key-openai, *provider, *codec]", "[*provider, *codec]"),
            ("envoy", CHAIN, "[*key-anthropic, *provider, *codec]"),
        ],
    ),
    (
        "credentials_come_before_the_provider_role",
        &[("envoy", CHAIN, "[*key-anthropic, *provider, *key-openai, *codec]")],
    ),
    ("an_injector_writes_a_header_of_keyward", &[("envoy", "          header: x-keyward-credential-openai\n", "")]),
    ("requests_for_bedrock_are_signed", &[("envoy", "[*provider, *sign, *codec]", "[*provider, *codec]")]),
    (
        "nothing_is_signed_for_another",
        &[("envoy", "*provider, *codec] # of the chain", "*provider, *sign, *codec] # of the chain")],
    ),
    ("requests_are_signed_as_written", &[("envoy", "[*provider, *sign, *codec]", "[*sign, *provider, *codec]")]),
    (
        "a_cluster_has_room_for_bodies",
        &[("envoy", "    - name: local\n      per_connection_buffer_limit_bytes: 20971520\n", "    - name: local\n")],
    ),
    (
        "a_gate_is_there",
        &[("envoy", DISCOVERED, ""), ("envoy", "cluster_header: x-keyward-cluster", "cluster: openai")],
    ),
    (
        "a_gate_may_come_by_lds",
        &[("envoy", DISCOVERED, ""), ("envoy", "cluster_header: x-keyward-cluster", "cluster: openai"), LDS],
    ),
    ("nobody_but_the_gate_names_the_cluster", &[("envoy", DISCOVERED, "")]),
    ("the_gate_goes_by_its_name", &[("envoy", "- name: gate\n", "- name: door\n")]),
    (
        "an_inline_gate_stops_at_headers",
        &[(
            "envoy",
            DISCOVERED,
            "                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config: { root_id: gate, vm_config: { vm_id: keyward } }
",
        )],
    ),
    ("a_route_goes_where_the_gate_says", &[("envoy", "cluster_header: x-keyward-cluster", "cluster: openai")]),
    (
        "a_gate_has_a_route",
        &[(
            "envoy",
            "                          route:\n",
            "                          direct_response: { status: 200 }\n                          other:\n",
        )],
    ),
    (
        "routes_in_a_matcher_are_not_seen",
        &[(
            "envoy",
            "                      routes:\n",
            "                      matcher: { matcher_tree: {} }\n                      other:\n",
        )],
    ),
    ("routes_by_rds_are_not_seen", &[("envoy", TABLE, "                rds: {}\n                other:\n")]),
    (
        "the_header_of_the_gate_does_not_leave",
        &[("envoy", "                          request_headers_to_remove: [x-keyward-cluster]\n", "")],
    ),
    ("attempts_are_told", &[("envoy", "                      include_attempt_count_in_response: true\n", "")]),
    ("bodies_fit_the_default_buffer", &[("envoy", LIMIT, "")]),
    (
        "bodies_fit_the_virtual_host",
        &[(
            "policy",
            "version: 1\n",
            "version: 1\nteams: { t: { models: [gpt-4o], max_request_bytes: 33554432 } }\nkeys: [{ id: k, team: t, hash: 'sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }]\n",
        )],
    ),
    (
        "bodies_fit_the_listener",
        &[
            ("envoy", LIMIT, ""),
            ("envoy", LISTENER, "    - name: gateway\n      per_connection_buffer_limit_bytes: 16777216\n"),
        ],
    ),
    ("a_route_tries_again", &[("envoy", RETRY, "")]),
    (
        "all_that_fails_over_is_retried",
        &[("envoy", "retry_on: reset,retriable-status-codes", "retry_on: connect-failure,gateway-error")],
    ),
    (
        "every_target_is_tried",
        &[("envoy", "retry_on: reset", "num_retries: 0\n                              retry_on: reset")],
    ),
    (
        "a_retry_goes_to_the_next",
        &[(
            "envoy",
            "                              retry_priority: { name: envoy.retry_priorities.previous_priorities }\n",
            "",
        )],
    ),
    ("merge_keys_are_not_envoys", &[("envoy", "    - name: local\n", "    - name: local\n      <<: *tls\n")]),
    ("the_store_has_its_cluster", &[STORE]),
    ("the_store_may_come_by_cds", &[STORE, CDS]),
    (
        "upstash_has_its_token",
        &[(
            "policy",
            "version: 1\n",
            "version: 1\nstore: { cluster: local, dialect: upstash, authority: a.upstash.io }\n",
        )],
    ),
    ("it_is_yaml", &[("envoy", "static_resources:", "static_resources: [")]),
    ("it_is_a_bootstrap", &[("envoy", "dynamic_resources: {}", ""), ("envoy", "static_resources:", "resources:")]),
];

#[test]
fn every_misfit_is_told_what_is_wrong_and_where() {
    let base = |name: &str| std::fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap();
    let mut stale = vec![];
    for (name, edits) in CASES {
        let mut files = [("policy", base("policy")), ("envoy", base("envoy"))];
        for (file, from, to) in *edits {
            let (_, text) = files.iter_mut().find(|(name, _)| name == file).unwrap();
            assert_eq!(text.matches(from).count(), 1, "{name}: `{from}`");
            *text = text.replace(from, to);
        }
        let made = tempfile::tempdir().unwrap();
        let [policy, envoy] = files.map(|(file, text)| {
            let path = made.path().join(format!("{file}.yaml"));
            std::fs::write(&path, text).unwrap();
            path
        });
        let found = find(&policy, &envoy);
        assert!(!found.is_empty(), "{name} breaks no rule");
        let text: String = found.iter().map(|finding| format!("{finding}\n")).collect();
        let text = text.replace(&format!("{}/", made.path().display()), "");
        let golden = folder().join(format!("{name}.expected"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != text {
            stale.push(format!("--- {name}\n{text}"));
        }
    }
    assert!(
        stale.is_empty(),
        "run `UPDATE_GOLDENS=1 cargo test --lib envoy_config` and read the difference\n{}",
        stale.concat()
    );
}

#[test]
fn what_the_cases_begin_from_fits() {
    assert_eq!(find(&folder().join("policy.yaml"), &folder().join("envoy.yaml")), []);
}

#[test]
fn the_shipped_configuration_fits_the_example_and_a_model_for_every_cluster() {
    let shipped = root().join("envoy/envoy.yaml");
    assert_eq!(find(&root().join("policies"), &shipped), []);
    let every = folder().join("every_cluster.yaml");
    assert_eq!(find(&every, &shipped), []);
    // Each cluster is named by a model: one that is added is judged too.
    let [policy, shipped] = [&every, &shipped].map(|path| std::fs::read_to_string(path).unwrap());
    let (documents, _) = node::parse(Kind::Envoy, 0, &shipped, &mut Sink::default());
    for name in cluster::clusters(&documents[0]).keys() {
        assert!(policy.contains(&format!("cluster: {name}")), "no model of {} names {name}", every.display());
    }
}

#[test]
fn the_same_as_json_fits() {
    let text = std::fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let made = tempfile::tempdir().unwrap();
    let file = made.path().join("envoy.json");
    std::fs::write(&file, serde_json::to_string_pretty(&config).unwrap()).unwrap();
    assert_eq!(find(&root().join("policies"), &file), []);
}

/// A bootstrap may be anything: a finding or none, but no panic.
#[test]
fn what_is_cut_short_is_survived() {
    let text = std::fs::read_to_string(folder().join("envoy.yaml")).unwrap();
    let made = tempfile::tempdir().unwrap();
    let file = made.path().join("envoy.yaml");
    let lines: Vec<&str> = text.lines().collect();
    for end in 0..lines.len() {
        std::fs::write(&file, lines[..end].join("\n")).unwrap();
        let _ = find(&folder().join("policy.yaml"), &file);
    }
}
