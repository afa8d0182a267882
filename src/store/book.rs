//! What one worker has to tell the store: what was spent, level by level, and the ledger. Bounded: what finds no room is
//! lost for the store, and how much that was is said.

use std::collections::{BTreeMap, HashMap};

use super::lease::Void;
use super::ledger::{Ledger, LedgerRow, Row};
use super::letter::Sent;
use super::measure::Measured;
use crate::policy::{STORE_COUNTS_BELOW, SlotId};

/// Levels that can have something to tell at once.
const MOST_LEVELS: usize = 10_000;
/// Windows of one limit in which something can have been spent since the last report.
const MOST_BUCKETS: usize = 512;
const MILLISECOND: u64 = 1_000_000;
/// Nothing waits for longer than that until it is told (nanoseconds).
const LONGEST_PATIENCE: u64 = 2_000 * MILLISECOND;

/// What one worker has to tell the store.
#[derive(Debug, Default)]
pub struct Book {
    /// Which Envoy this is, and which worker of it: numbers drawn at random.
    pub(super) envoy: String,
    pub(super) worker: String,
    pub(super) levels: HashMap<Box<str>, LevelBook>,
    pub(super) ledger: Ledger,
    pub(super) sequence: u64,
    pub(super) sent: Option<Sent>,
    /// When the oldest thing that was not told yet has to be (nanoseconds).
    pub(super) due: Option<u64>,
    /// How many requests were noted since the last report.
    pub(super) requests: u64,
    /// How far the store's clock is ahead of ours, in milliseconds.
    pub(super) offset: Option<i64>,
    /// What our own clock last showed (nanoseconds).
    clock: u64,
    pub(super) looked: u64,
    /// When the last letter was sent that was answered (nanoseconds).
    pub(super) reported: Option<u64>,
    lost: u64,
}

/// What is to be told of one level.
#[derive(Debug, Default)]
pub(super) struct LevelBook {
    pub counter: Box<str>,
    /// Requests in flight here that hold something of it.
    pub flying: usize,
    pub slots: BTreeMap<u64, SlotBook>,
}

/// What is to be told of one limit.
#[derive(Debug, Clone)]
pub(super) struct SlotBook {
    pub measured: Measured,
    pub most: usize,
    /// Spent, by lease and by window.
    pub rows: BTreeMap<(u64, u64), i64>,
    /// Given back, by lease.
    pub returned: BTreeMap<u64, u64>,
    /// What was known to be granted, by leases that are over and of which more may have been.
    pub sought: BTreeMap<u64, u64>,
    pub thresholds: Vec<u8>,
}

/// One limit that something was spent of.
pub(super) struct Entry<'e> {
    pub counter: &'e str,
    pub name: &'e str,
    pub most: usize,
    pub slot: SlotId,
    pub measured: &'e Measured,
    pub thresholds: &'e [u8],
    /// The lease it was taken from.
    pub generation: u64,
    /// The window it counts in.
    pub bucket: u64,
}

impl Book {
    /// An empty one of a worker of an Envoy.
    #[must_use]
    pub fn new(envoy: u64, worker: u64) -> Self {
        Self { envoy: format!("{envoy:016x}"), worker: format!("{worker:016x}"), ..Self::default() }
    }

    /// The Envoy, as the store knows it.
    #[must_use]
    pub fn envoy(&self) -> &str {
        &self.envoy
    }

    /// What the store's clock shows at a moment of ours (nanoseconds), as far as is known. Windows are those of that clock.
    pub(super) fn store_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.offset.unwrap_or_default().saturating_mul(1_000_000))
    }

    /// Whether the store told its time.
    pub(super) const fn knows_time(&self) -> bool {
        self.offset.is_some()
    }

    /// Takes note of the store's time, in milliseconds, in an answer to what was asked at `sent` (nanoseconds). The later
    /// reading of the two possible: what is told to have been spent later frees later. One that the store cannot count to is
    /// none: it would not take back what is told by it.
    pub fn saw_time(&mut self, store_ms: u64, sent: u64) {
        let (store, ours) = (i64::try_from(store_ms), i64::try_from(sent / MILLISECOND));
        if let (Ok(store), Ok(ours)) = (store, ours)
            && store_ms < STORE_COUNTS_BELOW
        {
            self.offset = Some(store.saturating_sub(ours));
        }
    }

    /// A request that holds something of a level is on its way: from here on this worker looks after its leases.
    pub(super) fn flies<'e>(&mut self, name: &str, counter: &str, entries: impl Iterator<Item = Entry<'e>>) {
        if let Some(level) = self.level(name, counter) {
            level.flying = level.flying.saturating_add(1);
            entries.for_each(|entry| {
                level.slot(&entry);
            });
        }
    }

    /// It has ended.
    pub(super) fn lands(&mut self, name: &str) {
        if let Some(level) = self.levels.get_mut(name) {
            level.flying = level.flying.saturating_sub(1);
        }
    }

    pub(super) fn spend(&mut self, entry: &Entry<'_>, amount: u64, now: u64) {
        self.add(entry, i64::try_from(amount).unwrap_or(i64::MAX), now);
    }

    /// Takes back what was spent. It goes back to the store, not to the lease: once its window has passed it would be there
    /// twice.
    pub(super) fn unspend(&mut self, entry: &Entry<'_>, amount: u64, now: u64) {
        self.add(entry, i64::try_from(amount).unwrap_or(i64::MAX).saturating_neg(), now);
        self.return_unspent(entry, amount, now);
    }

    /// The store spoke of a lease: what was left of an earlier one goes back, and this worker looks after what is there now.
    pub(super) fn heard(&mut self, entry: &Entry<'_>, void: Option<Void>, available: i64, now: u64) {
        if let Some(Void { generation, unspent, known }) = void {
            self.return_unspent(&Entry { generation, ..*entry }, unspent, now);
            self.seek(&Entry { generation, ..*entry }, known, now);
        }
        if available > 0 {
            self.look_after(entry);
        }
    }

    /// From here on this worker looks after that lease, as others may.
    pub(super) fn look_after(&mut self, entry: &Entry<'_>) {
        if let Some(level) = self.level(entry.name, entry.counter) {
            level.slot(entry);
        }
    }

    /// Tells that so much of a lease was not spent, and will not be.
    pub(super) fn return_unspent(&mut self, entry: &Entry<'_>, amount: u64, now: u64) {
        if amount > 0
            && let Some(level) = self.level(entry.name, entry.counter)
        {
            let returned = level.slot(entry).returned.entry(entry.generation).or_default();
            *returned = returned.saturating_add(amount);
            self.is_due(now.saturating_add(entry.measured.patience()));
        }
    }

    /// Asks what was granted of a lease that is over, beyond what is known.
    fn seek(&mut self, entry: &Entry<'_>, known: Option<u64>, now: u64) {
        if let Some(known) = known
            && let Some(level) = self.level(entry.name, entry.counter)
        {
            level.slot(entry).sought.insert(entry.generation, known);
            self.is_due(now.saturating_add(entry.measured.patience()));
        }
    }

    fn add(&mut self, entry: &Entry<'_>, amount: i64, now: u64) {
        let Some(level) = self.level(entry.name, entry.counter) else {
            self.lost = self.lost.saturating_add(1);
            return;
        };
        let slot = level.slot(entry);
        // Of too many windows the latest takes all: what was spent there frees later, never earlier.
        let key = (entry.generation, entry.bucket);
        let full = slot.rows.len() >= MOST_BUCKETS && !slot.rows.contains_key(&key);
        let latest = slot.rows.range((entry.generation, 0)..=(entry.generation, u64::MAX)).next_back();
        let key = latest.filter(|_| full).map_or(key, |(latest, _)| (*latest).max(key));
        let row = slot.rows.entry(key).or_default();
        *row = row.saturating_add(amount);
        self.is_due(now.saturating_add(entry.measured.patience()));
    }

    /// Notes a request in the ledger.
    pub fn note(&mut self, row: Row, amounts: &LedgerRow, now: u64) {
        if !self.ledger.add(row, amounts) {
            self.lost = self.lost.saturating_add(1);
        }
        self.requests = self.requests.saturating_add(1);
        self.is_due(now.saturating_add(LONGEST_PATIENCE));
    }

    fn is_due(&mut self, at: u64) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// The clock may have been set back: what the store's clock shows is not known then, and what is done later than in any
    /// case is done now.
    pub(super) fn at(&mut self, now: u64) {
        if now < self.clock {
            (self.looked, self.offset, self.reported) = (0, None, None);
        }
        self.clock = now;
        self.due = self.due.map(|due| if due > now.saturating_add(LONGEST_PATIENCE) { now } else { due });
    }

    /// How many notes were lost because there was no room for them, since this was last asked.
    pub fn take_lost(&mut self) -> u64 {
        core::mem::take(&mut self.lost)
    }

    fn level(&mut self, name: &str, counter: &str) -> Option<&mut LevelBook> {
        if !self.levels.contains_key(name) {
            if self.levels.len() >= MOST_LEVELS {
                return None;
            }
            self.levels.insert(name.into(), LevelBook { counter: counter.into(), ..LevelBook::default() });
        }
        self.levels.get_mut(name)
    }
}

impl LevelBook {
    fn slot(&mut self, entry: &Entry<'_>) -> &mut SlotBook {
        let slot = self.slots.entry(entry.slot.0).or_insert_with(|| SlotBook {
            measured: *entry.measured,
            most: entry.most,
            rows: BTreeMap::new(),
            returned: BTreeMap::new(),
            sought: BTreeMap::new(),
            thresholds: Vec::new(),
        });
        // The policy may have changed.
        slot.measured = *entry.measured;
        if slot.thresholds != entry.thresholds {
            entry.thresholds.clone_into(&mut slot.thresholds);
        }
        slot
    }

    pub(super) fn has_rows(&self) -> bool {
        self.slots.values().any(SlotBook::has_rows)
    }

    /// The limits of which something was spent.
    pub(super) fn spent(&self) -> Vec<u64> {
        self.slots.iter().filter(|(_, slot)| slot.has_rows()).map(|(slot, _)| *slot).collect()
    }
}

impl SlotBook {
    fn has_rows(&self) -> bool {
        !self.rows.is_empty() || !self.returned.is_empty() || !self.sought.is_empty()
    }
}
