//! The ledger: what was spent by whom on what, day by day, until the store has it.

use std::collections::BTreeMap;

use crate::metering::Usage;
use crate::policy::{Key, Timezone};
use crate::pricing::NanoUsd;

/// Rows that can wait at once.
const MOST: usize = 10_000;

/// Whose requests to which model on which day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// `2026-11-21`, in the policy's time zone.
    day: String,
    /// Key, user, project, team, organisation and model.
    who: String,
}

/// What they came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerRow {
    requests: u64,
    usage: Usage,
    cost: NanoUsd,
}

/// Rows that the store does not have yet.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Row, LedgerRow>);

impl Row {
    /// Of requests with a key to a model of the catalog, admitted at `now`.
    #[must_use]
    pub fn of(key: &Key, model: Option<&str>, now: u64, timezone: &Timezone) -> Self {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let who = [
            key.id.clone(),
            name(&key.user),
            name(&key.project),
            name(&key.team),
            name(&key.org),
            model.unwrap_or_default().to_owned(),
        ];
        Self { day: day(now, timezone), who: who.join("\u{1f}") }
    }

    pub(super) fn key(&self) -> String {
        format!("kw:{{kw}}:day:{}", self.day)
    }

    pub(super) fn who(&self) -> &str {
        &self.who
    }
}

impl LedgerRow {
    /// Of one request.
    #[must_use]
    pub const fn new(usage: Usage, cost: NanoUsd) -> Self {
        Self { requests: 1, usage, cost }
    }

    fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.usage = self.usage.plus(&other.usage);
        self.cost = NanoUsd(self.cost.0.saturating_add(other.cost.0));
    }

    /// In the order of the store's function, which adds them to numbers of 64 bits with a sign.
    pub(super) fn amounts(&self) -> [u64; 7] {
        const MOST: u64 = i64::MAX.unsigned_abs();
        let Usage { input, cached, cache_write, output, reasoning, .. } = self.usage;
        [self.requests, input, cached, cache_write, output, reasoning, self.cost.0].map(|amount| amount.min(MOST))
    }
}

impl Ledger {
    /// Whether there was room for it.
    pub(super) fn add(&mut self, row: Row, amounts: &LedgerRow) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&row) {
            return false;
        }
        self.0.entry(row).or_default().add(amounts);
        true
    }

    /// Takes out the first `most` rows.
    pub(super) fn take(&mut self, most: usize) -> Vec<(Row, LedgerRow)> {
        core::iter::from_fn(|| self.0.pop_first()).take(most).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The date at `now` (nanoseconds) in a time zone.
fn day(now: u64, timezone: &Timezone) -> String {
    let seconds = i64::try_from(now / 1_000_000_000).unwrap_or(i64::MAX);
    let local = seconds.saturating_add(i64::from(timezone.offset_at(seconds)));
    jiff::Timestamp::from_second(local).map_or_else(|_| "1970-01-01".to_owned(), |time| time.strftime("%F").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_time_zone() {
        let zone = |offset| Timezone { offsets: vec![(i64::MIN, offset)], ..Timezone::default() };
        let just_before = 1_795_305_599_000_000_000;
        assert_eq!(day(just_before, &zone(0)), "2026-11-21");
        assert_eq!(day(just_before, &zone(3_600)), "2026-11-22");
    }

    #[test]
    fn what_finds_no_room_is_told() {
        let mut ledger = Ledger::default();
        let row = |number: usize| Row { day: "d".into(), who: format!("{number:05}") };
        let one = LedgerRow::new(Usage { input: 1, ..Usage::default() }, NanoUsd(2));
        assert!((0..MOST).all(|number| ledger.add(row(number), &one)));
        assert!(!ledger.add(row(MOST), &one));
        assert!(ledger.add(row(0), &one), "a row that is there takes more");
        assert_eq!(
            ledger.take(1),
            [(row(0), LedgerRow { requests: 2, usage: Usage { input: 2, ..one.usage }, cost: NanoUsd(4) })]
        );
    }
}
