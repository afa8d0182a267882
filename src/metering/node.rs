//! The places in an answer that mean something: which key leads from which to which.
//!
//! A value is looked at only if every key above it was expected, from the root down. Everything else is
//! [`Node::Ignore`], with all that is in it.

/// What the value at a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Ignore,
    /// The whole answer, or the data of one event.
    Root,
    /// An element of an answer that is a list; only its errors are looked at.
    RootItem,
    Choices,
    Choice,
    /// `delta` or `message` of a choice.
    Said,
    /// Why a choice ended.
    Finish,
    /// Which of the choices it is.
    Index,
    /// Anything else in a choice.
    Other,
    /// Generated text: a string, a list of parts, or an object with text under the keys that are known to hold it.
    Prose,
    /// Generated data, of which every key and value counts as text.
    Data,
    /// `delta` of an event: a string in the Responses API, an object in Messages.
    Delta,
    /// `response` of an event of the Responses API.
    Response,
    /// `message` of Anthropic's `message_start`.
    Message,
    /// Groq's extension, which carries usage on the last chunk.
    Groq,
    /// Cohere's `meta` and the two counts in it.
    Meta,
    Usage(Place),
    InputDetails,
    OutputDetails,
    CacheCreation,
    /// Anthropic's `iterations` of a usage, and one of them.
    Iterations,
    Iteration,
    IterationKind,
    Count(Field),
    Model,
    Type,
    Error,
}

/// Where in an answer usage was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Response,
    Message,
    Groq,
    Meta,
}

/// A count in a usage object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// `prompt_tokens`: all of the input (OpenAI).
    Prompt,
    /// `input_tokens`: all of the input (OpenAI), or what is neither read from nor written to a cache (Anthropic).
    Input,
    /// `completion_tokens`
    Completion,
    /// `output_tokens`
    Output,
    /// `total_tokens`
    Total,
    /// Input read from a cache, as a part of the input.
    Cached,
    /// Input written to a cache, as a part of the input.
    CacheWrite,
    /// `cache_read_input_tokens` (Anthropic): beside `input_tokens`.
    CacheRead,
    /// `cache_creation_input_tokens` (Anthropic): beside `input_tokens`.
    CacheCreation,
    /// `cache_creation.ephemeral_5m_input_tokens`
    CacheCreation5m,
    /// `cache_creation.ephemeral_1h_input_tokens`
    CacheCreation1h,
    /// Reasoning, as a part of the output.
    Reasoning,
}

impl Node {
    /// Whether something in a list or an object at this place can matter.
    pub const fn holds_more(self) -> bool {
        use Node::{Count, Error, Finish, Ignore, Index, IterationKind, Model, Other, Type};
        !matches!(self, Ignore | Count(_) | Model | Type | Error | Other | Finish | Index | IterationKind)
    }

    /// What the elements of a list at this place are.
    pub const fn item(self) -> Self {
        match self {
            Self::Root => Self::RootItem,
            Self::Choices => Self::Choice,
            Self::Prose | Self::Said => Self::Prose,
            Self::Data => Self::Data,
            Self::Iterations => Self::Iteration,
            _ => Self::Ignore,
        }
    }

    /// What `key` holds in an object at this place. `streamed`: the object is one event of many.
    pub fn field(self, key: &[u8], streamed: bool) -> Self {
        match self {
            Self::Root => root(key, streamed),
            Self::RootItem if key == b"error" => Self::Error,
            Self::Choice => match key {
                b"delta" | b"message" => Self::Said,
                b"text" => Self::Prose,
                b"finish_reason" => Self::Finish,
                b"index" => Self::Index,
                _ => Self::Other,
            },
            Self::Said => match prose(key) {
                Self::Ignore if key != b"role" => Self::Other,
                node => node,
            },
            Self::Prose | Self::Delta => prose(key),
            Self::Data => Self::Data,
            Self::Response => match key {
                b"usage" => Self::Usage(Place::Response),
                b"model" => Self::Model,
                b"error" => Self::Error,
                _ => Self::Ignore,
            },
            Self::Message => match key {
                b"usage" => Self::Usage(Place::Message),
                b"model" => Self::Model,
                _ => Self::Ignore,
            },
            Self::Groq if key == b"usage" => Self::Usage(Place::Groq),
            Self::Meta if key == b"billed_units" => Self::Usage(Place::Meta),
            Self::Usage(_) if key == b"iterations" => Self::Iterations,
            Self::Iteration if key == b"type" => Self::IterationKind,
            Self::Usage(_) | Self::Iteration => usage(key),
            Self::InputDetails => match key {
                b"cached_tokens" => Self::Count(Field::Cached),
                // OpenAI's name, LiteLLM's and Qwen's.
                b"cache_write_tokens" | b"cache_creation_tokens" | b"cache_creation_input_tokens" => {
                    Self::Count(Field::CacheWrite)
                }
                b"cache_creation_token_details" | b"cache_creation" => Self::CacheCreation,
                _ => Self::Ignore,
            },
            Self::OutputDetails => match key {
                b"reasoning_tokens" | b"thinking_tokens" => Self::Count(Field::Reasoning),
                _ => Self::Ignore,
            },
            Self::CacheCreation => match key {
                b"ephemeral_5m_input_tokens" => Self::Count(Field::CacheCreation5m),
                b"ephemeral_1h_input_tokens" => Self::Count(Field::CacheCreation1h),
                _ => Self::Ignore,
            },
            _ => Self::Ignore,
        }
    }
}

fn root(key: &[u8], streamed: bool) -> Node {
    match key {
        b"choices" => Node::Choices,
        b"usage" => Node::Usage(Place::Root),
        b"model" => Node::Model,
        b"type" => Node::Type,
        b"error" => Node::Error,
        b"delta" if streamed => Node::Delta,
        b"content_block" if streamed => Node::Prose,
        b"response" if streamed => Node::Response,
        b"message" if streamed => Node::Message,
        b"x_groq" => Node::Groq,
        b"meta" => Node::Meta,
        // In a stream these repeat what the deltas said.
        b"content" | b"output" | b"text" if !streamed => Node::Prose,
        _ => Node::Ignore,
    }
}

fn prose(key: &[u8]) -> Node {
    match key {
        b"content" | b"text" | b"refusal" | b"reasoning_content" | b"reasoning" | b"thinking" | b"summary"
        | b"tool_calls" | b"function_call" | b"function" | b"custom" | b"arguments" | b"partial_json" | b"audio"
        | b"transcript" => Node::Prose,
        b"input" => Node::Data,
        _ => Node::Ignore,
    }
}

fn usage(key: &[u8]) -> Node {
    Node::Count(match key {
        b"prompt_tokens" => Field::Prompt,
        b"completion_tokens" => Field::Completion,
        b"total_tokens" => Field::Total,
        b"input_tokens" => Field::Input,
        b"output_tokens" => Field::Output,
        // DeepSeek, and Moonshot.
        b"prompt_cache_hit_tokens" | b"cached_tokens" => Field::Cached,
        // Perplexity.
        b"reasoning_tokens" => Field::Reasoning,
        b"cache_read_input_tokens" => Field::CacheRead,
        b"cache_creation_input_tokens" => Field::CacheCreation,
        b"cache_creation" => return Node::CacheCreation,
        b"prompt_tokens_details" | b"input_tokens_details" => return Node::InputDetails,
        b"completion_tokens_details" | b"output_tokens_details" => return Node::OutputDetails,
        _ => return Node::Ignore,
    })
}
