//! Writes `toolConfig`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::blocks::cache_point;
use super::family::Family;
use super::form::Form;
use super::names::{self, ANSWER};
use crate::providers::anthropic::format::fitted_schema;
use crate::providers::anthropic::model::Claude;
use crate::providers::conversation::{Conversation, Part, Tool, ToolChoice};
use crate::providers::schema::of_arguments;
use crate::providers::unmapped::Unmapped;

/// The most tools whose arguments are held to their schemas.
const MOST_STRICT: usize = 20;

/// The fields.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// `toolConfig`.
    pub config: Option<Value>,
    /// `tool_choice` of `additionalModelRequestFields`, where one call at a time is asked for.
    pub tool_choice: Option<Value>,
    /// One of them must be called.
    pub forces: bool,
}

/// Writes them.
pub(super) fn write(conversation: &Conversation, family: Family, form: &Form, unmapped: &mut Unmapped) -> Tools {
    let called = called(conversation);
    let none = conversation.tool_choice == Some(ToolChoice::None);
    // Blocks of tools need tools, so they can be left out only where the chat has none.
    let offered: &[Tool] = if none && called.is_empty() { &[] } else { &conversation.tools };
    let holds = family.has_structured_output()
        && offered.iter().filter(|tool| tool.strict == Some(true)).count() <= MOST_STRICT;
    let mut tools = Vec::new();
    for tool in offered {
        specify(tool, holds, &mut tools, unmapped);
        tools.extend(cache_point(tool.cache.as_ref(), family));
    }
    if offered.is_empty() {
        tools.extend(called.iter().map(|name| {
            let description = "This tool cannot be called any more.";
            spec(&names::tool(name), Some(description), of_arguments(&Value::Null), false)
        }));
    }

    let asked = conversation.tool_choice.as_ref().filter(|_| !offered.is_empty());
    let mut forced = match asked {
        Some(ToolChoice::Any) => Some(json!({ "any": {} })),
        Some(ToolChoice::Tool(name)) => Some(json!({ "tool": { "name": names::tool(name) } })),
        _ => None,
    };
    if forced.is_some() && family.claude().is_some_and(Claude::always_thinks) {
        unmapped.add("tool_choice");
        forced = None;
    }
    // An answer that has to be a call of a tool has no other form.
    if let (Form::Tool { about, schema, strict }, None) = (form, &forced) {
        let about = about.as_deref().map_or_else(String::new, |text| format!(" It is: {text}"));
        let description = format!("Gives your answer. Call it with the answer as its arguments.{about}");
        tools.push(spec(ANSWER, Some(&description), schema.clone(), *strict));
        let may_call = !offered.is_empty() && !none;
        forced = Some(if may_call { json!({ "any": {} }) } else { json!({ "tool": { "name": ANSWER } }) });
    }
    if none && asked.is_some() && forced.is_none() {
        unmapped.add("tool_choice");
    }

    let forces = forced.is_some();
    let tool_choice = one_at_a_time(conversation, family, offered, forces, unmapped);
    let config = (!tools.is_empty()).then(|| {
        let mut config = Map::new();
        config.insert("tools".to_owned(), Value::Array(tools));
        config.extend(forced.map(|choice| ("toolChoice".to_owned(), choice)));
        Value::Object(config)
    });
    Tools { config, tool_choice, forces }
}

/// The names of the tools that were called so far, each once.
fn called(conversation: &Conversation) -> Vec<&str> {
    let mut known = BTreeSet::new();
    let names = conversation.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    names.filter(|name| known.insert(*name)).collect()
}

fn specify(tool: &Tool, holds: bool, tools: &mut Vec<Value>, unmapped: &mut Unmapped) {
    let asks_strict = tool.strict == Some(true);
    let strict = fitted_schema(&tool.parameters).filter(|_| holds && asks_strict);
    if asks_strict && strict.is_none() {
        unmapped.add_either("tools.function.strict", "tools.strict");
    }
    let is_strict = strict.is_some();
    let schema = strict.unwrap_or_else(|| of_arguments(&tool.parameters));
    tools.push(spec(&names::tool(&tool.name), tool.description.as_deref(), schema, is_strict));
}

fn spec(name: &str, description: Option<&str>, schema: Value, strict: bool) -> Value {
    let mut spec = Map::new();
    spec.insert("name".to_owned(), json!(name));
    let description = description.filter(|text| !text.trim().is_empty());
    spec.extend(description.map(|text| ("description".to_owned(), json!(text))));
    spec.insert("inputSchema".to_owned(), json!({ "json": schema }));
    if strict {
        spec.insert("strict".to_owned(), json!(true));
    }
    json!({ "toolSpec": spec })
}

/// Converse has no words for this, but newer models of Claude do. The `type` may be told in one place only.
fn one_at_a_time(
    conversation: &Conversation,
    family: Family,
    offered: &[Tool],
    forces: bool,
    unmapped: &mut Unmapped,
) -> Option<Value> {
    let may_call = !offered.is_empty() && conversation.tool_choice != Some(ToolChoice::None);
    if conversation.parallel_tool_calls != Some(false) || !may_call {
        return None;
    }
    if !family.has_structured_output() {
        unmapped.add_either("parallel_tool_calls", "tool_choice.disable_parallel_tool_use");
        return None;
    }
    let mut choice = Map::new();
    if !forces {
        choice.insert("type".to_owned(), json!("auto"));
    }
    choice.insert("disable_parallel_tool_use".to_owned(), json!(true));
    Some(Value::Object(choice))
}
