//! Taking the usage chunk out again, and nothing else.

use super::*;

const CONTENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const SUMMARY: &str = "in 1, out 2, text 2+0, complete";

fn stripping() -> Meter {
    Meter::new(Dialect::Chat, BodyKind::Sse, true)
}

fn strip(body: &[&str], expected: &str, passed: &[&str]) {
    for line_end in ["\n", "\r", "\r\n"] {
        let body = body.concat().replace('\n', line_end);
        let passed = passed.concat().replace('\n', line_end);
        check(&stripping(), body.as_bytes(), expected, passed.as_bytes());
    }
}

#[test]
fn the_usage_chunk_is_taken_out() {
    strip(&[CONTENT, USAGE, DONE], SUMMARY, &[CONTENT, DONE]);
    strip(&[USAGE, CONTENT, DONE], SUMMARY, &[CONTENT, DONE]);
    strip(&[CONTENT, USAGE, USAGE, DONE], SUMMARY, &[CONTENT, DONE]);
    strip(&[CONTENT, USAGE], "in 1, out 2, text 2+0, cut", &[CONTENT]);
    for choices in ["", "\"choices\":null,"] {
        let usage = format!("data: {{{choices}\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}\n\n");
        strip(&[CONTENT, &usage, DONE], SUMMARY, &[CONTENT, DONE]);
    }
}

#[test]
fn a_usage_chunk_with_a_choice_that_says_nothing_goes_too_once_the_answer_is_over() {
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let with_usage = |choices: &str| {
        format!("data: {{\"choices\":[{choices}],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}\n\n")
    };
    for choices in [
        // LiteLLM's, OpenRouter's, and one of completions.
        r#"{"index":0,"delta":{}}"#,
        r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null,"logprobs":null}"#,
        r#"{"index":0,"text":"","finish_reason":null}"#,
        r#"{"index":0,"delta":{}},{"index":0,"delta":{"content":null},"finish_reason":""}"#,
    ] {
        let usage = with_usage(choices);
        strip(&[CONTENT, finish, &usage, DONE], SUMMARY, &[CONTENT, finish, DONE]);
        // Before that it may be the first of an answer whose chunks all tell the usage.
        strip(&[&usage, CONTENT, DONE], SUMMARY, &[&usage, CONTENT, DONE]);
    }
    for choices in [
        r#"{"index":0,"delta":{},"finish_reason":"length"}"#,
        r#"{"index":1,"delta":{"tool_calls":[{"index":0}]}}"#,
        r#"{"index":1,"delta":{"refusal":5}}"#,
        r#"{"index":0,"delta":{"annotations":[{"type":"url_citation"}]}}"#,
        r#"{"index":0,"delta":{},"logprobs":{"content":[]}}"#,
        r#"{"index":0,"delta":{},"content_filter_results":{}}"#,
        r#"{"index":0,"delta":{"signature":"x"}}"#,
        r#"[]"#,
        r#"null"#,
    ] {
        let usage = with_usage(choices);
        strip(&[CONTENT, finish, &usage, DONE], SUMMARY, &[CONTENT, finish, &usage, DONE]);
    }
}

#[test]
fn a_choice_that_goes_on_keeps_what_begins_and_ends_it() {
    let finish = |index: u32| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n")
    };
    let with_usage = |choice: &str| {
        format!("data: {{\"choices\":[{{{choice}}}],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}\n\n")
    };
    for index in [1, 127, 128, 5000] {
        let role = with_usage(&format!(r#""index":{index},"delta":{{"role":"assistant","content":""}}"#));
        strip(&[CONTENT, &finish(0), &role, DONE], SUMMARY, &[CONTENT, &finish(0), &role, DONE]);
        let over = [CONTENT, &finish(0), &finish(index)];
        let expected = if index < 128 { [&over[..], &[DONE]].concat() } else { [&over[..], &[&role, DONE]].concat() };
        strip(&[&over[..], &[&role, DONE]].concat(), SUMMARY, &expected);
    }
    let unnamed = with_usage(r#""delta":{"role":"assistant"}"#);
    strip(&[CONTENT, &finish(1), &unnamed, DONE], SUMMARY, &[CONTENT, &finish(1), &unnamed, DONE]);
}

#[test]
fn what_nobody_knows_and_errors_are_no_usage_chunk() {
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":2}"#;
    let long = "a_field_of_more_than_thirty_two_letters";
    for choice in [format!(r#"{{"{long}":"x"}}"#), format!(r#"{{"delta":{{"{long}":"x"}}}}"#)] {
        let said = format!("data: {{\"choices\":[{choice}],{usage}}}\n\n");
        strip(&[CONTENT, finish, &said, DONE], SUMMARY, &[CONTENT, finish, &said, DONE]);
    }
    let summary = SUMMARY.replace("complete", "error, complete");
    for error in [
        format!("event: error\ndata: {{\"message\":\"x\",{usage}}}\n\n"),
        format!("data: {{\"type\":\"error\",\"message\":\"x\",{usage}}}\n\n"),
    ] {
        strip(&[CONTENT, &error, DONE], &summary, &[CONTENT, &error, DONE]);
    }
}

#[test]
fn all_lines_of_the_usage_chunk_go_and_comments_before_it_stay() {
    let usage = "event: chunk\nid: 7\n: inside\ndata: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    strip(
        &[": first\n\n", CONTENT, "\n: ping\n", usage, "\n\n: ping\n\n", DONE],
        SUMMARY,
        &[": first\n\n", CONTENT, "\n: ping\n", "\n\n: ping\n\n", DONE],
    );
    strip(&["\u{feff}", USAGE, CONTENT, DONE], SUMMARY, &["\u{feff}", CONTENT, DONE]);
}

#[test]
fn an_unterminated_usage_chunk_goes_too_and_any_other_tail_stays() {
    strip(&[CONTENT, USAGE.trim_end()], "in 1, out 2, text 2+0, cut", &[CONTENT]);
    strip(&[CONTENT, USAGE, "data: [DONE]"], SUMMARY, &[CONTENT, "data: [DONE]"]);
    strip(
        &[CONTENT, USAGE, "data: {\"choices\":[]"],
        "in 1, out 2, text 2+0, cut",
        &[CONTENT, "data: {\"choices\":[]"],
    );
}

#[test]
fn content_is_never_taken_out() {
    let usage = "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}";
    for other in [
        // Usage on a chunk with content, and Azure's first chunk, and things no API sends.
        format!("data: {{\"choices\":[{{\"delta\":{{}}}}],{usage}}}\n\n"),
        format!("data: {{{usage},\"choices\":[{{\"delta\":{{}}}}]}}\n\n"),
        format!("data: {{\"choices\":[{{}}],\"choices\":[],{usage}}}\n\n"),
        format!("data: {{\"choices\":[null],{usage}}}\n\n"),
        format!("data: {{\"choices\":[5],{usage}}}\n\n"),
        format!("data: {{\"choices\":{{\"a\":1}},{usage}}}\n\n"),
        format!("data: {{\"choices\":\"x\",{usage}}}\n\n"),
        format!("data: {{\"choices\":5,{usage}}}\n\n"),
        format!("data: {{\"choices\":true,{usage}}}\n\n"),
        format!("data: {{\"choices\":[],{usage}\n\n"),
        format!("data: {{\"choices\":[],{usage}}} x\n\n"),
        "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n".to_owned(),
        "data: {\"choices\":[],\"usage\":null}\n\n".to_owned(),
        "data: {\"choices\":[],\"x\":{\"usage\":{}}}\n\n".to_owned(),
        format!(": {usage}\n\n"),
    ] {
        let (metered, passed) = run(stripping(), [other.as_bytes()], true);
        check(&stripping(), other.as_bytes(), &summary(&metered), other.as_bytes());
        assert_eq!(String::from_utf8(passed).unwrap(), other);
    }
    let error = format!("data: {{\"error\":{{}},{usage}}}\n\n");
    strip(&[&error], "in 1, out 2, error, cut", &[&error]);
}

#[test]
fn only_openai_streams_are_changed() {
    for (dialect, body) in [
        (Dialect::Messages, BodyKind::Sse),
        (Dialect::Responses, BodyKind::Sse),
        (Dialect::Other, BodyKind::Sse),
        (Dialect::Chat, BodyKind::Json),
        (Dialect::Chat, BodyKind::Other),
    ] {
        let mut meter = Meter::new(dialect, body, true);
        assert_eq!(meter.feed(USAGE.as_bytes(), true), Passed::Unchanged);
    }
}

#[test]
fn nothing_is_copied_where_nothing_changes() {
    let mut meter = stripping();
    assert_eq!(meter.feed(CONTENT.as_bytes(), false), Passed::Unchanged);
    assert_eq!(meter.feed([CONTENT, CONTENT, DONE].concat().as_bytes(), false), Passed::Unchanged);
    assert_eq!(meter.feed(b"", true), Passed::Unchanged);
}

#[test]
fn whole_events_are_released_at_once_and_only_a_tail_that_may_go_waits() {
    let mut meter = stripping();
    let (head, tail) = USAGE.split_at(20);
    let piece = format!("{CONTENT}{head}");
    assert_eq!(meter.feed(piece.as_bytes(), false), Passed::Replaced(CONTENT.as_bytes().to_vec()));
    let piece = format!("{tail}{CONTENT}");
    assert_eq!(meter.feed(piece.as_bytes(), false), Passed::Replaced(CONTENT.as_bytes().to_vec()));
    // Half an event with content in it is known to stay.
    assert_eq!(meter.feed(&CONTENT.as_bytes()[..40], false), Passed::Unchanged);
    assert_eq!(meter.feed(&CONTENT.as_bytes()[40..], false), Passed::Unchanged);
    // A comment keeps the connection alive now, not with the next event.
    assert_eq!(meter.feed(b": pi", false), Passed::Unchanged);
    assert_eq!(meter.feed(b"ng\n", false), Passed::Unchanged);
}

#[test]
fn what_is_held_back_is_bounded() {
    let mut meter = stripping();
    let start = format!("data: {{\"choices\":[],\"pad\":\"{}", "x".repeat(60 * 1024));
    assert_eq!(meter.feed(start.as_bytes(), false), Passed::Replaced(Vec::new()));
    let more = "x".repeat(8 * 1024);
    assert_eq!(meter.feed(more.as_bytes(), false), Passed::Replaced(format!("{start}{more}").into_bytes()));
    // Once a part of it has passed, the rest has to follow.
    assert_eq!(meter.feed(b"\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n", false), Passed::Unchanged);
    assert_eq!(meter.feed(b"\n", false), Passed::Unchanged);
    assert_eq!(meter.feed(USAGE.as_bytes(), false), Passed::Replaced(Vec::new()));
    assert_eq!(summary(&meter.finish()), "in 1, out 2, cut");
}
