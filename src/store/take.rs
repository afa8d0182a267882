//! Taking a request from the leases on all limits that apply, and settling it when its cost is known.

use super::ask::{Ask, AskSlot, Asked};
use super::book::{Book, Entry};
use super::lease::{self, Lease};
use super::measure::{Measured, window};
use crate::host::Host;
use crate::limits::{Headroom, Outcome, Reason, Refused, RefusedBy, Stake, Standing};
use crate::policy::{Grant, Limit, Metric, Period, SlotId, Timezone};
use crate::pricing::NanoUsd;

/// Ahead of need more is asked for once three quarters are taken, and of so much at least.
const WORTH_ASKING: u64 = 8;
/// Nobody else asks for more while somebody does: not for longer than that (nanoseconds).
const ASKING: u64 = 1_000_000_000;
/// Within so many such requests of the limit, leases are as small as what is needed: asking ahead gets nothing.
const NEAR: u64 = 64;

/// Why a request could not be taken from what is held.
#[derive(Debug)]
pub enum Short<'a> {
    /// The store has to be asked.
    Ask(Ask),
    /// It has no room, as far as is known.
    Refused(Refused<'a>),
}

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

/// One limit that a request is held to.
struct Step<'s, 'a> {
    stake: &'s Stake<'a>,
    limit: &'a Limit,
    slot: SlotId,
    need: u64,
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
    let steps = steps(host, stakes, applies);
    if let Some(refused) = worst(&steps, now) {
        return Err(Short::Refused(refused));
    }
    if steps.iter().any(|step| step.lease.free(now) < step.need) {
        return Err(Short::Ask(ask(&steps, timezone, now)));
    }
    let mut holding = Holding {
        levels: Vec::with_capacity(stakes.len()),
        standing: standing(&steps, timezone, now),
        cost: cost(stakes),
        ahead: None,
    };
    let mut low = false;
    for steps in steps.chunk_by(|one, next| core::ptr::eq(one.stake, next.stake)) {
        let Some(stake) = steps.first().map(|step| step.stake) else { continue };
        match take_level(host, stake, steps, now) {
            Some((generations, near)) => {
                low |= near;
                if let Some(level) = Level::new(steps, generations, timezone, now, book) {
                    level.note_taken(book, now);
                    holding.levels.push(level);
                }
            }
            None => {
                // Another worker was faster: what it left is not enough.
                let ask = ask(&self::steps(host, stakes, applies), timezone, now);
                holding.settle(host, book, Outcome::Refund);
                return Err(Short::Ask(ask));
            }
        }
    }
    if low {
        let mut ahead = ask(&steps, timezone, now);
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
    let steps = steps(host, stakes, applies);
    let mut holding = Holding { levels: Vec::new(), standing: Standing::default(), cost: cost(stakes), ahead: None };
    for steps in steps.chunk_by(|one, next| core::ptr::eq(one.stake, next.stake)) {
        let none = steps.iter().map(|_| 0).collect();
        holding.levels.extend(Level::new(steps, none, timezone, now, book));
    }
    holding.levels.iter().for_each(|level| level.note_taken(book, now));
    holding
}

fn cost(stakes: &[Stake<'_>]) -> NanoUsd {
    stakes.iter().map(|stake| stake.demand.cost).max().unwrap_or_default()
}

/// How a caller stands with the limits of `stakes` that apply, as far as the store told.
pub fn peek<H: Host + ?Sized>(
    host: &H,
    timezone: &Timezone,
    stakes: &[Stake<'_>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Standing {
    standing(&steps(host, stakes, applies), timezone, host.now())
}

/// What the fleet used or held of each limit of a stake when the store last spoke.
pub fn used<H: Host + ?Sized>(host: &H, stake: &Stake<'_>) -> impl Fn(SlotId) -> u64 + use<H> {
    let leases = lease::read(host, stake.counter).leases;
    move |slot| leases.get(slot).used
}

/// The store is asked: grants may be on their way.
pub fn asking<H: Host + ?Sized>(host: &H, ask: &Ask) {
    of_each(host, ask, |_, _, lease| lease.ask(ask.sent));
}

/// It will not answer any more, or nobody wants to know.
pub fn unanswered<H: Host + ?Sized>(host: &H, ask: &Ask) {
    of_each(host, ask, |_, _, lease| lease.unanswered());
}

/// What the store's answer comes to: leases grow, or a limit is known to have no room.
pub fn granted<H: Host + ?Sized>(host: &H, ask: &Ask, answers: &[Asked], now: u64) {
    of_each(host, ask, |index, slot, lease| {
        if let Some(answer) = answers.get(index) {
            answer.apply(slot, lease, ask.sent, now);
        }
    });
}

/// Changes the leases that the store is asked about, level by level.
fn of_each<H: Host + ?Sized>(host: &H, ask: &Ask, change: impl Fn(usize, &AskSlot, &mut Lease)) {
    let mut index = 0_usize;
    for slots in ask.slots.chunk_by(|one, next| one.counter == next.counter) {
        let Some(first) = slots.first() else { continue };
        lease::update(host, &first.counter, |leases| {
            for (slot, index) in slots.iter().zip(index..) {
                leases.change(slot.slot, slot.most, |lease| change(index, slot, lease));
            }
            (true, ())
        });
        index = index.saturating_add(slots.len());
    }
}

fn steps<'s, 'a, H: Host + ?Sized>(
    host: &H,
    stakes: &'s [Stake<'a>],
    applies: &dyn Fn(&Grant) -> bool,
) -> Vec<Step<'s, 'a>> {
    let mut steps = Vec::with_capacity(stakes.iter().map(|stake| stake.level.limits.len()).sum());
    for stake in stakes {
        let mut limits = stake.level.limits.iter().filter(|limit| limit.model.as_ref().is_none_or(applies)).peekable();
        if limits.peek().is_none() {
            continue;
        }
        let read = lease::read(host, stake.counter);
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
    lease::update(host, stake.counter, |leases| {
        if steps.iter().any(|step| leases.get(step.slot).free(now) < step.need) {
            return (false, None);
        }
        let mut low = false;
        let mut generations = Vec::with_capacity(steps.len());
        for step in steps {
            leases.change(step.slot, stake.most_slots(), |lease| {
                lease.take(step.need, now);
                generations.push(lease.generation);
                let left = lease.free(now);
                let far = step.limit.amount.saturating_sub(lease.used) / NEAR > step.need;
                let spent = left < lease.taken / 4 && lease.taken / WORTH_ASKING >= step.need;
                if far && spent && step.limit.metric != Metric::Concurrency && lease.refilling <= now {
                    lease.refilling = now.saturating_add(ASKING);
                    low = true;
                }
            });
        }
        (true, Some((generations, low)))
    })
    .flatten()
}

fn ask(steps: &[Step<'_, '_>], timezone: &Timezone, now: u64) -> Ask {
    Ask::new(now, steps.iter().map(|step| (step.stake, step.limit, step.slot, step.need, &step.lease)), timezone)
}

/// The refusal that holds longest, of limits that are known to have no room.
fn worst<'a>(steps: &[Step<'_, 'a>], now: u64) -> Option<Refused<'a>> {
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
    Some(Refused { by, standing: Standing::default() })
}

fn standing(steps: &[Step<'_, '_>], timezone: &Timezone, now: u64) -> Standing {
    let mut standing = Standing::default();
    for step in steps {
        let tightest = match step.limit.metric {
            Metric::Requests => &mut standing.requests,
            Metric::Tokens | Metric::InputTokens | Metric::OutputTokens => &mut standing.tokens,
            Metric::Usd | Metric::Concurrency => continue,
        };
        // What is used counts what this Envoy holds.
        let others = step.lease.used.saturating_sub(step.lease.free(now));
        let remaining = step.limit.amount.saturating_sub(others).saturating_sub(step.need);
        let reset_ms = super::measure::reset_ms(step.limit.period, timezone, now);
        if tightest.is_none_or(|known| remaining < known.remaining) {
            *tightest = Some(Headroom { limit: step.limit.amount, remaining, reset_ms });
        }
    }
    standing
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
            bucket: window(step.limit.period, timezone, now, book.offset()),
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
        // Only money is alerted at.
        let thresholds = if claim.measured.metric == Metric::Usd { self.thresholds.as_slice() } else { &[] };
        Entry {
            counter,
            name,
            most: *most,
            slot: claim.slot,
            measured: &claim.measured,
            thresholds,
            generation: claim.generation,
            bucket: claim.bucket,
        }
    }

    fn settle<H: Host + ?Sized>(&self, host: &H, book: &mut Book, outcome: &Outcome, now: u64) {
        let store_ms = (now / 1_000_000).saturating_add_signed(book.offset());
        let used = |claim: &Claim| match outcome {
            // What counted at once goes back by the book, or is free already where its window has passed.
            Outcome::Refund if claim.measured.counts_at_once() => claim.need,
            Outcome::Refund => 0,
            // A place in flight is free again.
            Outcome::Used(_) if claim.measured.metric == Metric::Concurrency => 0,
            Outcome::Used(demand) => claim.measured.metric.of(demand),
        };
        if self.claims.iter().any(|claim| used(claim) != claim.need) {
            lease::update(host, &self.counter, |leases| {
                for claim in &self.claims {
                    leases.change(claim.slot, self.most, |lease| {
                        if claim.generation != 0 && lease.generation == claim.generation {
                            lease.settle(claim.need, used(claim));
                        }
                    });
                }
                (true, ())
            });
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
