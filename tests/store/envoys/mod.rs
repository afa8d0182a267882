//! Envoys as they run, each with shared data and two workers that are the filter's own client, before the real library. What
//! is between them and Redis loses, delays and doubles.

use keyward::host::{Host as _, MemoryHost};
use keyward::limits::{Demand, Outcome, Stake};
use keyward::metering::Usage;
use keyward::policy::{
    Grant, Key, Level, LevelKind, Limit, Metric, OnOutage, Period, SlotId, Store as Config, StoreDialect, Timezone,
};
use keyward::pricing::NanoUsd;
use keyward::store::{Client, Errand, Holding, LedgerRow, Row, Short, take};

use crate::harness::{START, Store};
use calls::{Call, Caller, TIMEOUT};

pub use calls::Fate;

mod calls;

/// Workers of each Envoy.
const WORKERS: usize = 2;
/// How often they have a look, in ms.
const TICK: u64 = 250;
/// A letter that waits for so long (ms) may mean that leases end: what was not told by then may be spent twice.
const SILENT: u64 = 7_000;

/// One request, as its caller saw it.
pub struct Request {
    /// The Envoy that has admitted it.
    pub envoy: u64,
    worker: usize,
    /// When it was admitted, by the store's clock.
    pub at: u64,
    pub estimate: Demand,
    /// What it came to; `None` while it runs.
    pub actual: Option<Demand>,
    /// It never was.
    pub refunded: bool,
    /// How many of the levels held for it.
    pub levels: usize,
    holding: Option<Holding>,
    ended: Option<u64>,
    /// The lease it was taken from may have ended before the store was told.
    pub slipped: bool,
    /// When that became possible the store took its Envoy for quiet.
    pub surprise: bool,
    /// Its Envoy crashed before the store was surely told.
    pub lost: bool,
}

impl Request {
    pub fn runs(&self) -> bool {
        self.holding.is_some()
    }
}

/// A request that wants to be admitted.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub estimate: Demand,
    pub levels: usize,
}

struct Worker {
    client: Client,
    /// When the letter was made that is not answered.
    letter: Option<u64>,
    /// What was spent until then is told.
    told: u64,
}

pub struct Envoy {
    id: u64,
    host: MemoryHost,
    workers: Vec<Worker>,
    pub cut: bool,
    wrong: i64,
    takes: u64,
}

pub struct Fleet<'s> {
    pub store: &'s mut Store,
    pub now: u64,
    pub envoys: Vec<Envoy>,
    pub requests: Vec<Request>,
    pub levels: Vec<Level>,
    pub down: bool,
    /// No call was lost so far, and no Envoy.
    pub smooth: bool,
    /// No call arrived that its caller had given up, and no Envoy was lost: what was lent and not spent is found again.
    pub found: bool,
    key: Key,
    config: Config,
    calls: Vec<Call>,
    strays: Vec<Vec<u8>>,
    born: u64,
}

/// How much the clocks of Envoys are wrong, in ms.
const WRONG: [i64; 4] = [0, 1_500, -90_000, 90_000];

/// What a clock that is wrong by so much shows, in nanoseconds.
fn clock(wrong: i64, now: u64) -> u64 {
    (START + now).saturating_add_signed(wrong) * 1_000_000
}

pub fn demand(tokens: u64) -> Demand {
    Demand { input_tokens: tokens / 3, output_tokens: tokens - tokens / 3, cost: NanoUsd(tokens * 10) }
}

pub fn level(kind: LevelKind, name: &str, limits: &[(Metric, u64, Period)]) -> Level {
    let limit = |(index, (metric, amount, period)): (usize, &(Metric, u64, Period))| {
        let slot = SlotId(index as u64 + 1);
        Limit { metric: *metric, amount: *amount, period: *period, model: None, tier: None, slot }
    };
    Level {
        kind,
        name: name.into(),
        rules: vec![],
        limits: limits.iter().enumerate().map(limit).collect(),
        max_request_bytes: None,
        max_output_tokens: None,
        reserve: Default::default(),
        alerts: vec![],
    }
}

/// The levels, with limits that are so many times as large.
pub fn levels(times: u64) -> Vec<Level> {
    let minute = Period::Sliding { ms: 64_000 };
    let own = [(Metric::Requests, 12, minute), (Metric::Tokens, 900, minute), (Metric::Concurrency, 3, Period::Now)];
    let global = [(Metric::Requests, 30, Period::Day), (Metric::Usd, 20_000, Period::Day)];
    let times = |limits: &[(Metric, u64, Period)]| -> Vec<_> {
        limits.iter().map(|(metric, amount, period)| (*metric, amount * times, *period)).collect()
    };
    vec![level(LevelKind::Team, "a", &times(&own)), level(LevelKind::Global, "", &times(&global))]
}

/// Whether an Envoy has told the store that nobody takes from its requests of the day.
fn is_quiet(store: &mut Store, envoy: u64) -> bool {
    let script = "local state = redis.call('HGET', KEYS[1], '1')
        local lease = state and cmsgpack.unpack(state).leases[ARGV[1]]
        return lease and lease.spent >= 0 and 1 or 0";
    let mut eval = redis::cmd("EVAL");
    eval.arg(script).arg(1).arg("kw:{kw}:level:global").arg(format!("{envoy:016x}"));
    eval.query::<u64>(&mut store.connection).unwrap() == 1
}

impl<'s> Fleet<'s> {
    pub fn new(store: &'s mut Store, envoys: usize, levels: Vec<Level>, now: u64) -> Self {
        let config = Config {
            cluster: "redis-http".into(),
            dialect: StoreDialect::Upstash,
            timeout_ms: TIMEOUT,
            on_outage: OnOutage::Deny,
            authority: None,
            keys_ttl_ms: None,
        };
        let mut fleet = Self {
            store,
            now,
            envoys: vec![],
            requests: vec![],
            levels,
            down: false,
            smooth: true,
            found: true,
            key: Key {
                id: "k".into(),
                org: None,
                team: Some("a".into()),
                project: None,
                user: None,
                environment: None,
                levels: vec![],
                own: level(LevelKind::Key, "k", &[]),
                not_before: None,
                expires: None,
                disabled: false,
            },
            config,
            calls: vec![],
            strays: vec![],
            born: 0,
        };
        fleet.store.at(now);
        (0..envoys).for_each(|_| fleet.launch());
        fleet
    }

    /// A new Envoy.
    pub fn launch(&mut self) {
        self.born += 1;
        let id = self.born;
        let worker = |worker: usize| Worker { client: Client::new(id, id * 10 + worker as u64), letter: None, told: 0 };
        let wrong = WRONG[usize::try_from(id % 4).unwrap()];
        self.envoys.push(Envoy {
            id,
            wrong,
            host: MemoryHost::at(clock(wrong, self.now)),
            workers: (0..WORKERS).map(worker).collect(),
            cut: false,
            takes: 0,
        });
    }

    /// Its clock is set, to be wrong by so much.
    pub fn set_clock(&mut self, which: usize, wrong: i64) {
        // Until it hears from the store again a window may seem to be over in which a request is still refunded.
        (self.smooth, self.found) = (false, false);
        let envoy = &mut self.envoys[which];
        envoy.wrong = wrong;
        envoy.host.set_now(clock(wrong, self.now));
    }

    /// One ends, and another one starts in its place.
    pub fn crash(&mut self, which: usize) {
        (self.smooth, self.found) = (false, false);
        let gone = self.envoys.remove(which);
        let quiet = is_quiet(self.store, gone.id);
        self.calls.retain(|call| call.envoy != gone.id);
        for request in self.requests.iter_mut().filter(|request| request.envoy == gone.id) {
            let told = gone.workers[request.worker].told;
            request.lost |= request.ended.is_none_or(|ended| ended > told);
            request.slipped |= request.ended.is_none_or(|ended| ended > told);
            request.surprise |= request.slipped && quiet;
            request.holding = None;
        }
        self.launch();
    }

    /// Lets time pass, in which workers look after the store. The first call that they make then has a fate.
    pub fn wait(&mut self, ms: u64, mut fate: Fate) {
        let end = self.now + ms;
        while self.now < end {
            self.now = (self.now + TICK).min(end);
            self.store.at(self.now);
            for envoy in &self.envoys {
                envoy.host.set_now(clock(envoy.wrong, self.now));
            }
            while let Some(late) = self.calls.iter().position(|call| call.until <= self.now) {
                let call = self.calls.swap_remove(late);
                if call.answer.is_none() {
                    self.strays.push(call.body.clone());
                }
                self.hear(call, 0, &[]);
            }
            for which in 0..self.envoys.len() {
                for worker in 0..WORKERS {
                    self.tick(which, worker, &mut fate);
                }
            }
            self.slip();
        }
    }

    fn tick(&mut self, which: usize, worker: usize, fate: &mut Fate) {
        let envoy = &mut self.envoys[which];
        let (id, its) = (envoy.id, &mut envoy.workers[worker]);
        let errands = its.client.errands(&envoy.host, &self.config, &Timezone::default());
        for (errand, question) in errands {
            if matches!(errand, Errand::Report) {
                self.envoys[which].workers[worker].letter.get_or_insert(self.now);
            }
            self.call(id, worker, Caller::Errand(errand), question, *fate);
            *fate = Fate::Heard;
        }
    }

    /// Whoever was not heard of for long may have lost leases.
    fn slip(&mut self) {
        let now = self.now;
        for envoy in &self.envoys {
            let silent = envoy.workers.iter().any(|worker| worker.letter.is_some_and(|made| made + SILENT < now));
            if silent {
                let quiet = is_quiet(self.store, envoy.id);
                for request in self.requests.iter_mut().filter(|request| request.envoy == envoy.id) {
                    let told = envoy.workers[request.worker].told;
                    request.slipped |= request.ended.is_none_or(|ended| ended > told);
                    request.surprise |= request.slipped && quiet;
                }
            }
        }
    }

    /// A request comes to a worker.
    pub fn request(&mut self, which: usize, worker: usize, wish: Wish, fate: Fate) {
        self.take(which, worker, wish, 0, fate, None);
    }

    fn request_again(&mut self, which: usize, worker: usize, wish: Wish, asked: u32, quiet: Option<bool>) {
        self.take(which, worker, wish, asked, Fate::Heard, quiet);
    }

    fn take(&mut self, which: usize, worker: usize, wish: Wish, asked: u32, fate: Fate, quiet: Option<bool>) {
        let envoy = &mut self.envoys[which];
        let its = &envoy.workers[worker % WORKERS];
        let counters: Vec<String> = self.levels.iter().map(keyward::limits::counter_key).collect();
        let stakes: Vec<Stake<'_>> = self.levels[..wish.levels]
            .iter()
            .zip(&counters)
            .map(|(level, counter)| Stake { level, counter, tag: 0, allowed: None, demand: wish.estimate })
            .collect();
        let mut book = its.client.book.borrow_mut();
        let taken = take(&envoy.host, &mut book, &Timezone::default(), &stakes, &|_: &Grant| true);
        drop(book);
        match taken {
            Ok(mut holding) => {
                if let Some(ask) = holding.ahead.take() {
                    its.client.ask_ahead(ask);
                }
                envoy.takes += 1;
                self.requests.push(Request {
                    envoy: envoy.id,
                    worker: worker % WORKERS,
                    at: self.now,
                    estimate: wish.estimate,
                    actual: None,
                    refunded: false,
                    levels: wish.levels,
                    holding: Some(holding),
                    ended: None,
                    slipped: false,
                    surprise: false,
                    lost: false,
                });
            }
            Err(Short::Ask(ask)) => {
                assert!(quiet != Some(true), "asked again, though nobody took what was granted");
                if asked < 3 && !its.client.is_away(&envoy.host) {
                    let question = its.client.ask(&envoy.host, &self.config, &ask);
                    let takes = envoy.takes;
                    let caller = Caller::Request { wish, ask, asked: asked + 1, takes };
                    let id = envoy.id;
                    self.call(id, worker % WORKERS, caller, question, fate);
                }
            }
            Err(Short::Refused(_)) => {}
        }
    }

    /// The oldest request of a worker ends; how its tokens compare to what was expected, in percent. 0: it never was.
    pub fn finish(&mut self, which: usize, percent: u64) {
        let envoy = &self.envoys[which];
        let running = |request: &&mut Request| request.envoy == envoy.id && request.holding.is_some();
        let Some(request) = self.requests.iter_mut().find(running) else { return };
        let actual = if percent == 0 { Demand::default() } else { demand(request.estimate.tokens() * percent / 100) };
        (request.actual, request.refunded, request.ended) = (Some(actual), percent == 0, Some(self.now));
        let outcome = if percent == 0 { Outcome::Refund } else { Outcome::Used(actual) };
        // What it used beyond what it had reserved is taken from others.
        if percent > 100 {
            self.envoys[which].takes += 1;
        }
        let envoy = &self.envoys[which];
        let mut book = envoy.workers[request.worker].client.book.borrow_mut();
        request.holding.take().unwrap().settle(&envoy.host, &mut book, outcome);
        let usage = Usage { input: actual.input_tokens, output: actual.output_tokens, ..Usage::default() };
        let row = Row::of(&self.key, None, envoy.host.now(), &Timezone::default());
        book.note(row, &LedgerRow::new(usage, actual.cost), envoy.host.now());
    }

    pub fn running(&self, which: usize) -> bool {
        self.requests.iter().any(|request| request.envoy == self.envoys[which].id && request.holding.is_some())
    }

    /// What a level's limit holds, of this many in all.
    pub fn used(&mut self, level: usize, limit: usize) -> u64 {
        let (name, limit) = (["team.a", "global"][level], &self.levels[level].limits[limit]);
        let end = ((START + self.now) / 86_400_000 + 1) * 86_400_000;
        let span = match limit.period {
            Period::Now => "f 0 0".to_owned(),
            Period::Sliding { ms } => format!("s {ms} 0"),
            _ => format!("c {end} {}", end + 86_400_000),
        };
        let key = format!("kw:{{kw}}:level:{name}");
        let tokens = format!("onlooker 20000 1 1 {} {span} {} 0 0 0 0 0 0 0 0", limit.slot.0, limit.amount);
        let tokens: Vec<&str> = tokens.split(' ').collect();
        let reply = self.store.call("take", &[&key], &tokens).unwrap();
        reply.split(' ').nth(5).unwrap().parse().unwrap()
    }

    /// The sum of a metric in the ledger.
    pub fn ledger(&mut self, metric: &str) -> u64 {
        let keys: Vec<String> = redis::cmd("KEYS").arg("kw:{kw}:day:*").query(&mut self.store.connection).unwrap();
        let mut sum = 0;
        for key in keys {
            let rows: Vec<(String, u64)> = redis::cmd("HGETALL").arg(key).query(&mut self.store.connection).unwrap();
            sum += rows.iter().filter(|(row, _)| row.ends_with(metric)).map(|(_, amount)| amount).sum::<u64>();
        }
        sum
    }
}
