//! What one JSON text of an answer says, picked up while the scanner passes over it.

use super::choices::Choices;
use super::node::{Field, Node, Place};
use super::reported::Reported;
use super::text::Text;
use crate::json::{BoundedText, Literal, Number, Visitor};

/// Levels of nesting in which anything can matter: text in parts of a message in a choice is at eight.
const LEVELS: usize = 16;

/// Longest model name that is remembered.
pub(super) const MODEL_BYTES: usize = 128;

/// What the value being read is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Leaf {
    #[default]
    Nothing,
    Text,
    /// The key of an object of generated data.
    DataKey,
    Delta,
    /// Something in a choice that is no text, but says something if it is not empty.
    Said,
    Finish,
    Index,
    Model,
    Type,
    IterationKind,
    Count(Field),
}

/// An open container: what it is, and whether it is a list.
#[derive(Debug, Clone, Copy)]
struct Level {
    node: Node,
    array: bool,
}

/// The facts of one JSON text. Fixed in size, and reused from event to event.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Whether the text is one event of a stream.
    streamed: bool,
    levels: [Level; LEVELS],
    depth: usize,
    /// Open containers in which nothing matters.
    ignored: u32,
    /// What the key just read leads to.
    next: Node,
    key: BoundedText<32>,
    leaf: Leaf,
    number: Number,

    /// Generated text.
    pub text: Text,
    /// The string at `delta`: text or base64, as the type says, which may come later.
    pub delta: Text,
    pub choices: Choices,
    pub error: bool,
    pub model: BoundedText<MODEL_BYTES>,
    /// `type`
    pub kind: BoundedText<48>,
    /// Of the iteration being read: its usage, and what it was.
    iteration: Option<(Reported, BoundedText<16>)>,
    /// `usage` where it belongs.
    pub usage: Option<Reported>,
    /// Usage inside `response`, `message` or an extension.
    pub nested: Option<(Place, Reported)>,
    place: Place,
}

impl Facts {
    pub fn new(streamed: bool) -> Self {
        Self {
            streamed,
            levels: [Level { node: Node::Ignore, array: false }; LEVELS],
            depth: 0,
            ignored: 0,
            next: Node::Root,
            key: BoundedText::default(),
            leaf: Leaf::Nothing,
            number: Number::default(),
            text: Text::default(),
            delta: Text::default(),
            choices: Choices::default(),
            error: false,
            model: BoundedText::default(),
            kind: BoundedText::default(),
            iteration: None,
            usage: None,
            nested: None,
            place: Place::Root,
        }
    }

    /// Begins the next text, without touching more memory than it must.
    pub fn clear(&mut self) {
        self.depth = 0;
        self.ignored = 0;
        self.next = Node::Root;
        self.leaf = Leaf::Nothing;
        self.text = Text::default();
        self.delta = Text::default();
        self.choices = Choices::default();
        self.error = false;
        self.model.clear();
        self.kind.clear();
        self.iteration = None;
        self.usage = None;
        self.nested = None;
    }

    /// Whether the event is there for its usage alone: the chunk that `stream_options.include_usage` adds. It has no choices;
    /// but those of LiteLLM and OpenRouter have one in which nothing is said, after it was `finished`.
    pub fn is_usage_chunk(&self, finished: u128) -> bool {
        self.usage.is_some() && !self.is_content(finished)
    }

    /// Whether it is certain, before its end, that it is no usage chunk.
    pub fn is_content(&self, finished: u128) -> bool {
        self.error || self.choices.are_content(finished, !self.text.is_empty())
    }

    fn level(&self) -> Option<Level> {
        self.depth.checked_sub(1).and_then(|top| self.levels.get(top)).copied()
    }

    /// What the value that begins now is.
    fn value(&mut self) -> Node {
        if self.ignored > 0 {
            return Node::Ignore;
        }
        let node = match self.level() {
            Some(level) if level.array => level.node.item(),
            _ => self.next,
        };
        if node == Node::Choice {
            self.choices.fill();
        }
        node
    }

    fn open(&mut self, array: bool) {
        let node = self.value();
        match node {
            Node::Choices if !array => self.choices.say(),
            Node::Error => self.error = true,
            Node::Prose | Node::Data | Node::Other => self.choices.say(),
            Node::Choice | Node::Said if array => self.choices.say(),
            Node::Choice => self.choices.begin(),
            Node::Iteration if !array => self.iteration = Some(Default::default()),
            Node::Usage(place) if !array => {
                self.place = place;
                self.set_usage(place, Some(Reported::default()));
            }
            Node::InputDetails if !array => {
                if let Some(usage) = self.usage() {
                    usage.saw_input_details();
                }
            }
            _ => {}
        }
        let matters = node.holds_more();
        match self.levels.get_mut(self.depth) {
            Some(level) if matters => {
                *level = Level { node, array };
                self.depth += 1;
                self.next = Node::Ignore;
            }
            _ => self.ignored = self.ignored.saturating_add(1),
        }
    }

    fn close(&mut self) {
        if self.ignored > 0 {
            self.ignored -= 1;
        } else {
            let closed = self.level().map_or(Node::Ignore, |level| level.node);
            self.depth = self.depth.saturating_sub(1);
            if closed == Node::Choice {
                self.choices.end();
            }
            if closed == Node::Iteration
                && let Some((iteration, kind)) = self.iteration.take()
            {
                // These are charged, but the counts of the whole leave them out.
                let beside = matches!(kind.as_bytes(), Some(b"compaction" | b"advisor_message"));
                if let Some(usage) = self.usage().filter(|_| beside) {
                    usage.add_beside(&iteration);
                }
            }
        }
    }

    fn set_usage(&mut self, place: Place, usage: Option<Reported>) {
        if place == Place::Root {
            self.usage = usage;
        } else {
            self.nested = usage.map(|usage| (place, usage));
        }
    }

    /// The usage being read.
    fn usage(&mut self) -> Option<&mut Reported> {
        if let Some((iteration, _)) = &mut self.iteration {
            return Some(iteration);
        }
        if self.place == Place::Root { self.usage.as_mut() } else { self.nested.as_mut().map(|(_, usage)| usage) }
    }
}

impl Visitor for Facts {
    #[inline]
    fn begin_object(&mut self, _at: u64) {
        self.open(false);
    }

    #[inline]
    fn end_object(&mut self, _end: u64) {
        self.close();
    }

    #[inline]
    fn begin_array(&mut self, _at: u64) {
        self.open(true);
    }

    #[inline]
    fn end_array(&mut self, _end: u64) {
        self.close();
    }

    #[inline]
    fn begin_key(&mut self, _at: u64) {
        if self.ignored == 0 {
            self.key.clear();
            let data = self.level().is_some_and(|level| level.node == Node::Data);
            self.leaf = if data { Leaf::DataKey } else { Leaf::Nothing };
        }
    }

    #[inline]
    fn key_piece(&mut self, raw: &[u8]) {
        if self.ignored == 0 {
            self.key.push(raw);
            if self.leaf == Leaf::DataKey {
                self.text.add_bytes(raw);
            }
        }
    }

    #[inline]
    fn key_char(&mut self, decoded: char) {
        if self.ignored == 0 {
            self.key.push_char(decoded);
            if self.leaf == Leaf::DataKey {
                self.text.add_char(decoded);
            }
        }
    }

    #[inline]
    fn end_key(&mut self, _end: u64) {
        if self.ignored > 0 {
            return;
        }
        let node = self.level().map_or(Node::Ignore, |level| level.node);
        self.next = match (node, self.key.as_bytes()) {
            (Node::Data, _) => Node::Data,
            (node, Some(key)) => node.field(key, self.streamed),
            // Too long to be known, but there.
            (Node::Choice | Node::Said, None) => Node::Other,
            (_, None) => Node::Ignore,
        };
        self.leaf = Leaf::Nothing;
        match self.next {
            // Of a key given twice the last counts, also when its value is `null`.
            Node::Usage(place) => self.set_usage(place, None),
            Node::Type => self.kind.clear(),
            _ => {}
        }
    }

    #[inline]
    fn begin_string(&mut self, _at: u64) {
        self.leaf = match self.value() {
            Node::Prose | Node::Data | Node::Said => Leaf::Text,
            Node::Delta => Leaf::Delta,
            Node::Finish => Leaf::Finish,
            Node::Other => Leaf::Said,
            // Once is enough: the first model named that is not empty.
            Node::Model if self.model.is_empty() => Leaf::Model,
            Node::Type => Leaf::Type,
            Node::IterationKind => Leaf::IterationKind,
            Node::Error => {
                self.error = true;
                Leaf::Nothing
            }
            Node::Choices | Node::Choice => {
                self.choices.say();
                Leaf::Nothing
            }
            _ => Leaf::Nothing,
        };
    }

    #[inline]
    fn string_piece(&mut self, raw: &[u8]) {
        match self.leaf {
            Leaf::Text => self.text.add_bytes(raw),
            Leaf::Delta => self.delta.add_bytes(raw),
            Leaf::Model => self.model.push(raw),
            Leaf::Type => self.kind.push(raw),
            Leaf::IterationKind => {
                if let Some((_, kind)) = &mut self.iteration {
                    kind.push(raw);
                }
            }
            Leaf::Said if !raw.is_empty() => self.choices.say(),
            Leaf::Finish if !raw.is_empty() => self.choices.finish(),
            _ => {}
        }
    }

    #[inline]
    fn string_char(&mut self, decoded: char) {
        self.string_piece(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }

    #[inline]
    fn begin_number(&mut self, _at: u64) {
        self.leaf = match self.value() {
            Node::Count(field) => {
                self.number.clear();
                Leaf::Count(field)
            }
            Node::Index => {
                self.number.clear();
                Leaf::Index
            }
            Node::Data => Leaf::Text,
            Node::Choices | Node::Choice | Node::Prose | Node::Said | Node::Other => {
                self.choices.say();
                Leaf::Nothing
            }
            _ => Leaf::Nothing,
        };
    }

    #[inline]
    fn number_piece(&mut self, raw: &[u8]) {
        match self.leaf {
            Leaf::Count(_) | Leaf::Index => self.number.push(raw),
            Leaf::Text => self.text.add_bytes(raw),
            _ => {}
        }
    }

    #[inline]
    fn end_number(&mut self, _end: u64) {
        let count = self.number.count();
        match self.leaf {
            Leaf::Index => self.choices.set_index(count),
            Leaf::Count(field) => {
                if let Some(usage) = self.usage() {
                    usage.set(field, count);
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn literal(&mut self, literal: Literal, _at: u64) {
        match self.value() {
            Node::Choice => self.choices.say(),
            Node::Choices | Node::Prose | Node::Said | Node::Other if literal != Literal::Null => self.choices.say(),
            _ => {}
        }
    }
}
