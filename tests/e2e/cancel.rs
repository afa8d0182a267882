//! Ten thousand cancelled streams leave nothing behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::catalog::policy;
use crate::support::gateway::Gateway;
use crate::support::provider::{Answer, Latch, Step};
use crate::support::wire;

const STREAMS: usize = 10_000;
const CLIENTS: usize = 40;
const SLOTS: usize = 50;

#[test]
fn ten_thousand_cancelled_streams_leave_nothing_behind() {
    let gateway = Gateway::start(&policy(
        r"
teams: { t: { limits: [ { concurrency: 50 }, { tokens: 1000000, per: hour } ] } }
keys: [ { id: a, hash: <a>, team: t }, { id: b, hash: <b>, team: t } ]
",
    ));
    let next = AtomicUsize::new(0);
    let reached = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let number @ 0..STREAMS = next.fetch_add(1, Ordering::Relaxed) {
                    // The provider goes on until it finds nobody listening.
                    let mut answer = wire::chat_stream("m", &["a"], None);
                    answer.steps.truncate(2);
                    answer.steps.extend((0..50).flat_map(|_| {
                        [Step::Wait(Duration::from_millis(20)), Step::Send(b": still here\n\n".to_vec())]
                    }));
                    let call = gateway
                        .call("a")
                        .json(
                            &serde_json::json!({ "model": "gpt-4o", "messages": [], "max_tokens": 1, "stream": true }),
                        )
                        .answered(answer);
                    match number % 3 {
                        0 => call.send_and_hang_up(),
                        1 => drop(call.open()),
                        _ => {
                            let mut open = call.open();
                            reached.fetch_add(usize::from(open.piece().is_some()), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert!(reached.into_inner() > 0, "no stream was cancelled midway");

    let latch = Latch::closed();
    let held = || Answer::stream(["data: {\"choices\":[]}\n\n"]).then(Step::Hold(latch.clone()));
    gateway.wait("a slot stays taken", || {
        let open: Vec<_> =
            (0..SLOTS).map(|_| gateway.call("b").chat_stream("gpt-4o").answered(held()).open()).collect();
        open.iter().all(|stream| stream.status == 200)
    });
    latch.open();
    // Every record of a cancelled stream was written once, and none is left unsettled: what remains of the tokens is the
    // limit less what the records say.
    gateway.wait("audit records are missing", || {
        let before = gateway.audit_records().len();
        thread::sleep(Duration::from_millis(300));
        before == gateway.audit_records().len()
    });
    let used: u64 = gateway
        .audit_records()
        .iter()
        .map(|record| record["input_tokens"].as_u64().unwrap_or(0) + record["output_tokens"].as_u64().unwrap_or(0))
        .sum();
    let first = gateway.chat("b", "gpt-4o").number("x-ratelimit-remaining-tokens");
    let second = gateway.chat("b", "gpt-4o").number("x-ratelimit-remaining-tokens");
    assert_eq!(first - second, 33);
    let reserved = 1_000_000 - used - first;
    assert!(reserved < 200, "{reserved} tokens are reserved by nobody; the one request took at most 200 for itself");
}
