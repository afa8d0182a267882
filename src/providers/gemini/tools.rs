//! Tools: their declarations, which must be called, and their names.
//!
//! Arguments are told as `parametersJsonSchema`, which takes JSON Schema and ignores the keywords it does not follow; the
//! older `parameters` refuses the whole request for each it does not know (`additionalProperties`, `const`, …). Google's own
//! SDKs and CLI use the former for tools whose schemas they did not write. It has refused `$ref`s, so these are inlined.

use core::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::providers::conversation::{Conversation, Tool, ToolChoice};
use crate::providers::schema;
use crate::providers::unmapped::Unmapped;

/// Adds `tools` and `toolConfig`.
pub(super) fn write(conversation: &Conversation, body: &mut Map<String, Value>, unmapped: &mut Unmapped) {
    let choice = conversation.tool_choice.as_ref();
    if conversation.tools.is_empty() {
        if matches!(choice, Some(ToolChoice::Any | ToolChoice::Tool(_))) {
            unmapped.add("tool_choice");
        }
        return;
    }
    let declarations: Vec<Value> = conversation.tools.iter().map(declaration).collect();
    body.insert("tools".to_owned(), json!([{ "functionDeclarations": declarations }]));
    if conversation.parallel_tool_calls == Some(false) {
        unmapped.add_either("parallel_tool_calls", "tool_choice.disable_parallel_tool_use");
    }
    let strict = conversation.tools.iter().any(|tool| tool.strict == Some(true));
    let config = match choice {
        // Calls that must be made follow their schema anyway.
        Some(ToolChoice::Any) => json!({ "mode": "ANY" }),
        Some(ToolChoice::Tool(name)) => json!({ "mode": "ANY", "allowedFunctionNames": [name_out(name)] }),
        Some(ToolChoice::None) => json!({ "mode": "NONE" }),
        _ if strict => json!({ "mode": "VALIDATED" }),
        Some(ToolChoice::Auto) => json!({ "mode": "AUTO" }),
        None => return,
    };
    body.insert("toolConfig".to_owned(), json!({ "functionCallingConfig": config }));
}

fn declaration(tool: &Tool) -> Value {
    let mut declaration = Map::new();
    declaration.insert("name".to_owned(), json!(name_out(&tool.name)));
    if let Some(description) = &tool.description {
        declaration.insert("description".to_owned(), json!(description));
    }
    if takes_arguments(&tool.parameters) {
        declaration.insert("parametersJsonSchema".to_owned(), schema::of_arguments(&tool.parameters));
    }
    Value::Object(declaration)
}

/// Whether a schema says anything of arguments. For a function without any, none is to be sent.
fn takes_arguments(schema: &Value) -> bool {
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    schema.as_object().is_some_and(|fields| {
        fields.iter().any(|(name, value)| {
            !matches!(name.as_str(), "type" | "title" | "description" | "$schema" | "$defs" | "definitions")
                && !says_nothing(value)
        })
    })
}

/// What a name begins with that Gemini would have refused.
const ESCAPED: &str = "_k_";

/// A name that Gemini takes: begins with a letter or `_`, and has only letters, digits, `_`, `-`, `:` and `.` in it. There is
/// no state between a request and its answer, so what is changed can be told from the name alone.
pub(super) fn name_out(name: &str) -> String {
    let starts_well = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.');
    if starts_well && name.bytes().all(taken) && !name.starts_with(ESCAPED) {
        return name.to_owned();
    }
    let mut escaped = ESCAPED.to_owned();
    for byte in name.bytes() {
        if taken(byte) && byte != b'.' {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, ".{byte:02x}");
        }
    }
    escaped
}

/// The name as the caller knows it.
pub(super) fn name_in(name: &str) -> String {
    let unescaped = name.strip_prefix(ESCAPED).and_then(|escaped| {
        let mut pieces = escaped.split('.');
        let mut bytes = pieces.next()?.as_bytes().to_vec();
        for piece in pieces {
            let (hex, rest) = piece.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(bytes).ok()
    });
    unescaped.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{name_in, name_out, takes_arguments};
    use serde_json::json;

    #[test]
    fn names_come_back() {
        for name in ["get_weather", "mcp__a-b", "1st", "-x", "a b.c", "größe", "_k_x", "", "a.b:c"] {
            let out = name_out(name);
            assert!(out.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'), "{out}");
            assert!(out.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte)), "{out}");
            assert_eq!(name_in(&out), name);
        }
        assert_eq!(name_out("get_weather"), "get_weather");
        assert_eq!(name_in("_k_.zz"), "_k_.zz");
    }

    #[test]
    fn a_function_without_arguments_has_no_schema() {
        assert!(!takes_arguments(&json!({})));
        assert!(!takes_arguments(&json!({ "type": "object", "properties": {}, "additionalProperties": false })));
        assert!(takes_arguments(&json!({ "type": "object", "additionalProperties": { "type": "string" } })));
        assert!(takes_arguments(&json!({ "$ref": "#/$defs/A", "$defs": {} })));
    }
}
