//! The host of the stations inside Envoy.

use super::hostcalls::{self, Written};
use super::note;
use crate::host::{Host, SharedSet, SharedValue};

/// A version no value has: Envoy counts them up from 1, and writes a missing value whatever version is shown, so showing
/// this one creates a value only if there is none.
const ABSENT: u32 = u32::MAX;

/// Envoy.
pub struct Envoy;

impl Host for Envoy {
    fn now(&self) -> u64 {
        hostcalls::now()
    }

    fn shared_get(&self, key: &str) -> Option<SharedValue> {
        hostcalls::shared_data(key).map(|(bytes, version)| SharedValue { bytes, version })
    }

    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet {
        match hostcalls::set_shared_data(key, bytes, version.unwrap_or(ABSENT)) {
            Written::Done => SharedSet::Done,
            Written::Conflict => SharedSet::Conflict,
        }
    }

    fn tried(&self) -> String {
        note::read().1
    }
}
