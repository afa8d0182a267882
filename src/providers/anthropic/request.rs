use serde_json::{Map, Number, Value, json};

use super::super::fields::set;
use super::super::unmapped::Unmapped;
use super::super::conversation::{Conversation, Format, Part, Reasoning, Tool, ToolChoice};
use super::super::{Call, Written, fitted, hash, shortened};
use super::format::fitted_schema;
use super::model::Claude;
use super::thinking::{self, Thinking};
use super::{JSON_TOOL, LONGEST_NAME, turns};

/// The most tools whose arguments Anthropic holds to their schemas.
const MOST_STRICT: usize = 20;

pub(super) fn write(conversation: &Conversation, call: &Call<'_>) -> Written {
    let claude = Claude::of(call.provider_model);
    let mut unmapped = Unmapped::new(conversation, call.endpoint);
    let mut body = Map::new();
    let form = form(conversation, claude, &mut unmapped);
    let choice = tool_choice(conversation, claude, &form, &mut unmapped);
    let thinking = thinking::of(conversation, claude, call.max_output_tokens, choice.forces);
    if let Some(reasoning) = conversation.reasoning.as_ref().filter(|_| thinking.unmapped) {
        unmapped.add_reasoning(reasoning);
    }

    body.insert("model".to_owned(), call.provider_model.into());
    body.insert("max_tokens".to_owned(), thinking.max_tokens.into());
    let system = turns::texts(&conversation.system);
    if !system.is_empty() {
        body.insert("system".to_owned(), system.into());
    }
    body.insert("messages".to_owned(), turns::write(&conversation.turns, &mut unmapped).into());
    let tools = tools(conversation, claude, &form, &mut unmapped);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
        // The tool that stands for calls of the past is not for the present.
        let nothing = conversation.tools.is_empty() && !matches!(form, Form::Tool { .. });
        let choice = if nothing { Some(json!({ "type": "none" })) } else { choice.written };
        if let Some(choice) = choice {
            body.insert("tool_choice".to_owned(), choice);
        }
    }
    let stop: Vec<&String> = conversation.stop.iter().filter(|text| !text.trim().is_empty()).collect();
    if stop.len() < conversation.stop.len() {
        unmapped.add("stop");
    }
    if !stop.is_empty() {
        body.insert("stop_sequences".to_owned(), json!(stop));
    }
    sampling(conversation, claude, &thinking, &mut body, &mut unmapped);
    if let Some(thinking) = thinking.thinking {
        body.insert("thinking".to_owned(), thinking);
    }
    let mut output = Map::new();
    if let Some(effort) = thinking.effort {
        output.insert("effort".to_owned(), effort.into());
    }
    if let Form::Structured(schema) = form {
        output.insert("format".to_owned(), json!({ "type": "json_schema", "schema": schema }));
    }
    if !output.is_empty() {
        body.insert("output_config".to_owned(), output.into());
    }
    if let Some(user) = &conversation.user {
        body.insert("metadata".to_owned(), json!({ "user_id": user_id(user) }));
    }
    if conversation.stream {
        body.insert("stream".to_owned(), true.into());
    }
    Written { body: Value::Object(body), unmapped: unmapped.into_names() }
}

/// How the form of the answer is said.
enum Form {
    Text,
    Structured(Value),
    Tool { description: Option<String>, schema: Value },
}

fn form(conversation: &Conversation, claude: Claude, unmapped: &mut Unmapped) -> Form {
    let any = json!({ "type": "object", "additionalProperties": true });
    let (description, schema) = match &conversation.format {
        Format::Text => return Form::Text,
        Format::Json => (None, any),
        Format::Schema { description, schema, .. } => {
            if let Some(schema) = fitted_schema(schema).filter(|_| claude.has_structured_output()) {
                return Form::Structured(schema);
            }
            (description.clone(), schema.clone())
        }
    };
    let asks_thoughts = conversation.reasoning.as_ref().is_some_and(|reasoning| *reasoning != Reasoning::Off);
    let thinks = asks_thoughts && !claude.thinks_when_forced();
    if claude.always_thinks() || (thinks && claude.thinks_adaptively()) {
        unmapped.add("response_format");
        return Form::Text;
    }
    Form::Tool { description, schema: object_schema(&schema) }
}

/// What is said about tools that must be called.
struct Choice {
    written: Option<Value>,
    /// One must be.
    forces: bool,
}

fn tool_choice(conversation: &Conversation, claude: Claude, form: &Form, unmapped: &mut Unmapped) -> Choice {
    let asked = conversation.tool_choice.as_ref().filter(|_| !conversation.tools.is_empty());
    let mut forces = matches!(form, Form::Tool { .. }) || matches!(asked, Some(ToolChoice::Any | ToolChoice::Tool(_)));
    let mut choice = match (form, asked) {
        // With tools of the caller's own, the answer may be a call of one of them.
        (Form::Tool { .. }, None | Some(ToolChoice::Auto | ToolChoice::Any)) if !conversation.tools.is_empty() => {
            Some(json!({ "type": "any" }))
        }
        (Form::Tool { .. }, None | Some(ToolChoice::None | ToolChoice::Auto | ToolChoice::Any)) => {
            Some(json!({ "type": "tool", "name": JSON_TOOL }))
        }
        (_, Some(ToolChoice::Auto)) => Some(json!({ "type": "auto" })),
        (_, Some(ToolChoice::Any)) => Some(json!({ "type": "any" })),
        (_, Some(ToolChoice::None)) => Some(json!({ "type": "none" })),
        (_, Some(ToolChoice::Tool(name))) => Some(json!({ "type": "tool", "name": fitted(name, LONGEST_NAME) })),
        (_, None) => None,
    };
    if forces && claude.always_thinks() {
        unmapped.add("tool_choice");
        (forces, choice) = (false, None);
    }
    let may_call = choice.as_ref().is_none_or(|choice| choice.get("type").is_some_and(|kind| kind != "none"));
    if conversation.parallel_tool_calls == Some(false) && may_call && !conversation.tools.is_empty() {
        let choice = choice.get_or_insert_with(|| json!({ "type": "auto" }));
        set(choice, "disable_parallel_tool_use", true);
    }
    Choice { written: choice, forces }
}

fn tools(conversation: &Conversation, claude: Claude, form: &Form, unmapped: &mut Unmapped) -> Vec<Value> {
    let strict = conversation.tools.iter().filter(|tool| tool.strict == Some(true)).count();
    let holds = claude.has_structured_output() && strict <= MOST_STRICT;
    let mut tools = Vec::new();
    for tool in &conversation.tools {
        let schema = fitted_schema(&tool.parameters).filter(|_| holds && tool.strict == Some(true));
        if tool.strict == Some(true) && schema.is_none() {
            unmapped.add("strict");
        }
        tools.push(written_tool(tool, schema));
    }
    if let Form::Tool { description, schema } = form {
        let description = description.as_deref().unwrap_or("Give the answer: its arguments are the answer.");
        tools.push(json!({ "name": JSON_TOOL, "description": description, "input_schema": schema }));
    }
    let is_call = |part: &Part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_));
    if tools.is_empty() && conversation.turns.iter().any(|turn| turn.parts.iter().any(is_call)) {
        // Calls in the past need tools in the present.
        let schema = json!({ "type": "object", "properties": {} });
        tools.push(json!({ "name": "no_tool", "description": "Not to be called.", "input_schema": schema }));
    }
    tools
}

fn written_tool(tool: &Tool, strict: Option<Value>) -> Value {
    let mut written = Map::new();
    written.insert("name".to_owned(), fitted(&tool.name, LONGEST_NAME).into());
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), description.clone().into());
    }
    if strict.is_some() {
        written.insert("strict".to_owned(), true.into());
    }
    written.insert("input_schema".to_owned(), strict.unwrap_or_else(|| object_schema(&tool.parameters)));
    if let Some(cache) = &tool.cache {
        written.insert("cache_control".to_owned(), cache.clone());
    }
    Value::Object(written)
}

/// Arguments are an object; Anthropic wants that said.
fn object_schema(schema: &Value) -> Value {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if !schema.get("type").is_some_and(|kind| kind == "object") {
        schema.insert("type".to_owned(), "object".into());
    }
    if !schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
        schema.insert("properties".to_owned(), json!({}));
    }
    Value::Object(schema)
}

/// Sampling: OpenAI's temperature goes to 2, Anthropic's to 1. Defaults are left out, since newer models, and thinking
/// ones, take nothing else.
fn sampling(
    conversation: &Conversation,
    claude: Claude,
    thinking: &Thinking,
    body: &mut Map<String, Value>,
    unmapped: &mut Unmapped,
) {
    let samples = claude.samples() && !thinking.is_on();
    let is = |number: &Number, value: u8| number.as_f64() == Some(f64::from(value));
    let temperature = conversation.temperature.as_ref().filter(|number| !is(number, 1));
    let top_p = conversation.top_p.as_ref().filter(|number| !is(number, 1));
    let top_k = conversation.top_k.map(Number::from);
    let both = claude.samples_twofold() || temperature.is_none();
    for (key, number, can) in [
        ("temperature", temperature, samples),
        ("top_p", top_p, samples && both),
        ("top_k", top_k.as_ref(), samples),
    ] {
        match number {
            Some(number) if can => {
                let above = key == "temperature" && number.as_f64() > Some(1.0);
                body.insert(key.to_owned(), if above { 1.into() } else { number.clone().into() });
            }
            Some(_) => unmapped.add(key),
            None => {}
        }
    }
    for (key, number) in
        [("frequency_penalty", &conversation.frequency_penalty), ("presence_penalty", &conversation.presence_penalty)]
    {
        if number.as_ref().is_some_and(|number| !is(number, 0)) {
            unmapped.add(key);
        }
    }
    if conversation.seed.is_some() {
        unmapped.add("seed");
    }
}

/// The longest id of a user that Anthropic takes.
const LONGEST_USER: usize = 256;

/// Anthropic refuses ids that look like a person's address or number: such a one is told by a hash.
fn user_id(user: &str) -> String {
    let digits = user.chars().filter(char::is_ascii_digit).count();
    let is_phone = digits >= 7 && user.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')' | '.'));
    if user.contains('@') || is_phone { format!("user-{}", hash(user)) } else { shortened(user, LONGEST_USER).into_owned() }
}
