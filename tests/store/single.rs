//! One Envoy of one worker before the real library, step by step.

use keyward::host::MemoryHost;
use keyward::limits::{Demand, Outcome, Stake};
use keyward::policy::{
    Grant, Level, LevelKind, Limit, Metric, OnOutage, Period, Reserve, SlotId, Store as Config, StoreDialect, Timezone,
};
use keyward::pricing::NanoUsd;
use keyward::store::{Client, Holding, Short, take};

use serde_json::json;

use crate::harness::{Form, START, Store};

const MINUTE: u64 = 60_000;

struct Envoy {
    host: MemoryHost,
    client: Client,
    config: Config,
    level: Level,
}

impl Envoy {
    fn new(kind: LevelKind, metric: Metric, amount: u64) -> Self {
        let limit =
            Limit { metric, amount, period: Period::Sliding { ms: MINUTE }, model: None, tier: None, slot: SlotId(1) };
        Self {
            host: MemoryHost::at(START * 1_000_000),
            client: Client::new(1, 10),
            config: Config {
                cluster: "redis-http".into(),
                dialect: StoreDialect::Upstash,
                timeout_ms: 50,
                on_outage: OnOutage::Deny,
                authority: None,
                keys_ttl_ms: None,
            },
            level: Level {
                kind,
                name: String::new(),
                rules: vec![],
                limits: vec![limit],
                max_request_bytes: None,
                max_output_tokens: None,
                reserve: Reserve::Full,
                alerts: vec![],
            },
        }
    }

    /// A request: whether it is admitted. End users are all in one value.
    fn request(&self, store: &mut Store, user: u64, comes_to: Demand) -> bool {
        self.take(store, user).map(|holding| self.settle(holding, comes_to)).is_some()
    }

    fn settle(&self, holding: Holding, comes_to: Demand) {
        holding.settle(&self.host, &mut self.client.book.borrow_mut(), Outcome::Used(comes_to));
    }

    fn take(&self, store: &mut Store, user: u64) -> Option<Holding> {
        let counter = if user == 0 { "kw.global" } else { "kw.end_user.7" };
        let demand = Demand { cost: NanoUsd(1), ..Demand::default() };
        let stake = Stake { level: &self.level, counter, tag: user, allowed: None, demand };
        for _ in 0..3 {
            let mut book = self.client.book.borrow_mut();
            match take(&self.host, &mut book, &Timezone::default(), &[stake], &|_: &Grant| true) {
                Ok(holding) => return Some(holding),
                Err(Short::Refused(_)) => return None,
                Err(Short::Ask(ask)) => {
                    drop(book);
                    let body = self.client.ask(&self.host, &self.config, &ask).body;
                    let (status, answer) = execute(store, &body);
                    self.client.asked(&self.host, &self.config, &ask, status, &answer).ok()?;
                }
            }
        }
        None
    }

    /// Time passes, in which it has a look; both clocks go on.
    fn wait(&self, store: &mut Store, from: u64, ms: u64) -> u64 {
        for now in (from..from + ms).step_by(250) {
            store.at(now + 250);
            self.host.set_now((START + now + 250) * 1_000_000);
            self.tick(store);
        }
        from + ms
    }

    fn tick(&self, store: &mut Store) {
        for (errand, question) in self.client.errands(&self.host, &self.config, &Timezone::default()) {
            let (status, answer) = execute(store, &question.body);
            let _ = self.client.back(&self.host, &self.config, &errand, status, &answer);
        }
    }
}

fn execute(store: &mut Store, body: &[u8]) -> (u16, Vec<u8>) {
    let words: Vec<String> = serde_json::from_slice(body).unwrap();
    let (name, words) = words.split_first().unwrap();
    let told: redis::RedisResult<String> = redis::cmd(name).arg(words).query(&mut store.connection);
    let (status, answer) = match told {
        Ok(told) => (200, json!({ "result": told })),
        Err(error) => (400, json!({ "error": error.to_string() })),
    };
    (status, serde_json::to_vec(&answer).unwrap())
}

/// Five end users where four have room, one after the other, with and without letters in between.
#[test]
fn who_was_forgotten_has_not_his_whole_limit_again() {
    const MOST: u64 = 10;
    for tells in [false, true] {
        let mut store = Store::new(Form::Library);
        let envoy = Envoy::new(LevelKind::EndUser, Metric::Requests, MOST);
        let (mut admitted, mut now) = ([0; 5], 0);
        for _ in 0..40 {
            for (user, admitted) in (1..).zip(&mut admitted) {
                *admitted += u64::from(envoy.request(&mut store, user, Demand::default()));
            }
            now = if tells { envoy.wait(&mut store, now, 250) } else { now };
        }
        assert_eq!(admitted, [MOST; 5], "with letters: {tells}");
    }
}

/// The most tokens that are believed, at 100 dollars for a million: more than Redis counts to.
#[test]
fn an_answer_of_absurd_cost_holds_up_nothing() {
    let mut store = Store::new(Form::Library);
    let envoy = Envoy::new(LevelKind::Global, Metric::Usd, 1_000_000_000);
    let absurd = Demand { cost: NanoUsd(100_000_000_000_000_000), ..Demand::default() };
    assert!(envoy.request(&mut store, 0, absurd));
    assert!(!envoy.request(&mut store, 0, Demand::default()), "all of it is spent");
    let now = envoy.wait(&mut store, 0, 5_000);
    assert!(!envoy.client.is_away(&envoy.host), "the store takes what it is told");
    assert!(!envoy.request(&mut store, 0, Demand::default()), "and keeps it");
    envoy.wait(&mut store, now, 2 * MINUTE);
    assert!(envoy.request(&mut store, 0, Demand::default()), "until the window has passed");
}

/// Many of them, each of the most that the store counts to: as many as it takes for what was spent to fit no number of 64 bits.
#[test]
fn nor_do_many_of_them() {
    let mut store = Store::new(Form::Library);
    let envoy = Envoy::new(LevelKind::Global, Metric::Usd, 1_000);
    let absurd = Demand { cost: NanoUsd(u64::MAX), ..Demand::default() };
    let mut held = Vec::new();
    for _ in 0..100 {
        held.extend(envoy.take(&mut store, 0));
    }
    assert_eq!(held.len(), 100);
    held.into_iter().for_each(|holding| envoy.settle(holding, absurd));
    let now = envoy.wait(&mut store, 0, 5_000);
    assert!(!envoy.client.is_away(&envoy.host) && !envoy.request(&mut store, 0, Demand::default()));
    let now = envoy.wait(&mut store, now, 2 * MINUTE);
    // What was overspent is caught up with by and by, or forgotten with the lease.
    let after = (0..200).find(|_| envoy.request(&mut store, 0, Demand::default()));
    assert!(after.is_some() && !envoy.client.is_away(&envoy.host), "{now}");
}
