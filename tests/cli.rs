//! The built `keyward` command, run as a person or a script runs it. `UPDATE_GOLDENS=1` renews the expected outputs.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward::authn;
use keyward::policy::{bundle, file};
use serde_json::Value;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");

fn keyward(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keyward"))
        .args(args)
        .current_dir(HERE)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command and compares all it says with the stored output of that name.
fn golden(name: &str, args: &[&str]) {
    let output = keyward(args);
    let code = output.status.code().unwrap();
    let said =
        format!("$ keyward {}\n{}--- stderr\n{}--- exit {code}\n", args.join(" "), stdout(&output), stderr(&output));
    let path = format!("{HERE}/{name}.expected");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(&path).unwrap_or_default(), "{name}");
}

#[test]
fn check_tells_every_problem_and_where() {
    golden("check_good", &["check", "policy"]);
    golden("check_broken", &["check", "broken"]);
    golden("check_broken_json", &["check", "broken", "--json"]);
    golden("check_missing_path", &["check", "nowhere"]);
}

#[test]
fn a_warning_is_a_problem_only_where_asked_for() {
    golden("check_warned", &["check", "warned"]);
    golden("check_warned_denied", &["check", "--deny-warnings", "warned"]);
    golden("check_good_json", &["check", "--deny-warnings", "--json", "policy"]);
    let help = stdout(&keyward(&["check", "--help"]));
    assert!(help.contains("Exit with 1 instead of 0 if there are warnings"), "{help}");
}

#[test]
fn check_tells_what_of_an_envoy_configuration_does_not_fit() {
    golden("check_envoy_good", &["check", "policy", "--envoy", "../envoy_config/envoy.yaml"]);
    golden("check_envoy_misfit", &["check", "policy", "--envoy", "envoy/misfit.yaml"]);
    golden("check_envoy_misfit_json", &["check", "policy", "--envoy", "envoy/misfit.yaml", "--json"]);
    golden("check_envoy_of_a_broken_policy", &["check", "warned", "broken", "--envoy", "envoy/misfit.yaml"]);
    golden("check_envoy_missing", &["check", "policy", "--envoy", "envoy/nowhere.yaml"]);
    golden("check_envoy_other_name", &["check", "policy", "--envoy", "../envoy_config/envoy.yaml", "--name", "door"]);
    let help = stdout(&keyward(&["check", "--help"]));
    assert!(help.contains("--envoy <FILE>") && help.contains("YAML or JSON"), "{help}");
}

#[test]
fn what_could_be_a_key_is_never_shown() {
    for command in [
        &["check", "broken"][..],
        &["check", "broken", "--json"],
        &["bundle", "broken"],
        &["check", "policy", "--envoy", "envoy/misfit.yaml"],
        &["check", "policy", "--envoy", "envoy/misfit.yaml", "--json"],
        &["explain", "broken", "--key", "sk-kw-secret", "--model", "gpt-4o"],
        &["explain", "policy", "--key", "sk-kw-secret", "--model", "gpt-4o"],
    ] {
        let output = keyward(command);
        let said = stdout(&output) + &stderr(&output);
        for secret in ["0123456789abcdef", "hunter2", "sk-kw-secret"] {
            assert!(!said.contains(secret), "{command:?} shows {secret}");
        }
    }
}

#[test]
fn explain_gives_the_decision_level_by_level() {
    let explain = |name: &str, key: &str, more: &[&str]| {
        golden(name, &[&["explain", "policy", "--key", key, "--model"], more].concat());
    };
    explain("explain_allowed", "ads-prod", &["chat-default"]);
    explain("explain_allowed_json", "ads-prod", &["chat-default", "--json"]);
    explain("explain_failover", "ads-dev", &["claude-sonnet"]);
    explain("explain_wildcard", "ads-prod", &["openai/gpt-9"]);
    explain("explain_request_price", "ads-prod", &["image", "--endpoint", "images"]);
    explain("explain_denied_by_tier", "ads-prod", &["openai/o1-mini"]);
    explain("explain_not_granted", "ads-prod", &["claude-sonnet"]);
    explain("explain_endpoint", "ads-prod", &["gpt-4o", "--endpoint", "embeddings"]);
    explain("explain_not_in_catalog", "ads-prod", &["gpt-5"]);
    explain("explain_disabled", "gone", &["gpt-4o"]);
    explain("explain_unknown_key", "nobody", &["gpt-4o"]);
    explain("explain_other_environment", "ads-dev", &["gpt-4o", "--environment", "prod"]);
    explain("explain_other_environment_json", "ads-dev", &["gpt-4o", "--environment", "prod", "--json"]);
    explain("explain_unknown_key_of_an_environment", "nobody", &["gpt-4o", "--environment", "prod"]);
    explain("explain_end_user", "agent", &["gpt-4o-mini", "--end-user"]);
    explain("explain_unknown_endpoint", "ads-prod", &["gpt-4o", "--endpoint", "chats"]);
}

#[test]
fn the_deliveries_hold_the_filter_and_the_policy() {
    for format in ["ecds", "istio", "envoy-gateway"] {
        let output = keyward(&["bundle", "policy", "--format", format, "--wasm", "/etc/keyward.wasm", "--name", "kw"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let mut delivery: Value = serde_json::from_slice(&output.stdout).unwrap();
        let config = match format {
            "ecds" => "/resources/0/typed_config/config",
            "istio" => "/spec/configPatches/0/patch/value/typed_config/config",
            _ => "/spec/jsonPatches/0/operation/value/typed_config/config",
        };
        let value = delivery.pointer_mut(config).unwrap().pointer_mut("/configuration/value").unwrap();
        let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        *value = "…".into();
        let policy = bundle::decode(&bytes).unwrap();
        assert_eq!(policy.keys.len(), 4);
        assert!(policy.keys.iter().any(|(_, key)| key.id == "ads-prod"));
        let path = format!("{HERE}/bundle_{format}.expected");
        let shown = format!("{delivery:#}\n");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&path, &shown).unwrap();
        }
        assert_eq!(shown, fs::read_to_string(&path).unwrap_or_default());
    }
}

#[test]
fn a_bundle_of_an_environment_holds_its_keys_and_those_of_none() {
    let output = keyward(&["bundle", "policy", "--environment", "prod"]);
    let delivery: Value = serde_json::from_slice(&output.stdout).unwrap();
    let value = delivery.pointer("/resources/0/typed_config/config/configuration/value").unwrap();
    let policy = bundle::decode(&STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    let mut ids: Vec<String> = policy.keys.iter().map(|(_, key)| key.id).collect();
    ids.sort();
    assert_eq!(ids, ["ads-prod", "agent", "gone"]);
}

#[test]
fn an_environment_that_no_key_is_for_makes_no_bundle() {
    golden("bundle_mistyped_environment", &["bundle", "policy", "--environment", "prdo"]);
    golden("bundle_unknown_environment", &["bundle", "policy", "--environment", "staging"]);
    golden("check_mistyped_environment", &["check", "policy", "--environment", "prdo"]);
}

#[test]
fn a_bundle_replaces_the_file_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.json");
    let at = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    let refused = keyward(&["bundle", "broken", "-o", at]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("error: "), "{}", stderr(&refused));
    assert!(refused.stdout.is_empty());
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");

    let opened_before = fs::File::open(&file).unwrap();
    let written = keyward(&["bundle", "policy", "-o", at, "--json"]);
    assert!(written.status.success(), "{}", stderr(&written));
    let told: Value = serde_json::from_slice(&written.stdout).unwrap();
    let delivery: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(delivery["version_info"], told["version"]);
    assert_eq!(std::io::read_to_string(opened_before).unwrap(), "old", "renamed over, not written into");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let nowhere = folder.path().join("nowhere/gate.json");
    assert_eq!(keyward(&["bundle", "policy", "-o", nowhere.to_str().unwrap()]).status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_utf_8_is_worked_with() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(std::ffi::OsStr::from_bytes(b"p\xff.yaml"));
    fs::copy(format!("{HERE}/broken/policy.yaml"), &file).unwrap();
    for more in [&[][..], &["--json"]] {
        let checked = Command::new(env!("CARGO_BIN_EXE_keyward")).arg("check").arg(&file).args(more).output().unwrap();
        assert_eq!(checked.status.code(), Some(1), "{}", stderr(&checked));
        assert!(stdout(&checked).contains("opnai"));
    }
}

#[test]
fn a_new_key_is_the_one_whose_hash_the_policy_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.yaml");
    let at = file.to_str().unwrap();
    let args = ["key", "new", "--team", "demo", "--project", "p", "--user", "jo+x@a.example", "--environment", "on"];
    let output = keyward(&[&args[..], &["--expires", "90d", "--output-policy", at]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let key = text.trim_end();
    assert_eq!(text, format!("{key}\n"), "nothing but the key on stdout");
    let random = key.strip_prefix("sk-kw-").unwrap();
    assert_eq!(random.len(), 43);
    assert!(!fs::read_to_string(&file).unwrap().contains(random), "the key is stored nowhere");
    assert!(!stderr(&output).contains(random));

    let teams = folder.path().join("teams.yaml");
    fs::write(&teams, "version: 1\nteams:\n  demo: { models: [] }\n").unwrap();
    let policy = file::load_all(&[teams, file], None).unwrap().policy;
    let found = policy.keys.find(&authn::hash(key)).unwrap();
    assert!(found.id.starts_with("demo-p-") && found.id.len() == 13, "{}", found.id);
    assert_eq!((found.team.as_deref(), found.project.as_deref()), (Some("demo"), Some("p")));
    assert_eq!((found.user.as_deref(), found.environment.as_deref()), (Some("jo+x@a.example"), Some("on")));
    let days = (found.expires.unwrap() - jiff::Timestamp::now().as_second()) / 86_400;
    assert!((89..=90).contains(&days), "{days}");
}

#[test]
fn a_policy_file_is_replaced_only_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.yaml");
    fs::write(&file, "mine").unwrap();
    let args = ["key", "new", "--team", "demo", "--output-policy", file.to_str().unwrap()];
    let refused = keyward(&args);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert!(keyward(&[&args[..], &["--force"]].concat()).status.success());
    assert!(Path::new(&file).exists() && fs::read_to_string(&file).unwrap() != "mine");
}

#[test]
fn a_new_key_for_machines_is_json() {
    let new = |id: &str| -> Value {
        let output = keyward(&["key", "new", "--json", "--team", "demo", "--id", id]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (one, other) = (new("a"), new("a"));
    assert_ne!(one["key"], other["key"]);
    let hash = STANDARD.encode(authn::hash(one["key"].as_str().unwrap()).0);
    assert_eq!(one["hash"], format!("sha256:{hash}"));
    assert_eq!(one["entry"], format!("  - id: a\n    hash: sha256:{hash}\n    team: demo\n"));
}

#[test]
fn mistakes_in_the_arguments_exit_with_2() {
    for args in [
        &[][..],
        &["check"],
        &["check", "policy", "--name", "gate"],
        &["bundle"],
        &["key", "new"],
        &["key", "new", "--team", "a b"],
        &["key", "new", "--team", "a", "--expires", "yesterday"],
        &["bundle", "policy", "--format", "nginx"],
        &["bundle", "policy", "--format", "envoy-gateway", "--listener", "http"],
        &["explain", "policy", "--key", "ads-prod"],
    ] {
        assert_eq!(keyward(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_schema_is_printed_and_completions_are_made() {
    let schema: Value = serde_json::from_slice(&keyward(&["schema"]).stdout).unwrap();
    assert_eq!(schema, file::schema());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(stdout(&keyward(&["completions", shell])).contains("explain"), "{shell}");
    }
}

#[test]
fn there_is_no_colour_in_a_pipe_nor_with_no_color() {
    let run = |variable: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.args(["check", "broken"]).current_dir(HERE).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.env(variable, value);
        stdout(&command.output().unwrap()).contains('\u{1b}')
    };
    assert!(!run("NO_COLOR", "1"));
    assert!(!run("TERM", "xterm-256color"));
    assert!(run("CLICOLOR_FORCE", "1"), "colour where it is asked for");
}
