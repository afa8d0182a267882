//! One worker, and two of them, with answers that are written by hand: what the tests with Redis (`tests/store/`) are too
//! blunt for.

use super::book::Entry;
use super::measure::Measured;
use super::*;
use crate::host::MemoryHost;
use crate::limits::{Demand, Outcome, Stake};
use crate::policy::{
    Grant, Level, LevelKind, Limit, Metric, OnOutage, Period, Reserve, SlotId, Store, StoreDialect, Timezone,
};
use crate::pricing::NanoUsd;

/// 2026-11-21, in milliseconds.
const NOW: u64 = 1_795_219_200_000;
const MINUTE: Period = Period::Sliding { ms: 60_000 };

fn level(metric: Metric, amount: u64) -> Level {
    let slot = SlotId(1);
    Level {
        kind: LevelKind::Team,
        name: "a".into(),
        rules: Vec::new(),
        limits: vec![Limit { metric, amount, period: MINUTE, model: None, tier: None, slot }],
        max_request_bytes: None,
        max_output_tokens: None,
        reserve: Reserve::Full,
        alerts: vec![50, 80],
    }
}

fn host() -> MemoryHost {
    MemoryHost::at(NOW * 1_000_000)
}

fn tokens(output_tokens: u64) -> Demand {
    Demand { output_tokens, cost: NanoUsd(output_tokens), ..Demand::default() }
}

fn try_take<'a>(host: &MemoryHost, book: &mut Book, level: &'a Level, demand: Demand) -> Result<Holding, Short<'a>> {
    let stake = Stake { level, counter: "kw.team.a", tag: 0, allowed: None, demand };
    take(host, book, &Timezone::default(), &[stake], &|_: &Grant| true)
}

/// What is asked of the store for a request that no lease has room for.
fn asks(host: &MemoryHost, book: &mut Book, level: &Level, demand: Demand) -> Ask {
    match try_take(host, book, level, demand) {
        Err(Short::Ask(ask)) => {
            asked::asking(host, &ask);
            ask
        }
        other => panic!("{other:?}"),
    }
}

/// The store answers with a word and `grant gen granted used retry_ms peers`.
fn answers(host: &MemoryHost, ask: &Ask, word: &str, numbers: &str) {
    let (_, answers) = ask.read(&format!("{word} {NOW} {numbers}")).unwrap();
    asked::granted(host, ask, &answers, crate::host::Host::now(host));
}

fn takes(host: &MemoryHost, book: &mut Book, level: &Level, demand: Demand) -> Holding {
    try_take(host, book, level, demand).unwrap()
}

fn report(host: &MemoryHost, book: &mut Book) -> Option<Vec<String>> {
    book.report(host, &Timezone::default(), Calling::Function, false)
}

/// Of a letter on one limit without a day: its number, `gen returned thresholds rows`, and the rows.
fn says(letter: &[String]) -> (&str, String) {
    assert_eq!(letter[11], "1", "{letter:?}");
    let (_rows, slots) = letter.split_last().unwrap();
    (&letter[7], slots[18..].join(" "))
}

/// A worker that has shown itself.
fn worker(host: &MemoryHost, number: u64) -> Book {
    let mut book = Book::new(1, number);
    assert_eq!(report(host, &mut book).unwrap()[11], "0");
    assert_eq!(book.reported(host, &format!("ok {NOW} 1")), Some((1, vec![])));
    book
}

#[test]
fn what_nobody_needs_goes_back_soon_near_a_limit_and_late_far_from_it() {
    for (used, patience) in [(874, 10_000), (875, 300)] {
        let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
        let mut book = worker(&host, 1);
        let ask = asks(&host, &mut book, &level, tokens(1));
        answers(&host, &ask, "ok", &format!("5 7 5 {used} 0 1"));
        let holding = takes(&host, &mut book, &level, tokens(1));
        host.set_now((NOW + patience - 1) * 1_000_000);
        let renewed = report(&host, &mut book);
        let returned = |letter: Option<Vec<String>>| letter.map(|letter| says(&letter).1);
        assert!(returned(renewed.clone()).is_none_or(|said| said.starts_with("7 0 ")), "{used}: too early");
        if renewed.is_some() {
            assert!(book.reported(&host, &format!("ok {NOW} 7 5 {used} 0 0 1")).is_some());
        }
        // One more waits, and counts on what is there.
        let another = asks(&host, &mut book, &level, tokens(9));
        host.advance_ms(1);
        assert_eq!(returned(report(&host, &mut book)), None, "{used}: somebody waits for an answer");
        asked::unanswered(&host, &another);
        assert_eq!(returned(report(&host, &mut book)).as_deref(), Some("7 4 - 0"), "{used}");
        holding.settle(&host, &mut book, Outcome::Used(tokens(1)));
    }
}

#[test]
fn what_is_more_than_a_seconds_worth_goes_back_and_a_part_of_the_limit_stays() {
    // Of 12,800 a 128th is 100, and of so many one Envoy may keep half where there are two.
    for (taken, stays) in [(0, 50), (20, 52), (30, 77), (70, 177)] {
        let (host, level) = (host(), level(Metric::OutputTokens, 12_800));
        let mut book = worker(&host, 1);
        peers::saw(&host, 2);
        let ask = asks(&host, &mut book, &level, tokens(1));
        answers(&host, &ask, "ok", "401 7 401 401 0 2");
        let holding = takes(&host, &mut book, &level, tokens(1));
        let more = (0..taken).map(|_| takes(&host, &mut book, &level, tokens(1))).collect::<Vec<_>>();
        host.advance_ms(299);
        assert!(report(&host, &mut book).is_none_or(|letter| says(&letter).1.starts_with("7 0 ")), "too early");
        assert!(book.reported(&host, &format!("ok {NOW} 7 401 401 0 0 2")).is_some());
        host.advance_ms(101);
        let held = 401 - taken - 1;
        let letter = report(&host, &mut book).unwrap();
        assert_eq!(says(&letter).1, format!("7 {} - 0", held - stays), "{taken}");
        more.into_iter().chain([holding]).for_each(|one| one.settle(&host, &mut book, Outcome::Refund));
    }
}

/// A second's worth becomes less from moment to moment, and each letter that is answered is a moment for the next.
#[test]
fn what_becomes_too_much_goes_back_in_few_letters() {
    let (host, level) = (host(), level(Metric::OutputTokens, 10_000_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(1_000));
    answers(&host, &ask, "ok", "3000000 7 3000000 3000000 0 1");
    for _ in 0..1_000 {
        takes(&host, &mut book, &level, tokens(1_000)).settle(&host, &mut book, Outcome::Used(tokens(700)));
        host.advance_ms(1);
    }
    let mut letters = 0;
    for _ in 0..2_000 {
        host.advance_ms(5);
        if report(&host, &mut book).is_some() {
            letters += 1;
            assert!(book.reported(&host, &format!("ok {NOW} 7 3000000 3000000 0 0 1")).is_some());
        }
    }
    assert!((3..=15).contains(&letters), "{letters} letters in ten seconds without a request");
}

/// Or whoever came first would have them for as long as he is busy.
#[test]
fn places_in_flight_go_back_where_they_run_short_and_stay_where_they_do_not() {
    for (used, returned) in [(8, 3), (6, 0)] {
        let (host, level) = (host(), level(Metric::Concurrency, 8));
        let mut book = worker(&host, 1);
        let ask = asks(&host, &mut book, &level, tokens(1));
        answers(&host, &ask, "ok", &format!("4 7 4 {used} 0 2"));
        let take_one = |book: &mut Book| takes(&host, book, &level, tokens(1));
        take_one(&mut book).settle(&host, &mut book, Outcome::Used(tokens(1)));
        assert!(report(&host, &mut book).is_some_and(|letter| says(&letter).1.starts_with("7 0 ")), "it is renewed");
        assert!(book.reported(&host, &format!("ok {NOW} 7 4 {used} 0 0 2")).is_some());
        host.advance_ms(299);
        let flies = take_one(&mut book);
        assert_eq!(report(&host, &mut book), None, "so long it may keep them");
        host.advance_ms(1);
        let said = report(&host, &mut book).map(|letter| says(&letter).1);
        assert_eq!(said, (returned > 0).then(|| format!("7 {returned} - 0")), "{used}");
        flies.settle(&host, &mut book, Outcome::Used(tokens(1)));
    }
}

/// What another worker has taken ahead is of no use to one that does not know in which window it would count.
#[test]
fn a_worker_that_was_never_told_the_time_asks() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let (mut one, mut new) = (worker(&host, 1), Book::new(1, 2));
    let ask = asks(&host, &mut one, &level, tokens(0));
    answers(&host, &ask, "ok", "9 7 9 9 0 1");
    takes(&host, &mut one, &level, tokens(0)).settle(&host, &mut one, Outcome::Used(tokens(0)));
    assert!(asks(&host, &mut new, &level, tokens(0)).slots.is_empty(), "it asks for the time first");
    new.saw_time(NOW - 30_000, NOW * 1_000_000);
    takes(&host, &mut new, &level, tokens(0)).settle(&host, &mut new, Outcome::Used(tokens(0)));
    host.advance_ms(2_000);
    let letter = report(&host, &mut new).unwrap();
    assert!(letter.ends_with(&["1".into(), (NOW - 30_000).to_string(), "1".into(), "0".into()]), "{letter:?}");
}

#[test]
fn what_was_granted_to_who_is_gone_without_a_word_is_found_when_it_is_quiet() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(1));
    answers(&host, &ask, "ok", "1 7 1 1 0 1");
    let holding = takes(&host, &mut book, &level, tokens(1));
    // The store grants 5, and whoever asked ends.
    let _gone = asks(&host, &mut book, &level, tokens(1));
    let free = |host: &MemoryHost| leases::read(host, "kw.team.a").leases.get(SlotId(1)).available;
    for (passes, found) in [(9_000, 0), (5_000, 5)] {
        host.advance_ms(passes);
        assert!(report(&host, &mut book).is_some());
        assert!(book.reported(&host, &format!("ok {NOW} 7 6 6 0 0 1")).is_some());
        assert_eq!(free(&host), found);
    }
    holding.settle(&host, &mut book, Outcome::Used(tokens(1)));
}

#[test]
fn one_worker_renews_for_all() {
    let (host, level) = (host(), level(Metric::Requests, 1_000_000));
    let (mut one, mut other) = (worker(&host, 1), worker(&host, 2));
    let ask = asks(&host, &mut one, &level, tokens(0));
    answers(&host, &ask, "ok", "9 7 9 9 0 1");
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
    answers(&host, &ask, "ok", "2 7 2 2 0 1");
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
        answers(&host, &ask, "ok", "600 7 600 600 0 1");
        takes(&host, &mut book, &level, tokens(600)).settle(&host, &mut book, Outcome::Used(tokens(600)));
        host.advance_ms(2_000);
        let letter = report(&host, &mut book).unwrap();
        assert_eq!(says(&letter).1, format!("7 0 {thresholds} 1 {NOW} 600"));
        let reached = Reached { level: "team.a".into(), percent: 50, spent: 600, amount: 1_000 };
        assert_eq!(book.reported(&host, &format!("ok {NOW} 7 600 600 50 600 1")), Some((1, vec![reached])));
    }
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
    answers(&host, &ask, "ok", "600 7 600 600 0 1");
    let taken = take(&host, &mut book, &Timezone::default(), &[stake], &|_: &Grant| true).unwrap();
    taken.settle(&host, &mut book, Outcome::Used(demand));
    host.advance_ms(2_000);
    assert!(report(&host, &mut book).is_some());
    let reached = book.reported(&host, &format!("ok {NOW} 7 600 600 50 600 1"));
    assert_eq!(reached.unwrap().1[0].level, "end_user");
}

#[test]
fn who_takes_much_wants_more() {
    let (host, level) = (host(), level(Metric::Requests, 1_000_000));
    let mut book = worker(&host, 1);
    let wants = |ask: &Ask| ask.command(Calling::Function, "e")[15].clone();
    let mut ask = asks(&host, &mut book, &level, tokens(0));
    let mut wanted = vec![wants(&ask)];
    for round in 1..=6_u64 {
        answers(&host, &ask, "ok", &format!("{} 7 {} 9 0 1", 4_u64.pow(round.try_into().unwrap()), 0));
        host.advance_ms(10);
        while let Ok(holding) = try_take(&host, &mut book, &level, tokens(0)) {
            holding.settle(&host, &mut book, Outcome::Used(tokens(0)));
        }
        ask = asks(&host, &mut book, &level, tokens(0));
        wanted.push(wants(&ask));
    }
    assert_eq!(wanted, ["4", "16", "64", "256", "1024", "4096", "16384"], "four times what was taken");
    answers(&host, &ask, "ok", "100 7 0 9 0 1");
    host.advance_ms(1_000);
    for _ in 0..100 {
        takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    }
    assert_eq!(
        wants(&asks(&host, &mut book, &level, tokens(0))),
        "256",
        "for two seconds 200 would do, but 256 may be"
    );
}

#[test]
fn a_refusal_holds_for_a_moment_and_not_for_less() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(50));
    answers(&host, &ask, "no", "0 0 0 960 30000 1");
    let refused = |book: &mut Book, need| match try_take(&host, book, &level, tokens(need)) {
        Err(Short::Refused(_)) => true,
        Err(Short::Ask(_)) => false,
        Ok(taken) => panic!("{taken:?}"),
    };
    host.advance_ms(99);
    assert_eq!([50, 51, 49].map(|need| refused(&mut book, need)), [true, true, false]);
    host.advance_ms(1);
    assert!(!refused(&mut book, 50), "it is asked again, though room was told to be far");
    assert!(refused(&mut book, 1_001), "what never fits is not asked for");
}

#[test]
fn nothing_is_taken_from_a_lease_that_the_store_may_have_ended() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(0));
    host.advance_ms(500);
    answers(&host, &ask, "ok", "9 7 9 9 0 1");
    host.set_now((NOW + LEASE_MS - MARGIN_MS - 1) * 1_000_000);
    takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    host.advance_ms(1);
    let _ = asks(&host, &mut book, &level, tokens(0));
}

#[test]
fn what_was_taken_from_a_lease_that_is_over_is_not_given_back_to_another() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(9));
    answers(&host, &ask, "ok", "9 7 9 9 0 1");
    let old = takes(&host, &mut book, &level, tokens(9));
    host.advance_ms(LEASE_MS);
    let ask = asks(&host, &mut book, &level, tokens(9));
    answers(&host, &ask, "ok", "9 8 9 18 0 1");
    takes(&host, &mut book, &level, tokens(9)).settle(&host, &mut book, Outcome::Used(tokens(9)));
    old.settle(&host, &mut book, Outcome::Used(tokens(2)));
    let _ = asks(&host, &mut book, &level, tokens(1));
    host.advance_ms(2_000);
    let letter = report(&host, &mut book).unwrap();
    let said = letter[11..].join(" ");
    let bucket = NOW + LEASE_MS;
    assert!(said.contains(&format!("1000 7 0 - 1 {NOW} 2")), "{said}");
    assert!(said.contains(&format!("1000 8 0 - 1 {bucket} 9")), "{said}");
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

#[test]
fn a_library_that_may_not_be_loaded_from_here_is_waited_for() {
    let host = host();
    let store = Store {
        cluster: "c".into(),
        dialect: StoreDialect::Webdis,
        timeout_ms: 50,
        on_outage: OnOutage::Deny,
        authority: None,
        keys_ttl_ms: None,
    };
    let client = Client::new(1, 2);
    let errand = || {
        host.advance_ms(10_000);
        let (errand, _) = client.errands(&host, &store, &Timezone::default()).into_iter().next().unwrap();
        errand
    };
    let none = br#"{"FCALL":[false,"ERR Function not found"]}"#;
    let first = errand();
    assert!(matches!(first, Errand::Report), "{first:?}");
    client.back(&host, &store, &first, 200, none);
    let second = errand();
    assert!(matches!(second, Errand::Library), "{second:?}");
    client.back(&host, &store, &second, 403, b"");
    // By then somebody may have loaded it.
    let third = errand();
    assert!(matches!(third, Errand::Report), "{third:?}");
}
