//! Keys in the store, beside those of the policy.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::catalog;
use crate::store::{TOKEN, with_token};
use crate::support::call::Reply;
use crate::support::gateway::{Behind, Gateway};
use crate::support::http::{self, Connection};
use crate::support::store::{Part, Store, Watch};
use crate::support::{build, policy};
use crate::upstash_server::Upstash;

const MODEL: &str = "gpt-4o";
/// How long what the store said of a key holds.
const TTL: Duration = Duration::from_secs(2);

/// A gateway of one worker before a store of its own.
struct Stage {
    gateway: Gateway,
    store: Store,
    policy: String,
}

impl Stage {
    fn new(timeout: &str, rest: &str) -> Self {
        Self::with(1, timeout, rest)
    }

    fn with(workers: usize, timeout: &str, rest: &str) -> Self {
        let store = Store::start();
        let before = store.address();
        Self::before(store, before, workers, &format!("timeout: {timeout}"), rest, |_| ())
    }

    /// One that finds its store at an address.
    fn before(
        store: Store,
        before: SocketAddr,
        workers: usize,
        how: &str,
        rest: &str,
        configure: fn(&mut Value),
    ) -> Self {
        let stated = format!("store: {{ cluster: redis-http, {how}, keys: {{ ttl: {}s }} }}", TTL.as_secs());
        let policy = catalog::policy(&format!("{stated}\n{rest}"));
        let behind = Behind { store: Some(before), ..Behind::default() };
        let gateway = Gateway::start_before(behind, &policy, workers, configure);
        Self { gateway, store, policy }
    }

    /// Runs `keyward key …` with the store's URL, and says whether it succeeded.
    fn key(&self, arguments: &[&str]) -> bool {
        let mut command = build::keyward();
        command.arg("key").args(arguments).env("KEYWARD_STORE_URL", self.store.url());
        command.output().expect("keyward runs").status.success()
    }

    /// Puts the entries of `keys:` into the store, as a person would.
    fn put(&self, entries: &str) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, policy::with_hashes(text)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let policies = write("policy.yaml", &self.policy);
        let keys = write("keys.yaml", &format!("keys: [{entries}]"));
        assert!(self.key(&["put", "--policies", &policies, &keys]), "{entries}");
    }

    /// Counts how often keys are looked up.
    fn lookups(&self) -> Watch {
        self.store.watch("\"GET\" \"kw:key:")
    }

    /// Runs `then` with a store that does not answer for a moment, and in that moment.
    fn while_the_store_stalls(&self, then: impl FnOnce()) {
        self.store.stop(Part::Webdis);
        then();
        thread::sleep(Duration::from_millis(300));
        self.store.go_on(Part::Webdis);
    }
}

fn unavailable() -> (u16, String) {
    (503, "store_unavailable".into())
}

const TEAM: &str = "teams: { t: { models: [gpt-4o], limits: [{ requests: 3, per: day }] } }";

fn large_body() -> Value {
    let text = "words and more words ".repeat(10_000);
    json!({ "model": "chat-default", "messages": [{ "role": "user", "content": text }], "max_tokens": 50 })
}

/// That the provider received a body as it was sent, but for the model.
fn arrived_whole(reply: &Reply<'_>, sent: &Value) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut expected = sent.clone();
    expected["model"] = "gpt-4o-2024-08-06".into();
    let received: Value = serde_json::from_slice(&reply.forwarded().body).unwrap();
    assert_eq!(received, expected);
}

#[test]
fn a_key_of_the_store_is_held_to_its_team_and_an_unknown_one_is_refused() {
    let stage = Stage::with(4, "5s", TEAM);
    stage.put("{ id: s, hash: <s>, team: t, endpoints: [chat, models] }");
    let call = || stage.gateway.chat("s", MODEL);
    let reply = call();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let audit = reply.audit();
    assert_eq!((&audit["key_id"], &audit["team"]), (&"s".into(), &"t".into()));
    assert_eq!(stage.gateway.chat("s", "llama").outcome(), (403, "model_not_allowed".into()), "its team's models");
    assert_eq!(stage.gateway.call("s").path("/v1/embeddings").json(&json!({})).send().status, 403, "its own endpoints");
    assert_eq!(stage.gateway.call("s").get("/v1/models").send().status, 200);
    assert_eq!((call().status, call().status, call().status), (200, 200, 429), "its team's limits");
    assert_eq!(stage.gateway.chat("unknown", MODEL).outcome(), (401, "invalid_api_key".into()));
    stage.gateway.reload(&catalog::policy("store: { cluster: redis-http, keys: {} }\nteams: { other: {} }"));
    stage.gateway.wait("its team is gone, and it is not", || (0..20).all(|_| call().status == 401));
}

#[test]
fn a_burst_asks_once_and_every_request_of_it_is_answered() {
    let stage = Stage::new("5s", "");
    stage.put("{ id: s, hash: <s>, models: [all], limits: [{ requests: 1000000, per: day }] }");
    for (key, status) in [("s", 200), ("unknown", 401)] {
        let (lookups, start) = (stage.lookups(), Barrier::new(50));
        thread::scope(|scope| {
            let calls: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        stage.gateway.chat(key, MODEL).status
                    })
                })
                .collect();
            for call in calls {
                assert_eq!(call.join().unwrap(), status);
            }
        });
        assert_eq!(lookups.count(), 1, "{key}");
    }
}

#[test]
fn what_was_said_of_a_key_holds_for_its_time_and_no_longer() {
    let stage = Stage::with(4, "5s", "");
    let statuses = || (0..20).map(|_| stage.gateway.chat("s", MODEL).status).collect::<Vec<_>>();
    assert_eq!(statuses(), [401; 20]);
    stage.put("{ id: s, hash: <s>, models: [all] }");
    thread::sleep(TTL);
    assert_eq!(statuses(), [200; 20]);
    let hash = policy::hash(&policy::key("s"));
    assert!(stage.key(&["revoke", "--hash", &hash]));
    thread::sleep(TTL);
    assert_eq!(statuses(), [401; 20]);
    assert!(!stage.key(&["revoke", "--id", "s"]), "it is gone by id too");
    stage.put("{ id: s, hash: <other>, models: [all] }");
    assert!(stage.key(&["revoke", "--id", "s"]));
}

#[test]
fn random_keys_do_not_flood_the_store() {
    let stage = Stage::new("5s", "keys: [{ id: k, hash: <k>, models: [all] }]");
    stage.put("{ id: s, hash: <s>, models: [all] }");
    assert_eq!(stage.gateway.chat("s", MODEL).status, 200);
    let (lookups, began) = (stage.lookups(), Instant::now());
    let statuses: Vec<_> = thread::scope(|scope| {
        let client = |client: usize| {
            let gateway = &stage.gateway;
            scope.spawn(move || {
                (0..500)
                    .map(|call| gateway.call(&format!("r-{client}-{call}")).get("/v1/models").send().status)
                    .collect::<Vec<_>>()
            })
        };
        let clients: Vec<_> = (0..4).map(client).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let looked_up = lookups.count();
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(count(401) + count(503), 2000);
    assert!(u128::from(looked_up) <= 401 + began.elapsed().as_millis() / 5, "{looked_up}");
    assert_eq!((stage.gateway.chat("k", MODEL).status, stage.gateway.chat("s", MODEL).status), (200, 200));
}

#[test]
fn without_the_store_what_is_known_of_a_key_holds_until_its_time_is_over() {
    let stage = Stage::new("250ms", "keys: [{ id: k, hash: <k>, models: [all] }]");
    stage.put("{ id: s, hash: <s>, models: [all] }");
    let outcome = |key: &str| stage.gateway.chat(key, MODEL).outcome();
    stage.gateway.wait("it was not asked in time", || {
        assert_eq!((outcome("s").0, outcome("gone").0), (200, 401));
        stage.store.kill(Part::Redis);
        let (known, unknown) = (outcome("s"), outcome("gone"));
        stage.store.restart(Part::Redis);
        // A slow machine may have taken longer than its time.
        let asked = |outcome: &(u16, String)| *outcome == unavailable();
        if asked(&known) || asked(&unknown) {
            thread::sleep(Duration::from_secs(5));
            return false;
        }
        (known.0, unknown.0) == (200, 401)
    });
    stage.store.kill(Part::Redis);
    thread::sleep(TTL);
    let all = ["s", "gone", "other"].map(outcome);
    assert_eq!(all, [(); 3].map(|()| unavailable()));
    assert_eq!(outcome("k").0, 200, "a key of the policy needs no store");
    stage.store.restart(Part::Redis);
    stage.gateway.wait("it does not recover", || (outcome("s").0, outcome("other").0) == (200, 401));
}

#[test]
fn a_body_that_comes_before_the_answer_is_not_lost() {
    let stage = Stage::new("5s", "");
    let limit = "limits: [{ requests: 1000000, per: day }]";
    for (index, chunks) in [None, Some(1000), Some(64_000), Some(1 << 20)].into_iter().enumerate() {
        for (limited, limit) in [(false, "limits: []"), (true, limit)] {
            for trailer in [false, true] {
                let name = format!("s{index}-{limited}-{trailer}");
                stage.put(&format!("{{ id: {name}, hash: <{name}>, models: [all], {limit} }}"));
                let body = large_body();
                thread::scope(|scope| {
                    let mut call = stage.gateway.call(&name).json(&body);
                    call = chunks.map_or(call.clone(), |size| call.in_chunks(size));
                    call = if trailer { call.trailer("x-checksum", "1") } else { call };
                    let mut reply = None;
                    stage.while_the_store_stalls(|| reply = Some(scope.spawn(|| call.send())));
                    arrived_whole(&reply.unwrap().join().unwrap(), &body);
                });
            }
        }
    }
}

#[test]
fn a_body_may_come_in_part_before_the_answer_and_in_part_after() {
    let stage = Stage::new("5s", "");
    stage.put("{ id: s, hash: <s>, models: [all], max_request_bytes: 100000 }, { id: l, hash: <l>, models: [all], max_request_bytes: 100 }");
    let body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "hi ".repeat(10_000) }] }).to_string();
    for (key, parts, status) in [("s", [100, 500], 200), ("l", [50, 80], 413), ("l", [200, 300], 413)] {
        let key = format!("Bearer {}", policy::key(key));
        let bytes = http::request("POST", "/v1/chat/completions", &[("authorization", &key)], body.as_bytes());
        let head = bytes.len() - body.len();
        thread::sleep(TTL);
        let mut connection = Connection::open(stage.gateway.address()).unwrap();
        stage.while_the_store_stalls(|| {
            connection.send(&bytes[..head]).unwrap();
            thread::sleep(Duration::from_millis(50));
            connection.send(&bytes[head..head + parts[0]]).unwrap();
            thread::sleep(Duration::from_millis(50));
            connection.send(&bytes[head + parts[0]..head + parts[1]]).unwrap();
        });
        thread::sleep(Duration::from_millis(100));
        // One that was refused may be closed already.
        let _ = connection.send(&bytes[head + parts[1]..]);
        assert_eq!(connection.response().unwrap().status, status, "{parts:?}");
    }
}

#[test]
fn who_hangs_up_leaves_nobody_waiting() {
    let stage = Stage::new("5s", "");
    let lookups = stage.lookups();
    stage.put("{ id: s, hash: <s>, models: [all] }");
    thread::scope(|scope| {
        let mut replies = Vec::new();
        stage.while_the_store_stalls(|| {
            stage.gateway.call("s").chat(MODEL).send_and_linger(Duration::from_millis(100));
            replies.extend((0..5).map(|_| scope.spawn(|| stage.gateway.chat("s", MODEL).status)));
        });
        for reply in replies {
            assert_eq!(reply.join().unwrap(), 200);
        }
    });
    assert_eq!(lookups.count(), 1);
}

#[test]
fn who_waits_when_the_policy_changes_is_answered() {
    let stage = Stage::with(2, "5s", "");
    stage.put("{ id: s, hash: <s>, models: [all] }");
    for change in ["timezone: Europe/Berlin", "timezone: Europe/Paris", "timezone: Europe/Rome"] {
        thread::sleep(TTL);
        thread::scope(|scope| {
            let mut replies = Vec::new();
            stage.while_the_store_stalls(|| {
                replies.extend((0..5).map(|_| scope.spawn(|| stage.gateway.chat("s", MODEL).outcome())));
                thread::sleep(Duration::from_millis(100));
                stage.gateway.reload(&format!("{}\n{change}", stage.policy));
            });
            for reply in replies {
                let outcome = reply.join().unwrap();
                assert!(outcome.0 == 200 || outcome == unavailable(), "{outcome:?}");
            }
        });
        assert_eq!(stage.gateway.chat("s", MODEL).status, 200);
    }
}

#[test]
fn keys_are_looked_up_over_upstash_too() {
    let store = Store::start();
    let upstash = Upstash::start(&store.url(), TOKEN);
    let stage = Stage::before(store, upstash.address(), 2, "dialect: upstash, timeout: 5s", TEAM, with_token);
    stage.put("{ id: s, hash: <s>, team: t }");
    let statuses = (0..4).map(|_| stage.gateway.chat("s", MODEL).status);
    assert_eq!(statuses.collect::<Vec<_>>(), [200, 200, 200, 429]);
    assert_eq!(stage.gateway.chat("unknown", MODEL).outcome(), (401, "invalid_api_key".into()));
    assert!(stage.key(&["revoke", "--id", "s"]));
    thread::sleep(TTL + Duration::from_millis(500));
    assert_eq!(stage.gateway.chat("s", MODEL).outcome(), (401, "invalid_api_key".into()));
}

#[test]
fn many_keys_at_once_on_all_workers() {
    let stage = Stage::with(4, "5s", TEAM);
    let keys: Vec<String> = (0..100).map(|key| format!("s{key}")).collect();
    let entry = |key: &String| {
        format!("{{ id: {key}, hash: <{key}>, models: [all], limits: [{{ requests: 1000, per: day }}] }}")
    };
    stage.put(&keys.iter().map(entry).collect::<Vec<_>>().join(", "));
    thread::scope(|scope| {
        for client in 0..8 {
            let (stage, keys) = (&stage, &keys);
            scope.spawn(move || {
                for key in keys {
                    let body = json!({ "model": "chat-default", "messages": [{ "role": "user", "content": format!("{client} {key}") }] });
                    let reply = stage.gateway.call(key).json(&body).send();
                    arrived_whole(&reply, &body);
                    assert_eq!(reply.audit()["key_id"], key.as_str());
                }
            });
        }
    });
}
