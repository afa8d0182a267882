use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::super::BadRequest;
use super::super::super::conversation::{Conversation, Format, Reasoning, Tool, ToolChoice};
use super::super::super::fields::{Fields, bad, list, text};
use super::turns;

pub(super) fn read(body: &[u8]) -> Result<Conversation, BadRequest> {
    let body = serde_json::from_slice(body)
        .map_err(|error| BadRequest { message: format!("The body is no JSON: {error}."), param: None })?;
    let mut fields = Fields::new(body, "")?;
    fields.take("model");
    // What only helps OpenAI to be quick, or to find what it has stored.
    for hint in ["prompt_cache_key", "prompt_cache_retention", "prediction", "metadata"] {
        fields.take(hint);
    }
    let (system, turns) = turns::read(fields.objects("messages")?)?;
    let mut rest = Vec::new();
    let has_functions = !fields.has("tools") && fields.has("functions");
    let mut tools = tools(&mut fields, &mut rest)?;
    let tool_choice = tool_choice(&mut fields, &mut tools, &mut rest)?;
    let most = fields.count("max_tokens")?;
    let most = fields.count("max_completion_tokens")?.or(most);
    let stream_options = fields.object("stream_options")?;
    let user = fields.text("user")?;
    let mut conversation = Conversation {
        system,
        turns,
        tools,
        tool_choice,
        parallel_tool_calls: fields.flag("parallel_tool_calls")?,
        max_output_tokens: most,
        stop: stop(&mut fields)?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        format: format(&mut fields)?,
        reasoning: reasoning(&mut fields)?,
        user: fields.text("safety_identifier")?.or(user),
        stream: fields.flag("stream")?.unwrap_or(false),
        has_functions,
        asks_usage: stream_options.map(|mut options| options.flag("include_usage")).transpose()?.flatten() == Some(true),
        rest: Vec::new(),
    };
    rest.extend(fields.rest(is_default));
    conversation.rest = rest;
    Ok(conversation)
}

/// Whether a field says only what would be anyway.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "n" => value.as_u64() == Some(1),
        "logprobs" | "store" => value == &json!(false),
        "logit_bias" => value.as_object().is_some_and(serde_json::Map::is_empty),
        "top_logprobs" => value.as_u64() == Some(0),
        "modalities" => value == &json!(["text"]),
        "service_tier" => value == "auto" || value == "default",
        "verbosity" => value == "medium",
        _ => false,
    }
}

/// Functions, by the newer or the older name. Tools of other types are no functions of the caller: what they are is
/// known to OpenAI alone.
fn tools(fields: &mut Fields, rest: &mut Vec<(String, Value)>) -> Result<Vec<Tool>, BadRequest> {
    let mut tools = Vec::new();
    let mut others = Vec::new();
    for mut tool in fields.objects("tools")? {
        let kind = tool.needed("type")?;
        if kind != "function" {
            others.push(Value::String(kind));
            continue;
        }
        let cache = tool.take("cache_control");
        let mut function = tool.object("function")?.ok_or_else(|| tool.wrong("function", "an object"))?;
        let mut read = read_tool(&mut function)?;
        read.cache = read.cache.or(cache);
        tools.push(read);
    }
    for mut function in fields.objects("functions")? {
        tools.push(read_tool(&mut function)?);
    }
    if !others.is_empty() {
        rest.push(("tools".to_owned(), others.into()));
    }
    Ok(tools)
}

fn read_tool(function: &mut Fields) -> Result<Tool, BadRequest> {
    Ok(Tool {
        name: function.needed("name")?,
        description: function.text("description")?,
        parameters: function.take("parameters").unwrap_or_else(|| json!({ "type": "object", "properties": {} })),
        strict: function.flag("strict")?,
        cache: function.take("cache_control"),
    })
}

fn tool_choice(
    fields: &mut Fields,
    tools: &mut Vec<Tool>,
    rest: &mut Vec<(String, Value)>,
) -> Result<Option<ToolChoice>, BadRequest> {
    let newer = fields.take("tool_choice").map(|choice| ("tool_choice", choice));
    let older = fields.take("function_call").map(|choice| ("function_call", choice));
    let Some((key, choice)) = newer.or(older) else { return Ok(None) };
    if let Some(choice) = allowed(&choice, tools) {
        return Ok(Some(choice));
    }
    let named = choice.pointer("/function/name").or_else(|| choice.get("name")).and_then(Value::as_str);
    Ok(match (choice.as_str(), named) {
        (Some("auto"), _) => Some(ToolChoice::Auto),
        (Some("none"), _) => Some(ToolChoice::None),
        (Some("required" | "any"), _) => Some(ToolChoice::Any),
        (None, Some(name)) => Some(ToolChoice::Tool(name.to_owned())),
        (None, None) if choice.is_object() => {
            rest.push((key.to_owned(), choice));
            None
        }
        _ => return Err(bad(key, format!("{key} must be auto, none, required, or name a function."))),
    })
}

/// Some of the tools, which alone may be called for now: the others are as good as not there. `None` where it is something
/// else, or names what is no tool of the caller's.
fn allowed(choice: &Value, tools: &mut Vec<Tool>) -> Option<ToolChoice> {
    let allowed = choice.get("allowed_tools")?;
    let names = list(allowed, "tools").iter().map(|tool| tool.pointer("/function/name").and_then(Value::as_str));
    let names: BTreeSet<&str> = names.collect::<Option<_>>()?;
    let choice = match text(allowed, "mode")? {
        "auto" => ToolChoice::Auto,
        "required" => ToolChoice::Any,
        _ => return None,
    };
    let known: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    if names.is_empty() || !names.is_subset(&known) {
        return None;
    }
    tools.retain(|tool| names.contains(tool.name.as_str()));
    Some(choice)
}

/// An empty text ends nothing, or with some providers (Ollama) everything at once.
fn stop(fields: &mut Fields) -> Result<Vec<String>, BadRequest> {
    let mut stop = stop_texts(fields)?;
    stop.retain(|text| !text.is_empty());
    Ok(stop)
}

fn stop_texts(fields: &mut Fields) -> Result<Vec<String>, BadRequest> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(texts)) => {
            let texts = texts.into_iter().map(|text| match text {
                Value::String(text) => Ok(text),
                _ => Err(fields.wrong("stop", "a string or a list of strings")),
            });
            texts.collect()
        }
        Some(_) => Err(fields.wrong("stop", "a string or a list of strings")),
    }
}

fn format(fields: &mut Fields) -> Result<Format, BadRequest> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(Format::Text) };
    match format.needed("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let mut schema = format.object("json_schema")?.ok_or_else(|| format.wrong("json_schema", "an object"))?;
            Ok(Format::Schema {
                name: schema.text("name")?.unwrap_or_else(|| "response".to_owned()),
                description: schema.text("description")?,
                schema: schema.take("schema").unwrap_or_else(|| json!({ "type": "object" })),
                strict: schema.flag("strict")?,
            })
        }
        _ => Err(format.wrong("type", "text, json_object or json_schema")),
    }
}

/// OpenAI's effort, or what LiteLLM lets callers say in Anthropic's words.
fn reasoning(fields: &mut Fields) -> Result<Option<Reasoning>, BadRequest> {
    let effort = fields.text("reasoning_effort")?;
    let thinking = fields.object("thinking")?;
    if let Some(effort) = effort {
        return Ok(Some(if effort == "none" { Reasoning::Off } else { Reasoning::Effort(effort) }));
    }
    let Some(mut thinking) = thinking else { return Ok(None) };
    match thinking.needed("type")?.as_str() {
        "disabled" => Ok(Some(Reasoning::Off)),
        "adaptive" => Ok(Some(Reasoning::Adaptive)),
        "enabled" => Ok(Some(thinking.count("budget_tokens")?.map_or(Reasoning::Adaptive, Reasoning::Budget))),
        _ => Err(thinking.wrong("type", "enabled, adaptive or disabled")),
    }
}
