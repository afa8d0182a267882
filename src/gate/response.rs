use super::{Exchange, exchange::Outcome};
use crate::answer::{Refusal, rate_limit_headers};
use crate::host::Host;
use crate::limits::Standing;
use crate::metering::{BodyKind, Dialect, Meter, Passed};
use crate::providers::attempt::{self, NOT_AGAIN, REFUSED, TARGET};
use crate::request::{Endpoint, Shape};

/// What becomes of the response's headers.
#[derive(Debug, Default)]
pub struct ResponseHead {
    /// Headers to set.
    pub set: Vec<(&'static str, String)>,
    /// Headers to remove.
    pub remove: Vec<String>,
    /// A body in place of the one that comes, or where none does.
    pub body: Option<Vec<u8>>,
    /// Hold the headers back until the body is complete, so that they can tell what it cost.
    pub hold: bool,
}

/// What becomes of a piece of the response's body.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// It passes as it is.
    Pass,
    /// These bytes pass in its place.
    Replace(Vec<u8>),
}

impl ResponseBody {
    /// An answer that grows beyond this is not held for its cost header any more: half of what Envoy buffers at least.
    pub const LARGEST_HELD: usize = 512 << 10;
}

/// Set by Envoy where the virtual host has `include_attempt_count_in_response`.
const ATTEMPTS: &str = "x-envoy-attempt-count";

/// What the request cost; also set where the answer had to be waited for.
const COST: &str = "x-keyward-cost-usd";

/// What the headers of a response say.
#[derive(Debug, Default)]
struct Seen<'h> {
    status: u16,
    content_type: &'h str,
    encoded: bool,
    attempts: Option<u64>,
    /// Which target answered, where an attempt says so.
    target: Option<u16>,
    /// The error code, where an attempt answered in a provider's place.
    refused: Option<&'static str>,
    /// Headers that are ours to set, whoever set them.
    ours: Vec<&'h str>,
}

impl Exchange {
    /// Takes up the provider's response, or Envoy's own where there is none, at its headers. `from_provider` says which, and
    /// `attempts` how often an upstream was tried; both are asked only where the headers do not tell.
    pub fn response_headers<'h, H: Host>(
        &mut self,
        host: &H,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        end_of_stream: bool,
        from_provider: impl FnOnce() -> bool,
        attempts: impl FnOnce() -> Option<u64>,
    ) -> ResponseHead {
        self.clock.answered = host.now();
        let seen = Seen::read(headers);
        self.status = seen.status;
        if let Some(other) = self.fallbacks.iter_mut().find(|served| Some(served.target) == seen.target)
            && let Some(first) = &mut self.served
        {
            core::mem::swap(other, first);
        }
        let failed = !(200..300).contains(&seen.status);
        if let Some(code) = seen.refused {
            self.decision = code;
        }
        let answered = !failed || seen.refused.is_some() || from_provider();
        // A provider that answered was tried; where Envoy found none, it may be that not even that was done.
        let attempts = seen.attempts.or_else(attempts).unwrap_or(0).max(u64::from(answered));
        // An attempt that answered by itself has sent nothing, and says no target.
        let unsent = seen.refused.is_some() && seen.target.is_none();
        self.attempts = attempts.saturating_sub(u64::from(unsent));
        let mut head = ResponseHead { set: self.known_caller_headers(host), ..ResponseHead::default() };
        head.remove.extend(seen.ours.iter().map(|name| (*name).to_owned()));
        if failed {
            self.settle(host, Outcome::Failed);
            head.set.extend(self.cost_header().map(|cost| (COST, cost)));
            if !answered {
                let shape = self.endpoint.map_or(Shape::OpenAi, Endpoint::shape);
                let refusal = Refusal::ProviderFailed { status: seen.status };
                self.decision = refusal.code();
                let answer = refusal.answer(shape, &self.request_id);
                head.set.extend(answer.headers);
                head.remove.push("content-length".to_owned());
                head.body = Some(answer.body);
            } else if end_of_stream && seen.status >= 400 {
                let endpoint = self.endpoint.unwrap_or(Endpoint::Chat);
                head.set.push(("content-type", "application/json".to_owned()));
                head.body = Some(attempt::of_status(seen.status, seen.refused, endpoint, &self.request_id));
            }
            return head;
        }
        let kind = self.body_kind(&seen);
        let strip = self.strip_usage && kind == BodyKind::Sse;
        if strip {
            head.remove.push("content-length".to_owned());
        }
        let dialect = self.endpoint.map_or(Dialect::Other, Dialect::from);
        self.meter = Some(Meter::new(dialect, kind, strip));
        if end_of_stream {
            self.settle(host, Outcome::Answered);
            head.set.extend(self.cost_header().map(|cost| (COST, cost)));
        }
        if kind == BodyKind::Other && !dialect.generates() && !end_of_stream {
            // Nothing of it will be read: what it costs is known already.
            head.set.extend(self.outcome(host, Outcome::Answered).map(|settled| (COST, settled.cost.to_string())));
        }
        let whole = kind == BodyKind::Json || (kind == BodyKind::Other && dialect.generates() && !self.stream);
        head.hold = whole && !end_of_stream;
        let start = self.clock.own.map(|_| self.clock.answered);
        self.clock.stop(host, start);
        head
    }

    /// The form of an answer. One that does not say what it is, or says so wrongly, is what was asked for.
    fn body_kind(&self, seen: &Seen<'_>) -> BodyKind {
        if seen.encoded {
            return BodyKind::Other;
        }
        match BodyKind::of_content_type(seen.content_type) {
            BodyKind::Other if self.endpoint.is_some_and(Endpoint::answers_in_json) => {
                if self.stream {
                    BodyKind::Sse
                } else {
                    BodyKind::Json
                }
            }
            told => told,
        }
    }

    /// No byte of the provider's answer passed: it broke off, and the caller got an answer of Envoy's with that `status` in
    /// its place, or the caller hung up. In the latter case the status, if there is one, still is the provider's own, and
    /// what was generated until then is owed: hanging up must not be a way to use a provider for nothing.
    pub fn answer_lost<H: Host>(&mut self, host: &H, status: Option<u16>) {
        self.status = status.filter(|status| *status >= 500).unwrap_or(0);
        if self.status != 0 {
            self.decision = Refusal::ProviderFailed { status: self.status }.code();
            self.settle(host, Outcome::Failed);
        }
    }

    /// Meters a piece of the response's body; settles with the last.
    pub fn response_body<H: Host>(&mut self, host: &H, piece: &[u8], end: bool) -> ResponseBody {
        let Some(meter) = &mut self.meter else { return ResponseBody::Pass };
        let start = self.clock.start(host);
        let passed = meter.feed(piece, end);
        if self.stream && self.clock.first_token == 0 && meter.first_token_seen() {
            self.clock.first_token = start.unwrap_or_else(|| host.now());
        }
        if end {
            self.settle(host, Outcome::Answered);
        }
        self.clock.stop(host, start);
        match passed {
            Passed::Unchanged => ResponseBody::Pass,
            Passed::Replaced(bytes) => ResponseBody::Replace(bytes),
        }
    }

    /// What the request cost, once that is known.
    #[must_use]
    pub fn cost_header(&self) -> Option<String> {
        self.settled.map(|settled| settled.cost.to_string())
    }

    /// Headers of every answer to a known key.
    pub(super) fn known_caller_headers<H: Host>(&self, host: &H) -> Vec<(&'static str, String)> {
        let standing = self.standing(host);
        let triple = |headroom: &crate::limits::Headroom| (headroom.limit, headroom.remaining, headroom.reset_ms);
        let mut headers =
            rate_limit_headers(standing.requests.as_ref().map(triple), standing.tokens.as_ref().map(triple));
        headers.push(("x-keyward-request-id", self.request_id.clone()));
        // Only a name that the catalog knows: it holds no control characters.
        if let (Some(model), Some(_)) = (&self.model, &self.entry) {
            headers.push(("x-keyward-model", model.clone()));
        }
        if let Some(served) = &self.served {
            headers.push(("x-keyward-provider", served.provider.clone()));
        }
        headers.push(("x-keyward-attempts", self.attempts.to_string()));
        headers
    }
}

impl Exchange {
    /// How the key stands with its limits: as of the reservation, or as it is where nothing was reserved.
    fn standing<H: Host>(&self, host: &H) -> Standing {
        match (&self.standing, &self.key) {
            (Some(standing), _) => *standing,
            (None, Some(key)) => self.gate.peek(host, key),
            (None, None) => Standing::default(),
        }
    }
}

impl<'h> Seen<'h> {
    fn read(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            let text = core::str::from_utf8(value).unwrap_or_default();
            match name {
                ":status" => seen.status = text.parse().unwrap_or(0),
                "content-type" => seen.content_type = text,
                "content-encoding" => seen.encoded = !matches!(text, "" | "identity"),
                REFUSED => {
                    let bad_request = text == "invalid_request";
                    seen.refused = Some(if bad_request { "invalid_request" } else { "provider_unavailable" });
                    seen.ours.push(name);
                }
                TARGET => {
                    seen.target = text.parse().ok();
                    seen.ours.push(name);
                }
                ATTEMPTS => {
                    seen.attempts = text.parse().ok();
                    seen.ours.push(name);
                }
                _ if name == NOT_AGAIN || name.starts_with("x-ratelimit-") || name.starts_with("x-keyward-") => {
                    seen.ours.push(name)
                }
                _ => {}
            }
        }
        seen
    }
}
