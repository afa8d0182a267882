use super::Endpoint;
use super::estimate::holds_base64;

/// A place whose value we care for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Field {
    #[default]
    Other,
    /// A key that can hold base64, anywhere.
    Base64,
    /// Holds the input of endpoints that take it as a list of prompts.
    Prompts,
    Model,
    Stream,
    StreamOptions,
    IncludeUsage,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    N,
    BestOf,
    User,
    Metadata,
    UserId,
}

impl Field {
    /// As the caller writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Other | Self::Base64 | Self::Prompts => "",
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::IncludeUsage => "stream_options.include_usage",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::N => "n",
            Self::BestOf => "best_of",
            Self::User => "user",
            Self::Metadata => "metadata",
            Self::UserId => "metadata.user_id",
        }
    }

    /// The field that a key at the top level is, if `endpoint` has it. A field that the API ignores is not ours to
    /// judge, nor to trust.
    pub(super) fn at_top(key: &[u8], endpoint: Endpoint) -> Self {
        use Endpoint::{Chat, Completions, Embeddings, Images, Messages, Moderations, Responses};
        match (key, endpoint) {
            (b"model", _) => Self::Model,
            (b"stream", _) => Self::Stream,
            (b"stream_options", Chat | Completions) => Self::StreamOptions,
            (b"max_tokens", Chat | Completions | Messages) => Self::MaxTokens,
            (b"max_completion_tokens", Chat) => Self::MaxCompletionTokens,
            (b"max_output_tokens", Responses) => Self::MaxOutputTokens,
            (b"n", Chat | Completions | Images) => Self::N,
            (b"best_of", Completions) => Self::BestOf,
            (b"metadata", Messages) => Self::Metadata,
            (b"user", Messages) => Self::Other,
            (b"user", _) => Self::User,
            (b"prompt", Completions) | (b"input", Embeddings | Moderations) => Self::Prompts,
            _ => Self::in_depth(key),
        }
    }

    /// The field that a key is in an object that has nothing governed.
    pub(super) fn in_depth(key: &[u8]) -> Self {
        if holds_base64(key) { Self::Base64 } else { Self::Other }
    }

    /// Whether it must not be given twice: a caller must not reserve for one value and be served another.
    pub(super) const fn is_governed(self) -> bool {
        !matches!(self, Self::Other | Self::Base64 | Self::Prompts)
    }
}
