//! A provider that is gone, and a credential that changes, while callers call.

use std::thread;
use std::time::Duration;

use crate::failover::{PATHS, POLICY, body};
use crate::support::config::credential;
use crate::support::gateway::Gateway;
use crate::support::told;

#[test]
fn killing_the_first_provider_costs_no_caller_an_answer() {
    let gateway = Gateway::start(POLICY);
    let served = thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|caller| {
                let gateway = &gateway;
                scope.spawn(move || {
                    let stream = caller % 2 == 0;
                    let mut by_openai = 0;
                    for _ in 0..2000 {
                        let reply = gateway.call("all").json(&body("claude-sonnet", stream)).send();
                        assert_eq!(reply.status, 200, "{}", reply.text());
                        let told = told::chat(&reply, stream);
                        let begun = stream && reply.header("x-keyward-provider") == Some("anthropic");
                        assert!(told.text == "Hello" || begun, "{}", reply.text());
                        by_openai += usize::from(reply.header("x-keyward-provider") == Some("openai"));
                        if by_openai == 40 {
                            break;
                        }
                    }
                    by_openai
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        gateway.providers().kill("anthropic");
        callers.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(served.iter().all(|by_openai| *by_openai == 40), "{served:?}");
}

#[test]
fn a_provider_nobody_listens_for_is_replaced_by_the_next() {
    let gateway = Gateway::start(POLICY);
    gateway.providers().kill("anthropic");
    for path in PATHS {
        for stream in [false, true] {
            let reply = gateway.call("all").path(path).json(&body("claude-sonnet", stream)).send();
            let told = told::read(path, &reply, stream);
            assert_eq!((reply.status, told.text.as_str()), (200, "Hello"), "{path}: {}", reply.text());
            assert_eq!(reply.header("x-keyward-provider"), Some("openai"));
        }
    }
}

#[test]
fn a_providers_credential_rotates_without_a_failed_request() {
    let gateway = Gateway::start(POLICY);
    let seen = |provider: &str| {
        let path = if provider == "anthropic" { "claude-sonnet" } else { "costly" };
        let reply = gateway.call("all").json(&body(path, false)).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let forwarded = reply.forwarded();
        let header = if provider == "anthropic" { "x-api-key" } else { "authorization" };
        forwarded.header(header).unwrap_or_default().trim_start_matches("Bearer ").to_owned()
    };
    for provider in ["anthropic", "openai"] {
        assert_eq!(seen(provider), credential(provider));
        thread::scope(|scope| {
            let callers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut at_new = 0;
                        for _ in 0..5000 {
                            let now = seen(provider);
                            assert!(now == credential(provider) || now == "rotated", "{now}");
                            at_new += usize::from(now == "rotated");
                            if at_new == 50 {
                                break;
                            }
                        }
                        at_new
                    })
                })
                .collect();
            thread::sleep(Duration::from_millis(100));
            gateway.rotate(provider, "rotated");
            for caller in callers {
                assert_eq!(caller.join().unwrap(), 50, "{provider}: every worker has the new one");
            }
        });
    }
}
