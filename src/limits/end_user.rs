//! Counters for end users, in a table that no caller can make grow by inventing names.
//!
//! End users are spread over a fixed number of shared-data values by a hash of whose they are. Each value has room for a
//! few of them; one more and the counters touched longest ago go. So an end user's count can be lost to a flood of
//! other names, which is why the levels above (team, key) are what protects money: the end-user level divides it.

use core::fmt::Write;

use crate::policy::SlotId;

/// How many values there are.
const COUNTERS: u64 = 4_096;

/// Where the counters of one end user are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndUser {
    /// The shared-data key.
    pub counter: String,
    /// Whose counters within it.
    pub tag: u64,
}

impl EndUser {
    /// How many end users have room in one value.
    pub(super) const PER_COUNTER: usize = 4;

    /// The end user that requests of a team (of a key, if it has no team) call `name`. Two teams' `42` are two people.
    #[must_use]
    pub fn of(team: Option<&str>, key_id: &str, name: &str) -> Self {
        let (kind, scope) = team.map_or(("key", key_id), |team| ("team", team));
        // No name holds a byte 0xff, so that no two triples read the same.
        let parts = [kind.as_bytes(), &[0xff], scope.as_bytes(), &[0xff], name.as_bytes()];
        let hash = parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let tag = mix(hash).max(1);
        let mut counter = String::with_capacity(16);
        let _ = write!(counter, "kw.end_user.{}", tag % COUNTERS);
        Self { counter, tag }
    }

    /// Where a limit counts for the end user with that tag.
    pub(super) const fn slot(tag: u64, slot: SlotId) -> SlotId {
        SlotId(mix(slot.0 ^ tag.rotate_left(32)))
    }
}

/// Spreads every bit over all others.
const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
