//! OpenAI's usage: what is cached or written to a cache is a part of the prompt, reasoning a part of the completion.

use serde_json::{Value, json};

use super::super::fields::{count, set};
use crate::metering::{Counts, Usage};

/// Reads it; `None` where nothing is counted. DeepSeek and Moonshot say elsewhere what their caches gave, and LiteLLM and Qwen
/// what was written.
pub(super) fn read(usage: &Value) -> Option<Counts> {
    let empty = Value::Null;
    let prompt = usage.get("prompt_tokens_details").unwrap_or(&empty);
    let completion = usage.get("completion_tokens_details").unwrap_or(&empty);
    let lifetimes = prompt.get("cache_creation_token_details").unwrap_or(&empty);
    let most = |told: &[(&Value, &str)]| told.iter().filter_map(|(of, name)| count(of, name)).max().unwrap_or(0);
    let (input, said, total) =
        (count(usage, "prompt_tokens"), count(usage, "completion_tokens"), count(usage, "total_tokens"));
    let beyond = |part: Option<u64>| Some(total?.saturating_sub(part?));
    // Some (Grok) count reasoning beside the completion: only the total tells.
    let output = said.max(beyond(input));
    let input = input.or_else(|| beyond(said));
    input.or(output)?;
    Some(Counts {
        input,
        cached: most(&[(prompt, "cached_tokens"), (usage, "prompt_cache_hit_tokens"), (usage, "cached_tokens")]),
        cache_write: most(&[
            (prompt, "cache_write_tokens"),
            (prompt, "cache_creation_tokens"),
            (prompt, "cache_creation_input_tokens"),
        ]),
        cache_write_1h: most(&[(lifetimes, "ephemeral_1h_input_tokens")]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_go_by_many_names() {
        let read_all = |mut usage: Value| {
            set(&mut usage, "prompt_tokens", 100);
            let counts = read(&usage).unwrap();
            (counts.input, counts.cached, counts.cache_write, counts.cache_write_1h)
        };
        for (usage, cached, written, for_an_hour) in [
            (json!({ "prompt_tokens_details": { "cached_tokens": 40, "cache_write_tokens": 20 } }), 40, 20, 0),
            (json!({ "prompt_cache_hit_tokens": 40, "prompt_tokens_details": { "cached_tokens": 0 } }), 40, 0, 0),
            (json!({ "cached_tokens": 40 }), 40, 0, 0),
            (json!({ "prompt_tokens_details": { "cache_creation_input_tokens": 20 } }), 0, 20, 0),
            (
                json!({ "prompt_tokens_details": { "cache_creation_tokens": 20,
                    "cache_creation_token_details": { "ephemeral_1h_input_tokens": 15 } } }),
                0,
                20,
                15,
            ),
        ] {
            assert_eq!(read_all(usage), (Some(100), cached, written, for_an_hour));
        }
    }
}
