//! Which rule decided against a request, in words for the audit record: names of the policy only.

use crate::answer::{Budget, RateLimit, Refusal};
use crate::authz::{Denied, Why};
use crate::limits::{Reason, Refused, RefusedBy, Standing};
use crate::policy::{Grant, Level, LevelKind, Limit, Metric, Period};
use crate::pricing::NanoUsd;

/// `team marketing (tier standard): denied by openai/o1-*`.
pub(super) fn of_denial(denied: &Denied<'_>) -> String {
    let level = level(denied.kind.as_str(), denied.name, denied.tier);
    match denied.why {
        Why::Endpoint => format!("{level}: endpoint not granted"),
        Why::NotGranted => format!("{level}: not granted"),
        Why::DeniedBy(deny) => format!("{level}: denied by {}", grant(deny)),
    }
}

/// A limit that has no room for a request, as the caller and the audit record are told.
#[derive(Debug)]
pub(super) struct OverLimit {
    pub refusal: Refusal,
    /// `team marketing (tier standard): 600 requests per minute`; `None` where no limit was reached.
    pub rule: Option<String>,
    pub standing: Standing,
}

impl OverLimit {
    pub(super) fn new(refused: &Refused<'_>) -> Self {
        let standing = refused.standing;
        match &refused.by {
            RefusedBy::Contended => Self { refusal: Refusal::StoreUnavailable, rule: None, standing },
            RefusedBy::Limit { level, limit, reason } => {
                Self { refusal: refusal(level.kind, limit, reason), rule: Some(of_limit(level, limit)), standing }
            }
        }
    }
}

fn refusal(level: LevelKind, limit: &Limit, reason: &Reason) -> Refusal {
    let (spent, retry_after_ms) = match reason {
        Reason::TooSmall { .. } => (0, None),
        Reason::Spent { used, retry_after_ms, .. } => (*used, Some(*retry_after_ms)),
    };
    let (metric, amount, period) = (limit.metric, limit.amount, limit.period);
    let model = limit.model.as_ref().map(|model| grant(model).to_owned());
    if metric == Metric::Usd {
        let (spent, limit) = (NanoUsd(spent), NanoUsd(amount));
        Refusal::Budget(Budget { level, spent, limit, period, model, retry_after_ms })
    } else {
        Refusal::RateLimit(RateLimit { level, metric, amount, period, model, retry_after_ms })
    }
}

fn of_limit(at: &Level, limit: &Limit) -> String {
    let level = level(at.kind.as_str(), &at.name, limit.tier.as_deref());
    let amount = if limit.metric == Metric::Usd { NanoUsd(limit.amount).to_string() } else { limit.amount.to_string() };
    let per = if limit.period == Period::Now { " " } else { " per " };
    let model = limit.model.as_ref().map(|model| format!(" for {}", grant(model))).unwrap_or_default();
    format!("{level}: {amount} {}{per}{}{model}", limit.metric.as_str(), limit.period)
}

fn grant(grant: &Grant) -> &str {
    match grant {
        Grant::All => "all",
        Grant::Name(name) | Grant::Group(name) | Grant::Glob(name) => name,
    }
}

fn level(kind: &str, name: &str, tier: Option<&str>) -> String {
    let separator = if name.is_empty() { "" } else { " " };
    let tier = tier.map(|tier| format!(" (tier {tier})")).unwrap_or_default();
    format!("{kind}{separator}{name}{tier}")
}
