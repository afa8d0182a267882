//! Checks keys and resolves what they refer to.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::decode::{At, Field};
use super::diagnostic::{Sink, quoted};
use super::document::Key as KeyDoc;
use super::level::Stated;
use super::node::Pos;
use super::resolve::Resolver;
use crate::policy::{Key, KeyHash, Level, LevelKind};

/// Resolves all keys; those of other environments than the one asked for are checked, but left out.
pub fn keys(
    resolver: &mut Resolver<'_>,
    environment: Option<&str>,
    now: Timestamp,
    sink: &mut Sink,
) -> Vec<(KeyHash, Key)> {
    let mut ids: HashMap<&str, Pos> = HashMap::new();
    let mut hashes: HashMap<KeyHash, Pos> = HashMap::new();
    let mut unknown_users = HashSet::new();
    let mut keys = vec![];
    let merged = resolver.merged;
    for key in &merged.keys {
        let doc = &key.value;
        if let Some(id) = doc.id.at() {
            if let Some(first) = ids.get(id.value.0.as_str()) {
                sink.error(id.pos, format!("key id {} is given twice", quoted(&id.value.0)))
                    .related(*first, "first given here")
                    .help("audit records name keys by id: each key has its own");
            } else {
                ids.insert(&id.value.0, id.pos);
            }
        }
        if let Some(hash) = doc.hash.at() {
            if let Some(first) = hashes.get(&hash.value.0) {
                sink.error(hash.pos, "two entries have the same hash: they are the same key")
                    .related(*first, "first given here")
                    .help("keep one entry, or make a key of its own with `keyward key new`");
            } else {
                hashes.insert(hash.value.0, hash.pos);
            }
        }
        if let Some(user) = doc.user.at() {
            let unknown = !merged.users.is_empty() && !merged.users.contains_key(&*user.value);
            if unknown && unknown_users.insert(&*user.value) {
                sink.probably_missing(user.pos, format!("no user {} is defined", quoted(&user.value)))
                    .help("add it to `users:`, or check its spelling")
                    .suggest(&user.value, merged.users.keys().map(String::as_str));
            }
        }
        validity(doc, now, sink);
        let resolved = key_of(doc, resolver, sink);
        let theirs = doc.environment.get().map(|name| &*name.0);
        let wanted = environment.is_none() || theirs.is_none() || theirs == environment;
        keys.extend(resolved.filter(|_| wanted));
    }
    if let Some(wanted) = environment {
        expect_environment(wanted, &merged.keys, sink);
    }
    keys
}

/// Reports an environment that no key names: mistyped, it would leave out every key of the one that was meant. Where keys
/// name no environment at all, none is left out.
fn expect_environment(wanted: &str, keys: &[At<KeyDoc>], sink: &mut Sink) {
    let names: BTreeSet<&str> = keys.iter().filter_map(|key| Some(&*key.value.environment.get()?.0)).collect();
    if names.contains(wanted) {
        return;
    }
    let message = format!("no key is for environment {}", quoted(wanted));
    if names.is_empty() {
        sink.probably_missing(Pos::start_of(0), message)
            .help("no key names an environment, so every environment has all keys");
        return;
    }
    let known: Vec<&str> = names.iter().copied().collect();
    sink.missing(Pos::start_of(0), format!("{message}; there are keys for `{}`", known.join("`, `")))
        .help("name one of those, or give a key this environment first")
        .suggest(wanted, names.into_iter());
}

fn validity(doc: &KeyDoc, now: Timestamp, sink: &mut Sink) {
    let Some(expires) = doc.expires.at() else { return };
    if let Some(begins) = doc.not_before.at().filter(|begins| expires.value.0 <= begins.value.0) {
        sink.error(expires.pos, "the key expires before it becomes valid")
            .related(begins.pos, "it becomes valid here")
            .help("`expires` is after `not_before`");
    } else if expires.value.0 <= now.as_second() {
        sink.warning(expires.pos, "the key has expired").help("remove its entry, or move `expires`");
    }
}

fn key_of(doc: &KeyDoc, resolver: &mut Resolver<'_>, sink: &mut Sink) -> Option<(KeyHash, Key)> {
    let merged = resolver.merged;
    let (team, project) = (doc.team.at(), doc.project.at());
    if let Some(team) = team {
        resolver.expect_team(team, sink);
    }
    if let Some(project) = project {
        resolver.expect_label("project", project, &merged.projects, sink);
    }
    let project_team = project.and_then(|project| merged.projects.get(&*project.value)?.doc.team.at());
    if let (Some(team), Some(owner), Some(project)) = (team, project_team, project)
        && team.value != owner.value
    {
        sink.error(
            team.pos,
            format!(
                "project {} belongs to team {}, not {}",
                quoted(&project.value),
                quoted(&owner.value),
                quoted(&team.value)
            ),
        )
        .related(owner.pos, "the project's team")
        .help("leave `team` out, or name another project");
    }
    let team = team.or(project_team).map(|team| team.value.0.clone());
    let org = team.as_ref().and_then(|team| merged.teams.get(team)?.doc.org.get()).map(|org| org.0.clone());
    let project = project.map(|project| project.value.0.clone());
    let user = doc.user.get().map(|user| user.0.clone());
    let own = Stated::resolve(&doc.level, &mut resolver.names, sink);
    let tier = resolver.tier(&doc.tier, sink);
    let id = doc.id.get()?.0.clone();
    let own = own.fold(LevelKind::Key, &id, tier.as_ref().map(|(name, tier)| (*name, &**tier)));
    let levels = [
        (LevelKind::Global, Some(String::new())),
        (LevelKind::Org, org.clone()),
        (LevelKind::Team, team.clone()),
        (LevelKind::Project, project.clone()),
        (LevelKind::User, user.clone()),
    ];
    let levels: Vec<u32> = levels.into_iter().filter_map(|(kind, name)| resolver.level_index(kind, name?)).collect();
    unrestricted(doc, team.as_deref(), &levels, &own, resolver);
    resolver.note_limits(&own.limits);
    let seconds = |field: &Field<super::scalar::Moment>| field.get().map(|moment| moment.0);
    let key = Key {
        id,
        org,
        team,
        project,
        user,
        environment: doc.environment.get().map(|name| name.0.clone()),
        levels,
        own,
        not_before: seconds(&doc.not_before),
        expires: seconds(&doc.expires),
        disabled: doc.disabled.get().is_some_and(|flag| flag.0),
    };
    Some((doc.hash.get()?.0, key))
}

/// Remembers the first key of each team for which no level states `models`.
fn unrestricted(doc: &KeyDoc, team: Option<&str>, levels: &[u32], own: &Level, resolver: &mut Resolver<'_>) {
    let states = |level: &Level| level.rules.iter().any(|rules| rules.models.is_some());
    let above = || levels.iter().filter_map(|index| resolver.levels.get(usize::try_from(*index).ok()?)).any(states);
    if states(own) || above() {
        return;
    }
    if let Some(id) = doc.id.at() {
        resolver.unrestricted.entry(team.map(Into::into)).or_insert_with(|| (id.pos, id.value.0.clone()));
    }
}
