//! What the levels grant and deny.

use super::*;

#[test]
fn one_level_grants_and_denies_as_written() {
    let both = |granted: &[&str], denied: &[&str]| Rules { deny: grants(denied), ..models(granted) };
    let table: Vec<(Rules, &str, Outcome)> = vec![
        // Nothing stated, nothing granted, everything granted.
        (Rules::default(), "gpt-4o", Allowed),
        (Rules::default(), "unknown", NotFound),
        (models(&[]), "gpt-4o", Refused),
        (models(&[]), "chat-default", Refused),
        (models(&[]), "openai/x", Refused),
        (models(&["all"]), "gpt-4o", Allowed),
        (models(&["all"]), "chat-default", Allowed),
        (models(&["all"]), "openai/x", Allowed),
        (models(&["all"]), "unknown", NotFound),
        // Names.
        (models(&["gpt-4o"]), "gpt-4o", Allowed),
        (models(&["gpt-4o"]), "gpt-4o-mini", Refused),
        (models(&["gpt-4o"]), "gpt-4", NotFound),
        (models(&["gpt-4o"]), "GPT-4o", NotFound),
        (models(&["GPT-4o"]), "gpt-4o", Refused),
        (models(&["gpt-4o"]), "gpt-4o\n", NotFound),
        (models(&["gpt-4o"]), "gpt-4o ", NotFound),
        (models(&["gpt-4o"]), " gpt-4o", NotFound),
        (models(&["gpt-4o"]), "gpt-4o,gpt-4o-mini", NotFound),
        (models(&["gpt-4o"]), "", NotFound),
        (models(&["m[1]+"]), "m[1]+", Allowed),
        (models(&["m[1]+"]), "m1", NotFound),
        (models(&["modèle"]), "modèle", Allowed),
        (models(&["modèle"]), "mode\u{300}le", NotFound),
        (models(&["openai/x"]), "openai/x", Allowed),
        (models(&["openai/x"]), "openai/y", Refused),
        (models(&["openai/x"]), "openai/x/z", Refused),
        // Globs: only `*` is special, and a prefix is never crossed.
        (models(&["gpt-*"]), "gpt-4o", Allowed),
        (models(&["gpt-*"]), "claude-sonnet", Refused),
        (models(&["gpt-*"]), "openai/gpt-4", Refused),
        (models(&["gpt-*-mini"]), "gpt-4o-mini", Allowed),
        (models(&["gpt-*-mini"]), "gpt-4o", Refused),
        (models(&["gpt-4.*"]), "gpt-4.1", Allowed),
        (models(&["gpt-4.*"]), "gpt-4o", Refused),
        (models(&["m[*]+"]), "m[1]+", Allowed),
        (models(&["m?1*"]), "m[1]+", Refused),
        (models(&["*"]), "gpt-4o", Allowed),
        (models(&["gpt-4o*"]), "gpt-4o", Allowed),
        (models(&["bedrock/*"]), "bedrock/x", Allowed),
        (models(&["bedrock/*"]), "bedrock/a/b", Allowed),
        (models(&["bedrock/*"]), "bedrockz/x", NotFound),
        (models(&["bedrock/*"]), "bedrockz/eu/x", Refused),
        (models(&["bedrock/*"]), "Bedrock/x", NotFound),
        (models(&["bedrock/*"]), "bedrock", NotFound),
        (models(&["bedrock/*"]), "bedrock/", Allowed),
        (models(&["bedrock/*"]), "bedrock/x\n", NotFound),
        (models(&["bedrock/*"]), "bedrock/\0", NotFound),
        (models(&["bedrock/*"]), "bedrock/x ", NotFound),
        (models(&["bedrock/*"]), "bedrock/x\u{a0}", NotFound),
        (models(&["openai/*"]), "bedrock/openai/x", Refused),
        // What looks like a pattern, a group or a word of the policy is plain text in a request.
        (models(&["all"]), "*", NotFound),
        (models(&["all"]), "gpt-*", NotFound),
        (models(&["all"]), "all", NotFound),
        (models(&["all"]), "frontier", NotFound),
        (models(&["@frontier"]), "frontier", NotFound),
        (models(&["gpt-4o"]), "openai/*", Refused),
        (models(&["openai/x"]), "openai/*", Refused),
        (models(&["openai/x"]), "*/*", NotFound),
        // Groups: those of the entry that serves, so a specific entry shadows a wildcard's.
        (models(&["@frontier"]), "gpt-4o", Allowed),
        (models(&["@frontier"]), "gpt-4o-mini", Refused),
        (models(&["@vendor"]), "openai/o1", Allowed),
        (models(&["@vendor"]), "bedrock/claude", Allowed),
        (models(&["@vendor"]), "openai/gpt-4", Refused),
        (models(&["@gpts"]), "openai/gpt-4", Allowed),
        (models(&["@vendor"]), "openai/gpt-5", Refused),
        (models(&["@gpts"]), "openai/gpt-5", Refused),
        (models(&["frontier"]), "gpt-4o", Refused),
        (models(&["@gpt-4o"]), "gpt-4o", Refused),
        // Aliases: under their own name or under what they stand for.
        (models(&["chat-default"]), "chat-default", Allowed),
        (models(&["gpt-4o"]), "chat-default", Allowed),
        (models(&["chat-default"]), "gpt-4o", Refused),
        (models(&["chat-*"]), "chat-default", Allowed),
        (models(&["gpt-4*"]), "chat-default", Allowed),
        (models(&["@defaults"]), "chat-default", Allowed),
        (models(&["@defaults"]), "gpt-4o", Refused),
        (models(&["gpt-4o-mini"]), "chat-default", Refused),
        (models(&["openai/gpt-9"]), "latest", Allowed),
        (models(&["openai/*"]), "latest", Allowed),
        (models(&["@gpts"]), "latest", Allowed),
        (models(&["all"]), "dangling", NotFound),
        (models(&["all"]), "loop", NotFound),
        // Denies win, whatever the grant.
        (deny(&["gpt-4o"]), "gpt-4o", Refused),
        (deny(&["gpt-4o"]), "gpt-4o-mini", Allowed),
        (deny(&["gpt-4o"]), "chat-default", Refused),
        (deny(&["chat-default"]), "chat-default", Refused),
        (deny(&["chat-default"]), "gpt-4o", Allowed),
        (deny(&["all"]), "gpt-4o", Refused),
        (deny(&["@vendor"]), "openai/o1", Refused),
        (deny(&["@vendor"]), "openai/gpt-4", Allowed),
        (deny(&["@defaults"]), "chat-default", Refused),
        (both(&["openai/*"], &["openai/o1-*"]), "openai/o1-mini", Refused),
        (both(&["openai/*"], &["openai/o1-*"]), "openai/o1", Allowed),
        (both(&["openai/*"], &["openai/o1-*"]), "openai/gpt-4", Allowed),
        (both(&["gpt-4o"], &["gpt-4o"]), "gpt-4o", Refused),
        (both(&["all"], &["@frontier"]), "claude-sonnet", Refused),
        (both(&["chat-default"], &["gpt-4o"]), "chat-default", Refused),
        (both(&["gpt-4o"], &["gpt-*-mini"]), "gpt-4o", Allowed),
    ];
    for (rules, requested, expected) in table {
        assert_eq!(outcome(std::slice::from_ref(&rules), requested), expected, "{requested:?} under {rules:?}");
    }
}

#[test]
fn every_level_must_grant_and_none_may_deny() {
    let catalog = catalog();
    let model = resolve(&catalog, "gpt-4o").unwrap();
    let kinds =
        [LevelKind::Global, LevelKind::Org, LevelKind::Team, LevelKind::Project, LevelKind::User, LevelKind::Key];
    for (position, kind) in kinds.into_iter().enumerate() {
        for (rules, why) in [
            (models(&["gpt-4o-mini"]), Why::NotGranted),
            (deny(&["gpt-*"]), Why::DeniedBy(&Grant::Glob("gpt-*".into()))),
        ] {
            let mut levels: Vec<_> = kinds.iter().map(|kind| level(*kind, vec![models(&["all"])])).collect();
            assert_eq!(decide(levels.iter(), Endpoint::Chat, &model), Ok(()));
            levels[position].rules.push(Rules { tier: Some("small".into()), ..rules });
            let denied = decide(levels.iter(), Endpoint::Chat, &model).unwrap_err();
            let source = Source { kind, name: kind.as_str(), tier: Some("small") };
            assert_eq!(denied, Denied { level: position, source, why });
        }
    }
}

#[test]
fn a_denial_names_the_level_the_tier_and_the_rule() {
    let catalog = catalog();
    let model = resolve(&catalog, "openai/o1-mini").unwrap();
    let said =
        |kind, rules| decide([&level(kind, vec![rules])].into_iter(), Endpoint::Chat, &model).unwrap_err().to_string();
    let tier = Rules { tier: Some("standard".into()), ..deny(&["openai/o1-*"]) };
    assert_eq!(said(LevelKind::Team, tier), "team team (tier standard): denied by openai/o1-*");
    assert_eq!(said(LevelKind::Key, models(&["@frontier"])), "key key: not granted");
    let closed = Rules { endpoints: Some(EndpointSet::default()), ..Rules::default() };
    assert_eq!(said(LevelKind::Org, closed), "org org: endpoint not granted");
}

#[test]
fn an_alias_may_be_granted_under_different_names_at_different_levels() {
    let catalog = catalog();
    let model = resolve(&catalog, "chat-default").unwrap();
    let team = level(LevelKind::Team, vec![models(&["gpt-4o"])]);
    let own = level(LevelKind::Key, vec![models(&["chat-default"])]);
    assert_eq!(decide([&team, &own].into_iter(), Endpoint::Chat, &model), Ok(()));
}

#[test]
fn a_tier_narrows_the_level_that_has_it() {
    assert_eq!(outcome(&[models(&["gpt-4o", "gpt-4o-mini"]), models(&["@frontier"])], "gpt-4o"), Allowed);
    assert_eq!(outcome(&[models(&["gpt-4o", "gpt-4o-mini"]), models(&["@frontier"])], "gpt-4o-mini"), Refused);
}

#[test]
fn every_stated_endpoint_set_must_hold_the_endpoint() {
    let catalog = catalog();
    let model = resolve(&catalog, "gpt-4o").unwrap();
    let only = |endpoints: &[Endpoint]| {
        let set = endpoints.iter().fold(EndpointSet::default(), |set, endpoint| set.with(*endpoint));
        Rules { endpoints: Some(set), ..Rules::default() }
    };
    let team = level(LevelKind::Team, vec![only(&[Endpoint::Chat, Endpoint::Embeddings])]);
    let own = level(LevelKind::Key, vec![only(&[Endpoint::Embeddings, Endpoint::Speech])]);
    let judge = |endpoint| decide([&team, &own].into_iter(), endpoint, &model);
    assert_eq!(judge(Endpoint::Embeddings), Ok(()));
    assert_eq!(judge(Endpoint::Chat).unwrap_err().level, 1);
    assert_eq!(judge(Endpoint::Speech).unwrap_err().why, Why::Endpoint);
    let closed = level(LevelKind::Key, vec![only(&[])]);
    for endpoint in Endpoint::ALL {
        let open = decide_endpoint([&closed].into_iter(), endpoint).is_ok();
        assert_eq!(open, endpoint == Endpoint::Models, "{endpoint:?}");
    }
}

#[test]
fn the_endpoint_is_judged_before_the_model_whatever_the_level() {
    let catalog = catalog();
    let model = resolve(&catalog, "gpt-4o").unwrap();
    let team = level(LevelKind::Team, vec![models(&[])]);
    let own = level(LevelKind::Key, vec![Rules { endpoints: Some(EndpointSet::default()), ..Rules::default() }]);
    assert_eq!(decide([&team, &own].into_iter(), Endpoint::Chat, &model).unwrap_err().why, Why::Endpoint);
}

#[test]
fn an_explanation_has_a_step_per_source_and_agrees_with_the_decision() {
    let catalog = catalog();
    let model = resolve(&catalog, "chat-default").unwrap();
    let tier = Rules { tier: Some("standard".into()), ..models(&["@frontier"]) };
    let levels = [level(LevelKind::Team, vec![Rules::default(), tier]), level(LevelKind::Key, vec![deny(&["gpt-4o"])])];
    let steps = explain(levels.iter(), Endpoint::Chat, &model);
    let verdicts: Vec<_> = steps.iter().map(|step| (step.level, step.source.tier, step.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            (0, None, Verdict::Silent),
            (0, Some("standard"), Verdict::GrantedBy(&Grant::Group("frontier".into()))),
            (1, None, Verdict::Denied(Why::DeniedBy(&Grant::Name("gpt-4o".into())))),
        ]
    );
    assert_eq!(decide(levels.iter(), Endpoint::Chat, &model).unwrap_err().level, 1);
}

#[test]
fn a_level_missing_from_the_policy_grants_nothing() {
    let policy = Policy { catalog: catalog(), ..Policy::default() };
    let key = key(vec![7], vec![]);
    let model = resolve(&policy.catalog, "gpt-4o").unwrap();
    assert_eq!(decide_model(levels(&policy, &key), &model).unwrap_err().why, Why::NotGranted);
}
