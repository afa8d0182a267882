use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::fields::{list, set};
use super::super::unmapped::Unmapped;
use super::super::conversation::{Conversation, Format, Reasoning, Tool, ToolChoice};
use super::super::{Call, Written, fitted, shortened};
use super::{LONGEST_ID, LONGEST_NAME, model, turns};


pub(super) fn write(conversation: &Conversation, call: &Call<'_>) -> Written {
    let mut unmapped = Unmapped::new(conversation, call.endpoint);
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    set("model", call.provider_model.into());
    set("messages", Value::Array(turns::write(conversation, call.provider_model, &mut unmapped)));
    if !conversation.tools.is_empty() {
        set("tools", conversation.tools.iter().map(tool).collect());
        if conversation.tools.iter().any(|tool| tool.strict == Some(true) && !is_strict(&tool.parameters)) {
            unmapped.add("strict");
        }
        if let Some(choice) = &conversation.tool_choice {
            set("tool_choice", tool_choice(choice));
        }
        if conversation.parallel_tool_calls == Some(false) {
            set("parallel_tool_calls", false.into());
        }
    }
    if let Some(most) = conversation.max_output_tokens {
        let reasons = model::wants_max_completion_tokens(call.provider_model);
        set(if reasons { "max_completion_tokens" } else { "max_tokens" }, most.into());
    }
    if !conversation.stop.is_empty() {
        if model::refuses_stop(call.provider_model) {
            unmapped.add_either("stop", "stop_sequences");
        } else {
            set("stop", conversation.stop.clone().into());
        }
    }
    let is_told_to_reason = conversation.reasoning.as_ref().is_some_and(|reasoning| effort(reasoning).is_some());
    let samples = !model::refuses_sampling(call.provider_model, is_told_to_reason);
    let numbers = [
        ("temperature", &conversation.temperature),
        ("top_p", &conversation.top_p),
        ("seed", &conversation.seed),
        ("frequency_penalty", &conversation.frequency_penalty),
        ("presence_penalty", &conversation.presence_penalty),
    ];
    for (key, number) in numbers {
        let refused = !samples && matches!(key, "temperature" | "top_p");
        match number {
            Some(number) if !refused => set(key, number.clone().into()),
            Some(number) if number.as_f64() != Some(1.0) => unmapped.add(key),
            _ => {}
        }
    }
    if conversation.top_k.is_some() {
        unmapped.add("top_k");
    }
    if let Some(format) = format(&conversation.format) {
        set("response_format", format);
    }
    if let Some((reasoning, effort)) = conversation.reasoning.as_ref().and_then(|it| Some((it, effort(it)?))) {
        if model::never_reasons(call.provider_model) {
            unmapped.add_reasoning(reasoning);
        } else {
            set("reasoning_effort", model::effort(call.provider_model, effort).into());
        }
    }
    if let Some(user) = &conversation.user {
        set("user", shortened(user, LONGEST_ID).into());
    }
    if conversation.stream {
        set("stream", true.into());
        set("stream_options", json!({ "include_usage": true }));
    }
    Written { body: Value::Object(body), unmapped: unmapped.into_names() }
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), fitted(&tool.name, LONGEST_NAME).into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    function.insert("parameters".to_owned(), tool.parameters.clone());
    if let Some(strict) = tool.strict.filter(|strict| !strict || is_strict(&tool.parameters)) {
        function.insert("strict".to_owned(), strict.into());
    }
    json!({ "type": "function", "function": function })
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Any => "required".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Tool(name) => json!({ "type": "function", "function": { "name": fitted(name, LONGEST_NAME) } }),
    }
}

fn format(format: &Format) -> Option<Value> {
    match format {
        Format::Text => None,
        Format::Json => Some(json!({ "type": "json_object" })),
        Format::Schema { name, description, schema, strict } => {
            let mut written = json!({ "name": fitted(name, LONGEST_NAME), "schema": schema });
            if let Some(description) = description {
                set(&mut written, "description", description.clone());
            }
            if let Some(strict) = strict.filter(|strict| !strict || is_strict(schema)) {
                set(&mut written, "strict", strict);
            }
            Some(json!({ "type": "json_schema", "json_schema": written }))
        }
    }
}

/// Whether OpenAI takes a schema as `strict`: every object is closed, and all of its properties are required. Anthropic
/// does not ask for the latter.
fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            let closed = match fields.get("properties").and_then(Value::as_object) {
                Some(properties) => {
                    // A set: a schema may have as many properties as a body holds.
                    let required: BTreeSet<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
                    fields.get("additionalProperties") == Some(&Value::Bool(false))
                        && properties.keys().all(|name| required.contains(name.as_str()))
                }
                None => fields.get("type").is_none_or(|kind| kind != "object"),
            };
            closed && fields.values().all(is_strict)
        }
        Value::Array(values) => values.iter().all(is_strict),
        _ => true,
    }
}

/// The word for how much to think. A budget is said by the effort that has at least as much (see the Anthropic dialect,
/// which knows the way back). Adaptive is what a reasoning model does anyway, and models that cannot leave thinking off
/// refuse `none`, so neither is said: leaving it off is the default of the API it comes from.
const fn effort(reasoning: &Reasoning) -> Option<&str> {
    match reasoning {
        Reasoning::Off | Reasoning::Adaptive => None,
        Reasoning::Effort(effort) => Some(effort.as_str()),
        Reasoning::Budget(..2048) => Some("low"),
        Reasoning::Budget(2048..4096) => Some("medium"),
        Reasoning::Budget(_) => Some("high"),
    }
}
