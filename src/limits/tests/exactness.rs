//! Many workers at once: exactly as much is admitted as the limit says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::host::{SharedSet, SharedValue};
use crate::limits::Settled;

const WORKERS: u64 = 8;
const CLIENTS: usize = 250;

/// Every worker sends `CLIENTS` requests, and ends those admitted if there is an `end`. Gives how many were admitted.
fn storm(host: &MemoryHost, levels: &[Level], demand: Demand, end: Option<Outcome>) -> u64 {
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for id in 1..=WORKERS {
            let admitted = &admitted;
            scope.spawn(move || {
                let worker = worker(id);
                for _ in 0..CLIENTS {
                    match reserve(host, &worker, levels, demand) {
                        Ok(held) => {
                            admitted.fetch_add(1, Ordering::Relaxed);
                            if let Some(outcome) = end {
                                assert_eq!(held.settle(host, &worker, outcome).unwritten, 0);
                            }
                        }
                        Err(refused) => assert_ne!(refused.by, RefusedBy::Contended),
                    }
                }
            });
        }
    });
    admitted.into_inner()
}

#[test]
fn exactly_n_are_admitted_by_each_kind_of_limit() {
    let one = Demand { input_tokens: 3, output_tokens: 4, cost: NanoUsd(5) };
    for (metric, period, each) in [
        (Metric::Requests, MINUTE, 1),
        (Metric::Requests, Period::Day, 1),
        (Metric::Tokens, MINUTE, 7),
        (Metric::Tokens, Period::Month, 7),
        (Metric::InputTokens, MINUTE, 3),
        (Metric::OutputTokens, Period::Week, 4),
        (Metric::Usd, MINUTE, 5),
        (Metric::Usd, Period::Days(30), 5),
        (Metric::Concurrency, Period::Now, 1),
    ] {
        let host = MemoryHost::at(NOON);
        // Short of one more request by one.
        let levels = [team(vec![limit(metric, 317 * each + (each - 1), period)])];
        assert_eq!(storm(&host, &levels, one, None), 317, "{metric:?} {period}");
        let (settled, held) = stored(&host, &levels[0], &levels[0].limits[0]);
        assert_eq!(settled + held, 317 * each, "{metric:?} {period}");
    }
}

#[test]
fn exactly_n_are_admitted_by_several_limits_of_several_levels_at_once() {
    let host = MemoryHost::at(NOON);
    let levels = [
        level(
            LevelKind::Global,
            "",
            vec![limit(Metric::Requests, 1_000, MINUTE), limit(Metric::Usd, 5_000, Period::Day)],
        ),
        team(vec![limit(Metric::Tokens, 7 * 211, MINUTE), limit(Metric::Requests, 500, Period::Day)]),
        level(LevelKind::Key, "k", vec![limit(Metric::Concurrency, 400, Period::Now)]),
    ];
    let one = Demand { input_tokens: 3, output_tokens: 4, cost: NanoUsd(5) };
    assert_eq!(storm(&host, &levels, one, None), 211);
    for (level, index, expected) in [(0, 0, 211), (0, 1, 211 * 5), (1, 0, 211 * 7), (1, 1, 211), (2, 0, 211)] {
        let (settled, held) = stored(&host, &levels[level], &levels[level].limits[index]);
        assert_eq!(settled + held, expected, "level {level}, limit {index}");
    }
}

#[test]
fn a_storm_of_settled_requests_is_counted_to_the_last_token() {
    let host = MemoryHost::at(NOON);
    let levels = [
        level(
            LevelKind::Global,
            "",
            vec![limit(Metric::Tokens, u64::MAX, MINUTE), limit(Metric::Usd, u64::MAX, Period::Day)],
        ),
        team(vec![limit(Metric::Requests, u64::MAX, MINUTE), limit(Metric::Concurrency, 99, Period::Now)]),
    ];
    let full = Demand { input_tokens: 30, output_tokens: 40, cost: NanoUsd(50) };
    let used = Demand { input_tokens: 31, output_tokens: 4, cost: NanoUsd(7) };
    let all = WORKERS * CLIENTS as u64;
    assert_eq!(storm(&host, &levels, full, Some(Outcome::Used(used))), all);
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (35 * all, 0));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[1]), (7 * all, 0));
    assert_eq!(stored(&host, &levels[1], &levels[1].limits[0]), (all, 0));
    assert_eq!(stored(&host, &levels[1], &levels[1].limits[1]), (0, 0));
}

#[test]
fn a_storm_of_refunds_leaves_nothing_behind() {
    let host = MemoryHost::at(NOON);
    let limits = vec![
        limit(Metric::Requests, u64::MAX, MINUTE),
        limit(Metric::Requests, u64::MAX, Period::Day),
        limit(Metric::Tokens, u64::MAX, MINUTE),
        limit(Metric::Usd, u64::MAX, Period::Month),
        limit(Metric::Concurrency, 99, Period::Now),
    ];
    let levels = [team(limits)];
    let full = Demand { input_tokens: 30, output_tokens: 40, cost: NanoUsd(50) };
    assert_eq!(storm(&host, &levels, full, Some(Outcome::Refund)), WORKERS * CLIENTS as u64);
    for limit in &levels[0].limits {
        assert_eq!(stored(&host, &levels[0], limit), (0, 0), "{limit:?}");
    }
}

#[test]
fn no_window_admits_more_while_the_clock_runs_and_workers_settle() {
    let host = MemoryHost::at(NOON);
    let (most, window) = (40, 100 * MS);
    let levels = [
        level(LevelKind::Global, "", vec![limit(Metric::Requests, u64::MAX, MINUTE)]),
        team(vec![limit(Metric::Tokens, most * 10, Period::Sliding { ms: 100 })]),
    ];
    let log = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for id in 1..=4 {
            let (host, levels, log) = (&host, &levels, &log);
            scope.spawn(move || {
                let worker = worker(id);
                for round in 0..2_000 {
                    host.advance_ms(1);
                    let before = host.now();
                    if let Ok(held) = reserve(host, &worker, levels, tokens(10, 0)) {
                        log.lock().unwrap().push((before, host.now()));
                        // Never less than reserved: what is in the log stays at ten tokens each.
                        held.settle(host, &worker, Outcome::Used(tokens(10 + round % 2, 0)));
                    }
                }
            });
        }
    });
    let log = log.into_inner().unwrap();
    assert!(log.len() > 400, "many windows");
    for (from, _) in &log {
        // Certainly inside: asked for after the window began, and answered before it ended.
        let inside = log.iter().filter(|(before, after)| before >= from && *after < from + window).count();
        assert!(inside as u64 <= most, "{inside} in one window");
    }
}

/// A host on which somebody else always writes first, from the `free`-th write on.
struct Busy {
    host: MemoryHost,
    free: u64,
    writes: AtomicU64,
}

impl Host for Busy {
    fn now(&self) -> u64 {
        self.host.now()
    }
    fn shared_get(&self, key: &str) -> Option<SharedValue> {
        self.host.shared_get(key)
    }
    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet {
        if self.writes.fetch_add(1, Ordering::Relaxed) < self.free {
            return self.host.shared_set(key, bytes, version);
        }
        SharedSet::Conflict
    }
}

#[test]
fn who_never_gets_to_write_is_not_admitted_and_says_what_was_not_settled() {
    let level = team(vec![limit(Metric::Tokens, 100, MINUTE)]);
    let stakes = [Stake { level: &level, counter: "kw.team.marketing", tag: 0, allowed: None, demand: tokens(1, 0) }];
    let (zone, worker) = (Timezone::default(), worker(1));
    let busy = |free| Busy { host: MemoryHost::at(NOON), free, writes: AtomicU64::new(0) };
    let refused = crate::limits::reserve(&busy(0), &worker, &zone, &stakes, &|_| true).unwrap_err();
    assert_eq!(refused.by, RefusedBy::Contended);
    let host = busy(1);
    let held = crate::limits::reserve(&host, &worker, &zone, &stakes, &|_| true).unwrap();
    let settled = held.settle(&host, &worker, Outcome::Used(tokens(2, 0)));
    assert_eq!(settled, Settled { alerts: Vec::new(), unwritten: 1 });
}

/// A host on which another worker takes the last place of a level between its being looked at and written.
struct Overtaken {
    host: MemoryHost,
    level: Level,
    done: AtomicBool,
}

impl Host for Overtaken {
    fn now(&self) -> u64 {
        self.host.now()
    }
    fn shared_get(&self, key: &str) -> Option<SharedValue> {
        self.host.shared_get(key)
    }
    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet {
        if key == counter_key(&self.level) && !self.done.swap(true, Ordering::Relaxed) {
            let _held = reserve(&self.host, &worker(2), std::slice::from_ref(&self.level), usd(1)).unwrap();
        }
        self.host.shared_set(key, bytes, version)
    }
}

#[test]
fn who_is_overtaken_at_one_level_puts_back_what_it_took_at_the_others() {
    let wide = level(
        LevelKind::Global,
        "",
        vec![
            limit(Metric::Requests, 9, MINUTE),
            limit(Metric::Usd, 9, Period::Day),
            limit(Metric::Requests, 9, Period::Day),
            limit(Metric::Concurrency, 9, Period::Now),
        ],
    );
    let narrow = team(vec![limit(Metric::Requests, 1, MINUTE)]);
    let host = Overtaken { host: MemoryHost::at(NOON), level: narrow.clone(), done: AtomicBool::new(false) };
    let keys = [counter_key(&wide), counter_key(&narrow)];
    let stakes = [(&wide, &keys[0]), (&narrow, &keys[1])].map(|(level, counter)| Stake {
        level,
        counter,
        tag: 0,
        allowed: None,
        demand: usd(1),
    });
    let worker = worker(1);
    let refused = crate::limits::reserve(&host, &worker, &Timezone::default(), &stakes, &|_| true).unwrap_err();
    assert_eq!(reason(refused), Reason::Spent { used: 1, needed: 1, retry_after_ms: 60_000 });
    assert_eq!(worker.levels_held(), 0);
    for limit in &wide.limits {
        assert_eq!(stored(&host.host, &wide, limit), (0, 0), "{limit:?}");
    }
}
