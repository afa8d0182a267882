use super::line::Line;
use super::tried::Tried;
use crate::pricing::NanoUsd;

/// One request, as Envoy's access loggers write it: a JSON object.
#[derive(Debug, Default)]
pub struct AuditRecord<'r> {
    /// When the request arrived, RFC 3339 in UTC.
    pub time: String,
    /// Envoy's `x-request-id`.
    pub request_id: &'r str,
    /// The key's name, where the key is known.
    pub key_id: Option<&'r str>,
    /// Organisation of the key's team.
    pub org: Option<&'r str>,
    /// Team of the key.
    pub team: Option<&'r str>,
    /// Project of the key.
    pub project: Option<&'r str>,
    /// Person or service the key belongs to.
    pub user: Option<&'r str>,
    /// Environment of the key.
    pub environment: Option<&'r str>,
    /// The end user the body names.
    pub end_user: Option<&'r str>,
    /// What was asked for.
    pub endpoint: Option<&'static str>,
    /// The model as called, bounded.
    pub model: Option<&'r str>,
    /// The provider that answered.
    pub provider: Option<&'r str>,
    /// The provider's model name.
    pub provider_model: Option<&'r str>,
    /// How often a provider was tried.
    pub attempts: u64,
    /// Each attempt, in order, where the provider role made them.
    pub tried: Vec<Tried<'r>>,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// HTTP status answered; 499 where the caller hung up before there was one.
    pub status: u16,
    /// `allowed`, or the error code.
    pub decision: &'static str,
    /// Which level and limit, grant or deny decided against the request.
    pub rule: Option<&'r str>,
    /// All of the input, cached and cache writes included.
    pub input_tokens: u64,
    /// Input read from a cache.
    pub cached_tokens: u64,
    /// Input written to a cache.
    pub cache_write_tokens: u64,
    /// All of the output, reasoning included.
    pub output_tokens: u64,
    /// Reasoning.
    pub reasoning_tokens: u64,
    /// What the request cost, an exact decimal in US dollars.
    pub cost_usd: NanoUsd,
    /// Whether the tokens are an estimate: the provider never said, or was cut short.
    pub estimated: bool,
    /// What was reserved before the request went out, an exact decimal in US dollars.
    pub reserved_usd: NanoUsd,
    /// Where the time went.
    pub latency_us: Latency,
}

/// Microseconds spent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// Finding out who calls.
    pub auth: u64,
    /// Deciding and reserving, once the body was complete.
    pub reserve: u64,
    /// From sending the request on to the provider's response headers.
    pub upstream: Option<u64>,
    /// From the arrival of the request to the first token.
    pub first_token: Option<u64>,
    /// From the arrival of the request to the end of the answer.
    pub total: u64,
}

impl AuditRecord<'_> {
    /// The record as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut line = Line::open();
        line.text("time", Some(&self.time));
        line.text("request_id", Some(self.request_id));
        line.text("key_id", self.key_id);
        line.text("org", self.org);
        line.text("team", self.team);
        line.text("project", self.project);
        line.text("user", self.user);
        line.text("environment", self.environment);
        line.text("end_user", self.end_user);
        line.text("endpoint", self.endpoint);
        line.text("model", self.model);
        line.text("provider", self.provider);
        line.text("provider_model", self.provider_model);
        line.number("attempts", self.attempts);
        line.objects("tried", &self.tried, |line, tried| {
            line.text("provider", Some(&tried.provider));
            line.number("status", tried.status.map(u64::from));
        });
        line.flag("stream", self.stream);
        line.number("status", u64::from(self.status));
        line.text("decision", Some(self.decision));
        line.text("rule", self.rule);
        line.number("input_tokens", self.input_tokens);
        line.number("cached_tokens", self.cached_tokens);
        line.number("cache_write_tokens", self.cache_write_tokens);
        line.number("output_tokens", self.output_tokens);
        line.number("reasoning_tokens", self.reasoning_tokens);
        line.text("cost_usd", Some(self.cost_usd.decimal().as_str()));
        line.flag("estimated", self.estimated);
        line.text("reserved_usd", Some(self.reserved_usd.decimal().as_str()));
        let latency = &self.latency_us;
        line.object("latency_us", |line| {
            line.number("auth", latency.auth);
            line.number("reserve", latency.reserve);
            line.number("upstream", latency.upstream);
            line.number("first_token", latency.first_token);
            line.number("total", latency.total);
        });
        line.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json_whatever_a_caller_sent() {
        let record = AuditRecord {
            model: Some("a\"b\n\u{2028}"),
            cost_usd: NanoUsd(1_500_000_001),
            latency_us: Latency { upstream: Some(7), ..Latency::default() },
            ..AuditRecord::default()
        };
        let line = record.to_json();
        assert!(!line.contains(&b'\n'));
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["model"], "a\"b\n\u{2028}");
        assert_eq!(read["cost_usd"], "1.500000001");
        assert_eq!(read["reserved_usd"], "0");
        assert_eq!(read["latency_us"]["upstream"], 7);
        assert!(read["latency_us"]["first_token"].is_null() && read["team"].is_null());
        assert_eq!(read.as_object().map(serde_json::Map::len), Some(28));
    }
}
