//! Resolves the store, and holds every limit against what it can count.

use super::decode::{At, Field};
use super::diagnostic::Sink;
use super::document::{Level, Limit};
use super::merge::Merged;
use super::node::Pos;
use crate::policy::{OnOutage, STORE_COUNTS_BELOW, Store, StoreDialect};
use crate::pricing::NanoUsd;

const DEFAULT_TIMEOUT_MS: u64 = 50;
const DEFAULT_KEYS_TTL_MS: u64 = 30_000;

/// The store, if one is stated.
pub fn resolve(merged: &Merged, sink: &mut Sink) -> Option<Store> {
    let At { pos, value: doc } = merged.store.as_ref()?;
    levels(merged).flat_map(|level| level.limits.get()).flat_map(|list| &list.0).for_each(|limit| {
        countable(&limit.value, *pos, sink);
    });
    let keys = doc.keys.get();
    Some(Store {
        cluster: doc.cluster.get()?.0.clone(),
        dialect: doc.dialect.get().copied().unwrap_or(StoreDialect::Webdis),
        timeout_ms: doc.timeout.get().map_or(DEFAULT_TIMEOUT_MS, |timeout| timeout.0),
        on_outage: doc.on_outage.get().copied().unwrap_or(OnOutage::Deny),
        authority: doc.authority.get().map(|authority| authority.0.clone()),
        keys_ttl_ms: keys.map(|keys| keys.ttl.get().map_or(DEFAULT_KEYS_TTL_MS, |ttl| ttl.0)),
    })
}

/// All levels as they are written, tiers included.
fn levels(merged: &Merged) -> impl Iterator<Item = &Level> {
    let single = [&merged.defaults, &merged.end_users].into_iter().flatten().map(|at| &at.value.level);
    let with_tier = [&merged.orgs, &merged.users].into_iter().flat_map(|section| section.values());
    single
        .chain(merged.tiers.values().map(|tier| &tier.doc.level))
        .chain(with_tier.map(|entry| &entry.doc.level))
        .chain(merged.teams.values().map(|team| &team.doc.level))
        .chain(merged.projects.values().map(|project| &project.doc.level))
        .chain(merged.keys.iter().map(|key| &key.value.level))
}

fn countable(limit: &Limit, store: Pos, sink: &mut Sink) {
    let most = STORE_COUNTS_BELOW.saturating_sub(1);
    let mut check = |amount: Option<(Pos, u64)>, most: &dyn std::fmt::Display| {
        let Some((pos, _)) = amount.filter(|(_, amount)| *amount >= STORE_COUNTS_BELOW) else { return };
        sink.error(pos, "the store cannot count that far")
            .related(store, "the store")
            .help(format!("the most is {most}: Redis counts in doubles"));
    };
    for count in [&limit.requests, &limit.tokens, &limit.input_tokens, &limit.output_tokens, &limit.concurrency] {
        check(count.at().map(|at| (at.pos, at.value.0)), &most);
    }
    check(Field::at(&limit.usd).map(|at| (at.pos, at.value.0.0)), &NanoUsd(most));
}
