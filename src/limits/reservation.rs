//! What a request holds while it is in flight, and settling it: exactly once, as settling consumes it.

use super::claim::Claim;
use super::counter::Counter;
use super::stake::Stake;
use super::standing::Standing;
use super::worker::Worker;
use crate::host::Host;
use crate::policy::LevelKind;
use crate::pricing::{Demand, NanoUsd};

/// How often a level is tried to be written. What is not written is charged as reserved: in a sliding window until it
/// slides out, elsewhere until the worker ends or the window does.
const TRIES: usize = 100_000;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It used so much.
    Used(Demand),
    /// It never was: everything goes back, the request itself too.
    Refund,
}

/// A `usd` limit has reached a percentage that its level wants to hear about. Once per window and percentage, whichever
/// worker settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Kind of the level.
    pub kind: LevelKind,
    /// Name of the level; empty for the global one and for end users.
    pub name: String,
    /// Which of the level's limits, as the policy was when the request was admitted.
    pub limit_index: usize,
    /// The percentage.
    pub percent: u8,
    /// What is spent, reservations in flight not included where the window is a calendar one.
    pub spent: NanoUsd,
    /// The limit.
    pub limit: NanoUsd,
}

/// What settling brought to light.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Percentages reached.
    pub alerts: Vec<Alert>,
    /// Levels that could not be written, 0 but under a contention that no Envoy produces. There it stays as reserved.
    pub unwritten: usize,
}

/// What one request has taken from the limits. It has to be settled, or it is charged as reserved until it slides out or
/// the worker ends.
#[derive(Debug)]
#[must_use = "a reservation that is not settled holds what it took"]
pub struct Reservation {
    holds: Vec<Hold>,
    claims: Vec<Claim>,
    standing: Standing,
    cost: NanoUsd,
}

/// What it has taken at one level.
#[derive(Debug)]
pub(super) struct Hold {
    counter: Box<str>,
    kind: LevelKind,
    thresholds: Vec<u8>,
    /// The number under which the worker holds it; 0 if there is nothing to hold.
    number: u64,
    claims: usize,
}

impl Hold {
    pub fn new(stake: &Stake<'_>, number: u64, thresholds: Vec<u8>) -> Self {
        Self { counter: stake.counter.into(), kind: stake.level.kind, thresholds, number, claims: 0 }
    }
}

impl Reservation {
    pub(super) fn empty(cost: NanoUsd) -> Self {
        Self { holds: Vec::new(), claims: Vec::new(), standing: Standing::default(), cost }
    }

    pub(super) fn add(&mut self, mut hold: Hold, claims: &[Claim]) {
        hold.claims = claims.len();
        self.holds.push(hold);
        self.claims.extend_from_slice(claims);
    }

    pub(super) fn stands(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// How the caller stands with this request taken.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What was reserved in money: the most that any level was asked for.
    #[must_use]
    pub const fn reserved_cost(&self) -> NanoUsd {
        self.cost
    }

    /// Puts what was used in the place of what was reserved, at every level where that changes anything.
    pub fn settle<H: Host + ?Sized>(self, host: &H, worker: &Worker, outcome: Outcome) -> Settled {
        let mut settled = Settled::default();
        let mut bytes = Vec::new();
        let mut rest = self.claims.as_slice();
        for hold in &self.holds {
            let Some((claims, later)) = rest.split_at_checked(hold.claims) else { break };
            rest = later;
            // Alerts need a look at the counter even where nothing changes: the reservation may have been exact.
            let may_alert = outcome != Outcome::Refund && !hold.thresholds.is_empty();
            if may_alert || !claims.iter().all(|claim| claim.is_settled_by(&outcome)) {
                hold.settle(host, worker, claims, &outcome, &mut settled, &mut bytes);
            }
            if hold.number != 0 {
                worker.releases(&hold.counter);
            }
        }
        settled
    }
}

impl Hold {
    fn settle<H: Host + ?Sized>(
        &self,
        host: &H,
        worker: &Worker,
        claims: &[Claim],
        outcome: &Outcome,
        settled: &mut Settled,
        bytes: &mut Vec<u8>,
    ) {
        let mut alerts = Vec::new();
        for _ in 0..TRIES {
            alerts.clear();
            let counter = Counter::load(host, &self.counter, host.now());
            let holder = (worker.id(), self.number);
            counter.settle(holder, claims, outcome, &self.thresholds, bytes, |claim, percent, spent| {
                alerts.push(Alert {
                    kind: self.kind,
                    name: Stake::name_of(self.kind, &self.counter).to_owned(),
                    limit_index: claim.limit,
                    percent,
                    spent: NanoUsd(spent),
                    limit: NanoUsd(claim.amount),
                });
            });
            if counter.store(host, &self.counter, bytes) {
                settled.alerts.append(&mut alerts);
                return;
            }
        }
        settled.unwritten = settled.unwritten.saturating_add(1);
    }
}
