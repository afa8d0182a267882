//! What an Envoy does not need, or no longer has, goes back.

use super::*;

#[test]
fn what_nobody_needs_goes_back_soon_near_a_limit_and_late_far_from_it() {
    for (used, patience) in [(874, 10_000), (875, 300)] {
        let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
        let mut book = worker(&host, 1);
        let ask = asks(&host, &mut book, &level, tokens(1));
        answers(&host, &mut book, &ask, "ok", &format!("5 7 5 {used} 0 1"));
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
        asked::unanswered(&host, &mut book, &another);
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
        answers(&host, &mut book, &ask, "ok", "401 7 401 401 0 2");
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
    answers(&host, &mut book, &ask, "ok", "3000000 7 3000000 3000000 0 1");
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
        answers(&host, &mut book, &ask, "ok", &format!("4 7 4 {used} 0 2"));
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

#[test]
fn what_was_granted_to_who_is_gone_without_a_word_is_found_when_it_is_quiet() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(1));
    answers(&host, &mut book, &ask, "ok", "1 7 1 1 0 1");
    let holding = takes(&host, &mut book, &level, tokens(1));
    // The store grants 5, and whoever asked ends.
    let _gone = asks(&host, &mut book, &level, tokens(1));
    let free = |host: &MemoryHost| {
        leases::read(host, "kw.team.a", crate::host::Host::now(host)).leases.get(SlotId(1)).available
    };
    for (passes, found) in [(9_000, 0), (5_000, 5)] {
        host.advance_ms(passes);
        assert!(report(&host, &mut book).is_some());
        assert!(book.reported(&host, &format!("ok {NOW} 7 6 6 0 0 1")).is_some());
        assert_eq!(free(&host), found);
    }
    holding.settle(&host, &mut book, Outcome::Used(tokens(1)));
}

#[test]
fn nothing_is_taken_from_a_lease_that_the_store_may_have_ended() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(0));
    host.advance_ms(500);
    answers(&host, &mut book, &ask, "ok", "9 7 9 9 0 1");
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
    answers(&host, &mut book, &ask, "ok", "9 7 9 9 0 1");
    let old = takes(&host, &mut book, &level, tokens(9));
    host.advance_ms(LEASE_MS);
    let ask = asks(&host, &mut book, &level, tokens(9));
    answers(&host, &mut book, &ask, "ok", "9 8 9 18 0 1");
    takes(&host, &mut book, &level, tokens(9)).settle(&host, &mut book, Outcome::Used(tokens(9)));
    old.settle(&host, &mut book, Outcome::Used(tokens(2)));
    let _ = asks(&host, &mut book, &level, tokens(1));
    host.advance_ms(2_000);
    let letter = report(&host, &mut book).unwrap();
    let said = letter[11..].join(" ");
    let bucket = NOW + LEASE_MS;
    assert!(said.contains(&format!("1000 7 7 0 - 1 {NOW} 2")), "{said}");
    assert!(said.contains(&format!("1000 8 0 9 - 1 {bucket} 9")), "{said}");
}

/// The store counts it as spent, as it cannot know.
#[test]
fn what_was_left_of_a_lease_that_is_over_is_told() {
    for by_letter in [true, false] {
        let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
        let mut book = worker(&host, 1);
        let ask = asks(&host, &mut book, &level, tokens(4));
        answers(&host, &mut book, &ask, "ok", "9 7 9 9 0 1");
        takes(&host, &mut book, &level, tokens(4)).settle(&host, &mut book, Outcome::Used(tokens(4)));
        host.advance_ms(2_000);
        let told = says(&report(&host, &mut book).unwrap()).1;
        assert_eq!(told, format!("7 0 - 1 {NOW} 4"));
        let ends = if by_letter { "0 0" } else { "7 9" };
        assert!(book.reported(&host, &format!("ok {NOW} {ends} 9 0 4 1")).is_some());
        if !by_letter {
            let ask = asks(&host, &mut book, &level, tokens(20));
            answers(&host, &mut book, &ask, "ok", "30 8 30 39 0 1");
        }
        host.advance_ms(2_000);
        let told = report(&host, &mut book).map(|letter| letter[11..].join(" ")).unwrap_or_default();
        assert!(told.contains("1000 7 5 0 - 0"), "{by_letter}: {told}");
    }
}

/// It is asked for where nobody heard of it: until then the store counts it as spent, for as long as the window lasts.
#[test]
fn what_was_granted_unheard_of_a_lease_that_is_over_is_told() {
    for another_waits in [false, true] {
        for by_letter in [true, false] {
            let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
            let mut book = worker(&host, 1);
            let ask = asks(&host, &mut book, &level, tokens(4));
            answers(&host, &mut book, &ask, "ok", "4 7 4 4 0 1");
            takes(&host, &mut book, &level, tokens(4)).settle(&host, &mut book, Outcome::Used(tokens(4)));
            host.advance_ms(2_000);
            assert!(report(&host, &mut book).is_some());
            // The store grants 30 under the same number, and is out of reach from then on.
            let lost = asks(&host, &mut book, &level, tokens(30));
            asked::unanswered(&host, &mut book, &lost);
            host.advance_ms(LEASE_MS);
            let waits = another_waits.then(|| asks(&host, &mut book, &level, tokens(5)));
            if !by_letter {
                let ask = asks(&host, &mut book, &level, tokens(20));
                answers(&host, &mut book, &ask, "ok", "20 8 20 54 0 1");
            }
            assert!(book.reported(&host, &format!("ok {NOW} 0 34 34 0 4 1")).is_some());
            let mut told = String::new();
            for _ in 0..16 {
                host.advance_ms(500);
                let Some(letter) = report(&host, &mut book) else { continue };
                told = format!("{told}\n{}", letter[11..].join(" "));
                let answer = letter_answer(&letter, |lease| if lease == "7" { "0 34 0 0 0" } else { "8 20 0 0 0" });
                assert!(book.reported(&host, &answer).is_some());
            }
            assert!(told.contains("1000 7 30 "), "{another_waits} {by_letter}: {told}");
            drop(waits);
        }
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_lease_last_longer() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(0));
    answers(&host, &mut book, &ask, "ok", "9 7 9 9 0 1");
    takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    host.set_now((NOW - 3_600_000) * 1_000_000);
    assert!(asks(&host, &mut book, &level, tokens(0)).slots.is_empty(), "it asks for the time first");
    book.saw_time(NOW, (NOW - 3_600_000) * 1_000_000);
    let letter = report(&host, &mut book).unwrap();
    assert_eq!(says(&letter).1, format!("7 8 - 1 {NOW} 1"), "it tells at once");
    let ask = asks(&host, &mut book, &level, tokens(0));
    answers(&host, &mut book, &ask, "ok", "1 7 10 10 0 1");
    takes(&host, &mut book, &level, tokens(0)).settle(&host, &mut book, Outcome::Used(tokens(0)));
    host.advance_ms(LEASE_MS - MARGIN_MS);
    let _ = asks(&host, &mut book, &level, tokens(0));
}
