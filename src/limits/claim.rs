//! What one request takes from one limit: asked for, checked, taken, and in the end settled.

use super::Outcome;
use super::codec::{Slot, Tally, amount_of, key_of};
use super::stake::Stake;
use super::window::window_end;
use crate::policy::{Limit, Metric, Period, SlotId, Timezone};

const MILLISECOND: u64 = 1_000_000;
/// When to come back for a place in flight: nobody knows when a stream ends.
const SOON: u64 = 1_000 * MILLISECOND;

/// Over which time a claim counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// A sliding window of that many nanoseconds.
    Sliding(u64),
    /// A calendar window.
    Calendar(Period),
    /// While the request is in flight.
    InFlight,
}

impl Span {
    const fn of(limit: &Limit) -> Self {
        match (limit.metric, limit.period) {
            (Metric::Concurrency, _) | (_, Period::Now) => Self::InFlight,
            (_, Period::Sliding { ms }) => Self::Sliding(ms.saturating_mul(MILLISECOND)),
            (_, period) => Self::Calendar(period),
        }
    }
}

/// One request's part of one limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// Which limit of its level.
    pub limit: usize,
    pub slot: SlotId,
    pub metric: Metric,
    pub span: Span,
    /// The limit's amount.
    pub amount: u64,
    /// What the request takes.
    pub need: u64,
    /// Found by the last check: what others use, when all of that is free again, when the calendar window ends.
    pub used: u64,
    pub resets_at: u64,
    pub end: u64,
    /// Remembered from the taking: when, and [`Slot::born`] of the log or window it was taken from.
    pub at: u64,
    pub born: u64,
}

/// Why a claim cannot be had now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Never, in any window.
    TooSmall,
    /// Not before that time (nanoseconds).
    Until(u64),
}

impl Refusal {
    /// Larger is worse: the worst of several is the one to report, as nothing helps before that one is gone.
    pub const fn weight(self) -> u64 {
        match self {
            Self::TooSmall => u64::MAX,
            Self::Until(time) => time,
        }
    }
}

impl Claim {
    pub fn new(index: usize, limit: &Limit, stake: &Stake<'_>) -> Self {
        let (metric, span) = (limit.metric, Span::of(limit));
        let allowed = stake.allowed.and_then(|allowed| allowed.get(index));
        Self {
            limit: index,
            slot: stake.slot(limit.slot),
            metric,
            span,
            amount: allowed.copied().unwrap_or(limit.amount),
            need: metric.of(&stake.demand),
            used: 0,
            resets_at: 0,
            end: 0,
            at: 0,
            born: 0,
        }
    }

    /// Whether the slot is of the kind this claim counts in. Another one under the same id is as good as none.
    pub fn fits(&self, slot: &Slot<'_>) -> bool {
        match (self.span, slot.tally) {
            (Span::Sliding(ours), Tally::Log { window, .. }) => ours == window,
            (Span::Calendar(_), Tally::Calendar { .. }) | (Span::InFlight, Tally::InFlight) => true,
            _ => false,
        }
    }

    /// Whether a worker holds it until it is settled: it is freed if the worker dies. Requests in windows are not: a
    /// request counts when it is admitted.
    pub fn is_held(&self) -> bool {
        match self.span {
            Span::Sliding(_) => false,
            Span::Calendar(_) => self.metric != Metric::Requests,
            Span::InFlight => true,
        }
    }

    /// What it counts in the end, where `need` was taken in the beginning.
    pub fn target(&self, outcome: &Outcome) -> u64 {
        match outcome {
            Outcome::Refund => 0,
            Outcome::Used(actual) => self.metric.of(actual),
        }
    }

    /// Whether settling so changes nothing that is stored.
    pub fn is_settled_by(&self, outcome: &Outcome) -> bool {
        !self.is_held() && self.target(outcome) == self.need
    }

    /// Looks at `slot` (live at `now`, or none) and says whether the claim can be had. Takes note of the standing.
    pub fn check(&mut self, slot: Option<&Slot<'_>>, now: u64, timezone: &Timezone) -> Option<Refusal> {
        let slot = slot.filter(|slot| self.fits(slot));
        self.used = slot.map_or(0, Slot::used);
        let mut frees_at = now.saturating_add(SOON);
        self.resets_at = now;
        match self.span {
            Span::Sliding(window) => {
                let rows = slot.map(|slot| slot.rows).unwrap_or_default();
                self.resets_at = rows.last().map_or(now, |row| key_of(row).saturating_add(window));
                if self.is_over() {
                    // The earliest time at which so much has slid out that the claim fits.
                    let mut over = self.used.saturating_add(self.need).saturating_sub(self.amount);
                    let until = rows.iter().find(|row| {
                        over = over.saturating_sub(amount_of(row));
                        over == 0
                    });
                    frees_at = until.map_or(self.resets_at, |row| key_of(row).saturating_add(window));
                }
            }
            Span::Calendar(period) => {
                // The window running keeps its end if the policy's time zone changed meanwhile, unless it would now end
                // earlier: either way it ends.
                self.end = window_end(now, period, timezone);
                if let Some(Tally::Calendar { end, .. }) = slot.map(|slot| slot.tally) {
                    self.end = self.end.min(end);
                }
                frees_at = self.end;
                self.resets_at = if self.used > 0 { self.end } else { now };
            }
            Span::InFlight => {}
        }
        if self.amount == 0 || self.need > self.amount {
            Some(Refusal::TooSmall)
        } else {
            self.is_over().then_some(Refusal::Until(frees_at))
        }
    }

    /// A request that needs nothing fits, also where a lowered limit is overdrawn.
    const fn is_over(&self) -> bool {
        self.need > self.amount.saturating_sub(self.used)
    }
}
