//! A limit that decided against a request, for the caller and for the audit record.

use crate::answer::{Budget, RateLimit, Refusal};
use crate::limits::{Reason, Refused, RefusedBy, Standing};
use crate::policy::{LevelKind, Limit, Metric};
use crate::pricing::NanoUsd;

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
                let rule = format!("{}: {limit}", level.source(limit.tier.as_deref()));
                Self { refusal: refusal(level.kind, limit, reason), rule: Some(rule), standing }
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
    let model = limit.model.as_ref().map(ToString::to_string);
    if metric == Metric::Usd {
        let (spent, limit) = (NanoUsd(spent), NanoUsd(amount));
        Refusal::Budget(Budget { level, spent, limit, period, model, retry_after_ms })
    } else {
        Refusal::RateLimit(RateLimit { level, metric, amount, period, model, retry_after_ms })
    }
}
