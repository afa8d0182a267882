//! One limit, several Envoys: exact together, whatever of Redis, Webdis or themselves goes away.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::catalog::policy;
use crate::fleets::{
    LEASE, MODEL, NO_OUTAGE, count, eventually, exactly_before, fleet, key, ledger, nano, records, storm,
};
use crate::support::config::{self, HTTP_OPTIONS, STORE};
use crate::support::fleet::Fleet;
use crate::support::gateway::Gateway;
use crate::support::store::{Part, Store};
use crate::upstash_server::Upstash;

/// What Upstash asks for.
pub const TOKEN: &str = "token-of-the-store";

fn exactly(limit: usize, calls: usize) {
    exactly_before(&fleet(NO_OUTAGE, &key(&format!("{{ requests: {limit}, per: day }}"))), limit, calls);
}

#[test]
fn three_envoys_admit_one_request_of_one() {
    exactly(1, 16);
}

#[test]
fn three_envoys_admit_exactly_a_hundred() {
    exactly(100, 100);
}

#[test]
fn three_envoys_admit_exactly_ten_thousand() {
    let fleet = fleet(NO_OUTAGE, &key("{ requests: 10000, per: day }"));
    exactly_before(&fleet, 10_000, 3500);
    // From its beginning to its end; a request that needs the store makes one call.
    let calls: u64 = fleet.gateways().iter().map(|gateway| gateway.stat("cluster.redis-http.upstream_rq_total")).sum();
    eprintln!("{calls} calls to the store for 10,000 requests");
    assert!(calls <= 5_000, "{calls}");
}

#[test]
fn a_budget_is_overspent_by_what_was_in_flight_at_most() {
    // A call costs 0.00024 dollars and reserves more than that: with full reservations nothing is overspent.
    let limit = 50_000_000;
    let fleet = fleet(NO_OUTAGE, &key("{ usd: 0.05, per: day }"));
    let statuses = storm(&fleet, &[150; 3]);
    assert!(count(&statuses, 200) > 0 && count(&statuses, 429) > 0, "{statuses:?}");
    let records = records(&fleet, 450);
    let spent: u64 = records.iter().map(|record| nano(&record["cost_usd"])).sum();
    let in_flight: u64 =
        records.iter().map(|record| nano(&record["cost_usd"]).saturating_sub(nano(&record["reserved_usd"]))).sum();
    assert!(spent <= limit + in_flight, "{spent} of {limit}, {in_flight} more than was reserved");
    assert!(spent > limit / 2, "what was reserved is given back: {spent}");
}

#[test]
fn the_busiest_of_three_gets_nearly_all_before_anyone_is_refused() {
    let fleet = fleet(NO_OUTAGE, &key("{ requests: 2000, per: day }"));
    // Rounds of 22, 2 and 1: the load stays uneven up to the limit.
    let mut admitted = 0;
    for _ in 0..100 {
        let statuses = storm(&fleet, &[22, 2, 1]);
        admitted += count(&statuses, 200);
        if count(&statuses, 429) > 0 {
            break;
        }
    }
    // With the first round in which somebody is refused, nearly all is used.
    assert!((1980..=2000).contains(&admitted), "{admitted} of 2000");
}

/// What callers see of an outage of a part, and that all is well again when it is over.
fn outage(fleet: &Fleet, part: Part, stop: bool, holds: impl Fn(&Gateway) -> bool + Sync) {
    let done = std::sync::atomic::AtomicBool::new(false);
    let all_well = || fleet.gateways().iter().all(|gateway| gateway.chat("k", MODEL).status == 200);
    eventually("it does not begin well", Duration::from_secs(10), all_well);
    thread::scope(|scope| {
        for gateway in fleet.gateways() {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    let reply = gateway.chat("k", MODEL);
                    assert!(matches!(reply.status, 200 | 429 | 503), "{}", reply.text());
                }
            });
        }
        if stop {
            fleet.store().stop(part)
        } else {
            fleet.store().kill(part)
        }
        let seen = fleet.gateways().iter().map(|gateway| {
            let deadline = Instant::now() + LEASE;
            while !holds(gateway) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(50));
            }
            holds(gateway)
        });
        let seen: Vec<bool> = seen.collect();
        if stop {
            fleet.store().go_on(part)
        } else {
            fleet.store().restart(part)
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(seen.iter().all(|seen| *seen), "{part:?}, stopped: {stop}: {seen:?}");
    });
    eventually("it does not recover", LEASE, all_well);
}

fn outages(on_outage: &str, limits: &str, holds: impl Fn(&Gateway) -> bool + Sync) {
    let fleet = fleet(on_outage, &key(limits));
    for part in [Part::Redis, Part::Webdis] {
        for stop in [false, true] {
            outage(&fleet, part, stop, &holds);
        }
    }
}

#[test]
fn without_the_store_requests_are_refused() {
    outages("deny", "{ requests: 100000000, per: day }", |gateway| {
        gateway.chat("k", MODEL).outcome() == (503, "store_unavailable".into())
    });
}

#[test]
fn without_the_store_requests_are_held_to_what_one_envoy_may_spend() {
    outages("local", "{ requests: 100000000, per: day }", |gateway| gateway.chat("k", MODEL).status == 200);
}

#[test]
fn without_the_store_no_envoy_spends_more_than_the_whole_limit() {
    let fleet = fleet("local", &key("{ requests: 60, per: day }"));
    // An Envoy that never heard of the others does not know its share.
    thread::sleep(Duration::from_secs(1));
    fleet.store().kill(Part::Redis);
    let statuses = storm(&fleet, &[100; 3]);
    for one in &statuses {
        let admitted = one.iter().filter(|status| **status == 200).count();
        assert!((1..=60).contains(&admitted), "{admitted}");
    }
    fleet.store().restart(Part::Redis);
    let admitted = u64::try_from(count(&statuses, 200)).unwrap();
    eventually("what was spent meanwhile is not told", LEASE, || ledger(&fleet, "requests") == admitted);
}

#[test]
fn without_the_store_requests_pass() {
    let fleet = fleet("allow", &key("{ requests: 10, per: day }"));
    fleet.store().kill(Part::Webdis);
    assert_eq!(count(&storm(&fleet, &[30; 3]), 200), 90);
    fleet.store().restart(Part::Webdis);
    let refused = || fleet.gateways().iter().all(|gateway| gateway.chat("k", MODEL).status == 429);
    eventually("what was spent meanwhile is not told", LEASE, refused);
}

#[test]
fn what_a_killed_envoy_held_is_free_again() {
    let mut fleet = fleet(NO_OUTAGE, &key("{ requests: 1000, per: day }, { concurrency: 4 }"));
    for _ in 0..100 {
        assert_eq!(fleet.gateway(0).chat("k", MODEL).status, 200);
    }
    let used = records(&fleet, 100).iter().filter(|record| record["decision"] == "allowed").count();
    assert_eq!(used, 100);
    // Time for the report of what was used: what is not reported goes with the Envoy, in the callers' favour.
    thread::sleep(Duration::from_secs(3));
    fleet.kill(0);
    let mut admitted = used;
    let last = Instant::now() + LEASE * 2;
    while admitted < 1000 && Instant::now() < last {
        for gateway in &fleet.gateways()[1..] {
            admitted += usize::from(gateway.chat("k", MODEL).status == 200);
        }
    }
    assert_eq!(admitted, 1000, "all that was not used is there for the others");
    assert_eq!(fleet.gateway(1).chat("k", MODEL).status, 429);
    fleet.restart(0);
    assert_eq!(fleet.gateway(0).chat("k", MODEL).status, 429);
}

#[test]
fn the_ledger_is_the_sum_of_the_audit_records() {
    ledger_is_the_sum(&fleet(NO_OUTAGE, &key("{ requests: 100000, per: day }")));
}

fn ledger_is_the_sum(fleet: &Fleet) {
    let statuses = storm(fleet, &[100; 3]);
    assert_eq!(count(&statuses, 200), 300);
    let records = records(fleet, 300);
    let sum = |field: &str| records.iter().map(|record| record[field].as_u64().unwrap_or_default()).sum::<u64>();
    let cost: u64 = records.iter().map(|record| nano(&record["cost_usd"])).sum();
    let told = [("requests", 300), ("input", sum("input_tokens")), ("output", sum("output_tokens")), ("cost", cost)];
    for (metric, sum) in told {
        eventually(&format!("{metric} is not {sum}"), LEASE, || ledger(fleet, metric) == sum);
    }
}

/// Puts the token of Upstash into the store's cluster as `envoy.yaml` tells to.
pub fn with_token(config: &mut Value) {
    let mut clusters = config["static_resources"]["clusters"].as_array_mut().into_iter().flatten();
    let filters = |cluster: &Value| cluster["typed_extension_protocol_options"][HTTP_OPTIONS]["http_filters"].clone();
    let openai = clusters.find(|cluster| cluster["name"] == "openai").map(|cluster| filters(cluster));
    let openai = openai.as_ref().and_then(Value::as_array).expect("the filters of a provider");
    let (mut injector, codec) = (openai[0].clone(), openai[openai.len() - 1].clone());
    injector["name"] = json!("credential-redis");
    injector["typed_config"]["allow_request_without_credential"] = json!(false);
    let generic = &mut injector["typed_config"]["credential"]["typed_config"];
    generic["header"] = json!("authorization");
    generic["credential"]["name"] = json!("redis");
    let path = &mut generic["credential"]["sds_config"]["path_config_source"]["path"];
    let file = Path::new(path.as_str().expect("a path")).with_file_name("redis.yaml");
    config::secret(file.ancestors().nth(2).expect("a folder"), "redis", &format!("Bearer {TOKEN}"));
    *path = json!(file.to_str().expect("a path in UTF-8"));
    let store = clusters.find(|cluster| cluster["name"] == STORE).expect("the store's cluster");
    store["typed_extension_protocol_options"][HTTP_OPTIONS]["http_filters"] = json!([injector, codec]);
}

/// Three gateways before the API of Upstash, whose token is Envoy's to send.
fn upstash(rest: &str) -> (Upstash, Fleet) {
    let store = Store::start();
    let upstash = Upstash::start(&store.url(), TOKEN);
    let policy = policy(&format!("store: {{ cluster: {STORE}, dialect: upstash, timeout: 5s }}\n{rest}"));
    let fleet = Fleet::start_before(store, upstash.address(), with_token, 3, &policy);
    (upstash, fleet)
}

#[test]
fn three_envoys_admit_exactly_a_hundred_over_upstash() {
    let (_upstash, fleet) = upstash(&key("{ requests: 100, per: day }"));
    exactly_before(&fleet, 100, 100);
}

#[test]
fn over_upstash_the_ledger_is_the_sum_of_the_audit_records() {
    let (_upstash, fleet) = upstash(&key("{ requests: 100000, per: day }"));
    ledger_is_the_sum(&fleet);
}

/// Nobody has prepared it either: what the filter needs it brings itself, as a script.
#[test]
fn three_envoys_admit_exactly_a_hundred_where_redis_has_no_functions() {
    let store = Store::start_bare(&["--rename-command", "FCALL", "", "--rename-command", "FUNCTION", ""]);
    let before = store.address();
    let limited = |name: &str, most: u32| {
        format!("{{ id: {name}, hash: <{name}>, models: [all], limits: [{{ requests: {most}, per: day }}] }}")
    };
    let keys = format!("keys: [{}, {}]", limited("k", 100), limited("other", 100_000));
    let policy = policy(&format!("store: {{ cluster: {STORE}, timeout: 5s }}\n{keys}"));
    let fleet = Fleet::start_before(store, before, |_| {}, 3, &policy);
    let well = |gateway: &Gateway| (0..20).all(|_| gateway.chat("other", MODEL).status == 200);
    eventually("the script is not there", LEASE, || fleet.gateways().iter().all(well));
    exactly_before(&fleet, 100, 100);
}
