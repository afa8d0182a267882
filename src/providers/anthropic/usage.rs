//! Anthropic's usage: what is read from a cache or written to it is counted beside the input.

use serde_json::{Value, json};

use super::super::fields::{count, set};
use crate::metering::Usage;

/// The counts as they are told, in pieces where the answer is streamed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    input: u64,
    read: u64,
    written: u64,
    written_5m: u64,
    written_1h: u64,
    output: u64,
    thinking: u64,
}

impl Told {
    /// Takes what a usage object tells: counts are cumulative, a later one replaces unless it is 0.
    pub(super) fn take(&mut self, usage: &Value) {
        let empty = Value::Null;
        let lifetimes = usage.get("cache_creation").unwrap_or(&empty);
        let details = usage.get("output_tokens_details").unwrap_or(&empty);
        for (slot, told) in [
            (&mut self.input, count(usage, "input_tokens")),
            (&mut self.read, count(usage, "cache_read_input_tokens")),
            (&mut self.written, count(usage, "cache_creation_input_tokens")),
            (&mut self.written_5m, count(lifetimes, "ephemeral_5m_input_tokens")),
            (&mut self.written_1h, count(lifetimes, "ephemeral_1h_input_tokens")),
            (&mut self.output, count(usage, "output_tokens")),
            (&mut self.thinking, count(details, "thinking_tokens")),
        ] {
            if told > 0 {
                *slot = told;
            }
        }
    }

    /// At the start of a stream the output is a placeholder.
    pub(super) const fn forget_output(&mut self) {
        self.output = 0;
        self.thinking = 0;
    }

    /// What it comes to.
    pub(super) fn usage(&self) -> Usage {
        let written = self.written.max(self.written_5m.saturating_add(self.written_1h));
        Usage {
            input: self.input.saturating_add(self.read).saturating_add(written),
            cached: self.read,
            cache_write: written,
            cache_write_1h: self.written_1h,
            output: self.output,
            reasoning: self.thinking.min(self.output),
        }
    }
}

/// Reads a whole one.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    usage.get("input_tokens").or_else(|| usage.get("output_tokens"))?;
    let mut told = Told::default();
    told.take(usage);
    Some(told.usage())
}

/// Writes it.
pub(super) fn write(usage: &Usage) -> Value {
    let beside = usage.cached.saturating_add(usage.cache_write);
    let mut written = json!({
        "input_tokens": usage.input.saturating_sub(beside),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    });
    if usage.cache_write > 0 {
        set(&mut written, "cache_creation", json!({
            "ephemeral_5m_input_tokens": usage.cache_write.saturating_sub(usage.cache_write_1h),
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }));
    }
    if usage.reasoning > 0 {
        set(&mut written, "output_tokens_details", json!({ "thinking_tokens": usage.reasoning }));
    }
    written
}
