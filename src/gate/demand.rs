//! What a request takes from limits before its usage is known.

use super::Gate;
use super::cap::{self, Cap};
use crate::authz::Resolved;
use crate::policy::{Key, Level, Metric, Model};
use crate::pricing::{self, Demand};
use crate::request::{Body, Endpoint};

/// Output that a request is taken to want where neither it nor the policy says, as LiteLLM does: this, or a quarter of the
/// smallest token limit where that is less.
const ASSUMED_OUTPUT: u64 = 1024;

/// What a request takes from limits before its usage is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands {
    /// The most it can use.
    pub full: Demand,
    /// What such requests lately used.
    pub expected: Demand,
}

/// Estimates what a request can use.
///
/// # Errors
/// The cap that it asks for more output than.
pub(super) fn of<'p>(
    gate: &Gate,
    key: &Key,
    model: &Resolved<'p>,
    body: &Body,
    levels: &[&'p Level],
) -> Result<Demands, Cap<'p>> {
    let each = output(body.endpoint, body.max_output_tokens.map(u64::from), model.model, levels)?;
    let output = each.saturating_mul(u64::from(body.outputs));
    let prices = || model.targets().iter().map(|target| target.price.as_ref());
    let expected = gate.expected.borrow().output(&key.id, &model.model.name, output);
    Ok(Demands {
        full: pricing::reserve_demand(prices(), body.input_tokens, output),
        expected: pricing::reserve_demand(prices(), body.input_tokens, expected),
    })
}

/// The most output tokens that one answer can have: `asked`, or what is assumed of a request that does not say.
///
/// # Errors
/// The cap that `asked` is above.
pub fn output<'p>(
    endpoint: Endpoint,
    asked: Option<u64>,
    model: &'p Model,
    levels: &[&'p Level],
) -> Result<u64, Cap<'p>> {
    if !generates(endpoint) {
        return Ok(0);
    }
    match (asked, cap::output_tokens(levels.iter().copied(), model)) {
        (Some(asked), Some(cap)) if asked > cap.most => Err(cap),
        (Some(asked), _) => Ok(asked),
        (None, Some(cap)) => Ok(cap.most),
        (None, None) => Ok(assumed(levels)),
    }
}

/// Whether answers of the endpoint have output tokens to reserve.
#[must_use]
pub const fn generates(endpoint: Endpoint) -> bool {
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
