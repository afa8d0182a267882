//! What a limit admits, what a refusal says, and what a reload changes.

use proptest::prelude::*;

use super::*;
use crate::host::{SharedSet, SharedValue};
use crate::limits::{Alert, Headroom, Standing, peek};

const METRICS: [Metric; 6] =
    [Metric::Requests, Metric::Tokens, Metric::InputTokens, Metric::OutputTokens, Metric::Usd, Metric::Concurrency];

fn period_of(metric: Metric) -> Vec<Period> {
    match metric {
        Metric::Concurrency => vec![Period::Now],
        _ => vec![MINUTE, Period::Day, Period::Week, Period::Month, Period::Days(30)],
    }
}

fn of_each(demand: u64) -> Demand {
    Demand { input_tokens: demand, output_tokens: demand, cost: NanoUsd(demand) }
}

#[test]
fn a_limit_of_zero_admits_nothing() {
    let host = MemoryHost::at(NOON);
    for metric in METRICS {
        for period in period_of(metric) {
            for demand in [0, 1] {
                let levels = [team(vec![limit(metric, 0, period)])];
                let refused = reserve(&host, &worker(1), &levels, of_each(demand)).unwrap_err();
                assert!(matches!(reason(refused), Reason::TooSmall { .. }), "{metric:?} {period}");
            }
        }
    }
    assert_eq!(host.shared_len(), 0, "refused without writing");
}

#[test]
fn a_limit_smaller_than_the_request_says_so_even_when_nothing_is_used() {
    let host = MemoryHost::at(NOON);
    for (metric, needed) in
        [(Metric::Tokens, 20), (Metric::InputTokens, 10), (Metric::OutputTokens, 10), (Metric::Usd, 10)]
    {
        for period in period_of(metric) {
            let levels = [team(vec![limit(metric, needed - 1, period)])];
            let refused = reserve(&host, &worker(1), &levels, of_each(10)).unwrap_err();
            assert_eq!(reason(refused), Reason::TooSmall { needed }, "{metric:?} {period}");
            let levels = [team(vec![limit(metric, needed, period)])];
            let _held = reserve(&host, &worker(1), &levels, of_each(10)).unwrap();
        }
    }
}

#[test]
fn every_metric_admits_up_to_its_amount_and_no_further() {
    for metric in METRICS {
        for period in period_of(metric) {
            let host = MemoryHost::at(NOON);
            let each = if metric == Metric::Tokens { 2 } else { 1 };
            let levels = [team(vec![limit(metric, 5 * each, period)])];
            let held: Vec<_> = (0..5).map(|_| reserve(&host, &worker(1), &levels, of_each(1)).unwrap()).collect();
            assert!(reserve(&host, &worker(2), &levels, of_each(1)).is_err(), "{metric:?} {period}");
            for reservation in held {
                reservation.settle(&host, &worker(1), Outcome::Used(of_each(1)));
            }
            let again = reserve(&host, &worker(1), &levels, of_each(1));
            assert_eq!(again.is_ok(), metric == Metric::Concurrency, "{metric:?} {period}: settled as reserved");
        }
    }
}

#[test]
fn a_request_that_needs_nothing_passes_a_limit_that_is_spent() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Usd, 10, Period::Day)])];
    let over = reserve(&host, &worker(1), &levels, usd(10)).unwrap();
    over.settle(&host, &worker(1), Outcome::Used(usd(25)));
    assert!(reserve(&host, &worker(1), &levels, usd(1)).is_err());
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_ok());
}

#[test]
fn a_level_that_refuses_leaves_the_others_untouched() {
    let host = MemoryHost::at(NOON);
    let wide = level(LevelKind::Global, "", vec![limit(Metric::Requests, 100, MINUTE)]);
    let narrow = team(vec![limit(Metric::Requests, 3, MINUTE), limit(Metric::Concurrency, 9, Period::Now)]);
    let levels = [wide, narrow];
    let admitted: Vec<_> = (0..10).filter_map(|_| reserve(&host, &worker(1), &levels, usd(0)).ok()).collect();
    assert_eq!(admitted.len(), 3);
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (3, 0));
    assert_eq!(stored(&host, &levels[1], &levels[1].limits[1]), (0, 3));
}

#[test]
fn a_limit_on_a_model_counts_and_holds_only_requests_for_it() {
    let host = MemoryHost::at(NOON);
    let grant = Grant::Name("gpt-4o".into());
    let slot = Limit::slot_for(Metric::Requests, MINUTE, Some(&grant));
    let narrowed = Limit { model: Some(grant), slot, ..limit(Metric::Requests, 1, MINUTE) };
    let levels = [team(vec![narrowed, limit(Metric::Requests, 5, MINUTE)])];
    let send = |matches: bool| reserve_for(&host, &worker(1), &levels, usd(0), &move |_| matches).is_ok();
    assert!(send(true) && !send(true), "one for the model");
    assert!(send(false) && send(false) && send(false) && send(false) && !send(false), "five in all");
}

#[test]
fn the_refusal_told_is_the_one_that_takes_longest_and_too_small_before_all() {
    let host = MemoryHost::at(NOON);
    let mut levels = [
        level(LevelKind::Global, "", vec![limit(Metric::Requests, 1, Period::Day)]),
        team(vec![limit(Metric::Requests, 1, MINUTE), limit(Metric::Concurrency, 1, Period::Now)]),
    ];
    let _held = reserve(&host, &worker(1), &levels, tokens(1, 1)).unwrap();
    let refused = reserve(&host, &worker(1), &levels, tokens(1, 1)).unwrap_err();
    let RefusedBy::Limit { level, limit: told, reason } = refused.by else { panic!("contended") };
    assert_eq!((level.kind, told.period), (LevelKind::Global, Period::Day));
    assert_eq!(reason, Reason::Spent { used: 1, needed: 1, retry_after_ms: 12 * 3_600_000 });

    levels[1].limits.push(limit(Metric::Tokens, 1, MINUTE));
    let refused = reserve(&host, &worker(1), &levels, tokens(1, 1)).unwrap_err();
    assert_eq!(super::reason(refused), Reason::TooSmall { needed: 2 });
}

#[test]
fn a_place_in_flight_is_worth_asking_for_again_in_a_second() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Concurrency, 1, Period::Now)])];
    let held = reserve(&host, &worker(1), &levels, usd(0)).unwrap();
    assert_eq!(retry_after_ms(reserve(&host, &worker(2), &levels, usd(0)).unwrap_err()), 1_000);
    held.settle(&host, &worker(1), Outcome::Refund);
    assert!(reserve(&host, &worker(2), &levels, usd(0)).is_ok());
}

#[test]
fn a_changed_amount_applies_to_the_window_already_running() {
    for period in [MINUTE, Period::Day] {
        let host = MemoryHost::at(NOON);
        let with = |amount| [team(vec![limit(Metric::Requests, amount, period)])];
        for _ in 0..3 {
            let _held = reserve(&host, &worker(1), &with(3), usd(0)).unwrap();
        }
        assert!(reserve(&host, &worker(1), &with(3), usd(0)).is_err());
        assert!(reserve(&host, &worker(1), &with(4), usd(0)).is_ok(), "raised by one: one more");
        assert!(reserve(&host, &worker(1), &with(4), usd(0)).is_err());
        assert!(reserve(&host, &worker(1), &with(2), usd(0)).is_err(), "lowered below what is used");
    }
}

#[test]
fn a_limit_taken_out_and_put_back_remembers_its_window() {
    let host = MemoryHost::at(NOON);
    let budget = limit(Metric::Requests, 1, Period::Month);
    let (with, without) = ([team(vec![budget.clone()])], [team(vec![limit(Metric::Requests, 9, MINUTE)])]);
    let _held = reserve(&host, &worker(1), &with, usd(0)).unwrap();
    let _held = reserve(&host, &worker(1), &without, usd(0)).unwrap();
    assert!(reserve(&host, &worker(1), &with, usd(0)).is_err());
}

#[test]
fn a_counter_that_holds_nothing_any_more_is_not_kept() {
    let host = MemoryHost::at(NOON);
    let old = [team(vec![limit(Metric::Requests, 9, MINUTE), limit(Metric::Requests, 9, Period::Day)])];
    let _held = reserve(&host, &worker(1), &old, usd(0)).unwrap();
    host.advance_ms(24 * 3_600_000);
    let new = [team(vec![limit(Metric::Requests, 9, Period::Sliding { ms: 1_000 })])];
    let _held = reserve(&host, &worker(1), &new, usd(0)).unwrap();
    let value = host.shared_get("kw.team.marketing").unwrap();
    assert_eq!(Value::read(&value.bytes).unwrap().slots().count(), 1);
}

#[test]
fn standing_is_the_tightest_limit_with_this_request_taken_off() {
    let host = MemoryHost::at(NOON);
    let levels = [
        team(vec![limit(Metric::Requests, 10, MINUTE), limit(Metric::Tokens, 1_000, MINUTE)]),
        level(
            LevelKind::Key,
            "k",
            vec![limit(Metric::Requests, 7, Period::Day), limit(Metric::OutputTokens, 90, MINUTE)],
        ),
    ];
    let held = reserve(&host, &worker(1), &levels, tokens(10, 20)).unwrap();
    let expected = Standing {
        requests: Some(Headroom { limit: 7, remaining: 6, reset_ms: 12 * 3_600_000 }),
        tokens: Some(Headroom { limit: 90, remaining: 70, reset_ms: 60_000 }),
    };
    assert_eq!(*held.standing(), expected);
    host.advance_ms(1_000);
    let keys: Vec<_> = levels.iter().map(counter_key).collect();
    let stakes: Vec<_> = levels
        .iter()
        .zip(&keys)
        .map(|(level, counter)| Stake { level, counter, tag: 0, allowed: None, demand: tokens(0, 0) })
        .collect();
    let standing = peek(&host, &Timezone::default(), &stakes, &|_| true);
    assert_eq!(standing.tokens, Some(Headroom { limit: 90, remaining: 70, reset_ms: 59_000 }));
    let refused = reserve(&host, &worker(1), &levels, tokens(0, 71)).unwrap_err();
    assert_eq!(refused.standing, standing, "nothing taken off for a request refused");
}

#[test]
fn a_limit_of_which_nothing_is_used_is_wholly_free_now() {
    let host = MemoryHost::at(NOON);
    for period in [MINUTE, Period::Day] {
        let level = team(vec![limit(Metric::Requests, 9, period)]);
        let stakes = [Stake { level: &level, counter: "kw.team.marketing", tag: 0, allowed: None, demand: usd(0) }];
        let standing = peek(&host, &Timezone::default(), &stakes, &|_| true);
        assert_eq!(standing.requests, Some(Headroom { limit: 9, remaining: 9, reset_ms: 0 }));
        assert_eq!(standing.tokens, None);
    }
    assert_eq!(host.shared_len(), 0, "looking writes nothing");
}

#[test]
fn a_budget_alerts_once_per_window_and_percentage() {
    for period in [Period::Day, MINUTE] {
        let host = MemoryHost::at(NOON);
        let spend = |nanos, amount| {
            let levels = [team(vec![limit(Metric::Requests, 99, MINUTE), limit(Metric::Usd, amount, period)])];
            let held = reserve(&host, &worker(1), &levels, usd(nanos)).unwrap();
            held.settle(&host, &worker(1), Outcome::Used(usd(nanos))).alerts
        };
        let percents = |alerts: Vec<Alert>| alerts.iter().map(|alert| alert.percent).collect::<Vec<_>>();
        assert_eq!(percents(spend(79, 100)), [0; 0]);
        let alert = Alert {
            kind: LevelKind::Team,
            name: "marketing".into(),
            limit_index: 1,
            percent: 80,
            spent: NanoUsd(80),
            limit: NanoUsd(100),
        };
        assert_eq!(spend(1, 100), [alert]);
        assert_eq!(percents(spend(1, 100)), [0; 0]);
        assert_eq!(percents(spend(1, 82)), [100], "a lowered limit is reached too");
        assert_eq!(percents(spend(0, 82)), [0; 0]);
        host.advance_ms(24 * 3_600_000);
        assert_eq!(percents(spend(100, 100)), [80, 100], "a new window");
    }
}

#[test]
fn a_rate_in_dollars_alerts_again_a_window_later_even_if_it_never_was_idle() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Usd, 100, MINUTE)])];
    let spend = |nanos| {
        let held = reserve(&host, &worker(1), &levels, usd(nanos)).unwrap();
        held.settle(&host, &worker(1), Outcome::Used(usd(nanos))).alerts.len()
    };
    assert_eq!(spend(80), 1);
    host.advance_ms(30_000);
    assert_eq!(spend(10), 0);
    host.advance_ms(30_000);
    assert_eq!(spend(75), 1);
}

#[test]
fn a_refund_alerts_nobody_and_leaves_the_alert_to_who_spends() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Usd, 100, MINUTE)])];
    let spent = reserve(&host, &worker(1), &levels, usd(90)).unwrap();
    let back = reserve(&host, &worker(1), &levels, usd(10)).unwrap();
    assert!(back.settle(&host, &worker(1), Outcome::Refund).alerts.is_empty());
    assert_eq!(spent.settle(&host, &worker(1), Outcome::Used(usd(90))).alerts.len(), 1);
}

/// Counts writes.
struct Counting(MemoryHost, std::cell::Cell<usize>);

impl Host for Counting {
    fn now(&self) -> u64 {
        self.0.now()
    }
    fn shared_get(&self, key: &str) -> Option<SharedValue> {
        self.0.shared_get(key)
    }
    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet {
        self.1.set(self.1.get() + 1);
        self.0.shared_set(key, bytes, version)
    }
}

#[test]
fn settling_writes_only_where_it_changes_something() {
    let host = Counting(MemoryHost::at(NOON), std::cell::Cell::new(0));
    let writes_to_settle = |limits: Vec<Limit>, outcome| {
        let level = team(limits);
        let stakes =
            [Stake { level: &level, counter: "kw.team.marketing", tag: 0, allowed: None, demand: tokens(5, 5) }];
        let held = crate::limits::reserve(&host, &worker(1), &Timezone::default(), &stakes, &|_| true).unwrap();
        host.1.set(0);
        held.settle(&host, &worker(1), outcome);
        host.1.get()
    };
    let requests = || vec![limit(Metric::Requests, 99, MINUTE), limit(Metric::Requests, 99, Period::Day)];
    let rate = || vec![limit(Metric::Tokens, 99, MINUTE)];
    assert_eq!(writes_to_settle(requests(), Outcome::Used(tokens(1, 1))), 0);
    assert_eq!(writes_to_settle(requests(), Outcome::Refund), 1);
    assert_eq!(writes_to_settle(rate(), Outcome::Used(tokens(4, 6))), 0, "exactly as reserved");
    assert_eq!(writes_to_settle(rate(), Outcome::Used(tokens(4, 5))), 1);
}

#[test]
fn the_most_any_level_was_asked_for_is_what_was_reserved() {
    let host = MemoryHost::at(NOON);
    let (wide, narrow) = (team(vec![]), level(LevelKind::Key, "k", vec![]));
    let stakes = [
        Stake { level: &wide, counter: "a", tag: 0, allowed: None, demand: usd(7) },
        Stake { level: &narrow, counter: "b", tag: 0, allowed: None, demand: usd(3) },
    ];
    let held = crate::limits::reserve(&host, &worker(1), &Timezone::default(), &stakes, &|_| true).unwrap();
    assert_eq!(held.reserved_cost(), NanoUsd(7));
    assert_eq!(host.shared_len(), 0, "levels without limits cost nothing");
}

#[test]
fn usage_beyond_all_reason_closes_a_limit_and_frees_it_again() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Tokens, 100, MINUTE)])];
    let absurd = reserve(&host, &worker(1), &levels, tokens(1, 0)).unwrap();
    host.advance_ms(1_000);
    let usual = reserve(&host, &worker(1), &levels, tokens(60, 0)).unwrap();
    absurd.settle(&host, &worker(1), Outcome::Used(tokens(u64::MAX, u64::MAX)));
    assert!(reserve(&host, &worker(1), &levels, tokens(1, 0)).is_err());
    host.advance_ms(59_000);
    assert!(reserve(&host, &worker(1), &levels, tokens(41, 0)).is_err(), "the 60 still count");
    assert!(reserve(&host, &worker(1), &levels, tokens(40, 0)).is_ok());
    usual.settle(&host, &worker(1), Outcome::Used(tokens(10, 0)));
    assert!(reserve(&host, &worker(1), &levels, tokens(50, 0)).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_found_in_a_value_do_any_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..400), whole in any::<bool>()) {
        if whole {
            bytes.splice(0..0, *b"kwlevel1");
            bytes.truncate(bytes.len() / 8 * 8);
        }
        let host = MemoryHost::at(NOON);
        host.shared_set("kw.team.marketing", &bytes, None);
        let limits = vec![limit(Metric::Requests, 1, MINUTE), limit(Metric::Concurrency, 1, Period::Now)];
        let levels = [team(limits)];
        let held = reserve(&host, &worker(1), &levels, usd(1)).unwrap();
        held.settle(&host, &worker(1), Outcome::Refund);
        prop_assert!(reserve(&host, &worker(1), &levels, usd(1)).is_ok());
    }

    #[test]
    fn no_altered_value_does_any_harm(at in 0_usize..400, with in any::<u8>(), cut in 0_usize..400) {
        let host = MemoryHost::at(NOON);
        let limits = vec![limit(Metric::Usd, 100, MINUTE), limit(Metric::Usd, 100, Period::Day), limit(Metric::Concurrency, 9, Period::Now)];
        let levels = [team(limits)];
        let held: Vec<_> = (0..3).map(|id| { host.advance_ms(1); reserve(&host, &worker(id), &levels, usd(1)).unwrap() }).collect();
        let mut value = host.shared_get("kw.team.marketing").unwrap();
        if let Some(byte) = value.bytes.get_mut(at) { *byte = with; }
        value.bytes.truncate(cut.max(8));
        host.shared_set("kw.team.marketing", &value.bytes, Some(value.version));
        for (id, held) in held.into_iter().enumerate() {
            held.settle(&host, &worker(id as u64), Outcome::Used(usd(2)));
        }
        let _ = reserve(&host, &worker(1), &levels, usd(1));
    }
}
