//! Sliding windows are strict, and what they say about later is true.

use proptest::prelude::*;

use super::*;

/// One admission, as a plain log keeps it.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    at: u64,
    amount: u64,
}

fn in_window(log: &[Admitted], now: u64, window: u64) -> u64 {
    log.iter().filter(|one| one.at + window > now).map(|one| one.amount).sum()
}

#[derive(Debug, Clone)]
enum Step {
    /// Time passes (ns).
    Wait(u64),
    /// A request for so many tokens; settled at once, later or never, to a part of 256 of them.
    Send { tokens: u64, part: u64, later: bool },
    /// The oldest unsettled one is settled.
    Settle,
}

fn steps(most_wait: u64, length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..most_wait).prop_map(Step::Wait),
        4 => (1_u64..40, 0_u64..=256, any::<bool>()).prop_map(|(tokens, part, later)| Step::Send { tokens, part, later }),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 1..length)
}

/// Runs the steps against a window of a second and 100 tokens, beside a plain log. `late` is how much longer than the
/// window an admission may count.
fn run(steps: &[Step], late: u64) {
    let host = MemoryHost::at(NOON);
    let (window, most) = (SECOND, 100);
    let levels = [team(vec![limit(Metric::Tokens, most, Period::Sliding { ms: 1_000 })])];
    let worker = worker(1);
    let mut log: Vec<Admitted> = Vec::new();
    let mut unsettled = std::collections::VecDeque::new();
    let settle = |host: &MemoryHost, log: &mut Vec<Admitted>, (index, part, held): (usize, u64, Reservation)| {
        let used = log[index].amount * part / 256;
        // What has slid out is no longer the log's business.
        if log[index].at + window > host.now() {
            log[index].amount = used;
        }
        held.settle(host, &worker, Outcome::Used(tokens(used, 0)));
    };
    for step in steps {
        match *step {
            Step::Wait(time) => host.set_now(host.now() + time),
            Step::Settle => {
                if let Some(oldest) = unsettled.pop_front() {
                    settle(&host, &mut log, oldest);
                }
            }
            Step::Send { tokens: amount, part, later } => {
                let now = host.now();
                let fits = in_window(&log, now, window) + amount <= most;
                let surely_fits = in_window(&log, now, window + late) + amount <= most;
                match reserve(&host, &worker, &levels, tokens(amount, 0)) {
                    Ok(held) => {
                        assert!(fits, "admitted beyond the limit");
                        log.push(Admitted { at: now, amount });
                        let entry = (log.len() - 1, part, held);
                        if later {
                            unsettled.push_back(entry);
                        } else {
                            settle(&host, &mut log, entry);
                        }
                    }
                    Err(_) => assert!(!surely_fits, "refused though it fits"),
                }
            }
        }
    }
    // Every window that begins with an admission, and so every window.
    for first in &log {
        let inside = log.iter().filter(|one| one.at >= first.at && one.at - first.at < window);
        assert!(inside.map(|one| one.amount).sum::<u64>() <= most);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_short_log_admits_exactly_what_fits_into_every_window(steps in steps(400 * MS, 100)) {
        run(&steps, 0);
    }

    #[test]
    fn a_refused_request_is_admitted_when_told_and_not_a_millisecond_before(
        sent in prop::collection::vec((0_u64..20_000, 1_u64..30), 1..40),
        needed in 1_u64..=60,
    ) {
        let host = MemoryHost::at(NOON);
        let levels = [
            team(vec![limit(Metric::Tokens, 60, MINUTE), limit(Metric::Requests, 5, Period::Sliding { ms: 10_000 })]),
            level(LevelKind::Key, "k", vec![limit(Metric::Tokens, 200, Period::Sliding { ms: 3_600_000 }), limit(Metric::Requests, 30, Period::Day)]),
        ];
        for (wait, amount) in sent {
            host.advance_ms(wait);
            let _ = reserve(&host, &worker(1), &levels, tokens(amount, 0));
        }
        if let Err(refused) = reserve(&host, &worker(1), &levels, tokens(needed, 0)) {
            let after = retry_after_ms(refused);
            host.advance_ms(after - 1);
            prop_assert!(reserve(&host, &worker(1), &levels, tokens(needed, 0)).is_err(), "{after} ms, less one");
            host.advance_ms(1);
            prop_assert!(reserve(&host, &worker(1), &levels, tokens(needed, 0)).is_ok(), "{after} ms");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_merged_log_is_strict_and_late_by_a_64th_at_most(sent in prop::collection::vec((0_u64..3 * MS, 0_u64..=256), 2_000)) {
        // Requests of one token and a limit of 1,000 make logs of far more than 128 admissions.
        let host = MemoryHost::at(NOON);
        let (window, most) = (SECOND, 500);
        let levels = [team(vec![limit(Metric::Requests, most, Period::Sliding { ms: 1_000 })])];
        let mut log: Vec<Admitted> = Vec::new();
        for (wait, refund) in sent {
            host.set_now(host.now() + wait);
            let now = host.now();
            match reserve(&host, &worker(1), &levels, usd(0)) {
                Ok(held) => {
                    prop_assert!(in_window(&log, now, window) < most);
                    if refund < 8 {
                        held.settle(&host, &worker(1), Outcome::Refund);
                    } else {
                        log.push(Admitted { at: now, amount: 1 });
                    }
                }
                Err(_) => prop_assert!(in_window(&log, now, window + window / 64 + 1) >= most),
            }
        }
        let bytes = host.shared_get("kw.team.marketing").unwrap().bytes.len();
        prop_assert!(bytes <= 200 + 16 * 129, "{bytes} bytes for {} admissions", log.len());
    }
}

#[test]
fn capacity_comes_back_to_the_nanosecond() {
    let host = MemoryHost::at(NOON + 7);
    let levels = [team(vec![limit(Metric::Requests, 1, MINUTE)])];
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_ok());
    host.set_now(NOON + 7 + 60 * SECOND - 1);
    assert_eq!(retry_after_ms(reserve(&host, &worker(1), &levels, usd(0)).unwrap_err()), 1);
    host.set_now(NOON + 7 + 60 * SECOND);
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_ok());
}

#[test]
fn what_was_reserved_for_a_merged_admission_is_given_back_from_where_it_went() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Tokens, 100_000, MINUTE)])];
    let mut held = Vec::new();
    for _ in 0..1_000 {
        host.advance_ms(10);
        held.push(reserve(&host, &worker(1), &levels, tokens(100, 0)).unwrap());
    }
    assert!(reserve(&host, &worker(1), &levels, tokens(1, 0)).is_err());
    for (index, reservation) in held.into_iter().enumerate() {
        host.advance_ms(1);
        let outcome = if index % 3 == 0 { Outcome::Refund } else { Outcome::Used(tokens(index as u64 % 7, 0)) };
        reservation.settle(&host, &worker(1), outcome);
    }
    let used: u64 = (0..1_000).filter(|index| index % 3 != 0).map(|index| index % 7).sum();
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (used, 0));
}

#[test]
fn settling_after_it_slid_out_gives_nothing_back_and_charges_only_the_excess() {
    for (used, now_in_log) in [(0, 30), (10, 30), (25, 45)] {
        let host = MemoryHost::at(NOON);
        let levels = [team(vec![limit(Metric::Tokens, 100, MINUTE)])];
        let slow = reserve(&host, &worker(1), &levels, tokens(10, 0)).unwrap();
        host.advance_ms(60_000);
        let _other = reserve(&host, &worker(1), &levels, tokens(30, 0)).unwrap();
        slow.settle(&host, &worker(1), Outcome::Used(tokens(used, 0)));
        assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (now_in_log, 0), "used {used}");
    }
}

#[test]
fn a_clock_read_a_moment_earlier_does_not_let_anything_out_early() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Requests, 2, MINUTE)])];
    let _first = reserve(&host, &worker(1), &levels, usd(0)).unwrap();
    host.set_now(NOON - 5 * MS);
    let _second = reserve(&host, &worker(2), &levels, usd(0)).unwrap();
    host.set_now(NOON + 60 * SECOND - 1);
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_err());
    host.set_now(NOON + 60 * SECOND);
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_ok());
}

#[test]
fn a_clock_set_back_neither_frees_anything_nor_stops_the_windows() {
    let host = MemoryHost::at(NOON + 24 * HOUR);
    let rate = limit(Metric::Requests, 2, MINUTE);
    let budget = limit(Metric::Usd, 100, Period::Day);
    let levels = [team(vec![rate, budget])];
    let early = reserve(&host, &worker(1), &levels, usd(60)).unwrap();
    host.set_now(NOON);
    assert!(reserve(&host, &worker(1), &levels, usd(50)).is_err(), "tomorrow's budget is today's now");
    let _more = reserve(&host, &worker(1), &levels, usd(40)).unwrap();
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_err(), "both requests count");
    early.settle(&host, &worker(1), Outcome::Used(usd(10)));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[1]), (10, 40));
    host.advance_ms(60_000);
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_ok(), "a minute later by the new clock");
    host.set_now(NOON + 12 * HOUR);
    assert!(reserve(&host, &worker(1), &levels, usd(100)).is_ok(), "midnight comes as ever");
}

#[test]
fn a_clock_read_a_moment_before_midnight_does_not_end_the_day_that_has_begun() {
    let midnight = NOON + 12 * HOUR;
    let host = MemoryHost::at(midnight);
    let levels = [team(vec![limit(Metric::Requests, 2, Period::Day)])];
    let _first = reserve(&host, &worker(1), &levels, usd(0)).unwrap();
    host.set_now(midnight - MS);
    let _second = reserve(&host, &worker(2), &levels, usd(0)).unwrap();
    host.set_now(midnight + MS);
    assert!(reserve(&host, &worker(1), &levels, usd(0)).is_err());
}

#[test]
fn after_a_clock_was_set_back_a_reservation_gives_back_nothing_of_another_ones() {
    let host = MemoryHost::at(NOON + 1_200 * SECOND);
    let levels = [team(vec![limit(Metric::Tokens, 100, Period::Sliding { ms: 3_600_000 })])];
    let early = reserve(&host, &worker(1), &levels, tokens(10, 0)).unwrap();
    host.set_now(NOON);
    let _one = reserve(&host, &worker(1), &levels, tokens(10, 0)).unwrap();
    host.set_now(NOON + 1_260 * SECOND);
    let _two = reserve(&host, &worker(1), &levels, tokens(10, 0)).unwrap();
    early.settle(&host, &worker(1), Outcome::Refund);
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (30, 0));
}

#[test]
fn after_a_clock_was_set_back_a_dead_worker_is_buried_by_the_new_clock() {
    let host = MemoryHost::at(NOON + HOUR);
    let levels = [team(vec![limit(Metric::Concurrency, 2, Period::Now)])];
    let _lost = reserve(&host, &worker(1), &levels, usd(0)).unwrap();
    host.set_now(NOON);
    let held = reserve(&host, &worker(2), &levels, usd(0)).unwrap();
    held.settle(&host, &worker(2), Outcome::Refund);
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (0, 1));
    host.set_now(NOON + LEASE);
    let _one = reserve(&host, &worker(2), &levels, usd(0)).unwrap();
    assert!(reserve(&host, &worker(2), &levels, usd(0)).is_ok(), "both places");
}
