//! Conversations that every dialect has to find words for.

use serde_json::{Number, Value, json};

use super::conversation::{
    Conversation, Format, Image, Media, Part, Reasoning, Role, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

pub(super) fn user(parts: Vec<Part>) -> Turn {
    Turn { role: Role::User, parts }
}

pub(super) fn assistant(parts: Vec<Part>) -> Turn {
    Turn { role: Role::Assistant, parts }
}

pub(super) fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments })
}

pub(super) fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult(ToolResult { id: id.to_owned(), parts, is_error })
}

pub(super) fn tool(name: &str, parameters: Value) -> Tool {
    Tool { name: name.to_owned(), description: Some(format!("Does {name}.")), parameters, strict: None, cache: None }
}

pub(super) fn ask() -> Conversation {
    Conversation { turns: vec![user(vec![Part::text("Hello?")])], ..Conversation::default() }
}

fn number(text: &str) -> Option<Number> {
    Some(text.parse().unwrap())
}

fn inline(media_type: &str, data: &str) -> Media {
    Media::Inline { media_type: media_type.to_owned(), data: data.to_owned() }
}

fn png(detail: Option<&str>) -> Part {
    Part::Image(Image { source: inline("image/png", "iVBORw0KGgo="), detail: detail.map(str::to_owned) })
}

fn weather() -> Tool {
    let parameters = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "place": { "$ref": "#/$defs/Place" },
            "unit": { "const": "celsius" },
            "hour": { "type": ["integer", "null"] },
            "anything": true,
        },
        "required": ["place"],
        "additionalProperties": false,
        "$defs": { "Place": { "type": "object", "properties": { "city": { "type": "string" } } } },
    });
    tool("get_weather", parameters)
}

fn called(signature: &str) -> Conversation {
    let first = format!("call_a{signature}");
    Conversation {
        turns: vec![
            user(vec![Part::text("Compare Paris and Rome.")]),
            assistant(vec![
                Part::text("I look."),
                call(&first, "get_weather", json!({ "place": { "city": "Paris" } })),
                call("call_b", "2nd weather", json!({})),
            ]),
            user(vec![result(&first, vec![Part::text("{\"$ref\": 21}"), png(None)], false)]),
            user(vec![
                result("call_b", vec![Part::text("no such city")], true),
                result("call_lost", Vec::new(), false),
                Part::text("Go on."),
            ]),
        ],
        tools: vec![weather(), tool("2nd weather", json!({ "type": "object", "properties": {} }))],
        ..Conversation::default()
    }
}

fn choosing(choice: ToolChoice, strict: Option<bool>, parallel: Option<bool>) -> Conversation {
    let tools = vec![Tool { strict, ..weather() }];
    Conversation { tools, tool_choice: Some(choice), parallel_tool_calls: parallel, ..ask() }
}

fn thinking(reasoning: Reasoning) -> Conversation {
    Conversation { reasoning: Some(reasoning), ..ask() }
}

/// The conversations, by name.
pub(super) fn all() -> Vec<(&'static str, Conversation)> {
    let schema = json!({
        "type": "object",
        "properties": { "next": { "$ref": "#/$defs/Step", "description": "The next step." } },
        "$defs": { "Step": { "type": "object", "properties": { "kind": { "const": "a" } } } },
    });
    let format =
        Format::Schema { name: "plan".to_owned(), description: Some("A plan.".to_owned()), schema, strict: Some(true) };
    vec![
        ("text", ask()),
        (
            "system",
            Conversation {
                system: vec![
                    Part::text("Be brief."),
                    Part::Text { text: "Be kind.".to_owned(), cache: Some(json!({})) },
                ],
                turns: vec![
                    user(vec![Part::text("Hi")]),
                    Turn { role: Role::System, parts: vec![Part::text("Now in French.")] },
                    user(vec![Part::text("Hello?"), Part::text("")]),
                ],
                ..Conversation::default()
            },
        ),
        ("system_only", Conversation { system: vec![Part::text("Begin.")], ..Conversation::default() }),
        (
            "turns",
            Conversation {
                turns: vec![
                    user(vec![Part::text("One")]),
                    user(vec![Part::text("and two")]),
                    assistant(vec![Part::Reasoning { text: "Hm".to_owned(), signature: Some("theirs".to_owned()) }]),
                    assistant(vec![
                        Part::RedactedReasoning("x".to_owned()),
                        Part::text("Three"),
                        Part::Refusal("No.".to_owned()),
                    ]),
                    assistant(vec![Part::Reasoning {
                        text: "So".to_owned(),
                        signature: Some("gemini:QUJD".to_owned()),
                    }]),
                    user(vec![Part::text("Four?")]),
                ],
                user: Some("u-1".to_owned()),
                ..Conversation::default()
            },
        ),
        ("tools", called("")),
        ("tools_signed", called("__thought__QUJDRA")),
        ("tool_choice_auto_strict", choosing(ToolChoice::Auto, Some(true), Some(true))),
        ("tool_choice_any_alone", choosing(ToolChoice::Any, None, Some(false))),
        ("tool_choice_none", choosing(ToolChoice::None, None, None)),
        ("tool_choice_one", choosing(ToolChoice::Tool("get_weather".to_owned()), None, None)),
        ("tool_choice_without_tools", Conversation { tool_choice: Some(ToolChoice::Any), ..ask() }),
        (
            "images",
            Conversation {
                turns: vec![user(vec![
                    Part::text("What is this?"),
                    png(Some("low")),
                    Part::Image(Image {
                        source: Media::Url("https://example.com/a/cat.JPG?x=1".to_owned()),
                        detail: Some("low".to_owned()),
                    }),
                ])],
                ..Conversation::default()
            },
        ),
        (
            "documents",
            Conversation {
                turns: vec![user(vec![
                    Part::Document { source: inline("application/pdf", "JVBERi0="), name: Some("a.pdf".to_owned()) },
                    Part::Document { source: inline("text/plain", "SGk="), name: None },
                    Part::Document { source: Media::Url("https://example.com/files/1".to_owned()), name: None },
                    Part::Audio { format: "wav".to_owned(), data: "UklGRg==".to_owned() },
                ])],
                ..Conversation::default()
            },
        ),
        ("json", Conversation { format: Format::Json, ..ask() }),
        ("json_schema", Conversation { format: format.clone(), ..ask() }),
        ("json_schema_and_tools", Conversation { format, tools: vec![weather()], ..ask() }),
        (
            "sampling",
            Conversation {
                max_output_tokens: Some(100),
                stop: vec!["END".to_owned(), "\n".to_owned()],
                temperature: number("0.70"),
                top_p: number("0.9"),
                top_k: Some(40),
                seed: number("42"),
                frequency_penalty: number("0.5"),
                presence_penalty: number("0"),
                stream: true,
                asks_usage: true,
                ..ask()
            },
        ),
        (
            "rest",
            Conversation {
                rest: vec![("logit_bias".to_owned(), json!({ "1": 2 })), ("n".to_owned(), json!(2))],
                ..ask()
            },
        ),
        ("reasoning_off", thinking(Reasoning::Off)),
        ("reasoning_none", thinking(Reasoning::Effort("none".to_owned()))),
        ("reasoning_adaptive", thinking(Reasoning::Adaptive)),
        ("reasoning_minimal", thinking(Reasoning::Effort("minimal".to_owned()))),
        ("reasoning_medium", thinking(Reasoning::Effort("medium".to_owned()))),
        ("reasoning_max", thinking(Reasoning::Effort("max".to_owned()))),
        ("reasoning_unknown", thinking(Reasoning::Effort("colossal".to_owned()))),
        ("reasoning_budget", thinking(Reasoning::Budget(31_999))),
    ]
}
