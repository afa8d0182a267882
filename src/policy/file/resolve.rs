//! From merged documents to a [`Policy`]: every reference is checked and every level resolved.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jiff::Timestamp;

use super::catalog::{self, Names, Unpriced};
use super::decode::{At, Field};
use super::diagnostic::{Sink, quoted};
use super::document::Level as LevelDoc;
use super::key;
use super::level::Stated;
use super::merge::{Merged, Section};
use super::names::Name;
use super::node::Pos;
use super::{store, timezone};
use crate::policy::{Grant, KeyTable, Level, LevelKind, Limit, Metric, Policy};

/// What resolving has found so far.
pub struct Resolver<'a> {
    /// The documents.
    pub merged: &'a Merged,
    /// The names of the catalog.
    pub names: Names<'a>,
    /// Levels above the keys that state anything, or all where keys may come from the store.
    pub levels: Vec<Level>,
    /// By team: the first key that may call every model.
    pub unrestricted: BTreeMap<Option<String>, (Pos, String)>,
    by_name: HashMap<(LevelKind, String), u32>,
    /// Levels that state nothing are kept: keys of the store are held against what is defined.
    all: bool,
    tiers: BTreeMap<&'a str, Rc<Stated>>,
    /// What `usd` limits apply to; `None` in it: to everything.
    usd: Vec<Option<Grant>>,
}

/// Checks and resolves. The policy is of use only if the sink has no errors afterwards.
pub fn resolve(merged: &Merged, environment: Option<&str>, now: Timestamp, sink: &mut Sink) -> Policy {
    let names = Names::new(&merged.models);
    let mut unpriced = vec![];
    let providers = catalog::providers(&merged.providers, sink);
    let catalog = catalog::catalog(&names, &merged.providers, &mut unpriced, sink);
    let mut resolver = Resolver {
        merged,
        names,
        levels: vec![],
        unrestricted: BTreeMap::new(),
        by_name: HashMap::new(),
        all: merged.store.as_ref().is_some_and(|store| store.value.keys.get().is_some()),
        tiers: BTreeMap::new(),
        usd: vec![],
    };
    for (name, entry) in &merged.tiers {
        let stated = Stated::resolve(&entry.doc.level, &mut resolver.names, sink);
        resolver.tiers.insert(name, Rc::new(stated));
    }
    resolver.all_levels(sink);
    let end_users = merged.end_users.as_ref().and_then(|end_users| {
        let LevelParts { tier, level } = (&end_users.value).into();
        warn_of_what_comes_too_late(level, sink);
        resolver.level(LevelKind::EndUser, "", tier, level, sink)
    });
    let keys = key::keys(&mut resolver, environment, now, sink);
    let store = store::resolve(merged, sink);
    if !sink.has_errors() {
        resolver.warn_of_gaps(&unpriced, sink);
    }
    let keys = KeyTable::build(keys).unwrap_or_else(|error| {
        sink.error(Pos::start_of(0), format!("the keys cannot be encoded: {error}"));
        KeyTable::default()
    });
    let timezone = merged.timezone.as_ref().map(|zone| timezone::compile(&zone.value.0, now)).unwrap_or_default();
    Policy { version: String::new(), timezone, providers, catalog, levels: resolver.levels, end_users, keys, store }
}

/// Whom a request is for is known once its body is read: endpoint and size have been judged by then.
fn warn_of_what_comes_too_late(end_users: &LevelDoc, sink: &mut Sink) {
    let endpoints = end_users.endpoints.at().map(|at| ("endpoints", at.pos));
    let size = end_users.max_request_bytes.at().map(|at| ("max_request_bytes", at.pos));
    for (field, pos) in endpoints.into_iter().chain(size) {
        sink.warning(
            pos,
            format!("`{field}` has no effect in `end_users`: the end user is known once the body is read"),
        )
        .help("state it in `defaults`, or at the levels of the keys");
    }
}

/// A level's document, whatever its section.
struct LevelParts<'a> {
    tier: &'a Field<Name>,
    level: &'a LevelDoc,
}

macro_rules! level_parts {
    ($($document:ident)*) => {
        $(impl<'a> From<&'a super::document::$document> for LevelParts<'a> {
            fn from(document: &'a super::document::$document) -> Self {
                Self { tier: &document.tier, level: &document.level }
            }
        })*
    };
}
level_parts! { LevelWithTier Team Project }

impl Resolver<'_> {
    fn all_levels(&mut self, sink: &mut Sink) {
        let merged = self.merged;
        if let Some(defaults) = &merged.defaults {
            self.add_level(LevelKind::Global, "", (&defaults.value).into(), sink);
        }
        for (name, entry) in &merged.orgs {
            self.add_level(LevelKind::Org, name, (&entry.doc).into(), sink);
        }
        for (name, entry) in &merged.teams {
            if let Some(org) = entry.doc.org.at() {
                self.expect_label("org", org, &merged.orgs, sink);
            }
            self.add_level(LevelKind::Team, name, (&entry.doc).into(), sink);
        }
        for (name, entry) in &merged.projects {
            if let Some(team) = entry.doc.team.at() {
                self.expect_team(team, sink);
            }
            self.add_level(LevelKind::Project, name, (&entry.doc).into(), sink);
        }
        for (name, entry) in &merged.users {
            self.add_level(LevelKind::User, name, (&entry.doc).into(), sink);
        }
    }

    fn add_level(&mut self, kind: LevelKind, name: &str, parts: LevelParts<'_>, sink: &mut Sink) {
        let Some(level) = self.level(kind, name, parts.tier, parts.level, sink) else { return };
        if let Ok(index) = u32::try_from(self.levels.len()) {
            self.by_name.insert((kind, name.into()), index);
            self.levels.push(level);
        }
    }

    fn level(
        &mut self,
        kind: LevelKind,
        name: &str,
        tier: &Field<Name>,
        doc: &LevelDoc,
        sink: &mut Sink,
    ) -> Option<Level> {
        let own = Stated::resolve(doc, &mut self.names, sink);
        let tier = self.tier(tier, sink);
        let tier = tier.as_ref().map(|(name, tier)| (*name, &**tier));
        let level = if self.all { own.fold(kind, name, tier) } else { own.into_level(kind, name, tier)? };
        self.note_limits(&level.limits);
        Some(level)
    }

    /// The tier a level takes over.
    pub fn tier<'n>(&self, tier: &'n Field<Name>, sink: &mut Sink) -> Option<(&'n str, Rc<Stated>)> {
        let at = tier.at()?;
        if let Some(stated) = self.tiers.get(&*at.value.0) {
            return Some((&at.value, Rc::clone(stated)));
        }
        sink.missing(at.pos, format!("no tier {} is defined", quoted(&at.value)))
            .help("add it to `tiers:`")
            .suggest(&at.value, self.tiers.keys().copied());
        None
    }

    /// Reports a team that is not defined.
    pub fn expect_team(&self, team: &At<Name>, sink: &mut Sink) {
        if !self.merged.teams.contains_key(&*team.value.0) {
            sink.missing(team.pos, format!("no team {} is defined", quoted(&team.value)))
                .help("add it to `teams:`")
                .suggest(&team.value, self.merged.teams.keys().map(String::as_str));
        }
    }

    /// Reports an org or project that is not defined, if any is: without its section, the name is a mere label.
    pub fn expect_label<T>(&self, what: &str, name: &At<Name>, section: &Section<T>, sink: &mut Sink) {
        if !section.is_empty() && !section.contains_key(&*name.value.0) {
            sink.missing(name.pos, format!("no {what} {} is defined", quoted(&name.value)))
                .help(format!("add it to `{what}s:`"))
                .suggest(&name.value, section.keys().map(String::as_str));
        }
    }

    /// The index of a level that states anything.
    pub fn level_index(&self, kind: LevelKind, name: String) -> Option<u32> {
        self.by_name.get(&(kind, name)).copied()
    }

    /// Remembers what `usd` limits apply to.
    pub fn note_limits(&mut self, limits: &[Limit]) {
        for limit in limits.iter().filter(|limit| limit.metric == Metric::Usd) {
            if !self.usd.contains(&None) && !self.usd.contains(&limit.model) {
                self.usd.push(limit.model.clone());
            }
        }
    }

    fn warn_of_gaps(&self, unpriced: &[Unpriced], sink: &mut Sink) {
        for Unpriced { model, pos } in unpriced {
            let held = |grant: &Option<Grant>| grant.as_ref().is_none_or(|grant| self.names.touches(grant, model));
            if self.usd.iter().any(held) {
                sink.warning(*pos, format!("model {} has no price here, so no `usd` limit holds it", quoted(model)))
                    .help("add `price: { input: …, output: … }`, with zeros if it costs nothing");
            }
        }
        for (team, (first, id)) in &self.unrestricted {
            let entry = team.as_ref().and_then(|team| Some((team, self.merged.teams.get(team)?)));
            match entry {
                Some((team, entry)) => sink
                    .warning(
                        entry.pos,
                        format!("team {} has keys that may call every model of the catalog", quoted(team)),
                    )
                    .related(*first, format!("such as key {}", quoted(id))),
                None => sink.warning(*first, format!("key {} may call every model of the catalog", quoted(id))),
            }
            .help("add `models:`; `models: [all]` if it is meant");
        }
    }
}
