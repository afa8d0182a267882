//! One limit of one level, as a worker speaks of it with the store.

use super::book::Entry;
use super::measure::Measured;
use crate::policy::SlotId;

/// One limit of one level.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Where the level's leases are in shared data.
    pub counter: Box<str>,
    /// The level's name in the store.
    pub name: Box<str>,
    /// How many leases the level may have.
    pub most: usize,
    pub slot: SlotId,
    pub measured: Measured,
    /// At which percentages it is alerted.
    pub thresholds: Vec<u8>,
}

impl Counted {
    /// What is noted of a lease on it.
    pub(super) fn of_lease(&self, generation: u64) -> Entry<'_> {
        let Self { counter, name, most, slot, measured, thresholds } = self;
        Entry { counter, name, most: *most, slot: *slot, measured, thresholds, generation, bucket: 0 }
    }
}
