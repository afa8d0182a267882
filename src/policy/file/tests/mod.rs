//! Whole folders in, findings or policies out.

mod files;

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::policy::{Entry, Grant, Key, LevelKind, Metric, OnOutage, Period, Reserve, Store, StoreDialect, bundle};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// Loads texts as the files `0.yaml`, `1.yaml`, … of one folder.
fn load_texts(texts: &[&str], environment: Option<&str>) -> Result<Loaded, Vec<Diagnostic>> {
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.yaml")), text).unwrap();
    }
    load_at(&[folder.path().into()], environment, now())
}

fn policy(text: &str) -> Policy {
    load_texts(&[text], None).unwrap_or_else(|found| panic!("{found:#?}")).policy
}

fn messages(text: &str) -> Vec<String> {
    let found = load_texts(&[text], None).map_or_else(|found| found, |loaded| loaded.warnings);
    found.into_iter().map(|finding| finding.message).collect()
}

fn key(policy: &Policy, id: &str) -> Key {
    policy.keys.iter().map(|(_, key)| key).find(|key| key.id == id).unwrap()
}

/// Each `tests/policies/<rule>.yaml` (or folder of files) breaks one rule; beside it, `<rule>.expected` holds what is said.
/// `UPDATE_GOLDENS=1` renews them.

#[test]
fn every_bad_policy_is_told_what_is_wrong_and_where() {
    let folder = root().join("tests/policies");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_none_or(|extension| extension == "yaml"));
    cases.sort();
    assert!(cases.len() > 60, "{}", cases.len());
    let mut stale = vec![];
    for case in cases {
        let name = case.file_stem().unwrap().to_str().unwrap().to_owned();
        let environment = name.contains("environment").then_some("stagin");
        let (failed, found) = match load_at(std::slice::from_ref(&case), environment, now()) {
            Ok(loaded) => (false, loaded.warnings),
            Err(found) => (true, found),
        };
        assert!(!found.is_empty(), "{name} breaks no rule");
        assert_eq!(failed, found.iter().any(|finding| finding.severity == Severity::Error), "{name}");
        let mut text: String = found.iter().map(|finding| format!("{finding}\n")).collect();
        text = text.replace(&format!("{}/", folder.display()), "");
        assert!(!text.contains("sk-live"), "{name} repeats a key: {text}");
        let golden = folder.join(format!("{name}.expected"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != text {
            stale.push(format!("--- {name}\n{text}"));
        }
    }
    assert!(
        stale.is_empty(),
        "run `UPDATE_GOLDENS=1 cargo test --lib policy::file` and read the difference\n{}",
        stale.concat()
    );
}

#[test]
fn the_example_organisation_loads_without_a_finding_and_survives_the_bundle() {
    let loaded = load_at(&[root().join("policies")], None, now()).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(loaded.warnings, []);
    let bytes = bundle::encode(&loaded.policy).unwrap();
    let decoded = bundle::decode(&bytes).unwrap();
    assert_eq!(format!("{decoded:?}"), format!("{:?}", loaded.policy));
    assert!(decoded.keys.iter().eq(loaded.policy.keys.iter()));
    let names: Vec<&str> = decoded.catalog.models.iter().map(|model| model.name.as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"demo-small"), "{names:?}");
}

#[test]
fn a_fresh_key_in_another_folder_joins_the_example() {
    let extra = tempfile::tempdir().unwrap();
    let file = extra.path().join("key.yaml");
    let hash = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    std::fs::write(&file, format!("keys: [{{ id: fresh, hash: '{hash}', team: playground }}]\n")).unwrap();
    for path in [extra.path().into(), file] {
        let loaded = load_all(&[root().join("policies"), path], Some("prod")).unwrap();
        let fresh = key(&loaded.policy, "fresh");
        assert_eq!((fresh.org.as_deref(), fresh.team.as_deref()), (Some("acme"), Some("playground")));
    }
}

const CATALOG: &str = "
version: 1
providers: { p: { api: openai }, a: { api: anthropic } }
models:
  z-model: { cluster: c, groups: [big], targets: [{ provider: p, model: z, price: { input: 2.50, output: '10' } }] }
  a-model:
    cluster: c
    max_output_tokens: 100
    drop_params: true
    targets: [{ provider: a, model: x, price: { input: 0.000000001, request: 1 } }, { provider: p, model: y }]
  'open/*': { cluster: c, groups: [wild], targets: [{ provider: p, model: '*' }] }
  'open/o1-*': { cluster: c, groups: [o1], targets: [{ provider: p, model: '*' }] }
  second: { alias: z-model, groups: [other] }
  third: { alias: open/o1-mini }
";

#[test]
fn the_catalog_is_sorted_and_its_references_resolve() {
    let policy = policy(CATALOG);
    let names: Vec<&str> = policy.catalog.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["a-model", "open/*", "open/o1-*", "second", "third", "z-model"]);
    let find = |name: &str| policy.catalog.models.iter().find(|model| model.name == name).unwrap();
    let Entry::Served { wildcard, targets, max_output_tokens, drop_params, .. } = &find("a-model").entry else {
        panic!()
    };
    assert_eq!((*wildcard, *max_output_tokens, *drop_params), (false, Some(100), true));
    let providers: Vec<&str> =
        targets.iter().map(|target| policy.providers[usize::from(target.provider)].name.as_str()).collect();
    assert_eq!(providers, ["a", "p"]);
    let price = targets[0].price.unwrap();
    assert_eq!((price.input.0, price.output.0, price.request.0, price.cached_input), (1, 0, 1_000_000_000, None));
    assert_eq!(targets[1].price, None);
    assert!(matches!(find("open/*").entry, Entry::Served { wildcard: true, .. }));
}

#[test]
fn an_alias_has_the_groups_of_what_it_stands_for_too() {
    let policy = policy(CATALOG);
    let groups = |name: &str| policy.catalog.models.iter().find(|model| model.name == name).unwrap().groups.clone();
    assert_eq!(groups("second"), ["other", "big"]);
    assert_eq!(groups("third"), ["o1"], "of the most specific wildcard entry");
}

#[test]
fn grants_are_resolved_by_what_they_name() {
    let policy = policy(&format!(
        "{CATALOG}\nteams: {{ t: {{ models: [all, big, z-model, second, open/x, 'open/*'], deny: [] }} }}"
    ));
    let [level] = policy.levels.as_slice() else { panic!() };
    let models = level.rules[0].models.clone().unwrap();
    let expected = [
        Grant::All,
        Grant::Group("big".into()),
        Grant::Name("z-model".into()),
        Grant::Name("second".into()),
        Grant::Name("open/x".into()),
        Grant::Glob("open/*".into()),
    ];
    assert_eq!(models, expected);
}

const LEVELS: &str = "
tiers:
  t:
    models: [big]
    endpoints: [chat]
    max_request_bytes: 100
    reserve: expected
    alerts: [100, 50]
    limits: [{ requests: 10, per: minute }, { tokens: 10, per: 60s }, { usd: 1.5, per: day, model: big }]
defaults: { limits: [{ concurrency: 9 }] }
orgs: { o: {}, o2: { deny: [big] } }
teams:
  team: { org: o2, tier: t, models: [all], max_request_bytes: 200, max_output_tokens: 7, limits: [{ requests: 20, per: 1m }, { tokens: 5, per: minute }] }
  silent: { org: o }
projects: { p: { team: team }, narrow: { team: team, models: [] } }
users: { u+1@x: { limits: [{ requests: 1, per: 24h, model: all }] } }
end_users: { limits: [{ requests: 3, per: hour }] }
keys:
  - { id: one, hash: 'sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', project: p, user: u+1@x, expires: 2027-01-01, not_before: 2026-01-01T01:00:00+01:00 }
  - { id: two, hash: 'sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', team: silent, environment: dev, tier: t, disabled: true }
";

#[test]
fn a_tier_is_folded_into_its_level_and_the_tighter_of_two_limits_holds() {
    let policy = policy(&format!("{CATALOG}{LEVELS}"));
    let kinds: Vec<(LevelKind, &str)> = policy.levels.iter().map(|level| (level.kind, level.name.as_str())).collect();
    let expected = [
        (LevelKind::Global, ""),
        (LevelKind::Org, "o2"),
        (LevelKind::Team, "team"),
        (LevelKind::Project, "narrow"),
        (LevelKind::User, "u+1@x"),
    ];
    assert_eq!(kinds, expected, "levels that state nothing are not there");
    let team = &policy.levels[2];
    let rules: Vec<Option<&str>> = team.rules.iter().map(|rules| rules.tier.as_deref()).collect();
    assert_eq!(rules, [None, Some("t")]);
    let limits: Vec<(Metric, u64, Option<&str>)> =
        team.limits.iter().map(|limit| (limit.metric, limit.amount, limit.tier.as_deref())).collect();
    let expected =
        [(Metric::Requests, 10, Some("t")), (Metric::Tokens, 5, None), (Metric::Usd, 1_500_000_000, Some("t"))];
    assert_eq!(limits, expected);
    assert_eq!((team.max_request_bytes, team.max_output_tokens), (Some(100), Some(7)));
    assert_eq!((team.reserve, team.alerts.as_slice()), (Reserve::Expected, [50, 100].as_slice()));
    let user = &policy.levels[4];
    assert_eq!((user.limits[0].period, user.limits[0].model.clone()), (Period::Day, None));
    assert_eq!((user.reserve, user.alerts.as_slice()), (Reserve::Full, [80, 100].as_slice()));
    assert_eq!(policy.end_users.unwrap().kind, LevelKind::EndUser);
}

#[test]
fn end_users_have_no_rules_that_would_come_too_late() {
    let stated = "tier: s, deny: [big], endpoints: [chat], max_request_bytes: 7, max_output_tokens: 8";
    let text = format!(
        "{CATALOG}\ntiers: {{ s: {{ endpoints: [] }} }}\nend_users: {{ {stated} }}\nteams: {{ a: {{ tier: s }} }}"
    );
    let Policy { end_users, levels, .. } = policy(&text);
    let end_users = end_users.unwrap();
    assert_eq!((end_users.rules.len(), end_users.rules[0].endpoints, end_users.rules[0].deny.len()), (1, None, 1));
    assert_eq!((end_users.max_request_bytes, end_users.max_output_tokens), (None, Some(8)));
    assert!(levels[0].rules[0].endpoints.is_some(), "the tier has them elsewhere");
}

#[test]
fn a_key_knows_its_levels_widest_first_and_whose_it_is() {
    let policy = policy(&format!("{CATALOG}{LEVELS}"));
    let one = key(&policy, "one");
    assert_eq!(one.levels, [0, 1, 2, 4]);
    assert_eq!(
        (one.org.as_deref(), one.team.as_deref(), one.project.as_deref()),
        (Some("o2"), Some("team"), Some("p"))
    );
    assert_eq!((one.not_before, one.expires), (Some(1_767_225_600), Some(1_798_761_600)));
    let two = key(&policy, "two");
    assert_eq!((two.levels.as_slice(), two.org.as_deref(), two.disabled), ([0].as_slice(), Some("o"), true));
    assert_eq!((two.own.kind, two.own.name.as_str(), two.own.limits.len()), (LevelKind::Key, "two", 3));
}

#[test]
fn a_bundle_for_an_environment_holds_its_keys_and_those_of_none() {
    let text = format!("{CATALOG}{LEVELS}");
    let hash = "sha256:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let more = format!("keys: [{{ id: three, hash: '{hash}', team: silent, environment: prod }}]");
    let ids = |environment| {
        let policy = load_texts(&[&text, &more], environment).unwrap().policy;
        policy.keys.iter().map(|(_, key)| key.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), ["one", "two", "three"]);
    assert_eq!(ids(Some("dev")), ["one", "two"]);
    assert_eq!(ids(Some("prod")), ["one", "three"]);
}

#[test]
fn the_version_tells_contents_and_environments_apart_but_not_file_names() {
    let version = |texts: &[&str], environment| load_texts(texts, environment).unwrap().policy.version;
    let first = version(&[CATALOG, "teams: {}"], None);
    assert_eq!(first, version(&["teams: {}", CATALOG], None));
    assert!(first.len() == 12 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    assert_ne!(first, version(&[CATALOG, "teams: {} "], None));
    assert_ne!(first, version(&[CATALOG, "teams: {}"], Some("prod")));
}

#[test]
fn a_timezone_is_compiled_into_offsets() {
    let zone = policy("version: 1\ntimezone: europe/berlin").timezone;
    assert_eq!(zone.name, "Europe/Berlin");
    let summer: Timestamp = "2050-07-01T00:00:00Z".parse().unwrap();
    assert_eq!(zone.offset_at(summer.as_second()), 7200);
    assert_eq!(policy("version: 1").timezone.name, "UTC");
}

#[test]
fn a_store_is_read_with_its_defaults_and_survives_the_bundle() {
    let store = |text: &str| {
        let policy = policy(&format!("version: 1\n{text}"));
        bundle::decode(&bundle::encode(&policy).unwrap()).unwrap().store
    };
    assert_eq!(store(""), None);
    let plain = Store {
        cluster: "redis-http".into(),
        dialect: StoreDialect::Webdis,
        timeout_ms: 50,
        on_outage: OnOutage::Deny,
        authority: None,
        keys_ttl_ms: None,
    };
    assert_eq!(store("store: { cluster: redis-http }"), Some(plain.clone()));
    assert_eq!(store("store: { cluster: redis-http, keys: {} }"), Some(Store { keys_ttl_ms: Some(30_000), ..plain }));
    let text = "store: { cluster: u, dialect: upstash, timeout: 5s, on_outage: local, authority: 'a.upstash.io:443', keys: { ttl: 1h } }";
    let stated = Store {
        cluster: "u".into(),
        dialect: StoreDialect::Upstash,
        timeout_ms: 5000,
        on_outage: OnOutage::Local,
        authority: Some("a.upstash.io:443".into()),
        keys_ttl_ms: Some(3_600_000),
    };
    assert_eq!(store(text), Some(stated));
    assert_eq!(store("store: { cluster: c, on_outage: allow }").map(|store| store.on_outage), Some(OnOutage::Allow));
}
