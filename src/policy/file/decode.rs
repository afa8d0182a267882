//! From a YAML tree to document types: every field and entry is read on its own, so that one mistake hides no other.

use std::borrow::Cow;
use std::collections::HashMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostic::{Sink, quoted};
use super::node::{Node, Pos, Value};

/// A type that can be read from a node. `None`: it cannot, and the sink knows why.
pub trait Decode: Sized {
    /// Reads it.
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self>;
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// Where.
    pub pos: Pos,
    /// What.
    pub value: T,
}

/// A field of a document.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Not there.
    #[default]
    Absent,
    /// There, but unreadable, which has been reported: checks must not also call it missing.
    Bad,
    /// There.
    Is(At<T>),
}

impl<T> Field<T> {
    /// The value and its place, if there is one.
    pub const fn at(&self) -> Option<&At<T>> {
        match self {
            Self::Is(at) => Some(at),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.at().map(|at| &at.value)
    }

    /// Whether the file does not mention it.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Moves the value out.
    pub fn into_at(self) -> Option<At<T>> {
        match self {
            Self::Is(at) => Some(at),
            Self::Absent | Self::Bad => None,
        }
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A mapping with known fields; see [`document!`].
pub trait Document: Default {
    /// What it is, with its article: `a key`.
    const WHAT: &'static str;
    /// Adds the names of its fields.
    fn names(names: &mut Vec<&'static str>);
    /// Reads the field `name`; `false`: there is no such field.
    fn set(&mut self, name: &str, value: &Node, sink: &mut Sink) -> bool;
    /// Reports required fields that are missing.
    fn require(&self, pos: Pos, sink: &mut Sink);
}

impl<T: Document> Decode for T {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let Value::Mapping(pairs) = &node.value else {
            let what = T::WHAT;
            sink.error(node.pos, format!("{what} is a mapping of fields, not {}", node.kind())).help(
                if node.is_null() { "write `{}` if it states nothing" } else { "write it as `field: value` lines" },
            );
            return None;
        };
        let mut document = T::default();
        let mut seen: HashMap<&str, Pos> = HashMap::new();
        for (key, value) in pairs {
            let Value::Scalar { text: name, .. } = &key.value else {
                sink.error(key.pos, format!("a field of {} has a plain name, not {}", T::WHAT, key.kind()));
                continue;
            };
            if let Some(first) = seen.get(name.as_str()) {
                sink.error(key.pos, format!("{} is stated twice", quoted(name)))
                    .related(*first, "first stated here")
                    .help("keep one of the two");
                continue;
            }
            seen.insert(name, key.pos);
            if !document.set(name, value, sink) {
                unknown_field::<T>(name, key.pos, sink);
            }
        }
        document.require(node.pos, sink);
        Some(document)
    }
}

fn unknown_field<T: Document>(name: &str, pos: Pos, sink: &mut Sink) {
    let mut names = vec![];
    T::names(&mut names);
    let finding = sink.error(pos, format!("{} has no field {}", T::WHAT, quoted(name)));
    finding.help(match name {
        "<<" => "YAML merge keys are not read; state what levels share in a tier".into(),
        "key" | "secret" | "token" | "api_key" if names.contains(&"hash") => {
            "a policy holds the hash of a key, never the key: `hash: sha256:…`; `keyward key new` prints both".into()
        }
        _ => format!("its fields are `{}`", names.join("`, `")),
    });
    finding.suggest(name, names.iter().copied());
}

/// Reads a field's value.
pub fn field<T: Decode>(name: &str, node: &Node, sink: &mut Sink) -> Field<T> {
    if node.is_null() {
        sink.error(node.pos, format!("`{name}` has no value")).help("give it one, or leave the field out");
        return Field::Bad;
    }
    T::decode(node, sink).map_or(Field::Bad, |value| Field::Is(At { pos: node.pos, value }))
}

/// Declares a document type once: its fields, their docs (which become the schema's), which are required, and how it is read.
macro_rules! document {
    (
        $(#[$meta:meta])*
        struct $name:ident = $what:literal {
            required { $($(#[$rmeta:meta])* $rfield:ident: $rty:ty,)* }
            optional { $($(#[$ometa:meta])* $ofield:ident: $oty:ty,)* }
            $(flatten { $lfield:ident: $lty:ty })?
        }
    ) => {
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        $(#[$meta])*
        #[schemars(deny_unknown_fields)]
        pub struct $name {
            $($(#[$rmeta])* pub $rfield: $crate::policy::file::decode::Field<$rty>,)*
            $($(#[$ometa])* #[schemars(default)] pub $ofield: $crate::policy::file::decode::Field<$oty>,)*
            $(
                /// What every level can state.
                #[schemars(flatten)]
                pub $lfield: $lty,
            )?
        }

        impl $crate::policy::file::decode::Document for $name {
            const WHAT: &'static str = $what;

            fn names(names: &mut Vec<&'static str>) {
                $(names.push(stringify!($rfield));)*
                $(names.push(stringify!($ofield));)*
                $(<$lty as $crate::policy::file::decode::Document>::names(names);)?
            }

            fn set(
                &mut self,
                name: &str,
                value: &$crate::policy::file::node::Node,
                sink: &mut $crate::policy::file::diagnostic::Sink,
            ) -> bool {
                $(if name == stringify!($rfield) {
                    self.$rfield = $crate::policy::file::decode::field(name, value, sink);
                    return true;
                })*
                $(if name == stringify!($ofield) {
                    self.$ofield = $crate::policy::file::decode::field(name, value, sink);
                    return true;
                })*
                false $(|| self.$lfield.set(name, value, sink))?
            }

            fn require(&self, pos: $crate::policy::file::node::Pos, sink: &mut $crate::policy::file::diagnostic::Sink) {
                let _ = (pos, &sink);
                $(if self.$rfield.is_absent() {
                    sink.error(pos, concat!($what, " needs the field `", stringify!($rfield), "`"));
                })*
            }
        }
    };
}
pub(crate) use document;

/// A list whose unreadable entries are left out (and reported).
#[derive(Debug, Clone, Default)]
pub struct List<T>(pub Vec<At<T>>);

impl<T: Decode> Decode for List<T> {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let Value::Sequence(nodes) = &node.value else {
            sink.error(node.pos, format!("this is a list, not {}", node.kind()))
                .help("write `[a, b]`, or one `- a` per line");
            return None;
        };
        Some(Self(
            nodes.iter().filter_map(|node| T::decode(node, sink).map(|value| At { pos: node.pos, value })).collect(),
        ))
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "uniqueItems": true })
    }
}

/// A section: named entries in the order of the file. A name can come twice (see [`super::merge`]); an entry that cannot
/// be read keeps its name, so that references to it are not reported too.
#[derive(Debug, Clone)]
pub struct Named<N, T>(pub Vec<(At<N>, Option<T>)>);

impl<N: Decode, T: Document> Decode for Named<N, T> {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let Value::Mapping(pairs) = &node.value else {
            sink.error(node.pos, format!("this is a mapping of names, not {}", node.kind()))
                .help("write each entry as `name:` with its fields below");
            return None;
        };
        Some(Self(
            pairs
                .iter()
                .filter_map(|(key, value)| {
                    let name = N::decode(key, sink);
                    let entry = T::decode(value, sink);
                    name.map(|name| (At { pos: key.pos, value: name }, entry))
                })
                .collect(),
        ))
    }
}

impl<N: JsonSchema, T: JsonSchema> JsonSchema for Named<N, T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("NamedOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = generator.subschema_for::<N>();
        let entries = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "propertyNames": names, "additionalProperties": entries })
    }
}
