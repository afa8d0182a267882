//! The meter of one answer.

use super::event::{Event, Outcome};
use super::facts::{Facts, MODEL_BYTES};
use super::node::Place;
use super::reported::{Reported, Sum};
use super::strip::{Cut, Strip};
use super::text::Text;
use super::{BodyKind, Dialect, Usage, estimate_tokens};
use crate::json::{BoundedText, MAX_DEPTH, Scanner};
use crate::sse::{Sse, Token};

/// What goes on to the caller in place of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The piece as it is.
    Unchanged,
    /// These bytes instead; there may be none.
    Replaced(Vec<u8>),
}

/// What an answer said about itself, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The tokens the provider reported; `None` where it reported none. A part that is not known is 0.
    pub usage: Option<Usage>,
    /// Whether `usage` holds the true input.
    pub input_known: bool,
    /// Whether `usage` holds the true output. Not so where a stream broke off before its provider counted.
    pub output_known: bool,
    /// Bytes of ASCII in the text generated so far: visible, reasoning and tool arguments.
    pub text_ascii_bytes: u64,
    /// Bytes of everything else in that text.
    pub text_other_bytes: u64,
    /// Whether the provider reported an error, as a whole answer or in the middle of a stream.
    pub provider_error: bool,
    /// Whether the answer came whole: the event that ends the stream, or one JSON text.
    pub complete: bool,
    /// Whether any text was generated.
    pub first_token_seen: bool,
    /// The model the provider says it used, if it named one of at most 128 bytes.
    pub model: Option<String>,
}

impl Metered {
    /// The output in tokens, estimated from the text that was streamed.
    #[must_use]
    pub const fn estimated_output(&self) -> u64 {
        estimate_tokens(self.text_ascii_bytes, self.text_other_bytes)
    }
}

/// Reads one answer as it streams by.
#[derive(Debug, Clone)]
pub struct Meter {
    dialect: Dialect,
    body: Body,
    totals: Totals,
    /// Present where the usage chunk is to be taken out.
    strip: Option<Strip>,
}

#[derive(Debug, Clone)]
enum Body {
    Json(Box<Document>),
    Sse(Box<Stream>),
    Other { ended: bool },
}

#[derive(Debug, Clone)]
struct Document {
    scanner: Scanner,
    facts: Facts,
    /// Bytes of a byte order mark that came before the text. Client libraries read past it.
    mark: usize,
}

const MARK: [u8; 3] = *b"\xef\xbb\xbf";

#[derive(Debug, Clone)]
struct Stream {
    sse: Sse,
    event: Event,
    in_event: bool,
}

/// What the events so far add up to.
#[derive(Debug, Clone, Default)]
struct Totals {
    reported: Reported,
    text: Text,
    model: BoundedText<MODEL_BYTES>,
    error: bool,
    /// The choices that have said why they ended, a bit for each.
    finished: u128,
    complete: bool,
}

impl Meter {
    /// A meter for the answer of one attempt. `strip_usage_chunk`: take the extra chunk of an OpenAI stream out again,
    /// because the caller did not ask for it; without effect on other answers.
    #[must_use]
    pub fn new(dialect: Dialect, body: BodyKind, strip_usage_chunk: bool) -> Self {
        let strip = strip_usage_chunk && dialect == Dialect::Chat && body == BodyKind::Sse;
        let body = match body {
            BodyKind::Json => {
                Body::Json(Box::new(Document { scanner: Scanner::new(MAX_DEPTH), facts: Facts::new(false), mark: 0 }))
            }
            BodyKind::Sse => Body::Sse(Box::new(Stream { sse: Sse::new(), event: Event::new(), in_event: false })),
            BodyKind::Other => Body::Other { ended: false },
        };
        Self { dialect, body, totals: Totals::default(), strip: strip.then(Strip::default) }
    }

    /// Observes the next piece and says what to pass on in its place. `end`: no more pieces follow.
    pub fn feed(&mut self, piece: &[u8], end: bool) -> Passed {
        match &mut self.body {
            Body::Json(document) => {
                // A broken document keeps what it said before; the error comes back at the end.
                let _ = document.scanner.feed(past_mark(&mut document.mark, piece), &mut document.facts);
                Passed::Unchanged
            }
            Body::Sse(stream) => stream.feed(piece, end, &mut self.totals, self.strip.as_mut()),
            Body::Other { ended } => {
                *ended |= end;
                // What cannot be read was generated all the same. Compressed, it has about a third of the bytes, of which half
                // count double: close to what the text would count.
                if self.dialect.generates() {
                    self.totals.text.add_bytes(piece);
                }
                Passed::Unchanged
            }
        }
    }

    /// Whether any text was generated so far: for the time to the first token.
    #[must_use]
    pub fn first_token_seen(&self) -> bool {
        let pending = match &self.body {
            Body::Json(document) => !document.facts.text.is_empty(),
            Body::Sse(_) | Body::Other { .. } => false,
        };
        pending || !self.totals.text.is_empty()
    }

    /// What was metered so far. Asked at the end of the answer, whichever way it ended.
    #[must_use]
    pub fn finish(&self) -> Metered {
        let mut totals = self.totals.clone();
        match &self.body {
            Body::Json(document) => {
                let mut document = document.clone();
                totals.complete = document.scanner.finish(&mut document.facts).is_ok();
                totals.add(&document.facts, document.facts.kind.as_bytes().unwrap_or_default());
            }
            Body::Sse(stream) if stream.in_event => {
                totals.add_event(&mut stream.event.clone(), false);
            }
            Body::Sse(_) => {}
            Body::Other { ended } => totals.complete = *ended,
        }
        self.metered(&totals)
    }

    fn metered(&self, totals: &Totals) -> Metered {
        let text = totals.text;
        let (usage, input_known, output_known) = match totals.reported.sum() {
            Sum::Nothing => (None, false, false),
            Sum::Parts { usage, input_known, output_known } => {
                // A count of 0 that comes before the text is no count of it.
                let premature = !totals.complete && usage.output == 0 && !text.is_empty();
                let none = !self.dialect.generates();
                // Some begin a message with no input, and count it at the end.
                let uncounted = !totals.complete && usage.input == 0 && !none;
                (Some(usage), input_known && !uncounted, (output_known || none) && !premature)
            }
            // The whole is certain; its parts are split by what was streamed.
            Sum::Total(total) => {
                let output = estimate_tokens(text.ascii, text.other).min(total);
                let usage = Usage { input: total.saturating_sub(output), output, ..Usage::default() };
                (Some(usage), true, true)
            }
        };
        Metered {
            usage,
            input_known,
            output_known,
            text_ascii_bytes: text.ascii,
            text_other_bytes: text.other,
            provider_error: totals.error,
            complete: totals.complete,
            first_token_seen: !text.is_empty(),
            model: totals.model.as_str().filter(|model| !model.is_empty()).map(str::to_owned),
        }
    }
}

/// What comes after the byte order mark.
fn past_mark<'p>(seen: &mut usize, piece: &'p [u8]) -> &'p [u8] {
    let mut rest = piece;
    while let (Some(expected), Some((first, after))) = (MARK.get(*seen), rest.split_first()) {
        if first != expected {
            *seen = MARK.len();
            break;
        }
        *seen += 1;
        rest = after;
    }
    rest
}

impl Stream {
    fn feed(&mut self, piece: &[u8], end: bool, totals: &mut Totals, mut strip: Option<&mut Strip>) -> Passed {
        let mut cut = Cut::default();
        let mut at = 0;
        while let Some(token) = self.sse.next(piece, &mut at) {
            match token {
                Token::Begin => {
                    self.event.clear();
                    self.in_event = true;
                    if let Some(strip) = &mut strip {
                        strip.begin(&mut cut, at);
                    }
                }
                Token::End => {
                    self.in_event = false;
                    let remove = totals.add_event(&mut self.event, true);
                    if let Some(strip) = &mut strip {
                        strip.end(&mut cut, piece, at, remove);
                    }
                }
                Token::EndLf => {
                    if let Some(strip) = &mut strip {
                        strip.end_lf(&mut cut, piece, at);
                    }
                }
                Token::Field(_) | Token::Value(..) => self.event.read(&token),
                Token::Skip => {}
            }
        }
        // Strictly, an event without its blank line is none. Its provider counted it all the same.
        if end && self.in_event {
            self.in_event = false;
            let remove = totals.add_event(&mut self.event, false);
            if let Some(strip) = &mut strip {
                strip.end(&mut cut, piece, piece.len(), remove);
            }
        }
        match strip {
            Some(strip) => strip.finish(cut, piece, self.event.is_content(totals.finished)),
            None => Passed::Unchanged,
        }
    }
}

impl Totals {
    /// Adds an event that is over; says whether it was there for its usage alone. Of one that broke off (`whole` is
    /// false) and whose data is not all there, the text that arrived counts.
    fn add_event(&mut self, event: &mut Event, whole: bool) -> bool {
        self.error |= event.is_named_error();
        match event.end() {
            Outcome::Facts(facts, kind) => {
                self.complete |= ends_stream(kind);
                self.add(facts, kind);
                // An error may tell its usage too.
                return !self.error && facts.is_usage_chunk(self.finished);
            }
            Outcome::Done => self.complete = true,
            Outcome::Nothing => {
                if let Some(facts) = event.unfinished().filter(|_| !whole) {
                    self.add_text(facts, event.kind());
                }
            }
        }
        false
    }

    /// Adds what a JSON text of this kind said.
    fn add(&mut self, facts: &Facts, kind: &[u8]) {
        self.error |= facts.error || matches!(kind, b"error" | b"response.failed");
        self.finished |= facts.choices.finished;
        self.add_text(facts, kind);
        if self.model.is_empty() {
            self.model = facts.model;
        }
        if let Some(usage) = &facts.usage {
            self.reported.merge(usage);
        } else if let Some((place, usage)) = facts.nested {
            self.add_nested(place, usage, kind);
        }
    }

    fn add_text(&mut self, facts: &Facts, kind: &[u8]) {
        self.text.add(facts.text);
        // Audio comes in base64: no measure of tokens.
        if !kind.ends_with(b"audio.delta") {
            self.text.add(facts.delta);
        }
    }

    fn add_nested(&mut self, place: Place, mut usage: Reported, kind: &[u8]) {
        let expected = match place {
            Place::Message => {
                // The output is a placeholder until `message_delta` counts it.
                usage.forget_output();
                matches!(kind, b"message_start" | b"")
            }
            Place::Response => kind.starts_with(b"response.") || kind.is_empty(),
            Place::Root | Place::Groq | Place::Meta => true,
        };
        if expected {
            self.reported.merge(&usage);
        }
    }
}

/// Whether an event of this kind is the last that matters.
fn ends_stream(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"message_stop"
            | b"response.completed"
            | b"response.incomplete"
            | b"response.failed"
            | b"transcript.text.done"
            | b"speech.audio.done"
            | b"image_generation.completed"
    )
}
