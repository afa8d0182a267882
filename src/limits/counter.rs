//! One level's value in shared data: loading it, and writing it anew with claims taken or settled.

use super::claim::Claim;
use super::codec::{Edit, Slot, Value, WorkerEntry, Writer};
use super::repair::repair;
use super::{LEASE, Outcome, WorkerId};
use crate::host::{Host, SharedSet};
use crate::policy::SlotId;

/// Workers' clocks are the same clock, read a moment before the write: up to so far back it is the order of writes that
/// tells the time. Beyond, somebody set the clock.
const CLOCK_STEP: u64 = 10_000_000_000;
/// More workers than any Envoy has, dead ones of the last half minute included.
const MOST_WORKERS: usize = 1_024;

/// A value as it was read, put right for the time that has passed.
#[derive(Debug)]
pub(super) struct Counter {
    bytes: Vec<u8>,
    version: Option<u32>,
    /// The level's time: the host's, but never before the level's last write.
    pub now: u64,
}

impl Counter {
    /// Reads the level's value. One that is none (never written, or by another version) has nothing counted.
    pub fn load<H: Host + ?Sized>(host: &H, key: &str, host_now: u64) -> Self {
        let (bytes, version) =
            host.shared_get(key).map_or((Vec::new(), None), |value| (value.bytes, Some(value.version)));
        let Some(value) = Value::read(&bytes) else { return Self { bytes: Vec::new(), version, now: host_now } };
        let back = value.clock.saturating_sub(host_now);
        let now = if back <= CLOCK_STEP { value.clock.max(host_now) } else { host_now };
        let dead = |worker: WorkerEntry| worker.seen.saturating_add(LEASE) <= now;
        if back > CLOCK_STEP || value.workers().any(dead) {
            let bytes = repair(&value, now);
            return Self { bytes, version, now };
        }
        Self { bytes, version, now }
    }

    pub fn value(&self) -> Value<'_> {
        Value::read(&self.bytes).unwrap_or_else(|| Value::fresh(self.now.max(1)))
    }

    pub fn store<H: Host + ?Sized>(&self, host: &H, key: &str, bytes: &[u8]) -> bool {
        host.shared_set(key, bytes, self.version) == SharedSet::Done
    }

    /// Writes the value with all of `claims` taken into `out`, keeping at most `most_slots` counters, and gives the number
    /// under which the worker holds them (0 if there is nothing to hold). `None` if there is no room for the worker.
    pub fn take(&self, worker: WorkerId, claims: &mut [Claim], most_slots: usize, out: &mut Vec<u8>) -> Option<u64> {
        let (value, now) = (self.value(), self.now);
        let mut next = value.next;
        let mut draw = || {
            let drawn = next;
            next = next.saturating_add(1);
            drawn
        };
        let mut writer = Writer::begin(out, now, self.bytes.len());
        let mut number = write_workers(&mut writer, &value, worker, now);
        let mut workers = value.worker_count();
        if !claims.iter().any(Claim::is_held) {
            number = Some(0);
        } else if number.is_none() && workers < MOST_WORKERS {
            let drawn = draw();
            writer.worker(WorkerEntry { id: worker.0, number: drawn, seen: now });
            workers = workers.saturating_add(1);
            number = Some(drawn);
        }
        let number = number?;
        let crowded = value.slot_count.saturating_add(claims.len()) > most_slots;
        let evicted = if crowded { least_recently_touched(&value, claims, most_slots, now) } else { Vec::new() };
        write_others(&mut writer, &value, claims, &evicted, now);
        for claim in claims {
            let slot = value.slot(claim.slot).filter(|slot| claim.fits(slot)).and_then(|slot| slot.live(now));
            let mut slot = slot.unwrap_or_else(|| Slot::begin(claim, now, draw()));
            (claim.at, claim.born) = (now, slot.born);
            let merged = slot.merged();
            if let Some(rows) = &merged {
                slot.rows = rows;
            }
            let edit = slot.take(claim, number, now);
            writer.slot(&slot, edit);
        }
        writer.end(next, workers);
        Some(number)
    }

    /// Writes the value with all of `claims` settled into `out`. `alerted` is told of every percentage of `thresholds` that
    /// a claim on money has brought its counter to.
    pub fn settle(
        &self,
        (worker, number): (WorkerId, u64),
        claims: &[Claim],
        outcome: &Outcome,
        thresholds: &[u8],
        out: &mut Vec<u8>,
        mut alerted: impl FnMut(&Claim, u8, u64),
    ) {
        let (value, now) = (self.value(), self.now);
        let mut next = value.next;
        let mut writer = Writer::begin(out, now, self.bytes.len());
        write_workers(&mut writer, &value, worker, now);
        write_others(&mut writer, &value, claims, &[], now);
        for claim in claims {
            let slot = value.slot(claim.slot).filter(|slot| claim.fits(slot)).and_then(|slot| slot.live(now));
            let mut slot = slot.unwrap_or_else(|| Slot::begin(claim, now, next));
            next = next.saturating_add(1);
            let edit = slot.settle(claim, number, outcome, now);
            if Slot::alerts(claim) && *outcome != Outcome::Refund {
                let reached = slot.alert(claim, thresholds, now);
                reached.into_iter().for_each(|percent| alerted(claim, percent, slot.spent()));
            }
            if edit != Edit::Keep || slot.live(now).is_some() {
                writer.slot(&slot, edit);
            }
        }
        writer.end(next, value.worker_count());
    }

    /// Writes the value with the worker seen now into `out`, if the level knows the worker and last saw it `after` ago.
    pub fn touch(&self, worker: WorkerId, after: u64, out: &mut Vec<u8>) -> bool {
        let (value, now) = (self.value(), self.now);
        let due = |entry: WorkerEntry| entry.id == worker.0 && entry.seen.saturating_add(after) <= now;
        if !value.workers().any(due) {
            return false;
        }
        let mut writer = Writer::begin(out, now, self.bytes.len());
        write_workers(&mut writer, &value, worker, now);
        write_others(&mut writer, &value, &[], &[], now);
        writer.end(value.next, value.worker_count());
        true
    }
}

/// Writes all workers, `worker` as seen now, and gives its number if it is among them.
fn write_workers(writer: &mut Writer<'_>, value: &Value<'_>, worker: WorkerId, now: u64) -> Option<u64> {
    let mut number = None;
    for mut entry in value.workers() {
        if entry.id == worker.0 {
            entry.seen = now;
            number = Some(entry.number);
        }
        writer.worker(entry);
    }
    number
}

/// Writes the counters that no claim is about, also those of limits no longer in the policy, while they hold something.
fn write_others(writer: &mut Writer<'_>, value: &Value<'_>, claims: &[Claim], evicted: &[SlotId], now: u64) {
    for slot in value.slots() {
        if claims.iter().any(|claim| claim.slot == slot.id) || evicted.contains(&slot.id) {
            continue;
        }
        if let Some(slot) = slot.live(now) {
            writer.slot(&slot, Edit::Keep);
        }
    }
}

/// The counters that have to go for `claims` to fit in.
fn least_recently_touched(value: &Value<'_>, claims: &[Claim], most_slots: usize, now: u64) -> Vec<SlotId> {
    let claimed = |slot: &Slot<'_>| claims.iter().any(|claim| claim.slot == slot.id);
    let mut others: Vec<(u64, SlotId)> = value
        .slots()
        .filter(|slot| !claimed(slot))
        .filter_map(|slot| slot.live(now).map(|slot| (slot.touched, slot.id)))
        .collect();
    others.sort_unstable();
    let excess = others.len().saturating_add(claims.len()).saturating_sub(most_slots);
    others.into_iter().take(excess).map(|(_, id)| id).collect()
}
