//! The models that the tests' policies share.

/// A policy with the shared catalog and whatever else a test decides.
pub fn policy(rest: &str) -> String {
    format!("{CATALOG}\n{rest}")
}

const CATALOG: &str = r#"
version: 1
providers:
  openai: { api: openai }
  anthropic: { api: anthropic }
  local: { api: openai }
models:
  gpt-4o:
    cluster: openai
    groups: [frontier]
    max_output_tokens: 1000
    targets: [ { provider: openai, model: gpt-4o-2024-08-06, price: { input: 2.50, cached_input: 1.25, output: 10.00 } } ]
  gpt-4o-mini:
    cluster: openai
    groups: [small]
    max_output_tokens: 1000
    targets: [ { provider: openai, model: gpt-4o-mini-2024-07-18, price: { input: 0.15, cached_input: 0.075, output: 0.60 } } ]
  claude-sonnet:
    cluster: anthropic
    groups: [frontier]
    max_output_tokens: 1000
    targets: [ { provider: anthropic, model: claude-sonnet-4-20250514, price: { input: 3, cached_input: 0.30, cache_write: 3.75, output: 15 } } ]
  embed:
    cluster: openai
    targets: [ { provider: openai, model: text-embedding-3-small, price: { input: 0.02, output: 0 } } ]
  whisper:
    cluster: openai
    targets: [ { provider: openai, model: whisper-1, price: { input: 0, output: 0 } } ]
  llama:
    cluster: local
    max_output_tokens: 1000
    targets: [ { provider: local, model: "meta/llama-3:70b", price: { input: 0, output: 0 } } ]
  "openai/*":
    cluster: openai
    max_output_tokens: 1000
    targets: [ { provider: openai, model: "*", price: { input: 5, output: 15 } } ]
  "openai/o1-*":
    cluster: local
    max_output_tokens: 1000
    targets: [ { provider: local, model: "o1/*/served", price: { input: 5, output: 15 } } ]
  lost:
    cluster: nowhere
    targets: [ { provider: local, model: lost, price: { input: 5, output: 15 } } ]
  chat-default: { alias: gpt-4o }
"#;
