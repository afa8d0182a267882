//! What the store answers, and what becomes of the leases that it was asked about.

use super::ask::{Ask, AskSlot};
use super::book::Book;
use super::command::Words;
use super::lease::{LASTS, Lease, TOLD, Void};
use super::leases::{self, Leases};
use crate::host::Host;

const MILLISECOND: u64 = 1_000_000;

/// What the store says of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    granted: u64,
    generation: u64,
    granted_in_all: u64,
    used: u64,
    /// Milliseconds until there is room; 0 where there is.
    retry_ms: i64,
    /// How many Envoys have a lease on it.
    pub(super) peers: u64,
}

impl Ask {
    /// Reads the answer, and the store's time in milliseconds; `None` if it is none.
    #[must_use]
    pub fn read(&self, answer: &str) -> Option<(u64, Vec<Asked>)> {
        let mut words = Words::new(answer);
        words.word().filter(|word| matches!(*word, "ok" | "no"))?;
        let now_ms = words.number()?;
        let slots = self.slots.iter().map(|_| {
            let (granted, generation) = (words.number()?, words.number()?);
            let granted_in_all = words.number()?;
            let used = words.number()?;
            let retry_ms = words.signed()?;
            Some(Asked { granted, generation, granted_in_all, used, retry_ms, peers: words.number()? })
        });
        Some((now_ms, slots.collect::<Option<Vec<_>>>()?))
    }
}

impl Asked {
    fn apply(&self, slot: &AskSlot, lease: &mut Lease, sent: u64, now: u64) -> Option<Void> {
        if lease.asking == 0 {
            // It was forgotten while it was waited for: others may still bring what this answer tells of.
            lease.forgotten = lease.forgotten.max(self.generation);
        }
        lease.answered();
        let void = match self.generation {
            0 => None,
            generation => lease.hear(generation, self.granted, self.granted_in_all, sent.saturating_add(LASTS)),
        };
        lease.used = self.used;
        lease.refilling = 0;
        if self.granted > 0 {
            lease.asked = now;
            lease.taken = 0;
            lease.busy = 1;
        }
        if let Ok(retry @ 1..) = u64::try_from(self.retry_ms) {
            lease.refused = slot.need;
            let retry = retry.saturating_mul(MILLISECOND);
            lease.refused_until = now.saturating_add(retry.min(TOLD));
            lease.frees_at = now.saturating_add(retry);
        }
        void
    }
}

/// The store is asked: grants may be on their way.
pub fn asking<H: Host + ?Sized>(host: &H, ask: &Ask) {
    of_each(host, ask, host.now(), |leases, _, slot| {
        leases.change(slot.limit.slot, slot.limit.most, |lease| lease.ask(ask.sent))
    });
}

/// It will not answer any more, or nobody wants to know. The book finds out what it granted.
pub fn unanswered<H: Host + ?Sized>(host: &H, book: &mut Book, ask: &Ask) {
    let now = host.now();
    of_each(host, ask, now, |leases, _, slot| {
        leases.find(slot.limit.slot).into_iter().for_each(|lease| lease.unanswered(now))
    });
    ask.slots.iter().for_each(|slot| book.look_after(&slot.limit.of_lease(0)));
}

/// What the store's answer comes to: leases grow, or a limit is known to have no room. What was left of those that were over
/// is noted in the book.
pub fn granted<H: Host + ?Sized>(host: &H, book: &mut Book, ask: &Ask, answers: &[Asked], now: u64) {
    let mut heard: Vec<(Option<Void>, i64)> = vec![(None, 0); ask.slots.len()];
    of_each(host, ask, now, |leases, index, slot| {
        if let (Some(answer), Some(heard)) = (answers.get(index), heard.get_mut(index)) {
            leases.change(slot.limit.slot, slot.limit.most, |lease| {
                *heard = (answer.apply(slot, lease, ask.sent, now), lease.available);
            });
        }
    });
    for (slot, (void, available)) in ask.slots.iter().zip(heard) {
        book.heard(&slot.limit.of_lease(0), void, available, now);
    }
}

/// Changes the leases that the store is asked about, level by level.
fn of_each<H: Host + ?Sized>(host: &H, ask: &Ask, now: u64, mut change: impl FnMut(&mut Leases, usize, &AskSlot)) {
    let mut index = 0_usize;
    for slots in ask.slots.chunk_by(|one, next| one.limit.counter == next.limit.counter) {
        let Some(first) = slots.first() else { continue };
        leases::update(host, &first.limit.counter, now, |leases| {
            for (slot, index) in slots.iter().zip(index..) {
                change(leases, index, slot);
            }
            (true, ())
        });
        index = index.saturating_add(slots.len());
    }
}
