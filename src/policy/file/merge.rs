//! Many files become one: sections merge, and what is stated twice is an error that shows both places.

use std::collections::BTreeMap;

use super::decode::{At, Decode as _, Field, Named};
use super::diagnostic::{Sink, quoted};
use super::document::{File, Key, LevelWithTier, Model, Project, Provider, Store, Team, Tier};
use super::node::{self, Pos};
use super::scalar::Zone;
use super::source::Sources;

/// One entry of a section.
#[derive(Debug)]
pub struct Entry<T> {
    /// Where its name is written.
    pub pos: Pos,
    /// What it states.
    pub doc: T,
    /// It could not be read, which has been reported; `doc` states nothing.
    pub broken: bool,
}

/// A section of named entries, by name: the order of files makes no difference.
pub type Section<T> = BTreeMap<String, Entry<T>>;

/// All files together.
#[derive(Debug, Default)]
pub struct Merged {
    /// `timezone`
    pub timezone: Option<At<Zone>>,
    /// `store`
    pub store: Option<At<Store>>,
    /// `defaults`
    pub defaults: Option<At<LevelWithTier>>,
    /// `end_users`
    pub end_users: Option<At<LevelWithTier>>,
    /// `providers`
    pub providers: Section<Provider>,
    /// `models`
    pub models: Section<Model>,
    /// `tiers`
    pub tiers: Section<Tier>,
    /// `orgs`
    pub orgs: Section<LevelWithTier>,
    /// `teams`
    pub teams: Section<Team>,
    /// `projects`
    pub projects: Section<Project>,
    /// `users`
    pub users: Section<LevelWithTier>,
    /// `keys`, in order of files.
    pub keys: Vec<At<Key>>,
}

/// Reads and merges all files.
pub fn merge(sources: &Sources, sink: &mut Sink) -> Merged {
    let mut merged = Merged::default();
    // A file that cannot be read may well state the version.
    let mut versioned = sink.has_errors();
    if sink.has_errors() {
        sink.incomplete();
    }
    for (file, text) in &sources.texts {
        let (documents, whole) = node::parse(node::Kind::Policy, *file, text, sink);
        if !whole {
            sink.incomplete();
            versioned = true;
        }
        for document in documents {
            // A file of comments only is an empty document.
            if document.is_null() {
                continue;
            }
            if let Some(file) = File::decode(&document, sink) {
                versioned |= !file.version.is_absent();
                merged.add(file, sink);
            } else {
                sink.incomplete();
            }
        }
    }
    if let (false, Some((file, _))) = (versioned, sources.texts.first()) {
        sink.error(Pos::start_of(*file), "no file states the version of the policy format")
            .help("write `version: 1` at the top");
    }
    merged
}

impl Merged {
    fn add(&mut self, file: File, sink: &mut Sink) {
        // Each file may say `version: 1`: it is the version of the file's format, and there is only the one.
        let File {
            version: _,
            timezone,
            providers,
            models,
            tiers,
            defaults,
            orgs,
            teams,
            projects,
            users,
            end_users,
            keys,
            store,
        } = file;
        once(&mut self.timezone, timezone, "timezone", sink);
        once(&mut self.defaults, defaults, "defaults", sink);
        once(&mut self.end_users, end_users, "end_users", sink);
        once(&mut self.store, store, "store", sink);
        section(&mut self.providers, providers, "provider", sink);
        section(&mut self.models, models, "model", sink);
        section(&mut self.tiers, tiers, "tier", sink);
        section(&mut self.orgs, orgs, "org", sink);
        section(&mut self.teams, teams, "team", sink);
        section(&mut self.projects, projects, "project", sink);
        section(&mut self.users, users, "user", sink);
        if matches!(keys, Field::Bad) {
            sink.incomplete();
        }
        self.keys.extend(keys.into_at().map(|keys| keys.value.0).unwrap_or_default());
    }
}

fn once<T>(slot: &mut Option<At<T>>, field: Field<T>, name: &str, sink: &mut Sink) {
    match (slot.as_ref(), field.into_at()) {
        (Some(first), Some(second)) => {
            sink.error(second.pos, format!("`{name}` is stated in two places"))
                .related(first.pos, "first stated here")
                .help("a policy has one; keep it in one file");
        }
        (None, Some(stated)) => *slot = Some(stated),
        (_, None) => {}
    }
}

fn section<N: std::ops::Deref<Target = str>, T: Default>(
    section: &mut Section<T>,
    field: Field<Named<N, T>>,
    what: &str,
    sink: &mut Sink,
) {
    if matches!(field, Field::Bad) {
        sink.incomplete();
    }
    let Some(At { value: Named(entries), .. }) = field.into_at() else { return };
    for (name, doc) in entries {
        if let Some(first) = section.get(&*name.value) {
            sink.error(name.pos, format!("{what} {} is defined twice", quoted(&name.value)))
                .related(first.pos, "first defined here")
                .help("keep one of the two, or give one another name");
            continue;
        }
        let broken = doc.is_none();
        section.insert(name.value.to_string(), Entry { pos: name.pos, doc: doc.unwrap_or_default(), broken });
    }
}
