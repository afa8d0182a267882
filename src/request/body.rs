use core::ops::Range;

use super::capture::ModelName;
use super::form::FormScan;
use super::json_body::JsonScan;
use super::{BadBody, Endpoint};

/// What the body of a request says, as far as we govern it. Everything else in it is the provider's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Where the body went.
    pub endpoint: Endpoint,
    /// The model, if the body names one.
    pub model: Option<ModelField>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// What the caller says about usage in a stream. Always [`StreamOptions::Absent`] for APIs that report it
    /// unasked.
    pub stream_options: StreamOptions,
    /// Most output tokens of one output, if the caller says; the largest, where an API has several names for it.
    pub max_output_tokens: Option<u32>,
    /// How many outputs are generated, each of up to that many tokens: `n`, or `best_of` where larger, for each
    /// prompt.
    pub outputs: u32,
    /// The end user on whose behalf the call is made: `user`, or `metadata.user_id` for Anthropic.
    pub user: Option<String>,
    /// Tokens of the input, estimated.
    pub input_tokens: u64,
    /// Where something can be added.
    pub layout: Layout,
}

/// The model as the body names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelField {
    /// Its name, decoded.
    pub name: ModelName,
    /// Where its value is, in bytes from the beginning of the body; in JSON including the quotes.
    pub span: Range<usize>,
}

/// `stream_options` of chat and text completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamOptions {
    /// Not there.
    Absent,
    /// `null`, and where.
    Null(Range<usize>),
    /// An object.
    Object {
        /// Just behind its `{`.
        open: usize,
        /// Whether it has no members.
        empty: bool,
        /// Its `include_usage`.
        include_usage: IncludeUsage,
    },
}

/// `stream_options.include_usage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeUsage {
    /// Not there.
    Absent,
    /// `true`
    On,
    /// `false` or `null`, and where.
    Off(Range<usize>),
}

/// What kind of document a body is, and where something can be added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A JSON object.
    Object {
        /// Just behind its `{`.
        open: usize,
        /// Whether it has no members.
        empty: bool,
    },
    /// `multipart/form-data`
    Form {
        /// Where its first boundary begins.
        start: usize,
        /// The boundary, without dashes.
        boundary: String,
    },
}

impl Body {
    /// Whether the caller asked for usage in the stream itself.
    #[must_use]
    pub const fn asks_for_usage(&self) -> bool {
        matches!(self.stream_options, StreamOptions::Object { include_usage: IncludeUsage::On, .. })
    }

    /// Whether the answer is a stream that reports its usage only if the body is changed to ask for it.
    #[must_use]
    pub const fn needs_asking_for_usage(&self) -> bool {
        self.stream && matches!(self.endpoint, Endpoint::Chat | Endpoint::Completions) && !self.asks_for_usage()
    }
}

/// Reads a body as it arrives. Memory is bounded, whatever is sent.
#[derive(Debug)]
pub struct BodyScan(Kind);

#[derive(Debug)]
enum Kind {
    Json(Box<JsonScan>),
    Form(Box<FormScan>),
}

impl BodyScan {
    /// A scan for a body sent to `endpoint`. `content_type` matters only to endpoints that take a form: JSON is read
    /// as JSON whatever it claims to be, since providers do so too.
    ///
    /// # Errors
    /// The endpoint takes a form and the content type is not that of one.
    pub fn new(endpoint: Endpoint, content_type: Option<&str>) -> Result<Self, BadBody> {
        Ok(Self(if endpoint.is_multipart() {
            Kind::Form(Box::new(FormScan::new(endpoint, content_type)?))
        } else {
            Kind::Json(Box::new(JsonScan::new(endpoint)))
        }))
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// The first thing wrong with the body; reading on after it is pointless, but harmless.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), BadBody> {
        match &mut self.0 {
            Kind::Json(scan) => scan.feed(piece),
            Kind::Form(scan) => scan.feed(piece),
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    /// It was not whole, or wrong before.
    pub fn finish(self) -> Result<Body, BadBody> {
        match self.0 {
            Kind::Json(scan) => scan.finish(),
            Kind::Form(scan) => scan.finish(),
        }
    }
}

/// An offset of the scanner as an index: a body that was held in memory has no larger ones.
pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
