//! Answers that are one JSON text.

use super::*;
use Dialect::{Chat, Messages, Other, Responses};

#[test]
fn chat() {
    json(
        Chat,
        r#"{"id":"c1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Héllo!","refusal":null,"tool_calls":null},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp"}"#,
        "in 19, cached 4, out 10, reasoning 3, text 5+2, complete, gpt-4o-2024-08-06",
    );
}

#[test]
fn tool_arguments_count_as_text_and_their_usage_is_not_ours() {
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11},"choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":900}}","usage":{"prompt_tokens":901},"tool_calls":[{"id":"t","type":"function","usage":{"prompt_tokens":902},"function":{"name":"f","arguments":"{\"usage\":1}","usage":{"prompt_tokens":903}}}]},"usage":{"prompt_tokens":904,"completion_tokens":904}}],"metadata":{"usage":{"prompt_tokens":905}},"x":[{"usage":{"prompt_tokens":906}}],"response":{"usage":{"prompt_tokens":907}},"message":{"usage":{"input_tokens":908}}}"#,
        "in 5, out 6, text 42+0, complete",
    );
    json(
        Messages,
        r#"{"type":"message","model":"claude","content":[{"type":"tool_use","id":"t","name":"f","input":{"usage":{"input_tokens":900},"a":[1,"x"]}},{"type":"text","text":"ok"}],"usage":{"input_tokens":5,"output_tokens":6}}"#,
        "in 5, out 6, text 25+0, complete, claude",
    );
}

#[test]
fn completions() {
    json(
        Chat,
        r#"{"object":"text_completion","model":"m","choices":[{"text":"abcd","index":0}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}"#,
        "in 2, out 1, text 4+0, complete, m",
    );
}

#[test]
fn keys_may_be_escaped_and_usage_may_come_first() {
    json(
        Chat,
        r#" { "us\u0061ge" : { "prompt\u005ftokens" : 2 , "completion_tokens":1e0 } , "choices" : [ ] } "#,
        "in 2, out 1, complete",
    );
}

#[test]
fn of_two_usages_the_last_counts() {
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":2,"completion_tokens":1},"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
        "in 3, out 4, complete",
    );
    json(Chat, r#"{"usage":{"prompt_tokens":2,"completion_tokens":1},"usage":null}"#, "no usage, complete");
    json(Chat, r#"{"usage":{"prompt_tokens":2,"completion_tokens":1,"prompt_tokens":7}}"#, "in 7, out 1, complete");
}

#[test]
fn embeddings_have_input_only() {
    json(
        Other,
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[-0.1,2.5e-3]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        "in 8, out 0, complete, e",
    );
    json(Other, r#"{"data":[],"usage":{"prompt_tokens":8}}"#, "in 8, out 0, complete");
    json(Other, r#"{"data":[],"usage":{"total_tokens":8}}"#, "in 8, out 0, complete");
}

#[test]
fn rerank_moderations_audio_and_images() {
    json(
        Other,
        r#"{"results":[{"index":0,"relevance_score":0.9}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}"#,
        "no usage, complete",
    );
    json(Other, r#"{"results":[],"meta":{"billed_units":{"input_tokens":12}}}"#, "in 12, out 0, complete");
    json(Other, r#"{"model":"jina","results":[],"usage":{"total_tokens":33}}"#, "in 33, out 0, complete, jina");
    json(Other, r#"{"id":"modr-1","model":"omni","results":[{"flagged":false}]}"#, "no usage, complete, omni");
    json(
        Other,
        r#"{"text":"hello","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#,
        "in 14, out 45, text 5+0, complete",
    );
    json(Other, r#"{"text":"hello","usage":{"type":"duration","seconds":12}}"#, "no usage, text 5+0, complete");
    json(
        Other,
        r#"{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
        "in 50, out 50, complete",
    );
}

#[test]
fn responses() {
    json(
        Responses,
        r#"{"id":"r","object":"response","status":"completed","error":null,"model":"gpt-5","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"xxxx"},{"type":"message","content":[{"type":"output_text","text":"hello","annotations":[]}]},{"type":"function_call","name":"f","arguments":"{}"}],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":8,"cache_write_tokens":2},"output_tokens":87,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":123},"metadata":{"usage":{"input_tokens":9}}}"#,
        "in 36, cached 8, write 2, out 87, reasoning 64, text 9+0, complete, gpt-5",
    );
}

#[test]
fn messages_count_cached_input_beside_the_rest() {
    json(
        Messages,
        r#"{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4","content":[{"type":"thinking","thinking":"hmm","signature":"EqQBxx"},{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":200,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":7,"output_tokens_details":{"thinking_tokens":2},"service_tier":"standard","server_tool_use":{"web_search_requests":1}}}"#,
        "in 240, cached 200, write 30, write_1h 20, out 7, reasoning 2, text 5+0, complete, claude-sonnet-4",
    );
    json(
        Messages,
        r#"{"usage":{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":7}}"#,
        "in 31, write 30, write_1h 20, out 7, complete",
    );
}

#[test]
fn a_byte_order_mark_hides_nothing() {
    let usage = r#"{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    json(Chat, &format!("\u{feff}{usage}"), "in 3, out 4, complete");
    json(Chat, &format!("\u{feff}\u{feff}{usage}"), "no usage, cut");
    json(Chat, &format!(" \u{feff}{usage}"), "no usage, cut");
}

#[test]
fn what_messages_charge_beside_their_counts_is_added() {
    let iterations = |usage: &str, inside: &str| format!(r#"{{"usage":{{"iterations":[{inside}],{usage}}}}}"#);
    let usage = r#""input_tokens":23,"cache_read_input_tokens":7,"output_tokens":10"#;
    let message = format!(r#"{{"type":"message",{usage}}}"#);
    let compaction = r#"{"type":"compaction","input_tokens":180,"cache_read_input_tokens":5,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_1h_input_tokens":30},"output_tokens":35}"#;
    let advice = r#"{"input_tokens":2,"output_tokens":3,"model":"claude-opus","type":"advisor_message"}"#;
    json(Messages, &iterations(usage, &message), "in 30, cached 7, out 10, complete");
    for all in [format!("{compaction},{message}"), format!("{message},{compaction}")] {
        json(Messages, &iterations(usage, &all), "in 245, cached 12, write 30, write_1h 30, out 45, complete");
    }
    let all = [advice, &message, compaction].join(",");
    json(Messages, &iterations(usage, &all), "in 247, cached 12, write 30, write_1h 30, out 48, complete");
    // LiteLLM tells them too, beside sums that hold them.
    let sums = r#""prompt_tokens":245,"completion_tokens":45,"total_tokens":290,"cache_read_input_tokens":12,"cache_creation_input_tokens":30"#;
    json(Chat, &iterations(sums, &format!("{compaction},{message}")), "in 245, cached 12, write 30, out 45, complete");
    for nothing in ["null", "5", r#"{"type":"compaction"}"#, r#"[{"type":"compaction","input_tokens":9}]"#] {
        json(Messages, &iterations(usage, nothing), "in 30, cached 7, out 10, complete");
    }
}

#[test]
fn the_fields_tell_not_the_path() {
    json(Messages, r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, "in 3, out 4, complete");
    json(
        Chat,
        r#"{"usage":{"input_tokens":3,"cache_read_input_tokens":5,"output_tokens":4}}"#,
        "in 8, cached 5, out 4, complete",
    );
    // Some gateways give both sets of names; the same input must not be counted twice.
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":8,"completion_tokens":4,"input_tokens":3,"cache_read_input_tokens":5,"output_tokens":4}}"#,
        "in 8, cached 5, out 4, complete",
    );
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":100,"completion_tokens":4,"total_tokens":104,"cache_read_input_tokens":40,"cache_creation_input_tokens":20}}"#,
        "in 100, cached 40, write 20, out 4, complete",
    );
}

#[test]
fn other_names_for_cached_input() {
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":100,"completion_tokens":4,"total_tokens":104,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36,"prompt_tokens_details":{"cached_tokens":0}}}"#,
        "in 100, cached 64, out 4, complete",
    );
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":100,"completion_tokens":4,"cached_tokens":10}}"#,
        "in 100, cached 10, out 4, complete",
    );
}

#[test]
fn other_names_for_what_is_written_to_a_cache() {
    for (details, expected) in [
        (r#""cache_creation_tokens":20"#, "write 20"),
        (
            r#""cache_creation_tokens":20,"cache_creation_token_details":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15}"#,
            "write 20, write_1h 15",
        ),
        (r#""cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":20}"#, "write 20"),
    ] {
        let usage = format!(
            r#"{{"usage":{{"prompt_tokens":100,"completion_tokens":4,"reasoning_tokens":3,"prompt_tokens_details":{{"cached_tokens":40,{details}}}}}}}"#
        );
        json(Chat, &usage, &format!("in 100, cached 40, {expected}, out 4, reasoning 3, complete"));
    }
}

#[test]
fn what_the_total_counts_beyond_the_parts_is_output() {
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"completion_tokens_details":{"reasoning_tokens":100}}}"#,
        "in 10, out 105, reasoning 100, complete",
    );
    json(Chat, r#"{"usage":{"prompt_tokens":10,"total_tokens":15}}"#, "in 10, out 5, complete");
    json(Chat, r#"{"usage":{"completion_tokens":10,"total_tokens":15}}"#, "in 5, out 10, complete");
    json(Chat, r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":3}}"#, "in 10, out 5, complete");
    json(
        Chat,
        r#"{"choices":[{"message":{"content":"twelve bytes"}}],"usage":{"total_tokens":15}}"#,
        "in 12, out 3, text 12+0, complete",
    );
    json(Chat, r#"{"usage":{"prompt_tokens":10}}"#, "in 10, out 0?, complete");
    json(Chat, r#"{"usage":{"completion_tokens":10}}"#, "in 0?, out 10, complete");
}

#[test]
fn parts_are_never_more_than_the_whole() {
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":99,"cache_write_tokens":99},"completion_tokens_details":{"reasoning_tokens":99}}}"#,
        "in 10, cached 10, out 5, reasoning 5, complete",
    );
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":99},"cache_creation":{"ephemeral_1h_input_tokens":50}}}"#,
        "in 10, cached 4, write 6, write_1h 6, out 5, complete",
    );
}

#[test]
fn values_that_are_no_counts_are_not_taken() {
    for bad in ["-1", "-1e9", "1e300", "99999999999999999999999", "\"12\"", "null", "true", "[12]", "{\"a\":12}"] {
        json(
            Chat,
            &format!(r#"{{"usage":{{"prompt_tokens":{bad},"completion_tokens":5}}}}"#),
            "in 0?, out 5, complete",
        );
        json(
            Chat,
            &format!(
                r#"{{"usage":{{"prompt_tokens":7,"completion_tokens":5,"prompt_tokens_details":{bad},"total_tokens":{bad}}}}}"#
            ),
            "in 7, out 5, complete",
        );
    }
    json(Chat, r#"{"usage":{"prompt_tokens":7.0,"completion_tokens":4.2}}"#, "in 7, out 5, complete");
    json(
        Chat,
        r#"{"usage":{"prompt_tokens":1000000000000,"completion_tokens":1000000000000,"total_tokens":1000000000000}}"#,
        "in 1000000000000, out 1000000000000, complete",
    );
    for bad in ["null", "[]", "{}", "5", "\"x\"", "[{\"prompt_tokens\":5}]"] {
        json(Chat, &format!(r#"{{"usage":{bad}}}"#), "no usage, complete");
    }
}

#[test]
fn errors() {
    json(
        Chat,
        r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#,
        "no usage, error, complete",
    );
    json(Chat, r#"{"error":"text"}"#, "no usage, error, complete");
    json(Chat, r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]"#, "no usage, error, complete");
    json(
        Messages,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        "no usage, error, complete",
    );
    json(Chat, r#"{"error":null,"usage":{"prompt_tokens":1,"completion_tokens":1}}"#, "in 1, out 1, complete");
}

#[test]
fn a_cut_or_broken_text_is_not_complete() {
    json(Chat, r#"{"choices":[{"message":{"content":"abcdef"#, "no usage, text 6+0, cut");
    json(Chat, r#"{"usage":{"prompt_tokens":4,"completion_tokens":5},"choices":[{"message":{"#, "in 4, out 5, cut");
    json(Chat, r#"{"usage":{"prompt_tokens":4,"completion_tokens":5},"choices":[nope]}"#, "in 4, out 5, cut");
    json(Chat, "", "no usage, cut");
    json(Chat, "upstream connect error", "no usage, cut");
}

#[test]
fn a_model_name_is_bounded() {
    json(Chat, &format!(r#"{{"model":"{}"}}"#, "m".repeat(128)), &format!("no usage, complete, {}", "m".repeat(128)));
    json(Chat, &format!(r#"{{"model":"{}"}}"#, "m".repeat(129)), "no usage, complete");
    json(Chat, r#"{"model":5}"#, "no usage, complete");
    json(Chat, r#"{"model":"","choices":[{"model":"x"}]}"#, "no usage, complete");
}

#[test]
fn opaque_bytes_pass_unread() {
    let body = b"{\"usage\":{\"prompt_tokens\":4}}";
    check(&Meter::new(Other, BodyKind::Other, true), body, "no usage, complete", body);
}

#[test]
fn an_answer_that_breaks_in_the_middle_of_a_text_counts_up_to_there() {
    let body = "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"0123456789\0\"}}]}";
    json(Chat, body, "no usage, text 10+0, cut, m");
}
