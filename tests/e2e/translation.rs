//! Every dialect through a real Envoy: whatever API a caller speaks, each provider hears its own, and the answer comes back in
//! the caller's words, byte by byte or whole, with exact usage and cost.

use serde_json::{Value, json};

use crate::dialects::{DIALECTS, Dialect, MODEL, PATHS, call, gateway, is_native};
use crate::support::call::Reply;
use crate::support::config::credential;
use crate::support::provider::{Answer, Latch, Received, Step};
use crate::support::{told, wire};

fn heard_its_own(dialect: &Dialect, stream: bool, request: &Received) {
    assert_eq!(request.provider, dialect.provider);
    assert_eq!(request.path, dialect.paths[usize::from(stream)]);
    assert_eq!(request.header("host"), Some(dialect.host));
    assert!(request.headers.iter().all(|(name, value)| !name.starts_with("x-envoy-") && value != "gateway"));
    for header in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
        let told = request.header(header).map(|value| value.trim_start_matches("Bearer "));
        if dialect.provider == "bedrock" && header == "authorization" {
            assert!(told.is_some_and(|told| told.starts_with("AWS4-HMAC-SHA256 Credential=AKIATEST/")), "{told:?}");
            continue;
        }
        let expected = (dialect.credential == Some(header)).then(|| credential(dialect.provider));
        assert_eq!(told, expected.as_deref(), "{}: {header}", dialect.model);
    }
    let identity = |name: &str| request.header(&format!("x-keyward-{name}"));
    let who = [identity("team"), identity("project"), identity("key-id"), identity("user")];
    let known = if dialect.provider == "local" { [Some("t"), Some("p"), Some("open"), None] } else { [None; 4] };
    assert_eq!(who, known, "{}", dialect.model);
    let identity = known.iter().flatten().count();
    let ours = request.headers.iter().filter(|(name, _)| name.starts_with("x-keyward-")).count();
    assert_eq!(ours, identity, "{}: {:?}", dialect.model, request.headers);
    let body = request.json();
    let named = body.get("model").and_then(Value::as_str);
    let in_path = ["gemini", "bedrock"].contains(&dialect.provider);
    assert_eq!(named, (!in_path).then_some(MODEL), "{}: {body}", dialect.model);
}

fn accounted(dialect: &Dialect, stream: bool, tools: bool, reply: &Reply<'_>) {
    let (input, cached, output, cost) = if tools { dialect.call } else { dialect.hello };
    let record = reply.audit();
    let expected = json!({ "provider": dialect.provider, "provider_model": MODEL, "model": dialect.model, "status": 200,
        "input_tokens": input, "cached_tokens": cached, "output_tokens": output, "cost_usd": cost, "estimated": false,
        "stream": stream, "attempts": 1, "tried": [{ "provider": dialect.provider, "status": 200 }] });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{}, stream {stream}, tools {tools}: {field}: {record}", dialect.model);
    }
    assert_eq!(reply.header("x-keyward-cost-usd"), (!stream).then_some(cost), "{}", dialect.model);
    assert_eq!(reply.header("x-keyward-provider"), Some(dialect.provider));
}

#[test]
fn every_caller_reaches_every_provider_in_its_own_words() {
    for path in PATHS {
        for dialect in &DIALECTS {
            for (stream, tools) in [(false, false), (true, false), (false, true), (true, true)] {
                let what = format!("{path} {}, stream {stream}, tools {tools}", dialect.model);
                let reply = call(path, dialect.model, stream, tools).send();
                assert_eq!(reply.status, 200, "{what}: {}", reply.text());
                heard_its_own(dialect, stream, &reply.forwarded());
                let told = told::read(path, &reply, stream);
                assert_eq!(told.error, None, "{what}");
                let (text, calls) = if tools {
                    ("", vec![("weather".to_owned(), json!({ "city": "Oslo" }))])
                } else {
                    ("Hello", Vec::new())
                };
                assert_eq!((told.text.as_str(), &told.calls), (text, &calls), "{what}: {}", reply.text());
                let finish = match (path, tools) {
                    ("/v1/messages", true) => "tool_use",
                    ("/v1/messages", false) => "end_turn",
                    (_, true) => "tool_calls",
                    (_, false) => "stop",
                };
                assert_eq!(told.finish, finish, "{what}");
                let (model, kind) =
                    (if is_native(path, dialect) { MODEL } else { dialect.model }, reply.header("content-type"));
                assert_eq!(told.model, model, "{what}");
                assert_eq!(kind, Some(if stream { "text/event-stream" } else { "application/json" }), "{what}");
                let (input, cached, output, _) = if tools { dialect.call } else { dialect.hello };
                // Anthropic's API counts what was cached or written to the cache beside the input.
                let beside = if dialect.provider == "anthropic" && !tools { 1100 } else { cached };
                let input = if path == "/v1/messages" { input - beside } else { input };
                assert_eq!(told.usage, Some((input, output)), "{what}: {}", reply.text());
                accounted(dialect, stream, tools, &reply);
            }
        }
    }
}

/// An answer without the second it was made in and the id of its request.
fn timeless(reply: &Reply<'_>) -> String {
    let text = reply.text().replace(reply.header("x-keyward-request-id").unwrap_or_default(), "");
    let mut parts = text.split("\"created\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| whole + part.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

#[test]
fn an_answer_that_comes_byte_by_byte_is_the_same() {
    for path in PATHS {
        for dialect in &DIALECTS {
            for (stream, tools) in [(false, false), (true, false), (false, true), (true, true)] {
                let whole = call(path, dialect.model, stream, tools).send();
                let answer = wire::answer(&whole.forwarded());
                for size in [1, 7] {
                    let cut = call(path, dialect.model, stream, tools).answered(answer.clone().cut_every(size)).send();
                    assert_eq!(timeless(&cut), timeless(&whole), "{path} {} {stream} {tools}", dialect.model);
                    accounted(dialect, stream, tools, &cut);
                }
            }
        }
    }
}

#[test]
fn a_request_that_comes_in_pieces_is_the_same() {
    for path in PATHS {
        for dialect in &DIALECTS {
            let whole = call(path, dialect.model, false, true).send().forwarded();
            let pieces = call(path, dialect.model, false, true).in_chunks(3).send().forwarded();
            assert_eq!(pieces.body, whole.body, "{path} {}", dialect.model);
        }
    }
}

#[test]
fn a_tools_result_goes_back_in_the_providers_words() {
    let chat = json!([
        { "role": "user", "content": "How is the weather?" },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } }] },
        { "role": "tool", "tool_call_id": "call_1", "content": "four degrees" },
    ]);
    let messages = json!([
        { "role": "user", "content": "How is the weather?" },
        { "role": "assistant", "content": [{ "type": "tool_use", "id": "call_1", "name": "weather", "input": { "city": "Oslo" } }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "call_1", "content": "four degrees" }] },
    ]);
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    for dialect in &DIALECTS {
        let bodies = [
            json!({ "model": dialect.model, "messages": chat, "max_tokens": 50, "tools": [{ "type": "function", "function": { "name": "weather", "parameters": schema } }] }),
            json!({ "model": dialect.model, "messages": messages, "max_tokens": 50, "tools": [{ "name": "weather", "input_schema": schema }] }),
        ];
        for (path, body) in PATHS.into_iter().zip(bodies) {
            let reply = gateway().call("open").path(path).json(&body).send();
            assert_eq!(told::read(path, &reply, false).text, "Hello", "{path} {}: {}", dialect.model, reply.text());
            let sent = reply.forwarded().json();
            assert!(
                sent.to_string().contains("four degrees") && sent.to_string().contains("Oslo"),
                "{}: {sent}",
                dialect.model
            );
        }
    }
}

#[test]
fn what_a_provider_has_no_words_for_is_refused_by_name_or_dropped() {
    for (path, field, value, provider) in [
        ("/v1/chat/completions", "logit_bias", json!({ "50256": -100 }), "to-anthropic"),
        ("/v1/chat/completions", "logit_bias", json!({ "50256": -100 }), "to-gemini"),
        ("/v1/chat/completions", "logit_bias", json!({ "50256": -100 }), "to-bedrock"),
        ("/v1/chat/completions", "logit_bias", json!({ "50256": -100 }), "to-ollama"),
        ("/v1/chat/completions", "seed", json!(7), "to-anthropic"),
        ("/v1/messages", "top_k", json!(5), "to-openai"),
        ("/v1/messages", "top_k", json!(5), "to-azure"),
    ] {
        for stream in [false, true] {
            let asked = |model: String| {
                let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50, "stream": stream, field: value });
                gateway().call("open").path(path).json(&body).send()
            };
            let refused = asked(provider.to_owned());
            let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!(refused.status, 400, "{provider} {field}: {}", refused.text());
            assert!(message.contains(field) && message.contains(provider), "{provider} {field}: {message}");
            assert!(refused.received().is_empty(), "{provider} {field}");
            let record = refused.audit();
            assert_eq!((&record["cost_usd"], &record["status"]), (&json!("0"), &json!(400)), "{record}");
            let dropped = asked(format!("{provider}-dropping"));
            assert_eq!(told::read(path, &dropped, stream).text, "Hello", "{provider} {field}: {}", dropped.text());
            assert!(dropped.forwarded().json().get(field).is_none(), "{provider} {field}");
        }
    }
}

#[test]
fn what_a_provider_does_not_serve_is_refused() {
    for model in ["to-anthropic", "to-gemini", "to-bedrock", "to-ollama"] {
        let body = json!({ "model": model, "input": "hi" });
        let reply = gateway().call("open").path("/v1/embeddings").json(&body).send();
        assert_eq!(reply.outcome(), (400, "unsupported_endpoint".to_owned()), "{model}: {}", reply.text());
        assert!(reply.received().is_empty() && reply.audit()["cost_usd"] == "0");
    }
}

#[test]
fn a_caller_who_hangs_up_pays_for_what_was_streamed() {
    for path in PATHS {
        for dialect in DIALECTS.iter().filter(|dialect| !is_native(path, dialect)) {
            let answer = wire::answer(&call(path, dialect.model, true, false).send().forwarded());
            let says =
                |step: &Step| matches!(step, Step::Send(bytes) if String::from_utf8_lossy(bytes).contains("Hel"));
            let at = answer.steps.iter().position(says).unwrap();
            let mut answer = answer;
            answer.steps.truncate(at + 1);
            let latch = Latch::closed();
            let mut open =
                call(path, dialect.model, true, false).answered(answer.then(Step::Hold(latch.clone()))).open();
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains("Hel") {
                seen.extend(open.piece().unwrap_or_else(|| panic!("{path} {}: ended before", dialect.model)));
            }
            let record = open.hang_up();
            latch.open();
            assert_eq!(
                (&record["estimated"], &record["provider"]),
                (&json!(true), &json!(dialect.provider)),
                "{record}"
            );
            assert_ne!(record["cost_usd"], "0", "{path} {}: {record}", dialect.model);
        }
    }
}

#[test]
fn a_providers_error_comes_in_the_callers_shape() {
    let errors = [
        ("to-openai", wire::error("no such thing", "invalid_request_error", "invalid_value")),
        ("to-azure", wire::error("no such thing", "invalid_request_error", "invalid_value")),
        ("to-anthropic", wire::anthropic::error("invalid_request_error", "no such thing")),
        ("to-gemini", json!({ "error": { "code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT" } })),
        ("to-bedrock", json!({ "message": "no such thing" })),
        ("to-ollama", json!({ "error": "no such thing" })),
    ];
    for path in PATHS {
        for (model, error) in &errors {
            for stream in [false, true] {
                let reply = call(path, model, stream, false).answered(Answer::json(400, error)).send();
                let body = reply.json();
                assert_eq!(
                    (reply.status, &body["error"]["message"]),
                    (400, &json!("no such thing")),
                    "{path} {model}: {body}"
                );
                assert_eq!(body["error"]["type"], "invalid_request_error", "{path} {model}: {body}");
                assert_eq!(body["type"] == "error", path == "/v1/messages", "{path} {model}: {body}");
                assert_eq!(reply.header("content-type"), Some("application/json"), "{path} {model}");
                let record = reply.audit();
                assert_eq!((&record["cost_usd"], &record["status"]), (&json!("0"), &json!(400)), "{record}");
            }
        }
    }
}

/// Clients go by the header.
#[test]
fn what_an_error_says_of_when_to_try_again_is_a_header() {
    let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s" }]);
    let error = json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "details": details } });
    for path in PATHS {
        for (header, told) in [(None, "37"), (Some("5"), "5")] {
            let answer = Answer::json(429, &error);
            let answer = header.map_or(answer.clone(), |seconds| answer.with_header("retry-after", seconds));
            let reply = call(path, "to-gemini", false, false).answered(answer).send();
            assert_eq!((reply.status, reply.header("retry-after")), (429, Some(told)), "{path}");
        }
    }
}

#[test]
fn nothing_complete_of_a_stream_is_held_back() {
    for path in PATHS {
        for dialect in DIALECTS.iter().filter(|dialect| !is_native(path, dialect)) {
            let told = call(path, dialect.model, true, false).send().forwarded();
            let mut answer = wire::answer(&told);
            // The provider says "Hel" and then waits for the test.
            let latch = Latch::closed();
            let says =
                |step: &Step| matches!(step, Step::Send(bytes) if String::from_utf8_lossy(bytes).contains("Hel"));
            let at = answer.steps.iter().position(says).unwrap();
            answer.steps.insert(at + 1, Step::Hold(latch.clone()));
            let mut open = call(path, dialect.model, true, false).answered(answer).open();
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains("Hel") {
                seen.extend(open.piece().unwrap_or_else(|| panic!("{path} {}: ended before", dialect.model)));
            }
            latch.open();
            while let Some(piece) = open.piece() {
                seen.extend(piece);
            }
            assert!(String::from_utf8_lossy(&seen).contains("lo"), "{path} {}", dialect.model);
        }
    }
}
