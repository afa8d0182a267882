//! A gateway with a model for each dialect, and what is particular about each.

use std::sync::OnceLock;

use serde_json::json;

use crate::support::call::Call;
use crate::support::gateway::Gateway;

/// One model for each dialect, and each once more with `drop_params`. Prices are such that every kind of token shows.
fn policy() -> String {
    let models = DIALECTS.map(|dialect| {
        let target = format!("{{ provider: {}, model: {}, price: {} }}", dialect.provider, MODEL, dialect.price);
        let served = format!("cluster: {}, max_output_tokens: 1000, targets: [ {target} ]", dialect.provider);
        format!("  {0}: {{ {served} }}\n  {0}-dropping: {{ drop_params: true, {served} }}\n", dialect.model)
    });
    format!(
        r#"
version: 1
providers:
  openai: {{ api: openai }}
  anthropic: {{ api: anthropic }}
  gemini: {{ api: gemini }}
  bedrock: {{ api: bedrock }}
  azure: {{ api: azure_openai, api_version: "2024-10-21" }}
  openrouter: {{ api: openai, base_path: /api/v1 }}
  local: {{ api: ollama, forward_identity: true }}
models:
{}
teams: {{ t: {{}} }}
projects: {{ p: {{ team: t }} }}
keys: [ {{ id: open, hash: <open>, project: p }} ]
"#,
        models.concat()
    )
}

/// Every provider's name of the model; a name that its path has to escape.
pub const MODEL: &str = "vendor.model-1:0";

/// What is particular about a dialect.
pub struct Dialect {
    /// The catalog's name of the model that it serves.
    pub model: &'static str,
    /// Provider and cluster.
    pub provider: &'static str,
    pub host: &'static str,
    pub price: &'static str,
    /// Path of a whole and of a streamed answer.
    pub paths: [&'static str; 2],
    /// The header with the credential.
    pub credential: Option<&'static str>,
    /// Tokens and cost of "Hello" and of a call of a tool: input, cached, output, dollars.
    pub hello: (u64, u64, u64, &'static str),
    pub call: (u64, u64, u64, &'static str),
}

pub const DIALECTS: [Dialect; 7] = [
    Dialect {
        model: "to-openai",
        provider: "openai",
        host: "api.openai.com",
        price: "{ input: 2.50, cached_input: 1.25, output: 10 }",
        paths: ["/v1/chat/completions"; 2],
        credential: Some("authorization"),
        hello: (12, 0, 21, "0.00024"),
        call: (40, 0, 9, "0.00019"),
    },
    Dialect {
        model: "to-openrouter",
        provider: "openrouter",
        host: "openrouter.ai",
        price: "{ input: 2.50, cached_input: 1.25, output: 10 }",
        paths: ["/api/v1/chat/completions"; 2],
        credential: Some("authorization"),
        hello: (12, 0, 21, "0.00024"),
        call: (40, 0, 9, "0.00019"),
    },
    Dialect {
        model: "to-azure",
        provider: "azure",
        host: "example.openai.azure.com",
        price: "{ input: 2.50, cached_input: 1.25, output: 10 }",
        paths: ["/openai/deployments/vendor.model-1%3A0/chat/completions?api-version=2024-10-21"; 2],
        credential: Some("api-key"),
        hello: (12, 0, 21, "0.00024"),
        call: (40, 0, 9, "0.00019"),
    },
    Dialect {
        model: "to-anthropic",
        provider: "anthropic",
        host: "api.anthropic.com",
        price: "{ input: 3, cached_input: 0.30, cache_write: 3.75, output: 15 }",
        paths: ["/v1/messages"; 2],
        credential: Some("x-api-key"),
        hello: (1112, 1000, 21, "0.001026"),
        call: (40, 0, 9, "0.000255"),
    },
    Dialect {
        model: "to-gemini",
        provider: "gemini",
        host: "generativelanguage.googleapis.com",
        price: "{ input: 1, cached_input: 0.25, output: 10 }",
        paths: [
            "/v1beta/models/vendor.model-1%3A0:generateContent",
            "/v1beta/models/vendor.model-1%3A0:streamGenerateContent?alt=sse",
        ],
        credential: Some("x-goog-api-key"),
        hello: (12, 4, 21, "0.000219"),
        call: (40, 0, 9, "0.00013"),
    },
    Dialect {
        model: "to-bedrock",
        provider: "bedrock",
        host: "bedrock-runtime.us-east-1.amazonaws.com",
        price: "{ input: 1, cached_input: 0.25, output: 10 }",
        paths: ["/model/vendor.model-1%3A0/converse", "/model/vendor.model-1%3A0/converse-stream"],
        credential: None,
        hello: (16, 4, 21, "0.000223"),
        call: (40, 0, 9, "0.00013"),
    },
    Dialect {
        model: "to-ollama",
        provider: "local",
        host: "localhost",
        price: "{ input: 0, output: 1 }",
        paths: ["/api/chat"; 2],
        credential: None,
        hello: (12, 0, 21, "0.000021"),
        call: (40, 0, 9, "0.000009"),
    },
];

pub fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| Gateway::start(&policy()))
}

pub const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

pub fn call(path: &str, model: &str, stream: bool, tools: bool) -> Call<'static> {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50 });
    if stream {
        body["stream"] = json!(true);
        if path != "/v1/messages" {
            body["stream_options"] = json!({ "include_usage": true });
        }
    }
    if tools {
        let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
        body["tools"] = if path == "/v1/messages" {
            json!([{ "name": "weather", "description": "The weather.", "input_schema": schema }])
        } else {
            json!([{ "type": "function", "function": { "name": "weather", "description": "The weather.", "parameters": schema } }])
        };
    }
    gateway().call("open").path(path).json(&body)
}

/// Whether the provider speaks the caller's API itself.
pub fn is_native(path: &str, dialect: &Dialect) -> bool {
    let speaks_messages = dialect.provider == "anthropic";
    let speaks_chat = ["openai", "openrouter", "azure"].contains(&dialect.provider);
    if path == "/v1/messages" { speaks_messages } else { speaks_chat }
}
