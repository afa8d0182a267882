//! Reports: each counts once, and its rows add up by day.

use crate::harness::{CALENDAR, Form, START, Store, ask, tell};
use crate::in_both_forms;

const DAY: &str = "kw:{kw}:day:2026-01-01";
const ROW: &str = "1 key|a 1 20 3 4 50 6 7000000";

in_both_forms! {
    fn a_report_counts_once_however_often_it_arrives(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 100, 20, 0, 0, 0)]).gen_();
        let slot = tell(CALENDAR, 100, gen_, 4, "-", &[(START + 100_000, 5)]);
        let first = store.report("e", 7, std::slice::from_ref(&slot), &[ROW]);
        assert_eq!((first.word.as_str(), first.slots[0][2]), ("ok", 16));
        for late in [7, 6, 1] {
            let again = store.report("e", late, std::slice::from_ref(&slot), &[ROW]);
            assert_eq!((again.word.as_str(), &again.slots), ("again", &first.slots));
        }
        assert_eq!(store.field(DAY, "key|a|requests").as_deref(), Some("1"));
        assert_eq!(store.report("e", 8, &[slot], &[ROW]).word, "ok", "8 is another");
        assert_eq!(store.report("f", 1, &[], &[ROW]).word, "ok", "and so is the first of another worker");
        assert_eq!(store.field(DAY, "key|a|requests").as_deref(), Some("3"));
    }

    fn rows_add_up_by_day_and_metric_in_64_bits(store) {
        store.report("e", 1, &[], &[ROW, "2 key|a 1 0 0 0 0 0 9007199254740993", ROW]);
        let of = |store: &mut Store, day: &str, metric: &str| store.field(day, &format!("key|a|{metric}"));
        for (metric, sum) in [
            ("requests", "2"), ("input", "40"), ("cached", "6"), ("cache_write", "8"), ("output", "100"), ("reasoning", "12"),
            ("cost", "14000000"),
        ] {
            assert_eq!(of(store, DAY, metric).as_deref(), Some(sum), "{metric}");
        }
        assert_eq!(of(store, "kw:{kw}:day:2026-01-02", "cost").as_deref(), Some("9007199254740993"));
        assert_eq!(of(store, "kw:{kw}:day:2026-01-02", "input"), None, "nothing is not written");
    }

    fn a_row_that_cannot_be_added_does_not_hold_up_the_others(store) {
        store.report("e", 1, &[], &["1 full 9223372036854775807 1 0 0 0 0 0"]);
        assert_eq!(store.report("e", 2, &[], &["1 full 1 1 0 0 0 0 0", ROW]).word, "ok");
        assert_eq!(store.field(DAY, "full|requests").as_deref(), Some("9223372036854775807"));
        assert_eq!(store.field(DAY, "full|input").as_deref(), Some("2"));
        assert_eq!(store.field(DAY, "key|a|input").as_deref(), Some("20"));
    }

    fn what_others_put_under_its_keys_holds_up_no_report(store) {
        for (key, command) in [(DAY, "SET"), ("kw:{kw}:envoys", "SET"), ("kw:{kw}:seq:e-1", "SADD")] {
            store.clear();
            redis::cmd(command).arg(key).arg("nonsense").exec(&mut store.connection).unwrap();
            assert_eq!(store.report("e", 1, &[], &[ROW]).word, "ok", "{key}");
            assert_eq!(store.field(DAY, "key|a|requests").as_deref(), Some("1"), "{key}");
            assert_eq!(store.report("e", 1, &[], &[ROW]).word, "again", "{key}");
        }
    }

    fn what_is_malformed_is_refused_whole_and_may_be_sent_again(store) {
        let keys = ["kw:{kw}:seq:e", DAY];
        let good = "e text 1 30000 0 1 0 2 1 a 1 0 0 0 0 0 0 1 b 1 0 0 0 0 0";
        for (last, why) in [
            ("1.5", "not a whole number: 1.5"), ("", "not a whole number"), ("99999999999999999999", "not a whole number"),
        ] {
            let tokens: Vec<&str> = good.split(' ').chain([last]).collect();
            let refused = store.call("report", &keys, &tokens).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(store.keys().is_empty());
        let tokens: Vec<&str> = good.split(' ').chain(["0"]).collect();
        let refused = store.call("report", &["kw:{kw}:seq:e"], &tokens).unwrap_err();
        assert!(refused.contains("not as many keys as levels and days"), "{refused}");
        assert!(store.call("report", &keys, &tokens).unwrap().starts_with("ok "));
    }

    fn every_key_has_an_end(store) {
        let gen_ = store.take("e", &[ask(CALENDAR, 100, 20, 0, 0, 0)]).gen_();
        store.report("e", 1, &[tell(CALENDAR, 100, gen_, 0, "-", &[(START + 100_000, 5)])], &[ROW]);
        let day = 86_400_000;
        for (key, ttl) in [
            ("kw:{kw}:level:b", 100_000), ("kw:{kw}:seq:e-1", 7 * day), (DAY, 400 * day), ("kw:{kw}:envoys", 3_600_000),
        ] {
            let left = store.ttl(key);
            assert!((1..=ttl).contains(&left) && left > ttl - 60_000, "{key}: {left}");
        }
        assert_eq!(store.keys().len(), 4);
    }

    fn envoys_are_seen_and_forgotten_after_an_hour(store) {
        let envoys = "kw:{kw}:envoys";
        store.report("e", 1, &[], &[]);
        store.at(3_599_999);
        store.report("f", 1, &[], &[]);
        assert_eq!(store.field(envoys, "e").as_deref(), Some(format!("{START} envoy 1.40").as_str()));
        store.at(3_600_000);
        store.report("g", 1, &[], &[]);
        assert_eq!(store.field(envoys, "e"), None);
        assert!(store.field(envoys, "f").is_some());
    }
}
