use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Attempt, Body, REFUSED, TARGET};
use crate::providers::Api;
use crate::request::{BodyScan, Edits, Endpoint};
use crate::routing::{Identity, Plan, PlannedTarget};

fn target(index: u16, provider: &'static str, api: Api) -> PlannedTarget<'static> {
    PlannedTarget {
        index,
        provider,
        api,
        model: Cow::Owned(format!("{provider}-model")),
        api_version: None,
        base_path: None,
        forward_identity: provider == "ours",
    }
}

fn plan(endpoint: Endpoint, stream: bool) -> Plan<'static> {
    Plan {
        request_id: "r-1",
        endpoint,
        model: "called",
        arrived: 1_700_000_000,
        stream,
        drop_params: false,
        query: Some("x=1"),
        api_headers: vec![("anthropic-beta", "b")],
        body_bytes: 104,
        max_output_tokens: None,
        place: None,
        identity: Some(Identity { team: Some("t"), project: None, key_id: "k", user: Some("u") }),
        targets: vec![
            target(0, "openai", Api::OpenAi),
            target(1, "anthropic", Api::Anthropic),
            target(2, "ours", Api::OpenAi),
            target(3, "bedrock", Api::Bedrock),
        ],
    }
}

fn begin(plan: &Plan<'_>, provider: &str) -> Attempt {
    Attempt::begin(&plan.encode(), Some(provider)).unwrap()
}

const CHAT: &str =
    r#"{"model":"openai-model","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"stream":false}"#;

fn headers(attempt: &Attempt, sent: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
    let head = attempt.request_headers(sent.iter().map(|(name, value)| (*name, value.as_bytes())));
    (head.set.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(), head.remove)
}

fn has(set: &[(String, String)], name: &str, value: &str) -> bool {
    set.iter().any(|(known, told)| known == name && told == value)
}

#[test]
fn nothing_is_sent_without_a_plan_or_to_a_stranger() {
    let encoded = plan(Endpoint::Chat, false).encode();
    for (plan, provider) in
        [(&[][..], Some("openai")), (&encoded, None), (&encoded, Some("stranger")), (b"\x07junk", Some("openai"))]
    {
        let refused = Attempt::begin(plan, provider).unwrap_err();
        assert_eq!(refused.status, 500);
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert!(!body.to_string().contains("stranger"), "{body}");
    }
}

#[test]
fn every_provider_gets_its_own_credential_and_no_other() {
    let sent = [
        (":path", "/left/by/another?attempt=1"),
        ("x-keyward-credential-openai", "one"),
        ("x-keyward-credential-anthropic", "two"),
        ("x-keyward-cluster", "c"),
    ];
    let plan = plan(Endpoint::Chat, false);
    for (provider, header, value) in [("openai", "authorization", "Bearer one"), ("anthropic", "x-api-key", "two")] {
        let (set, removed) = headers(&begin(&plan, provider), &sent);
        assert!(has(&set, header, value), "{set:?}");
        assert_eq!(removed.iter().filter(|name| name.starts_with("x-keyward-")).count(), 3, "{removed:?}");
        let other = if provider == "openai" { "two" } else { "one" };
        assert!(!format!("{set:?}").contains(&format!("{other}\"")), "{set:?}");
    }
    let (set, _) = headers(&begin(&plan, "ours"), &sent);
    assert!(!set.iter().any(|(name, _)| name == "authorization"), "no injector, no credential: {set:?}");
    assert!(has(&set, "x-keyward-team", "t") && has(&set, "x-keyward-key-id", "k"));
    assert!(has(&set, ":path", "/v1/chat/completions?x=1"), "{set:?}");
}

#[test]
fn nothing_that_an_attempt_set_reaches_the_next_provider() {
    // Envoy makes the second attempt of the headers that the first has left.
    let left = [
        (":path", "/v1/messages"),
        ("x-api-key", "secret"),
        ("authorization", "Bearer secret"),
        ("api-key", "secret"),
        ("x-goog-api-key", "secret"),
        ("anthropic-version", "2023-06-01"),
        ("content-length", "7"),
        ("x-keyward-team", "t"),
    ];
    let (set, removed) = headers(&begin(&plan(Endpoint::Chat, false), "openai"), &left);
    for (name, _) in &left[1..] {
        assert!(removed.iter().any(|gone| gone == name), "{name} stays");
    }
    assert!(!format!("{set:?}").contains("secret"));
    assert!(has(&set, "content-length", "104") && has(&set, "anthropic-beta", "b"), "what the caller sent comes back");
    let (set, _) = headers(&begin(&plan(Endpoint::Chat, false), "anthropic"), &left);
    assert!(!has(&set, "anthropic-beta", "b"), "not in a request that is written anew");
}

#[test]
fn only_providers_of_ones_own_are_told_who_calls() {
    let (set, _) = headers(&begin(&plan(Endpoint::Chat, false), "openai"), &[(":path", "/")]);
    assert!(!set.iter().any(|(name, _)| name.starts_with("x-keyward-")), "{set:?}");
}

#[test]
fn no_provider_learns_where_a_request_comes_from() {
    let way = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip", "via"];
    let sent = way.map(|name| (name, "10.0.0.1"));
    for provider in ["openai", "anthropic", "ours"] {
        let (_, removed) = headers(&begin(&plan(Endpoint::Chat, false), provider), &sent);
        assert_eq!(removed, way);
    }
    let (_, removed) = headers(&begin(&plan(Endpoint::Chat, false), "openai"), &[("x-request-id", "r")]);
    assert!(removed.is_empty(), "{removed:?}");
}

#[test]
fn callers_get_no_headers_that_are_between_the_provider_and_us() {
    let theirs = ["set-cookie", "alt-svc", "strict-transport-security", "www-authenticate", "x-envoy-overloaded"];
    let callers = ["retry-after", "x-request-id", "request-id", "openai-version", "anthropic-organization-id"];
    let sent = || theirs.iter().chain(&callers).map(|name| (*name, &b"x"[..])).chain([(":status", &b"200"[..])]);
    let mut native = begin(&plan(Endpoint::Chat, false), "openai");
    assert_eq!(native.response_headers(sent(), false).remove, theirs);
    let removed = translated(false).response_headers(sent(), false).remove;
    assert!(theirs.iter().all(|name| removed.iter().any(|gone| gone == name)), "{removed:?}");
    assert!(!callers.iter().any(|name| removed.iter().any(|gone| gone == name)), "{removed:?}");
}

#[test]
fn the_same_api_passes_through_but_for_the_model() {
    let mut scan = BodyScan::new(Endpoint::Chat, None).unwrap();
    let sent = r#"{"messages":[], "model" : "called", "x":1.50}"#;
    scan.feed(sent.as_bytes()).unwrap();
    let body = scan.finish().unwrap();
    let edits = Edits::new(&body, "openai-model", true);
    let forwarded = edits.apply(sent.as_bytes());
    let mut plan = plan(Endpoint::Chat, true);
    plan.place = edits.model_place(&body);
    let mut second = begin(&plan, "ours");
    let Body::Edited(edits) = second.request_body(&forwarded).unwrap() else { panic!("written anew") };
    let renamed = String::from_utf8(edits.apply(&forwarded)).unwrap();
    assert_eq!(renamed, String::from_utf8(forwarded).unwrap().replace("openai-model", "ours-model"));
    let first = begin(&plan, "openai");
    assert!(!first.request_headers([].into_iter()).needs_body, "the gate wrote it for the first");
}

fn respond(attempt: &mut Attempt, status: &str, kind: &str) -> super::ResponseHead {
    let headers = [(":status", status), ("content-type", kind), ("x-keyward-target", "9"), ("content-length", "3")];
    attempt.response_headers(headers.into_iter().map(|(name, value)| (name, value.as_bytes())), false)
}

fn translated(stream: bool) -> Attempt {
    let mut attempt = begin(&plan(Endpoint::Chat, stream), "anthropic");
    let Body::Written(written) = attempt.request_body(CHAT.as_bytes()).unwrap() else { panic!("passed through") };
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!((&written["model"], &written["max_tokens"]), (&json!("anthropic-model"), &json!(5)), "{written}");
    attempt
}

#[test]
fn a_whole_answer_is_translated_once_it_is_whole() {
    let mut attempt = translated(false);
    let head = respond(&mut attempt, "200", "application/json");
    assert!(head.hold && attempt.collects());
    assert!(head.set.contains(&(TARGET, "1".to_owned())), "{head:?}");
    assert!(head.remove.contains(&"x-keyward-target".to_owned()), "a provider cannot say which target it is");
    let answer = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "anthropic-model",
        "content": [{ "type": "text", "text": "hello" }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4 } });
    let told = attempt.response_body(answer.to_string().as_bytes(), true).unwrap();
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "hello");
    assert_eq!((&body["model"], &body["usage"]["prompt_tokens"]), (&json!("called"), &json!(7)), "{body}");
    assert_eq!((told.status, told.release), (None, true));
}

#[test]
fn answers_whose_provider_names_none_have_an_id_of_their_own() {
    let answer = json!({ "output": { "message": { "content": [{ "text": "hello" }] } }, "stopReason": "end_turn" });
    for (endpoint, id) in [(Endpoint::Chat, "\"id\":\"chatcmpl-r-1\""), (Endpoint::Messages, "\"id\":\"msg_r-1\"")] {
        for stream in [false, true] {
            let mut attempt = begin(&plan(endpoint, stream), "bedrock");
            respond(&mut attempt, "200", "application/json");
            let told = attempt.response_body(answer.to_string().as_bytes(), true).unwrap();
            let body = String::from_utf8(told.body).unwrap();
            assert!(body.contains(id), "{body}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_502_that_the_next_provider_can_make_good() {
    for broken in ["", "{", "<html>", "[]"] {
        let mut attempt = translated(false);
        respond(&mut attempt, "200", "application/json");
        let told = attempt.response_body(broken.as_bytes(), true).unwrap();
        assert_eq!((told.status, told.release), (Some(502), true), "{broken}");
        assert!(serde_json::from_slice::<Value>(&told.body).unwrap()["error"]["message"].is_string());
    }
}

#[test]
fn an_error_is_told_in_the_callers_words() {
    let mut attempt = translated(false);
    respond(&mut attempt, "429", "application/json");
    let error = br#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
    let told = attempt.response_body(error, true).unwrap();
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((told.status, &body["error"]["message"]), (Some(429), &json!("slow down")), "{body}");
}

#[test]
fn what_is_no_answer_is_replaced_at_its_headers() {
    for (status, kind) in [("302", "text/plain"), ("199", ""), ("600", ""), ("200", "Text/HTML; charset=utf-8")] {
        for (endpoint, provider) in
            [(Endpoint::Chat, "openai"), (Endpoint::Chat, "anthropic"), (Endpoint::Embeddings, "openai")]
        {
            let mut attempt = begin(&plan(endpoint, false), provider);
            let head = respond(&mut attempt, status, kind);
            assert!(!head.hold && !attempt.collects() && !attempt.passes(), "{status} {kind} {provider}");
            assert_eq!(head.status.to_string(), status, "what is noted is what the provider said");
            for told in [(":status", "502"), ("content-type", "application/json"), (REFUSED, "provider_unavailable")] {
                assert!(head.set.contains(&(told.0, told.1.to_owned())), "{head:?}");
            }
            assert!(head.remove.contains(&"location".to_owned()));
            let first = attempt.response_body(b"<html>", false).unwrap();
            let body: Value = serde_json::from_slice(&first.body).unwrap();
            assert_eq!(body["error"]["code"], "provider_unavailable", "{body}");
            assert_eq!(attempt.response_body(b"</html>", true).unwrap().body, b"", "nothing comes after");
        }
    }
}

#[test]
fn what_may_be_an_answer_passes() {
    for (endpoint, status, kind) in [
        (Endpoint::Chat, "200", "application/json"),
        (Endpoint::Chat, "204", ""),
        (Endpoint::Chat, "404", "text/html"),
        (Endpoint::Transcriptions, "200", "text/html"),
    ] {
        let mut attempt = begin(&plan(endpoint, false), "openai");
        respond(&mut attempt, status, kind);
        assert!(attempt.passes(), "{status} {kind}");
    }
    let mut attempt = begin(&plan(Endpoint::Chat, false), "openai");
    let empty: [(&str, &[u8]); 2] = [(":status", b"200"), ("content-type", b"text/html")];
    attempt.response_headers(empty.into_iter(), true);
    assert!(attempt.passes(), "there is no page");
}

#[test]
fn a_header_may_name_the_kind_of_an_error() {
    let mut attempt = begin(&plan(Endpoint::Chat, false), "bedrock");
    let headers: [(&str, &[u8]); 2] = [(":status", b"400"), ("x-amzn-errortype", b"ServiceQuotaExceededException:")];
    attempt.response_headers(headers.into_iter(), false);
    let told = attempt.response_body(br#"{"message":"too much"}"#, true).unwrap();
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(body["error"]["code"], "ServiceQuotaExceededException", "{body}");
}

#[test]
fn what_is_said_of_our_credential_is_hidden_however_it_is_said() {
    let secret = "AIzaSecret";
    let gemini = json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": secret,
        "details": [{ "reason": "API_KEY_INVALID" }] } });
    let denied = json!({ "__type": "AccessDeniedException", "message": secret });
    let in_stream = json!({ "type": "error", "error": { "type": "authentication_error", "message": secret } });
    let in_stream = format!("event: error\ndata: {in_stream}\n\n");
    for (api, status, kind, first, said) in [
        (Api::Gemini, "400", "application/json", "", gemini.to_string()),
        (Api::Bedrock, "400", "application/json", "", denied.to_string()),
        (Api::Anthropic, "200", "text/event-stream", "", in_stream.clone()),
        (Api::Anthropic, "200", "text/event-stream", TEXT, in_stream),
    ] {
        let mut plan = plan(Endpoint::Chat, true);
        plan.targets = vec![target(0, "theirs", api)];
        let mut attempt = begin(&plan, "theirs");
        respond(&mut attempt, status, kind);
        let told = attempt.response_body(format!("{first}{said}").as_bytes(), true).unwrap();
        let body = String::from_utf8(told.body).unwrap();
        assert!(body.contains("the gateway's own credential") && !body.contains(secret), "{api:?}: {body}");
    }
}

#[test]
fn what_would_take_all_memory_is_not_read() {
    let list = format!("[{}]", vec![r#"{"a":0}"#; 200_000].join(","));
    let tool = format!(r#"{{"type":"function","function":{{"name":"f","parameters":{{"enum":{list}}}}}}}"#);
    let as_value = CHAT.replace("\"stream\"", &format!("\"tools\":[{tool}],\"stream\""));
    let half = json!({ "x": vec![0; 150_000] }).to_string();
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": half } });
    let as_text = |calls: usize| {
        let called = json!({ "role": "assistant", "tool_calls": vec![call.clone(); calls] });
        json!({ "model": "openai-model", "messages": [called] }).to_string()
    };
    let asked = |body: &str| begin(&plan(Endpoint::Chat, false), "anthropic").request_body(body.as_bytes()).map(|_| ());
    for body in [as_value, as_text(2)] {
        let refused = asked(&body).unwrap_err();
        assert_eq!((refused.status, refused.code), (400, "invalid_request"));
    }
    assert!(asked(&as_text(1)).is_ok());
    let mut body = json!({ "id": "m", "type": "message", "role": "assistant", "content": [], "usage": { "input_tokens": 3, "output_tokens": 2 },
        "error": { "type": "x", "message": "said" } });
    for (status, told) in [("200", 502), ("500", 500)] {
        body["type"] = if status == "200" { "message".into() } else { "error".into() };
        let body = format!("{{\"x\":{list},{}", body.to_string().trim_start_matches('{'));
        let mut attempt = translated(false);
        respond(&mut attempt, status, "application/json");
        let piece = attempt.response_body(body.as_bytes(), true).unwrap();
        assert_eq!(piece.status, Some(told));
        assert!(!String::from_utf8(piece.body).unwrap().contains("said"));
    }
}

const BEGIN: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";
const OVERLOADED: &str =
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
const TEXT: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hey\"}}\n\n";

#[test]
fn a_stream_that_begins_with_an_error_never_was_one() {
    let mut attempt = translated(true);
    assert!(respond(&mut attempt, "200", "text/event-stream").hold);
    let told = attempt.response_body(BEGIN.as_bytes(), false).unwrap();
    assert!(!told.release, "nothing was said yet");
    let told = attempt.response_body(OVERLOADED.as_bytes(), false).unwrap();
    assert_eq!((told.status, told.release), (Some(529), true));
    assert!(String::from_utf8(told.body).unwrap().contains("busy"));
    assert_eq!(attempt.response_body(TEXT.as_bytes(), true).unwrap().body, b"", "nothing comes after");
}

#[test]
fn a_stream_that_breaks_off_says_so() {
    let mut attempt = translated(true);
    respond(&mut attempt, "200", "text/event-stream");
    attempt.response_body(BEGIN.as_bytes(), false).unwrap();
    let told = attempt.response_body(TEXT.as_bytes(), false).unwrap();
    assert!(told.release && String::from_utf8(told.body).unwrap().contains("hey"));
    let told = attempt.response_body(b"", true).unwrap();
    assert!(String::from_utf8(told.body).unwrap().contains("error"));
    assert_eq!(told.status, None, "the status is out already");
}

#[test]
fn what_a_dialect_hid_for_itself_reaches_no_other() {
    let marked = "call_1__thought__QUJD";
    let sent = json!({ "model": "called", "max_tokens": 5, "messages": [
        { "role": "assistant", "content": null,
          "thinking_blocks": [{ "type": "thinking", "thinking": "Hm", "signature": "gemini:QUJD" }],
          "tool_calls": [{ "id": marked, "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": marked, "content": "done" }] });
    let Body::Written(written) =
        begin(&plan(Endpoint::Chat, false), "anthropic").request_body(sent.to_string().as_bytes()).unwrap()
    else {
        panic!("passed through")
    };
    let written = String::from_utf8(written).unwrap();
    assert!(written.contains("\"call_1\"") && !written.contains("QUJD"), "{written}");
}

#[test]
fn a_body_that_is_lost_is_an_error_of_ours_in_the_callers_words() {
    for (endpoint, provider) in [(Endpoint::Chat, "anthropic"), (Endpoint::Messages, "openai")] {
        let refused = begin(&plan(endpoint, false), provider).body_lost();
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status, refused.code), (500, "provider_unavailable"));
        assert_eq!(body["type"] == "error", endpoint == Endpoint::Messages, "{body}");
    }
}

#[test]
fn what_a_provider_has_no_words_for_is_refused_by_name_or_dropped() {
    let asked = CHAT.replace("\"max_tokens\"", "\"seed\":7,\"max_tokens\"");
    let mut plan = plan(Endpoint::Chat, false);
    let refused = begin(&plan, "anthropic").request_body(asked.as_bytes()).unwrap_err();
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!((refused.status, &body["error"]["param"]), (400, &json!("seed")), "{body}");
    plan.drop_params = true;
    assert!(begin(&plan, "anthropic").request_body(asked.as_bytes()).is_ok());
}
