//! Several Envoys before one store: a policy for them, load on all of them, and what they and the store tell of it.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::catalog::policy;
use crate::support::fleet::Fleet;

/// How long an Envoy keeps what it took from a limit without renewing it.
pub const LEASE: Duration = Duration::from_secs(20);

/// What is called.
pub const MODEL: &str = "gpt-4o";
/// `deny`, where it is not to come to that.
pub const NO_OUTAGE: &str = "deny ";

/// Three gateways before a store, whose `on_outage` is as told. Where no outage is meant, the store is waited for: the machine
/// of the tests is busy.
pub fn fleet(on_outage: &str, rest: &str) -> Fleet {
    let timeout = if on_outage == NO_OUTAGE { "5s" } else { "250ms" };
    let store = format!("store: {{ cluster: redis-http, timeout: {timeout}, on_outage: {on_outage} }}\n{rest}");
    Fleet::start(3, &policy(&store))
}

/// The one key of a policy, with its limits.
pub fn key(limits: &str) -> String {
    format!("keys: [{{ id: k, hash: <k>, models: [all], limits: [{limits}] }}]")
}

/// Calls from many threads until `calls` were made at each gateway; the statuses by gateway, in the order they came.
pub fn storm(fleet: &Fleet, calls: &[usize]) -> Vec<Vec<u16>> {
    const CLIENTS: usize = 8;
    let start = Barrier::new(calls.len() * CLIENTS);
    thread::scope(|scope| {
        let storms: Vec<Vec<_>> = fleet
            .gateways()
            .iter()
            .zip(calls)
            .map(|(gateway, calls)| {
                let client = |client: usize| {
                    let (start, mine) = (&start, calls / CLIENTS + usize::from(client < calls % CLIENTS));
                    scope.spawn(move || {
                        start.wait();
                        (0..mine).map(|_| gateway.chat("k", MODEL).status).collect::<Vec<_>>()
                    })
                };
                (0..CLIENTS).map(client).collect()
            })
            .collect();
        let joined = |clients: Vec<thread::ScopedJoinHandle<'_, Vec<u16>>>| {
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        };
        storms.into_iter().map(joined).collect()
    })
}

/// How many calls came to a status.
pub fn count(statuses: &[Vec<u16>], status: u16) -> usize {
    statuses.iter().flatten().filter(|one| **one == status).count()
}

/// Waits until something holds.
pub fn eventually(failure: &str, patience: Duration, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "{failure}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The audit records of key `k`, once there are as many as calls were answered.
pub fn records(fleet: &Fleet, answered: usize) -> Vec<Value> {
    let of_key =
        || -> Vec<Value> { fleet.audit_records().into_iter().filter(|record| record["key_id"] == "k").collect() };
    eventually("an audit record is missing", Duration::from_secs(10), || of_key().len() >= answered);
    of_key()
}

/// Dollars as a record writes them, in nano-dollars.
pub fn nano(dollars: &Value) -> u64 {
    let text = dollars.as_str().expect("dollars are text");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<9}").parse().expect("dollars")
}

/// The sum of a metric in the ledger.
pub fn ledger(fleet: &Fleet, metric: &str) -> u64 {
    ledger_of(fleet, "", metric)
}

/// The sum of a metric in the ledger, of one key, or of all by an empty name.
pub fn ledger_of(fleet: &Fleet, key: &str, metric: &str) -> u64 {
    // A test that runs over midnight has two days.
    let days = fleet.store().command(&["KEYS", "kw:{kw}:day:*"]);
    let days = days.as_array().cloned().unwrap_or_default();
    let fields = days.iter().map(|day| fleet.store().command(&["HGETALL", day.as_str().expect("a key")]));
    let rows: Vec<_> = fields.filter_map(|fields| fields.as_object().cloned()).flatten().collect();
    let is_of_key = |row: &str| key.is_empty() || row.split('\u{1f}').next() == Some(key);
    let of_metric = rows.iter().filter(|(row, _)| is_of_key(row) && row.ends_with(&format!("|{metric}")));
    of_metric.map(|(_, value)| value.as_str().and_then(|value| value.parse::<u64>().ok()).expect("a count")).sum()
}

/// Waits until a number is what it has to be.
pub fn comes_to(what: &str, expected: u64, actual: impl Fn() -> u64) {
    let deadline = Instant::now() + 3 * LEASE;
    loop {
        let actual = actual();
        if actual == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: {actual}, and not {expected}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Calls until a limit is reached, which is held to the last request.
pub fn exactly_before(fleet: &Fleet, limit: usize, calls: usize) {
    let statuses = storm(fleet, &[calls; 3]);
    assert_eq!(count(&statuses, 200) + count(&statuses, 429), 3 * calls, "{statuses:?}");
    // Nearly all is admitted while all call at once; what one of them had left when it had no more calls, afterwards.
    let mut admitted = count(&statuses, 200);
    assert!(admitted <= limit && admitted >= limit - limit / 100, "{admitted}");
    thread::sleep(Duration::from_secs(2));
    admitted += (0..limit - admitted + 10).filter(|_| fleet.gateway(0).chat("k", MODEL).status == 200).count();
    assert_eq!(admitted, limit);
    assert!(fleet.gateways().iter().all(|gateway| gateway.chat("k", MODEL).status == 429));
}
