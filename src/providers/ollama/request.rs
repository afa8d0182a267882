//! A request: everything but its turns.

use serde_json::{Map, Value, json};

use super::messages;
use crate::providers::conversation::{Conversation, Format, Reasoning, Tool, ToolChoice};
use crate::providers::schema::{self, References};
use crate::providers::unmapped::Unmapped;
use crate::providers::{Call, Written};

pub(super) fn write(conversation: &Conversation, call: &Call<'_>) -> Written {
    let mut unmapped = Unmapped::new(conversation, call.endpoint);
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(call.provider_model));
    body.insert("messages".to_owned(), messages::write(conversation, &mut unmapped).into());
    // Unless told otherwise, it streams.
    body.insert("stream".to_owned(), json!(call.stream));
    tools(conversation, &mut body, &mut unmapped);
    let options = options(conversation);
    if !options.is_empty() {
        body.insert("options".to_owned(), Value::Object(options));
    }
    match &conversation.format {
        Format::Text => {}
        Format::Json => {
            body.insert("format".to_owned(), json!("json"));
        }
        Format::Schema { schema, .. } => {
            body.insert("format".to_owned(), schema::plain(schema, References::Keep));
        }
    }
    if let Some(reasoning) = &conversation.reasoning {
        match think(reasoning) {
            Some(Value::Null) => {}
            Some(think) => {
                body.insert("think".to_owned(), think);
            }
            None => unmapped.add_reasoning(reasoning),
        }
    }
    Written { body: Value::Object(body), unmapped: unmapped.into_names() }
}

fn options(conversation: &Conversation) -> Map<String, Value> {
    let number = |number: &Option<serde_json::Number>| number.clone().map(Value::Number);
    let options = [
        ("num_predict", conversation.max_output_tokens.map(|tokens| json!(tokens))),
        ("temperature", number(&conversation.temperature)),
        ("top_p", number(&conversation.top_p)),
        ("top_k", conversation.top_k.map(|count| json!(count))),
        ("seed", number(&conversation.seed)),
        ("frequency_penalty", number(&conversation.frequency_penalty)),
        ("presence_penalty", number(&conversation.presence_penalty)),
        ("stop", (!conversation.stop.is_empty()).then(|| json!(conversation.stop))),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The model always decides, so what says otherwise has no words, but that none is to be called: then none is offered.
fn tools(conversation: &Conversation, body: &mut Map<String, Value>, unmapped: &mut Unmapped) {
    let choice = conversation.tool_choice.as_ref();
    if matches!(choice, Some(ToolChoice::Any | ToolChoice::Tool(_))) {
        unmapped.add("tool_choice");
    }
    if conversation.tools.is_empty() || choice == Some(&ToolChoice::None) {
        return;
    }
    if conversation.parallel_tool_calls == Some(false) {
        unmapped.add_either("parallel_tool_calls", "tool_choice.disable_parallel_tool_use");
    }
    if conversation.tools.iter().any(|tool| tool.strict == Some(true)) {
        unmapped.add_either("tools.function.strict", "tools.strict");
    }
    let tools: Vec<Value> = conversation.tools.iter().map(tool).collect();
    body.insert("tools".to_owned(), json!(tools));
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), json!(description));
    }
    function.insert("parameters".to_owned(), schema::of_arguments(&tool.parameters));
    json!({ "type": "function", "function": function })
}

/// How much is to be thought; null where that is what happens anyway.
fn think(reasoning: &Reasoning) -> Option<Value> {
    Some(match reasoning {
        Reasoning::Off => json!(false),
        Reasoning::Adaptive => Value::Null,
        // There are levels only, and models that know no levels think or do not.
        Reasoning::Budget(..=2048) => json!("low"),
        Reasoning::Budget(..=8192) => json!("medium"),
        Reasoning::Budget(_) => json!("high"),
        Reasoning::Effort(effort) => match effort.as_str() {
            "none" => json!(false),
            "minimal" | "low" => json!("low"),
            "medium" => json!("medium"),
            "high" | "xhigh" => json!("high"),
            "max" => json!("max"),
            _ => return None,
        },
    })
}
