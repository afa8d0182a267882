//! Asking a configuration for what stands at a path of Envoy's API.

use crate::policy::file::node::{Node, Pos, Value};

/// Questions to a node. Paths are names of Envoy's API with `/` between them; Envoy takes each in two spellings,
/// `http_filters` and `httpFilters`.
pub trait Ask {
    /// What stands at a path.
    fn at(&self, path: &str) -> Option<&Node>;
    /// The list at a path; empty where there is none.
    fn list(&self, path: &str) -> &[Node];
    /// The text at a path.
    fn text_at(&self, path: &str) -> Option<&str>;
    /// The whole number at a path.
    fn number_at(&self, path: &str) -> Option<u64>;
    /// Whether the flag at a path is set.
    fn flag_at(&self, path: &str) -> bool;
    /// This text.
    fn text(&self) -> Option<&str>;
    /// Where the value at a path begins; where this node does, if there is none.
    fn pos_at(&self, path: &str) -> Pos;
    /// Message and type of what `typed_config` holds.
    fn typed_config(&self) -> Option<(&Node, &str)>;
}

impl Ask for Node {
    fn at(&self, path: &str) -> Option<&Node> {
        path.split('/').try_fold(self, |node, name| {
            let Value::Mapping(pairs) = &node.value else { return None };
            let (_, value) = pairs.iter().find(|(key, _)| key.text().is_some_and(|key| is_named(key, name)))?;
            (!value.is_null()).then_some(value)
        })
    }

    fn list(&self, path: &str) -> &[Node] {
        match self.at(path).map(|node| &node.value) {
            Some(Value::Sequence(items)) => items,
            _ => &[],
        }
    }

    fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.text()
    }

    fn number_at(&self, path: &str) -> Option<u64> {
        self.text_at(path)?.parse().ok()
    }

    fn flag_at(&self, path: &str) -> bool {
        self.text_at(path) == Some("true")
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn pos_at(&self, path: &str) -> Pos {
        self.at(path).map_or(self.pos, |node| node.pos)
    }

    fn typed_config(&self) -> Option<(&Node, &str)> {
        let config = self.at("typed_config")?;
        let named = short(config.text_at("@type")?);
        if named.ends_with(".TypedStruct") {
            // As control planes write what they have no types for.
            return Some((config.at("value")?, short(config.text_at("type_url")?)));
        }
        Some((config, named))
    }
}

/// A type without the address before it.
pub fn short(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Whether a key is a name of Envoy's API, in either spelling.
fn is_named(key: &str, name: &str) -> bool {
    key == name || (!key.contains('_') && name.contains('_') && key.chars().eq(camel(name)))
}

fn camel(name: &str) -> impl Iterator<Item = char> {
    let mut upper = false;
    name.chars().filter_map(move |c| {
        let after_bar = core::mem::replace(&mut upper, c == '_');
        (c != '_').then(|| if after_bar { c.to_ascii_uppercase() } else { c })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::file::diagnostic::Sink;
    use crate::policy::file::node::{Kind, parse};

    fn tree(text: &str) -> Node {
        let (mut documents, whole) = parse(Kind::Envoy, 0, text, &mut Sink::default());
        assert!(whole);
        documents.remove(0)
    }

    #[test]
    fn either_spelling_and_json_are_read() {
        for text in ["http_filters: [{ max_size: 5 }]", "{\n\t\"httpFilters\": [ {\"maxSize\": \"5\"} ]\n}"] {
            let tree = tree(text);
            assert_eq!(tree.list("http_filters").first().and_then(|filter| filter.number_at("max_size")), Some(5));
        }
    }

    #[test]
    fn nodes_are_repeated_and_ignored_keys_are_passed_over() {
        let tree = tree("!ignore clusters: &all [a, b]\nstatic: { clusters: *all }\n");
        assert!(tree.at("clusters").is_none());
        assert_eq!(tree.list("static/clusters").len(), 2);
        assert_eq!(tree.pos_at("static/clusters").line, 1);
    }

    #[test]
    fn a_typed_struct_is_what_it_stands_for() {
        let tree = tree(
            "typed_config: { '@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: x/a.Wasm, value: { b: c } }",
        );
        let (value, named) = tree.typed_config().unwrap();
        assert_eq!((named, value.text_at("b")), ("a.Wasm", Some("c")));
    }
}
