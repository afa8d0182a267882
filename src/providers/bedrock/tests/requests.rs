use serde_json::{Value, json};

use super::{CLAUDE, assert_golden, call};
use crate::providers::bedrock::DIALECT;
use crate::providers::conversation::{
    Conversation, Format, Image, Media, Part, Reasoning, Role, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::providers::{Call, Dialect as _, anthropic, golden, openai};
use crate::request::Endpoint;

const NOVA: &str = "amazon.nova-pro-v1:0";
const OLD_CLAUDE: &str = "anthropic.claude-3-7-sonnet-20250219-v1:0";
const NEW_CLAUDE: &str = "global.anthropic.claude-opus-4-6-v1";
const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";
const GPT: &str = "openai.gpt-oss-120b-1:0";

fn user(parts: Vec<Part>) -> Turn {
    Turn { role: Role::User, parts }
}

fn assistant(parts: Vec<Part>) -> Turn {
    Turn { role: Role::Assistant, parts }
}

fn says(text: &str) -> Conversation {
    Conversation { turns: vec![user(vec![Part::text(text)])], ..Conversation::default() }
}

fn marked(text: &str, ttl: Option<&str>) -> Part {
    let mut mark = json!({ "type": "ephemeral" });
    if let Some(ttl) = ttl {
        mark["ttl"] = json!(ttl);
    }
    Part::Text { text: text.to_owned(), cache: Some(mark) }
}

fn tool(name: &str) -> Tool {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let description = Some("Tells the weather.".to_owned());
    Tool { name: name.to_owned(), description, parameters, strict: None, cache: None }
}

fn tool_call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments })
}

fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult(ToolResult { id: id.to_owned(), parts, is_error })
}

fn inline(media_type: &str) -> Media {
    Media::Inline { media_type: media_type.to_owned(), data: "AAAA".to_owned() }
}

fn image(source: Media, detail: Option<&str>) -> Part {
    Part::Image(Image { source, detail: detail.map(ToOwned::to_owned) })
}

fn document(media_type: &str, name: Option<&str>) -> Part {
    Part::Document { source: inline(media_type), name: name.map(ToOwned::to_owned) }
}

fn with_tools(text: &str) -> Conversation {
    Conversation { tools: vec![tool("weather"), tool("time")], ..says(text) }
}

/// A chat in which two tools were called at once.
fn with_history() -> Conversation {
    let turns = vec![
        user(vec![Part::text("Weather in Berlin and Paris?")]),
        assistant(vec![
            Part::text("Let me look."),
            tool_call("call_1", "weather", json!({ "city": "Berlin" })),
            tool_call("call_2", "weather", Value::Null),
        ]),
        user(vec![result("call_1", vec![Part::text("rain")], false)]),
        user(vec![result("call_2", vec![Part::text("no such city")], true)]),
        user(vec![Part::text("And now?")]),
    ];
    Conversation { turns, tools: vec![tool("weather")], ..Conversation::default() }
}

fn schema(strict: Option<bool>) -> Format {
    Format::Schema {
        name: "city".to_owned(),
        description: Some("A city.".to_owned()),
        schema: json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] }),
        strict,
    }
}

fn thinking(reasoning: Reasoning, max_output_tokens: Option<u64>) -> Conversation {
    Conversation { reasoning: Some(reasoning), max_output_tokens, ..says("Think!") }
}

fn effort(word: &str) -> Reasoning {
    Reasoning::Effort(word.to_owned())
}

fn check(name: &str, conversation: &Conversation, model: &str) {
    check_call(name, conversation, &call(model));
}

fn check_call(name: &str, conversation: &Conversation, call: &Call<'_>) {
    let written = DIALECT.write_request(conversation, call);
    let golden = json!({ "body": written.body, "unmapped": written.unmapped });
    assert_golden(&format!("requests/{name}.json"), &format!("{golden:#}\n"));
}

fn unmapped(conversation: &Conversation, model: &str) -> Vec<String> {
    DIALECT.write_request(conversation, &call(model)).unmapped
}

#[test]
fn callers_requests() {
    golden::requests("bedrock/chat", &openai::CHAT, &DIALECT, Endpoint::Chat);
    golden::requests("bedrock/messages", &anthropic::MESSAGES, &DIALECT, Endpoint::Messages);
}

#[test]
fn plain_text() {
    check("plain_text", &says("Hello"), CLAUDE);
}

#[test]
fn system_and_several_turns() {
    let conversation = Conversation {
        system: vec![Part::text("Be brief."), Part::text(" "), Part::text("Be kind.")],
        turns: vec![
            user(vec![Part::text("Hi"), Part::text("there")]),
            user(vec![Part::text("Who are you?")]),
            assistant(vec![Part::text("A model."), Part::Refusal("I cannot say more.".to_owned())]),
            Turn { role: Role::System, parts: vec![Part::text("From here on speak German.")] },
            user(vec![Part::text("Why?"), Part::text("")]),
            assistant(vec![Part::text("Weil  \n")]),
        ],
        ..Conversation::default()
    };
    check("several_turns", &conversation, CLAUDE);
}

#[test]
fn the_user_begins_and_blank_text_is_not_sent() {
    let turns = vec![assistant(vec![Part::text("Hello!")]), user(vec![Part::text("  ")])];
    check("blank_text", &Conversation { turns, ..Conversation::default() }, CLAUDE);
    check("no_turns", &Conversation::default(), CLAUDE);
}

#[test]
fn tools_and_their_choice() {
    check("tools", &with_tools("Weather?"), CLAUDE);
    for (name, choice) in [
        ("tool_choice_auto", ToolChoice::Auto),
        ("tool_choice_any", ToolChoice::Any),
        ("tool_choice_none", ToolChoice::None),
        ("tool_choice_tool", ToolChoice::Tool("weather".to_owned())),
    ] {
        check(name, &Conversation { tool_choice: Some(choice), ..with_tools("Weather?") }, CLAUDE);
    }
}

#[test]
fn parallel_calls_and_their_results_are_two_messages() {
    check("tool_results", &with_history(), CLAUDE);
    // Models that know no status are told in words.
    check("tool_results_llama", &with_history(), LLAMA);
}

#[test]
fn history_with_tools_needs_tools() {
    check("history_without_tools", &Conversation { tools: vec![], ..with_history() }, CLAUDE);
    let none = Conversation { tool_choice: Some(ToolChoice::None), ..with_history() };
    assert_eq!(unmapped(&none, CLAUDE), ["tool_choice"]);
    // An answer in JSON is forced by a tool of its own, so no other is called.
    assert_eq!(unmapped(&Conversation { format: Format::Json, ..none }, CLAUDE), [""; 0]);
}

#[test]
fn names_and_ids_that_bedrock_refuses() {
    let mut conversation = with_history();
    conversation.tools = vec![Tool { parameters: Value::Null, description: None, ..tool("files.read") }];
    conversation.turns[1] = assistant(vec![tool_call("id with spaces", "files.read", json!({}))]);
    conversation.turns[2] = user(vec![result("id with spaces", vec![], false)]);
    conversation.turns[3] = user(vec![result("call_2", vec![marked("x", None), image(inline("image/png"), None)], false)]);
    conversation.tool_choice = Some(ToolChoice::Tool("files.read".to_owned()));
    check("names_and_ids", &conversation, CLAUDE);
}

#[test]
fn strict_tools_one_at_a_time() {
    let strict = Tool { strict: Some(true), ..tool("weather") };
    let lax = Tool { strict: Some(false), ..tool("time") };
    let tools = vec![strict, lax];
    let conversation = Conversation { tools, parallel_tool_calls: Some(false), ..says("Weather?") };
    check("strict_tools", &conversation, CLAUDE);
    let forced = Conversation { tool_choice: Some(ToolChoice::Any), ..conversation };
    check("strict_tools_forced", &forced, CLAUDE);
    assert_eq!(unmapped(&forced, OLD_CLAUDE), ["tools.function.strict", "parallel_tool_calls"]);
    let for_messages = Call { endpoint: Endpoint::Messages, ..call(LLAMA) };
    let names = ["tools.strict", "tool_choice.disable_parallel_tool_use"];
    assert_eq!(DIALECT.write_request(&forced, &for_messages).unmapped, names);
    // Without tools it says nothing.
    let bare = Conversation { parallel_tool_calls: Some(false), ..says("x") };
    assert_eq!(DIALECT.write_request(&bare, &call(LLAMA)), DIALECT.write_request(&says("x"), &call(LLAMA)));
}

#[test]
fn documents_have_names_of_their_own_whatever_they_are_called() {
    let named = ["a", "a (3)", "a", "a", "b", "b"].map(|name| document("text/csv", Some(name)));
    let conversation = Conversation { turns: vec![user(named.to_vec())], ..Conversation::default() };
    let written = DIALECT.write_request(&conversation, &call(CLAUDE)).body;
    let content = written["messages"][0]["content"].as_array().unwrap();
    let names: Vec<&str> = content.iter().filter_map(|block| block["document"]["name"].as_str()).collect();
    assert_eq!(names, ["a", "a (3)", "a (2)", "a (4)", "b", "b (5)"]);
}

#[test]
fn images_and_documents() {
    let turns = vec![user(vec![
        Part::text("What is this?"),
        image(inline("image/png"), Some("auto")),
        image(inline("image/jpg"), None),
        document("application/pdf", Some("Q3_report.pdf")),
        document("text/plain; charset=utf-8", Some("Q3_report.pdf")),
        Part::Audio { format: "wav".to_owned(), data: "AAAA".to_owned() },
    ])];
    check("images_and_documents", &Conversation { turns, ..Conversation::default() }, CLAUDE);
    let turns = vec![user(vec![document("text/csv", None)])];
    check("document_alone", &Conversation { turns, ..Conversation::default() }, CLAUDE);
}

#[test]
fn what_bedrock_cannot_fetch_or_read_is_unmapped() {
    let url = || Media::Url("https://example.com/x".to_owned());
    let turns = vec![user(vec![
        Part::text("Look"),
        image(url(), Some("high")),
        image(inline("image/tiff"), None),
        Part::Document { source: url(), name: None },
        document("application/zip", None),
    ])];
    check("unmapped_media", &Conversation { turns, ..Conversation::default() }, CLAUDE);
}

#[test]
fn json_by_a_forced_tool() {
    check("json_object", &Conversation { format: Format::Json, ..says("A city?") }, CLAUDE);
    check("json_schema", &Conversation { format: schema(Some(true)), ..says("A city?") }, CLAUDE);
    check("json_schema_llama", &Conversation { format: schema(Some(true)), ..says("A city?") }, LLAMA);
    let beside = Conversation { format: schema(None), ..with_tools("A city?") };
    check("json_schema_beside_tools", &beside, CLAUDE);
    let forced = Conversation { tool_choice: Some(ToolChoice::Any), ..beside };
    check("json_schema_forced_tools", &forced, CLAUDE);
}

#[test]
fn json_of_a_model_that_thinks() {
    let conversation = thinking(effort("high"), None);
    check("json_schema_thinking", &Conversation { format: schema(None), ..conversation.clone() }, CLAUDE);
    assert_eq!(unmapped(&Conversation { format: Format::Json, ..conversation.clone() }, CLAUDE), ["response_format"]);
    let forced = Conversation { tools: vec![tool("weather")], tool_choice: Some(ToolChoice::Any), ..conversation };
    // What is asked for expressly comes before thoughts.
    assert_eq!(unmapped(&forced, CLAUDE), ["reasoning_effort"]);
    assert_eq!(unmapped(&Conversation { format: schema(None), ..thinking(effort("low"), None) }, OLD_CLAUDE), [
        "reasoning_effort"
    ]);
}

#[test]
fn sampling() {
    let conversation = Conversation {
        max_output_tokens: Some(100),
        stop: vec!["END".to_owned(), String::new()],
        temperature: serde_json::Number::from_f64(1.7),
        top_p: serde_json::Number::from_f64(0.9),
        top_k: Some(40),
        frequency_penalty: Some(0.into()),
        presence_penalty: serde_json::Number::from_f64(0.0),
        user: Some("jo@example.com".to_owned()),
        ..says("Hello")
    };
    check("sampling", &conversation, OLD_CLAUDE);
    check("sampling_nova", &conversation, NOVA);
    assert_eq!(unmapped(&conversation, LLAMA), ["top_k"]);
    // Newer models of Claude take one of both, and the newest none.
    assert_eq!(unmapped(&conversation, CLAUDE), ["top_p"]);
    assert_eq!(unmapped(&conversation, "anthropic.claude-opus-5"), ["temperature", "top_p", "top_k"]);
}

#[test]
fn what_has_no_words() {
    let conversation = Conversation {
        stop: vec!["\n\n".to_owned()],
        seed: Some(1.into()),
        frequency_penalty: serde_json::Number::from_f64(0.5),
        presence_penalty: Some(1.into()),
        user: Some("Jürgen".to_owned()),
        rest: vec![("logit_bias".to_owned(), json!({})), ("store".to_owned(), json!(true))],
        stream: true,
        asks_usage: true,
        ..says("Hello")
    };
    check("unmapped_fields", &conversation, CLAUDE);
}

#[test]
fn the_policy_bounds_an_answer_that_the_caller_does_not() {
    let call = Call { max_output_tokens: Some(4096), ..call(CLAUDE) };
    let most = |conversation: &Conversation| {
        DIALECT.write_request(conversation, &call).body["inferenceConfig"]["maxTokens"].clone()
    };
    assert_eq!(most(&says("x")), 4096);
    assert_eq!(most(&Conversation { max_output_tokens: Some(10), ..says("x") }), 10);
}

#[test]
fn thinking_by_effort_and_by_budget() {
    check("thinking_effort", &thinking(effort("medium"), Some(10_000)), OLD_CLAUDE);
    check("thinking_effort_bounded", &thinking(effort("max"), Some(2000)), OLD_CLAUDE);
    assert_eq!(unmapped(&thinking(effort("low"), Some(1000)), OLD_CLAUDE), ["reasoning_effort"]);
    check("thinking_budget", &thinking(Reasoning::Budget(5000), Some(8000)), OLD_CLAUDE);
    check("thinking_adaptive", &thinking(effort("minimal"), None), NEW_CLAUDE);
    check("thinking_nova", &thinking(effort("high"), None), "us.amazon.nova-2-lite-v1:0");
    check("thinking_gpt", &thinking(effort("minimal"), None), GPT);
    for model in [CLAUDE, NOVA, LLAMA] {
        assert_eq!(unmapped(&thinking(Reasoning::Off, None), model), [""; 0]);
    }
    assert_eq!(unmapped(&thinking(effort("low"), None), LLAMA), ["reasoning_effort"]);
    assert_eq!(unmapped(&thinking(Reasoning::Budget(5000), None), LLAMA), ["thinking"]);
    assert_eq!(unmapped(&thinking(Reasoning::Adaptive, None), NOVA), ["thinking"]);
    let for_messages = Call { endpoint: Endpoint::Messages, ..call(LLAMA) };
    let budget = thinking(Reasoning::Budget(5000), None);
    assert_eq!(DIALECT.write_request(&budget, &for_messages).unmapped, ["thinking"]);
    let low = thinking(effort("low"), None);
    assert_eq!(DIALECT.write_request(&low, &for_messages).unmapped, ["output_config.effort"]);
    assert_eq!(unmapped(&thinking(Reasoning::Off, None), GPT), ["reasoning_effort"]);
}

#[test]
fn thoughts_go_back_signed() {
    let signed = |signature: Option<&str>| Part::Reasoning {
        text: "Hm.".to_owned(),
        signature: signature.map(ToOwned::to_owned),
    };
    let thoughts =
        vec![signed(Some("c2ln")), Part::RedactedReasoning("cmVk".to_owned()), signed(None), Part::text("Four.")];
    let turns = vec![user(vec![Part::text("2+2?")]), assistant(thoughts), user(vec![Part::text("Sure?")])];
    let conversation = Conversation { turns, ..Conversation::default() };
    check("reasoning_history", &conversation, CLAUDE);
    check("reasoning_history_gpt", &conversation, GPT);
}

#[test]
fn cache_marks_become_cache_points() {
    let mut cached = tool("weather");
    cached.cache = Some(json!({ "type": "ephemeral" }));
    let conversation = Conversation {
        system: vec![marked("Long instructions.", Some("1h"))],
        turns: vec![user(vec![marked("A long text.", None), Part::text("What does it say?")])],
        tools: vec![cached],
        ..Conversation::default()
    };
    check("cache_points", &conversation, CLAUDE);
    check("cache_points_llama", &conversation, LLAMA);
}
