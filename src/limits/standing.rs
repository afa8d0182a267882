//! How a caller stands with its limits: what the `x-ratelimit-*` headers say.

use super::claim::{Claim, Span};
use crate::policy::Metric;

/// Room in the tightest limits that apply; `None` where none does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Of limits on requests.
    pub requests: Option<Headroom>,
    /// Of limits on tokens (all, input or output).
    pub tokens: Option<Headroom>,
}

/// Room in one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The limit's amount.
    pub limit: u64,
    /// What is left of it, the request at hand taken off if it was admitted.
    pub remaining: u64,
    /// Milliseconds until all of it is free again if nothing else comes.
    pub reset_ms: u64,
}

impl Standing {
    /// The standing after a check of `claims`, with what they take on top if they were `taken`.
    pub(super) fn of<'c>(claims: impl IntoIterator<Item = &'c Claim>, taken: bool, host_now: u64) -> Self {
        let mut standing = Self::default();
        for claim in claims {
            let tightest = match claim.metric {
                Metric::Requests => &mut standing.requests,
                Metric::Tokens | Metric::InputTokens | Metric::OutputTokens => &mut standing.tokens,
                Metric::Usd | Metric::Concurrency => continue,
            };
            let room = Headroom::of(claim, taken, host_now);
            if tightest.is_none_or(|known| room.remaining < known.remaining) {
                *tightest = Some(room);
            }
        }
        standing
    }
}

impl Headroom {
    fn of(claim: &Claim, taken: bool, host_now: u64) -> Self {
        let needed = if taken { claim.need } else { 0 };
        let remaining = claim.amount.saturating_sub(claim.used).saturating_sub(needed);
        let resets_at = match claim.span {
            _ if needed == 0 => claim.resets_at,
            Span::Sliding(window) => claim.at.saturating_add(window),
            Span::Calendar(_) => claim.end,
            Span::InFlight => claim.resets_at,
        };
        Self { limit: claim.amount, remaining, reset_ms: milliseconds_until(resets_at, host_now) }
    }
}

/// Whole milliseconds, rounded up, so that what is awaited has happened when they have passed.
pub(super) const fn milliseconds_until(time: u64, now: u64) -> u64 {
    time.saturating_sub(now).div_ceil(1_000_000)
}
