//! Taking a request from every limit of every level, all or nothing.

use super::claim::{Claim, Refusal};
use super::counter::Counter;
use super::reservation::{Hold, Outcome, Reservation};
use super::stake::Stake;
use super::standing::{Standing, milliseconds_until};
use super::worker::Worker;
use crate::host::Host;
use crate::policy::{Grant, Level, Limit, Metric, Timezone};
use crate::pricing::NanoUsd;

/// How often a level is tried to be written before the request is refused. Each lost try means that another worker won.
const TRIES: usize = 1_000;

/// A request that was not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What refused it.
    pub by: RefusedBy<'a>,
    /// How the caller stands.
    pub standing: Standing,
}

/// What refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedBy<'a> {
    /// A limit; if several did, the one that takes longest to let it through.
    Limit {
        /// The level that states it.
        level: &'a Level,
        /// The limit.
        limit: &'a Limit,
        /// Why.
        reason: Reason,
    },
    /// Other workers were faster every time: the counters could not be written.
    Contended,
}

/// Why a limit refused. Amounts are in the limit's unit: requests, tokens, nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request alone is larger than the limit, or the limit is 0: it will never be admitted.
    TooSmall {
        /// What the request takes.
        needed: u64,
    },
    /// Too much of it is used now.
    Spent {
        /// What is used, reservations of requests in flight included.
        used: u64,
        /// What the request takes.
        needed: u64,
        /// Milliseconds until it would be admitted if nothing else comes; 1,000 for a place in flight.
        retry_after_ms: u64,
    },
}

/// One level on the way through: its counters as last read, and its part of the claims.
struct Step<'s, 'a> {
    stake: &'s Stake<'a>,
    counter: Counter,
    first: usize,
    count: usize,
}

/// Takes a request from all limits of `stakes` that apply to it (a limit on some models applies if `applies` says so of
/// its grant), for `worker` to hold until the reservation is settled.
///
/// # Errors
/// [`Refused`], and nothing is taken.
pub fn reserve<'a, H: Host + ?Sized>(
    host: &H,
    worker: &Worker,
    timezone: &Timezone,
    stakes: &[Stake<'a>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Result<Reservation, Refused<'a>> {
    let host_now = host.now();
    let (mut steps, mut claims) = open(host, host_now, stakes, applies);
    check(&steps, &mut claims, timezone, host_now)?;

    let mut reservation = Reservation::empty(stakes.iter().map(|stake| stake.demand.cost).max().unwrap_or(NanoUsd(0)));
    let mut bytes = Vec::new();
    for step in &mut steps {
        let own = step.first..step.first.saturating_add(step.count);
        let taken = take(host, worker, timezone, step, claims.get_mut(own.clone()).unwrap_or_default(), &mut bytes);
        match taken {
            Ok(number) => {
                let own = claims.get(own).unwrap_or_default();
                // Only money is alerted at.
                let money = own.iter().any(|claim| claim.metric == Metric::Usd);
                let thresholds = if money { step.stake.level.alerts.clone() } else { Vec::new() };
                reservation.add(Hold::new(step.stake, number, thresholds), own);
                if number != 0 {
                    worker.holds(step.stake.counter);
                }
            }
            Err(by) => {
                reservation.settle(host, worker, Outcome::Refund);
                return Err(Refused { by, standing: Standing::of(&claims, false, host_now) });
            }
        }
    }
    reservation.stands(Standing::of(&claims, true, host_now));
    Ok(reservation)
}

/// How a caller stands with the limits of `stakes` that apply, without taking anything.
pub fn peek<H: Host + ?Sized>(
    host: &H,
    timezone: &Timezone,
    stakes: &[Stake<'_>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Standing {
    let host_now = host.now();
    let (steps, mut claims) = open(host, host_now, stakes, applies);
    // What a request would be told is of no interest, only what the check found used.
    let _ = check(&steps, &mut claims, timezone, host_now);
    Standing::of(&claims, false, host_now)
}

/// Reads the counters of every level that has a limit that applies.
fn open<'s, 'a, H: Host + ?Sized>(
    host: &H,
    host_now: u64,
    stakes: &'s [Stake<'a>],
    applies: &dyn Fn(&Grant) -> bool,
) -> (Vec<Step<'s, 'a>>, Vec<Claim>) {
    let mut steps = Vec::with_capacity(stakes.len());
    let mut claims: Vec<Claim> = Vec::with_capacity(stakes.iter().map(|stake| stake.level.limits.len()).sum());
    for stake in stakes {
        let first = claims.len();
        for (index, limit) in stake.level.limits.iter().enumerate() {
            if limit.model.as_ref().is_none_or(applies) {
                claims.push(Claim::new(index, limit, stake));
            }
        }
        let count = claims.len().saturating_sub(first);
        if count > 0 {
            steps.push(Step { stake, counter: Counter::load(host, stake.counter, host_now), first, count });
        }
    }
    (steps, claims)
}

/// Checks all claims of all levels, so that of several refusals the worst is told.
fn check<'a>(
    steps: &[Step<'_, 'a>],
    claims: &mut [Claim],
    timezone: &Timezone,
    host_now: u64,
) -> Result<(), Refused<'a>> {
    let mut worst: Option<(Refusal, RefusedBy<'a>)> = None;
    for step in steps {
        let own = claims.get_mut(step.first..).unwrap_or_default().iter_mut().take(step.count);
        if let Some((refusal, claim)) = check_level(&step.counter, own, timezone)
            && worst.as_ref().is_none_or(|(known, _)| refusal.weight() > known.weight())
        {
            worst = Some((refusal, refused_by(step.stake, &claim, refusal, host_now)));
        }
    }
    match worst {
        None => Ok(()),
        Some((_, by)) => Err(Refused { by, standing: Standing::of(&*claims, false, host_now) }),
    }
}

fn check_level<'c>(
    counter: &Counter,
    claims: impl IntoIterator<Item = &'c mut Claim>,
    timezone: &Timezone,
) -> Option<(Refusal, Claim)> {
    let value = counter.value();
    let mut worst: Option<(Refusal, Claim)> = None;
    for claim in claims {
        let slot = value.slot(claim.slot).and_then(|slot| slot.live(counter.now));
        if let Some(refusal) = claim.check(slot.as_ref(), counter.now, timezone)
            && worst.as_ref().is_none_or(|(known, _)| refusal.weight() > known.weight())
        {
            worst = Some((refusal, *claim));
        }
    }
    worst
}

/// Writes one level, checking again whenever another worker wrote since it was read.
fn take<'a, H: Host + ?Sized>(
    host: &H,
    worker: &Worker,
    timezone: &Timezone,
    step: &mut Step<'_, 'a>,
    claims: &mut [Claim],
    bytes: &mut Vec<u8>,
) -> Result<u64, RefusedBy<'a>> {
    let stake = step.stake;
    for _ in 0..TRIES {
        let Some(number) = step.counter.take(worker.id(), claims, stake.most_slots(), bytes) else { break };
        if step.counter.store(host, stake.counter, bytes) {
            return Ok(number);
        }
        let host_now = host.now();
        step.counter = Counter::load(host, stake.counter, host_now);
        if let Some((refusal, claim)) = check_level(&step.counter, claims.iter_mut(), timezone) {
            return Err(refused_by(stake, &claim, refusal, host_now));
        }
    }
    Err(RefusedBy::Contended)
}

fn refused_by<'a>(stake: &Stake<'a>, claim: &Claim, refusal: Refusal, host_now: u64) -> RefusedBy<'a> {
    let level = stake.level;
    let Some(limit) = level.limits.get(claim.limit) else { return RefusedBy::Contended };
    let (used, needed) = (claim.used, claim.need);
    let reason = match refusal {
        Refusal::TooSmall => Reason::TooSmall { needed },
        Refusal::Until(time) => {
            Reason::Spent { used, needed, retry_after_ms: milliseconds_until(time, host_now).max(1) }
        }
    };
    RefusedBy::Limit { level, limit, reason }
}
