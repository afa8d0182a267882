//! OpenAI's usage: what is cached or written to a cache is a part of the prompt, reasoning a part of the completion.

use serde_json::{Value, json};

use super::super::fields::{count, set};
use crate::metering::Usage;

/// Reads it; `None` where nothing is counted. DeepSeek says elsewhere what its cache gave.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    usage.get("prompt_tokens").or_else(|| usage.get("completion_tokens"))?;
    let empty = Value::Null;
    let prompt = usage.get("prompt_tokens_details").unwrap_or(&empty);
    let completion = usage.get("completion_tokens_details").unwrap_or(&empty);
    let input = count(usage, "prompt_tokens");
    let cached = count(prompt, "cached_tokens").max(count(usage, "prompt_cache_hit_tokens")).min(input);
    let said = count(usage, "completion_tokens");
    // Some (Grok) count reasoning beside the completion: only the total tells.
    let output = count(usage, "total_tokens").saturating_sub(input).max(said);
    Some(Usage {
        input,
        cached,
        cache_write: count(prompt, "cache_write_tokens").min(input.saturating_sub(cached)),
        cache_write_1h: 0,
        output,
        reasoning: count(completion, "reasoning_tokens").min(output),
    })
}

/// Writes it.
pub(super) fn write(usage: &Usage) -> Value {
    let mut written = json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": { "cached_tokens": usage.cached },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    });
    if let Some(details) = written.get_mut("prompt_tokens_details").filter(|_| usage.cache_write > 0) {
        set(details, "cache_write_tokens", usage.cache_write);
    }
    written
}
