use crate::metering::{Counts, Usage};
use crate::providers::bedrock::DIALECT;
use crate::providers::conversation::{FailureKind, Stop};
use crate::providers::{Dialect as _, golden};

#[test]
fn every_answer_is_read_as_its_golden_says() {
    golden::assert_answers(&DIALECT, "bedrock");
}

#[test]
fn what_is_no_answer_is_survived() {
    golden::assert_survives(&DIALECT);
}

#[test]
fn every_reason_to_stop_has_its_meaning() {
    let block = r#"{"text":"x"}"#;
    let tool = r#"{"toolUse":{"toolUseId":"t","name":"n","input":{}}}"#;
    for (reason, content, expected) in [
        ("end_turn", block, Stop::End),
        ("tool_use", tool, Stop::Tools),
        ("max_tokens", block, Stop::Length),
        ("stop_sequence", block, Stop::Sequence(None)),
        ("guardrail_intervened", block, Stop::Filtered),
        ("content_filtered", block, Stop::Filtered),
        ("malformed_model_output", block, Stop::End),
        ("malformed_tool_use", block, Stop::End),
        ("model_context_window_exceeded", block, Stop::Length),
        ("something_new", block, Stop::End),
    ] {
        let body = format!(r#"{{"output":{{"message":{{"content":[{content}]}}}},"stopReason":"{reason}"}}"#);
        assert_eq!(DIALECT.read_reply(body.as_bytes()).unwrap().stop, expected, "{reason}");
    }
}

#[test]
fn input_is_what_was_new_and_what_was_cached() {
    let usage = |json: &str| super::super::reply::usage(&serde_json::from_str(json).unwrap());
    let all = r#"{"inputTokens":10,"outputTokens":7,"totalTokens":1047,"cacheReadInputTokens":1000,"cacheWriteInputTokens":30,
        "cacheDetails":[{"ttl":"1h","inputTokens":20},{"ttl":"5m","inputTokens":10}]}"#;
    let expected = Usage { input: 1040, cached: 1000, cache_write: 30, cache_write_1h: 20, output: 7, reasoning: 0 };
    assert_eq!(usage(all), Some(expected.into()));
    let nulls = r#"{"inputTokens":10,"outputTokens":null,"cacheReadInputTokens":null,"cacheDetails":null}"#;
    assert_eq!(usage(nulls), Some(Counts { input: Some(10), ..Counts::default() }));
    assert_eq!(usage("null"), None);
    let huge = format!(r#"{{"inputTokens":{0},"cacheReadInputTokens":{0}}}"#, u64::MAX);
    assert_eq!(usage(&huge).unwrap().input, Some(u64::MAX));
}

#[test]
fn what_is_no_answer_is_malformed() {
    for body in ["", "[]", "{}", r#"{"output":null}"#, r#"{"output":{"message":{"content":null}}}"#, "<html>"] {
        assert!(DIALECT.read_reply(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_failure_without_words_is_told_by_its_status() {
    for (status, kind) in [
        (400, FailureKind::Request),
        (403, FailureKind::Permission),
        (404, FailureKind::NotFound),
        (408, FailureKind::Timeout),
        (424, FailureKind::Server),
        (429, FailureKind::RateLimit),
        (500, FailureKind::Server),
        (503, FailureKind::Overloaded),
    ] {
        for body in ["", "<html>", "{}", r#"{"message":null}"#, r#"{"message":""}"#] {
            let failure = DIALECT.read_failure(status, body.as_bytes());
            assert_eq!((failure.status, failure.kind), (status, kind), "{body}");
            assert_eq!(failure.message, format!("the provider answered with status {status}"));
        }
    }
}

#[test]
fn the_kind_of_a_failure_is_in_its_header() {
    let body = br#"{"message":"no"}"#;
    for (status, header, kind, code) in [
        (429, "ThrottlingException", FailureKind::RateLimit, Some("ThrottlingException")),
        (429, "ModelNotReadyException:http://internal.amazon.com/coral/", FailureKind::Overloaded, Some("ModelNotReadyException")),
        (400, "ServiceQuotaExceededException", FailureKind::RateLimit, Some("ServiceQuotaExceededException")),
        (400, "", FailureKind::Request, None),
    ] {
        let failure = DIALECT.read_named_failure(status, header, body);
        assert_eq!((failure.kind, failure.code.as_deref(), failure.message.as_str()), (kind, code, "no"), "{header}");
    }
    let typed = br#"{"__type":"ThrottlingException","message":"no"}"#;
    assert_eq!(DIALECT.read_named_failure(400, "ValidationException", typed).kind, FailureKind::RateLimit);
}
