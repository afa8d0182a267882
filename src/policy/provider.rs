use serde::{Deserialize, Serialize};

/// The wire format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI and everything compatible with it: vLLM, Ollama's `/v1`, Mistral, Groq, …
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
}

/// How to speak to what an Envoy cluster's endpoints name in `filter_metadata.keyward.provider`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The name endpoints and targets use.
    pub name: String,
    /// The wire format.
    pub api: Api,
    /// Tell this provider who calls (`x-keyward-team`, `-project`, `-key-id`, `-user`). For providers of the company itself.
    pub forward_identity: bool,
}
