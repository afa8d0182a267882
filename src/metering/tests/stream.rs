//! Answers that are server-sent events.

use super::*;
use Dialect::{Chat, Messages, Other, Responses};

const HELLO: &str = r#"{"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}],"usage":null}"#;
const STOP: &str = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}}"#;

#[test]
fn chat_with_usage_in_the_last_chunk() {
    sse(
        Chat,
        &events(&[HELLO, STOP, USAGE, "[DONE]"]),
        "in 9, cached 3, out 12, reasoning 2, text 5+0, complete, gpt-4o",
    );
}

#[test]
fn chat_without_usage() {
    sse(Chat, &events(&[HELLO, STOP, "[DONE]"]), "no usage, text 5+0, complete, gpt-4o");
}

#[test]
fn the_usage_chunk_may_have_no_choices_at_all() {
    for choices in ["", r#""choices":null,"#] {
        let usage = format!(r#"{{{choices}"usage":{{"prompt_tokens":9,"completion_tokens":12}}}}"#);
        sse(Chat, &events(&[HELLO, &usage, "[DONE]"]), "in 9, out 12, text 5+0, complete, gpt-4o");
    }
}

#[test]
fn usage_in_every_chunk_is_cumulative_and_never_added() {
    let chunk = |n: u32| {
        format!(
            r#"{{"choices":[{{"delta":{{"content":"ab"}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{n},"total_tokens":{}}}}}"#,
            9 + n
        )
    };
    let (one, two, three) = (chunk(1), chunk(2), chunk(3));
    sse(Chat, &events(&[&one, &two, &three, "[DONE]"]), "in 9, out 3, text 6+0, complete");
    sse(Chat, &events(&[&one, &two]), "in 9, out 2, text 4+0, cut");
    sse(
        Chat,
        &events(&[
            &chunk(3),
            r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#,
            "[DONE]",
        ]),
        "in 9, out 3, text 2+0, complete",
    );
}

#[test]
fn a_count_of_none_before_the_text_is_no_count_of_it() {
    let first =
        r#"{"choices":[{"delta":{"content":""}}],"usage":{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}}"#;
    sse(Chat, &events(&[first, HELLO]), "in 9, out 0?, text 5+0, cut, gpt-4o");
}

#[test]
fn usage_on_the_finish_chunk() {
    sse(
        Chat,
        &events(&[
            r#"{"model":"mistral","choices":[{"delta":{"content":[{"type":"text","text":"hi"},{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}"#,
            r#"{"model":"mistral","choices":[{"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"total_tokens":9,"completion_tokens":5}}"#,
            "[DONE]",
        ]),
        "in 4, out 5, text 4+0, complete, mistral",
    );
}

#[test]
fn usage_in_the_extension_of_groq() {
    sse(
        Chat,
        &events(&[
            r#"{"choices":[{"delta":{"content":"hi"}}],"x_groq":{"id":"req"}}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req","usage":{"queue_time":0.02,"prompt_tokens":4,"prompt_time":0.001,"completion_tokens":5,"total_tokens":9}}}"#,
            "[DONE]",
        ]),
        "in 4, out 5, text 2+0, complete",
    );
}

#[test]
fn tool_calls_reasoning_and_refusals_are_text() {
    sse(
        Chat,
        &events(&[
            r#"{"choices":[{"delta":{"reasoning_content":"abc"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"é\":1}"}}]}},{"delta":{"refusal":"no"}}]}"#,
            r#"{"choices":[{"text":"\ud83d\ude00"}]}"#,
        ]),
        "no usage, text 11+6, cut",
    );
}

#[test]
fn an_error_in_the_middle() {
    sse(
        Chat,
        &events(&[HELLO, r#"{"error":{"message":"boom","type":"server_error"}}"#, "[DONE]"]),
        "no usage, text 5+0, error, complete, gpt-4o",
    );
    sse(Chat, &format!("{}event: error\ndata: gone\n\n", events(&[HELLO])), "no usage, text 5+0, error, cut, gpt-4o");
    sse(Chat, &events(&[USAGE, r#"{"error":"boom"}"#]), "in 9, cached 3, out 12, reasoning 2, error, cut");
}

#[test]
fn the_grammar_of_events() {
    // Mark, comments, no space after the colon, several data lines, other fields, names without a colon.
    sse(
        Chat,
        "\u{feff}: OPENROUTER PROCESSING\n\n:\n\nid: 1\nretry: 5\ndata:{\"choices\":[{\"delta\":\ndata:  {\"content\":\"Hi\"}\n: between\nfoo\ndata: }]}\n\n\n\ndata\n\ndata:\n\ndata: {\"usage\":\ndata\ndata:{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata:[DONE]\n\n",
        "in 1, out 2, text 2+0, complete",
    );
    // A field name is compared whole, and letters matter.
    sse(
        Chat,
        "dat: {\"usage\":{\"prompt_tokens\":1}}\n\nDATA: {\"usage\":{\"prompt_tokens\":1}}\n\ndata : {\"usage\":{\"prompt_tokens\":1}}\n\ndatadatadata: {\"usage\":{\"prompt_tokens\":1}}\n\n data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "no usage, cut",
    );
    // Only one mark, and only at the start.
    sse(Chat, "\u{feff}\u{feff}data: {\"usage\":{\"prompt_tokens\":1}}\n\n", "no usage, cut");
    // A value split over lines is joined by a line feed, which does not belong in a string.
    sse(Chat, "data: {\"usage\":{\"prompt_tok\ndata: ens\":1}}\n\ndata: [DO\ndata: NE]\n\n", "no usage, cut");
}

#[test]
fn an_unterminated_last_event_counts_if_its_json_is_whole() {
    sse(
        Chat,
        &format!("{}data: {USAGE}", events(&[HELLO])),
        "in 9, cached 3, out 12, reasoning 2, text 5+0, cut, gpt-4o",
    );
    sse(
        Chat,
        &format!("{}data: {USAGE}\n", events(&[HELLO])),
        "in 9, cached 3, out 12, reasoning 2, text 5+0, cut, gpt-4o",
    );
    sse(Chat, &format!("{}data: [DONE]", events(&[USAGE])), "in 9, cached 3, out 12, reasoning 2, complete");
}

#[test]
fn the_text_of_an_event_cut_in_the_middle_was_streamed() {
    let body = format!("{}data: {{\"choices\":[{{\"delta\":{{\"content\":\"abc", events(&[HELLO]));
    sse(Chat, &body, "no usage, text 8+0, cut, gpt-4o");
    let meter = Meter::new(Chat, BodyKind::Sse, false);
    assert_eq!(summary(&run(meter, [body.as_bytes()], false).0), "no usage, text 8+0, cut, gpt-4o");
}

#[test]
fn an_event_that_is_not_json_yields_nothing_and_the_stream_goes_on() {
    sse(
        Chat,
        &events(&[
            r#"{"usage":{"prompt_tokens":900,"completion_tokens":900}"#,
            r#"{"usage":{"prompt_tokens":900,"completion_tokens":900}} x"#,
            "hello",
            r#"{"choices":[{"delta":{"content":"lost"}}],}"#,
            HELLO,
            USAGE,
        ]),
        "in 9, cached 3, out 12, reasoning 2, text 5+0, cut, gpt-4o",
    );
}

#[test]
fn usage_in_text_is_not_ours() {
    sse(
        Chat,
        &events(&[
            r#"{"choices":[{"delta":{"content":"{\"usage\":{\"prompt_tokens\":7}}","usage":{"prompt_tokens":8}},"usage":{"prompt_tokens":9}}]}"#,
        ]),
        "no usage, text 29+0, cut",
    );
    // `message` and `response` hold usage only in the events the APIs give it in.
    sse(
        Chat,
        &events(&[
            r#"{"type":"other","message":{"usage":{"input_tokens":7}}}"#,
            r#"{"type":"other","response":{"usage":{"input_tokens":7}}}"#,
            &format!(r#"{{"type":"{}","message":{{"usage":{{"input_tokens":7}}}}}}"#, "x".repeat(99)),
        ]),
        "no usage, cut",
    );
}

fn response(kind: &str, rest: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":1,{rest}}}\n\n")
}

#[test]
fn responses() {
    let usage = r#""usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":1},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":48}"#;
    let stream = [
        response("response.created", r#""response":{"id":"r","model":"gpt-5","output":[],"usage":null,"error":null}"#),
        response("response.reasoning_summary_text.delta", r#""item_id":"i","delta":"hm""#),
        response(
            "response.output_text.delta",
            r#""item_id":"i","output_index":0,"content_index":0,"delta":"Hi \u00e9""#,
        ),
        response("response.output_text.done", r#""text":"Hi é""#),
        response("response.function_call_arguments.delta", r#""delta":"{}""#),
        response("response.output_audio.delta", r#""delta":"AAAAAAAA""#),
    ]
    .concat();
    let output = r#""output":[{"type":"message","content":[{"type":"output_text","text":"Hi é"}]}]"#;
    for kind in ["response.completed", "response.incomplete"] {
        let end = response(
            kind,
            &format!(
                r#""response":{{"id":"r","model":"gpt-5",{output},"error":null,{usage},"metadata":{{"usage":{{"input_tokens":1}}}}}}"#
            ),
        );
        sse(
            Responses,
            &format!("{stream}{end}"),
            "in 37, cached 5, write 1, out 11, reasoning 3, text 7+2, complete, gpt-5",
        );
    }
    sse(Responses, &stream, "no usage, text 7+2, cut, gpt-5");
    let failed = response("response.failed", r#""response":{"id":"r","error":{"code":"server_error"},"usage":null}"#);
    sse(Responses, &format!("{stream}{failed}"), "no usage, text 7+2, error, complete, gpt-5");
    let error = response("error", r#""code":"rate_limit","message":"slow","param":null"#);
    sse(Responses, &format!("{stream}{error}"), "no usage, text 7+2, error, cut, gpt-5");
}

#[test]
fn the_name_of_the_event_stands_in_for_a_missing_type() {
    sse(
        Responses,
        "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n",
        "in 3, out 4, complete",
    );
    sse(
        Messages,
        "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\nevent: message_stop\ndata: {}\n\n",
        "in 3, out 0?, complete",
    );
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"claude-sonnet-4\",\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":1000,\"cache_creation\":{\"ephemeral_5m_input_tokens\":60,\"ephemeral_1h_input_tokens\":40},\"output_tokens\":3,\"service_tier\":\"standard\"}}}\n\n";
const BLOCKS: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"usage\\\":\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQBCgIYAh\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n";
const END: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[test]
fn messages() {
    sse(
        Messages,
        &[START, BLOCKS, DELTA, END].concat(),
        "in 1125, cached 1000, write 100, write_1h 40, out 15, text 16+0, complete, claude-sonnet-4",
    );
}

#[test]
fn later_counts_replace_and_zero_never_erases() {
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"input_tokens\":30,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":2000,\"output_tokens\":20,\"output_tokens_details\":{\"thinking_tokens\":4}}}\n\n";
    sse(
        Messages,
        &[START, BLOCKS, DELTA, delta, END].concat(),
        "in 2130, cached 2000, write 100, write_1h 40, out 20, reasoning 4, text 16+0, complete, claude-sonnet-4",
    );
}

#[test]
fn a_compaction_in_a_stream_is_added_once() {
    let delta = DELTA.replace(
        r#""output_tokens":15"#,
        r#""output_tokens":15,"iterations":[{"type":"compaction","input_tokens":180,"output_tokens":35},{"type":"message","input_tokens":25,"output_tokens":15}]"#,
    );
    sse(
        Messages,
        &[START, BLOCKS, &delta, &delta, DELTA, END].concat(),
        "in 1305, cached 1000, write 100, write_1h 40, out 50, text 16+0, complete, claude-sonnet-4",
    );
}

#[test]
fn a_stream_cut_before_its_output_was_counted_has_known_input_and_unknown_output() {
    sse(
        Messages,
        &[START, BLOCKS].concat(),
        "in 1125, cached 1000, write 100, write_1h 40, out 0?, text 16+0, cut, claude-sonnet-4",
    );
    sse(Messages, START, "in 1125, cached 1000, write 100, write_1h 40, out 0?, cut, claude-sonnet-4");
    sse(
        Messages,
        &[START, BLOCKS, DELTA].concat(),
        "in 1125, cached 1000, write 100, write_1h 40, out 15, text 16+0, cut, claude-sonnet-4",
    );
}

#[test]
fn a_message_that_begins_with_no_input_and_is_cut_has_unknown_input() {
    // As proxies begin those that they translate.
    let start = START.split("\"usage\"").next().unwrap().to_owned()
        + "\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}\n\n";
    sse(Messages, &[&start, BLOCKS].concat(), "in 0?, out 0?, text 16+0, cut, claude-sonnet-4");
}

#[test]
fn an_overloaded_provider_in_the_middle_of_messages() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    sse(
        Messages,
        &[START, BLOCKS, error].concat(),
        "in 1125, cached 1000, write 100, write_1h 40, out 0?, text 16+0, error, cut, claude-sonnet-4",
    );
}

#[test]
fn openai_usage_in_a_stream_of_messages() {
    sse(
        Messages,
        &[START, "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"prompt_tokens\":2000,\"completion_tokens\":5}}\n\n", END].concat(),
        "in 2000, cached 1000, write 100, write_1h 40, out 5, complete, claude-sonnet-4",
    );
}

#[test]
fn transcription_speech_and_images() {
    sse(
        Other,
        &events(&[
            r#"{"type":"transcript.text.delta","delta":"Hello"}"#,
            r#"{"type":"transcript.text.done","text":"Hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19}}"#,
        ]),
        "in 14, out 5, text 5+0, complete",
    );
    sse(
        Other,
        &events(&[
            r#"{"type":"speech.audio.delta","audio":"AAAA"}"#,
            r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
        ]),
        "in 14, out 101, complete",
    );
    sse(
        Other,
        &events(&[
            r#"{"type":"image_generation.completed","b64_json":"AAAA","usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50}}"#,
        ]),
        "in 50, out 50, complete",
    );
}

#[test]
fn the_first_token_is_seen_with_its_event() {
    let mut meter = Meter::new(Chat, BodyKind::Sse, false);
    meter.feed(events(&[r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#]).as_bytes(), false);
    assert!(!meter.first_token_seen());
    meter.feed(events(&[HELLO]).as_bytes(), false);
    assert!(meter.first_token_seen());
}
