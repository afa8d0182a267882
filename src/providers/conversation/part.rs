use serde_json::Value;

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// A mark that what comes up to here may be cached, as Anthropic writes it (`cache_control`).
        cache: Option<Value>,
    },
    /// An image.
    Image(Image),
    /// A document, such as a PDF.
    Document {
        /// The file.
        source: Media,
        /// Its name, where it has one.
        name: Option<String>,
    },
    /// Sound, in base64.
    Audio {
        /// `wav`, `mp3`.
        format: String,
        /// Base64.
        data: String,
    },
    /// The assistant calls a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// What the assistant thought, with the provider's signature, without which it cannot be sent back to some.
    Reasoning {
        /// The thoughts.
        text: String,
        /// The signature.
        signature: Option<String>,
    },
    /// Thoughts that only the provider can read.
    RedactedReasoning(String),
    /// The assistant's words of refusal.
    Refusal(String),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub source: Media,
    /// `low`, `high`, `auto`.
    pub detail: Option<String>,
}

/// A file, sent along or to be fetched by the provider. We fetch nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Sent along.
    Inline {
        /// Such as `image/png`.
        media_type: String,
        /// Base64.
        data: String,
    },
    /// To be fetched.
    Url(String),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The id that its result refers to.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments: a JSON object.
    pub arguments: Value,
}

/// The result of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// Of which call.
    pub id: String,
    /// What it answered: text, images.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl Part {
    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: None }
    }
}
