//! Resolves the entries of `models`, `deny` and a limit's `model` against the catalog.

use super::catalog::{Names, unique};
use super::decode::{At, List};
use super::diagnostic::{Sink, quoted};
use super::glob;
use super::names::Pattern;
use crate::policy::Grant;

impl Names<'_> {
    /// What an entry stands for; an entry that stands for nothing is an error, a glob that matches nothing a warning.
    pub fn grant(&mut self, pattern: &At<Pattern>, sink: &mut Sink) -> Option<Grant> {
        let text = &pattern.value.0;
        if text == "all" {
            return Some(Grant::All);
        }
        if text.contains('*') {
            if !self.glob_matches(text) {
                sink.probably_missing(pattern.pos, format!("{} matches no model of the catalog", quoted(text)))
                    .help("check its spelling; models of wildcard entries count too");
            }
            return Some(Grant::Glob(text.clone()));
        }
        if self.groups.contains_key(text.as_str()) {
            return Some(Grant::Group(text.clone()));
        }
        if self.find(text).is_some() {
            return Some(Grant::Name(text.clone()));
        }
        let names = self.models.keys().map(String::as_str).chain(self.groups.keys().copied()).chain(["all"]);
        sink.missing(pattern.pos, format!("{} is neither a model nor a group of the catalog", quoted(text)))
            .help("add it to `models:`, or name a group, a glob or `all`")
            .suggest(text, names);
        None
    }

    /// A list of them, each once.
    pub fn grants(&mut self, list: &List<Pattern>, sink: &mut Sink) -> Vec<Grant> {
        unique(&list.0, |pattern| pattern.0.clone(), sink);
        list.0.iter().filter_map(|pattern| self.grant(pattern, sink)).collect()
    }

    fn glob_matches(&mut self, text: &str) -> bool {
        if let Some(known) = self.globs.get(text) {
            return *known;
        }
        let found = self.models.keys().any(|name| overlaps(text, name));
        self.globs.insert(text.into(), found);
        found
    }

    /// Whether a grant can match what a catalog entry serves.
    pub fn touches(&self, grant: &Grant, model: &str) -> bool {
        match grant {
            Grant::All => true,
            Grant::Name(name) => self.find(name).is_some_and(|(found, doc)| {
                found == model || doc.alias.get().and_then(|of| self.find(of)).is_some_and(|(found, _)| found == model)
            }),
            Grant::Group(group) => {
                let groups = self.models.get(model).and_then(|entry| entry.doc.groups.get());
                groups.is_some_and(|groups| groups.0.iter().any(|member| member.value.0 == *group))
            }
            Grant::Glob(pattern) => overlaps(pattern, model),
        }
    }
}

/// Whether a glob matches a catalog name or, where that is a wildcard entry, a name the entry matches.
fn overlaps(pattern: &str, name: &str) -> bool {
    if name.contains('*') { glob::overlap(pattern, name) } else { glob::matches(pattern, name) }
}
