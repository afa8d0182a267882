//! Which entry of the catalog serves a name, and what the provider is told.

use super::*;

#[test]
fn the_most_specific_wildcard_entry_serves() {
    let serves = |names: &[&str], requested: &str| {
        let mut models: Vec<_> = names.iter().map(|name| served(name, &[], "*")).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        let catalog = Catalog { models };
        resolve(&catalog, requested).map(|found| found.catalog_name().to_owned())
    };
    for (names, requested, expected) in [
        (&["*", "openai/*"][..], "openai/x", Some("openai/*")),
        (&["*", "openai/*"], "other", Some("*")),
        (&["openai/*", "openai/gpt-*", "openai/gpt-4*"], "openai/gpt-4o", Some("openai/gpt-4*")),
        (&["openai/*", "*/gpt-4o-mini"], "openai/gpt-4o-mini", Some("*/gpt-4o-mini")),
        (&["*ab*", "*ab"], "xab", Some("*ab")),
        (&["a*b", "ab*"], "ab", Some("a*b")),
        (&["é*", "ab*"], "ab", Some("ab*")),
        (&["é*", "*x"], "éx", Some("*x")),
        (&["openai/*", "openai/x"], "openai/x", Some("openai/x")),
        (&["openai/*"], "openai/*", Some("openai/*")),
        (&["openai/gpt-*"], "openai/*", None),
        (&["openai/*"], "OpenAI/x", None),
    ] {
        assert_eq!(serves(names, requested).as_deref(), expected, "{requested} among {names:?}");
    }
}

#[test]
fn a_name_too_long_for_a_header_matches_no_wildcard() {
    let catalog = catalog();
    let name = |length: usize| format!("openai/{}", "x".repeat(length - "openai/".len()));
    assert!(resolve(&catalog, &name(MAX_NAME)).is_some());
    assert!(resolve(&catalog, &name(MAX_NAME + 1)).is_none());
}

#[test]
fn the_provider_gets_its_own_name_for_the_model() {
    let catalog = catalog();
    for (requested, expected, label) in [
        ("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o"),
        ("chat-default", "gpt-4o-2024-08-06", "chat-default"),
        ("openai/o1", "o1", "openai/*"),
        ("openai/gpt-4", "gpt-4", "openai/gpt-*"),
        ("openai/gpt-5", "gpt-5", "openai/gpt-5"),
        ("openai/a/b", "a/b", "openai/*"),
        ("openai/", "", "openai/*"),
        ("openai/*", "*", "openai/*"),
        ("bedrock/claude", "us.claude-v1:0", "bedrock/*"),
        ("a/eu/b/eu/c", "a/eu/b@c", "*/eu/*"),
        ("latest", "gpt-9", "latest"),
    ] {
        let found = resolve(&catalog, requested).unwrap();
        let Entry::Served { targets, .. } = &found.model.entry else { panic!("{requested} is not served") };
        assert_eq!(found.provider_model(&targets[0]), expected, "{requested}");
        assert_eq!(found.catalog_name(), label);
    }
}

#[test]
fn a_limit_of_a_model_holds_for_its_aliases_too() {
    let catalog = catalog();
    let found = resolve(&catalog, "chat-default").unwrap();
    assert!(grant_matches(&grant("gpt-4o"), &found));
    assert!(grant_matches(&grant("chat-default"), &found));
    assert!(!grant_matches(&grant("gpt-4o-mini"), &found));
}
