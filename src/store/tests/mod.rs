//! One worker, and two of them, with answers that are written by hand: what the tests with Redis (`tests/store/`) are too
//! blunt for.

mod asking;
mod returning;
mod telling;

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
fn answers(host: &MemoryHost, book: &mut Book, ask: &Ask, word: &str, numbers: &str) {
    let (_, answers) = ask.read(&format!("{word} {NOW} {numbers}")).unwrap();
    asked::granted(host, book, ask, &answers, crate::host::Host::now(host));
}

fn takes(host: &MemoryHost, book: &mut Book, level: &Level, demand: Demand) -> Holding {
    try_take(host, book, level, demand).unwrap()
}

fn report(host: &MemoryHost, book: &mut Book) -> Option<Vec<String>> {
    book.report(host, &Timezone::default(), Calling::Function, false)
}

/// Of a letter on one limit without a day: its number, and `gen returned thresholds rows` with the rows. Beside that it says
/// what counts as spent without being told.
fn says(letter: &[String]) -> (&str, String) {
    assert_eq!(letter[11], "1", "{letter:?}");
    let (_rows, slots) = letter.split_last().unwrap();
    (&letter[7], [&slots[18..20], &slots[21..]].concat().join(" "))
}

/// A worker that has shown itself.
fn worker(host: &MemoryHost, number: u64) -> Book {
    let mut book = Book::new(1, number);
    assert_eq!(report(host, &mut book).unwrap()[11], "0");
    assert_eq!(book.reported(host, &format!("ok {NOW} 1")), Some((1, vec![])));
    book
}

/// What the store answers to a letter on limits of 1,000, by the lease that each line names.
fn letter_answer<'t>(letter: &[String], of: impl Fn(&str) -> &'t str) -> String {
    let lines = letter[11..].windows(2).filter(|words| words[0] == "1000");
    let said: String = lines.map(|words| format!("{} ", of(&words[1]))).collect();
    format!("ok {NOW} {said}1")
}
