use serde_json::{Map, Value, json};

use super::family::Family;
use crate::providers::anthropic::format::fitted_schema;
use crate::providers::conversation::{Conversation, Format, Reasoning};
use crate::providers::schema::of_arguments;
use crate::providers::unmapped::Unmapped;

/// How the form of the answer is said.
#[derive(Debug)]
pub(super) enum Form {
    Text,
    /// By a tool that must be called, which nearly every model can.
    Tool {
        about: Option<String>,
        schema: Value,
        /// Whether the schema is one that arguments can be held to.
        strict: bool,
    },
    /// By `outputConfig`, which few models know: for those of them that think, and so cannot be made to call a tool.
    Native(Value),
}

impl Form {
    pub fn of(conversation: &Conversation, family: Family, unmapped: &mut Unmapped) -> Self {
        let any = json!({ "type": "object", "additionalProperties": true });
        let (name, about, schema, strict) = match &conversation.format {
            Format::Text => return Self::Text,
            Format::Json => ("answer", None, &any, None),
            Format::Schema { name, description, schema, strict } => (name.as_str(), description.clone(), schema, *strict),
        };
        let fitted = fitted_schema(schema).filter(|_| family.has_structured_output());
        if cannot_be_forced(conversation, family) {
            if let Some(schema) = fitted {
                return Self::Native(native(name, about.as_deref(), &schema));
            }
            unmapped.add_either("response_format", "output_config.format");
            return Self::Text;
        }
        match fitted.filter(|_| strict == Some(true)) {
            Some(schema) => Self::Tool { about, schema, strict: true },
            None => Self::Tool { about, schema: of_arguments(schema), strict: false },
        }
    }
}

/// Whether the model thinks in a way that does not go with a tool that must be called. Older ones stop to think instead.
fn cannot_be_forced(conversation: &Conversation, family: Family) -> bool {
    let Some(claude) = family.claude() else { return false };
    let asks_thoughts = conversation.reasoning.as_ref().is_some_and(|reasoning| *reasoning != Reasoning::Off);
    let thinks = asks_thoughts && claude.has_structured_output() && !claude.thinks_when_forced();
    claude.always_thinks() || thinks
}

fn native(name: &str, about: Option<&str>, schema: &Value) -> Value {
    let mut structure = Map::new();
    structure.insert("schema".to_owned(), json!(schema.to_string()));
    structure.insert("name".to_owned(), json!(name));
    structure.extend(about.map(|text| ("description".to_owned(), json!(text))));
    json!({ "textFormat": { "type": "json_schema", "structure": { "jsonSchema": structure } } })
}
