//! One attempt in Envoy: an upstream filter's stream.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::headers::Headers;
use super::hostcalls::{self, Buffer, Map};
use super::note;
use super::rewrite::rewrite;
use crate::audit::{Spent, Tried};
use crate::providers::attempt::{Attempt, Body, NOT_AGAIN, REFUSED, Refused, TARGET};

/// Envoy attribute: the provider that the chosen endpoint is of.
const PROVIDER: &str = "xds\0upstream_host_metadata\0filter_metadata\0keyward\0provider";

/// One attempt.
#[derive(Default)]
pub struct AttemptStream {
    attempt: Option<Attempt>,
    /// We answered in the provider's place.
    answered: bool,
    needs_body: bool,
    /// Bytes of the request's body that have come.
    size: usize,
    /// The gate's plan.
    plan: Vec<u8>,
    /// What the attempts before noted.
    tried: String,
    /// What this one last noted of its status and usage.
    noted: (Option<u16>, Option<Spent>),
    /// Bytes of the response's body that wait until it is whole.
    collected: usize,
    /// Bytes of them when it was last noted what they come to.
    reckoned: usize,
    /// The response's headers wait.
    held: bool,
    /// What is already written of a response whose headers wait.
    pending: Vec<u8>,
}

impl AttemptStream {
    /// Notes for the gate who is tried, and what came of it once that is known. An attempt that gets no answer ends without
    /// a word, so it is noted when it begins.
    fn note(&self) {
        let Some(attempt) = &self.attempt else { return };
        let (status, spent) = self.noted;
        let line = Tried { provider: attempt.provider().into(), status, spent }.line();
        note::write(&self.plan, &format!("{}{line}", self.tried));
    }

    /// Notes what is owed for the attempt, where that is news.
    fn note_spent(&mut self, spent: Option<Spent>) {
        if self.noted.1 != spent {
            self.noted.1 = spent;
            self.note();
        }
    }

    /// An attempt that its provider or a timeout breaks off ends without a word: what is owed for the part that came is noted
    /// as it comes. Each time it has doubled, so that nothing is read often.
    fn reckon(&mut self) {
        if self.collected < self.reckoned.saturating_mul(2) || self.collected == 0 {
            return;
        }
        self.reckoned = self.collected;
        let body = hostcalls::buffer(Buffer::ResponseBody, 0, self.collected).unwrap_or_default();
        let spent = self.attempt.as_ref().and_then(|attempt| attempt.spent_if_lost(&body));
        self.note_spent(spent);
    }

    fn refuse(&mut self, refused: &Refused) -> Action {
        self.answered = true;
        // Nothing was sent.
        note::write(&self.plan, &self.tried);
        let headers = [("content-type", "application/json"), (REFUSED, refused.code)];
        hostcalls::send_local_response(refused.status, "keyward_provider", headers.into_iter(), &refused.body);
        Action::Pause
    }

    /// Puts what the attempt makes of the request's body in its place.
    fn write(&mut self, size: usize) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        let body = hostcalls::buffer(Buffer::RequestBody, 0, size).unwrap_or_default();
        // What did not come whole must not be taken for a shorter body.
        let written = if body.len() == size { attempt.request_body(&body) } else { Err(attempt.body_lost()) };
        let written = match written {
            Ok(written) => written,
            Err(refused) => return self.refuse(&refused),
        };
        let (done, length) = match written {
            Body::Edited(edits) => (rewrite(&edits, &body), edits.parts(&body).map(<[u8]>::len).sum()),
            Body::Written(bytes) => {
                hostcalls::set_header(Map::Request, "content-type", "application/json");
                (hostcalls::replace_buffer(Buffer::RequestBody, &bytes), bytes.len())
            }
        };
        if !done {
            let lost = attempt.body_lost();
            return self.refuse(&lost);
        }
        hostcalls::set_header(Map::Request, "content-length", &length.to_string());
        Action::Continue
    }

    /// Puts what the attempt makes of the next piece of the response's body in its place, or of all of it.
    fn tell(&mut self, size: usize, end: bool) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if self.answered || attempt.passes() {
            return Action::Continue;
        }
        if attempt.collects() && !end {
            self.collected = size;
            self.reckon();
            return Action::Pause;
        }
        self.collected = 0;
        let piece = if size == 0 { None } else { hostcalls::buffer(Buffer::ResponseBody, 0, size) };
        let Some(told) = attempt.response_body(&piece.unwrap_or_default(), end) else { return Action::Continue };
        let spent = attempt.spent();
        if let Some(status) = told.status {
            self.pending.clear();
            // What was lost twice will be lost again, and each time costs.
            let again = Tried::read(&self.tried).any(|tried| matches!(tried.spent, Some(Spent::Lost(_))));
            if matches!(spent, Some(Spent::Lost(_))) && again {
                hostcalls::set_header(Map::Response, NOT_AGAIN, "true");
            }
            hostcalls::set_header(Map::Response, ":status", &status.to_string());
            hostcalls::set_header(Map::Response, "content-type", "application/json");
            if let Some(seconds) = told.retry_after {
                hostcalls::set_header(Map::Response, "retry-after", &seconds.to_string());
            }
            if let Some(code) = told.refused {
                hostcalls::set_header(Map::Response, REFUSED, code);
                hostcalls::set_header(Map::Response, TARGET, &attempt.target());
            }
        }
        self.note_spent(spent);
        self.pending.extend_from_slice(&told.body);
        if self.held && !told.release {
            hostcalls::replace_buffer(Buffer::ResponseBody, &[]);
            return Action::Pause;
        }
        self.held = false;
        let pending = core::mem::take(&mut self.pending);
        let written = hostcalls::replace_buffer(Buffer::ResponseBody, &pending);
        if told.of_stream && !pending.is_empty() && !written {
            // Where trailers end it nothing can be added to what has passed: neither that it broke off, nor the end that some
            // providers leave unsaid. A caller must not take it for whole.
            hostcalls::reset_response();
            return Action::Pause;
        }
        Action::Continue
    }
}

impl Context for AttemptStream {}

impl HttpContext for AttemptStream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        (self.plan, self.tried) = note::read();
        let provider = hostcalls::property(PROVIDER).and_then(|name| String::from_utf8(name).ok());
        let attempt = match Attempt::begin(&self.plan, provider.as_deref()) {
            Ok(attempt) => attempt,
            Err(refused) => return self.refuse(&refused),
        };
        let block = hostcalls::header_block(Map::Request);
        let head = attempt.request_headers(Headers::new(&block).iter());
        for name in &head.remove {
            hostcalls::remove_header(Map::Request, name);
        }
        for (name, value) in &head.set {
            hostcalls::set_header(Map::Request, name, value);
        }
        self.needs_body = head.needs_body;
        self.attempt = Some(attempt);
        self.note();
        match (self.needs_body, end_of_stream) {
            (false, _) => Action::Continue,
            (true, true) => self.write(0),
            (true, false) => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.size = size;
        if self.answered {
            return Action::Pause;
        }
        match (self.needs_body, end_of_stream) {
            (false, _) => Action::Continue,
            (true, false) => Action::Pause,
            (true, true) => self.write(size),
        }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // With trailers the body ends here, and would go out as it came.
        match (self.answered, self.needs_body) {
            (true, _) => Action::Pause,
            (false, false) => Action::Continue,
            (false, true) => self.write(self.size),
        }
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if self.answered {
            return Action::Continue;
        }
        let block = hostcalls::header_block(Map::Response);
        let head = attempt.response_headers(Headers::new(&block).iter(), end_of_stream);
        for name in &head.remove {
            hostcalls::remove_header(Map::Response, name);
        }
        for (name, value) in &head.set {
            hostcalls::set_header(Map::Response, name, value);
        }
        self.held = head.hold;
        self.noted.0 = Some(head.status);
        // A good answer that passes is the last, and the gate sees its status itself.
        if !((200..300).contains(&head.status) && attempt.passes()) {
            self.note();
        }
        if self.held { Action::Pause } else { Action::Continue }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.tell(size, end_of_stream)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        // With trailers the body ends here. What waits in Envoy can still be replaced; to what passed nothing can be added.
        self.tell(self.collected, true)
    }
}
