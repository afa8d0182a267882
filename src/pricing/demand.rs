//! The most a request can use before it is sent: what a full reservation takes from the limits.

use super::{NanoUsd, Price};

/// What one request takes from limits on tokens and money. It always counts as one request and one in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Input tokens, cached ones and cache writes included.
    pub input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Money.
    pub cost: NanoUsd,
}

impl Demand {
    /// Input and output tokens together.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// The worst case of a request: `input_tokens` and `output_tokens` at the dearest rate of each, at the dearest of all
/// targets that may answer (a failover may pick any).
///
/// Which part of the input will be cached or written to a cache is not known before the provider says so, hence the
/// dearest input rate for all of it. A target without a price costs nothing, as in [`Price`].
pub fn reserve_demand<'a>(
    prices: impl IntoIterator<Item = Option<&'a Price>>,
    input_tokens: u64,
    output_tokens: u64,
) -> Demand {
    let cost =
        prices.into_iter().flatten().map(|price| price.most(input_tokens, output_tokens)).max().unwrap_or_default();
    Demand { input_tokens, output_tokens, cost }
}
