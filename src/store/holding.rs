//! What one request has taken of leases, until it is known what it came to.

use super::Ask;
use super::book::{Book, Entry};
use super::leases;
use super::measure::{COUNTS_TO, Measured, window};
use super::take::Step;
use crate::host::Host;
use crate::limits::{Outcome, Stake, Standing};
use crate::policy::{Metric, Period, SlotId, Timezone};
use crate::pricing::NanoUsd;

/// What one request has taken. It has to be settled, or the fleet goes without it until this Envoy ends.
#[derive(Debug)]
#[must_use = "what is held and not settled is lost to the fleet while this Envoy lives"]
pub struct Holding {
    levels: Vec<Level>,
    standing: Standing,
    cost: NanoUsd,
    /// More is to be asked for ahead of need.
    pub ahead: Option<Ask>,
}

/// What it has taken at one level.
#[derive(Debug)]
struct Level {
    counter: Box<str>,
    name: Box<str>,
    most: usize,
    thresholds: Vec<u8>,
    claims: Vec<Claim>,
}

/// What it has taken from one limit.
#[derive(Debug)]
struct Claim {
    slot: SlotId,
    measured: Measured,
    need: u64,
    /// The lease it was taken from.
    generation: u64,
    /// The window it counts in, as the store has it.
    bucket: u64,
}

impl Level {
    /// What was taken at one level, from which leases.
    fn new(steps: &[Step<'_, '_>], generations: Vec<u64>, timezone: &Timezone, now: u64, book: &Book) -> Option<Self> {
        let stake = steps.first()?.stake;
        let claims = steps.iter().zip(generations).map(|(step, generation)| Claim {
            slot: step.slot,
            measured: Measured::of(step.limit),
            need: step.need,
            generation,
            bucket: window(step.limit.period, timezone, book.store_time(now)),
        });
        Some(Self {
            counter: stake.counter.into(),
            name: stake.store_name().into(),
            most: stake.most_slots(),
            thresholds: stake.level.alerts.clone(),
            claims: claims.collect(),
        })
    }

    /// Requests count when they are admitted; everything else when it is known what it came to.
    fn note_taken(&self, book: &mut Book, now: u64) {
        book.flies(&self.name, &self.counter, self.claims.iter().map(|claim| self.entry(claim)));
        for claim in self.claims.iter().filter(|claim| claim.measured.counts_at_once()) {
            book.spend(&self.entry(claim), claim.need, now);
        }
    }

    fn entry<'l>(&'l self, claim: &'l Claim) -> Entry<'l> {
        let Self { counter, name, most, .. } = self;
        Entry {
            counter,
            name,
            most: *most,
            slot: claim.slot,
            measured: &claim.measured,
            thresholds: claim.measured.thresholds(&self.thresholds),
            generation: claim.generation,
            bucket: claim.bucket,
        }
    }

    fn settle<H: Host + ?Sized>(&self, host: &H, book: &mut Book, outcome: &Outcome, now: u64) {
        let store_ms = book.store_time(now) / 1_000_000;
        let used = |claim: &Claim| match outcome {
            // What counted at once goes back by the book, or is free already where its window has passed.
            Outcome::Refund if claim.measured.counts_at_once() => claim.need,
            Outcome::Refund => 0,
            // A place in flight is free again.
            Outcome::Used(_) if claim.measured.metric == Metric::Concurrency => 0,
            // Beyond what the store counts to it is all the same.
            Outcome::Used(demand) => claim.measured.metric.of(demand).min(COUNTS_TO),
        };
        let mut over = Vec::new();
        if self.claims.iter().any(|claim| !claim.measured.counts_at_once() || used(claim) != claim.need) {
            leases::update(host, &self.counter, now, |leases| {
                over.clear();
                for claim in self.claims.iter().filter(|claim| claim.generation != 0) {
                    match leases.find(claim.slot).filter(|lease| lease.generation == claim.generation) {
                        Some(lease) => {
                            lease.settle(claim.need, used(claim));
                            if !claim.measured.counts_at_once() {
                                lease.land(claim.need);
                            }
                        }
                        None => over.push(claim),
                    }
                }
                (true, ())
            });
        }
        // What was reserved of a lease that is over may count as spent, and was not.
        for claim in over.into_iter().filter(|claim| !claim.measured.counts_at_once()) {
            book.return_unspent(&self.entry(claim), claim.need.saturating_sub(used(claim)), now);
        }
        for claim in &self.claims {
            match (claim.measured.counts_at_once(), claim.measured.metric, outcome) {
                (_, Metric::Concurrency, _) => {}
                (true, _, Outcome::Refund) if !claim.is_past(store_ms) => {
                    book.unspend(&self.entry(claim), claim.need, now)
                }
                (true, ..) => {}
                (false, ..) => book.spend(&self.entry(claim), used(claim), now),
            }
        }
        book.lands(&self.name);
    }
}

impl Claim {
    /// Whether the window it counts in has passed.
    const fn is_past(&self, store_ms: u64) -> bool {
        match self.measured.period {
            Period::Now => false,
            Period::Sliding { ms } => self.bucket.saturating_add(ms) <= store_ms,
            _ => self.bucket <= store_ms,
        }
    }
}

impl Holding {
    /// Nothing is taken yet of a request that is to be held to these.
    pub(super) fn begin(stakes: &[Stake<'_>], standing: Standing) -> Self {
        let cost = stakes.iter().map(|stake| stake.demand.cost).max().unwrap_or_default();
        Self { levels: Vec::with_capacity(stakes.len()), standing, cost, ahead: None }
    }

    /// One level's part is taken, from the leases of these generations.
    pub(super) fn add(
        &mut self,
        steps: &[Step<'_, '_>],
        generations: Vec<u64>,
        timezone: &Timezone,
        now: u64,
        book: &mut Book,
    ) {
        if let Some(level) = Level::new(steps, generations, timezone, now, book) {
            level.note_taken(book, now);
            self.levels.push(level);
        }
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

    /// Puts what was used in the place of what was taken. What the request came to goes to the store with the book's next
    /// report.
    pub fn settle<H: Host + ?Sized>(self, host: &H, book: &mut Book, outcome: Outcome) {
        let now = host.now();
        for level in &self.levels {
            level.settle(host, book, &outcome, now);
        }
    }
}
