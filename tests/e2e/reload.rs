//! Hot reload: a new policy takes effect without a dropped request, a bad one is refused, counters survive.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::catalog::policy;
use crate::support::gateway::Gateway;
use crate::support::provider::{Latch, Step};
use crate::support::wire;

fn with(keys: &str) -> String {
    policy(&format!("teams: {{ t: {{}} }}\nkeys:\n{keys}"))
}

#[test]
fn a_new_policy_takes_effect_and_a_bad_one_does_not() {
    let gateway = Gateway::start(&with("  - { id: a, hash: <a>, team: t, models: [gpt-4o] }"));
    assert_eq!(
        (gateway.chat("a", "gpt-4o").status, gateway.chat("a", "llama").status, gateway.chat("b", "llama").status),
        (200, 403, 401)
    );

    gateway.reload(&with("  - { id: a, hash: <a>, team: t, models: [llama] }\n  - { id: b, hash: <b>, team: t }"));
    // Workers take a policy up one by one; a moment later all have it.
    gateway.wait("not every worker has the new policy", || {
        (0..40).all(|_| {
            (gateway.chat("a", "gpt-4o").status, gateway.chat("a", "llama").status, gateway.chat("b", "llama").status)
                == (403, 200, 200)
        })
    });
    assert_eq!(gateway.metric("keyward_policy_in_force", &[]), 1, "one version is in force");

    let good = std::fs::read(gateway.bundle()).unwrap();
    let damaged = String::from_utf8(good.clone()).unwrap();
    let at = damaged.rfind("\"value\"").map_or(damaged.len() / 2, |at| at + 60);
    let flipped: String = damaged
        .char_indices()
        .map(|(index, sign)| if index == at { if sign == 'A' { 'B' } else { 'A' } } else { sign })
        .collect();
    for (bad, counter) in
        [(&b"{"[..], "update_failure"), (&b"{\"resources\":[]}"[..], ""), (flipped.as_bytes(), "config_fail")]
    {
        let refused = || gateway.ecds("config_fail") + gateway.ecds("update_failure") + gateway.ecds("update_rejected");
        let before = refused();
        gateway.replace_bundle(bad);
        if counter.is_empty() {
            thread::sleep(std::time::Duration::from_millis(300));
        } else {
            gateway.wait("the bad bundle was not refused", || refused() > before);
        }
        assert_eq!(
            (gateway.chat("a", "llama").status, gateway.chat("a", "gpt-4o").status),
            (200, 403),
            "the last good policy stays"
        );
    }
    gateway.replace_bundle(&good);
    assert_eq!(gateway.chat("b", "llama").status, 200);
}

#[test]
fn counters_survive_and_a_changed_limit_holds_at_once() {
    let limited = |amount: u64| {
        with(&format!("  - {{ id: a, hash: <a>, team: t, limits: [ {{ requests: {amount}, per: hour }} ] }}"))
    };
    let gateway = Gateway::start(&limited(3));
    for expected in [200, 200, 200, 429] {
        assert_eq!(gateway.chat("a", "gpt-4o").status, expected);
    }
    gateway.reload(&limited(5));
    gateway.wait("the raised limit does not hold", || gateway.chat("a", "gpt-4o").status == 200);
    let admitted = 1 + (0..10).filter(|_| gateway.chat("a", "gpt-4o").status == 200).count();
    assert_eq!(admitted, 2, "three of five were spent before");
    gateway.reload(&limited(4));
    for _ in 0..8 {
        assert_eq!(gateway.chat("a", "gpt-4o").status, 429, "five are spent, four allowed");
    }
}

#[test]
fn no_request_is_dropped_by_reloads() {
    let versions: Vec<String> = (0..5)
        .map(|n| with(&format!("  - {{ id: a, hash: <a>, team: t }}\n  - {{ id: v{n}, hash: <v{n}>, team: t }}")))
        .collect();
    let gateway = Gateway::start(&versions[4]);
    let latch = Latch::closed();
    let stream = wire::chat_stream("m", &["a"], Some(wire::usage(12, 21)))
        .after(Step::Wait(std::time::Duration::from_millis(1)));
    let mut stream = stream;
    let half = stream.steps.len() / 2;
    stream.steps.insert(half, Step::Hold(latch.clone()));
    let mut open = gateway.call("a").chat_stream("gpt-4o").answered(stream).open();
    assert!(open.piece().is_some());

    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let reply = gateway.chat("a", "gpt-4o");
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in &versions {
            gateway.reload(version);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.into_inner() > 0);
    latch.open();
    let mut rest = Vec::new();
    while let Some(piece) = open.piece() {
        rest.extend(piece);
    }
    assert!(String::from_utf8_lossy(&rest).ends_with("data: [DONE]\n\n"), "a stream begun before goes on to its end");
    assert_eq!(open.hang_up()["output_tokens"], 21);
}
