use serde::{Deserialize, Serialize};

/// What a caller asks for, told by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages` (Anthropic)
    Messages,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/images/generations`
    Images,
    /// `POST /v1/audio/speech`
    Speech,
    /// `POST /v1/audio/transcriptions` (multipart)
    Transcriptions,
    /// `POST /v1/audio/translations` (multipart)
    Translations,
    /// `POST /v1/rerank`
    Rerank,
    /// `GET /v1/models`
    Models,
}

/// The API whose error shape, headers and streaming a caller expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// OpenAI: `{"error":{"message","type","param","code"}}`.
    OpenAi,
    /// Anthropic: `{"type":"error","error":{"type","message"}}`.
    Anthropic,
}

impl Endpoint {
    /// All endpoints, in the order of the docs.
    pub const ALL: [Self; 12] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::Moderations,
        Self::Images,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::Rerank,
        Self::Models,
    ];

    /// The word used for it in policy files, messages, metrics and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Moderations => "moderations",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Rerank => "rerank",
            Self::Models => "models",
        }
    }

    /// The canonical path, below `/v1`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Moderations => "/v1/moderations",
            Self::Images => "/v1/images/generations",
            Self::Speech => "/v1/audio/speech",
            Self::Transcriptions => "/v1/audio/transcriptions",
            Self::Translations => "/v1/audio/translations",
            Self::Rerank => "/v1/rerank",
            Self::Models => "/v1/models",
        }
    }

    /// The API it belongs to.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Messages => Shape::Anthropic,
            _ => Shape::OpenAi,
        }
    }

    /// Whether answers are JSON, in events where they are streamed; those about audio may be anything.
    #[must_use]
    pub const fn answers_in_json(self) -> bool {
        !matches!(self, Self::Speech | Self::Transcriptions | Self::Translations)
    }

    /// Whether the body is a form rather than JSON.
    #[must_use]
    pub const fn is_multipart(self) -> bool {
        matches!(self, Self::Transcriptions | Self::Translations)
    }
}
