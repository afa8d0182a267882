//! The form of an answer: structured output where the model has it, else a tool that must be called and whose arguments
//! are the answer.
//!
//! Structured output comes first because it alone works on every current model: those that always think refuse to be
//! made to call a tool. The tool remains for models before 4.5, for "any JSON object", and for schemas with free keys,
//! which structured output cannot say.

use serde_json::{Map, Value, json};

/// What structured output does not take, which is told to the model in the description instead.
const UNSUPPORTED: [&str; 17] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "default",
];

/// A schema as structured output takes it: objects closed, constraints that it does not know in words. `None` where
/// objects have free keys.
pub(in crate::providers) fn fitted_schema(schema: &Value) -> Option<Value> {
    let Value::Object(schema) = schema else { return None };
    let mut fitted = Map::new();
    let mut told = Vec::new();
    for (key, value) in schema {
        match key.as_str() {
            "$schema" | "$id" | "title" => {}
            "additionalProperties" if value == &json!(false) => {}
            "additionalProperties" | "patternProperties" | "unevaluatedProperties" => return None,
            "properties" | "$defs" | "definitions" => {
                let inner = value.as_object()?.iter();
                let inner: Option<Map<_, _>> = inner.map(|(name, of)| Some((name.clone(), fitted_schema(of)?))).collect();
                fitted.insert(key.clone(), Value::Object(inner?));
            }
            "anyOf" | "oneOf" | "allOf" => {
                let inner: Option<Vec<Value>> = value.as_array()?.iter().map(fitted_schema).collect();
                fitted.insert(if key == "oneOf" { "anyOf".to_owned() } else { key.clone() }, inner?.into());
            }
            "items" => {
                fitted.insert(key.clone(), fitted_schema(value)?);
            }
            "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {
                fitted.insert(key.clone(), value.clone());
            }
            unsupported if unsupported == "minItems" || UNSUPPORTED.contains(&unsupported) => {
                told.push(format!("{key}: {value}"));
            }
            _ => {
                fitted.insert(key.clone(), value.clone());
            }
        }
    }
    let is_object = fitted.get("type").is_some_and(|kind| {
        kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
    });
    if is_object || fitted.contains_key("properties") {
        // Without any properties, closing it would leave only `{}`.
        fitted.get("properties")?;
        fitted.insert("additionalProperties".to_owned(), false.into());
    }
    if !told.is_empty() {
        let said = fitted.get("description").and_then(Value::as_str).map(|said| format!("{said}\n")).unwrap_or_default();
        fitted.insert("description".to_owned(), format!("{said}({})", told.join(", ")).into());
    }
    Some(Value::Object(fitted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fitted_schema;

    #[test]
    fn objects_are_closed_and_constraints_told() {
        let schema = json!({
            "type": "object",
            "properties": {
                "age": { "type": "integer", "description": "Years.", "minimum": 0, "maximum": 150 },
                "tags": { "type": "array", "items": { "oneOf": [{ "type": "string" }, { "type": "null" }] }, "minItems": 2 },
                "minimum": { "type": "string" },
            },
            "required": ["age"],
        });
        assert_eq!(
            fitted_schema(&schema),
            Some(json!({
                "type": "object",
                "properties": {
                    "age": { "type": "integer", "description": "Years.\n(minimum: 0, maximum: 150)" },
                    "tags": {
                        "type": "array",
                        "items": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                        "description": "(minItems: 2)",
                    },
                    "minimum": { "type": "string" },
                },
                "required": ["age"],
                "additionalProperties": false,
            }))
        );
    }

    #[test]
    fn free_keys_cannot_be_said() {
        for schema in [
            json!({ "type": "object" }),
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "type": "object", "properties": { "map": { "type": "object", "additionalProperties": true } } }),
            json!(true),
        ] {
            assert_eq!(fitted_schema(&schema), None, "{schema}");
        }
    }
}
