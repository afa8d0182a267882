use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::headers::Headers;
use super::host::Envoy;
use super::hostcalls::{self, Buffer, Map};
use super::lookup::{self, Waiter};
use super::metrics;
use super::note;
use super::rewrite::rewrite;
use crate::answer::Answer;
use crate::gate::{Answered, Arrival, Exchange, Forward, Gate, Head, ResponseBody, ResponseHead};
use crate::store::Question;

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
/// Headers that Envoy writes anew where it answers itself.
const OF_A_BODY: [&str; 7] =
    ["content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"];
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
    /// Its key is being looked up. The body comes meanwhile.
    waiting: bool,
    /// Bytes of the body that have come, and whether those are all, while it waits.
    come: usize,
    complete: bool,
    /// The root goes on with it.
    pub by_root: bool,
    me: Waiter,
}

impl Stream {
    pub fn new(gate: Option<Rc<Gate>>, me: Waiter) -> Self {
        Self {
            gate,
            exchange: None,
            scanned: 0,
            first_piece: Vec::new(),
            metered: 0,
            answered: false,
            held: false,
            replacement: None,
            waiting: false,
            come: 0,
            complete: false,
            by_root: false,
            me,
        }
    }

    fn answer(&mut self, answer: &Answer) -> Action {
        self.answered = true;
        let headers = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
        hostcalls::send_local_response(answer.status, "keyward", headers, &answer.body);
        Action::Pause
    }

    /// Puts a body to an error that came without one. At its headers Envoy takes one only with an answer of ours, which then
    /// has to say what the headers said.
    fn answer_empty(&mut self, block: &[u8], head: &ResponseHead, body: &[u8]) -> Action {
        self.answered = true;
        let (mut status, mut headers) = (502, Vec::new());
        for (name, value) in Headers::new(block).iter() {
            let Ok(value) = core::str::from_utf8(value) else { continue };
            let gone = head.remove.iter().any(|gone| gone == name) || head.set.iter().any(|(set, _)| *set == name);
            match name {
                ":status" => status = value.parse().unwrap_or(status),
                _ if gone || OF_A_BODY.contains(&name) || name.starts_with(':') => {}
                _ => headers.push((name, value)),
            }
        }
        headers.extend(head.set.iter().map(|(name, value)| (*name, value.as_str())));
        hostcalls::send_local_response(status, "keyward", headers.into_iter(), body);
        Action::Pause
    }

    /// A lease runs low: more of it comes before somebody has to wait, if the root asks now.
    fn hurry(&self) {
        if self.gate.as_ref().is_some_and(|gate| gate.client().hurries()) {
            lookup::call_root();
        }
    }

    /// Everything has arrived: decides, and sends the request on its way or answers it.
    fn admit(&mut self) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Pause };
        let answer = match exchange.admit(&Envoy) {
            Ok(forward) if self.forward(&forward) => match &forward.question {
                None => {
                    self.hurry();
                    return Action::Continue;
                }
                Some(question) => return self.ask(question),
            },
            Ok(_) => match &mut self.exchange {
                Some(exchange) => exchange.abandon(&Envoy),
                None => return Action::Pause,
            },
            Err(answer) => answer,
        };
        self.answer(&answer)
    }

    /// Asks the store; the request waits for the answer, ready to go.
    fn ask(&mut self, question: &Question) -> Action {
        let asked = if self.by_root { lookup::ask(question, &self.me) } else { hostcalls::ask(question).is_some() };
        if asked { Action::Pause } else { self.asked(0, &[]) }
    }

    /// Takes the store's answer.
    pub fn asked(&mut self, status: u16, body: &[u8]) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Pause };
        match exchange.asked(&Envoy, status, body) {
            Answered::Go => {
                self.hurry();
                Action::Continue
            }
            Answered::Again(question) => self.ask(&question),
            Answered::Refused(answer) => self.answer(&answer),
        }
    }

    /// Goes on when its key has been looked up, with what came of the body meanwhile.
    pub fn looked_up(&mut self) -> Action {
        let Some(exchange) = self.exchange.as_mut().filter(|_| self.waiting) else { return Action::Pause };
        self.waiting = false;
        match exchange.looked_up(&Envoy) {
            Arrival::Answered(answer) => self.answer(&answer),
            Arrival::ReadBody if self.come > 0 => self.read(self.come, self.complete),
            Arrival::ReadBody if self.complete => self.admit(),
            Arrival::ReadBody | Arrival::LookUp { .. } => Action::Pause,
        }
    }

    /// Reads what has come of the body, `size` bytes in all.
    fn read(&mut self, size: usize, complete: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Pause };
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
        if complete { self.admit() } else { Action::Pause }
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
        note::write(&forward.plan, "");
        true
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, _: usize, size: usize, _: usize) {
        let (status, body) = hostcalls::call_response(size);
        if self.asked(status, &body) == Action::Continue {
            hostcalls::resume_request();
        }
    }
}

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
        let (exchange, arrival) =
            Exchange::arrive(Rc::clone(&gate), &Envoy, &Head::read(headers.iter()), headers.iter());
        self.exchange = Some(exchange);
        match arrival {
            Arrival::Answered(answer) => self.answer(&answer),
            Arrival::ReadBody if end_of_stream => self.admit(),
            Arrival::ReadBody => Action::Pause,
            Arrival::LookUp { hash, ask } => {
                (self.waiting, self.complete) = (true, end_of_stream);
                lookup::wait(&gate, hash, ask, self.me.clone());
                Action::Pause
            }
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.answered {
            return Action::Pause;
        }
        if self.waiting {
            (self.come, self.complete) = (size, end_of_stream);
            return Action::Pause;
        }
        self.read(size, end_of_stream)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if self.answered {
            return Action::Pause;
        }
        if self.waiting {
            self.complete = true;
            return Action::Pause;
        }
        self.admit()
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
        if end_of_stream && let Some(body) = &head.body {
            return self.answer_empty(&block, &head, body);
        }
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
        let Some(exchange) = self.exchange.as_mut().filter(|_| !self.answered) else { return Action::Continue };
        // With trailers the body ends here.
        exchange.response_body(&Envoy, &[], true);
        if core::mem::take(&mut self.held)
            && let Some(cost) = exchange.cost_header()
        {
            hostcalls::set_header(Map::Response, "x-keyward-cost-usd", &cost);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        self.waiting = false;
        let Some(exchange) = &mut self.exchange else { return };
        if self.held {
            // The answer broke off while it was held, and Envoy answered by itself, past all filters; or the caller is gone.
            exchange.answer_lost(&Envoy, status_told());
        }
        let observation = exchange.finish(&Envoy);
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
