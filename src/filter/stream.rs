use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::attempt;
use super::headers::Headers;
use super::host::Envoy;
use super::hostcalls::{self, Buffer, Map};
use super::metrics;
use super::rewrite::rewrite;
use crate::answer::Answer;
use crate::gate::{Arrival, Exchange, Forward, Gate, Head, ResponseBody};

/// Envoy attribute: why the response is what it is. `via_upstream` where a provider answered.
const CODE_DETAILS: &str = "response\0code_details";
/// Envoy attribute: the status that the caller got.
const RESPONSE_CODE: &str = "response\0code";
/// Envoy attribute: how often the request was sent upstream.
const ATTEMPTS: &str = "upstream\0request_attempt_count";
/// Headers of the caller that end here: its credential, in whichever header gateways take one, so that a key sent in two of
/// them does not reach a provider in the second; and what would make the answer unreadable for the meter.
const CALLERS_OWN: [&str; 10] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "x-litellm-api-key",
    "proxy-authorization",
    "cookie",
    "accept-encoding",
    "content-length",
];
const INTERNAL: &str = "x-keyward-";
/// Headers by which a caller could change how Envoy routes, retries and times out.
const OF_ENVOY: &str = "x-envoy-";

/// One request in Envoy.
pub struct Stream {
    gate: Option<Rc<Gate>>,
    exchange: Option<Exchange>,
    /// Bytes of the request body already scanned.
    scanned: usize,
    /// The first piece of the body: most often all of it, though Envoy tells the end by an empty piece of its own.
    first_piece: Vec<u8>,
    /// Bytes of the response body already metered, while the response is held for its cost header.
    metered: usize,
    /// We answered ourselves.
    answered: bool,
    /// The response's headers wait for its end, so that they can tell its cost.
    held: bool,
    /// A body of ours in place of Envoy's own error text.
    replacement: Option<Vec<u8>>,
}

impl Stream {
    pub fn new(gate: Option<Rc<Gate>>) -> Self {
        Self {
            gate,
            exchange: None,
            scanned: 0,
            first_piece: Vec::new(),
            metered: 0,
            answered: false,
            held: false,
            replacement: None,
        }
    }

    fn answer(&mut self, answer: &Answer) -> Action {
        self.answered = true;
        let headers = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
        hostcalls::send_local_response(answer.status, "keyward", headers, &answer.body);
        Action::Pause
    }

    /// Everything has arrived: decides, and sends the request on its way or answers it.
    fn admit(&mut self) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Pause };
        let answer = match exchange.admit(&Envoy) {
            Ok(forward) if self.forward(&forward) => return Action::Continue,
            Ok(_) => match &mut self.exchange {
                Some(exchange) => exchange.abandon(&Envoy),
                None => return Action::Pause,
            },
            Err(answer) => answer,
        };
        self.answer(&answer)
    }

    /// Whether the request could be changed as planned; if not, it must not go out.
    fn forward(&mut self, forward: &Forward) -> bool {
        if !forward.edits.is_empty() {
            let first = core::mem::take(&mut self.first_piece);
            let body = if first.len() == self.scanned {
                first
            } else {
                drop(first);
                hostcalls::buffer(Buffer::RequestBody, 0, self.scanned).unwrap_or_default()
            };
            if body.len() != self.scanned || !rewrite(&forward.edits, &body) {
                return false;
            }
        }
        for (name, value) in &forward.headers {
            hostcalls::set_header(Map::Request, name, value);
        }
        // It was taken away while the body could still change. Not every model server takes a body without it.
        hostcalls::set_header(Map::Request, "content-length", &forward.edits.length_of(self.scanned).to_string());
        hostcalls::set_property(attempt::PLAN, &forward.plan);
        true
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some(gate) = self.gate.clone() else { return Action::Pause };
        let block = hostcalls::header_block(Map::Request);
        let headers = Headers::new(&block);
        for (name, _) in headers.iter() {
            if name.starts_with(INTERNAL) || name.starts_with(OF_ENVOY) || CALLERS_OWN.contains(&name) {
                hostcalls::remove_header(Map::Request, name);
            }
        }
        let (exchange, arrival) = Exchange::arrive(gate, &Envoy, &Head::read(headers.iter()), headers.iter());
        self.exchange = Some(exchange);
        match arrival {
            Arrival::Answered(answer) => self.answer(&answer),
            Arrival::ReadBody if end_of_stream => self.admit(),
            Arrival::ReadBody => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Pause };
        if self.answered {
            return Action::Pause;
        }
        let first = self.scanned == 0;
        let fresh = size.saturating_sub(self.scanned);
        let piece = if fresh == 0 {
            Vec::new()
        } else {
            hostcalls::buffer(Buffer::RequestBody, self.scanned, fresh).unwrap_or_default()
        };
        self.scanned = size;
        // What could not be read whole must not pass for a shorter body.
        let read = if piece.len() == fresh { exchange.body(&Envoy, &piece) } else { Err(exchange.abandon(&Envoy)) };
        if let Err(answer) = read {
            return self.answer(&answer);
        }
        if first {
            self.first_piece = piece;
        }
        if end_of_stream { self.admit() } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if self.answered { Action::Pause } else { self.admit() }
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        if self.answered {
            return Action::Continue;
        }
        let block = hostcalls::header_block(Map::Response);
        let head = exchange.response_headers(
            &Envoy,
            Headers::new(&block).iter(),
            end_of_stream,
            || hostcalls::property(CODE_DETAILS).is_some_and(|details| details == b"via_upstream"),
            || hostcalls::property(ATTEMPTS).and_then(|count| number(&count)),
        );
        // In this order: a provider's own rate-limit headers go, and ours of the same names come.
        for name in &head.remove {
            hostcalls::remove_header(Map::Response, name);
        }
        for (name, value) in &head.set {
            hostcalls::set_header(Map::Response, name, value);
        }
        self.replacement = head.body;
        self.held = head.hold;
        if self.held { Action::Pause } else { Action::Continue }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        if self.answered {
            return Action::Continue;
        }
        if let Some(body) = self.replacement.take() {
            hostcalls::replace_buffer(Buffer::ResponseBody, &body);
            return Action::Continue;
        }
        let from = if self.held { self.metered } else { 0 };
        let fresh = size.saturating_sub(from);
        let piece = if fresh == 0 {
            Vec::new()
        } else {
            hostcalls::buffer(Buffer::ResponseBody, from, fresh).unwrap_or_default()
        };
        self.metered = size;
        match exchange.response_body(&Envoy, &piece, end_of_stream) {
            ResponseBody::Pass => {}
            ResponseBody::Replace(bytes) => {
                hostcalls::replace_buffer(Buffer::ResponseBody, &bytes);
            }
        }
        if !self.held {
            return Action::Continue;
        }
        if !end_of_stream && size < ResponseBody::LARGEST_HELD {
            return Action::Pause;
        }
        if let Some(cost) = exchange.cost_header() {
            hostcalls::set_header(Map::Response, "x-keyward-cost-usd", &cost);
        }
        self.held = false;
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        if let Some(exchange) = &mut self.exchange
            && self.held
        {
            exchange.response_body(&Envoy, &[], true);
            if let Some(cost) = exchange.cost_header() {
                hostcalls::set_header(Map::Response, "x-keyward-cost-usd", &cost);
            }
            self.held = false;
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        if self.held {
            // The answer broke off while it was held, and Envoy answered by itself, past all filters; or the caller is gone.
            exchange.answer_lost(&Envoy, status_told());
        }
        let tried =
            hostcalls::property(attempt::TRIED).and_then(|lines| String::from_utf8(lines).ok()).unwrap_or_default();
        let observation = exchange.finish(&Envoy, &tried);
        hostcalls::set_property("keyward.audit", &observation.audit);
        metrics::observe(&observation);
    }
}

fn status_told() -> Option<u16> {
    u16::try_from(hostcalls::property(RESPONSE_CODE).and_then(|code| number(&code))?).ok()
}

/// Attributes that are numbers come as eight little-endian bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}
