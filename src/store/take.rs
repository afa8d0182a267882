//! Taking a request from the leases on all limits that apply.

use super::book::Book;
use super::lease::{Lease, REFILLS};
use super::leases;
use super::{Ask, Holding};
use crate::host::Host;
use crate::limits::{Headroom, Outcome, Reason, Refused, RefusedBy, Stake, Standing};
use crate::policy::{Grant, Limit, Metric, SlotId, Timezone};

/// Ahead of need more is asked for once three quarters are taken, and of so much at least.
const WORTH_ASKING: u64 = 8;
/// Within so many such requests of the limit, leases are of a few requests at the most: asking ahead is not worth a call.
const NEAR: u64 = 64;

/// Why a request could not be taken from what is held.
#[derive(Debug)]
pub enum Short<'a> {
    /// The store has to be asked.
    Ask(Ask),
    /// It has no room, as far as is known.
    Refused(Refused<'a>),
}

/// One limit that a request is held to.
pub(super) struct Step<'s, 'a> {
    pub(super) stake: &'s Stake<'a>,
    pub(super) limit: &'a Limit,
    pub(super) slot: SlotId,
    pub(super) need: u64,
    lease: Lease,
}

/// Takes a request from the leases on all limits of `stakes` that apply to it.
///
/// # Errors
/// [`Short`], and nothing is taken.
pub fn take<'a, H: Host + ?Sized>(
    host: &H,
    book: &mut Book,
    timezone: &Timezone,
    stakes: &[Stake<'a>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Result<Holding, Short<'a>> {
    let now = host.now();
    book.at(now);
    let steps = steps(host, stakes, applies, now);
    if let Some(refused) = worst(&steps, timezone, now) {
        return Err(Short::Refused(refused));
    }
    if !book.knows_time() && !steps.is_empty() {
        return Err(Short::Ask(Ask::of_time(now)));
    }
    if steps.iter().any(|step| step.lease.free(now) < step.need) {
        return Err(Short::Ask(ask(&steps, book, timezone, now)));
    }
    let mut holding = Holding::begin(stakes, standing(&steps, true, timezone, now));
    let mut low = false;
    for steps in steps.chunk_by(|one, next| core::ptr::eq(one.stake, next.stake)) {
        let Some(stake) = steps.first().map(|step| step.stake) else { continue };
        match take_level(host, stake, steps, now) {
            Some((generations, near)) => {
                low |= near;
                holding.add(steps, generations, timezone, now, book);
            }
            None => {
                // Another worker was faster: what it left is not enough.
                let ask = ask(&self::steps(host, stakes, applies, now), book, timezone, now);
                holding.settle(host, book, Outcome::Refund);
                return Err(Short::Ask(ask));
            }
        }
    }
    if low {
        let mut ahead = ask(&steps, book, timezone, now);
        ahead.slots.iter_mut().for_each(|slot| slot.need = 0);
        holding.ahead = Some(ahead);
    }
    Ok(holding)
}

/// Lets a request pass unasked, and remembers the limits that what it comes to counts for.
pub fn unchecked<H: Host + ?Sized>(
    host: &H,
    book: &mut Book,
    timezone: &Timezone,
    stakes: &[Stake<'_>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Holding {
    let now = host.now();
    let steps = steps(host, stakes, applies, now);
    let mut holding = Holding::begin(stakes, Standing::default());
    for steps in steps.chunk_by(|one, next| core::ptr::eq(one.stake, next.stake)) {
        let none = steps.iter().map(|_| 0).collect();
        holding.add(steps, none, timezone, now, book);
    }
    holding
}

/// How a caller stands with the limits of `stakes` that apply, as far as the store told.
pub fn peek<H: Host + ?Sized>(
    host: &H,
    timezone: &Timezone,
    stakes: &[Stake<'_>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Standing {
    let now = host.now();
    standing(&steps(host, stakes, applies, now), false, timezone, now)
}

/// What the fleet used or held of each limit of a stake when the store last spoke.
pub fn used<H: Host + ?Sized>(host: &H, stake: &Stake<'_>) -> impl Fn(SlotId) -> u64 + use<H> {
    let leases = leases::read(host, stake.counter, host.now()).leases;
    move |slot| leases.get(slot).used
}

fn steps<'s, 'a, H: Host + ?Sized>(
    host: &H,
    stakes: &'s [Stake<'a>],
    applies: &dyn Fn(&Grant) -> bool,
    now: u64,
) -> Vec<Step<'s, 'a>> {
    let mut steps = Vec::with_capacity(stakes.iter().map(|stake| stake.level.limits.len()).sum());
    for stake in stakes {
        let mut limits = stake.level.limits.iter().filter(|limit| limit.model.as_ref().is_none_or(applies)).peekable();
        if limits.peek().is_none() {
            continue;
        }
        let read = leases::read(host, stake.counter, now);
        steps.extend(limits.map(|limit| {
            let slot = stake.slot(limit.slot);
            Step { stake, limit, slot, need: limit.metric.of(&stake.demand), lease: read.leases.get(slot) }
        }));
    }
    steps
}

/// Takes one level's part if all of it is free: the leases it was taken from, and whether one of them runs low.
fn take_level<H: Host + ?Sized>(
    host: &H,
    stake: &Stake<'_>,
    steps: &[Step<'_, '_>],
    now: u64,
) -> Option<(Vec<u64>, bool)> {
    leases::update(host, stake.counter, now, |leases| {
        if steps.iter().any(|step| leases.get(step.slot).free(now) < step.need) {
            return (false, None);
        }
        let mut low = false;
        let mut generations = Vec::with_capacity(steps.len());
        for step in steps {
            leases.change(step.slot, stake.most_slots(), |lease| {
                lease.take(step.need, now);
                if step.limit.metric != Metric::Requests {
                    lease.reserve(step.need);
                }
                generations.push(lease.generation);
                let left = lease.free(now);
                let far = step.limit.amount.saturating_sub(lease.used) / NEAR > step.need;
                let spent = left < lease.taken / 4 && lease.taken / WORTH_ASKING >= step.need;
                if far && spent && step.limit.metric != Metric::Concurrency && lease.refilling <= now {
                    lease.refilling = now.saturating_add(REFILLS);
                    low = true;
                }
            });
        }
        (true, Some((generations, low)))
    })
    .flatten()
}

fn ask(steps: &[Step<'_, '_>], book: &Book, timezone: &Timezone, now: u64) -> Ask {
    Ask::new(
        now,
        book.store_time(now),
        steps.iter().map(|step| (step.stake, step.limit, step.slot, step.need, &step.lease)),
        timezone,
    )
}

/// The refusal that holds longest, of limits that are known to have no room.
fn worst<'a>(steps: &[Step<'_, 'a>], timezone: &Timezone, now: u64) -> Option<Refused<'a>> {
    let refusals = steps.iter().filter_map(|step| {
        let (amount, needed) = (step.limit.amount, step.need);
        if amount == 0 || needed > amount {
            return Some((u64::MAX, step, Reason::TooSmall { needed }));
        }
        let until = step.lease.refused_until;
        let full = now < until && needed >= step.lease.refused && step.lease.free(now) < needed;
        full.then(|| {
            let retry_after_ms = step.lease.frees_at.saturating_sub(now).div_ceil(1_000_000).max(1);
            (step.lease.frees_at, step, Reason::Spent { used: step.lease.used, needed, retry_after_ms })
        })
    });
    let (_, step, reason) = refusals.max_by_key(|(until, ..)| *until)?;
    let by = RefusedBy::Limit { level: step.stake.level, limit: step.limit, reason };
    Some(Refused { by, standing: standing(steps, false, timezone, now) })
}

/// How a caller stands, with this request `taken` or without.
fn standing(steps: &[Step<'_, '_>], taken: bool, timezone: &Timezone, now: u64) -> Standing {
    let mut standing = Standing::default();
    for step in steps {
        let tightest = match step.limit.metric {
            Metric::Requests => &mut standing.requests,
            Metric::Tokens | Metric::InputTokens | Metric::OutputTokens => &mut standing.tokens,
            Metric::Usd | Metric::Concurrency => continue,
        };
        // What is used counts what this Envoy holds.
        let others = step.lease.used.saturating_sub(step.lease.free(now));
        let remaining = step.limit.amount.saturating_sub(others).saturating_sub(if taken { step.need } else { 0 });
        let reset_ms = super::measure::reset_ms(step.limit.period, timezone, now);
        if tightest.is_none_or(|known| remaining < known.remaining) {
            *tightest = Some(Headroom { limit: step.limit.amount, remaining, reset_ms });
        }
    }
    standing
}
