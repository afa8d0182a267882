//! Reading wire JSON: leniently what a provider says, exactly what a caller asks.

use serde_json::{Map, Number, Value};

use super::BadRequest;

/// Sets a field of an object.
pub fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
}

/// A string field; anything else is as good as missing.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A count; anything else is 0.
pub fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
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
    match serde_json::from_str::<Value>(json) {
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
