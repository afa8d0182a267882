//! How the counters of one level lie in their shared-data value: little-endian words, so that a log of admissions is used
//! where it lies and never decoded.
//!
//! | words | what |
//! |---|---|
//! | 4 | format, clock (time of the last write), next number, how many workers |
//! | 3 each | worker: id, number, last seen |
//! | 9 each | slot: id, kind, born, touched, alerted percent, alerted at, two words of tally, how many rows |
//! | 2 each | the slot's rows: (time, amount) of a log, (worker number, amount) where workers hold something |
//!
//! Reading is total: what is not exactly such a value is `None`.

use crate::policy::SlotId;

pub(super) type Word = [u8; 8];
/// A key (time or worker number) and an amount.
pub(super) type Row = [Word; 2];
type WorkerRow = [Word; 3];

/// Whoever changes the format changes the prefix of the counters' keys with it: two versions that live side by side in one
/// Envoy while it is upgraded would otherwise begin each other's values anew with every request.
const FORMAT: Word = *b"kwlevel1";
const LOG: u64 = 1;
const CALENDAR: u64 = 2;
const IN_FLIGHT: u64 = 3;

pub(super) const fn row(key: u64, amount: u64) -> Row {
    [key.to_le_bytes(), amount.to_le_bytes()]
}

pub(super) const fn key_of(row: &Row) -> u64 {
    let [key, _] = row;
    read(key)
}

pub(super) const fn amount_of(row: &Row) -> u64 {
    let [_, amount] = row;
    read(amount)
}

/// Rows' amounts together.
pub(super) fn sum(rows: &[Row]) -> u64 {
    rows.iter().fold(0, |sum: u64, row| sum.saturating_add(amount_of(row)))
}

/// A worker that a level knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WorkerEntry {
    /// The worker's own number, drawn at its start.
    pub id: u64,
    /// What rows call it: given at registration and never given again, so that a worker declared dead and back again is
    /// another one.
    pub number: u64,
    /// When it last wrote (nanoseconds).
    pub seen: u64,
}

/// What a slot counts, but for its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tally {
    /// Sliding window of `window` nanoseconds; `total` is the sum of the rows, saturating.
    Log { window: u64, total: u64 },
    /// Calendar window that ends at `end`; `settled` is what is known to be used, rows hold what is reserved.
    Calendar { end: u64, settled: u64 },
    /// Rows hold what is in flight.
    InFlight,
}

/// One counter of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot<'a> {
    pub id: SlotId,
    /// Number of this log or window, never given twice: who remembers it can tell whether it is still the same.
    pub born: u64,
    /// When it was last changed (nanoseconds).
    pub touched: u64,
    /// The highest percentage already alerted at in this window; 0 for none.
    pub alerted: u64,
    /// When that was (nanoseconds).
    pub alerted_at: u64,
    pub tally: Tally,
    pub rows: &'a [Row],
}

/// One change of a slot's rows, made while they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    Keep,
    Push(Row),
    Set(usize, Row),
    Remove(usize),
}

/// A level's value, as read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    /// Time of the last write (nanoseconds).
    pub clock: u64,
    /// The next number for a worker or a slot.
    pub next: u64,
    pub slot_count: usize,
    workers: &'a [WorkerRow],
    slots: &'a [Word],
}

impl<'a> Value<'a> {
    /// A value in which nothing was counted yet. Numbers start at the clock: should a value ever be lost and begun again,
    /// it gives out other ones.
    pub const fn fresh(now: u64) -> Self {
        Self { clock: now, next: now, slot_count: 0, workers: &[], slots: &[] }
    }

    /// Reads a value; `None` if it is not one.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let ([format, clock, next, workers], body) = words.split_first_chunk::<4>()?;
        if *format != FORMAT || !rest.is_empty() {
            return None;
        }
        let length = usize::try_from(read(workers)).ok()?.checked_mul(3)?;
        let (workers, slots) = body.split_at_checked(length)?;
        let (workers, _) = workers.as_chunks::<3>();
        let (mut slot_count, mut left) = (0_usize, slots);
        while !left.is_empty() {
            (_, left) = split_slot(left)?;
            slot_count = slot_count.saturating_add(1);
        }
        let (clock, next) = (read(clock), read(next));
        Some(Self { clock, next, slot_count, workers, slots })
    }

    pub fn workers(&self) -> impl Iterator<Item = WorkerEntry> + use<'a> {
        self.workers.iter().map(|[id, number, seen]| WorkerEntry {
            id: read(id),
            number: read(number),
            seen: read(seen),
        })
    }

    pub fn worker_count(&self) -> usize {
        self.workers.len()
    }

    pub fn slots(&self) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let mut left = self.slots;
        core::iter::from_fn(move || {
            let (slot, rest) = split_slot(left)?;
            left = rest;
            Some(slot)
        })
    }

    pub fn slot(&self, id: SlotId) -> Option<Slot<'a>> {
        self.slots().find(|slot| slot.id == id)
    }
}

const fn read(word: &Word) -> u64 {
    u64::from_le_bytes(*word)
}

#[inline]
fn split_slot(words: &[Word]) -> Option<(Slot<'_>, &[Word])> {
    let (head, body) = words.split_first_chunk::<9>()?;
    let [id, kind, born, touched, alerted, alerted_at, first, second, rows] = head;
    let (rows, rest) = body.split_at_checked(usize::try_from(read(rows)).ok()?.checked_mul(2)?)?;
    let (rows, _) = rows.as_chunks::<2>();
    let tally = match read(kind) {
        LOG => Tally::Log { window: read(first), total: read(second) },
        CALENDAR => Tally::Calendar { end: read(first), settled: read(second) },
        IN_FLIGHT => Tally::InFlight,
        _ => return None,
    };
    let (id, born, touched) = (SlotId(read(id)), read(born), read(touched));
    let (alerted, alerted_at) = (read(alerted), read(alerted_at));
    Some((Slot { id, born, touched, alerted, alerted_at, tally, rows }, rest))
}

/// Writes a value, front to back.
pub(super) struct Writer<'b>(&'b mut Vec<u8>);

impl<'b> Writer<'b> {
    /// Begins a value in `out`, whose former content goes. It will be about as long as the value it replaces.
    pub fn begin(out: &'b mut Vec<u8>, clock: u64, former_length: usize) -> Self {
        out.clear();
        out.reserve(former_length.saturating_add(256));
        let mut writer = Self(out);
        writer.0.extend_from_slice(&FORMAT);
        writer.words([clock, 0, 0]);
        writer
    }

    /// One worker; all workers come before all slots.
    pub fn worker(&mut self, entry: WorkerEntry) {
        self.words([entry.id, entry.number, entry.seen]);
    }

    /// One slot with `edit` done to its rows.
    pub fn slot(&mut self, slot: &Slot<'_>, edit: Edit) {
        let (kind, first, second) = match slot.tally {
            Tally::Log { window, total } => (LOG, window, total),
            Tally::Calendar { end, settled } => (CALENDAR, end, settled),
            Tally::InFlight => (IN_FLIGHT, 0, 0),
        };
        let (head, changed, tail) = match edit {
            Edit::Keep => (slot.rows, None, None),
            Edit::Push(row) => (slot.rows, Some(row), None),
            Edit::Set(at, row) => {
                (slot.rows.get(..at).unwrap_or(slot.rows), Some(row), slot.rows.get(at.saturating_add(1)..))
            }
            Edit::Remove(at) => (slot.rows.get(..at).unwrap_or(slot.rows), None, slot.rows.get(at.saturating_add(1)..)),
        };
        let tail = tail.unwrap_or_default();
        let count = head.len().saturating_add(tail.len()).saturating_add(usize::from(changed.is_some()));
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.words([slot.id.0, kind, slot.born, slot.touched, slot.alerted, slot.alerted_at, first, second, count]);
        self.0.extend_from_slice(head.as_flattened().as_flattened());
        if let Some(row) = changed {
            self.0.extend_from_slice(row.as_flattened());
        }
        self.0.extend_from_slice(tail.as_flattened().as_flattened());
    }

    /// Ends the value: the counts that are known only now go into its front.
    pub fn end(self, next: u64, workers: usize) {
        let (words, _) = self.0.as_chunks_mut::<8>();
        if let Some([_, _, next_word, workers_word, ..]) = words.first_chunk_mut::<4>() {
            *next_word = next.to_le_bytes();
            *workers_word = u64::try_from(workers).unwrap_or(u64::MAX).to_le_bytes();
        }
    }

    fn words<const N: usize>(&mut self, words: [u64; N]) {
        let mut bytes = [[0; 8]; N];
        for (to, word) in bytes.iter_mut().zip(words) {
            *to = word.to_le_bytes();
        }
        self.0.extend_from_slice(bytes.as_flattened());
    }
}
