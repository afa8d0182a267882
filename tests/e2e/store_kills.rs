//! Webdis, Redis and an Envoy are killed at any moment of a load. Nothing that was lent is lost to the fleet, nothing counts
//! twice, and what Redis has in the end is what the audit records say.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyward::limits::window_end;
use keyward::policy::{Limit, Metric, Period, Timezone};
use serde_json::Value;

use crate::fleets::{LEASE, MODEL, NO_OUTAGE, comes_to, eventually, fleet, ledger_of, nano};
use crate::support::fleet::Fleet;
use crate::support::provider::{Answer, Latch};
use crate::support::store::{Part, Store};

/// Gateways, and the key that is used at each: so the ledger tells them apart.
const KEYS: [&str; 3] = ["k0", "k1", "k2"];
/// Callers of each gateway.
const CLIENTS: usize = 4;
/// How long a caller waits before its next call. The machine of the tests has other work as well.
const PAUSE: Duration = Duration::from_millis(5);
/// More than is ever spent.
const MUCH: u64 = 100_000_000;
/// What is killed at once, one time after the other.
const KILLS: [&[Part]; 7] = [
    &[Part::Redis],
    &[Part::Webdis],
    &[Part::Redis, Part::Webdis],
    &[Part::Webdis],
    &[Part::Redis],
    &[Part::Redis, Part::Webdis],
    &[Part::Redis],
];

/// Limits of the team that all keys belong to. Every admitted request takes from all of them.
fn limits(concurrency: u64) -> String {
    let spent = ["requests", "tokens", "usd"].map(|metric| format!("{{ {metric}: {}, per: month }}", MUCH / 100));
    format!("{}, {{ concurrency: {concurrency} }}", spent.join(", "))
}

fn team(on_outage: &str, limits: &str) -> Fleet {
    let keys = KEYS.map(|key| format!("{{ id: {key}, team: t, hash: <{key}> }}")).join(", ");
    fleet(on_outage, &format!("teams: {{ t: {{ models: [all], limits: [{limits}] }} }}\nkeys: [{keys}]"))
}

/// Numbers that look random, and are the same each time.
struct Chance(u64);

impl Chance {
    fn ms(&mut self, least: u64, most: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(least + self.0 % (most - least))
    }
}

/// Kills what is named, and starts it anew, at moments that chance tells.
fn kill_in_turn(store: &Store, kills: &[&[Part]], seed: u64) {
    let mut chance = Chance(seed);
    for parts in kills {
        thread::sleep(chance.ms(100, 900));
        parts.iter().for_each(|part| store.kill(*part));
        thread::sleep(chance.ms(1, 600));
        // Webdis says that it is there when Redis is.
        parts.iter().for_each(|part| store.restart(*part));
    }
}

/// Callers who call on and on.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    /// By gateway: whether its callers wait, what they call for at this moment, and how often they were answered.
    paused: [AtomicBool; 3],
    calling: [AtomicUsize; 3],
    answered: [AtomicUsize; 3],
    admitted: [AtomicUsize; 3],
}

/// Ends the load, also where a test has failed.
struct End<'l>(&'l Load);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

impl Load {
    /// Has callers call all gateways while `act` lasts.
    fn during<'e>(&'e self, fleet: &'e Fleet, act: impl FnOnce()) {
        thread::scope(|scope| {
            let end = End(self);
            for gateway in 0..KEYS.len() {
                for _ in 0..CLIENTS {
                    scope.spawn(move || self.call(fleet, gateway));
                }
            }
            act();
            drop(end);
        });
    }

    /// One caller; until the load or its gateway ends.
    fn call(&self, fleet: &Fleet, which: usize) {
        while !self.over.load(Ordering::SeqCst) {
            self.calling[which].fetch_add(1, Ordering::SeqCst);
            let waits = self.paused[which].load(Ordering::SeqCst);
            let reply = (!waits).then(|| fleet.gateway(which).call(KEYS[which]).chat(MODEL).try_send());
            let gone = matches!(reply, Some(None));
            if let Some(reply) = reply.flatten() {
                assert!(matches!(reply.status, 200 | 429 | 503), "{} {}", reply.status, reply.text());
                self.answered[which].fetch_add(1, Ordering::SeqCst);
                self.admitted[which].fetch_add(usize::from(reply.status == 200), Ordering::SeqCst);
            }
            self.calling[which].fetch_sub(1, Ordering::SeqCst);
            if gone {
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Lets the callers of a gateway wait, and waits until none of them has a call on its way.
    fn pause(&self, which: usize) {
        self.paused[which].store(true, Ordering::SeqCst);
        // Who did not see that yet is calling.
        eventually("a call has no end", LEASE, || self.calling[which].load(Ordering::SeqCst) == 0);
    }

    fn admitted(&self) -> u64 {
        self.admitted.iter().map(|admitted| admitted.load(Ordering::SeqCst) as u64).sum()
    }
}

/// What requests came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    requests: u64,
    input: u64,
    cached: u64,
    output: u64,
    cost: u64,
}

impl Sum {
    fn each(&self) -> [(&'static str, u64); 5] {
        let Self { requests, input, cached, output, cost } = *self;
        [("requests", requests), ("input", input), ("cached", cached), ("output", output), ("cost", cost)]
    }

    fn times(&self, times: u64) -> Self {
        let Self { requests, input, cached, output, cost } = *self;
        let [requests, input, cached, output, cost] = [requests, input, cached, output, cost].map(|one| one * times);
        Self { requests, input, cached, output, cost }
    }
}

/// The audit records of a gateway's key.
fn records(fleet: &Fleet, which: usize) -> Vec<Value> {
    let records = fleet.gateway(which).audit_records();
    records.into_iter().filter(|record| record["key_id"] == KEYS[which]).collect()
}

/// What the requests came to that were admitted, by the audit records; of a gateway that lives, once all are there.
fn recorded(fleet: &Fleet, which: usize, answered: Option<&AtomicUsize>) -> Sum {
    if let Some(answered) = answered {
        let all = answered.load(Ordering::SeqCst);
        eventually("an audit record is missing", LEASE, || records(fleet, which).len() >= all);
        assert_eq!(records(fleet, which).len(), all, "one for each answer");
    }
    let mut sum = Sum::default();
    for record in records(fleet, which).iter().filter(|record| record["status"] == 200) {
        let number = |field: &str| record[field].as_u64().expect("a number");
        sum.requests += 1;
        sum.input += number("input_tokens");
        sum.cached += number("cached_tokens");
        sum.output += number("output_tokens");
        sum.cost += nano(&record["cost_usd"]);
    }
    sum
}

fn ledger_is(fleet: &Fleet, which: usize, sum: &Sum) {
    for (metric, sum) in sum.each() {
        comes_to(&format!("{metric} of {} in the ledger", KEYS[which]), sum, || ledger_of(fleet, KEYS[which], metric));
    }
}

/// What Redis has of a limit of the team, spent or lent, as it tells somebody who wants nothing.
fn used(fleet: &Fleet, metric: Metric) -> u64 {
    let period = if metric == Metric::Concurrency { Period::Now } else { Period::Month };
    let slot = Limit::slot_for(metric, period, None).0.to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let end = window_end(now.try_into().expect("before 2554"), period, &Timezone::default());
    let span = match period {
        Period::Now => ["f".to_owned(), "0".to_owned(), "0".to_owned()],
        _ => {
            let next = window_end(end, period, &Timezone::default());
            ["c".to_owned(), (end / 1_000_000).to_string(), (next / 1_000_000).to_string()]
        }
    };
    let [kind, span, span2] = span.each_ref().map(String::as_str);
    let much = MUCH.to_string();
    let mut words = vec!["FCALL", "keyward_take", "1", "kw:{kw}:level:team.t", "onlooker", "20000", "1"];
    words.extend(["1", &slot, kind, span, span2, &much, "0", "0", "0", "0", "0", "0", "0", "0"]);
    let told = fleet.store().command(&words);
    let told = told.as_str().unwrap_or_else(|| panic!("{told}"));
    told.split(' ').nth(5).and_then(|used| used.parse().ok()).unwrap_or_else(|| panic!("{told}"))
}

fn used_is(fleet: &Fleet, metric: Metric, expected: u64) {
    comes_to(&format!("{metric:?} spent or lent"), expected, || used(fleet, metric));
}

/// Every gateway has been without the store.
fn all_were_without_the_store(fleet: &Fleet) {
    for gateway in fleet.gateways() {
        assert!(gateway.envoy().log().contains("the store is out of reach"), "{}", gateway.envoy().log());
    }
}

/// Kills Redis and Webdis again and again while callers call, and compares when all is told.
fn totals_are_right(on_outage: &str, seed: u64) {
    let fleet = team(on_outage, &limits(8));
    let load = Load::default();
    load.during(&fleet, || {
        let served = || load.admitted.iter().all(|admitted| admitted.load(Ordering::SeqCst) > 0);
        eventually("a gateway admits nothing", 2 * LEASE, served);
        kill_in_turn(fleet.store(), &KILLS, seed);
    });
    all_were_without_the_store(&fleet);
    let sums: Vec<Sum> = (0..KEYS.len()).map(|which| recorded(&fleet, which, Some(&load.answered[which]))).collect();
    assert_eq!(sums.iter().map(|sum| sum.requests).sum::<u64>(), load.admitted());
    assert!(sums.iter().all(|sum| sum.requests > 0), "{sums:?}");
    sums.iter().enumerate().for_each(|(which, sum)| ledger_is(&fleet, which, sum));
    // What is lent and not used comes back.
    let all = |of: fn(&Sum) -> u64| sums.iter().map(of).sum::<u64>();
    used_is(&fleet, Metric::Concurrency, 0);
    used_is(&fleet, Metric::Requests, all(|sum| sum.requests));
    used_is(&fleet, Metric::Tokens, all(|sum| sum.input + sum.output));
    used_is(&fleet, Metric::Usd, all(|sum| sum.cost));
    // What was told is not told again, and nothing was lost for want of room.
    sums.iter().enumerate().for_each(|(which, sum)| ledger_is(&fleet, which, sum));
    assert!(fleet.gateways().iter().all(|gateway| gateway.metric("keyward_store_notes_lost_total", &[]) == 0));
}

#[test]
fn totals_are_right_where_the_store_is_killed_and_requests_are_refused_meanwhile() {
    totals_are_right("deny", 0x5eed_0001);
}

#[test]
fn totals_are_right_where_the_store_is_killed_and_requests_pass_meanwhile() {
    totals_are_right("allow", 0x5eed_0002);
}

#[test]
fn totals_are_right_where_the_store_is_killed_and_each_envoy_has_its_share_meanwhile() {
    totals_are_right("local", 0x5eed_0003);
}

#[test]
fn a_limit_is_reached_exactly_though_the_store_is_killed() {
    const LIMIT: u64 = 3_000;
    let fleet = team("deny", &format!("{{ requests: {LIMIT}, per: month }}"));
    let load = Load::default();
    load.during(&fleet, || kill_in_turn(fleet.store(), &KILLS, 0x5eed_0004));
    all_were_without_the_store(&fleet);
    let mut admitted = load.admitted();
    assert!(admitted <= LIMIT, "{admitted}");
    let mut calls = fleet.gateways().iter().zip(KEYS).cycle().map(|(gateway, key)| gateway.chat(key, MODEL).status);
    let deadline = Instant::now() + 3 * LEASE;
    while admitted < LIMIT {
        assert!(Instant::now() < deadline, "{admitted} of {LIMIT}: something is lost to all of them");
        admitted += u64::from(calls.next() == Some(200));
    }
    // The load may have ended just when the store was gone.
    let mut refused = 0;
    while refused < 30 {
        assert!(Instant::now() < deadline, "refused {refused} times in all");
        match calls.next() {
            Some(429) => refused += 1,
            Some(503) => thread::sleep(PAUSE),
            other => panic!("{other:?} where {LIMIT} are admitted"),
        }
    }
    used_is(&fleet, Metric::Requests, LIMIT);
}

/// Calls that stay at their provider; each is made until it is admitted.
fn hold<'s>(
    scope: &'s Scope<'s, '_>,
    fleet: &'s Fleet,
    calls: usize,
    over: &'s AtomicBool,
    latch: &'s std::sync::Arc<Latch>,
) {
    for _ in 0..calls {
        scope.spawn(move || {
            let call = || fleet.gateway(0).call(KEYS[0]).chat(MODEL).answered(Answer::silent(latch)).try_send();
            while !over.load(Ordering::SeqCst) && call().is_some_and(|reply| matches!(reply.status, 429 | 503)) {
                thread::sleep(PAUSE);
            }
        });
    }
}

#[test]
fn what_a_killed_envoy_had_told_counts_once_and_what_it_held_is_free() {
    const HELD: usize = 6;
    let limits = "{ requests: 9999, per: month }, { tokens: 2560000, per: month }, { usd: 20, per: month }";
    let fleet = team(NO_OUTAGE, &format!("{limits}, {{ concurrency: 100 }}"));
    let (load, latch) = (Load::default(), Latch::closed());
    let mut told = Sum::default();
    thread::scope(|scope| {
        load.during(&fleet, || {
            kill_in_turn(fleet.store(), &KILLS[..3], 0x5eed_0005);
            // What has surely been told, as nothing else comes.
            load.pause(0);
            told = recorded(&fleet, 0, Some(&load.answered[0]));
            ledger_is(&fleet, 0, &told);
            load.paused[0].store(false, Ordering::SeqCst);
            hold(scope, &fleet, HELD, &load.over, &latch);
            let more = || load.admitted[0].load(Ordering::SeqCst) as u64 >= told.requests + 300;
            eventually("callers are not admitted", 2 * LEASE, more);
            let held = || fleet.gateway(0).stat("cluster.openai.upstream_rq_active") >= HELD as u64;
            eventually("nothing is in flight", LEASE, held);
            eventually("nobody holds a place", LEASE, || used(&fleet, Metric::Concurrency) >= HELD as u64);
            fleet.kill(0);
            kill_in_turn(fleet.store(), &KILLS[3..5], 0x5eed_0006);
        });
        latch.open();
    });
    assert!(told.requests > 0);
    let mut sums: Vec<Sum> = (1..3).map(|which| recorded(&fleet, which, Some(&load.answered[which]))).collect();
    (1..3).for_each(|which| ledger_is(&fleet, which, &sums[which - 1]));
    let one = Sum { requests: 1, ..told.times(1) };
    let one = Sum { input: one.input / told.requests, cached: one.cached / told.requests, ..one };
    let one = Sum { output: one.output / told.requests, cost: one.cost / told.requests, ..one };
    assert_eq!(one.times(told.requests), told, "all calls come to the same");
    // Of the one that is gone: all that it had told before, and at most what it has answered since or was about to. Its last
    // records may not have been written.
    let requests = ledger_of(&fleet, KEYS[0], "requests");
    let most = (load.admitted[0].load(Ordering::SeqCst) + CLIENTS) as u64;
    assert!(recorded(&fleet, 0, None).requests <= most);
    assert!((told.requests..=most).contains(&requests), "{} <= {requests} <= {most}", told.requests);
    // No half of a letter.
    sums.push(one.times(requests));
    ledger_is(&fleet, 0, &one.times(requests));
    // Places in flight, and what requests in flight had reserved, are free when its leases are over. What it may have spent
    // and did not tell counts: that is what it had lately answered, and what it held ahead, within a 128th of the limit.
    used_is(&fleet, Metric::Concurrency, 0);
    let all = |of: fn(&Sum) -> u64| sums.iter().map(of).sum::<u64>();
    let untold = most - requests;
    for (metric, sum, each, ahead) in [
        (Metric::Requests, all(|sum| sum.requests), 1, 9_999 / 128 + HELD as u64),
        (Metric::Tokens, all(|sum| sum.input + sum.output), one.input + one.output, 2_560_000 / 128),
        (Metric::Usd, all(|sum| sum.cost), one.cost, 20_000_000_000 / 128),
    ] {
        let most = sum + untold * each + ahead;
        let name = format!("{metric:?}: more than {most} is lent");
        eventually(&name, 2 * LEASE, || used(&fleet, metric) <= most);
        assert!(used(&fleet, metric) >= sum, "{metric:?}");
    }
    ledger_is(&fleet, 0, &one.times(requests));
}

/// What it spent last nobody was told of; all the same, nobody else may have it.
#[test]
fn a_limit_is_not_passed_though_envoys_are_killed() {
    const LIMIT: u64 = 3_000;
    let mut fleet = team(NO_OUTAGE, &format!("{{ requests: {LIMIT}, per: month }}"));
    let mut admitted = 0;
    for (kill, seed) in [(0, 0x5eed_0007), (2, 0x5eed_0008)] {
        let load = Load::default();
        load.during(&fleet, || {
            eventually("callers are not admitted", 2 * LEASE, || load.admitted() >= 700);
            thread::sleep(Chance(seed).ms(1, 400));
            fleet.kill(kill);
            thread::sleep(Duration::from_millis(300));
        });
        admitted += load.admitted();
        fleet.restart(kill);
    }
    assert!(admitted < LIMIT, "{admitted}: there is nothing left to be passed");
    // Its leases end, and the rest is used up.
    thread::sleep(LEASE + Duration::from_secs(1));
    let load = Load::default();
    load.during(&fleet, || {
        let refused = || load.answered.iter().map(|answered| answered.load(Ordering::SeqCst) as u64).sum::<u64>();
        eventually("callers are not refused", 2 * LEASE, || refused() > load.admitted() + 300);
    });
    admitted += load.admitted();
    // Of those that were killed some were admitted and not answered any more.
    let least = LIMIT - LIMIT / 100 - 2 * CLIENTS as u64;
    assert!((least..=LIMIT).contains(&admitted), "{admitted} of {LIMIT}");
}
