//! What a fake provider does with one request, step by step.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::http::Headers;

/// What the provider does with one request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code; 0 where not even a head is sent.
    pub status: u16,
    /// The header fields, without those that say how long the body is.
    pub headers: Headers,
    /// The body, step by step.
    pub steps: Vec<Step>,
    /// Chunked, or with a `content-length`.
    pub chunked: bool,
    /// What follows the body; only where it is chunked.
    pub trailers: Headers,
}

/// One step of an answer's body.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes bytes; one chunk of a chunked body.
    Send(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Waits until the test opens the latch.
    Hold(Arc<Latch>),
    /// Closes the connection in the middle of the body.
    Cut,
}

impl Answer {
    /// A JSON answer with a `content-length`.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self {
            status,
            headers,
            steps: vec![Step::Send(body.to_string().into_bytes())],
            chunked: false,
            trailers: Vec::new(),
        }
    }

    /// A stream of server-sent events, one chunk each.
    pub fn stream<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let headers = vec![("content-type".into(), "text/event-stream".into())];
        let steps = pieces.into_iter().map(|piece| Step::Send(piece.as_ref().to_vec())).collect();
        Self { status: 200, headers, steps, chunked: true, trailers: Vec::new() }
    }

    /// A body of a content type, in one piece with a `content-length`.
    pub fn whole(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self { status, headers, steps: vec![Step::Send(body.into())], chunked: false, trailers: Vec::new() }
    }

    /// No answer: the connection closes once the request is there.
    pub fn reset() -> Self {
        Self { status: 0, headers: Vec::new(), steps: vec![Step::Cut], chunked: true, trailers: Vec::new() }
    }

    /// No answer until the latch opens.
    pub fn silent(latch: &Arc<Latch>) -> Self {
        Self { steps: vec![Step::Hold(Arc::clone(latch)), Step::Cut], ..Self::reset() }
    }

    /// The same answer with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same answer, chunked and with a trailer.
    pub fn with_trailer(mut self, name: &str, value: &str) -> Self {
        self.chunked = true;
        self.trailers.push((name.into(), value.into()));
        self
    }

    /// The first `count` steps of it, and then a cut.
    pub fn cut_after(mut self, count: usize) -> Self {
        self.steps.truncate(count);
        self.then(Step::Cut)
    }

    /// The same answer with its body cut every `size` bytes.
    pub fn cut_every(mut self, size: usize) -> Self {
        let body: Vec<u8> = self.bytes();
        self.steps = body.chunks(size).map(|piece| Step::Send(piece.to_vec())).collect();
        self.chunked = true;
        self
    }

    /// The same answer with another step at its end.
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same answer with another step at its beginning, before the first byte of the body but behind the head.
    pub fn after(mut self, step: Step) -> Self {
        self.steps.insert(0, step);
        self
    }

    /// All bytes of the body.
    pub fn bytes(&self) -> Vec<u8> {
        let sent = |step: &Step| if let Step::Send(bytes) = step { bytes.clone() } else { Vec::new() };
        self.steps.iter().flat_map(sent).collect()
    }
}

/// Holds answers back until it is opened (or a minute has passed).
#[derive(Debug, Default)]
pub struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    /// A closed latch.
    pub fn closed() -> Arc<Self> {
        Arc::default()
    }

    /// Lets everybody pass.
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let open = self.open.lock().unwrap();
        let _ = self.opened.wait_timeout_while(open, Duration::from_secs(60), |open| !*open).unwrap();
    }
}
