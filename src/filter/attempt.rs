//! One attempt in Envoy: an upstream filter's stream.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::headers::Headers;
use super::hostcalls::{self, Buffer, Map};
use super::rewrite::rewrite;
use crate::audit::Tried;
use crate::providers::attempt::{Attempt, Body, REFUSED, Refused};

/// Filter state: the plan, written by the gate.
pub const PLAN: &str = "keyward.plan";
/// Filter state: who was tried so far, and what came of it.
pub const TRIED: &str = "keyward.tried";
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
    /// What the attempts before noted.
    tried: Vec<u8>,
    /// The response's headers wait.
    held: bool,
    /// What is already written of a response whose headers wait.
    pending: Vec<u8>,
}

impl AttemptStream {
    /// Notes for the gate who is tried, and what came of it once that is known. An attempt that gets no answer ends without
    /// a word, so it is noted when it begins.
    fn note(&self, status: Option<u16>) {
        let Some(attempt) = &self.attempt else { return };
        let line = Tried { provider: attempt.provider().into(), status }.line();
        hostcalls::set_property(TRIED, &[self.tried.as_slice(), line.as_bytes()].concat());
    }

    fn refuse(&mut self, refused: &Refused) -> Action {
        self.answered = true;
        // Nothing was sent.
        hostcalls::set_property(TRIED, &self.tried);
        let headers = [("content-type", "application/json"), (REFUSED, refused.code)];
        hostcalls::send_local_response(refused.status, "keyward_provider", headers.into_iter(), &refused.body);
        Action::Pause
    }

    /// Puts what the attempt makes of the request's body in its place.
    fn write(&mut self, size: usize) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        let body = hostcalls::buffer(Buffer::RequestBody, 0, size).unwrap_or_default();
        let written = match attempt.request_body(&body) {
            Ok(written) if body.len() == size => written,
            Ok(_) => return Action::Pause,
            Err(refused) => return self.refuse(&refused),
        };
        let (done, length) = match written {
            Body::Edited(edits) => (rewrite(&edits, &body), edits.parts(&body).map(<[u8]>::len).sum()),
            Body::Written(bytes) => {
                hostcalls::set_header(Map::Request, "content-type", "application/json");
                (hostcalls::replace_buffer(Buffer::RequestBody, &bytes), bytes.len())
            }
        };
        hostcalls::set_header(Map::Request, "content-length", &length.to_string());
        if done { Action::Continue } else { Action::Pause }
    }
}

impl Context for AttemptStream {}

impl HttpContext for AttemptStream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let plan = hostcalls::property(PLAN).unwrap_or_default();
        let provider = hostcalls::property(PROVIDER).and_then(|name| String::from_utf8(name).ok());
        let attempt = match Attempt::begin(&plan, provider.as_deref()) {
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
        self.tried = hostcalls::property(TRIED).unwrap_or_default();
        self.note(None);
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
        self.note(Some(head.status));
        if self.held { Action::Pause } else { Action::Continue }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if self.answered || attempt.passes() {
            return Action::Continue;
        }
        if attempt.collects() && !end_of_stream {
            return Action::Pause;
        }
        let piece = hostcalls::buffer(Buffer::ResponseBody, 0, size).unwrap_or_default();
        let Some(told) = attempt.response_body(&piece, end_of_stream) else { return Action::Continue };
        if let Some(status) = told.status {
            self.pending.clear();
            hostcalls::set_header(Map::Response, ":status", &status.to_string());
            hostcalls::set_header(Map::Response, "content-type", "application/json");
        }
        self.pending.extend_from_slice(&told.body);
        if self.held && !told.release {
            hostcalls::replace_buffer(Buffer::ResponseBody, &[]);
            return Action::Pause;
        }
        self.held = false;
        hostcalls::replace_buffer(Buffer::ResponseBody, &core::mem::take(&mut self.pending));
        Action::Continue
    }
}
