//! How long a provider may take to begin its answer, and what comes then.

use std::time::Duration;

use serde_json::json;

use crate::failover::{PATHS, body, gateway, tried};
use crate::support::provider::{Answer, Latch, Step};
use crate::support::{told, wire};

#[test]
fn a_models_timeout_bounds_the_time_to_the_first_byte_and_fails_over() {
    for path in PATHS {
        for stream in [false, true] {
            let latch = Latch::closed();
            let reply = gateway()
                .call("all")
                .path(path)
                .json(&body("hurried", stream))
                .answered_by("anthropic", Answer::silent(&latch))
                .send();
            latch.open();
            let told = told::read(path, &reply, stream);
            assert_eq!((reply.status, told.text.as_str()), (200, "Hello"), "{path} {stream}: {}", reply.text());
            assert_eq!(tried(&reply.audit()), [("anthropic", None), ("openai", Some(200))]);
        }
    }
}

#[test]
fn a_stream_that_says_nothing_in_time_is_replaced_where_it_is_translated() {
    let latch = Latch::closed();
    let silent = Answer::stream(&wire::message_events("m")[..1]).then(Step::Hold(latch.clone()));
    let reply = gateway().call("all").json(&body("hurried", true)).answered_by("anthropic", silent).send();
    latch.open();
    assert_eq!((reply.status, told::chat(&reply, true).text.as_str()), (200, "Hello"), "{}", reply.text());
    assert_eq!(reply.header("x-keyward-provider"), Some("openai"));
}

#[test]
fn a_models_timeout_does_not_cut_a_stream_that_began() {
    for path in PATHS {
        let mut slow = Answer::stream(wire::message_events("m"));
        // Longer than the model's 400 ms.
        slow.steps.insert(4, Step::Wait(Duration::from_millis(900)));
        let reply = gateway().call("all").path(path).json(&body("hurried", true)).answered_by("anthropic", slow).send();
        let told = told::read(path, &reply, true);
        assert_eq!((told.text.as_str(), told.error), ("Hello", None), "{path}");
        assert!(reply.complete);
        assert_eq!(tried(&reply.audit()), [("anthropic", Some(200))]);
    }
}

#[test]
fn a_chain_that_is_silent_to_its_end_is_a_timeout() {
    for path in PATHS {
        let latch = Latch::closed();
        let reply =
            gateway().call("all").path(path).json(&body("hurried", false)).answered(Answer::silent(&latch)).send();
        latch.open();
        assert_eq!(reply.status, 504, "{path}: {}", reply.text());
        let record = reply.audit();
        assert_eq!((&record["decision"], &record["cost_usd"]), (&json!("provider_timeout"), &json!("0")), "{record}");
        assert_eq!(tried(&record).len(), 4, "{record}");
    }
}
