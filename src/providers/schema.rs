//! JSON Schemas for providers that do not follow every `$ref`.

use serde_json::{Map, Value, json};

/// The most schemas that one may become: each use of a definition repeats it.
const MOST: usize = 5_000;
/// How many times its own length a schema may grow by repeating its definitions.
const GROWTH: usize = 3;
/// How deep schemas may be in each other.
const DEEPEST: usize = 64;

/// Which references stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    /// Only those that cannot be followed to an end: definitions that contain themselves.
    Inline,
    /// All to `#/$defs/`.
    Keep,
}

/// The schema without `$schema`, its references [inlined](References), and with an `enum` of one for every `const` that is
/// text or a number. A reference that stays stands alone, without keywords beside it.
pub(super) fn plain(schema: &Value, references: References) -> Value {
    let room = length(schema).saturating_mul(GROWTH);
    let mut walk = Walk { root: schema, references, left: MOST, room, kept: false, open: Vec::new() };
    let mut plain = walk.schema(schema, 0);
    if walk.kept
        && let (Value::Object(plain), Value::Object(schema)) = (&mut plain, schema)
    {
        for name in ["$defs", "definitions"] {
            if let Some(definitions) = schema.get(name) {
                plain.insert(name.to_owned(), walk.each(definitions, 0));
            }
        }
    }
    plain
}

/// The schema of a tool's arguments, which says that they are an object.
pub(super) fn of_arguments(schema: &Value) -> Value {
    let mut schema = match plain(schema, References::Inline) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    if schema.get("type").is_none_or(Value::is_null) {
        schema.insert("type".to_owned(), json!("object"));
    }
    if !schema.get("properties").is_some_and(Value::is_object) {
        schema.insert("properties".to_owned(), json!({}));
    }
    Value::Object(schema)
}

/// How long a value is as text.
fn length(value: &Value) -> usize {
    struct Length(usize);
    impl std::io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    // What only counts cannot fail; should it, the value counts as too long.
    serde_json::to_writer(&mut length, value).map_or(usize::MAX, |()| length.0)
}

struct Walk<'a> {
    root: &'a Value,
    references: References,
    left: usize,
    /// Bytes that repeated definitions may still take: a body must not grow without bounds on its way.
    room: usize,
    /// A reference stayed, so the definitions must.
    kept: bool,
    /// The references that are being followed.
    open: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, schema: &'a Value, depth: usize) -> Value {
        let Value::Object(fields) = schema else { return schema.clone() };
        self.left = self.left.saturating_sub(1);
        if let Some(Value::String(reference)) = fields.get("$ref") {
            return self.reference(reference, fields, depth);
        }
        Value::Object(self.fields(fields, depth))
    }

    fn fields(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Map<String, Value> {
        let mut plain = Map::new();
        for (name, value) in fields {
            match name.as_str() {
                "$schema" | "$ref" => {}
                "$defs" | "definitions" if depth == 0 => {}
                "const" if (value.is_string() || value.is_number()) && !fields.contains_key("enum") => {
                    plain.insert("enum".to_owned(), json!([value]));
                }
                "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions" => {
                    plain.insert(name.clone(), self.each(value, depth));
                }
                "items"
                | "prefixItems"
                | "anyOf"
                | "oneOf"
                | "allOf"
                | "not"
                | "additionalProperties"
                | "contains"
                | "if"
                | "then"
                | "else"
                | "propertyNames" => {
                    plain.insert(name.clone(), self.one_or_several(value, depth));
                }
                _ => {
                    plain.insert(name.clone(), value.clone());
                }
            }
        }
        plain
    }

    fn each(&mut self, schemas: &'a Value, depth: usize) -> Value {
        let Value::Object(schemas) = schemas else { return schemas.clone() };
        let each = schemas.iter().map(|(name, schema)| {
            // Not everybody knows that a schema may be only `true` or `false`.
            let schema = match schema {
                Value::Bool(true) => json!({}),
                Value::Bool(false) => json!({ "not": {} }),
                schema => self.schema(schema, depth + 1),
            };
            (name.clone(), schema)
        });
        each.collect()
    }

    fn one_or_several(&mut self, schemas: &'a Value, depth: usize) -> Value {
        match schemas {
            Value::Array(schemas) => schemas.iter().map(|schema| self.schema(schema, depth + 1)).collect(),
            schema => self.schema(schema, depth + 1),
        }
    }

    fn reference(&mut self, reference: &'a str, fields: &'a Map<String, Value>, depth: usize) -> Value {
        let stays = self.references == References::Keep && reference.starts_with("#/$defs/");
        let endless = self.open.contains(&reference) || depth > DEEPEST || self.left == 0 || self.room == 0;
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        // One that does not fit ends it for all that follow: measuring each of them would be the same work.
        let fits = |target: &&Value| {
            self.room = self.room.saturating_sub(length(target));
            self.room > 0
        };
        let target = target.filter(|_| !stays && !endless).filter(fits);
        let Some(target) = target.filter(|_| !stays && !endless) else {
            self.kept = true;
            return json!({ "$ref": reference });
        };
        self.open.push(reference);
        let target = self.schema(target, depth + 1);
        self.open.pop();
        match target {
            // What stands beside a reference says more of this use of it. One that stayed must stand alone.
            Value::Object(mut target) if !target.contains_key("$ref") => {
                target.extend(self.fields(fields, depth + 1));
                Value::Object(target)
            }
            target => target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GROWTH, References, length, of_arguments, plain};
    use serde_json::{Map, Value, json};

    fn inline(schema: &Value) -> Value {
        plain(schema, References::Inline)
    }

    #[test]
    fn a_schema_does_not_grow_without_bounds() {
        let uses: Map<String, Value> =
            (0..900).map(|number| (number.to_string(), json!({ "$ref": "#/$defs/Long" }))).collect();
        let long =
            json!({ "type": "object", "properties": uses, "$defs": { "Long": { "description": "z".repeat(90_000) } } });
        let written = length(&of_arguments(&long));
        assert!(written < length(&long) * (GROWTH + 2), "{written}");
    }

    #[test]
    fn references_are_inlined() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "$ref": { "type": "string" }, "a": { "$ref": "#/$defs/A", "description": "mine" } },
            "$defs": { "A": { "type": "array", "items": { "$ref": "#/$defs/B" } }, "B": { "const": "b" } },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "$ref": { "type": "string" },
                "a": { "type": "array", "items": { "enum": ["b"] }, "description": "mine" },
            },
        });
        assert_eq!(inline(&schema), expected);
    }

    #[test]
    fn definitions_that_contain_themselves_stay() {
        let schema = json!({
            "type": "object",
            "properties": { "tree": { "$ref": "#/$defs/Tree" } },
            "$defs": { "Tree": { "properties": { "left": { "$ref": "#/$defs/Tree", "description": "lost" } } } },
        });
        let plain = inline(&schema);
        assert_eq!(plain["properties"]["tree"], json!({ "properties": { "left": { "$ref": "#/$defs/Tree" } } }));
        assert!(plain["$defs"]["Tree"].is_object());
    }

    #[test]
    fn references_that_are_understood_may_stay() {
        let schema = json!({
            "properties": { "a": { "$ref": "#/$defs/A", "title": "x" }, "b": { "$ref": "#/definitions/B" } },
            "$defs": { "A": { "const": 1 } },
            "definitions": { "B": { "const": true } },
        });
        let plain = plain(&schema, References::Keep);
        assert_eq!(plain["properties"], json!({ "a": { "$ref": "#/$defs/A" }, "b": { "const": true } }));
        assert_eq!(plain["$defs"], json!({ "A": { "enum": [1] } }));
    }

    #[test]
    fn a_schema_cannot_be_blown_up() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
            definitions.insert(level.to_string(), json!({ "anyOf": [next, next] }));
        }
        definitions.insert("40".to_owned(), json!({ "type": "string" }));
        let schema = json!({ "$ref": "#/$defs/0", "$defs": definitions });
        assert!(inline(&schema).to_string().len() < 1_000_000);
        let chain: Map<_, _> =
            (0..100_000).map(|i| (i.to_string(), json!({ "not": { "$ref": format!("#/$defs/{}", i + 1) } }))).collect();
        let _ = inline(&json!({ "$ref": "#/$defs/0", "$defs": chain }));
    }

    #[test]
    fn arguments_are_an_object() {
        let empty = json!({ "type": "object", "properties": {} });
        for schema in [json!(null), json!({}), json!(true), json!({ "type": null, "properties": null })] {
            assert_eq!(of_arguments(&schema), empty);
        }
    }
}
