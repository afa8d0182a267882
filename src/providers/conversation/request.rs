use serde_json::{Number, Value};

use super::Part;

/// A chat request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    /// Instructions that come before everything: text.
    pub system: Vec<Part>,
    /// The turns, in order. Consecutive turns of one role may occur; dialects that want them merged merge them.
    pub turns: Vec<Turn>,
    /// Tools that may be called.
    pub tools: Vec<Tool>,
    /// Which of them must be.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// The most output that is wanted.
    pub max_output_tokens: Option<u64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// Sampling: 0 to 2 as OpenAI counts.
    pub temperature: Option<Number>,
    /// Sampling.
    pub top_p: Option<Number>,
    /// Sampling.
    pub top_k: Option<u64>,
    /// Sampling.
    pub seed: Option<Number>,
    /// Sampling.
    pub frequency_penalty: Option<Number>,
    /// Sampling.
    pub presence_penalty: Option<Number>,
    /// The form of the answer.
    pub format: Format,
    /// How much is to be thought.
    pub reasoning: Option<Reasoning>,
    /// The end user.
    pub user: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller has functions, as tools were called before: its answer has one call, under that name.
    pub has_functions: bool,
    /// Whether the caller of a stream wants to be told its usage.
    pub asks_usage: bool,
    /// Fields of the caller's API that are not above, with their values, unless they say nothing (null, or the default):
    /// no dialect but the caller's own has words for them, so a dialect that does not know one lists it as unmapped.
    pub rest: Vec<(String, Value)>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The caller; tool results are the caller's too.
    User,
    /// The model.
    Assistant,
    /// Instructions in the middle of a chat.
    System,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said, done, and answered by tools.
    pub parts: Vec<Part>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
    /// Whether the arguments must fit the schema.
    pub strict: Option<bool>,
    /// A cache mark, as Anthropic writes it.
    pub cache: Option<Value>,
}

/// Which tool must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// At least one.
    Any,
    /// None.
    None,
    /// This one.
    Tool(String),
}

/// The form of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Format {
    /// Text.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON of a schema.
    Schema {
        /// A name for it.
        name: String,
        /// What it is.
        description: Option<String>,
        /// JSON Schema.
        schema: Value,
        /// Whether the answer must fit it.
        strict: Option<bool>,
    },
}

/// How much a model is to think before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reasoning {
    /// Not at all.
    Off,
    /// As the word says: `minimal`, `low`, `medium`, `high`, and what providers add.
    Effort(String),
    /// At most so many tokens.
    Budget(u64),
    /// As the model sees fit.
    Adaptive,
}
