//! Limits: exact across workers, freed whatever way a request ends, and told truthfully.

use std::sync::{Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::catalog::policy;
use crate::support::gateway::Gateway;
use crate::support::provider::{Answer, Latch, Step};
use crate::support::wire;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
end_users: { limits: [ { requests: 3, per: hour } ] }
teams:
  t: {}
  narrow: { limits: [ { requests: 2, per: hour } ] }
  shared: { limits: [ { requests: 60, per: hour } ] }
keys:
  - { id: crowd, hash: <crowd>, team: t, limits: [ { requests: 137, per: hour } ] }
  - { id: shared-a, hash: <shared-a>, team: shared, limits: [ { requests: 45, per: hour } ] }
  - { id: shared-b, hash: <shared-b>, team: shared, limits: [ { requests: 45, per: hour } ] }
  - { id: zero, hash: <zero>, team: t, limits: [ { requests: 0, per: hour } ] }
  - { id: no-money, hash: <no-money>, team: t, limits: [ { usd: 0, per: day } ] }
  - { id: sliding, hash: <sliding>, team: t, limits: [ { requests: 4, per: 2s } ] }
  - { id: narrow, hash: <narrow>, team: narrow, limits: [ { requests: 5, per: hour } ] }
  - { id: two, hash: <two>, team: t, limits: [ { concurrency: 2 } ] }
  - { id: hangs-up, hash: <hangs-up>, team: t, limits: [ { concurrency: 1 } ] }
  - { id: tokens, hash: <tokens>, team: t, limits: [ { tokens: 1000, per: hour } ] }
  - { id: refund, hash: <refund>, team: t, limits: [ { tokens: 1000, per: hour } ] }
  - { id: tiny, hash: <tiny>, team: t, limits: [ { tokens: 10, per: hour } ] }
  - { id: output, hash: <output>, team: t, limits: [ { output_tokens: 100, per: hour } ] }
  - { id: poor, hash: <poor>, team: t, limits: [ { usd: 0.002, per: day } ] }
  - { id: model, hash: <model>, team: t, limits: [ { requests: 1, per: hour, model: gpt-4o }, { requests: 3, per: hour } ] }
  - { id: window, hash: <window>, team: t, limits: [ { requests: 3, per: hour }, { requests: 100, per: day } ] }
  - { id: ends, hash: <ends>, team: t }
  - { id: calendar, hash: <calendar>, team: t, limits: [ { requests: 1, per: month } ] }
",
        ))
    })
}

/// Calls from `clients` threads at the same moment; the statuses, and how many came of each.
fn storm(keys: &[&str], clients: usize) -> Vec<u16> {
    let start = Barrier::new(clients);
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..clients {
            let (start, statuses, key) = (&start, &statuses, keys[client % keys.len()]);
            scope.spawn(move || {
                start.wait();
                let status = gateway().chat(key, "gpt-4o").status;
                statuses.lock().unwrap().push(status);
            });
        }
    });
    statuses.into_inner().unwrap()
}

fn admitted(statuses: &[u16]) -> usize {
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[test]
fn five_hundred_at_once_admit_exactly_the_limit() {
    assert_eq!(admitted(&storm(&["crowd"], 500)), 137);
    assert_eq!(gateway().chat("crowd", "gpt-4o").status, 429);
}

#[test]
fn every_level_holds_at_once() {
    assert_eq!(admitted(&storm(&["shared-a", "shared-b"], 200)), 60, "the team's limit, whatever its keys may");
    assert_eq!(gateway().chat("shared-a", "gpt-4o").status, 429);
}

#[test]
fn a_limit_of_zero_admits_nothing() {
    assert_eq!(gateway().chat("zero", "gpt-4o").outcome(), (429, "rate_limit_exceeded".into()));
    assert_eq!(gateway().chat("no-money", "gpt-4o").outcome(), (429, "budget_exceeded".into()));
}

#[test]
fn no_window_ever_holds_more_than_the_limit() {
    let length = Duration::from_secs(2);
    let began = Instant::now();
    let mut admitted: Vec<(Instant, Instant)> = Vec::new();
    while began.elapsed() < length * 3 {
        let sent = Instant::now();
        if gateway().chat("sliding", "gpt-4o").status == 200 {
            admitted.push((sent, Instant::now()));
        }
        thread::sleep(Duration::from_millis(60));
    }
    // Each was admitted somewhere between sent and answered, so this can only fail if the limit was exceeded.
    for (first, fifth) in admitted.iter().zip(admitted.iter().skip(4)) {
        assert!(fifth.1.duration_since(first.0) >= length, "5 in a window of 4");
    }
    assert!(admitted.len() >= 8, "the window slides on: {}", admitted.len());
}

#[test]
fn all_or_nothing() {
    for _ in 0..2 {
        assert_eq!(gateway().chat("narrow", "gpt-4o").status, 200);
    }
    for _ in 0..10 {
        let refused = gateway().chat("narrow", "gpt-4o");
        assert_eq!(refused.status, 429);
        assert!(refused.audit()["rule"].as_str().is_some_and(|rule| rule.contains("narrow")), "{}", refused.audit());
    }
    let usage = gateway().audit_records();
    assert!(
        usage
            .iter()
            .filter(|record| record["key_id"] == "narrow" && record["decision"] != "allowed")
            .all(|record| record["reserved_usd"] == "0")
    );
}

#[test]
fn concurrency_is_freed_whatever_way_a_request_ends() {
    let gateway = gateway();
    let model = "gpt-4o";
    let text = |latch| wire::chat_stream(model, &["a"], None).then(Step::Hold(latch));
    let free = || gateway.wait("a slot stays taken", || gateway.chat("two", model).status == 200);

    // By an end of the answer.
    let latch = Latch::closed();
    let first = gateway.call("two").chat_stream(model).answered(text(latch.clone())).open();
    let second = gateway.call("two").chat_stream(model).answered(text(latch.clone())).open();
    assert_eq!((first.status, second.status), (200, 200));
    let refused = gateway.chat("two", model);
    assert_eq!(refused.outcome(), (429, "rate_limit_exceeded".into()), "{}", refused.text());
    latch.open();
    for mut open in [first, second] {
        while open.piece().is_some() {}
    }
    free();

    // By the caller hanging up, before and after the answer's head; by the provider cutting, refusing, resetting.
    for _ in 0..5 {
        drop(gateway.call("two").chat_stream(model).answered(text(Latch::closed())).open());
        gateway
            .call("two")
            .chat(model)
            .answered(Answer::json(200, &json!({})).after(Step::Wait(Duration::from_millis(300))))
            .send_and_hang_up();
        let _ =
            gateway.call("two").chat_stream(model).answered(Answer::stream(["data: {}\n\n"]).then(Step::Cut)).send();
        let _ =
            gateway.call("two").chat(model).answered(Answer::json(500, &wire::error("no", "server_error", "x"))).send();
        free();
    }
}

#[test]
fn a_request_that_is_never_sent_on_holds_no_slot() {
    let gateway = gateway();
    for _ in 0..20 {
        // The body never comes to its end.
        let mut connection = crate::support::http::Connection::open(gateway.address()).unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{\"model\":",
            crate::support::policy::key("hangs-up")
        );
        connection.send(head.as_bytes()).unwrap();
    }
    gateway.wait("slots were taken by requests that never were", || gateway.chat("hangs-up", "gpt-4o").status == 200);
}

#[test]
fn usage_replaces_the_reservation() {
    let answer = Answer::json(200, &wire::chat("m", "x", &wire::usage(30, 70)));
    let reply = gateway().call("tokens").chat("gpt-4o").answered(answer.clone()).send();
    assert_eq!(reply.number("x-ratelimit-limit-tokens"), 1000);
    let before =
        gateway().call("tokens").chat("gpt-4o").answered(answer.clone()).send().number("x-ratelimit-remaining-tokens");
    let after = gateway().call("tokens").chat("gpt-4o").answered(answer).send().number("x-ratelimit-remaining-tokens");
    assert_eq!(before - after, 100, "between two like requests lies what the first one used");
}

#[test]
fn a_provider_error_is_refunded() {
    let remaining = || gateway().chat("refund", "gpt-4o").number("x-ratelimit-remaining-tokens");
    let before = remaining();
    for status in [400, 401, 404, 429, 500, 503] {
        let failed = gateway()
            .call("refund")
            .chat("gpt-4o")
            .answered(Answer::json(status, &wire::error("no", "server_error", "x")))
            .send();
        assert_eq!(failed.status, status);
        let record = failed.audit();
        assert_eq!((&record["cost_usd"], &record["output_tokens"]), (&json!("0"), &json!(0)), "{record}");
    }
    assert_eq!(before - remaining(), 33, "only what was used in between");
}

#[test]
fn a_limit_too_small_for_one_request_says_so_at_once() {
    for key in ["tiny", "output"] {
        let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 500 });
        let reply = gateway().call(key).json(&body).send();
        assert!(matches!(reply.status, 400 | 429), "{}", reply.text());
        assert_eq!(reply.header("retry-after"), None, "trying again cannot help");
        assert!(reply.received().is_empty());
    }
}

#[test]
fn a_budget_is_spent_once_and_says_so() {
    // 12 input and 21 output tokens of gpt-4o: 12 × 2.5 + 21 × 10 millionths of a dollar.
    let mut spent = 0;
    let refused = loop {
        let reply = gateway().chat("poor", "gpt-4o");
        if reply.status != 200 {
            break reply;
        }
        assert_eq!(reply.header("x-keyward-cost-usd"), Some("0.00024"));
        spent += 240;
        assert!(spent <= 2000, "the budget is 0.002 dollars");
    };
    assert_eq!(refused.outcome(), (429, "budget_exceeded".into()));
    assert!(spent > 1000, "a reservation is given back: {spent}");
    assert!((1..=86_400).contains(&refused.number("retry-after")));
    let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("0.002"), "the limit is named: {message}");
}

#[test]
fn a_limit_for_a_model_leaves_others_alone() {
    assert_eq!(gateway().chat("model", "gpt-4o").status, 200);
    assert_eq!(gateway().chat("model", "chat-default").status, 429, "an alias is what it stands for");
    assert_eq!(gateway().chat("model", "gpt-4o-mini").status, 200);
    assert_eq!(gateway().chat("model", "llama").status, 200);
    assert_eq!(gateway().chat("model", "llama").status, 429, "and counts in the limit for all");
}

#[test]
fn the_headers_say_the_truth() {
    for left in (0..3_u64).rev() {
        let reply = gateway().chat("window", "gpt-4o");
        assert_eq!(
            (reply.status, reply.number("x-ratelimit-limit-requests"), reply.number("x-ratelimit-remaining-requests")),
            (200, 3, left)
        );
        assert!(reply.header("x-ratelimit-reset-requests").is_some());
        assert_eq!((reply.header("x-keyward-model"), reply.header("x-keyward-attempts")), (Some("gpt-4o"), Some("1")));
    }
    let refused = gateway().chat("window", "gpt-4o");
    assert_eq!(
        (refused.outcome(), refused.number("x-ratelimit-remaining-requests")),
        ((429, "rate_limit_exceeded".into()), 0)
    );
    assert!((3500..=3600).contains(&refused.number("retry-after")), "{:?}", refused.headers);
    assert!(refused.received().is_empty());
    let message = refused.text();
    assert!(message.contains("requests") && message.contains("hour"), "which limit: {message}");

    gateway().chat("calendar", "gpt-4o");
    assert!(gateway().chat("calendar", "gpt-4o").number("retry-after") <= 31 * 86_400);
}

#[test]
fn each_end_user_has_a_limit_of_their_own() {
    let call = |user: &str| {
        let body = json!({ "model": "gpt-4o", "messages": [], "user": user });
        gateway().call("ends").json(&body).send().status
    };
    assert_eq!([call("ann"), call("ann"), call("ann"), call("ann")], [200, 200, 200, 429]);
    assert_eq!((call("bob"), gateway().chat("ends", "gpt-4o").status), (200, 200));
}
