//! The rules of access as a table: a catalog, what each level states, and what may be called.

mod access;
mod catalog;
mod listing;

use super::*;
use crate::policy::{
    Catalog, EndpointSet, Entry, Grant, Key, Level, LevelKind, Model, Policy, Reserve, Rules, Source, Target,
};
use crate::request::Endpoint;

fn served(name: &str, groups: &[&str], provider_model: &str) -> Model {
    Model {
        name: name.into(),
        entry: Entry::Served {
            wildcard: name.contains('*'),
            cluster: "c".into(),
            max_output_tokens: None,
            targets: vec![Target { provider: 0, model: provider_model.into(), also: vec![], price: None }],
            drop_params: false,
            timeout_ms: None,
            open_fallback: false,
        },
        groups: groups.iter().map(|&group| group.into()).collect(),
    }
}

fn alias(name: &str, of: &str, groups: &[&str]) -> Model {
    Model {
        name: name.into(),
        entry: Entry::Alias { of: of.into() },
        groups: groups.iter().map(|&group| group.into()).collect(),
    }
}

fn catalog() -> Catalog {
    let mut models = vec![
        served("gpt-4o", &["frontier"], "gpt-4o-2024-08-06"),
        served("gpt-4o-mini", &["small"], "gpt-4o-mini"),
        served("gpt-4.1", &[], "gpt-4.1"),
        served("claude-sonnet", &["frontier"], "claude-sonnet-4"),
        served("m[1]+", &[], "m"),
        served("modèle", &[], "m"),
        served("openai/*", &["vendor"], "*"),
        served("openai/gpt-*", &["gpts"], "gpt-*"),
        served("openai/gpt-5", &[], "gpt-5"),
        served("bedrock/*", &["vendor"], "us.*-v1:0"),
        served("*/eu/*", &[], "*@*"),
        alias("chat-default", "gpt-4o", &["defaults", "frontier"]),
        alias("latest", "openai/gpt-9", &["gpts"]),
        alias("dangling", "nothing", &[]),
        alias("loop", "loop", &[]),
    ];
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Catalog { models }
}

/// A grant as a policy file writes it: `all`, `@group`, a glob or a name.
fn grant(text: &str) -> Grant {
    match text.strip_prefix('@') {
        Some(group) => Grant::Group(group.into()),
        None if text == "all" => Grant::All,
        None if text.contains('*') => Grant::Glob(text.into()),
        None => Grant::Name(text.into()),
    }
}

fn grants(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| grant(text)).collect()
}

fn models(granted: &[&str]) -> Rules {
    Rules { models: Some(grants(granted)), ..Rules::default() }
}

fn deny(denied: &[&str]) -> Rules {
    Rules { deny: grants(denied), ..Rules::default() }
}

fn level(kind: LevelKind, rules: Vec<Rules>) -> Level {
    Level {
        kind,
        name: kind.as_str().into(),
        rules,
        limits: vec![],
        max_request_bytes: None,
        max_output_tokens: None,
        reserve: Reserve::Full,
        alerts: vec![],
    }
}

fn key(levels: Vec<u32>, own: Vec<Rules>) -> Key {
    Key {
        id: "k".into(),
        org: None,
        team: None,
        project: None,
        user: None,
        environment: None,
        levels,
        own: level(LevelKind::Key, own),
        not_before: None,
        expires: None,
        disabled: false,
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    Allowed,
    /// In the catalog, but not for this caller.
    Denied,
    /// Not in the catalog.
    NotFound,
}
use Outcome::{Allowed, Denied as Refused, NotFound};

fn outcome(rules: &[Rules], requested: &str) -> Outcome {
    let catalog = catalog();
    let Some(model) = resolve(&catalog, requested) else { return NotFound };
    let levels = [level(LevelKind::Team, rules.to_vec())];
    if decide(levels.iter(), Endpoint::Chat, &model).is_ok() { Allowed } else { Refused }
}
