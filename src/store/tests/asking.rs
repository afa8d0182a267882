//! What the store is asked, and what follows from its answer.

use super::*;

/// What another worker has taken ahead is of no use to one that does not know in which window it would count.
#[test]
fn a_worker_that_was_never_told_the_time_asks() {
    let (host, level) = (host(), level(Metric::Requests, 1_000));
    let (mut one, mut new) = (worker(&host, 1), Book::new(1, 2));
    let ask = asks(&host, &mut one, &level, tokens(0));
    answers(&host, &mut one, &ask, "ok", "9 7 9 9 0 1");
    takes(&host, &mut one, &level, tokens(0)).settle(&host, &mut one, Outcome::Used(tokens(0)));
    assert!(asks(&host, &mut new, &level, tokens(0)).slots.is_empty(), "it asks for the time first");
    new.saw_time(NOW - 30_000, NOW * 1_000_000);
    takes(&host, &mut new, &level, tokens(0)).settle(&host, &mut new, Outcome::Used(tokens(0)));
    host.advance_ms(2_000);
    let letter = report(&host, &mut new).unwrap();
    assert!(letter.ends_with(&["1".into(), (NOW - 30_000).to_string(), "1".into(), "0".into()]), "{letter:?}");
}

#[test]
fn who_takes_much_wants_more() {
    let (host, level) = (host(), level(Metric::Requests, 1_000_000));
    let mut book = worker(&host, 1);
    let wants = |ask: &Ask| ask.command(Calling::Function, "e")[15].clone();
    let mut ask = asks(&host, &mut book, &level, tokens(0));
    let mut wanted = vec![wants(&ask)];
    for round in 1..=6_u64 {
        answers(&host, &mut book, &ask, "ok", &format!("{} 7 {} 9 0 1", 4_u64.pow(round.try_into().unwrap()), 0));
        host.advance_ms(10);
        while let Ok(holding) = try_take(&host, &mut book, &level, tokens(0)) {
            holding.settle(&host, &mut book, Outcome::Used(tokens(0)));
        }
        ask = asks(&host, &mut book, &level, tokens(0));
        wanted.push(wants(&ask));
    }
    assert_eq!(wanted, ["4", "16", "64", "256", "1024", "4096", "16384"], "four times what was taken");
    answers(&host, &mut book, &ask, "ok", "100 7 0 9 0 1");
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
fn a_refusal_does_not_hold_for_longer_where_the_clock_is_set_back() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(50));
    answers(&host, &mut book, &ask, "no", "0 0 0 960 30000 1");
    host.set_now((NOW - 3_600_000) * 1_000_000);
    assert!(asks(&host, &mut book, &level, tokens(50)).slots.is_empty(), "it asks for the time first");
    book.saw_time(NOW, (NOW - 3_600_000) * 1_000_000);
    let _ = asks(&host, &mut book, &level, tokens(50));
}

#[test]
fn a_refusal_holds_for_a_moment_and_not_for_less() {
    let (host, level) = (host(), level(Metric::OutputTokens, 1_000));
    let mut book = worker(&host, 1);
    let ask = asks(&host, &mut book, &level, tokens(50));
    answers(&host, &mut book, &ask, "no", "0 0 0 960 30000 1");
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

/// Of what requests in flight have reserved it is not known yet.
#[test]
fn the_store_is_told_what_counts_as_spent_if_this_envoy_ends() {
    for (metric, tag, while_busy, then) in [
        (Metric::OutputTokens, 0, "1", "1"),
        (Metric::Requests, 0, "-1", "2"),
        (Metric::OutputTokens, 3, "0", "0"),
        (Metric::Requests, 3, "0", "0"),
    ] {
        let (host, level) = (host(), level(metric, 1_000));
        let mut book = worker(&host, 1);
        let take = |book: &mut Book, tokens| {
            let stake = Stake { level: &level, counter: "kw.team.a", tag, allowed: None, demand: self::tokens(tokens) };
            take(&host, book, &Timezone::default(), &[stake], &|_: &Grant| true).map_err(|short| match short {
                Short::Ask(ask) => ask,
                other => panic!("{other:?}"),
            })
        };
        let first = take(&mut book, 4).unwrap_err();
        asked::asking(&host, &first);
        answers(&host, &mut book, &first, "ok", "4 7 4 4 0 1");
        take(&mut book, 4).unwrap().settle(&host, &mut book, Outcome::Used(tokens(1)));
        let holding = take(&mut book, 2).unwrap();
        if metric != Metric::Requests {
            let command = take(&mut book, 3).unwrap_err().command(Calling::Function, "e");
            assert_eq!(command[command.len() - 3], while_busy, "{metric:?}");
        }
        // A new lease is told of at once, and two seconds later, when nobody takes of it any more.
        for told in [while_busy, then] {
            let letter = report(&host, &mut book).unwrap();
            let at = letter.iter().position(|word| word == "1000").unwrap();
            assert_eq!(&letter[at + 1..at + 4], ["7", "0", told], "{metric:?}: {letter:?}");
            assert!(book.reported(&host, &format!("ok {NOW} 7 4 9 0 0 1")).is_some());
            host.advance_ms(2_000);
        }
        holding.settle(&host, &mut book, Outcome::Used(tokens(2)));
        assert_eq!(leases::read(&host, "kw.team.a", NOW).leases.iter().map(|lease| lease.flying).sum::<u64>(), 0);
    }
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
