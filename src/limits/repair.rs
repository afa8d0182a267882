//! Putting a level's value right when a worker died or somebody set the clock back: rare, so written for clarity only.

use super::LEASE;
use super::codec::{Edit, Row, Slot, Tally, Value, Writer, key_of, row, sum};

/// The value without dead workers and what they held, and with nothing in it later than `now`.
///
/// After the clock was set back, what was counted "later" than now counts as of now: it stays for a whole window, and the
/// level is not stuck until the old time comes again.
pub(super) fn repair(value: &Value<'_>, now: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::begin(&mut out, now, 0);
    let mut alive = Vec::new();
    for mut worker in value.workers() {
        if worker.seen.saturating_add(LEASE) > now {
            worker.seen = worker.seen.min(now);
            alive.push(worker.number);
            writer.worker(worker);
        }
    }
    let mut next = value.next;
    for slot in value.slots() {
        let mut born = slot.born;
        let rows: Vec<Row> = if let Tally::Log { .. } = slot.tally {
            let (past, future) =
                slot.rows.split_at_checked(slot.rows.partition_point(|row| key_of(row) <= now)).unwrap_or_default();
            let mut rows = past.to_vec();
            if !future.is_empty() {
                rows.push(row(now, sum(future)));
                // Reservations no longer find their rows by time: let them see that it is another log.
                born = next;
                next = next.saturating_add(1);
            }
            rows
        } else {
            slot.rows.iter().filter(|row| alive.contains(&key_of(row))).copied().collect()
        };
        let (touched, alerted_at) = (slot.touched.min(now), slot.alerted_at.min(now));
        writer.slot(&Slot { born, touched, alerted_at, rows: &rows, ..slot }, Edit::Keep);
    }
    writer.end(next, alive.len());
    out
}
