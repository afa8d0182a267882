//! What happens to one counter: time passes, a claim is taken, a claim is settled.

use super::Outcome;
use super::claim::{Claim, Span};
use super::codec::{Edit, Row, Slot, Tally, amount_of, key_of, row, sum};
use crate::policy::Metric;

/// Above so many rows, a log's admissions of the same quantum become one.
const MERGE_ABOVE: usize = 128;
/// A quantum is this part of the window.
const QUANTA: u64 = 64;

impl<'a> Slot<'a> {
    /// A counter in which nothing was counted yet.
    pub fn begin(claim: &Claim, now: u64, born: u64) -> Self {
        let tally = match claim.span {
            Span::Sliding(window) => Tally::Log { window, total: 0 },
            Span::Calendar(_) => Tally::Calendar { end: claim.end, settled: 0 },
            Span::InFlight => Tally::InFlight,
        };
        Self { id: claim.slot, born, touched: now, alerted: 0, alerted_at: 0, tally, rows: &[] }
    }

    /// The counter as it stands at `now`, or `None` if it holds nothing any more.
    pub fn live(mut self, now: u64) -> Option<Self> {
        match &mut self.tally {
            Tally::Log { window, total } => {
                let window = *window;
                let gone = self.rows.iter().take_while(|row| key_of(row).saturating_add(window) <= now).count();
                if let Some((gone, left)) = self.rows.split_at_checked(gone) {
                    *total = less(*total, sum(gone), || sum(left));
                    self.rows = left;
                }
                if self.alerted_at.saturating_add(window) <= now {
                    self.alerted = 0;
                }
                (!self.rows.is_empty()).then_some(self)
            }
            Tally::Calendar { end, settled } => (now < *end && (*settled > 0 || !self.rows.is_empty())).then_some(self),
            Tally::InFlight => (!self.rows.is_empty()).then_some(self),
        }
    }

    /// What is used and reserved together. Expects a live slot of which no dead worker holds anything.
    pub fn used(&self) -> u64 {
        match self.tally {
            Tally::Log { total, .. } => total,
            Tally::Calendar { settled, .. } => settled.saturating_add(sum(self.rows)),
            Tally::InFlight => sum(self.rows),
        }
    }

    /// What percentages of a budget are measured by: without reservations where they are kept apart.
    pub fn spent(&self) -> u64 {
        match self.tally {
            Tally::Calendar { settled, .. } => settled,
            Tally::Log { .. } | Tally::InFlight => self.used(),
        }
    }

    /// The rows of a long log with those of one quantum merged into the last of them, so that nothing slides out too
    /// early; `None` for a log that is short enough.
    pub fn merged(&self) -> Option<Vec<Row>> {
        let Tally::Log { window, .. } = self.tally else { return None };
        if self.rows.len() < MERGE_ABOVE {
            return None;
        }
        let quantum = window.checked_div(QUANTA).unwrap_or(0).max(1);
        let of = |row: &Row| key_of(row).checked_div(quantum);
        let same = self.rows.chunk_by(|one, next| of(one) == of(next));
        Some(same.filter_map(|chunk| Some(row(key_of(chunk.last()?), sum(chunk)))).collect())
    }

    /// Takes a claim at `now`, held by `worker` where a worker has to hold it. Expects a live slot that fits.
    pub fn take(&mut self, claim: &Claim, worker: u64, now: u64) -> Edit {
        self.touched = now;
        match &mut self.tally {
            Tally::Log { total, .. } => {
                *total = total.saturating_add(claim.need);
                self.log(claim.need, now)
            }
            Tally::Calendar { end, settled } => {
                *end = claim.end.min(*end);
                if claim.is_held() {
                    self.hold(worker, claim.need)
                } else {
                    *settled = settled.saturating_add(claim.need);
                    Edit::Keep
                }
            }
            Tally::InFlight => self.hold(worker, claim.need),
        }
    }

    /// Settles a claim taken before, at `now`. Expects a live slot that fits, be it another log or window than the one it
    /// was taken from.
    pub fn settle(&mut self, claim: &Claim, worker: u64, outcome: &Outcome, now: u64) -> Edit {
        self.touched = now;
        let target = claim.target(outcome);
        let same = self.born == claim.born;
        match &mut self.tally {
            Tally::Log { window, total } => {
                // Merging moves an admission to a later row, never past one: it is in the first row that is not earlier.
                // Once its own time has slid out it may be gone, and then that row is somebody else's.
                let at = self.rows.partition_point(|row| key_of(row) < claim.at);
                let found = self.rows.get(at).filter(|_| same && claim.at.saturating_add(*window) > now);
                let more = target.saturating_sub(claim.need);
                if more > 0 {
                    *total = total.saturating_add(more);
                    return match found {
                        Some(found) => Edit::Set(at, row(key_of(found), amount_of(found).saturating_add(more))),
                        None => self.log(more, now),
                    };
                }
                let Some(found) = found else { return Edit::Keep };
                let back = claim.need.saturating_sub(target);
                let left = amount_of(found).saturating_sub(back);
                let others = || {
                    let (head, tail) = self.rows.split_at_checked(at).unwrap_or_default();
                    sum(head).saturating_add(sum(tail.get(1..).unwrap_or_default())).saturating_add(left)
                };
                *total = less(*total, amount_of(found).saturating_sub(left), others);
                if left == 0 { Edit::Remove(at) } else { Edit::Set(at, row(key_of(found), left)) }
            }
            Tally::Calendar { settled, .. } => {
                if claim.is_held() {
                    // A request counts in the window it was admitted in.
                    if now < claim.end {
                        *settled = settled.saturating_add(target);
                    }
                    if same { self.release(worker, claim.need) } else { Edit::Keep }
                } else {
                    if same {
                        *settled = settled.saturating_sub(claim.need.saturating_sub(target));
                    }
                    Edit::Keep
                }
            }
            Tally::InFlight => self.release(worker, claim.need),
        }
    }

    /// The percentages of `thresholds` that the counter has reached and that were not alerted at in this window yet; from
    /// now on they were.
    pub fn alert(&mut self, claim: &Claim, thresholds: &[u8], now: u64) -> Vec<u8> {
        let spent = u128::from(self.spent()).saturating_mul(100);
        let amount = u128::from(claim.amount);
        let reached = |percent: &u8| {
            u64::from(*percent) > self.alerted && spent >= amount.saturating_mul(u128::from(*percent)) && *percent > 0
        };
        let reached: Vec<u8> = thresholds.iter().copied().filter(reached).collect();
        if let Some(highest) = reached.iter().max() {
            self.alerted = u64::from(*highest);
            self.alerted_at = now;
        }
        reached
    }

    /// Whether a settled claim can make this counter alert.
    pub fn alerts(claim: &Claim) -> bool {
        claim.metric == Metric::Usd
    }

    fn log(&self, amount: u64, now: u64) -> Edit {
        match self.rows.split_last() {
            _ if amount == 0 => Edit::Keep,
            Some((last, before)) if key_of(last) >= now => {
                Edit::Set(before.len(), row(key_of(last), amount_of(last).saturating_add(amount)))
            }
            _ => Edit::Push(row(now, amount)),
        }
    }

    fn held_by(&self, worker: u64) -> Option<(usize, u64)> {
        let at = self.rows.iter().position(|row| key_of(row) == worker)?;
        Some((at, amount_of(self.rows.get(at)?)))
    }

    fn hold(&self, worker: u64, amount: u64) -> Edit {
        match self.held_by(worker) {
            _ if amount == 0 => Edit::Keep,
            Some((at, held)) => Edit::Set(at, row(worker, held.saturating_add(amount))),
            None => Edit::Push(row(worker, amount)),
        }
    }

    fn release(&self, worker: u64, amount: u64) -> Edit {
        match self.held_by(worker) {
            None => Edit::Keep,
            Some((at, held)) if held <= amount => Edit::Remove(at),
            Some((at, held)) => Edit::Set(at, row(worker, held.saturating_sub(amount))),
        }
    }
}

/// A total with something taken out. A saturated one is only a lower bound: it is counted again.
fn less(total: u64, removed: u64, recount: impl Fn() -> u64) -> u64 {
    if total == u64::MAX { recount() } else { total.saturating_sub(removed) }
}
