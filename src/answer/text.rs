//! How answers write times and amounts.

use crate::policy::{Metric, Period};
use crate::pricing::NanoUsd;

/// A duration as OpenAI's headers write it, which is how Go prints one: `120ms`, `1s`, `7.66s`, `6m0s`, `1h0m0s`.
pub(super) fn duration(ms: u64) -> String {
    if (1..1000).contains(&ms) {
        return format!("{ms}ms");
    }
    let (hours, minutes, seconds, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}").trim_end_matches('0').to_owned() };
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

/// A wait as people say it, in one unit and rounded up: `1 second`, `45 seconds`, `3 minutes`, `20 hours`, `12 days`.
pub(super) fn wait(ms: u64) -> String {
    let (amount, unit) = match ms.div_ceil(1000) {
        seconds @ 0..120 => (seconds.max(1), "second"),
        seconds @ 120..7_200 => (seconds.div_ceil(60), "minute"),
        seconds @ 7_200..172_800 => (seconds.div_ceil(3_600), "hour"),
        seconds => (seconds.div_ceil(86_400), "day"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

/// What a limit allows: `600 requests per minute`, `20 concurrent requests`, `$5 per day`.
pub(super) fn allowance(metric: Metric, amount: u64, period: Period) -> String {
    let amount = match metric {
        Metric::Requests => format!("{amount} requests"),
        Metric::Tokens => format!("{amount} tokens"),
        Metric::InputTokens => format!("{amount} input tokens"),
        Metric::OutputTokens => format!("{amount} output tokens"),
        Metric::Usd => format!("${}", NanoUsd(amount)),
        Metric::Concurrency => format!("{amount} concurrent requests"),
    };
    match period {
        Period::Now => amount,
        period => format!("{amount} per {period}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_openais() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (120, "120ms"),
            (999, "999ms"),
            (1000, "1s"),
            (1001, "1.001s"),
            (7660, "7.66s"),
            (59_999, "59.999s"),
            (60_000, "1m0s"),
            (179_560, "2m59.56s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (86_400_000, "24h0m0s"),
            (2_592_001_500, "720h0m1.5s"),
        ] {
            assert_eq!(duration(ms), text);
        }
        assert!(duration(u64::MAX).ends_with('s'));
    }

    #[test]
    fn a_wait_is_never_told_too_short() {
        for (ms, text) in [
            (0, "1 second"),
            (1, "1 second"),
            (1001, "2 seconds"),
            (119_000, "119 seconds"),
            (119_001, "2 minutes"),
            (121_000, "3 minutes"),
            (7_199_000, "120 minutes"),
            (7_200_001, "3 hours"),
            (172_800_000, "2 days"),
            (172_800_001, "3 days"),
        ] {
            assert_eq!(wait(ms), text);
        }
    }

    #[test]
    fn allowances_name_their_unit_and_window() {
        for (metric, amount, period, text) in [
            (Metric::Requests, 600, Period::Sliding { ms: 60_000 }, "600 requests per minute"),
            (Metric::Tokens, 5, Period::Sliding { ms: 90_000 }, "5 tokens per 90s"),
            (Metric::InputTokens, 5, Period::Day, "5 input tokens per day"),
            (Metric::OutputTokens, 5, Period::Days(7), "5 output tokens per 7d"),
            (Metric::Usd, 2_500_000_000, Period::Month, "$2.5 per month"),
            (Metric::Concurrency, 20, Period::Now, "20 concurrent requests"),
        ] {
            assert_eq!(allowance(metric, amount, period), text);
        }
    }
}
