//! What a key may list.

use super::*;

fn listed(shared: Vec<Rules>, own: Vec<Rules>) -> Vec<String> {
    let team = level(LevelKind::Team, shared);
    let policy = Policy { catalog: catalog(), levels: vec![team], ..Policy::default() };
    allowed_models(&policy, &key(vec![0], own)).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_key_without_rules_lists_all_that_can_be_served() {
    let all: Vec<_> = catalog()
        .models
        .into_iter()
        .map(|model| model.name)
        .filter(|name| name != "dangling" && name != "loop" && !name.contains('*'))
        .collect();
    assert_eq!(listed(vec![], vec![]), all);
    assert_eq!(listed(vec![models(&["all"])], vec![]), all);
}

#[test]
fn the_list_is_exactly_what_may_be_called() {
    let none: [&str; 0] = [];
    assert_eq!(listed(vec![models(&[])], vec![]), none);
    assert_eq!(listed(vec![models(&["all"])], vec![models(&["gpt-4o"])]), ["chat-default", "gpt-4o"]);
    assert_eq!(listed(vec![models(&["chat-default"])], vec![]), ["chat-default"]);
    assert_eq!(listed(vec![models(&["gpt-4o"]), deny(&["chat-default"])], vec![]), ["gpt-4o"]);
    assert_eq!(listed(vec![models(&["@frontier"])], vec![deny(&["gpt-4o"])]), ["claude-sonnet"]);
    assert_eq!(listed(vec![models(&["gpt-4o"])], vec![models(&["gpt-4o-mini"])]), none);
}

#[test]
fn a_pattern_is_not_listed_and_what_it_serves_is_where_it_has_a_name_of_its_own() {
    assert_eq!(listed(vec![models(&["openai/*"])], vec![]), ["latest", "openai/gpt-5"]);
    assert_eq!(listed(vec![models(&["@gpts"])], vec![]), ["latest"]);
    assert_eq!(listed(vec![models(&["bedrock/*"])], vec![]), Vec::<String>::new());
    assert_eq!(listed(vec![models(&["openai/*"])], vec![deny(&["latest"])]), ["openai/gpt-5"]);
}

#[test]
fn a_single_name_granted_out_of_a_wildcard_entry_is_listed() {
    assert_eq!(listed(vec![models(&["openai/*"])], vec![models(&["openai/o1"])]), ["openai/o1"]);
    assert_eq!(listed(vec![models(&["bedrock/*"])], vec![models(&["openai/o1"])]), Vec::<String>::new());
}
