//! From the name a request gives to the model that serves it.

use std::borrow::Cow;

use super::pattern;
use crate::policy::{Catalog, Entry, Model, Target};

/// Longest name a wildcard entry matches, in bytes. A name goes into headers and records.
pub const MAX_NAME: usize = 512;

/// A requested name and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The name as requested.
    pub requested: &'a str,
    /// The alias, where the requested name is one.
    pub alias: Option<&'a Model>,
    /// The entry that serves the request; never an alias.
    pub model: &'a Model,
    /// The name under which it was found: as requested, or what the alias stands for.
    pub name: &'a str,
}

impl<'a> Resolved<'a> {
    /// The name of the catalog entry that was asked for: the alias, the exact name or the pattern. One of a bounded set,
    /// fit to be a label, unlike the requested name.
    #[must_use]
    pub fn catalog_name(&self) -> &'a str {
        &self.alias.unwrap_or(self.model).name
    }

    /// The names a grant can mean: the alias and the served name, or only the served name.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.alias.map(|_| self.requested).into_iter().chain([self.name])
    }

    /// The model access groups of the alias and of the model served. Some may come twice.
    pub fn groups(&self) -> impl Iterator<Item = &'a str> {
        let own = self.alias.map(|alias| alias.groups.as_slice()).unwrap_or_default();
        own.iter().chain(&self.model.groups).map(String::as_str)
    }

    /// Where it is served.
    #[must_use]
    pub fn targets(&self) -> &'a [Target] {
        match &self.model.entry {
            Entry::Served { targets, .. } => targets,
            Entry::Alias { .. } => &[],
        }
    }

    /// The provider's name for the model at one of its targets: each `*` replaced by what it matched.
    #[must_use]
    pub fn provider_model<'t>(&self, target: &'t Target) -> Cow<'t, str> {
        pattern::expand(&target.model, &self.model.name, self.name)
    }
}

/// Looks a requested name up: the exact name, else the most specific wildcard entry that matches (most literal
/// characters, then fewest `*`, then first by name). An alias is followed once. The name is plain text: a `*` in it is
/// an ordinary character.
///
/// A wildcard entry matches no name with white space or control characters, nor one longer than [`MAX_NAME`]: no provider
/// has such a model, and a provider that trims names would be a way around a deny.
#[must_use]
pub fn resolve<'a>(catalog: &'a Catalog, requested: &'a str) -> Option<Resolved<'a>> {
    let found = lookup(catalog, requested)?;
    match &found.entry {
        Entry::Served { .. } => Some(Resolved { requested, alias: None, model: found, name: requested }),
        Entry::Alias { of } => {
            let model = lookup(catalog, of)?;
            match model.entry {
                Entry::Served { .. } => Some(Resolved { requested, alias: Some(found), model, name: of }),
                Entry::Alias { .. } => None,
            }
        }
    }
}

fn lookup<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Model> {
    let exact = catalog.models.binary_search_by(|model| model.name.as_str().cmp(name)).ok();
    exact
        .and_then(|position| catalog.models.get(position))
        .filter(|model| !is_wildcard(model))
        .or_else(|| most_specific(catalog, name))
}

fn most_specific<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Model> {
    if name.len() > MAX_NAME || name.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return None;
    }
    let matching = catalog.models.iter().filter(|model| is_wildcard(model) && pattern::matches(&model.name, name));
    // The last of equals wins in `max_by_key`: seen from the back, that is the first by name.
    matching.rev().max_by_key(|model| pattern::specificity(&model.name))
}

/// Whether the entry's name is a pattern.
pub(super) const fn is_wildcard(model: &Model) -> bool {
    matches!(model.entry, Entry::Served { wildcard: true, .. })
}
