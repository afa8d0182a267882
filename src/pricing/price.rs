//! What a provider charges for one model, and what a usage costs by it.

use serde::{Deserialize, Serialize};

use super::NanoUsd;
use crate::metering::Usage;

/// What a provider charges for one model: each rate is nano-dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Input that is neither cached nor written to a cache.
    pub input: NanoUsd,
    /// Input read from a cache; `None`: as `input`.
    pub cached_input: Option<NanoUsd>,
    /// Input written to a cache; `None`: as `input`.
    pub cache_write: Option<NanoUsd>,
    /// Input written to a cache that keeps it for an hour; `None`: as `cache_write`.
    pub cache_write_1h: Option<NanoUsd>,
    /// Output.
    pub output: NanoUsd,
    /// The reasoning part of the output; `None`: as `output`.
    pub reasoning: Option<NanoUsd>,
    /// Charged once per request, for what is not counted in tokens. Nano-dollars per request.
    pub request: NanoUsd,
}

impl Price {
    /// The cost of a usage: exact in 10⁻¹⁵ dollars until the end, then rounded up to a whole nano-dollar once.
    ///
    /// Subsets are taken out of their totals, never below zero: a provider that reports more cached than input tokens is
    /// charged for the cached ones only.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> NanoUsd {
        let cached = usage.cached;
        let written_1h = usage.cache_write_1h.min(usage.cache_write);
        let written = usage.cache_write.saturating_sub(written_1h);
        let fresh = usage.input.saturating_sub(cached).saturating_sub(usage.cache_write);
        let reasoning = usage.reasoning.min(usage.output);
        let spoken = usage.output.saturating_sub(reasoning);
        let cache_write = self.cache_write.unwrap_or(self.input);
        let parts = [
            (fresh, self.input),
            (cached, self.cached_input.unwrap_or(self.input)),
            (written, cache_write),
            (written_1h, self.cache_write_1h.unwrap_or(cache_write)),
            (spoken, self.output),
            (reasoning, self.reasoning.unwrap_or(self.output)),
        ];
        self.sum(&parts)
    }

    /// The most that so many tokens can cost, whatever part of them is cached, written to a cache or reasoning.
    #[must_use]
    pub fn most(&self, input_tokens: u64, output_tokens: u64) -> NanoUsd {
        let input =
            [self.cached_input, self.cache_write, self.cache_write_1h].into_iter().flatten().fold(self.input, Ord::max);
        let output = self.reasoning.map_or(self.output, |rate| rate.max(self.output));
        self.sum(&[(input_tokens, input), (output_tokens, output)])
    }

    /// Tokens times rates, rounded up once, plus what is charged per request.
    fn sum(&self, parts: &[(u64, NanoUsd)]) -> NanoUsd {
        let per_million = parts.iter().fold(0_u128, |sum, (tokens, rate)| {
            sum.saturating_add(u128::from(*tokens).saturating_mul(u128::from(rate.0)))
        });
        let nanos = u64::try_from(per_million.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        NanoUsd(nanos.saturating_add(self.request.0))
    }
}
