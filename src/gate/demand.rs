use super::Gate;
use crate::answer::Refusal;
use crate::authz::Resolved;
use crate::policy::{Entry, Key, Level, Metric};
use crate::pricing::{self, Demand};
use crate::request::{BadBody, Body, Endpoint};

/// Output that a request is taken to want where neither it nor the policy says, as LiteLLM does: this, or a quarter of the
/// smallest token limit where that is less.
const ASSUMED_OUTPUT: u64 = 1024;

/// What a request takes from limits before its usage is known.
#[derive(Debug, Clone, Copy)]
pub struct Demands {
    /// The most it can use.
    pub full: Demand,
    /// What such requests lately used.
    pub expected: Demand,
}

/// Estimates what a request can use.
///
/// # Errors
/// It asks for more output than the model, or one of its levels, may give.
pub fn of(gate: &Gate, key: &Key, model: &Resolved<'_>, body: &Body, levels: &[&Level]) -> Result<Demands, Refusal> {
    let Entry::Served { targets, max_output_tokens, .. } = &model.model.entry else {
        return Err(Refusal::ModelNotFound { model: model.requested.to_owned() });
    };
    let cap = levels.iter().filter_map(|level| level.max_output_tokens).chain(*max_output_tokens).min();
    let each = match (body.max_output_tokens.map(u64::from), cap) {
        _ if !generates(body.endpoint) => 0,
        (Some(asked), Some(cap)) if asked > cap => {
            return Err(Refusal::InvalidRequest(BadBody::above_cap(body.endpoint, cap)));
        }
        (Some(asked), _) => asked,
        (None, Some(cap)) => cap,
        (None, None) => assumed(levels),
    };
    let output = each.saturating_mul(u64::from(body.outputs));
    let prices = || targets.iter().map(|target| target.price.as_ref());
    let expected = gate.expected.borrow().output(&key.id, &model.model.name, output);
    Ok(Demands {
        full: pricing::reserve_demand(prices(), body.input_tokens, output),
        expected: pricing::reserve_demand(prices(), body.input_tokens, expected),
    })
}

const fn generates(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Chat | Endpoint::Completions | Endpoint::Responses | Endpoint::Messages)
}

fn assumed(levels: &[&Level]) -> u64 {
    let token_limits = levels.iter().flat_map(|level| &level.limits);
    let smallest = token_limits
        .filter(|limit| matches!(limit.metric, Metric::Tokens | Metric::OutputTokens))
        .map(|limit| limit.amount)
        .min();
    smallest.map_or(ASSUMED_OUTPUT, |smallest| ASSUMED_OUTPUT.min(smallest / 4))
}
