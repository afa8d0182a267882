//! A request: everything but its turns and tools.

use serde_json::{Map, Value, json};

use super::model::{self, Generation};
use super::{contents, tools};
use crate::providers::conversation::{Conversation, Format, Image, Part, Reasoning};
use crate::providers::schema::{self, References};
use crate::providers::unmapped::Unmapped;
use crate::providers::{Call, Written};

pub(super) fn write(conversation: &Conversation, call: &Call<'_>) -> Written {
    let generation = Generation::of(call.provider_model);
    let mut unmapped = Unmapped::new(conversation, call.endpoint);
    let mut body = Map::new();
    contents::write(conversation, generation, &mut body);
    tools::write(conversation, &mut body, &mut unmapped);
    let mut config = Map::new();
    sampling(conversation, generation, &mut config, &mut unmapped);
    format(conversation, generation, &mut config, &mut unmapped);
    if let Some(reasoning) = &conversation.reasoning {
        match thinking(reasoning, generation, call.provider_model) {
            Thinking::Config(thinking) => {
                config.insert("thinkingConfig".to_owned(), thinking);
            }
            Thinking::Unmapped => unmapped.add_reasoning(reasoning),
            Thinking::Nothing => {}
        }
    }
    if images_are_all_low(conversation) {
        config.insert("mediaResolution".to_owned(), json!("MEDIA_RESOLUTION_LOW"));
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Written { body: Value::Object(body), unmapped: unmapped.into_names() }
}

fn sampling(
    conversation: &Conversation,
    generation: Generation,
    config: &mut Map<String, Value>,
    unmapped: &mut Unmapped,
) {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    set("maxOutputTokens", conversation.max_output_tokens.map(|tokens| json!(tokens)));
    set("temperature", conversation.temperature.clone().map(Value::Number));
    set("topP", conversation.top_p.clone().map(Value::Number));
    set("topK", conversation.top_k.map(|count| json!(count)));
    set("stopSequences", (!conversation.stop.is_empty()).then(|| json!(conversation.stop)));
    set("seed", conversation.seed.clone().map(Value::Number));
    for (name, chat, penalty) in [
        ("frequencyPenalty", "frequency_penalty", &conversation.frequency_penalty),
        ("presencePenalty", "presence_penalty", &conversation.presence_penalty),
    ] {
        let Some(penalty) = penalty.as_ref().filter(|penalty| penalty.as_f64() != Some(0.0)) else { continue };
        if generation == Generation::Level {
            unmapped.add(chat);
        } else {
            set(name, Some(Value::Number(penalty.clone())));
        }
    }
}

fn format(
    conversation: &Conversation,
    generation: Generation,
    config: &mut Map<String, Value>,
    unmapped: &mut Unmapped,
) {
    if conversation.format == Format::Text {
        return;
    }
    // Older models refuse a format where tools may be called.
    if generation != Generation::Level && !conversation.tools.is_empty() {
        unmapped.add_either("response_format", "output_config.format");
        return;
    }
    config.insert("responseMimeType".to_owned(), json!("application/json"));
    // Answers always fit the schema, so `strict` needs no word.
    if let Format::Schema { description, schema, .. } = &conversation.format {
        let mut schema = schema::plain(schema, References::Keep);
        if let (Some(schema), Some(description)) = (schema.as_object_mut(), description)
            && !schema.contains_key("$ref")
        {
            schema.entry("description").or_insert_with(|| json!(description));
        }
        config.insert("responseJsonSchema".to_owned(), schema);
    }
}

enum Thinking {
    Config(Value),
    /// The model does so anyway.
    Nothing,
    Unmapped,
}

/// How much is to be thought. Efforts are as Google maps them in its own OpenAI-compatible API.
fn thinking(reasoning: &Reasoning, generation: Generation, model: &str) -> Thinking {
    let pro = model.contains("pro");
    let off = match reasoning {
        Reasoning::Off => true,
        Reasoning::Effort(effort) => effort == "none",
        Reasoning::Budget(_) | Reasoning::Adaptive => false,
    };
    match generation {
        Generation::Unthinking if off || *reasoning == Reasoning::Adaptive => Thinking::Nothing,
        Generation::Unthinking => Thinking::Unmapped,
        Generation::Budget => {
            let (least, most) = if pro { (128, 32_768) } else { (0, 24_576) };
            let budget: i64 = match reasoning {
                // The larger model cannot be kept from thinking.
                Reasoning::Off => least,
                Reasoning::Adaptive => -1,
                Reasoning::Budget(tokens) => i64::try_from(*tokens).unwrap_or(most).min(most),
                Reasoning::Effort(effort) => match effort.as_str() {
                    "none" => least,
                    "minimal" | "low" => 1024,
                    "medium" => 8192,
                    "high" => 24_576,
                    "xhigh" | "max" => most,
                    _ => return Thinking::Unmapped,
                },
            };
            Thinking::Config(json!({ "thinkingBudget": budget, "includeThoughts": !off }))
        }
        Generation::Level => {
            let level = match reasoning {
                Reasoning::Adaptive => return Thinking::Config(json!({ "includeThoughts": true })),
                Reasoning::Off => "none",
                Reasoning::Budget(..=1024) => "low",
                Reasoning::Budget(..=8192) => "medium",
                Reasoning::Budget(_) => "high",
                Reasoning::Effort(effort) => effort,
            };
            // No model can be kept from thinking, `low` is the only level that all know, and the first did not know `medium`.
            let level = match level {
                "none" | "minimal" if model::thinks_minimally(model) => "minimal",
                "none" | "minimal" | "low" => "low",
                "medium" if model.contains("gemini-3-pro") => "high",
                "medium" => "medium",
                "high" | "xhigh" | "max" => "high",
                _ => return Thinking::Unmapped,
            };
            Thinking::Config(json!({ "thinkingLevel": level, "includeThoughts": !off }))
        }
    }
}

/// There is one resolution for all; where images differ in theirs, it is left to the model.
fn images_are_all_low(conversation: &Conversation) -> bool {
    let mut images = conversation.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
        Part::Image(Image { detail, .. }) => Some(detail.as_deref() == Some("low")),
        _ => None,
    });
    images.next() == Some(true) && images.all(|low| low)
}
