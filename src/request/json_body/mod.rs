//! Reads a JSON body: the few fields we govern, found by their decoded names at the top level, and the size of the
//! input.

mod visitor;

use core::ops::Range;

use super::body::{Body, IncludeUsage, Layout, ModelField, StreamOptions, index};
use super::capture::Capture;
use super::estimate::{InputCount, Likeness};
use super::field::Field;
use super::{BadBody, Endpoint};
use crate::json::{BoundedText, Literal, MAX_DEPTH, Scanner};

/// Most outputs one prompt may ask for.
const MOST_OUTPUTS: u32 = 128;

/// A JSON body on its way in.
#[derive(Debug)]
pub(super) struct JsonScan {
    scanner: Scanner,
    fields: Fields,
}

impl JsonScan {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { scanner: Scanner::new(MAX_DEPTH), fields: Fields::new(endpoint) }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), BadBody> {
        let scanned = self.scanner.feed(piece, &mut self.fields);
        self.judge(scanned)
    }

    pub(super) fn finish(mut self) -> Result<Body, BadBody> {
        let scanned = self.scanner.finish(&mut self.fields);
        self.judge(scanned)?;
        self.fields.input.add_not_ascii(self.scanner.not_ascii());
        Ok(self.fields.into_body())
    }

    /// What is wrong, if anything. A wrong field was met before the byte that breaks the grammar, so it comes first:
    /// the answer does not depend on where the body was cut.
    fn judge(&self, scanned: Result<(), crate::json::Malformed>) -> Result<(), BadBody> {
        match (&self.fields.bad, scanned) {
            (Some(bad), _) => Err(bad.clone()),
            (None, Err(malformed)) => {
                Err(BadBody { message: format!("the body is not valid JSON: {malformed}").into(), param: None })
            }
            (None, Ok(())) => Ok(()),
        }
    }
}

/// What a value begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Object,
    Array,
    Text,
    Number,
    Literal(Literal),
}

/// The visitor.
#[derive(Debug)]
struct Fields {
    endpoint: Endpoint,
    /// Objects and arrays open.
    depth: u32,
    /// The top-level field whose object or array is open.
    within: Field,
    /// What the value that comes next, or is being read, belongs to.
    field: Field,
    /// Whether the element of `Prompts` being read is an array.
    prompt_is_array: bool,
    /// One bit per governed field that was seen.
    seen: u32,
    bad: Option<BadBody>,

    key: BoundedText<24>,
    number: BoundedText<24>,
    /// Where the key or string being read, or the value of `field`, begins.
    start: u64,
    /// Whether anybody cares for the bytes of the string being read.
    watched: bool,
    likeness: Likeness,
    capture: Option<Capture>,
    input: InputCount,

    open: u64,
    empty: bool,
    model: Option<ModelField>,
    stream: bool,
    stream_options: StreamOptions,
    max_output_tokens: Option<u32>,
    n: u32,
    best_of: u32,
    prompts: u32,
    user: Option<String>,
}

impl Fields {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            depth: 0,
            within: Field::Other,
            field: Field::Other,
            prompt_is_array: false,
            seen: 0,
            bad: None,
            key: BoundedText::default(),
            number: BoundedText::default(),
            start: 0,
            watched: false,
            likeness: Likeness::default(),
            capture: None,
            input: InputCount::default(),
            open: 0,
            empty: true,
            model: None,
            stream: false,
            stream_options: StreamOptions::Absent,
            max_output_tokens: None,
            n: 1,
            best_of: 1,
            prompts: 0,
            user: None,
        }
    }

    fn into_body(self) -> Body {
        Body {
            endpoint: self.endpoint,
            model: self.model,
            stream: self.stream,
            stream_options: self.stream_options,
            max_output_tokens: self.max_output_tokens,
            outputs: self.n.max(self.best_of).saturating_mul(self.prompts.max(1)),
            user: self.user,
            input_tokens: self.input.tokens(),
            layout: Layout::Object { open: index(self.open), empty: self.empty },
        }
    }

    /// Notes the first thing that is wrong.
    fn refuse(&mut self, bad: BadBody) {
        self.bad.get_or_insert(bad);
    }

    /// A value begins, or, being a word, is already complete.
    #[inline]
    fn value(&mut self, value: Value, at: u64) {
        if self.depth == 0 && value != Value::Object {
            self.refuse(BadBody::whole("the body must be a JSON object"));
        }
        if self.within == Field::Prompts {
            self.prompt(value);
        }
        if self.field.is_governed() {
            self.governed(value, at);
        }
    }

    /// Something in the list of prompts.
    fn prompt(&mut self, value: Value) {
        match (self.depth, value) {
            (2, Value::Text | Value::Array) => {
                self.prompts = self.prompts.saturating_add(1);
                self.prompt_is_array = value == Value::Array;
            }
            (2, Value::Object) => self.prompt_is_array = false,
            (2, Value::Number) => self.input.add_token(),
            (3, Value::Number) if self.prompt_is_array => self.input.add_token(),
            _ => {}
        }
    }

    fn governed(&mut self, value: Value, at: u64) {
        use Field::{BestOf, IncludeUsage as Include, MaxCompletionTokens, MaxOutputTokens, MaxTokens, N};
        match (self.field, value) {
            (Field::Model | Field::User | Field::UserId, Value::Text) => self.capture = Some(Capture::default()),
            (Field::Model, _) => self.refuse(BadBody::field("model", "must be a string")),
            // A user that is no text is none.
            (Field::User | Field::UserId | Field::Metadata, _) => {}

            (Field::Stream, Value::Literal(literal)) => self.stream = literal == Literal::True,
            (Field::Stream, _) => self.refuse(BadBody::field("stream", "must be true or false")),

            (Field::StreamOptions, Value::Object) => {
                let open = index(at.saturating_add(1));
                self.stream_options = StreamOptions::Object { open, empty: true, include_usage: IncludeUsage::Absent };
            }
            (Field::StreamOptions, Value::Literal(Literal::Null)) => {
                self.stream_options = StreamOptions::Null(word(at, Literal::Null));
            }
            (Field::StreamOptions, _) => self.refuse(BadBody::field("stream_options", "must be an object or null")),
            (Include, Value::Literal(literal)) => {
                if let StreamOptions::Object { include_usage, .. } = &mut self.stream_options {
                    *include_usage = match literal {
                        Literal::True => IncludeUsage::On,
                        off => IncludeUsage::Off(word(at, off)),
                    };
                }
            }
            (Include, _) => self.refuse(BadBody::field("stream_options.include_usage", "must be true or false")),

            (MaxTokens | MaxCompletionTokens | MaxOutputTokens | N | BestOf, Value::Number) => self.number.clear(),
            (MaxTokens | MaxCompletionTokens | MaxOutputTokens | N | BestOf, Value::Literal(Literal::Null)) => {}
            (field, _) => self.refuse(BadBody::field(field.name(), "must be a whole number")),
        }
    }

    /// A governed number is complete.
    fn count(&mut self) {
        let field = self.field;
        // A plain run of digits: what `1e3` or `1.0` mean is a matter of opinion among providers.
        let Some(count) = self.number.as_str().and_then(|digits| digits.parse::<u32>().ok()) else {
            let problem = "must be a whole number, not negative and below 2^32, written in digits only";
            return self.refuse(BadBody::field(field.name(), problem));
        };
        let in_range = (1..=MOST_OUTPUTS).contains(&count);
        match field {
            Field::N if in_range => self.n = count,
            Field::BestOf if in_range => self.best_of = count,
            Field::N | Field::BestOf => self.refuse(BadBody::field(field.name(), "must be from 1 to 128")),
            _ => self.max_output_tokens = self.max_output_tokens.max(Some(count)),
        }
    }

    /// A governed text is complete.
    fn captured(&mut self, capture: Capture, end: u64) {
        match self.field {
            Field::Model if self.between_quotes(end) == 0 => {
                self.refuse(BadBody::field("model", "is empty; name a model"));
            }
            Field::Model => {
                self.model = Some(ModelField { name: capture.model(), span: index(self.start)..index(end) });
            }
            _ => self.user = capture.user(),
        }
    }

    /// Looks at a part of a string that may matter.
    fn watch(&mut self, part: &[u8]) {
        self.likeness = self.likeness.with(part);
        if let Some(capture) = &mut self.capture {
            capture.push(part);
        }
        self.watched = self.capture.is_some() || self.likeness != Likeness::Text;
    }

    /// How long the key or string is that ends here, as it is written.
    const fn between_quotes(&self, end: u64) -> u64 {
        end.saturating_sub(self.start).saturating_sub(2)
    }

    fn begin(&mut self, value: Value, at: u64) {
        self.value(value, at);
        if self.depth == 0 {
            self.open = at.saturating_add(1);
        }
        if self.depth == 1 {
            let opens = match value {
                Value::Object => matches!(self.field, Field::StreamOptions | Field::Metadata),
                _ => self.field == Field::Prompts,
            };
            self.within = if opens { self.field } else { Field::Other };
        }
        self.field = Field::Other;
        self.depth = self.depth.saturating_add(1);
    }

    fn end(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.field = Field::Other;
        if self.depth == 1 {
            self.within = Field::Other;
        }
    }
}

/// Where a word is.
fn word(at: u64, literal: Literal) -> Range<usize> {
    let length = if literal == Literal::False { 5 } else { 4 };
    index(at)..index(at.saturating_add(length))
}
