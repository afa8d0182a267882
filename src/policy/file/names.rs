//! The alphabets of names: they end up in headers, metrics and logs, so nothing that could mean something there is let in.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::Decode;
use super::diagnostic::{Sink, is_surely_a_key, quoted};
use super::node::{Node, Value};

/// The text of a scalar.
pub fn scalar<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text),
        _ => {
            sink.error(node.pos, format!("{what} is a single value, not {}", node.kind()));
            None
        }
    }
}

/// A stray character, in a form that can be seen.
fn character(stray: char) -> String {
    if stray == ' ' { "a space".into() } else { format!("`{}`", stray.escape_default()) }
}

/// Declares a name type: its alphabet besides ASCII letters and digits, its greatest length, and what it is.
macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident = $what:literal, $max:literal, $also:literal, $pattern:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Decode for $name {
            fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
                let text = scalar(node, $what, sink)?;
                let fits = |c: char| c.is_ascii_alphanumeric() || $also.contains(c);
                let length = text.chars().count();
                if !(1..=$max).contains(&length) {
                    sink.error(node.pos, format!("{} has 1 to {} characters, this one has {length}", $what, $max))
                        .help("choose another name");
                    return None;
                }
                if let Some(stray) = text.chars().find(|c| !fits(*c)) {
                    sink.error(node.pos, format!("{} cannot hold {}: {}", $what, character(stray), quoted(text)))
                        .help(concat!("use ASCII letters, digits and any of ", $also));
                    return None;
                }
                Some(Self(text.into()))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "minLength": 1, "maxLength": $max, "pattern": $pattern })
            }
        }
    };
}

name_type! {
    /// The name of a team, org, project, tier, provider, environment or model access group.
    Name = "a name", 64, "._@-", "^[A-Za-z0-9._@-]+$"
}
name_type! {
    /// The name of a person or service; like [`Name`], and `+` for mail addresses.
    UserName = "the name of a user", 64, "._@+-", "^[A-Za-z0-9._@+-]+$"
}
name_type! {
    /// A catalog name; with `*` the name of a wildcard entry.
    ModelName = "the name of a model", 128, "._:/@+-*", "^[A-Za-z0-9._:/@+*-]+$"
}
name_type! {
    /// An entry of a `models` or `deny` list: a catalog name, a group, a glob, or `all`.
    Pattern = "a model, group or glob", 128, "._:/@+-*", "^[A-Za-z0-9._:/@+*-]+$"
}
name_type! {
    /// An Envoy cluster: visible ASCII.
    Cluster = "the name of a cluster", 128, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "^[!-~]+$"
}
name_type! {
    /// A model as its provider calls it: visible ASCII.
    ProviderModel = "a provider's model", 256, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "^[!-~]+$"
}
name_type! {
    /// A host, perhaps with a port.
    Authority = "a host", 255, ".-_:[]", "^[A-Za-z0-9._:\\[\\]-]+$"
}

name_type! {
    /// The version of a provider's API.
    ApiVersion = "the version of an API", 64, "._-", "^[A-Za-z0-9._-]+$"
}

/// What comes before a provider's paths: `/`, then path segments, no `/` at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(pub String);

impl Decode for BasePath {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "a base path", sink)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-".contains(c);
        let whole = text.is_empty() || (text.starts_with('/') && !text.ends_with('/') && !text.contains("//"));
        if whole && text.len() <= 256 && text.chars().all(plain) {
            return Some(Self(text.into()));
        }
        sink.error(node.pos, format!("not a base path: {}", quoted(text)))
            .help("write it like `/openai/v1`: it begins with `/`, does not end with it, and holds no query");
        None
    }
}

impl JsonSchema for BasePath {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "BasePath".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 256, "pattern": "^(/[A-Za-z0-9._~-]+)*$" })
    }
}

/// The id of a key: like [`Name`], and not a key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(pub String);

impl Decode for KeyId {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "the id of a key", sink)?;
        if is_surely_a_key(text) {
            sink.error(node.pos, "the id of a key looks like a key itself; ids are shown in logs")
                .help("choose a name such as `ads-prod`; if this is a key, it is known now: replace it");
            return None;
        }
        Name::decode(node, sink).map(|Name(id)| Self(id))
    }
}

impl JsonSchema for KeyId {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "KeyId".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Name::json_schema(generator)
    }
}
