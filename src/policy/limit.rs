use core::fmt;

use serde::{Deserialize, Serialize};

use super::Grant;
use crate::pricing::{Demand, NanoUsd};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// Requests admitted.
    Requests,
    /// Input and output tokens together.
    Tokens,
    /// Input tokens, cached ones and cache writes included.
    InputTokens,
    /// Output tokens, reasoning included.
    OutputTokens,
    /// Money, in nano-dollars.
    Usd,
    /// Requests in flight at one moment.
    Concurrency,
}

impl Metric {
    /// The word used for it in policy files, messages and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Usd => "usd",
            Self::Concurrency => "concurrency",
        }
    }

    /// How much of it a request takes.
    #[must_use]
    pub const fn of(self, demand: &Demand) -> u64 {
        match self {
            Self::Requests | Self::Concurrency => 1,
            Self::Tokens => demand.tokens(),
            Self::InputTokens => demand.input_tokens,
            Self::OutputTokens => demand.output_tokens,
            Self::Usd => demand.cost.0,
        }
    }
}

/// Over which time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// No time: what is in flight now ([`Metric::Concurrency`] only).
    Now,
    /// A strict sliding window of that many milliseconds, below a day.
    Sliding {
        /// Length of the window.
        ms: u64,
    },
    /// A calendar day in the policy's timezone.
    Day,
    /// A calendar week, from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Consecutive windows of that many calendar days, counted from 1970-01-01.
    Days(u32),
}

impl fmt::Display for Period {
    /// As a policy file writes it: `minute`, `90s`, `day`, `30d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("at once"),
            Self::Sliding { ms: 60_000 } => f.write_str("minute"),
            Self::Sliding { ms: 3_600_000 } => f.write_str("hour"),
            Self::Sliding { ms } if ms % 3_600_000 == 0 => write!(f, "{}h", ms / 3_600_000),
            Self::Sliding { ms } if ms % 60_000 == 0 => write!(f, "{}m", ms / 60_000),
            Self::Sliding { ms } => write!(f, "{}s", ms / 1000),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
            Self::Month => f.write_str("month"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

/// Identity of a counter within its level: the same metric, period and models count in the same slot, whatever the amount,
/// so that a changed amount applies to the window already running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId(pub u64);

/// One limit of one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is counted.
    pub metric: Metric,
    /// The most there may be in one window: a count, tokens, or nano-dollars. 0 admits nothing.
    pub amount: u64,
    /// The window.
    pub period: Period,
    /// Only requests for matching models count and are held to it; `None`: all.
    pub model: Option<Grant>,
    /// The tier it comes from; `None` for the level's own.
    pub tier: Option<String>,
    /// Identity of its counter.
    pub slot: SlotId,
}

impl fmt::Display for Limit {
    /// `600 requests per minute`, `50 usd per day for gpt-4o`, `20 requests at once`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, amount, period, model, .. } = self;
        match metric {
            Metric::Concurrency => write!(f, "{amount} requests {period}"),
            Metric::Usd => write!(f, "{} usd per {period}", NanoUsd(*amount)),
            _ => write!(f, "{amount} {} per {period}", metric.as_str()),
        }?;
        model.as_ref().map_or(Ok(()), |model| write!(f, " for {model}"))
    }
}

impl Limit {
    /// The slot for what such a limit counts: FNV-1a over metric, period and model pattern.
    #[must_use]
    pub fn slot_for(metric: Metric, period: Period, model: Option<&Grant>) -> SlotId {
        let model = match model {
            None => String::new(),
            Some(Grant::All) => "all".into(),
            Some(Grant::Name(name)) => format!("name:{name}"),
            Some(Grant::Group(name)) => format!("group:{name}"),
            Some(Grant::Glob(pattern)) => format!("glob:{pattern}"),
        };
        let text = format!("{}/{period}/{model}", metric.as_str());
        SlotId(
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_in_the_words_of_policy_files() {
        let said = |metric, amount, period, model: Option<Grant>| {
            let slot = Limit::slot_for(metric, period, model.as_ref());
            Limit { metric, amount, period, model, tier: Some("t".into()), slot }.to_string()
        };
        assert_eq!(said(Metric::Requests, 600, Period::Sliding { ms: 60_000 }, None), "600 requests per minute");
        let glob = Some(Grant::Glob("openai/*".into()));
        assert_eq!(said(Metric::Usd, 1_500_000_000, Period::Day, glob), "1.5 usd per day for openai/*");
        assert_eq!(said(Metric::Concurrency, 20, Period::Now, None), "20 requests at once");
    }
}
