//! Where a request goes: the cluster for Envoy's router, and the plan for every attempt made there.
//!
//! Fails closed: a model without a target routes nowhere (the policy checker refuses one), and a provider that is no target
//! of the plan is not spoken to.

mod plan;

pub use plan::{Identity, Plan, PlannedTarget};

use crate::authz::{self, Resolved};
use crate::policy::{Entry, Key, Level, Policy, Target};

/// What may serve a request, the first target first, with its position among the model's targets.
///
/// A fallback must not be a way around a grant: a target after the first that the catalog also offers under names of its own
/// serves only who may call one of these, unless the model has `open_fallback`.
pub fn targets<'p>(
    policy: &'p Policy,
    levels: impl Iterator<Item = &'p Level> + Clone,
    model: &Resolved<'p>,
) -> Vec<PlannedTarget<'p>> {
    let Entry::Served { targets, open_fallback, .. } = &model.model.entry else { return Vec::new() };
    let allowed = |(position, target): &(usize, &'p Target)| {
        *position == 0 || *open_fallback || target.also.is_empty() || {
            let callable = |name: &String| {
                authz::resolve(&policy.catalog, name)
                    .is_some_and(|other| authz::decide_model(levels.clone(), &other).is_ok())
            };
            target.also.iter().any(callable)
        }
    };
    let planned = |(position, target): (usize, &'p Target)| {
        let provider = policy.providers.get(usize::from(target.provider))?;
        Some(PlannedTarget {
            index: u16::try_from(position).ok()?,
            provider: &provider.name,
            api: provider.api,
            model: model.provider_model(target),
            api_version: provider.api_version.as_deref(),
            base_path: provider.base_path.as_deref(),
            forward_identity: provider.forward_identity,
        })
    };
    targets.iter().enumerate().filter(allowed).filter_map(planned).collect()
}

/// Who calls, where a target is to be told.
#[must_use]
pub fn identity<'p>(key: &'p Key, targets: &[PlannedTarget<'_>]) -> Option<Identity<'p>> {
    targets.iter().any(|target| target.forward_identity).then(|| Identity {
        team: key.team.as_deref(),
        project: key.project.as_deref(),
        key_id: &key.id,
        user: key.user.as_deref(),
    })
}
