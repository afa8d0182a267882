//! The command and the gateway together: what people do first.

use std::fs;

use serde_json::Value;

use crate::support::build;
use crate::support::gateway::Gateway;
use crate::support::policy::bundle_paths;

/// Runs `keyward`, which must succeed, and gives what it printed.
fn keyward(arguments: &[&str]) -> Vec<u8> {
    let output = build::keyward().args(arguments).current_dir(build::root()).output().unwrap();
    assert!(output.status.success(), "keyward {arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn a_key_made_by_the_command_opens_the_example_organisation() {
    let made: Value = serde_json::from_slice(&keyward(&["key", "new", "--team", "playground", "--json"])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let entry = folder.path().join("key.yaml");
    fs::write(&entry, format!("keys:\n{}", made["entry"].as_str().unwrap())).unwrap();
    keyward(&["check", "policies", entry.to_str().unwrap()]);

    let policies = build::root().join("policies");
    let gateway = Gateway::start_bundled(|bundle| bundle_paths(&[&policies, &entry], build::wasm(), bundle));
    let key = made["key"].as_str().unwrap();
    let reply = gateway.chat(key, "demo-small");
    assert_eq!((reply.status, reply.header("x-keyward-provider")), (200, Some("demo")), "{}", reply.text());
    assert_eq!(reply.audit()["key_id"], made["id"]);
    assert_eq!(gateway.chat(&format!("{key}x"), "demo-small").status, 401);
}
