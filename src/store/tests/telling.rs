//! Letters: what is told, when, and once.

use super::*;

#[test]
fn one_worker_renews_for_all() {
    let (host, level) = (host(), level(Metric::Requests, 1_000_000));
    let (mut one, mut other) = (worker(&host, 1), worker(&host, 2));
    let ask = asks(&host, &mut one, &level, tokens(0));
    answers(&host, &mut one, &ask, "ok", "9 7 9 9 0 1");
    let held = [takes(&host, &mut one, &level, tokens(0)), takes(&host, &mut other, &level, tokens(0))];
    let both = |one: &mut Book, other: &mut Book| [report(&host, one).is_some(), report(&host, other).is_some()];
    // The lease is new: the first look renews it. Both tell what they spent two seconds later.
    assert_eq!(both(&mut one, &mut other), [true, false]);
    assert!(one.reported(&host, &format!("ok {NOW} 7 9 9 0 0 1")).is_some());
    host.advance_ms(2_000);
    assert_eq!(both(&mut one, &mut other), [true, true]);
    for book in [&mut one, &mut other] {
        assert!(book.reported(&host, &format!("ok {NOW} 7 9 9 0 0 1")).is_some());
    }
    host.advance_ms(2_999);
    assert_eq!(both(&mut one, &mut other), [false, false]);
    host.advance_ms(1);
    assert_eq!(both(&mut other, &mut one), [true, false]);
    for holding in held {
        holding.settle(&host, &mut one, Outcome::Refund);
    }
}

#[test]
fn a_letter_is_the_same_until_it_is_answered() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(0));
    answers(&host, &mut book, &ask, "ok", "2 7 2 2 0 1");
    takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    host.advance_ms(2_000);
    let first = report(&host, &mut book).unwrap();
    assert_eq!(says(&first), ("2", format!("7 0 - 1 {NOW} 1")));
    takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    host.advance_ms(3_000);
    assert_eq!(report(&host, &mut book), Some(first));
    for nonsense in ["", "no", "ok", &format!("ok {NOW} 7 2 2 0"), "1 2 3 4 5 6 7 8"] {
        assert_eq!(book.reported(&host, nonsense), None, "{nonsense}");
    }
    assert_eq!(book.reported(&host, &format!("again {NOW} 7 2 2 0 1 3")), Some((3, vec![])));
    let next = report(&host, &mut book).unwrap();
    assert_eq!(says(&next).0, "3", "{next:?}");
    assert!(says(&next).1.ends_with(" 1"), "{next:?}");
    assert_eq!(book.reported(&host, "ok"), None);
}

#[test]
fn money_is_alerted_at_and_nothing_else() {
    for (metric, thresholds) in [(Metric::Usd, "50,80"), (Metric::OutputTokens, "-")] {
        let (host, level) = (host(), level(metric, 1_000));
        let mut book = worker(&host, 1);
        let ask = asks(&host, &mut book, &level, tokens(600));
        answers(&host, &mut book, &ask, "ok", "600 7 600 600 0 1");
        takes(&host, &mut book, &level, tokens(600)).settle(&host, &mut book, Outcome::Used(tokens(600)));
        host.advance_ms(2_000);
        let letter = report(&host, &mut book).unwrap();
        assert_eq!(says(&letter).1, format!("7 0 {thresholds} 1 {NOW} 600"));
        let reached = Reached { level: "team.a".into(), percent: 50, spent: 600, amount: 1_000 };
        assert_eq!(book.reported(&host, &format!("ok {NOW} 7 600 600 50 600 1")), Some((1, vec![reached])));
    }
}

/// Or a budget that is nearly spent would be so in silence: nobody spends of it any more.
#[test]
fn who_is_refused_does_not_keep_an_alert_from_being_told() {
    let (host, level) = (host(), level(Metric::Usd, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(900));
    answers(&host, &mut book, &ask, "ok", "950 7 950 950 0 1");
    takes(&host, &mut book, &level, tokens(900)).settle(&host, &mut book, Outcome::Used(tokens(900)));
    let ask = asks(&host, &mut book, &level, tokens(200));
    answers(&host, &mut book, &ask, "no", "0 7 950 950 30000 1");
    host.advance_ms(2_000);
    let told = report(&host, &mut book).map(|letter| letter[11..].join(" ")).unwrap_or_default();
    assert!(told.contains(&format!("50,80 1 {NOW} 900")), "{told}");
}

/// As many names as callers make up would be as many metrics.
#[test]
fn end_users_are_one_where_money_is_alerted_at() {
    let (host, level) = (host(), Level { kind: LevelKind::EndUser, ..level(Metric::Usd, 1_000) });
    let mut book = worker(&host, 1);
    let demand = tokens(600);
    let stake = Stake { level: &level, counter: "kw.end_user.5", tag: 5, allowed: None, demand };
    let taken = take(&host, &mut book, &Timezone::default(), &[stake], &|_: &Grant| true);
    let Err(Short::Ask(ask)) = taken else { panic!("{taken:?}") };
    asked::asking(&host, &ask);
    answers(&host, &mut book, &ask, "ok", "600 7 600 600 0 1");
    let taken = take(&host, &mut book, &Timezone::default(), &[stake], &|_: &Grant| true).unwrap();
    taken.settle(&host, &mut book, Outcome::Used(demand));
    host.advance_ms(2_000);
    assert!(report(&host, &mut book).is_some());
    let reached = book.reported(&host, &format!("ok {NOW} 7 600 600 50 600 1"));
    assert_eq!(reached.unwrap().1[0].level, "end_user");
}

/// Requests may use more than they had reserved: of such a lease nothing can be spent, so that nobody needs it.
#[test]
fn an_envoy_without_callers_is_silent_whatever_it_has_spent() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(10));
    answers(&host, &mut book, &ask, "ok", "10 7 10 10 0 1");
    takes(&host, &mut book, &level, tokens(10)).settle(&host, &mut book, Outcome::Used(tokens(14)));
    let mut letters = 0;
    for _ in 0..4 * 60 {
        host.advance_ms(250);
        if let Some(letter) = report(&host, &mut book) {
            letters += 1;
            let told = if letter[11] == "0" { "" } else { " 7 10 14 0 14" };
            assert!(book.reported(&host, &format!("ok {NOW}{told} 1")).is_some());
        }
    }
    assert!(letters <= 1 + 60 / 20, "{letters} letters in a minute");
}

#[test]
fn who_shares_room_with_others_is_forgotten_though_they_hold_something() {
    let (host, level) = (host(), Level { kind: LevelKind::EndUser, ..level(Metric::OutputTokens, 1_000) });
    let mut book = worker(&host, 1);
    let mut takes = |tag: u64, granted: u64| {
        let stake = Stake { level: &level, counter: "kw.end_user.5", tag, allowed: None, demand: tokens(1) };
        let take = |book: &mut Book| take(&host, book, &Timezone::default(), &[stake], &|_: &Grant| true);
        let Err(Short::Ask(ask)) = take(&mut book) else { panic!("{tag}") };
        asked::asking(&host, &ask);
        answers(&host, &mut book, &ask, "ok", &format!("{granted} {tag} {granted} 1 0 1"));
        take(&mut book).unwrap().settle(&host, &mut book, Outcome::Used(tokens(1)));
    };
    takes(5, 2);
    takes(6, 1);
    host.advance_ms(2_000);
    let letter = report(&host, &mut book).unwrap();
    let told = letter_answer(&letter, |generation| if generation == "5" { "5 2 3 0 1" } else { "6 1 1 0 1" });
    assert!(book.reported(&host, &told).is_some());
    host.advance_ms(250);
    assert_eq!(report(&host, &mut book), None);
    assert_eq!(book.levels.len(), 1);
}

#[test]
fn a_book_is_bounded_and_says_what_it_lost() {
    let mut book = Book::new(1, 1);
    let measured = Measured { metric: Metric::Requests, amount: 9, period: MINUTE };
    let spend = |book: &mut Book, name: &str, bucket: u64| {
        let entry = Entry {
            counter: "kw.team.a",
            name,
            most: 9,
            slot: SlotId(1),
            measured: &measured,
            thresholds: &[],
            generation: 7,
            bucket,
        };
        book.spend(&entry, 1, 0);
    };
    // Of many windows the latest takes what finds no room.
    for bucket in (0..600).rev() {
        spend(&mut book, "0", bucket);
    }
    let rows = &book.levels["0"].slots[&1].rows;
    assert_eq!((rows.len(), rows.values().sum::<i64>(), rows[&(7, 599)]), (512, 600, 89));
    assert!(!rows.contains_key(&(7, 0)));
    (1..10_000).for_each(|name| spend(&mut book, &name.to_string(), 0));
    assert_eq!(book.take_lost(), 0);
    spend(&mut book, "one more", 0);
    spend(&mut book, "0", 599);
    assert_eq!((book.take_lost(), book.take_lost()), (1, 0));
}
