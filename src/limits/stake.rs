//! What a request has at stake at one level.

use super::end_user::EndUser;
use crate::policy::{Level, LevelKind, SlotId};
use crate::pricing::Demand;

/// One level that a request has to pass, and what it takes there.
#[derive(Debug, Clone, Copy)]
pub struct Stake<'a> {
    /// The level with its limits.
    pub level: &'a Level,
    /// The shared-data key of its counters: [`counter_key`], or [`EndUser::counter`].
    pub counter: &'a str,
    /// Whose counters, where end users share a value: [`EndUser::tag`]; 0 elsewhere.
    pub tag: u64,
    /// The amounts of its limits, in their order, where they are not the policy's; `None`: they are.
    pub allowed: Option<&'a [u64]>,
    /// What the request takes: its full demand, or the expected one where the level reserves so.
    pub demand: Demand,
}

/// The shared-data key of a level's counters: `kw.team.marketing`.
#[must_use]
pub fn counter_key(level: &Level) -> String {
    let (kind, name) = (level.kind.as_str(), level.name.as_str());
    if name.is_empty() { format!("kw.{kind}") } else { format!("kw.{kind}.{name}") }
}

impl Stake<'_> {
    /// The level's name, out of its counter's key.
    pub(super) fn name_of(kind: LevelKind, counter: &str) -> &str {
        let name = counter.strip_prefix("kw.").and_then(|rest| rest.strip_prefix(kind.as_str()));
        match kind {
            LevelKind::EndUser => "",
            _ => name.and_then(|rest| rest.strip_prefix('.')).unwrap_or_default(),
        }
    }

    /// Its name in the store: `team.marketing`. There every end user has a value of its own.
    pub(crate) fn store_name(&self) -> String {
        if self.tag == 0 {
            self.counter.strip_prefix("kw.").unwrap_or(self.counter).to_owned()
        } else {
            format!("{}.{:016x}", LevelKind::EndUser.as_str(), self.tag)
        }
    }

    /// Where the limit with that slot counts for this stake.
    pub(crate) fn slot(&self, slot: SlotId) -> SlotId {
        if self.tag == 0 { slot } else { EndUser::slot(self.tag, slot) }
    }

    /// Whether it is of an end user, of whom there is no end.
    pub(crate) const fn is_of_end_user(&self) -> bool {
        self.tag != 0
    }

    /// How many counters its value may hold. A level's own are bounded by the policy.
    pub(crate) fn most_slots(&self) -> usize {
        const MOST: usize = 4_096;
        if self.tag == 0 { MOST } else { self.level.limits.len().saturating_mul(EndUser::PER_COUNTER) }
    }
}
