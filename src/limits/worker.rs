//! One worker (one VM of the filter) as the levels know it, and the heartbeat by which they see that it lives.

use std::cell::RefCell;
use std::collections::HashMap;

use super::LEASE;
use super::counter::Counter;
use crate::host::Host;

/// A number that no other worker of this Envoy has: 64 random bits, drawn when the VM starts; not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerId(pub u64);

/// A worker and the levels at which it holds something. One per VM.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    /// Reservations in flight per counter key. Keys at 0 stay until the next heartbeat, so that a busy level is not put in
    /// and taken out with every request; but only few of them, so that the streams in flight bound the map.
    held: RefCell<HashMap<Box<str>, usize>>,
}

/// How often a heartbeat writes at most.
const REFRESH: u64 = LEASE / 6;
/// Keys that may stay at 0.
const KEPT: usize = 1_024;
/// How often one heartbeat tries to write.
const TRIES: usize = 100;

impl Worker {
    /// A worker that holds nothing yet.
    #[must_use]
    pub fn new(id: WorkerId) -> Self {
        Self { id, held: RefCell::default() }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// How many levels it holds something at.
    #[must_use]
    pub fn levels_held(&self) -> usize {
        self.held.borrow().values().filter(|count| **count > 0).count()
    }

    #[cfg(test)]
    pub(super) fn levels_remembered(&self) -> usize {
        self.held.borrow().len()
    }

    /// Lets every level at which this worker holds something see that it lives. To be called every few seconds: what a
    /// worker holds at a level that has not seen it for [`LEASE`] is freed.
    pub fn heartbeat<H: Host + ?Sized>(&self, host: &H) {
        let mut held = self.held.borrow_mut();
        held.retain(|_, count| *count > 0);
        let mut bytes = Vec::new();
        for key in held.keys() {
            for _ in 0..TRIES {
                let counter = Counter::load(host, key, host.now());
                if !counter.touch(self.id, REFRESH, &mut bytes) || counter.store(host, key, &bytes) {
                    break;
                }
            }
        }
    }

    pub(super) fn holds(&self, key: &str) {
        let mut held = self.held.borrow_mut();
        if let Some(count) = held.get_mut(key) {
            *count = count.saturating_add(1);
        } else {
            held.insert(key.into(), 1);
        }
    }

    pub(super) fn releases(&self, key: &str) {
        let mut held = self.held.borrow_mut();
        let many = held.len() > KEPT;
        if let Some(count) = held.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 && many {
                held.remove(key);
            }
        }
    }
}
