//! Checks the catalog and the providers, and resolves models, targets and aliases.

use std::collections::{BTreeMap, HashMap};

use super::decode::{At, Field, List};
use super::diagnostic::{Sink, quoted};
use super::document::{Model as ModelDoc, Price as PriceDoc, Provider as ProviderDoc, Target as TargetDoc};
use super::glob;
use super::merge::Section;
use super::names::Name;
use super::node::Pos;
use super::scalar::Usd;
use crate::policy::{Catalog, Entry, Model, Provider, Target};
use crate::pricing::Price;
use crate::providers::Api;

/// What names there are, for resolving grants and aliases.
#[derive(Debug)]
pub struct Names<'a> {
    /// All entries of the catalog.
    pub models: &'a Section<ModelDoc>,
    /// Where each model access group is mentioned first.
    pub groups: BTreeMap<&'a str, Pos>,
    /// The names of wildcard entries, the most specific first: most literal characters, then fewest `*`.
    pub wildcards: Vec<&'a str>,
    /// Globs already looked up: whether they match anything.
    pub globs: HashMap<String, bool>,
}

impl<'a> Names<'a> {
    /// Collects them.
    pub fn new(models: &'a Section<ModelDoc>) -> Self {
        let mut groups = BTreeMap::new();
        for group in models.values().filter_map(|entry| entry.doc.groups.get()).flat_map(|groups| &groups.0) {
            groups.entry(&*group.value.0).or_insert(group.pos);
        }
        let mut wildcards: Vec<&str> = models.keys().map(String::as_str).filter(|name| name.contains('*')).collect();
        wildcards.sort_by_key(|name| (core::cmp::Reverse(name.len().saturating_sub(stars(name))), stars(name), *name));
        Self { models, groups, wildcards, globs: HashMap::new() }
    }

    /// The entry that serves a name: the exact one, else the most specific wildcard entry.
    pub fn find(&self, name: &str) -> Option<(&'a str, &'a ModelDoc)> {
        let exact = self.models.get_key_value(name);
        let wildcard =
            || self.models.get_key_value(*self.wildcards.iter().find(|pattern| glob::matches(pattern, name))?);
        exact.or_else(wildcard).map(|(name, entry)| (name.as_str(), &entry.doc))
    }
}

/// A target without a price.
#[derive(Debug)]
pub struct Unpriced {
    /// The catalog name of its model.
    pub model: String,
    /// Where it is.
    pub pos: Pos,
}

/// Resolves the providers, in order of their names.
pub fn providers(section: &Section<ProviderDoc>, sink: &mut Sink) -> Vec<Provider> {
    if let (true, Some(entry)) = (section.len() > usize::from(u16::MAX), section.values().next()) {
        sink.error(entry.pos, "more than 65,535 providers");
    }
    // Credentials come in headers, whose names know no case.
    let mut known = HashMap::new();
    for (name, entry) in section {
        if let Some((other, pos)) = known.insert(name.to_ascii_lowercase(), (name, entry.pos)) {
            sink.error(entry.pos, format!("provider {} differs from {} only in case", quoted(name), quoted(other)))
                .related(pos, "the other")
                .help("choose another name: either would get the credential of the other");
        }
    }
    section
        .iter()
        .map(|(name, entry)| Provider {
            name: name.clone(),
            api: entry.doc.api.get().copied().unwrap_or(Api::OpenAi),
            api_version: entry.doc.api_version.get().map(|version| version.0.clone()),
            base_path: entry.doc.base_path.get().map(|path| path.0.clone()),
            forward_identity: entry.doc.forward_identity.get().is_some_and(|flag| flag.0),
        })
        .collect()
}

/// Checks and resolves the catalog.
pub fn catalog(
    names: &Names<'_>,
    providers: &Section<ProviderDoc>,
    unpriced: &mut Vec<Unpriced>,
    sink: &mut Sink,
) -> Catalog {
    for (group, pos) in &names.groups {
        if let Some(model) = names.models.get(*group) {
            sink.error(*pos, format!("group {} has the name of a model", quoted(group)))
                .related(model.pos, "the model")
                .help("a grant of that name would be ambiguous; rename one of the two");
        }
        if *group == "all" {
            sink.error(*pos, "`all` cannot be the name of a group: it grants the whole catalog")
                .help("choose another name");
        }
    }
    if let Some(entry) = names.models.get("all") {
        sink.error(entry.pos, "`all` cannot be the name of a model: it grants the whole catalog")
            .help("choose another name");
    }
    let mut models = vec![];
    for (name, entry) in names.models.iter().filter(|(_, entry)| !entry.broken) {
        let doc = &entry.doc;
        let mut groups = group_list(&doc.groups, sink);
        let resolved = if doc.alias.is_absent() {
            served(name, entry.pos, doc, providers, unpriced, sink)
        } else {
            alias(name, entry.pos, doc, names, &mut groups, sink)
        };
        models.extend(resolved.map(|entry| Model { name: name.clone(), entry, groups }));
    }
    name_fallbacks(&mut models);
    Catalog { models }
}

/// Notes for every target after the first under which names the catalog offers the same.
fn name_fallbacks(models: &mut [Model]) {
    let offers: Vec<(String, Vec<(u16, String)>)> = models
        .iter()
        .filter_map(|model| match &model.entry {
            Entry::Served { wildcard: false, targets, .. } => Some((
                model.name.clone(),
                targets.iter().map(|target| (target.provider, target.model.clone())).collect(),
            )),
            _ => None,
        })
        .collect();
    for model in models {
        let Entry::Served { targets, .. } = &mut model.entry else { continue };
        for target in targets.iter_mut().skip(1) {
            let same = |(name, offered): &&(String, Vec<(u16, String)>)| {
                let first = offered.first();
                *name != model.name
                    && (*name == target.model
                        || first
                            .is_some_and(|(provider, theirs)| *provider == target.provider && *theirs == target.model))
            };
            target.also = offers.iter().filter(same).map(|(name, _)| name.clone()).collect();
        }
    }
}

fn group_list(field: &Field<List<Name>>, sink: &mut Sink) -> Vec<String> {
    let list = field.get().map(|list| list.0.as_slice()).unwrap_or_default();
    unique(list, |name| name.0.clone(), sink);
    list.iter().map(|group| group.value.0.clone()).collect()
}

/// Reports entries that a list holds twice.
pub fn unique<T>(list: &[At<T>], text: impl Fn(&T) -> String, sink: &mut Sink) {
    let mut seen = HashMap::new();
    for entry in list {
        let shown = text(&entry.value);
        if let Some(first) = seen.get(&shown) {
            sink.error(entry.pos, format!("{} is in the list twice", quoted(&shown)))
                .related(*first, "first here")
                .help("remove one");
        } else {
            seen.insert(shown, entry.pos);
        }
    }
}

fn served(
    name: &str,
    pos: Pos,
    doc: &ModelDoc,
    providers: &Section<ProviderDoc>,
    unpriced: &mut Vec<Unpriced>,
    sink: &mut Sink,
) -> Option<Entry> {
    for (missing, field) in [(doc.cluster.is_absent(), "cluster"), (doc.targets.is_absent(), "targets")] {
        if missing {
            sink.error(pos, format!("model {} needs the field `{field}`", quoted(name)))
                .help("state `cluster` and `targets`, or `alias` for a second name of another model");
        }
    }
    let max_output_tokens = doc.max_output_tokens.get().map(|cap| cap.0);
    let list = doc.targets.at()?;
    if list.value.0.is_empty() {
        sink.error(list.pos, format!("model {} has no target", quoted(name)))
            .help("name at least one `provider` and `model`");
    }
    let mut seen: HashMap<&str, Pos> = HashMap::new();
    let mut targets = vec![];
    for At { pos, value: target } in &list.value.0 {
        if let Some(provider) = target.provider.at()
            && let Some(first) = seen.insert(&provider.value, provider.pos)
        {
            sink.error(
                provider.pos,
                format!("model {} has two targets for provider {}", quoted(name), quoted(&provider.value)),
            )
            .related(first, "the first")
            .help("one provider has one model per catalog name; add another name for the second");
        }
        if target.price.is_absent() {
            unpriced.push(Unpriced { model: name.into(), pos: *pos });
        }
        targets.extend(resolve_target(name, target, providers, sink));
    }
    let cluster = doc.cluster.get()?.0.clone();
    let drop_params = doc.drop_params.get().is_some_and(|flag| flag.0);
    let timeout_ms = doc.timeout.get().map(|timeout| timeout.0);
    let open_fallback = doc.open_fallback.get().is_some_and(|flag| flag.0);
    let wildcard = name.contains('*');
    Some(Entry::Served { wildcard, cluster, max_output_tokens, targets, drop_params, timeout_ms, open_fallback })
}

fn resolve_target(name: &str, doc: &TargetDoc, providers: &Section<ProviderDoc>, sink: &mut Sink) -> Option<Target> {
    if let Some(model) = doc.model.at().filter(|model| stars(&model.value) > stars(name)) {
        sink.error(model.pos, format!("{} has more `*` than the catalog name {}", quoted(&model.value), quoted(name)))
            .help("each `*` here stands for what one `*` of the catalog name matched");
    }
    let price = doc.price.at().map(|price| resolve_price(price, sink));
    let provider = doc.provider.at()?;
    let index = providers.keys().position(|name| **name == *provider.value);
    if index.is_none() {
        sink.missing(provider.pos, format!("no provider {} is defined", quoted(&provider.value)))
            .help("add it to `providers:`")
            .suggest(&provider.value, providers.keys().map(String::as_str));
    }
    Some(Target { provider: u16::try_from(index?).ok()?, model: doc.model.get()?.0.clone(), also: Vec::new(), price })
}

fn resolve_price(at: &At<PriceDoc>, sink: &mut Sink) -> Price {
    let doc = &at.value;
    if doc.input.is_absent() && doc.request.is_absent() {
        sink.error(at.pos, "a price needs the field `input`")
            .help("USD per million tokens; or `request` for a price per request only");
    }
    let amount = |field: &Field<Usd>| field.get().map(|usd| usd.0);
    Price {
        input: amount(&doc.input).unwrap_or_default(),
        cached_input: amount(&doc.cached_input),
        cache_write: amount(&doc.cache_write),
        cache_write_1h: amount(&doc.cache_write_1h),
        output: amount(&doc.output).unwrap_or_default(),
        reasoning: amount(&doc.reasoning),
        request: amount(&doc.request).unwrap_or_default(),
    }
}

fn alias(
    name: &str,
    pos: Pos,
    doc: &ModelDoc,
    names: &Names<'_>,
    groups: &mut Vec<String>,
    sink: &mut Sink,
) -> Option<Entry> {
    if name.contains('*') {
        sink.error(pos, format!("an alias is one name; {} holds `*`", quoted(name)))
            .help("to rename many models at once, give a wildcard entry `cluster` and `targets`");
    }
    let foreign = [
        ("cluster", doc.cluster.is_absent()),
        ("targets", doc.targets.is_absent()),
        ("max_output_tokens", doc.max_output_tokens.is_absent()),
        ("drop_params", doc.drop_params.is_absent()),
        ("timeout", doc.timeout.is_absent()),
        ("open_fallback", doc.open_fallback.is_absent()),
    ];
    for (field, _) in foreign.iter().filter(|(_, absent)| !absent) {
        sink.error(pos, format!("{} is an alias and cannot state `{field}`", quoted(name))).help(
            "an alias has what the model it stands for has; keep `alias` and `groups`, or make it a model of its own",
        );
    }
    let of = doc.alias.at()?;
    if of.value.contains('*') {
        sink.error(of.pos, format!("an alias stands for one model; {} holds `*`", quoted(&of.value)))
            .help("write a full model name");
        return None;
    }
    let Some((found, model)) = names.find(&of.value) else {
        sink.missing(
            of.pos,
            format!("alias {} stands for {}, which is not in the catalog", quoted(name), quoted(&of.value)),
        )
        .help("write a name of `models:`, or one that a wildcard entry matches")
        .suggest(&of.value, names.models.keys().map(String::as_str).filter(|other| *other != name));
        return None;
    };
    if !model.alias.is_absent() {
        let finding = sink.error(of.pos, format!("alias {} stands for another alias, {}", quoted(name), quoted(found)));
        if let Some(entry) = names.models.get(found) {
            finding.related(entry.pos, "the other alias");
        }
        finding.help("write the name of the model itself");
        return None;
    }
    for group in model.groups.get().map(|groups| groups.0.as_slice()).unwrap_or_default() {
        if !groups.contains(&group.value.0) {
            groups.push(group.value.0.clone());
        }
    }
    Some(Entry::Alias { of: of.value.0.clone() })
}

fn stars(text: &str) -> usize {
    text.matches('*').count()
}
