//! Reading wire JSON: leniently what a provider says, exactly what a caller asks.

use serde_json::{Map, Number, Value};

use super::{BadRequest, wire};

/// The most values that a JSON text may hold to be read as a whole. Each takes up to some hundred bytes of memory, a VM of
/// Envoy's has 1 GiB of it, and one that has no more takes every request of its worker with it.
pub const MOST_VALUES: usize = 200_000;

/// Whether a JSON text holds more values than [`MOST_VALUES`].
pub fn too_many_values(json: &[u8]) -> bool {
    // Each but the first has a byte before it.
    json.len() > MOST_VALUES && values(json) > MOST_VALUES
}

/// How many values a JSON text holds, or somewhat more.
pub fn values(json: &[u8]) -> usize {
    let (mut values, mut in_text, mut escaped) = (1_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values = values.saturating_add(1),
            _ => {}
        }
    }
    values
}

/// Sets a field of an object.
pub fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
}

/// An object into which its values are moved: `json!` copies what it is given, which for the contents of messages is most of
/// a request.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A string field; anything else is as good as missing.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A count; anything else is as good as missing.
pub fn count(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(whole)
}

/// A whole number. Some servers write theirs with a point or an exponent.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let mut number = crate::json::Number::default();
        number.push(value.as_f64().filter(|number| number.fract() == 0.0)?.to_string().as_bytes());
        number.count()
    })
}

/// The same for fields of a struct: no count is worth losing an answer for.
pub fn lenient_count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    <Value as serde::Deserialize>::deserialize(deserializer).map(|value| whole(&value))
}

/// A list; anything else is empty.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The arguments of a call as a provider's model wrote them. A model that is cut off leaves half a text: it is kept
/// under a name that says so, since callers are promised an object.
pub fn arguments(json: &str) -> Value {
    if json.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match wire::read::<Value>(json.as_bytes()) {
        Ok(value @ Value::Object(_)) => value,
        _ => serde_json::json!({ "INVALID_JSON": json }),
    }
}

/// Something wrong with a field.
pub fn bad(param: impl Into<String>, message: impl Into<String>) -> BadRequest {
    BadRequest { message: message.into(), param: Some(param.into()) }
}

/// The fields of an object that a caller sent, taken out one by one; `null` is missing.
#[derive(Debug)]
pub struct Fields {
    fields: Map<String, Value>,
    /// Where the object is, for messages: empty, or `messages[3].`.
    place: String,
}

impl Fields {
    /// Of an object at a place, such as `messages[3]`; the request itself is at an empty one.
    pub fn new(value: Value, place: &str) -> Result<Self, BadRequest> {
        match value {
            Value::Object(fields) => {
                let dot = if place.is_empty() { "" } else { "." };
                Ok(Self { fields, place: format!("{place}{dot}") })
            }
            _ => Err(bad(place, format!("{place} must be an object."))),
        }
    }

    /// The name of a field with where it is.
    pub fn place(&self, key: &str) -> String {
        format!("{}{key}", self.place)
    }

    /// A field of any type.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.fields.remove(key).filter(|value| !value.is_null())
    }

    /// Whether a field is there.
    pub fn has(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|value| !value.is_null())
    }

    /// Text.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, BadRequest> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// Text that must be there.
    pub fn needed(&mut self, key: &str) -> Result<String, BadRequest> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "a string"))
    }

    /// A number.
    pub fn number(&mut self, key: &str) -> Result<Option<Number>, BadRequest> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(key, "a number")),
        }
    }

    /// A count.
    pub fn count(&mut self, key: &str) -> Result<Option<u64>, BadRequest> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| self.wrong(key, "a whole number, 0 or more")),
        }
    }

    /// True or false.
    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, BadRequest> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(|| self.wrong(key, "a boolean")),
        }
    }

    /// A list; empty if missing.
    pub fn list(&mut self, key: &str) -> Result<Vec<Value>, BadRequest> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    /// A list of objects, each with its own place.
    pub fn objects(&mut self, key: &str) -> Result<Vec<Self>, BadRequest> {
        let place = self.place(key);
        let list = self.list(key)?.into_iter().enumerate();
        list.map(|(index, value)| Self::new(value, &format!("{place}[{index}]"))).collect()
    }

    /// An object.
    pub fn object(&mut self, key: &str) -> Result<Option<Self>, BadRequest> {
        self.take(key).map(|value| Self::new(value, &self.place(key))).transpose()
    }

    /// Says that a field is not what it must be.
    pub fn wrong(&self, key: &str, wanted: &str) -> BadRequest {
        let place = self.place(key);
        bad(place.clone(), format!("{place} must be {wanted}."))
    }

    /// What was not taken and says something: not `null`, and not what `is_default` knows as the default.
    pub fn rest(self, is_default: impl Fn(&str, &Value) -> bool) -> Vec<(String, Value)> {
        self.fields.into_iter().filter(|(key, value)| !value.is_null() && !is_default(key, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_VALUES, count, too_many_values};

    #[test]
    fn counts_are_whole_numbers_however_they_are_written() {
        let usage =
            serde_json::json!({ "a": 12, "b": 12.0, "c": 1.2e1, "d": 1.5, "e": -1, "f": -1.0, "g": "12", "h": null });
        let counts = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|key| count(&usage, key));
        assert_eq!(counts, [Some(12), Some(12), Some(12), None, None, None, None, None, None]);
    }

    #[test]
    fn values_are_counted_but_not_text() {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(",")).into_bytes();
        assert!(!too_many_values(&list("0", MOST_VALUES - 1)));
        for item in ["0", "[]", r#"{"a":0}"#, r#""\\""#] {
            assert!(too_many_values(&list(item, MOST_VALUES)), "{item}");
        }
        assert!(!too_many_values(format!(r#"["{}"]"#, r#",[{\",\\"#.repeat(MOST_VALUES)).as_bytes()));
    }
}
