//! Anthropic's usage: what is read from a cache or written to it is counted beside the input.

use serde_json::{Value, json};

use super::super::fields::{count, set};
use crate::metering::{Counts, Usage};

/// The counts as they are told, in pieces where the answer is streamed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    input: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    written_5m: Option<u64>,
    written_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Told {
    /// Takes what a usage object tells: counts are cumulative.
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
            *slot = told.max(*slot);
        }
    }

    /// At the start of a stream the output is a placeholder.
    pub(super) const fn forget_output(&mut self) {
        self.output = None;
        self.thinking = None;
    }

    /// What it comes to; `None` where nothing is counted.
    pub(super) fn counts(&self) -> Option<Counts> {
        let or_none = |count: Option<u64>| count.unwrap_or(0);
        let by_lifetime = or_none(self.written_5m).saturating_add(or_none(self.written_1h));
        let cache_write = or_none(self.written).max(by_lifetime);
        let beside = or_none(self.read).saturating_add(cache_write);
        let input = self.input.or(Some(0).filter(|_| beside > 0)).map(|fresh| fresh.saturating_add(beside));
        input.or(self.output)?;
        Some(Counts {
            input,
            cached: or_none(self.read),
            cache_write,
            cache_write_1h: or_none(self.written_1h),
            output: self.output,
            reasoning: or_none(self.thinking),
        })
    }
}

/// Reads a whole one.
pub(super) fn read(usage: &Value) -> Option<Counts> {
    let mut told = Told::default();
    told.take(usage);
    told.counts()
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
