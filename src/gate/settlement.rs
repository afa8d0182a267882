use std::rc::Rc;

use super::Exchange;
use super::exchange::{Outcome, Served, Settled};
use crate::audit::{AuditRecord, BudgetAlert, Latency, Spent, Tried};
use crate::host::Host;
use crate::limits::{self, Demand};
use crate::metering::{Counts, Meter, Metered, Usage};
use crate::pricing::NanoUsd;
use crate::store::{LedgerRow, Row};

/// What is left of a request: its audit record and what the metrics count.
#[derive(Debug)]
pub struct Observation {
    /// The audit record, one JSON object.
    pub audit: Vec<u8>,
    /// Team of the key; `-` where the key is unknown.
    pub team: String,
    /// Catalog entry; `-` where there is none.
    pub model: String,
    /// `allowed`, or the error code.
    pub decision: &'static str,
    /// Tokens.
    pub usage: Usage,
    /// Money.
    pub cost: NanoUsd,
    /// Budgets that this request brought to a percentage of theirs.
    pub alerts: Vec<BudgetAlert>,
    /// From arrival to the first token of a stream.
    pub first_token_ms: Option<u64>,
    /// Spent in the filter itself, where that was timed.
    pub own_us: Option<u64>,
}

/// The status of a caller that hung up before there was an answer.
const CALLER_GONE: u16 = 499;

impl Exchange {
    /// Ends the request, however it ended: settles what still is reserved and writes the record.
    pub fn finish<H: Host>(&mut self, host: &H) -> Observation {
        let now = host.now();
        if self.status == 0 {
            self.status = CALLER_GONE;
        }
        if let Some(waiting) = self.waiting.take() {
            self.gate.client.gave_up(host, &waiting.ask);
        }
        self.settle(host, Outcome::Cut);
        let settled = self.settled.unwrap_or_default();
        let audit = self.record(now, &settled, &host.tried()).to_json();
        let start = self.clock.own.map(|_| now);
        self.clock.stop(host, start);
        let label = |name: Option<&str>| name.unwrap_or("-").to_owned();
        Observation {
            audit,
            team: label(self.key.as_ref().and_then(|key| key.team.as_deref())),
            model: label(self.entry.as_deref()),
            decision: self.decision,
            usage: settled.usage,
            cost: settled.cost,
            alerts: core::mem::take(&mut self.alerts),
            first_token_ms: (self.clock.first_token > 0)
                .then(|| self.clock.first_token.saturating_sub(self.clock.arrived) / 1_000_000),
            own_us: self.clock.own.map(|own| own / 1000),
        }
    }

    /// Replaces the reservation by what the request came to. The first call does it, later ones find nothing to settle.
    pub(super) fn settle<H: Host>(&mut self, host: &H, outcome: Outcome) {
        let Some(taken) = self.taken.take() else { return };
        let settled = self.outcome(host, outcome);
        let result = match settled {
            Some(settled) => limits::Outcome::Used(Demand {
                input_tokens: settled.usage.input,
                output_tokens: settled.usage.output,
                cost: settled.cost,
            }),
            None => limits::Outcome::Refund,
        };
        let gate = Rc::clone(&self.gate);
        let written = gate.give_back(host, taken, result);
        if written.unwritten > 0 {
            log::error!("keyward: {} counters could not be settled: contended beyond all bounds", written.unwritten);
        }
        self.alerts.extend(written.alerts.into_iter().map(|alert| BudgetAlert {
            level: format!("{} {}", alert.kind.as_str(), alert.name).trim_end().to_owned(),
            percent: alert.percent.to_string(),
            spent: alert.spent,
            limit: alert.limit,
        }));
        if let (Some(settled), Some(key), Some(entry)) = (settled, &self.key, &self.entry)
            && !settled.estimated
        {
            self.gate.expected.borrow_mut().learn(&key.id, entry, settled.usage.output);
        }
        let settled = settled.unwrap_or_default();
        if let (Some(_), Some(key)) = (&gate.policy.store, &self.key) {
            let row = Row::of(key, self.entry.as_deref(), self.clock.arrived, &gate.policy.timezone);
            gate.client.book.borrow_mut().note(row, &LedgerRow::new(settled.usage, settled.cost), host.now());
        }
        self.settled = Some(settled);
    }

    /// What the request came to; `None` where nothing is owed.
    pub(super) fn outcome<H: Host>(&self, host: &H, outcome: Outcome) -> Option<Settled> {
        let noted = self.attempts > 1 || self.targets().any(|served| served.translated);
        let tried = if noted { host.tried() } else { String::new() };
        let tried: Vec<Tried<'_>> = Tried::read(&tried).collect();
        let told = match tried.last() {
            Some(Tried { spent: Some(Spent::Told(counts)), .. }) => Some(*counts),
            _ => None,
        };
        // What is lost was noted while it came, and no other answer has begun since.
        let lost = self.meter.is_none() && matches!(tried.last(), Some(Tried { spent: Some(Spent::Lost(_)), .. }));
        let answer = if outcome == Outcome::Failed || lost { None } else { self.answer_owed(outcome, told) };
        tried.iter().fold(answer, |settled, tried| match &tried.spent {
            Some(Spent::Lost(counts)) => Some(self.with_lost(settled.unwrap_or_default(), &tried.provider, *counts)),
            _ => settled,
        })
    }

    fn targets(&self) -> impl Iterator<Item = &Served> {
        self.served.iter().chain(&self.fallbacks)
    }

    /// What is owed for the answer that passed, or for what passed of it; `None` if it failed before it said anything.
    /// Of an answer that is translated only what its attempt was `told` counts: what it wrote into the answer has zeros where
    /// nothing is known, as Anthropic's API demands.
    fn answer_owed(&self, outcome: Outcome, told: Option<Counts>) -> Option<Settled> {
        let metered = self.meter.as_ref().map(Meter::finish);
        let streamed = metered.as_ref().map_or(0, Metered::estimated_output);
        let failed = metered.as_ref().is_some_and(|metered| metered.provider_error);
        let translated = self.served.as_ref().is_some_and(|served| served.translated);
        let cut = outcome == Outcome::Cut || failed;
        let (mut usage, input_known, output_known) = match (told, &metered) {
            (Some(counts), _) => {
                let mut usage = counts.usage();
                let (input_known, output_known) = counts.known();
                // What was counted when it broke off may not be all.
                let all = !cut || usage.output >= streamed;
                usage.output = if all { usage.output } else { streamed };
                (usage, input_known, output_known && all)
            }
            (None, Some(Metered { usage: Some(usage), input_known, output_known, .. })) if !translated => {
                (*usage, *input_known, *output_known)
            }
            (None, _) => (Usage::default(), false, false),
        };
        if failed && streamed == 0 && usage.output == 0 {
            return None;
        }
        if !output_known {
            usage.output = streamed;
        }
        if !input_known {
            usage.input = self.estimated_input;
        }
        let cost = self.served.as_ref().map(|served| served.price.cost(&usage)).unwrap_or_default();
        Some(Settled { usage, cost, estimated: !(input_known && output_known) })
    }

    /// Adds an answer that was lost, at the price of its provider.
    fn with_lost(&self, settled: Settled, provider: &str, counts: Counts) -> Settled {
        let mut usage = counts.usage();
        if !counts.known().0 {
            usage.input = self.estimated_input;
        }
        let price = self.targets().find(|served| served.provider == provider).map(|served| served.price);
        let cost = price.map(|price| price.cost(&usage)).unwrap_or_default();
        Settled {
            usage: settled.usage.plus(&usage),
            cost: NanoUsd(settled.cost.0.saturating_add(cost.0)),
            estimated: true,
        }
    }

    /// Who was tried, as attempts noted it; a good answer that passed as it was is noted by nobody.
    fn told<'r>(&self, tried: &'r str) -> Vec<Tried<'r>> {
        let mut tried: Vec<Tried<'r>> = Tried::read(tried).collect();
        if let Some(last) = tried.last_mut()
            && last.status.is_none()
            && (200..300).contains(&self.status)
        {
            last.status = Some(self.status);
        }
        tried
    }

    fn record<'r>(&'r self, now: u64, settled: &Settled, tried: &'r str) -> AuditRecord<'r> {
        let clock = &self.clock;
        let us = |from: u64, to: u64| to.saturating_sub(from) / 1000;
        let after = |moment: u64, from: u64| (moment > 0).then(|| us(from, moment));
        let key = self.key.as_deref().or(self.refused_key.as_deref());
        let arrived = i128::from(clock.arrived);
        let time = jiff::Timestamp::from_nanosecond(arrived.saturating_sub(arrived % 1_000_000)).unwrap_or_default();
        AuditRecord {
            time: time.to_string(),
            request_id: &self.request_id,
            key_id: key.map(|key| key.id.as_str()),
            org: key.and_then(|key| key.org.as_deref()),
            team: key.and_then(|key| key.team.as_deref()),
            project: key.and_then(|key| key.project.as_deref()),
            user: key.and_then(|key| key.user.as_deref()),
            environment: key.and_then(|key| key.environment.as_deref()),
            end_user: self.end_user.as_deref(),
            endpoint: self.endpoint.map(crate::request::Endpoint::as_str),
            model: self.model.as_deref(),
            provider: self.served.as_ref().map(|served| served.provider.as_str()),
            provider_model: self.served.as_ref().map(|served| served.model.as_str()),
            attempts: self.attempts,
            tried: self.told(tried),
            stream: self.stream,
            status: self.status,
            decision: self.decision,
            rule: self.rule.as_deref(),
            input_tokens: settled.usage.input,
            cached_tokens: settled.usage.cached,
            cache_write_tokens: settled.usage.cache_write,
            output_tokens: settled.usage.output,
            reasoning_tokens: settled.usage.reasoning,
            cost_usd: settled.cost,
            estimated: settled.estimated,
            reserved_usd: self.reserved,
            latency_us: Latency {
                auth: after(clock.authenticated, clock.arrived).unwrap_or(0),
                reserve: after(clock.forwarded, clock.body_complete).unwrap_or(0),
                upstream: after(clock.answered, clock.forwarded).filter(|_| clock.forwarded > 0),
                first_token: after(clock.first_token, clock.arrived),
                total: us(clock.arrived, now),
            },
        }
    }
}
