//! Resolves what levels and tiers state: rules, limits, caps.

use std::collections::HashMap;

use super::catalog::{Names, unique};
use super::decode::{At, Field};
use super::diagnostic::Sink;
use super::document::{Level as LevelDoc, Limit as LimitDoc};
use super::scalar::Count;
use crate::policy::{EndpointSet, Level, LevelKind, Limit, Metric, Period, Reserve, Rules};

/// Alerts of a level that states none.
const DEFAULT_ALERTS: [u8; 2] = [80, 100];

/// What one source (a level's own fields, or a tier) states.
#[derive(Debug, Clone, Default)]
pub struct Stated {
    rules: Rules,
    limits: Vec<Limit>,
    max_request_bytes: Option<u64>,
    max_output_tokens: Option<u64>,
    reserve: Option<Reserve>,
    alerts: Option<Vec<u8>>,
}

impl Stated {
    /// Checks and resolves the fields of a level.
    pub fn resolve(doc: &LevelDoc, names: &mut Names<'_>, sink: &mut Sink) -> Self {
        let endpoints = doc.endpoints.get().map(|list| {
            unique(&list.0, |endpoint| endpoint.as_str().into(), sink);
            list.0.iter().fold(EndpointSet::default(), |set, endpoint| set.with(endpoint.value))
        });
        let alerts = doc.alerts.get().map(|list| {
            unique(&list.0, |percent| percent.0.to_string(), sink);
            let mut alerts: Vec<u8> = list.0.iter().map(|percent| percent.value.0).collect();
            alerts.sort_unstable();
            alerts
        });
        Self {
            rules: Rules {
                tier: None,
                models: doc.models.get().map(|list| names.grants(list, sink)),
                deny: doc.deny.get().map(|list| names.grants(list, sink)).unwrap_or_default(),
                endpoints,
            },
            limits: limits(doc, names, sink),
            max_request_bytes: doc.max_request_bytes.get().map(|cap| cap.0),
            max_output_tokens: doc.max_output_tokens.get().map(|cap| cap.0),
            reserve: doc.reserve.get().copied(),
            alerts,
        }
    }

    fn is_empty(&self) -> bool {
        !states_rules(&self.rules)
            && self.limits.is_empty()
            && self.max_request_bytes.is_none()
            && self.max_output_tokens.is_none()
            && self.reserve.is_none()
            && self.alerts.is_none()
    }

    /// The level, its tier folded in; `None` if neither states anything.
    pub fn into_level(self, kind: LevelKind, name: &str, tier: Option<(&str, &Self)>) -> Option<Level> {
        if self.is_empty() && tier.is_none_or(|(_, tier)| tier.is_empty()) {
            return None;
        }
        Some(self.fold(kind, name, tier))
    }

    /// The level, its tier folded in, also if neither states anything.
    pub fn fold(self, kind: LevelKind, name: &str, tier: Option<(&str, &Self)>) -> Level {
        let Self { rules, mut limits, mut max_request_bytes, mut max_output_tokens, mut reserve, mut alerts } = self;
        let mut all_rules: Vec<Rules> = Some(rules).into_iter().filter(states_rules).collect();
        if let Some((tier_name, tier)) = tier {
            if states_rules(&tier.rules) {
                all_rules.push(Rules { tier: Some(tier_name.into()), ..tier.rules.clone() });
            }
            for limit in &tier.limits {
                let from_tier = || Limit { tier: Some(tier_name.into()), ..limit.clone() };
                match limits.iter_mut().find(|own| own.slot == limit.slot) {
                    Some(own) if limit.amount < own.amount => *own = from_tier(),
                    Some(_) => {}
                    None => limits.push(from_tier()),
                }
            }
            max_request_bytes = smaller(max_request_bytes, tier.max_request_bytes);
            max_output_tokens = smaller(max_output_tokens, tier.max_output_tokens);
            reserve = reserve.or(tier.reserve);
            alerts = alerts.or_else(|| tier.alerts.clone());
        }
        if kind == LevelKind::EndUser {
            // Judged before the body says whom the request is for; what is never asked is not in the policy.
            all_rules.iter_mut().for_each(|rules| rules.endpoints = None);
            all_rules.retain(states_rules);
            max_request_bytes = None;
        }
        Level {
            kind,
            name: name.into(),
            rules: all_rules,
            limits,
            max_request_bytes,
            max_output_tokens,
            reserve: reserve.unwrap_or_default(),
            alerts: alerts.unwrap_or_else(|| DEFAULT_ALERTS.to_vec()),
        }
    }
}

const fn states_rules(rules: &Rules) -> bool {
    rules.models.is_some() || !rules.deny.is_empty() || rules.endpoints.is_some()
}

fn smaller(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

fn limits(doc: &LevelDoc, names: &mut Names<'_>, sink: &mut Sink) -> Vec<Limit> {
    let list = doc.limits.get().map(|list| list.0.as_slice()).unwrap_or_default();
    let mut seen = HashMap::new();
    let mut limits = vec![];
    for at in list {
        let Some(limit) = limit(at, names, sink) else { continue };
        if let Some(first) = seen.get(&limit.slot) {
            sink.error(at.pos, "the same limit is stated twice: same amount counted, period and model")
                .related(*first, "first stated here")
                .help("keep the tighter one");
            continue;
        }
        seen.insert(limit.slot, at.pos);
        limits.push(limit);
    }
    limits
}

fn limit(at: &At<LimitDoc>, names: &mut Names<'_>, sink: &mut Sink) -> Option<Limit> {
    let doc = &at.value;
    let count = |field: &Field<Count>, metric| (!field.is_absent()).then(|| (metric, field.get().map(|count| count.0)));
    let usd = (!doc.usd.is_absent()).then(|| (Metric::Usd, doc.usd.get().map(|usd| usd.0.0)));
    let amounts: Vec<(Metric, Option<u64>)> = [
        count(&doc.requests, Metric::Requests),
        count(&doc.tokens, Metric::Tokens),
        count(&doc.input_tokens, Metric::InputTokens),
        count(&doc.output_tokens, Metric::OutputTokens),
        usd,
        count(&doc.concurrency, Metric::Concurrency),
    ]
    .into_iter()
    .flatten()
    .collect();
    // `model: all` is the same limit as one without `model`, and counts in the same slot.
    let model = doc.model.at().filter(|pattern| pattern.value.0 != "all");
    let model = model.map(|pattern| names.grant(pattern, sink));
    let &[(metric, amount)] = amounts.as_slice() else {
        let words: Vec<&str> = amounts.iter().map(|(metric, _)| metric.as_str()).collect();
        if words.is_empty() {
            sink.error(at.pos, "a limit needs an amount")
                .help("state one of `requests`, `tokens`, `input_tokens`, `output_tokens`, `usd`, `concurrency`");
        } else {
            sink.error(at.pos, format!("a limit has one amount, this one has `{}`", words.join("` and `")))
                .help("write one limit for each");
        }
        return None;
    };
    let period = match (metric, &doc.per) {
        (Metric::Concurrency, Field::Is(per)) => {
            sink.error(per.pos, "`concurrency` has no period: it counts requests at the same time")
                .help("leave `per` out");
            return None;
        }
        (Metric::Concurrency, _) => Period::Now,
        (_, Field::Is(per)) => per.value.0,
        (_, Field::Bad) => return None,
        (_, Field::Absent) => {
            sink.error(at.pos, format!("a limit on `{}` needs the field `per`", metric.as_str()))
                .help("write `per: minute`, `day`, `month` or a duration like `30s`");
            return None;
        }
    };
    let model = match model {
        Some(unresolved) => Some(unresolved?),
        None => None,
    };
    let slot = Limit::slot_for(metric, period, model.as_ref());
    Some(Limit { metric, amount: amount?, period, model, tier: None, slot })
}
