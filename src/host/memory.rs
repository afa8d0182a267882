use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Host, SharedSet, SharedValue};

/// A host in memory, with the semantics of Envoy's shared data and a clock that moves when told. Thread-safe, so that
/// threads can stand for workers.
#[derive(Debug, Default)]
pub struct MemoryHost {
    clock: AtomicU64,
    shared: Mutex<HashMap<String, (Vec<u8>, u32)>>,
}

impl MemoryHost {
    /// An empty host whose clock shows `now` (nanoseconds since the Unix epoch).
    #[must_use]
    pub fn at(now: u64) -> Self {
        Self { clock: AtomicU64::new(now), ..Self::default() }
    }

    /// Sets the clock.
    pub fn set_now(&self, now: u64) {
        self.clock.store(now, Ordering::SeqCst);
    }

    /// Moves the clock on by milliseconds.
    pub fn advance_ms(&self, ms: u64) {
        self.clock.fetch_add(ms.saturating_mul(1_000_000), Ordering::SeqCst);
    }

    /// How many values are shared.
    #[must_use]
    pub fn shared_len(&self) -> usize {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Host for MemoryHost {
    fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn shared_get(&self, key: &str) -> Option<SharedValue> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.get(key).map(|(bytes, version)| SharedValue { bytes: bytes.clone(), version: *version })
    }

    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let current = shared.get(key).map(|(_, current)| *current);
        if current != version {
            return SharedSet::Conflict;
        }
        let next = current.unwrap_or(0).wrapping_add(1);
        shared.insert(key.to_owned(), (bytes.to_vec(), next));
        SharedSet::Done
    }
}
