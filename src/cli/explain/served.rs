//! Who would serve a request, and for how much.

use std::borrow::Cow;

use crate::authz::Resolved;
use crate::policy::{Entry, Policy, Target};
use crate::pricing::{NanoUsd, Price};

/// The cluster that serves a model.
pub fn cluster<'a>(model: &Resolved<'a>) -> &'a str {
    match &model.model.entry {
        Entry::Served { cluster, .. } => cluster,
        Entry::Alias { .. } => "",
    }
}

/// Provider, its name for the model, and price of a target.
pub fn target_parts<'t>(
    policy: &'t Policy,
    model: &Resolved<'_>,
    target: &'t Target,
) -> (&'t str, Cow<'t, str>, Option<&'t Price>) {
    let provider = policy.providers.get(usize::from(target.provider)).map_or("", |provider| &provider.name);
    (provider, model.provider_model(target), target.price.as_ref())
}

/// The rates of a price that are stated, under the words of policy files.
pub fn rates(price: &Price) -> Vec<(&'static str, NanoUsd)> {
    let Price { input, cached_input, cache_write, cache_write_1h, output, reasoning, request } = *price;
    let optional = [
        ("cached_input", cached_input),
        ("cache_write", cache_write),
        ("cache_write_1h", cache_write_1h),
        ("output", Some(output)),
        ("reasoning", reasoning),
        ("request", Some(request).filter(|request| request.0 > 0)),
    ];
    let stated = optional.into_iter().filter_map(|(rate, usd)| Some((rate, usd?)));
    [("input", input)].into_iter().chain(stated).collect()
}
