//! Metrics: observations into Envoy's counters and histograms. Series are made from names of the policy only, and Envoy is
//! asked for each once per worker.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::hostcalls::{self, MetricKind};
use crate::audit::{BudgetAlert, metric_name};
use crate::gate::Observation;
use crate::pricing::NanoUsd;
use crate::store::Reached;

thread_local! {
    static SERIES: RefCell<Series> = RefCell::default();
}

/// What this worker counts in.
#[derive(Default)]
struct Series {
    teams: BTreeMap<String, BTreeMap<String, OfModel>>,
    own_time: Lazy,
    version: String,
    store_there: Option<bool>,
    notes_lost: Lazy,
}

/// The metrics of one team and model.
#[derive(Default)]
struct OfModel {
    decisions: BTreeMap<&'static str, Lazy>,
    tokens: [Lazy; 5],
    cost: Lazy,
    first_token: Lazy,
}

impl OfModel {
    fn observe(&mut self, seen: &Observation) {
        let (team, model) = (("team", seen.team.as_str()), ("model", seen.model.as_str()));
        let requests = self.decisions.entry(seen.decision).or_default();
        requests.add(1, "keyward_requests_total", &[team, model, ("decision", seen.decision)]);
        let usage = &seen.usage;
        let kinds = [
            ("input", usage.input),
            ("cached", usage.cached),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ];
        for (counter, (kind, tokens)) in self.tokens.iter_mut().zip(kinds) {
            counter.add(tokens, "keyward_tokens_total", &[team, model, ("kind", kind)]);
        }
        self.cost.add(seen.cost.0, "keyward_cost_nano_usd_total", &[team, model]);
        if let Some(ms) = seen.first_token_ms {
            self.first_token.record(ms, "keyward_time_to_first_token_ms", &[team, model]);
        }
    }
}

/// A metric that is defined when it is first used.
#[derive(Default)]
struct Lazy(Option<u32>);

impl Lazy {
    fn id(&mut self, kind: MetricKind, name: &str, labels: &[(&str, &str)]) -> Option<u32> {
        if self.0.is_none() {
            self.0 = hostcalls::define_metric(kind, &metric_name(name, labels));
        }
        self.0
    }

    fn add(&mut self, by: u64, name: &str, labels: &[(&str, &str)]) {
        if by > 0
            && let Some(id) = self.id(MetricKind::Counter, name, labels)
        {
            hostcalls::increment_metric(id, by);
        }
    }

    fn record(&mut self, value: u64, name: &str, labels: &[(&str, &str)]) {
        if let Some(id) = self.id(MetricKind::Histogram, name, labels) {
            hostcalls::record_metric(id, value);
        }
    }
}

/// Runs `then` with the value kept for a name; the name is copied only the first time.
fn with<V: Default>(map: &mut BTreeMap<String, V>, name: &str, then: impl FnOnce(&mut V)) {
    match map.get_mut(name) {
        Some(value) => then(value),
        None => then(map.entry(name.to_owned()).or_default()),
    }
}

/// Shows which policy is in force: 1 for its version, 0 for the one before.
pub fn policy_in_force(version: &str) {
    let show = |version: &str, value| {
        if let Some(id) = Lazy::default().id(MetricKind::Gauge, "keyward_policy_in_force", &[("version", version)]) {
            hostcalls::record_metric(id, value);
        }
    };
    SERIES.with_borrow_mut(|series| {
        if !series.version.is_empty() && series.version != version {
            show(&series.version, 0);
        }
        show(version, 1);
        version.clone_into(&mut series.version);
    });
}

/// Shows whether the store is there, and counts the notes that found no room while it was not.
pub fn store(there: bool, lost: u64) {
    SERIES.with_borrow_mut(|series| {
        if series.store_there != Some(there)
            && let Some(id) = Lazy::default().id(MetricKind::Gauge, "keyward_store_available", &[])
        {
            hostcalls::record_metric(id, there.into());
            // From the beginning: an alert on what was never there would not fire at the first loss.
            series.notes_lost.id(MetricKind::Counter, "keyward_store_notes_lost_total", &[]);
            series.store_there = Some(there);
        }
        series.notes_lost.add(lost, "keyward_store_notes_lost_total", &[]);
    });
    if lost > 0 {
        log::error!("keyward: {lost} notes for the store were lost: there are too many to keep");
    }
}

/// Says which budgets of the fleet have reached a percentage.
pub fn reached(budgets: &[Reached]) {
    for budget in budgets {
        let alert = BudgetAlert {
            level: budget.level.replacen('.', " ", 1),
            percent: budget.percent.to_string(),
            spent: NanoUsd(budget.spent),
            limit: NanoUsd(budget.amount),
        };
        self::alert(&alert);
    }
}

fn alert(alert: &BudgetAlert) {
    log::warn!("keyward: {alert}");
    let labels = [("level", alert.level.as_str()), ("percent", alert.percent.as_str())];
    Lazy::default().add(1, "keyward_budget_alerts_total", &labels);
}

/// Counts one request.
pub fn observe(seen: &Observation) {
    SERIES.with_borrow_mut(|series| {
        if let Some(us) = seen.own_us {
            series.own_time.record(us, "keyward_filter_time_us", &[]);
        }
        with(&mut series.teams, &seen.team, |models| with(models, &seen.model, |of_model| of_model.observe(seen)));
    });
    seen.alerts.iter().for_each(alert);
}
