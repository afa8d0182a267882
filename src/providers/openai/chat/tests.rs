//! What callers of chat completions are told that depends on how they asked. The rest is in the goldens of the dialects.

use serde_json::{Value, json};

use super::super::super::conversation::{Event, Part, Reply, Stop, ToolCall, ToolChoice};
use super::super::super::{Call, Caller as _, golden};
use super::CHAT;
use crate::request::Endpoint;

fn call(asked: &Value) -> Call<'static> {
    let conversation = CHAT.read_request(asked.to_string().as_bytes()).unwrap();
    Call { has_functions: conversation.has_functions, ..golden::call("", Endpoint::Chat) }
}

fn asked(by: &str) -> Call<'static> {
    let function = json!({ "name": "f", "parameters": { "type": "object" } });
    let tools = json!([{ "type": "function", "function": function }]);
    call(&json!({ "messages": [], by: if by == "tools" { tools } else { json!([function]) } }))
}

fn made(id: &str, name: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: json!({ "a": 1 }) })
}

#[test]
fn numbers_in_arguments_stay_what_they_are() {
    let arguments = r#"{"at":[9.204938554384977,0.0009522444552911937,-0.0,9007199254740993]}"#;
    let function = json!({ "name": "f", "arguments": arguments });
    let asked = json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "id": "1", "function": function }] }] });
    let conversation = CHAT.read_request(asked.to_string().as_bytes()).unwrap();
    let Some(Part::ToolCall(call)) = conversation.turns[0].parts.first() else { panic!("{conversation:?}") };
    assert_eq!(call.arguments.to_string(), arguments);
}

#[test]
fn to_allow_what_is_no_tool_cannot_be_said() {
    let function = json!({ "name": "f", "parameters": { "type": "object" } });
    let allow = |names: &[&str]| {
        let tools: Vec<Value> =
            names.iter().map(|name| json!({ "type": "function", "function": { "name": name } })).collect();
        let choice = json!({ "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": tools } });
        let tools = json!([{ "type": "function", "function": function }]);
        let asked = json!({ "messages": [], "tools": tools, "tool_choice": choice });
        let conversation = CHAT.read_request(asked.to_string().as_bytes()).unwrap();
        let rest: Vec<String> = conversation.rest.into_iter().map(|(name, _)| name).collect();
        (conversation.tools.len(), conversation.tool_choice, rest)
    };
    assert_eq!(allow(&["f"]), (1, Some(ToolChoice::Any), vec![]));
    for names in [&["g"][..], &["f", "g"], &[]] {
        assert_eq!(allow(names), (1, None, vec!["tool_choice".to_owned()]), "{names:?}");
    }
}

#[test]
fn who_has_functions_is_told_a_call_of_a_function() {
    let parts = vec![Part::text("ok"), made("1", "f"), made("2", "g")];
    let reply = Reply { id: None, created: None, parts, stop: Stop::Tools, usage: None };
    let told = |call: &Call<'_>| -> Value {
        let told: Value = serde_json::from_slice(&CHAT.write_reply(&reply, call)).unwrap();
        told["choices"][0].clone()
    };
    let functions = told(&asked("functions"));
    assert_eq!(functions["message"]["function_call"], json!({ "name": "f", "arguments": "{\"a\":1}" }));
    assert_eq!((&functions["finish_reason"], &functions["message"]["tool_calls"]), (&json!("function_call"), &Value::Null));
    let tools = told(&asked("tools"));
    assert_eq!((&tools["finish_reason"], &tools["message"]["function_call"]), (&json!("tool_calls"), &Value::Null));
    assert_eq!(tools["message"]["tool_calls"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_stream_tells_it_likewise() {
    let mut writer = CHAT.write_stream(&asked("functions"), false);
    let mut out = Vec::new();
    let begin = |index: u32, name: &str| Event::ToolCall { index, id: index.to_string(), name: name.to_owned() };
    let events = [
        begin(0, "f"),
        Event::Arguments { index: 0, json: "{\"a\":".to_owned() },
        Event::Arguments { index: 0, json: "1}".to_owned() },
        begin(1, "g"),
        Event::Stop(Stop::Tools),
        Event::End,
    ];
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    let out = String::from_utf8(out).unwrap();
    let chunks = out.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let choices: Vec<Value> = chunks.map(|chunk| chunk["choices"][0].clone()).collect();
    let deltas: Vec<&Value> = choices.iter().map(|choice| &choice["delta"]).collect();
    assert_eq!(deltas[1], &json!({ "function_call": { "name": "f", "arguments": "" } }));
    assert_eq!(deltas[2], &json!({ "function_call": { "arguments": "{\"a\":" } }));
    assert_eq!(deltas[3], &json!({ "function_call": { "arguments": "1}" } }));
    assert_eq!(choices[4]["finish_reason"], "function_call", "{out}");
}
