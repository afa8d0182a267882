//! YAML text as a tree whose every node knows its place, in bounded memory and depth.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::Sink;

/// Most nodes that aliases may add to one file: a few lines of YAML can otherwise stand for gigabytes.
const MAX_ALIASED: usize = 100_000;

/// Whose YAML it is, and with that what may stand in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A policy.
    #[default]
    Policy,
    /// A configuration of Envoy. It may mark keys with `!ignore`, which Envoy then passes over, as nodes to repeat elsewhere.
    Envoy,
}

impl Kind {
    /// Deepest nesting: policies need 7, configurations of Envoy some 20, and more where they match trees.
    const fn max_depth(self) -> usize {
        match self {
            Self::Policy => 24,
            Self::Envoy => 96,
        }
    }

    const fn too_deep(self) -> &'static str {
        match self {
            Self::Policy => "no policy needs so many levels; check the brackets",
            Self::Envoy => "check the brackets",
        }
    }

    const fn too_much(self) -> &'static str {
        match self {
            Self::Policy => "use a tier, or write the values out",
            Self::Envoy => "write the values out",
        }
    }
}

/// What stands before a name that Envoy passes over: no field has such a name.
const IGNORED: &str = "!ignore ";

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Index of the file.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Pos {
    /// The beginning of a file.
    pub const fn start_of(file: u32) -> Self {
        Self { file, line: 1, column: 1 }
    }
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub pos: Pos,
    /// What it is.
    pub value: Value,
}

/// The shapes of YAML. Scalars stay text: what they mean depends on the field they stand in.
#[derive(Debug, Clone)]
pub enum Value {
    /// A scalar; `plain` without quotes.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it has no quotes and is no block.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Pairs in the order of the file; a key can come twice.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// Whether this is YAML's null: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The documents of one file, and whether they are all of it: what cannot be read is reported, and ends the file.
pub fn parse(kind: Kind, file: u32, text: &str, sink: &mut Sink) -> (Vec<Node>, bool) {
    let mut tree = Tree { kind, file, ..Tree::default() };
    for step in Parser::new_from_str(text) {
        let result = match step {
            Ok((event, span)) => tree.take(event, span),
            Err(error) => {
                let mark = error.marker();
                let at = position(file, mark.line(), mark.col());
                Err((
                    at,
                    format!("not valid YAML: {}", error.info()),
                    "check the indentation and quotes here and just above",
                ))
            }
        };
        if let Err((pos, message, help)) = result {
            sink.error(pos, message).help(help);
            return (tree.documents, false);
        }
    }
    (tree.documents, true)
}

type Refusal = (Pos, String, &'static str);

/// An anchored node, with what it costs to repeat it.
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

/// A collection being read.
struct Open {
    pos: Pos,
    anchor: usize,
    mapping: bool,
    children: Vec<Node>,
    size: usize,
    height: usize,
}

#[derive(Default)]
struct Tree {
    kind: Kind,
    file: u32,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    aliased: usize,
    documents: Vec<Node>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refusal> {
        let pos = position(self.file, span.start.line(), span.start.col());
        match event {
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_))
                if self.kind == Kind::Policy =>
            {
                return Err((
                    pos,
                    "a YAML tag has no place in a policy".into(),
                    "leave out the word that begins with `!`",
                ));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let ignored = tag.is_some_and(|tag| tag.handle == "!" && tag.suffix == "ignore");
                let text = if ignored { format!("{IGNORED}{text}") } else { text.into_owned() };
                let value = Value::Scalar { text, plain: style == ScalarStyle::Plain };
                self.close(Node { pos, value }, anchor, 1, 1);
            }
            Event::SequenceStart(anchor, _) => self.begin(pos, anchor, false)?,
            Event::MappingStart(anchor, _) => self.begin(pos, anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let Open { pos, anchor, mapping, children, size, height } = open;
                    let value = if mapping { Value::Mapping(pairs(children)) } else { Value::Sequence(children) };
                    self.close(Node { pos, value }, anchor, size, height);
                }
            }
            Event::Alias(id) => {
                let Some(Anchored { node, size, height }) = self.anchors.get(&id) else {
                    return Err((pos, "an alias stands for what it is part of".into(), "write the value out"));
                };
                self.aliased = self.aliased.saturating_add(*size);
                if self.aliased > MAX_ALIASED || self.open.len().saturating_add(*height) > self.kind.max_depth() {
                    return Err((pos, "aliases stand for too much".into(), self.kind.too_much()));
                }
                let (node, size, height) = (node.clone(), *size, *height);
                self.close(node, 0, size, height);
            }
            Event::DocumentStart(_) | Event::DocumentEnd => self.anchors.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, pos: Pos, anchor: usize, mapping: bool) -> Result<(), Refusal> {
        if self.open.len() >= self.kind.max_depth() {
            return Err((pos, "nested too deeply".into(), self.kind.too_deep()));
        }
        self.open.push(Open { pos, anchor, mapping, children: vec![], size: 1, height: 1 });
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize, size: usize, height: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
        match self.open.last_mut() {
            Some(parent) => {
                parent.size = parent.size.saturating_add(size);
                parent.height = parent.height.max(height.saturating_add(1));
                parent.children.push(node);
            }
            None => self.documents.push(node),
        }
    }
}

fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut pairs = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn position(file: u32, line: usize, column: usize) -> Pos {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Pos { file, line: bounded(line.max(1)), column: bounded(column.saturating_add(1)) }
}
