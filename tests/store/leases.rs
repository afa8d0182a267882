//! Leases: who may spend how much without asking, and how it comes back.

use crate::harness::{
    CALENDAR, Form, HEARD, IN_FLIGHT, SLIDING, START, Store, TTL, ask, asks, asks_spent, tell, tell_spent,
};
use crate::in_both_forms;

in_both_forms! {
    fn what_a_request_needs_is_granted(store) {
        let reply = store.take("e", &[ask(SLIDING, 10, 3, 0, 0, 0)]);
        assert_eq!((reply.word.as_str(), reply.now), ("ok", START));
        let gen_ = reply.gen_();
        assert_eq!(reply.slots, [[3, gen_, 3, 3, 0, 1]]);
        assert_eq!(gen_, START * 1000, "a lease is named by when it was made");
        let again = store.take("e", &[ask(SLIDING, 10, 2, 0, 0, gen_)]);
        assert_eq!(again.slots, [[2, gen_, 5, 5, 0, 1]], "granted adds up");
    }

    fn what_is_left_of_the_lease_counts_only_if_it_is_the_current_one(store) {
        let gen_ = store.take("e", &[ask(SLIDING, 10, 6, 0, 0, 0)]).gen_();
        assert_eq!(store.take("e", &[ask(SLIDING, 10, 7, 3, 0, gen_)]).word, "ok", "4 more fit");
        store.clear();
        let gen_ = store.take("e", &[ask(SLIDING, 10, 6, 0, 0, 0)]).gen_();
        assert_eq!(store.take("e", &[ask(SLIDING, 10, 7, 3, 0, gen_ + 1)]).word, "no");
        assert_eq!(store.take("other", &[ask(SLIDING, 10, 7, 3, 0, gen_)]).word, "no", "nor if it is another's");
    }

    /// Told or not: what comes is as much as is needed on top of it, and no more than fits.
    fn what_was_overspent_is_made_up_for(store) {
        for told in [false, true] {
            store.clear();
            let gen_ = store.take("e", &[ask(SLIDING, 20, 10, 0, 0, 0)]).gen_();
            if told {
                store.report("e", 1, &[tell(SLIDING, 20, gen_, 0, "-", &[(START, 14)])], &[]);
            }
            let overspent = asks(SLIDING, 20, "6 -4 0", 1, 0, gen_, HEARD);
            let reply = store.take("e", &[overspent]);
            assert_eq!((reply.word.as_str(), reply.grant(), reply.used()), ("ok", 10, 20));
        }
    }

    fn a_request_takes_from_all_its_limits_or_none(store) {
        let one = ask(SLIDING, 10, 3, 0, 5, 0);
        let other = ask(CALENDAR, 2, 3, 0, 0, 0);
        let reply = store.take("e", &[one, other]);
        assert_eq!(reply.word, "no");
        assert_eq!(reply.slots, [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, u64::MAX, 0]]);
        assert!(store.keys().is_empty(), "nothing is written");
    }

    fn one_slot_is_asked_for_once(store) {
        let slot = ask(SLIDING, 10, 6, 0, 0, 0);
        let tokens = format!("e 30000 2 {slot} {slot}");
        let tokens: Vec<&str> = tokens.split(' ').collect();
        let refused = store.call("take", &["kw:{kw}:level:a"], &tokens).unwrap_err();
        assert!(refused.contains("a slot is asked for twice"), "{refused}");
    }

    /// Nearly all of a limit is used when the first request is refused.
    fn what_lies_unspent_is_within_a_128th_of_the_limit(store) {
        assert_eq!(store.take("e", &[ask(SLIDING, 6_400, 1, 0, 500, 0)]).grant(), 1 + 50);
        assert_eq!(store.take("f", &[ask(SLIDING, 6_400, 1, 0, 500, 0)]).grant(), 1, "somebody has all of it");
        assert_eq!(store.take("g", &[ask(CALENDAR, 6_400, 1, 0, 20, 0)]).grant(), 21, "and not more than wanted");
        assert_eq!(store.take("g", &[ask(CALENDAR, 6_400, 1, 0, 0, 0)]).grant(), 1);
    }

    /// And of a large one more, while there is time to get it back.
    fn while_half_of_a_limit_is_left_more_may_lie_unspent_where_its_envoy_says_so(store) {
        let large = |gen_| asks(SLIDING, 6_400, "1 0 5000", 1, 200, gen_, HEARD);
        let reply = store.take("e", &[large(0)]);
        assert_eq!(reply.grant(), 1 + 200);
        store.report("e", 1, &[tell(SLIDING, 6_400, reply.gen_(), 200, "-", &[(START, 3_100)])], &[]);
        assert_eq!(store.take("e", &[large(reply.gen_())]).grant(), 1 + 200);
        store.report("e", 2, &[tell(SLIDING, 6_400, reply.gen_(), 200, "-", &[(START, 200)])], &[]);
        assert_eq!(store.take("e", &[large(reply.gen_())]).grant(), 1 + 50);
    }

    fn who_is_faster_gets_more(store) {
        let of = |rate| asks(SLIDING, 64_000, "1 0 5000", rate, 0, 0, 0);
        store.take("e", &[asks(SLIDING, 64_000, "1 0 100", 100, 0, 0, 0)]);
        assert_eq!(store.take("f", &[of(300)]).grant(), 1 + 375, "of 500 three quarters");
        assert_eq!(store.take("g", &[of(600)]).grant(), 1 + 25, "and not what others have");
    }

    /// So many as ask at once do not get it each.
    fn what_was_granted_and_is_not_heard_of_yet_counts(store) {
        assert_eq!(store.take("e", &[ask(SLIDING, 6_400, 1, 0, 30, 0)]).grant(), 1 + 30);
        let second = store.take("e", &[asks(SLIDING, 6_400, "1 0 30", 1, 0, 0, 0)]);
        assert_eq!(second.grant(), 1 + 20);
        let third = store.take("e", &[asks(SLIDING, 6_400, "1 0 30", 1, 0, second.gen_(), 31)]);
        assert_eq!(third.grant(), 1 + 29, "what the first answer said is spent");
        let fourth = store.take("e", &[asks(SLIDING, 6_400, "1 10 500", 1, 0, second.gen_(), 82)]);
        assert_eq!(fourth.grant(), 41);
    }

    fn what_an_envoy_gives_back_another_may_have_ahead(store) {
        let gen_ = store.take("e", &[ask(SLIDING, 6_400, 1, 0, 50, 0)]).gen_();
        store.report("e", 1, &[tell(SLIDING, 6_400, gen_, 20, "-", &[])], &[]);
        assert_eq!(store.take("f", &[ask(SLIDING, 6_400, 1, 0, 50, 0)]).grant(), 1 + 20);
    }

    fn near_the_limit_leases_shrink_to_single_requests(store) {
        let mut reply = store.take("e0", &[ask(SLIDING, 1_000, 1, 0, 1_000, 0)]);
        for envoy in 1..2_000 {
            let envoy = format!("e{}", envoy % 5);
            let next = store.take(&envoy, &[ask(SLIDING, 1_000, 1, 0, 1_000, 0)]);
            if next.word == "no" {
                break;
            }
            reply = next;
        }
        assert_eq!((reply.grant(), reply.used()), (1, 1_000));
    }

    fn a_lease_ends_with_its_envoy(store) {
        store.take("e", &[ask(IN_FLIGHT, 10, 8, 0, 0, 0)]);
        store.at(TTL - 1);
        assert_eq!(store.take("f", &[ask(IN_FLIGHT, 10, 8, 0, 0, 0)]).word, "no");
        store.at(TTL);
        let reply = store.take("f", &[ask(IN_FLIGHT, 10, 8, 0, 0, 0)]);
        assert_eq!((reply.word.as_str(), reply.used(), reply.slots[0][5]), ("ok", 8, 1));
    }

    /// Whether it was spent nobody knows.
    fn what_a_dead_envoy_held_counts_in_a_sliding_window_until_that_is_over(store) {
        store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
        store.at(TTL + 64_000 - 1);
        let refused = store.take("f", &[ask(SLIDING, 10, 8, 0, 0, 0)]);
        assert_eq!((refused.word.as_str(), refused.used(), refused.slots[0][5]), ("no", 8, 0));
        store.at(TTL + 64_000);
        assert_eq!(store.take("f", &[ask(SLIDING, 10, 8, 0, 0, 0)]).word, "ok");
    }

    fn in_a_calendar_window_all_of_it_counts_to_the_end_or_what_was_known_to_be_spent(store) {
        store.take("e", &[ask(CALENDAR, 20, 9, 0, 0, 0)]);
        store.at(TTL);
        assert_eq!(store.used(CALENDAR, 20), 9, "all of it");
        store.clear();
        let gen_ = store.take("e", &[asks_spent(CALENDAR, 20, 9, 7, 0)]).gen_();
        store.take("e", &[asks_spent(CALENDAR, 20, 1, 4, gen_)]);
        store.at(TTL - 1);
        store.report("e", 1, &[tell_spent(CALENDAR, 20, gen_, 0, 6, "-", &[(START + 100_000, 2)])], &[]);
        assert_eq!(store.used(CALENDAR, 20), 10);
        store.at(2 * TTL - 1);
        assert_eq!(store.used(CALENDAR, 20), 6);
        assert_eq!(store.take("f", &[ask(CALENDAR, 20, 15, 0, 0, 0)]).word, "no");
        assert_eq!(store.take("f", &[ask(CALENDAR, 20, 14, 0, 0, 0)]).word, "ok");
        store.at(100_000);
        assert_eq!(store.used(CALENDAR, 20), 0);
    }

    fn what_a_new_lease_has_spent_is_not_known_from_the_last_one(store) {
        store.take("e", &[asks_spent(CALENDAR, 20, 9, 7, 1)]);
        store.at(TTL);
        assert_eq!(store.used(CALENDAR, 20), 0);
    }

    fn of_what_was_not_known_to_be_spent_nothing_is_free_twice(store) {
        let gen_ = store.take("e", &[asks_spent(CALENDAR, 20, 9, 0, 0)]).gen_();
        store.take("e", &[asks_spent(CALENDAR, 20, 1, 4, gen_)]);
        store.at(TTL);
        assert_eq!(store.used(CALENDAR, 20), 4);
        // It lives, and tells bit by bit: what requests in flight came to, what was known to be spent, what is left.
        let row = |amount| [(START + 100_000, amount)];
        for (seq, returned, rows, used) in [(1, 2, row(3), 3 + 4), (2, 0, row(4), 7 + 1), (3, 1, row(0), 7)] {
            store.report("e", seq, &[tell(CALENDAR, 20, gen_, returned, "-", &rows)], &[]);
            assert_eq!(store.used(CALENDAR, 20), used, "{seq}");
        }
    }

    fn what_an_envoy_that_was_away_tells_after_all_is_not_counted_twice(store) {
        let gen_ = store.take("e", &[ask(SLIDING, 10, 8, 0, 0, 0)]).gen_();
        store.at(TTL + 1_000);
        let spent = tell(SLIDING, 10, gen_, 2, "-", &[(START + 20_000, 5)]);
        let reply = store.report("e", 1, &[spent], &[]);
        assert_eq!(reply.slots, [[0, 8, 5 + 1, 0, 5]], "the lease is void, one is still not accounted for");
        store.at(20_000 + 64_000);
        assert_eq!(store.used(SLIDING, 10), 1);
        store.at(TTL + 64_000);
        assert_eq!(store.used(SLIDING, 10), 0);
    }

    fn a_slot_may_be_told_of_once_for_each_lease(store) {
        let old = store.take("e", &[ask(SLIDING, 20, 8, 0, 0, 0)]).gen_();
        store.at(TTL);
        let new = store.take("e", &[ask(SLIDING, 20, 6, 0, 0, old)]).gen_();
        let of_the_old = tell(SLIDING, 20, old, 0, "-", &[(START, 8)]);
        let of_the_new = tell(SLIDING, 20, new, 0, "-", &[(START + TTL, 1)]);
        let reply = store.report("e", 1, &[of_the_old, of_the_new], &[]);
        assert_eq!(reply.slots, [[0, 8, 8 + 6, 0, 8], [new, 6, 9 + 5, 0, 9]]);
    }

    fn what_envoys_that_crash_again_and_again_leave_behind_is_bounded(store) {
        for crash in 0..400 {
            store.at(crash * 700);
            store.take(&format!("e{crash}"), &[ask("1 hour s 3600000 0", 1_000, 1, 0, 0, 0)]);
        }
        store.at(320_000);
        assert_eq!(store.used("1 hour s 3600000 0", 1_000), 400);
        assert_eq!(store.state("kw:{kw}:level:a", "hour", "size(state.owed)"), 256);
        assert_eq!(store.state("kw:{kw}:level:a", "hour", "size(state.leases)"), 0);
        store.at(TTL + 3_600_000 + 56_250 + 320_000);
        assert_eq!(store.used("1 hour s 3600000 0", 1_000), 0);
        store.clear();
        let week = "1 week c 1600000000 2200000000";
        for crash in 0..400 {
            store.at(crash * 700);
            store.take(&format!("e{crash}"), &[ask(week, 1_000, 2, 0, 0, 0)]);
        }
        store.at(320_000);
        assert_eq!(store.used(week, 1_000), 2 * 400);
        assert_eq!(store.state("kw:{kw}:level:a", "week", "size(state.owed)"), 256);
        store.at(600_000_000);
        assert_eq!(store.used(week, 1_000), 0);
    }

    /// Or what they tell after all would count twice, to the end of the window.
    fn of_many_that_were_not_heard_of_the_last_ones_may_be_again(store) {
        let gens: Vec<u64> = (0..300)
            .map(|at| {
                store.at(at * 50);
                store.take(&format!("e{at}"), &[ask(CALENDAR, 1_000, 2, 0, 0, 0)]).gen_()
            })
            .collect();
        store.at(2 * TTL);
        for (at, gen_) in gens.iter().enumerate().skip(300 - 256) {
            store.report(&format!("e{at}"), 1, &[tell(CALENDAR, 1_000, *gen_, 1, "-", &[(START + 100_000, 1)])], &[]);
        }
        assert_eq!(store.used(CALENDAR, 1_000), 2 * 300 - 256);
    }

    fn a_report_renews_the_lease(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).gen_();
        for (seq, at, word) in [(1, 20_000, "ok"), (1, 40_000, "again"), (2, 60_000, "ok")] {
            store.at(at);
            let reply = store.report("e", seq, &[tell(CALENDAR, 10, gen_, 0, "-", &[])], &[]);
            assert_eq!((reply.word.as_str(), reply.slots.as_slice()), (word, [vec![gen_, 8, 8, 0, 0]].as_slice()));
        }
        store.at(90_000);
        let reply = store.report("e", 3, &[tell(CALENDAR, 10, gen_, 0, "-", &[])], &[]);
        assert_eq!(reply.slots, [[0, 8, 8, 0, 0]], "void");
    }

    /// It hears of the lease in the answer, and goes on to take from it.
    fn who_is_refused_has_been_heard_of(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).gen_();
        store.at(TTL - 1);
        let refused = store.take("e", &[ask(CALENDAR, 10, 9, 0, 0, gen_)]);
        assert_eq!((refused.word.as_str(), refused.gen_()), ("no", gen_));
        store.at(2 * TTL - 2);
        let reply = store.report("e", 1, &[tell(CALENDAR, 10, gen_, 0, "-", &[])], &[]);
        assert_eq!(reply.slots, [[gen_, 8, 8, 0, 0]]);
    }

    fn who_names_no_lease_is_told_of_its_own(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 10, 8, 0, 0, 0)]).gen_();
        let asked = [tell(CALENDAR, 10, 0, 0, "-", &[])];
        assert_eq!(store.report("e", 1, &asked, &[]).slots, [[gen_, 8, 8, 0, 0]]);
        assert_eq!(store.report("f", 1, &asked, &[]).slots, [[0, 0, 8, 0, 0]]);
    }

    fn what_is_returned_is_there_for_others(store) {
        let gen_ = store.take("e", &[ask(IN_FLIGHT, 2, 2, 0, 0, 0)]).gen_();
        assert_eq!(store.take("f", &[ask(IN_FLIGHT, 2, 1, 0, 0, 0)]).retry(), 1_000);
        store.report("e", 1, &[tell(IN_FLIGHT, 2, gen_, 1, "-", &[])], &[]);
        assert_eq!(store.take("f", &[ask(IN_FLIGHT, 2, 1, 0, 0, 0)]).word, "ok");
    }

    fn a_new_lease_has_a_higher_name_even_if_the_clock_is_set_back(store) {
        store.at(10_000);
        let first = store.take("e", &[ask(SLIDING, 10, 1, 0, 0, 0)]).gen_();
        store.at(5_000);
        let second = store.take("f", &[ask(SLIDING, 10, 1, 0, 0, 0)]).gen_();
        assert_eq!(second, first + 1);
    }

    fn a_grant_whose_reply_was_lost_is_in_the_sum_of_the_next(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 10, 2, 0, 0, 0)]).gen_();
        store.take("e", &[ask(CALENDAR, 10, 5, 0, 0, gen_)]);
        let reply = store.take("e", &[ask(CALENDAR, 10, 1, 0, 0, gen_)]);
        assert_eq!((reply.grant(), reply.slots[0][2], reply.used()), (1, 8, 8));
        let reply = store.report("e", 1, &[tell(CALENDAR, 10, gen_, 5, "-", &[])], &[]);
        assert_eq!(reply.slots, [[gen_, 8, 3, 0, 0]], "a report tells as well, and may bring it back");
    }

    /// What is spent or reserved does not come back before its window ends; what lies unspent may at any time.
    fn a_refused_request_learns_when_leases_may_be_back(store) {
        let refused = |store: &mut Store| store.take("f", &[ask(CALENDAR, 1_000, 150, 0, 0, 0)]).retry();
        store.take("e", &[ask(CALENDAR, 1_000, 898, 0, 0, 0)]);
        assert_eq!(refused(store), 100_000);
        store.clear();
        store.take("e", &[ask(CALENDAR, 1_000, 0, 0, 7, 0)]);
        store.take("g", &[ask(CALENDAR, 1_000, 849, 0, 0, 0)]);
        assert_eq!(refused(store), 1_000);
        store.at(TTL - 300);
        assert_eq!(refused(store), 300);
    }

    fn what_can_never_fit_is_said_to(store) {
        assert_eq!(store.take("e", &[ask(SLIDING, 10, 11, 5, 0, 0)]).retry(), u64::MAX);
        assert_eq!(store.take("e", &[ask(SLIDING, 0, 0, 0, 0, 0)]).retry(), u64::MAX, "an amount of 0 admits nothing");
    }

    fn what_is_malformed_is_refused_whole(store) {
        let good = ask(SLIDING, 10, 1, 0, 0, 0);
        for (broken, why) in [
            ("1 m s 64000 0 10 1 0 0 1 1 1", "arguments are missing"),
            ("1 m s 64000 0 10 -1 0 0 0 1 1 1", "not a number it can be: -1"),
            ("1 m s 64000 0 10 1.5 0 0 0 1 1 1", "not a number it can be: 1.5"),
            ("1 m s 64000 0 10 nan 0 0 0 1 1 1", "not a number it can be: nan"),
            ("1 m s 64000 0 9007199254740992 1 0 0 0 1 1 1", "not a number it can be: 9007199254740992"),
            ("1 m s 0 0 10 1 0 0 0 1 1 1", "not a number it can be: 0"),
            ("1 m x 64000 0 10 1 0 0 0 1 1 1", "no such kind of slot"),
            ("3 m s 64000 0 10 1 0 0 0 1 1 1", "no such level"),
        ] {
            let tokens = format!("e 30000 2 {good} {broken}");
            let tokens: Vec<&str> = tokens.split(' ').collect();
            let refused = store.call("take", &["kw:{kw}:level:a", "kw:{kw}:level:b"], &tokens).unwrap_err();
            assert!(refused.contains(why), "{broken}: {refused}");
        }
        assert!(store.keys().is_empty());
    }
}
