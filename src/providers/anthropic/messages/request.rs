use serde_json::{Value, json};

use super::super::super::BadRequest;
use super::super::super::conversation::{Conversation, Format, Reasoning, Tool, ToolChoice};
use super::super::super::fields::Fields;
use super::turns;

pub(super) fn read(body: &[u8]) -> Result<Conversation, BadRequest> {
    let body = serde_json::from_slice(body)
        .map_err(|error| BadRequest { message: format!("The body is no JSON: {error}."), param: None })?;
    let mut fields = Fields::new(body, "")?;
    fields.take("model");
    // Hints for Anthropic alone: where to cache, what of a long chat to forget.
    fields.take("cache_control");
    fields.take("context_management");
    let mut rest = Vec::new();
    let (tool_choice, parallel_tool_calls) = tool_choice(&mut fields)?;
    let user = match fields.object("metadata")? {
        Some(mut metadata) => metadata.text("user_id")?,
        None => None,
    };
    let mut output = fields.object("output_config")?;
    let effort = output.as_mut().map(|output| output.text("effort")).transpose()?.flatten();
    let newer = output.as_mut().map(|output| output.object("format")).transpose()?.flatten();
    let older = fields.object("output_format")?;
    if let Some(output) = output {
        rest.extend(output.rest(|_, _| false).into_iter().map(|(key, value)| (format!("output_config.{key}"), value)));
    }
    let stops = fields.list("stop_sequences")?.into_iter().map(|text| match text {
        Value::String(text) => Ok(text),
        _ => Err(fields.wrong("stop_sequences", "a list of strings")),
    });
    let stop = stops.collect::<Result<Vec<_>, _>>()?;
    let mut conversation = Conversation {
        system: turns::content(&mut fields, "system")?,
        turns: turns::read(fields.objects("messages")?)?,
        tools: tools(&mut fields, &mut rest)?,
        tool_choice,
        parallel_tool_calls,
        max_output_tokens: fields.count("max_tokens")?,
        stop,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        format: format(newer.or(older))?,
        reasoning: reasoning(&mut fields, effort)?,
        user,
        stream: fields.flag("stream")?.unwrap_or(false),
        asks_usage: true,
        ..Conversation::default()
    };
    rest.extend(fields.rest(|key, value| key == "service_tier" && value == "auto"));
    conversation.rest = rest;
    Ok(conversation)
}

/// The caller's own tools. Those that Anthropic runs or knows the arguments of have a type and no schema.
fn tools(fields: &mut Fields, rest: &mut Vec<(String, Value)>) -> Result<Vec<Tool>, BadRequest> {
    let mut tools = Vec::new();
    let mut others = Vec::new();
    for mut tool in fields.objects("tools")? {
        let kind = tool.text("type")?;
        if let Some(kind) = kind.filter(|kind| kind != "custom") {
            others.push(Value::String(kind));
            continue;
        }
        tools.push(Tool {
            name: tool.needed("name")?,
            description: tool.text("description")?,
            parameters: tool.take("input_schema").unwrap_or_else(|| json!({ "type": "object", "properties": {} })),
            strict: tool.flag("strict")?,
            cache: tool.take("cache_control"),
        });
    }
    if !others.is_empty() {
        rest.push(("tools".to_owned(), others.into()));
    }
    Ok(tools)
}

/// Which tool, and whether several at once.
fn tool_choice(fields: &mut Fields) -> Result<(Option<ToolChoice>, Option<bool>), BadRequest> {
    let Some(mut choice) = fields.object("tool_choice")? else { return Ok((None, None)) };
    let tool = match choice.needed("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(choice.needed("name")?),
        _ => return Err(choice.wrong("type", "auto, any, none or tool")),
    };
    Ok((Some(tool), choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled)))
}

fn format(format: Option<Fields>) -> Result<Format, BadRequest> {
    let Some(mut format) = format else { return Ok(Format::Text) };
    if format.needed("type")? != "json_schema" {
        return Err(format.wrong("type", "json_schema"));
    }
    let schema = format.take("schema").ok_or_else(|| format.wrong("schema", "an object"))?;
    // Anthropic always holds the answer to it.
    Ok(Format::Schema { name: "response".to_owned(), description: None, schema, strict: Some(true) })
}

/// An effort says more than that thinking is on, and less than that it is off.
fn reasoning(fields: &mut Fields, effort: Option<String>) -> Result<Option<Reasoning>, BadRequest> {
    let effort = effort.map(Reasoning::Effort);
    let Some(mut thinking) = fields.object("thinking")? else { return Ok(effort) };
    Ok(Some(match thinking.needed("type")?.as_str() {
        "disabled" => Reasoning::Off,
        "adaptive" => effort.unwrap_or(Reasoning::Adaptive),
        "enabled" => {
            let budget = thinking.count("budget_tokens")?.ok_or_else(|| thinking.wrong("budget_tokens", "a number"))?;
            effort.unwrap_or(Reasoning::Budget(budget))
        }
        _ => return Err(thinking.wrong("type", "enabled, adaptive or disabled")),
    }))
}
