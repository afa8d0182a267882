//! Asking the store for more: one call for all limits of a request.

use super::LEASE_MS;
use super::command::{Calling, Command, Keys, call, level_key};
use super::counted::Counted;
use super::lease::Lease;
use super::measure::{COUNTS_TO, Measured};
use crate::limits::Stake;
use crate::policy::{Limit, SlotId, Timezone};

/// How many requests' worth a lease may have at the least, and for how long one may last at the most, in nanoseconds.
const ENOUGH: u64 = 256;
const LONG_ENOUGH: u64 = 2_000_000_000;
/// Limits of so many requests are large.
const LARGE: u64 = 10_000;

/// A question to the store.
#[derive(Debug, Clone)]
pub struct Ask {
    /// When it was made (nanoseconds).
    pub sent: u64,
    /// About which limits, those of one level one after the other.
    pub slots: Vec<AskSlot>,
}

/// A question about one limit.
#[derive(Debug, Clone)]
pub struct AskSlot {
    pub(super) limit: Counted,
    span: [String; 3],
    pub(super) need: u64,
    have: i64,
    want: u64,
    rate: u64,
    spare: u64,
    spent: i64,
    generation: u64,
    known: u64,
}

impl Ask {
    /// Asks for nothing but what time it is: windows are those of the store's clock. A worker knows it, but in its first
    /// quarter of a second.
    pub(super) const fn of_time(now: u64) -> Self {
        Self { sent: now, slots: Vec::new() }
    }

    pub(super) fn new<'s, 'a: 's>(
        now: u64,
        store_time: u64,
        steps: impl Iterator<Item = (&'s Stake<'a>, &'a Limit, SlotId, u64, &'s Lease)>,
        timezone: &Timezone,
    ) -> Self {
        let slots = steps.map(|(stake, limit, slot, need, lease)| {
            let measured = Measured::of(limit);
            let rate = rate(lease, need, now);
            let counted = Counted {
                counter: stake.counter.into(),
                name: stake.store_name().into(),
                most: stake.most_slots(),
                slot,
                measured,
                thresholds: measured.thresholds(&stake.level.alerts).to_vec(),
            };
            AskSlot {
                limit: counted,
                spent: measured.spent(stake.is_of_end_user(), lease, false),
                span: measured.span(timezone, store_time),
                need,
                have: lease.has(now),
                want: want(lease, need, rate),
                rate,
                spare: spare(limit.amount, need),
                generation: lease.generation,
                known: lease.known,
            }
        });
        Self { sent: now, slots: slots.collect() }
    }

    /// As a command.
    #[must_use]
    pub fn command(&self, calling: Calling, envoy: &str) -> Command {
        let mut keys = Keys::default();
        let mut arguments = vec![envoy.to_owned(), LEASE_MS.to_string(), self.slots.len().to_string()];
        for slot in &self.slots {
            arguments.push(keys.number(level_key(&slot.limit.name)).to_string());
            arguments.push(slot.limit.slot.0.to_string());
            arguments.extend_from_slice(&slot.span);
            arguments.extend([slot.limit.measured.amount, slot.need].map(|number| number.to_string()));
            // What goes beyond it is asked for the next time.
            let owed = i64::try_from(COUNTS_TO).map_or(i64::MIN, i64::saturating_neg);
            arguments.push(slot.have.max(owed).to_string());
            arguments.extend([slot.want, slot.rate, slot.spare].map(|number| number.to_string()));
            arguments.push(slot.spent.to_string());
            arguments.extend([slot.generation, slot.known.min(COUNTS_TO)].map(|number| number.to_string()));
        }
        call(calling, "keyward_take", &keys.0, arguments)
    }
}

/// What is taken in two seconds, going by what was taken since the store was last asked.
fn rate(lease: &Lease, need: u64, now: u64) -> u64 {
    let elapsed = now.saturating_sub(lease.asked).max(1_000_000);
    let taken = u128::from(lease.taken.max(need));
    let rate = taken.saturating_mul(u128::from(LONG_ENOUGH)).checked_div(u128::from(elapsed)).unwrap_or(0);
    u64::try_from(rate).unwrap_or(u64::MAX).min(COUNTS_TO)
}

/// How much more than is needed would be good to have: four times what was taken since the store was last asked, so that
/// leases grow fast where they are used, but no more than lasts two seconds or 256 requests. The store gives less, so that
/// little of a limit lies unspent.
fn want(lease: &Lease, need: u64, rate: u64) -> u64 {
    let most = rate.max(need.saturating_mul(ENOUGH));
    lease.taken.max(need).saturating_mul(4).min(most).min(COUNTS_TO)
}

/// How much of a limit may lie unspent in all Envoys while half of it is left: of large ones more, as there is time to get it
/// back before the rest is spent. Otherwise it is as the store has it.
const fn spare(amount: u64, need: u64) -> u64 {
    let of_many = matches!(amount.checked_div(need), Some(LARGE..));
    if of_many { amount / 32 } else { 0 }
}
