//! Which API's answer is read, and in what form it comes.

use crate::request::Endpoint;

/// The family an answer belongs to. Usage is recognised by its fields whatever the family says; the family decides what
/// an answer without output tokens means and whether its stream can have a usage chunk of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI chat completions and completions.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Everything that does not generate text token by token: embeddings, images, audio, rerank, moderations.
    Other,
}

impl From<Endpoint> for Dialect {
    fn from(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Chat | Endpoint::Completions => Self::Chat,
            Endpoint::Responses => Self::Responses,
            Endpoint::Messages => Self::Messages,
            Endpoint::Embeddings
            | Endpoint::Moderations
            | Endpoint::Images
            | Endpoint::Speech
            | Endpoint::Transcriptions
            | Endpoint::Translations
            | Endpoint::Rerank
            | Endpoint::Models => Self::Other,
        }
    }
}

impl Dialect {
    /// Whether an answer always has output tokens, so that their absence means "unknown" and not "none".
    #[must_use]
    pub const fn generates(self) -> bool {
        !matches!(self, Self::Other)
    }
}

/// The form of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// One JSON text.
    Json,
    /// Server-sent events with JSON in them.
    Sse,
    /// Bytes with nothing to read in them, such as audio.
    Other,
}

impl BodyKind {
    /// Told by the `content-type` of the answer.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("text/event-stream") {
            return Self::Sse;
        }
        let (_, subtype) = essence.split_once('/').unwrap_or_default();
        let suffix = subtype.rsplit('+').next().unwrap_or_default();
        if suffix.eq_ignore_ascii_case("json") { Self::Json } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::BodyKind;

    #[test]
    fn the_content_type_tells_the_form() {
        for (content_type, kind) in [
            ("application/json", BodyKind::Json),
            ("Application/JSON; charset=utf-8", BodyKind::Json),
            ("application/problem+json", BodyKind::Json),
            ("text/event-stream", BodyKind::Sse),
            ("text/event-stream;charset=utf-8", BodyKind::Sse),
            ("audio/mpeg", BodyKind::Other),
            ("application/jsonl", BodyKind::Other),
            ("json", BodyKind::Other),
            ("", BodyKind::Other),
        ] {
            assert_eq!(BodyKind::of_content_type(content_type), kind, "{content_type}");
        }
    }
}
