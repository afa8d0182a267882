//! OpenAI's usage: what is cached or written to a cache is a part of the prompt, reasoning a part of the completion.

use serde_json::{Value, json};

use super::super::fields::{count, set};
use crate::metering::{Counts, Usage};

/// Reads it; `None` where nothing is counted. DeepSeek says elsewhere what its cache gave.
pub(super) fn read(usage: &Value) -> Option<Counts> {
    let empty = Value::Null;
    let prompt = usage.get("prompt_tokens_details").unwrap_or(&empty);
    let completion = usage.get("completion_tokens_details").unwrap_or(&empty);
    let (input, said, total) =
        (count(usage, "prompt_tokens"), count(usage, "completion_tokens"), count(usage, "total_tokens"));
    let beyond = |part: Option<u64>| Some(total?.saturating_sub(part?));
    // Some (Grok) count reasoning beside the completion: only the total tells.
    let output = said.max(beyond(input));
    let input = input.or_else(|| beyond(said));
    input.or(output)?;
    Some(Counts {
        input,
        cached: count(prompt, "cached_tokens").max(count(usage, "prompt_cache_hit_tokens")).unwrap_or(0),
        cache_write: count(prompt, "cache_write_tokens").unwrap_or(0),
        cache_write_1h: 0,
        output,
        reasoning: count(completion, "reasoning_tokens").unwrap_or(0),
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
