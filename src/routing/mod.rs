//! Where a request goes: the cluster for Envoy's router, the target, the provider's model name.
//!
//! Fails closed: a model without a target routes nowhere (the policy checker refuses one).

use crate::authz::Resolved;
use crate::policy::Entry;

/// The way of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The Envoy cluster, plain or aggregate.
    pub cluster: String,
    /// Which target the request is written for: index into the model's targets.
    pub target: usize,
    /// The provider's model name, wildcards filled in.
    pub provider_model: String,
}

impl Plan {
    /// Plans for the first target of a model; `None` if it has none.
    #[must_use]
    pub fn for_first_target(model: &Resolved<'_>) -> Option<Self> {
        let Entry::Served { cluster, targets, .. } = &model.model.entry else { return None };
        let provider_model = model.provider_model(targets.first()?).into_owned();
        Some(Self { cluster: cluster.clone(), target: 0, provider_model })
    }
}
