//! Bodies that end in trailers, over HTTP/2 on the side of the providers: they are written and translated as any other.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::failover::{PATHS, POLICY, body, tried};
use crate::support::call::Reply;
use crate::support::gateway::Gateway;
use crate::support::http::Headers;
use crate::support::provider::{Answer, Step};
use crate::support::{told, wire};

/// The shipped gateway, whose providers speak HTTP/2 and send trailers, and whose callers may.
fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start_configured(POLICY, |config| {
            let resources = &mut config["static_resources"];
            let gateway =
                resources["listeners"].as_array_mut().unwrap().iter_mut().find(|own| own["name"] == "gateway");
            let manager = &mut gateway.unwrap()["filter_chains"][0]["filters"][0]["typed_config"];
            manager["http_protocol_options"] = json!({ "enable_trailers": true });
            for name in ["anthropic", "openai"] {
                speak_http2(resources, name);
            }
        })
    })
}

/// The fake providers speak HTTP/1.1 only: the same Envoy takes HTTP/2 for them, at a socket in its folder.
fn speak_http2(resources: &mut Value, name: &str) {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const TYPE: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let clusters = resources["clusters"].as_array_mut().unwrap();
    let cluster = clusters.iter_mut().find(|cluster| cluster["name"] == name).unwrap();
    cluster.as_object_mut().unwrap().remove("outlier_detection");
    let options = &mut cluster["typed_extension_protocol_options"][OPTIONS];
    options["explicit_http_config"] = json!({ "http2_protocol_options": {} });
    let socket = json!({ "pipe": { "path": format!("{name}.sock") } });
    let address = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"];
    let provider = std::mem::replace(address, socket.clone());
    let behind = format!("{name}-behind");
    let trailing = json!({ "@type": TYPE,
        "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } } });
    clusters.push(json!({ "name": behind, "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": { "cluster_name": behind,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": provider } }] }] },
        "typed_extension_protocol_options": { OPTIONS: trailing } }));
    let router = json!({ "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } });
    let all = json!({ "match": { "prefix": "/" }, "route": { "cluster": behind, "timeout": "60s" } });
    let manager = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": behind, "codec_type": "HTTP2", "http_filters": [router],
        "route_config": { "virtual_hosts": [{ "name": behind, "domains": ["*"], "routes": [all] }] } } });
    resources["listeners"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": behind, "address": socket, "filter_chains": [{ "filters": [manager] }] }));
}

fn answered(path: &str, stream: bool, answer: Answer) -> Reply<'static> {
    let call = gateway().call("all").path(path).json(&body("claude-sonnet", stream));
    call.answered_by("anthropic", answer.with_trailer("x-trailer", "t")).send()
}

fn trailer() -> Headers {
    vec![("x-trailer".into(), "t".into())]
}

fn good(stream: bool) -> Answer {
    if stream { Answer::stream(wire::message_events("m")) } else { Answer::json(200, &wire::message("m")) }
}

#[test]
fn an_answer_that_ends_in_trailers_is_translated() {
    for path in PATHS {
        for stream in [false, true] {
            for answer in [good(stream), good(stream).cut_every(7)] {
                let reply = answered(path, stream, answer);
                let told = told::read(path, &reply, stream);
                assert_eq!((reply.status, told.text.as_str()), (200, "Hello"), "{path} {stream}: {}", reply.text());
                assert_eq!(reply.trailers, trailer(), "{path} {stream}");
                assert_eq!((told.error, reply.complete), (None, true), "{path} {stream}: {}", reply.text());
                let record = reply.audit();
                assert_eq!(tried(&record), [("anthropic", Some(200))], "{path} {stream}");
                let cost = (&record["cost_usd"], &record["estimated"]);
                assert_eq!(cost, (&json!("0.001026"), &json!(false)), "{path} {stream}: {record}");
            }
        }
    }
}

#[test]
fn an_error_that_ends_in_trailers_is_one() {
    let down = Answer::json(503, &wire::anthropic::error("overloaded_error", "busy"));
    let begun = || Answer::stream(wire::message_events("m")[..1].to_vec());
    for (stream, answer, status) in [
        (false, down.clone(), 503),
        (true, down, 503),
        (false, Answer::whole(200, "application/json", "{"), 200),
        (false, Answer::whole(200, "application/json", ""), 200),
        (false, Answer::whole(200, "text/html", "<html>"), 200),
        (true, begun(), 200),
        (true, begun().after(Step::Send(Vec::new())), 200),
    ] {
        let reply = answered("/v1/chat/completions", stream, answer);
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(told::chat(&reply, stream).text, "Hello");
        assert_eq!(tried(&reply.audit()), [("anthropic", Some(status)), ("openai", Some(200))]);
    }
    let bad = Answer::json(400, &wire::anthropic::error("invalid_request_error", "too long"));
    let reply = answered("/v1/chat/completions", false, bad);
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (400, &json!("too long")), "{}", reply.text());
}

#[test]
fn a_stream_that_breaks_off_into_trailers_does_not_look_whole() {
    let events = wire::message_events("m");
    let reply = answered("/v1/chat/completions", true, Answer::stream(&events[..4]));
    assert!(!reply.complete && !reply.text().contains("[DONE]"), "{}", reply.text());
    assert!(reply.text().contains("Hel"), "what came before it has passed: {}", reply.text());
    let record = reply.audit();
    assert_eq!((&record["estimated"], &record["input_tokens"]), (&json!(true), &json!(1112)), "{record}");
}

#[test]
fn what_was_counted_in_a_stream_with_trailers_is_believed() {
    let mut events = wire::message_events("m");
    let long = "word ".repeat(100);
    events.insert(4, events[3].replace("Hel", &long));
    let record = answered("/v1/chat/completions", true, Answer::stream(&events)).audit();
    assert_eq!((&record["output_tokens"], &record["estimated"]), (&json!(21), &json!(false)), "{record}");
}

#[test]
fn a_request_that_ends_in_trailers_is_written_for_each_provider() {
    for path in PATHS {
        for first in [good(false), Answer::json(503, &wire::anthropic::error("overloaded_error", "busy"))] {
            let failed = first.status != 200;
            let call = gateway().call("all").path(path).json(&body("claude-sonnet", false)).in_chunks(9);
            let reply = call.trailer("x-trailer", "t").answered_by("anthropic", first).send();
            assert_eq!(
                (reply.status, told::read(path, &reply, false).text.as_str()),
                (200, "Hello"),
                "{}",
                reply.text()
            );
            let models: Vec<Value> = reply.received().iter().map(|attempt| attempt.json()["model"].clone()).collect();
            let expected = ["claude-sonnet-4-20250514", "gpt-4o-2024-08-06"];
            assert_eq!(models, expected[..1 + usize::from(failed)], "{path}");
        }
    }
}

#[test]
fn a_stream_whose_end_cannot_be_told_any_more_does_not_look_whole() {
    let usage = wire::openai::usage(9, 20);
    let mut without_done = wire::openai::chat_stream("m", &["Hello"], Some(usage));
    without_done.steps.pop();
    for (answer, whole) in [(without_done.clone(), true), (without_done.with_trailer("x-trailer", "t"), false)] {
        let call = gateway().call("all").path("/v1/messages").json(&body("claude-sonnet", true));
        let down = Answer::json(503, &wire::anthropic::error("overloaded_error", "busy"));
        let reply = call.answered_by("anthropic", down).answered_by("openai", answer).send();
        assert!(reply.text().contains("Hello"), "{}", reply.text());
        assert_eq!((reply.complete, reply.text().contains("message_stop")), (whole, whole), "{}", reply.text());
        let record = reply.audit();
        assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&json!(9), &json!(20)), "{record}");
    }
}
