//! Envoys that take, spend, report, lose replies, send twice, fall silent and crash, in any order: what must hold all the same.
//!
//! The Envoys here keep the caller's part of the rules, and no more than that.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{Form, Reply, START, Store, TTL, ask, tell};

/// Longer than leases live: who dies within it may have spent what nobody was told of.
const WINDOW: u64 = 50_000;
const PERIOD: u64 = 70_000;
/// The limits: in a sliding window, in a calendar window, in flight.
const AMOUNTS: [u64; 3] = [30, 100, 9];
/// No request arrives, and no reply is believed, so long after it was sent.
const TOO_LATE: u64 = 10_000;

#[derive(Debug, Clone, Copy)]
enum Fate {
    Heard,
    RequestLost,
    ReplyLost,
    ReplyLate,
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Send {
        envoy: usize,
        need: u64,
        want: u64,
        fate: Fate,
    },
    Report {
        envoy: usize,
        fate: Fate,
        back: u64,
        twice: bool,
    },
    /// Something sent before arrives (again).
    Stray(usize),
    /// A late reply arrives.
    Reply(usize),
    Finish {
        envoy: usize,
        unused: u64,
    },
    Crash(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = || prop_oneof![5 => Just(Fate::Heard), 1 => Just(Fate::RequestLost), 1 => Just(Fate::ReplyLost), 1 => Just(Fate::ReplyLate)];
    let step = prop_oneof![
        4 => prop_oneof![6 => 0_u64..3_000, 4 => 0_u64..40_000, 1 => 0_u64..80_000].prop_map(Step::Wait),
        8 => (0_usize..4, 1_u64..6, 0_u64..30, fate()).prop_map(|(envoy, need, want, fate)| Step::Send { envoy, need, want, fate }),
        5 => (0_usize..4, fate(), 0_u64..8, any::<bool>()).prop_map(|(envoy, fate, back, twice)| Step::Report { envoy, fate, back, twice }),
        1 => any::<usize>().prop_map(Step::Stray),
        2 => any::<usize>().prop_map(Step::Reply),
        4 => (0_usize..4, 0_u64..4).prop_map(|(envoy, unused)| Step::Finish { envoy, unused }),
        1 => (0_usize..4).prop_map(Step::Crash),
    ];
    prop::collection::vec(step, 1..90)
}

/// What an Envoy has of one limit.
#[derive(Debug, Clone, Default)]
struct Lease {
    gen_: u64,
    left: u64,
    until: u64,
    /// What is to be told, by the lease it was spent from.
    untold: BTreeMap<u64, Untold>,
}

#[derive(Debug, Clone, Default)]
struct Untold {
    returned: u64,
    rows: Vec<(u64, i64)>,
}

impl Lease {
    fn tell(&mut self) -> &mut Untold {
        self.untold.entry(self.gen_).or_default()
    }
}

/// One admitted request: what it holds of each limit, under which leases.
#[derive(Debug, Clone)]
struct Admitted {
    envoy: String,
    at: u64,
    gens: [u64; 3],
    used: [u64; 2],
    running: bool,
    told: bool,
    /// Its lease ended before Redis was told of it.
    slipped: [bool; 3],
}

#[derive(Debug, Clone)]
struct Report {
    seq: u64,
    /// Limit, lease, and what is told of it; the current leases always, as they are to be renewed.
    slots: Vec<(usize, u64, Untold)>,
    requests: usize,
    admitted: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
struct Envoy {
    name: String,
    leases: [Lease; 3],
    seq: u64,
    pending: Option<Report>,
    /// Admitted since the last report was made.
    untold: Vec<usize>,
}

struct World<'a> {
    store: &'a mut Store,
    now: u64,
    envoys: Vec<Envoy>,
    born: usize,
    admitted: Vec<Admitted>,
    /// When each lease ends in Redis.
    ends: HashMap<(String, usize, u64), u64>,
    strays: Vec<(String, Report)>,
    replies: Vec<(usize, String, u64, Reply)>,
    applied: HashMap<(String, u64), usize>,
}

fn limits(now: u64) -> [String; 3] {
    // An Envoy's calendar is Redis' own here; windows are as long as `PERIOD`, from START.
    let end = window(now);
    [format!("1 s s {WINDOW} 0"), format!("2 c c {} {}", START + end, START + end + PERIOD), "2 f f 0 0".to_owned()]
}

fn window(at: u64) -> u64 {
    (at / PERIOD + 1) * PERIOD
}

impl World<'_> {
    fn request(&mut self, which: usize, need: u64, want: u64, fate: Fate) {
        let needs = [need, need, 1];
        let (now, envoy) = (self.now, &mut self.envoys[which]);
        for lease in &mut envoy.leases {
            if lease.until <= now {
                lease.left = 0;
            }
        }
        if envoy.leases.iter().zip(needs).all(|(lease, need)| lease.left >= need) {
            return self.admit(which, needs);
        }
        if matches!(fate, Fate::RequestLost) {
            return;
        }
        let slots: Vec<String> = (0..3)
            .map(|i| {
                let lease = &envoy.leases[i];
                ask(&limits(now)[i], AMOUNTS[i], needs[i], lease.left, want, lease.gen_)
            })
            .collect();
        let name = envoy.name.clone();
        let reply = self.store.take(&name, &slots);
        if reply.word == "ok" {
            for (i, slot) in reply.slots.iter().enumerate() {
                assert!(slot[3] <= AMOUNTS[i], "limit {i} is exceeded: {reply:?}");
                self.ends.insert((name.clone(), i, slot[1]), now + TTL);
            }
        }
        match fate {
            Fate::Heard => {
                self.hear(which, now, &reply);
                let has = |(lease, need): (&Lease, u64)| lease.left >= need;
                let enough = self.envoys[which].leases.iter().zip(needs).all(has);
                assert_eq!(enough, reply.word == "ok", "who is granted something can spend it");
                if enough {
                    self.admit(which, needs);
                }
            }
            Fate::ReplyLate => self.replies.push((which, name, now, reply)),
            _ => {}
        }
    }

    fn hear(&mut self, which: usize, sent: u64, reply: &Reply) {
        for (lease, slot) in self.envoys[which].leases.iter_mut().zip(&reply.slots) {
            let (grant, gen_) = (slot[0], slot[1]);
            if gen_ == 0 || gen_ < lease.gen_ {
                continue;
            }
            if gen_ > lease.gen_ {
                // What was left of the old one is void.
                *lease = Lease { gen_, untold: std::mem::take(&mut lease.untold), ..Lease::default() };
            }
            lease.left += grant;
            if reply.word == "ok" {
                lease.until = lease.until.max(sent + TTL);
            }
        }
    }

    fn admit(&mut self, which: usize, needs: [u64; 3]) {
        let now = self.now;
        let envoy = &mut self.envoys[which];
        let gens = [0, 1, 2].map(|i: usize| envoy.leases[i].gen_);
        for (i, lease) in envoy.leases.iter_mut().enumerate() {
            lease.left -= needs[i];
            let bucket = [START + now, START + window(now)].get(i).copied();
            lease.tell().rows.extend(bucket.map(|bucket| (bucket, needs[i].cast_signed())));
        }
        envoy.untold.push(self.admitted.len());
        let name = envoy.name.clone();
        let used = [needs[0], needs[1]];
        self.admitted.push(Admitted {
            envoy: name,
            at: now,
            gens,
            used,
            running: true,
            told: false,
            slipped: [false; 3],
        });
        self.check();
    }

    /// What must hold whenever something was admitted.
    fn check(&mut self) {
        let now = self.now;
        for one in &mut self.admitted {
            for (i, slipped) in one.slipped.iter_mut().enumerate() {
                let held = if i == 2 { one.running } else { !one.told };
                *slipped |= held && self.ends.get(&(one.envoy.clone(), i, one.gens[i])).is_none_or(|end| *end <= now);
            }
        }
        let sum = |limit: usize, counts: &dyn Fn(&Admitted) -> bool| -> u64 {
            self.admitted.iter().filter(|one| counts(one)).map(|one| one.used[limit]).sum()
        };
        // Strict, whoever died meanwhile.
        let sliding = sum(0, &|one| one.at + WINDOW > now);
        assert!(sliding <= AMOUNTS[0], "{sliding} within a window");
        let calendar = sum(1, &|one| window(one.at) == window(now));
        assert!(calendar <= AMOUNTS[1], "{calendar} within a calendar window");
        let flying = self.admitted.iter().filter(|one| one.running && !one.slipped[2]).count();
        assert!(flying <= AMOUNTS[2] as usize, "{flying} in flight");
    }

    fn report(&mut self, which: usize, fate: Fate, back: u64, twice: bool) {
        let envoy = &mut self.envoys[which];
        if envoy.pending.is_none() {
            envoy.seq += 1;
            for lease in &mut envoy.leases {
                let back = back.min(lease.left);
                lease.left -= back;
                lease.tell().returned += back;
            }
            let untold = std::mem::take(&mut envoy.untold);
            let told = envoy.leases.iter_mut().enumerate().flat_map(|(i, lease)| {
                lease.tell();
                std::mem::take(&mut lease.untold).into_iter().map(move |(gen_, untold)| (i, gen_, untold))
            });
            let slots = told.collect();
            envoy.pending = Some(Report { seq: envoy.seq, slots, requests: untold.len(), admitted: untold });
        }
        let (name, report) = (envoy.name.clone(), envoy.pending.clone().unwrap());
        self.strays.push((name.clone(), report.clone()));
        if matches!(fate, Fate::RequestLost) {
            return;
        }
        let reply = self.deliver(&name, &report);
        if twice {
            assert_eq!(self.deliver(&name, &report).word, "again");
        }
        if !matches!(fate, Fate::Heard) {
            return;
        }
        let (now, envoy) = (self.now, &mut self.envoys[which]);
        envoy.pending = None;
        for ((i, gen_, _), slot) in report.slots.iter().zip(&reply.slots) {
            let lease = &mut envoy.leases[*i];
            if lease.gen_ == *gen_ {
                lease.until = if slot[0] == 0 { 0 } else { now + TTL };
            }
        }
    }

    /// Brings a report to Redis, and notes what it does there.
    fn deliver(&mut self, name: &str, report: &Report) -> Reply {
        let of = |(i, gen_, untold): &(usize, u64, Untold)| {
            tell(&limits(self.now)[*i], AMOUNTS[*i], *gen_, untold.returned, "-", &untold.rows)
        };
        let slots: Vec<String> = report.slots.iter().map(of).collect();
        self.check();
        let row = format!("1 row {} 0 0 0 0 0 0", report.requests);
        let reply = self.store.report(name, report.seq, &slots, &[&row]);
        let first = self.applied.insert((name.to_owned(), report.seq), report.requests).is_none();
        assert_eq!(reply.word, if first { "ok" } else { "again" });
        report.admitted.iter().for_each(|one| self.admitted[*one].told = true);
        for ((i, ..), slot) in report.slots.iter().zip(&reply.slots) {
            if slot[0] > 0 {
                self.ends.insert((name.to_owned(), *i, slot[0]), self.now + TTL);
            }
        }
        reply
    }

    /// A running request ends; what it did not use after all goes back to the store.
    fn finish(&mut self, which: usize, unused: u64) {
        let envoy = &mut self.envoys[which];
        let Some(one) = self.admitted.iter_mut().find(|one| one.running && one.envoy == envoy.name) else { return };
        one.running = false;
        if envoy.leases[2].gen_ == one.gens[2] {
            envoy.leases[2].tell().returned += 1;
        }
        for (i, lease) in envoy.leases.iter_mut().enumerate().take(2) {
            let unused = unused.min(one.used[i]);
            one.used[i] -= unused;
            let bucket = [START + one.at, START + window(one.at)][i];
            let untold = lease.tell();
            untold.rows.push((bucket, -unused.cast_signed()));
            // The lease is as consumed as before: what was not used is free in the store.
            untold.returned += unused;
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait(ms) => {
                self.now += ms;
                self.store.at(self.now);
            }
            Step::Send { envoy, need, want, fate } => self.request(envoy % self.envoys.len(), need, want, fate),
            Step::Report { envoy, fate, back, twice } => self.report(envoy % self.envoys.len(), fate, back, twice),
            Step::Stray(which) if !self.strays.is_empty() => {
                let (name, report) = self.strays[which % self.strays.len()].clone();
                if self.applied.contains_key(&(name.clone(), report.seq)) {
                    self.deliver(&name, &report);
                }
            }
            Step::Reply(which) if !self.replies.is_empty() => {
                let (envoy, name, sent, reply) = self.replies.swap_remove(which % self.replies.len());
                if self.now < sent + TOO_LATE && self.envoys[envoy].name == name {
                    self.hear(envoy, sent, &reply);
                }
            }
            Step::Finish { envoy, unused } => self.finish(envoy % self.envoys.len(), unused),
            Step::Crash(envoy) => {
                let envoy = envoy % self.envoys.len();
                let gone = self.envoys[envoy].name.clone();
                self.admitted.iter_mut().filter(|one| one.envoy == gone).for_each(|one| one.running = false);
                self.born += 1;
                self.envoys[envoy] = Envoy { name: format!("e{}", self.born), ..Envoy::default() };
            }
            Step::Stray(_) | Step::Reply(_) => {}
        }
    }

    /// What must hold in the end.
    fn end(&mut self) {
        for key in self.store.keys() {
            assert!(self.store.ttl(&key) > 0, "{key} has no end");
        }
        let told: usize = self.applied.values().sum();
        let ledger = self.store.field("kw:{kw}:day:2026-01-01", "row|requests");
        assert_eq!(ledger.map_or(0, |sum| sum.parse().unwrap()), told, "the ledger is the sum of all reports");
        let used = |world: &mut Self, i: usize| {
            let reply = world.store.take("onlooker", &[ask(&limits(world.now)[i], AMOUNTS[i], 0, 0, 0, 0)]);
            (reply.used(), reply.slots[0][5])
        };
        if self.store.keys().iter().any(|key| key == "kw:{kw}:level:a") {
            used(self, 0);
            if self.store.field("kw:{kw}:level:a", "s").is_some() {
                let state = |store: &mut Store, what: &str| store.state("kw:{kw}:level:a", "s", what);
                assert!(state(self.store, "size(state.buckets)") <= 66);
                assert!(state(self.store, "size(state.leases)") <= self.born as i64);
            }
        }
        // Silence: all leases end, and a window later nothing is left.
        self.now += TTL;
        self.store.at(self.now);
        assert_eq!(used(self, 2), (0, 0), "in flight");
        assert_eq!(used(self, 1).1, 0, "nothing is lent any more");
        self.now += WINDOW + WINDOW / 32;
        self.store.at(self.now);
        assert_eq!(used(self, 0), (0, 0));
        assert_eq!(self.store.field("kw:{kw}:level:a", "s"), None, "and nothing is kept");
    }
}

fn run(form: Form, cases: u32) {
    let store = std::cell::RefCell::new(Store::new(form));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3_000, ..Config::default() };
    TestRunner::new(config)
        .run(&(2_usize..=4, steps()), |(envoys, steps)| {
            let mut store = store.borrow_mut();
            store.clear();
            let envoys: Vec<Envoy> =
                (1..=envoys).map(|n| Envoy { name: format!("e{n}"), ..Envoy::default() }).collect();
            let born = envoys.len();
            let mut world = World {
                store: &mut store,
                now: 0,
                envoys,
                born,
                admitted: vec![],
                ends: HashMap::new(),
                strays: vec![],
                replies: vec![],
                applied: HashMap::new(),
            };
            for step in &steps {
                world.step(step);
            }
            world.end();
            Ok(())
        })
        .unwrap();
}

#[test]
fn limits_hold_and_nothing_is_lost_whatever_happens() {
    run(Form::Library, 400);
}

#[test]
fn and_so_they_do_as_a_script() {
    run(Form::Script, 60);
}
