//! Windows: what was spent counts for as long as it should, where it should.

use crate::harness::{CALENDAR, Form, SLIDING, START, Store, TTL, ask, tell};
use crate::in_both_forms;

const LEVEL: &str = "kw:{kw}:level:a";

/// Takes and reports in one go.
fn spend(store: &mut Store, seq: u64, limit: &str, bucket: u64, amount: u64) -> Vec<Vec<u64>> {
    let reply = store.take("e", &[ask(limit, 1_000, amount, 0, 0, 0)]);
    assert_eq!(reply.word, "ok");
    let delta = i64::try_from(amount).unwrap();
    store.report("e", seq, &[tell(limit, 1_000, reply.gen_(), 0, "-", &[(bucket, delta)])], &[]).slots
}

in_both_forms! {
    fn what_was_spent_slides_out_late_but_never_early(store) {
        store.at(100);
        let told = spend(store, 1, SLIDING, START + 100, 8);
        assert_eq!(told[0][2..], [8, 0, 8], "spent now, no longer lent");
        // A quantum is 1 s: the bucket ends at 1 s, and counts for 64 s more.
        store.at(64_999);
        assert_eq!(store.used(SLIDING, 1_000), 8);
        store.at(65_000);
        assert_eq!(store.used(SLIDING, 1_000), 0);
    }

    fn a_refused_request_learns_when_enough_has_slid_out(store) {
        for (seq, at) in [(1, 1_000), (2, 3_000), (3, 5_000)] {
            store.at(at);
            spend(store, seq, SLIDING, START + at, 300);
        }
        let refused = store.take("f", &[ask(SLIDING, 1_000, 400, 0, 0, 0)]);
        assert_eq!((refused.word.as_str(), refused.retry()), ("no", 62_000 - 2_000));
        let refused = store.take("f", &[ask(SLIDING, 1_000, 600, 0, 0, 0)]);
        assert_eq!(refused.retry(), 62_000);
        store.at(62_000 + 5_000);
        assert_eq!(store.take("f", &[ask(SLIDING, 1_000, 600, 0, 0, 0)]).word, "ok");
    }

    fn nothing_is_admitted_later_than_now(store) {
        spend(store, 1, SLIDING, START + 50_000, 8);
        store.at(64_000);
        assert_eq!(store.used(SLIDING, 1_000), 0, "an Envoy's clock was ahead");
    }

    fn what_slid_out_before_it_was_told_is_no_longer_counted(store) {
        store.at(70_000);
        let told = spend(store, 1, SLIDING, START + 5_000, 8);
        assert_eq!(told[0][2..], [0, 0, 0]);
    }

    fn a_window_has_66_buckets_at_most(store) {
        for span in [1_u64, 63, 127, 1_000, 86_399_999] {
            store.clear();
            let limit = format!("1 x s {span} 0");
            // Bursts at every quantum and between, for two windows.
            let step = (span / 130).max(1);
            for seq in 1..=270 {
                store.at(seq * step);
                spend(store, seq, &limit, START + seq * step, 1);
            }
            let buckets = store.state(LEVEL, "x", "size(state.buckets)");
            assert!((1..=66).contains(&buckets), "{span}: {buckets}");
        }
    }

    fn what_lies_ahead_of_a_clock_set_back_becomes_now(store) {
        for at in 0..60 {
            store.at(100_000 + at * 1_000);
            spend(store, at + 1, SLIDING, START + 100_000 + at * 1_000, 1);
        }
        store.at(10_000);
        spend(store, 61, SLIDING, START + 10_000, 1);
        assert_eq!(store.used(SLIDING, 1_000), 61);
        assert_eq!(store.state(LEVEL, "minute", "size(state.buckets)"), 1);
        store.at(10_000 + 64_000);
        assert_eq!(store.used(SLIDING, 1_000), 0);
    }

    fn what_was_not_used_after_all_is_taken_out_of_its_window_but_never_more(store) {
        store.at(1_000);
        spend(store, 1, SLIDING, START + 1_000, 8);
        let refund = |delta| tell(SLIDING, 1_000, 0, 0, "-", &[(START + 1_000, delta)]);
        assert_eq!(store.report("e", 2, &[refund(-3)], &[]).slots[0][4], 5);
        assert_eq!(store.report("e", 3, &[refund(-9)], &[]).slots[0][4], 0);
        spend(store, 4, CALENDAR, START + 100_000, 8);
        let refund = tell(CALENDAR, 1_000, 0, 0, "-", &[(START + 100_000, -9)]);
        assert_eq!(store.report("e", 5, &[refund], &[]).slots[0][4], 0);
    }

    /// Else it could be spent by two: here, and by whom Redis gives it to.
    fn a_refund_that_is_kept_is_still_lent(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).gen_();
        let end = START + 100_000;
        store.report("e", 1, &[tell(CALENDAR, 10, gen_, 0, "-", &[(end, 8)])], &[]);
        let kept = store.report("e", 2, &[tell(CALENDAR, 10, gen_, 0, "-", &[(end, -3)])], &[]);
        assert_eq!((kept.slots[0][2], kept.slots[0][4]), (8, 5));
        let returned = store.report("e", 3, &[tell(CALENDAR, 10, gen_, 3, "-", &[])], &[]);
        assert_eq!(returned.slots[0][2], 5);
    }

    fn a_calendar_window_begins_anew_at_its_end(store) {
        assert_eq!(spend(store, 1, CALENDAR, START + 100_000, 8)[0][4], 8);
        let refused = store.take("f", &[ask(CALENDAR, 10, 3, 0, 0, 0)]);
        assert_eq!((refused.word.as_str(), refused.retry()), ("no", 100_000));
        store.at(99_999);
        assert_eq!(store.used(CALENDAR, 10), 8);
        store.at(100_000);
        assert_eq!(store.used(CALENDAR, 10), 0);
        spend(store, 2, CALENDAR, START + 200_000, 9);
        store.at(199_999);
        assert_eq!(store.used(CALENDAR, 10), 9, "the next end decides then");
    }

    fn a_window_that_is_over_is_not_charged(store) {
        store.at(100_000);
        let told = spend(store, 1, CALENDAR, START + 100_000, 8);
        assert_eq!(told[0][2..], [0, 0, 0]);
    }

    /// A policy with another time zone: its windows begin when the running one is over, and what is spent until then counts.
    fn a_running_window_keeps_its_end(store) {
        spend(store, 1, CALENDAR, START + 100_000, 4);
        let elsewhere = format!("2 day c {} {}", START + 70_000, START + 170_000);
        store.at(60_000);
        assert_eq!(spend(store, 2, &elsewhere, START + 70_000, 2)[0][4], 6);
        store.at(80_000);
        assert_eq!(spend(store, 3, &elsewhere, START + 170_000, 1)[0][4], 7);
        store.at(100_000);
        assert_eq!(spend(store, 4, &elsewhere, START + 170_000, 1)[0][4], 1);
        store.at(169_999);
        assert_eq!(store.used(&elsewhere, 100), 1);
        store.at(170_000);
        assert_eq!(store.used(&elsewhere, 100), 0);
    }

    fn a_caller_whose_calendar_is_days_behind_is_limited_all_the_same(store) {
        store.at(500_000);
        assert_eq!(store.take("e", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).word, "ok");
        assert_eq!(store.take("f", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).word, "no");
    }

    fn a_slot_of_another_kind_or_span_begins_anew(store) {
        for other in ["1 minute s 32000 0", "1 minute f 0 0"] {
            store.clear();
            let gen_ = store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]).gen_();
            let anew = store.take("e", &[ask(other, 10, 8, 2, 0, gen_)]);
            assert_eq!((anew.word.as_str(), anew.used()), ("ok", 8));
            assert!(anew.gen_() > gen_);
        }
    }

    fn a_state_that_cannot_be_read_begins_anew(store) {
        redis::cmd("HSET").arg(LEVEL).arg("minute").arg("\u{1}nonsense").exec(&mut store.connection).unwrap();
        assert_eq!(store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]).word, "ok");
    }

    fn so_does_one_that_makes_no_sense(store) {
        for change in [
            "state.v = 0", "state.gen = 'x'", "state.settled = nil", "state.buckets = 1", "state.buckets.a = 1",
            "state.buckets[1] = 'x'", "state.leases = nil", "state.leases.f = 1", "state.leases.e.spare = nil",
            "state.leases.e.expires = 'soon'", "state.owed = { ['1'] = { left = 1 } }",
        ] {
            store.clear();
            store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
            let script = format!(
                "local state = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'minute')) {change}
                 redis.call('HSET', KEYS[1], 'minute', cmsgpack.pack(state))"
            );
            redis::cmd("EVAL").arg(script).arg(1).arg(LEVEL).exec(&mut store.connection).unwrap();
            assert_eq!(store.take("f", &[ask(SLIDING, 10, 8, 0, 0, 0)]).word, "ok", "{change}");
            assert_eq!(store.used(SLIDING, 10), 8, "{change}");
        }
    }

    fn so_does_a_level_whose_key_was_used_for_something_else(store) {
        redis::cmd("SET").arg(LEVEL).arg("nonsense").exec(&mut store.connection).unwrap();
        let lease = store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
        assert_eq!(lease.word, "ok");
        redis::cmd("SET").arg(LEVEL).arg("nonsense").exec(&mut store.connection).unwrap();
        let row = (START, 3);
        assert_eq!(store.report("e", 1, &[tell(SLIDING, 10, lease.gen_(), 0, "-", &[row])], &[]).word, "ok");
        assert_eq!(store.used(SLIDING, 10), 3);
    }

    fn an_amount_that_changed_applies_to_the_running_window(store) {
        store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
        assert_eq!(store.take("f", &[ask(SLIDING, 20, 8, 0, 0, 0)]).word, "ok");
        assert_eq!(store.take("f", &[ask(SLIDING, 10, 1, 0, 0, 0)]).word, "no");
    }

    fn an_alert_is_told_once_in_a_calendar_window(store) {
        let mut told = |at: u64, seq: u64, delta: i64| {
            store.at(at);
            let end = START + if at < 100_000 { 100_000 } else { 200_000 };
            let slot = tell(CALENDAR, 200, 0, 0, "50,80,100", &[(end, delta)]);
            store.report("e", seq, &[slot], &[]).slots[0][3]
        };
        assert_eq!(told(0, 1, 99), 0);
        assert_eq!(told(0, 2, 1), 50);
        assert_eq!(told(0, 2, 1), 0, "sent again");
        assert_eq!(told(0, 3, 100), 100, "the highest that was reached");
        assert_eq!(told(0, 4, -150), 0);
        assert_eq!(told(0, 5, 150), 0);
        assert_eq!(told(100_000, 6, 160), 80, "another window");
    }

    fn an_alert_of_a_sliding_window_may_be_told_again_after_one(store) {
        let mut told = |at: u64, seq: u64| {
            store.at(at);
            store.report("e", seq, &[tell(SLIDING, 100, 0, 0, "50", &[(START + at, 50)])], &[]).slots[0][3]
        };
        assert_eq!(told(1_000, 1), 50);
        assert_eq!(told(64_999, 2), 0);
        assert_eq!(told(65_000, 3), 50);
    }

    fn a_level_lives_as_long_as_anything_in_it_matters(store) {
        store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
        let within = |ttl: i64, most: u64| ttl > 0 && ttl <= i64::try_from(most).unwrap();
        assert!(within(store.ttl(LEVEL), TTL + 64_000) && !within(store.ttl(LEVEL), TTL + 60_000));
        let hour = "1 hour s 3600000 0";
        store.take("e", &[ask(hour, 10, 8, 0, 0, 0)]);
        store.take("e", &[ask(SLIDING, 10, 1, 0, 0, 0)]);
        assert!(!within(store.ttl(LEVEL), 3_600_000), "a shorter window does not end a longer one");
        store.at(TTL + 64_000);
        store.used(SLIDING, 10);
        assert_eq!(store.field(LEVEL, "minute"), None, "what no longer matters is removed");
        assert!(store.field(LEVEL, "hour").is_some());
    }
}
