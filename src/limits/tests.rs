//! The rules of limits, tested natively: threads stand for workers, memory for Envoy's shared data.
#![expect(clippy::arithmetic_side_effects, reason = "tests may overflow: they fail then")]

mod calendar;
mod conservation;
mod end_users;
mod exactness;
mod rules;
mod strictness;
mod workers;

use super::codec::{Tally, Value, sum};
use super::{Demand, LEASE, Outcome, Reason, Refused, RefusedBy, Reservation, Stake, Worker, WorkerId, counter_key};
use crate::host::{Host, MemoryHost};
use crate::policy::{Grant, Level, LevelKind, Limit, Metric, Period, Reserve, Timezone};
use crate::pricing::NanoUsd;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const HOUR: u64 = 3_600 * SECOND;
const MINUTE: Period = Period::Sliding { ms: 60_000 };
/// Wednesday, 2027-01-20 12:00 UTC.
const NOON: u64 = 1_800_446_400 * SECOND;

fn limit(metric: Metric, amount: u64, period: Period) -> Limit {
    Limit { metric, amount, period, model: None, tier: None, slot: Limit::slot_for(metric, period, None) }
}

fn level(kind: LevelKind, name: &str, limits: Vec<Limit>) -> Level {
    let (rules, alerts) = (Vec::new(), vec![80, 100]);
    let (max_request_bytes, max_output_tokens, reserve) = (None, None, Reserve::Full);
    Level { kind, name: name.into(), rules, limits, max_request_bytes, max_output_tokens, reserve, alerts }
}

fn team(limits: Vec<Limit>) -> Level {
    level(LevelKind::Team, "marketing", limits)
}

fn tokens(input: u64, output: u64) -> Demand {
    Demand { input_tokens: input, output_tokens: output, cost: NanoUsd(0) }
}

fn usd(nanos: u64) -> Demand {
    Demand { input_tokens: 0, output_tokens: 0, cost: NanoUsd(nanos) }
}

fn worker(id: u64) -> Worker {
    Worker::new(WorkerId(id))
}

/// Reserves the same demand at each of `levels`; every limit on models applies.
fn reserve<'a>(
    host: &MemoryHost,
    worker: &Worker,
    levels: &'a [Level],
    demand: Demand,
) -> Result<Reservation, Refused<'a>> {
    reserve_for(host, worker, levels, demand, &|_| true)
}

fn reserve_for<'a>(
    host: &MemoryHost,
    worker: &Worker,
    levels: &'a [Level],
    demand: Demand,
    applies: &dyn Fn(&Grant) -> bool,
) -> Result<Reservation, Refused<'a>> {
    let keys: Vec<String> = levels.iter().map(counter_key).collect();
    let stakes: Vec<Stake<'a>> = levels
        .iter()
        .zip(&keys)
        // A stake borrows its key for as long as its level.
        .map(|(level, key)| Stake {
            level,
            counter: Box::leak(key.clone().into_boxed_str()),
            tag: 0,
            allowed: None,
            demand,
        })
        .collect();
    super::reserve(host, worker, &Timezone::default(), &stakes, applies)
}

fn reason(refused: Refused<'_>) -> Reason {
    match refused.by {
        RefusedBy::Limit { reason, .. } => reason,
        RefusedBy::Contended => panic!("contended"),
    }
}

fn retry_after_ms(refused: Refused<'_>) -> u64 {
    match reason(refused) {
        Reason::Spent { retry_after_ms, .. } => retry_after_ms,
        Reason::TooSmall { .. } => panic!("too small"),
    }
}

/// What a level's value says of one limit: (settled or logged, held).
fn stored(host: &MemoryHost, level: &Level, limit: &Limit) -> (u64, u64) {
    let Some(value) = host.shared_get(&counter_key(level)) else { return (0, 0) };
    let value = Value::read(&value.bytes).unwrap();
    value.slot(limit.slot).map_or((0, 0), |slot| match slot.tally {
        Tally::Log { total, .. } => {
            assert_eq!(total, sum(slot.rows), "a log's total is the sum of its rows");
            (total, 0)
        }
        Tally::Calendar { settled, .. } => (settled, sum(slot.rows)),
        Tally::InFlight => (0, sum(slot.rows)),
    })
}
