//! A store that answers slowly. Within the time-out that costs time and nothing else; beyond it, it is an outage, which only the
//! first requests wait for, and which ends by itself.

use std::cell::Cell;
use std::time::Duration;

use serde_json::Value;

use crate::catalog::policy;
use crate::fleets::{
    LEASE, MODEL, NO_OUTAGE, comes_to, count, eventually, exactly_before, key, ledger, nano, records, storm,
};
use crate::support::config::STORE;
use crate::support::fleet::Fleet;
use crate::support::slow::Slow;
use crate::support::store::{Part, Store};

/// Calls at each gateway while the store is stalled.
const CALLS: usize = 200;

/// Three gateways, with a way to one of the store's parts that can be made slow.
fn slow(part: Part, on_outage: &str, limits: &str) -> (Slow, Fleet) {
    let timeout = if on_outage == NO_OUTAGE { "5s" } else { "500ms" };
    let store = format!("store: {{ cluster: {STORE}, timeout: {timeout}, on_outage: {on_outage} }}");
    let policy = policy(&format!("{store}\n{}", key(limits)));
    let (way, store, before) = match part {
        Part::Redis => {
            let way = Cell::new(None);
            let store = Store::start_by(|redis| {
                let to_redis = Slow::to(redis);
                let address = to_redis.address();
                way.set(Some(to_redis));
                address
            });
            let before = store.address();
            (way.take().expect("Webdis was told of it"), store, before)
        }
        Part::Webdis => {
            let store = Store::start();
            let way = Slow::to(store.address());
            let before = way.address();
            (way, store, before)
        }
    };
    (way, Fleet::start_before(store, before, |_| {}, 3, &policy))
}

fn all_well(fleet: &Fleet) -> usize {
    let tries = Cell::new(0);
    eventually("it is not well", 2 * LEASE, || {
        tries.set(tries.get() + 3);
        // All are asked, each time.
        fleet.gateways().iter().filter(|gateway| gateway.chat("k", MODEL).status == 200).count() == 3
    });
    tries.get()
}

/// The ledger and the audit records agree.
fn all_is_told(fleet: &Fleet, answered: usize) {
    let records: Vec<Value> = records(fleet, answered).into_iter().filter(|record| record["status"] == 200).collect();
    let sum = |field: &str| records.iter().map(|record| record[field].as_u64().unwrap_or_default()).sum();
    let cost = records.iter().map(|record| nano(&record["cost_usd"])).sum();
    let told = [("requests", records.len() as u64), ("input", sum("input_tokens")), ("output", sum("output_tokens"))];
    for (metric, sum) in told.into_iter().chain([("cost", cost)]) {
        comes_to(metric, sum, || ledger(fleet, metric));
    }
}

#[test]
fn with_a_slow_redis_a_limit_is_reached_exactly() {
    let (way, fleet) = slow(Part::Redis, NO_OUTAGE, "{ requests: 300, per: day }");
    way.delay(Duration::from_millis(100));
    exactly_before(&fleet, 300, 150);
}

#[test]
fn with_a_slow_webdis_a_limit_is_reached_exactly() {
    let (way, fleet) = slow(Part::Webdis, NO_OUTAGE, "{ requests: 300, per: day }");
    way.delay(Duration::from_millis(100));
    exactly_before(&fleet, 300, 150);
}

#[test]
fn with_a_slow_store_all_are_admitted_that_have_room() {
    let (way, fleet) = slow(Part::Redis, NO_OUTAGE, "{ requests: 100000, per: day }, { concurrency: 100 }");
    way.delay(Duration::from_millis(100));
    assert_eq!(count(&storm(&fleet, &[100; 3]), 200), 300);
    assert!(fleet.gateways().iter().all(|gateway| !gateway.envoy().log().contains("out of reach")));
    all_is_told(&fleet, 300);
}

/// Calls while the store does not answer: the statuses, and that few of the calls waited for it. Then it is well again.
fn stalled(part: Part, on_outage: &str, limits: &str) -> Vec<Vec<u16>> {
    let (way, fleet) = slow(part, on_outage, limits);
    let before = all_well(&fleet);
    let asked = |name: &str| -> Vec<u64> {
        fleet.gateways().iter().map(|gateway| gateway.stat(&format!("cluster.{STORE}.{name}"))).collect()
    };
    let (calls, timeouts) = (asked("upstream_rq_total"), asked("upstream_rq_timeout"));
    way.stall();
    let statuses = storm(&fleet, &[CALLS; 3]);
    // Each of the eight callers of a gateway waits once or twice until it is known. Then one worker tries, seldom.
    let few = CALLS as u64 / 5;
    for (name, before) in [("upstream_rq_total", calls), ("upstream_rq_timeout", timeouts)] {
        let more: Vec<u64> = asked(name).iter().zip(&before).map(|(now, before)| now - before).collect();
        assert!(more.iter().all(|more| (1..=few).contains(more)), "{name}: {more:?}");
    }
    let available = |gateway: &crate::support::gateway::Gateway| gateway.metric("keyward_store_available", &[]);
    eventually("the outage is not shown", LEASE, || fleet.gateways().iter().all(|gateway| available(gateway) == 0));
    let lost = fleet.gateway(0).samples("keyward_store_notes_lost_total", &[]);
    assert_eq!(lost, [0], "it is there before it counts");
    // What did not arrive in time arrives now.
    way.delay(Duration::ZERO);
    eventually("it does not recover", 2 * LEASE, || fleet.gateways().iter().all(|gateway| available(gateway) == 1));
    let after = all_well(&fleet);
    all_is_told(&fleet, before + 3 * CALLS + after);
    statuses
}

#[test]
fn with_a_stalled_webdis_requests_are_refused_and_few_wait() {
    let statuses = stalled(Part::Webdis, "deny", "{ requests: 100000, per: day }, { concurrency: 100 }");
    assert_eq!(count(&statuses, 200) + count(&statuses, 503), 3 * CALLS, "{statuses:?}");
    assert!(statuses.iter().all(|one| one.last() == Some(&503)), "{statuses:?}");
}

#[test]
fn with_a_stalled_redis_requests_pass_and_few_wait() {
    let statuses = stalled(Part::Redis, "allow", "{ requests: 100000, per: day }, { concurrency: 100 }");
    assert_eq!(count(&statuses, 200), 3 * CALLS, "{statuses:?}");
}

#[test]
fn with_a_stalled_redis_each_envoy_has_its_share_and_few_wait() {
    let statuses = stalled(Part::Redis, "local", "{ requests: 100000, per: day }, { concurrency: 100 }");
    assert_eq!(count(&statuses, 200), 3 * CALLS, "{statuses:?}");
}

#[test]
fn with_a_stalled_webdis_no_envoy_has_more_than_its_share() {
    // What it never heard it cannot share: peers are known once each has told.
    let statuses = stalled(Part::Webdis, "local", "{ requests: 300, per: day }");
    assert_eq!(count(&statuses, 200) + count(&statuses, 429), 3 * CALLS, "{statuses:?}");
    let admitted: Vec<usize> = statuses.iter().map(|one| one.iter().filter(|status| **status == 200).count()).collect();
    assert!(admitted.iter().all(|admitted| (1..=300).contains(admitted)), "{admitted:?}");
}
