//! What a limit counts and over which time, as the store is told.

use super::lease::Lease;
use crate::limits::window_end;
use crate::policy::{Limit, Metric, Period, STORE_COUNTS_BELOW, Timezone};

const MILLISECOND: u64 = 1_000_000;
/// The store refuses larger numbers, and with one of them the whole letter or question that it is in.
pub(super) const COUNTS_TO: u64 = STORE_COUNTS_BELOW - 1;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Of what.
    pub metric: Metric,
    /// The most there may be.
    pub amount: u64,
    /// Over which time.
    pub period: Period,
}

impl Measured {
    /// Of a limit.
    pub(super) const fn of(limit: &Limit) -> Self {
        Self { metric: limit.metric, amount: limit.amount, period: limit.period }
    }

    /// Whether it counts when a request is admitted. Everything else is held until it is known what the request came to.
    pub(super) const fn counts_at_once(&self) -> bool {
        matches!(self.metric, Metric::Requests)
    }

    /// At which of its level's percentages it is alerted: only money is.
    pub(super) const fn thresholds<'t>(&self, alerts: &'t [u8]) -> &'t [u8] {
        if matches!(self.metric, Metric::Usd) { alerts } else { &[] }
    }

    /// What of a lease counts as spent in a calendar window if its Envoy is not heard of again; -1: all of it. Requests are
    /// never to be more than there may be, so of them it is all while somebody takes of it. Otherwise it is what is known: not
    /// what requests in flight have reserved; and nothing of end users, who come and go and are forgotten.
    pub(super) fn spent(&self, of_end_user: bool, lease: &Lease, quiet: bool) -> i64 {
        match self.metric {
            _ if of_end_user => 0,
            Metric::Requests if !quiet => -1,
            _ => lease.gone().min(COUNTS_TO.cast_signed()),
        }
    }

    /// Whether it matters to the store that nobody takes of a lease any more: see [`Self::spent`].
    pub(super) const fn quiets(&self) -> bool {
        self.counts_at_once() && !matches!(self.period, Period::Sliding { .. })
    }

    /// How the store is told: the kind of window, and where it ends that runs at `at` by the store's clock (nanoseconds).
    pub(super) fn span(&self, timezone: &Timezone, at: u64) -> [String; 3] {
        let (kind, span, next) = match self.period {
            Period::Now => ("f", 0, 0),
            Period::Sliding { ms } => ("s", ms, 0),
            period => {
                let end = window_end(at, period, timezone);
                ("c", end / MILLISECOND, window_end(end, period, timezone) / MILLISECOND)
            }
        };
        [kind.to_owned(), span.to_string(), next.to_string()]
    }

    /// How long what was spent may wait until the store hears of it, in nanoseconds.
    pub(super) const fn patience(&self) -> u64 {
        const LONGEST: u64 = 2_000;
        const SHORTEST: u64 = 250;
        let ms = match self.period {
            Period::Sliding { ms } if ms / 16 < SHORTEST => SHORTEST,
            Period::Sliding { ms } if ms / 16 < LONGEST => ms / 16,
            _ => LONGEST,
        };
        ms.saturating_mul(MILLISECOND)
    }
}

/// An amount in parts that the store can count to.
pub(super) fn parts(amount: i64) -> impl Iterator<Item = i64> {
    let most = i64::try_from(COUNTS_TO).unwrap_or(i64::MAX);
    let mut left = amount;
    core::iter::from_fn(move || {
        let part = left.clamp(most.saturating_neg(), most);
        left = left.saturating_sub(part);
        (part != 0).then_some(part)
    })
}

/// The window that a request counts in which is admitted at `at` by the store's clock (nanoseconds): by its end where it is a
/// calendar one, else by the moment.
pub(super) fn window(period: Period, timezone: &Timezone, at: u64) -> u64 {
    match period {
        Period::Now => 0,
        Period::Sliding { .. } => at / MILLISECOND,
        period => window_end(at, period, timezone) / MILLISECOND,
    }
}

/// Milliseconds until all of a limit is free again.
pub(super) fn reset_ms(period: Period, timezone: &Timezone, now: u64) -> u64 {
    match period {
        Period::Now => 0,
        Period::Sliding { ms } => ms,
        period => window_end(now, period, timezone).saturating_sub(now).div_ceil(MILLISECOND),
    }
}
