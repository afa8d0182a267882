use super::Exchange;
use super::exchange::{Outcome, Settled};
use crate::audit::{AuditRecord, BudgetAlert, Latency, Tried};
use crate::host::Host;
use crate::limits::{self, Demand};
use crate::metering::{Meter, Metered, Usage};
use crate::pricing::NanoUsd;

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
    /// Ends the request, however it ended: settles what still is reserved and writes the record. `tried` is what attempts
    /// noted, see [`Tried`].
    pub fn finish<H: Host>(&mut self, host: &H, tried: &str) -> Observation {
        let now = host.now();
        if self.status == 0 {
            self.status = CALLER_GONE;
        }
        self.settle(host, Outcome::Cut);
        let settled = self.settled.unwrap_or_default();
        let audit = self.record(now, &settled, tried).to_json();
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
        let Some(reservation) = self.reservation.take() else { return };
        let settled = self.outcome(outcome);
        let result = match settled {
            Some(settled) => limits::Outcome::Used(Demand {
                input_tokens: settled.usage.input,
                output_tokens: settled.usage.output,
                cost: settled.cost,
            }),
            None => limits::Outcome::Refund,
        };
        let written = reservation.settle(host, &self.gate.worker, result);
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
        self.settled = Some(settled.unwrap_or_default());
    }

    /// What the request came to; `None` where the provider failed and nothing is owed.
    pub(super) fn outcome(&self, outcome: Outcome) -> Option<Settled> {
        let metered = self.meter.as_ref().map(Meter::finish);
        let streamed = metered.as_ref().map_or(0, Metered::estimated_output);
        let failed = metered.as_ref().is_some_and(|metered| metered.provider_error);
        let reported = metered.as_ref().and_then(|metered| metered.usage.map(|usage| (usage, metered)));
        let (usage, estimated) = match reported {
            _ if outcome == Outcome::Failed => return None,
            // It failed before it said anything.
            None if failed && streamed == 0 => return None,
            Some((usage, _)) if failed && streamed == 0 && usage.output == 0 => return None,
            Some((usage, metered)) if metered.input_known && metered.output_known => (usage, false),
            Some((mut usage, metered)) => {
                if !metered.output_known {
                    usage.output = streamed;
                }
                if !metered.input_known {
                    usage.input = self.estimated_input;
                }
                (usage, true)
            }
            None => (Usage { input: self.estimated_input, output: streamed, ..Usage::default() }, true),
        };
        let cost = self.served.as_ref().map(|served| served.price.cost(&usage)).unwrap_or_default();
        Some(Settled { usage, cost, estimated })
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
            tried: Tried::read(tried).collect(),
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
