//! One request to the gateway under test, and all that is known of its answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::gateway::Gateway;
use super::http::{self, Body, Connection, Response};
use super::policy;
use super::provider::{Answer, Received, SCENARIO};

/// A request about to be sent.
#[derive(Debug, Clone)]
pub struct Call<'g> {
    gateway: &'g Gateway,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    answers: Vec<(String, Answer)>,
    chunks: Option<usize>,
    trailers: http::Headers,
}

impl<'g> Call<'g> {
    /// Of chat completions, with a test's key.
    pub fn new(gateway: &'g Gateway, key: &str) -> Self {
        // Keys are named in tests, but for those that the command made.
        let headers = match key {
            "" => Vec::new(),
            _ if key.starts_with("sk-") => vec![("authorization".into(), format!("Bearer {key}"))],
            _ => vec![("authorization".into(), format!("Bearer {}", policy::key(key)))],
        };
        Self {
            gateway,
            method: "POST",
            path: "/v1/chat/completions".into(),
            headers,
            body: Vec::new(),
            answers: Vec::new(),
            chunks: None,
            trailers: Vec::new(),
        }
    }

    /// Another path, of the same method.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// `GET`, of another path.
    pub fn get(mut self, path: &str) -> Self {
        self.method = "GET";
        self.path(path)
    }

    /// One more header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A body as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A small chat completion.
    pub fn chat(self, model: &str) -> Self {
        self.json(
            &serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50 }),
        )
    }

    /// A small chat completion, streamed.
    pub fn chat_stream(self, model: &str) -> Self {
        self.json(&serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 50, "stream": true }))
    }

    /// What any provider answers to it.
    pub fn answered(self, answer: Answer) -> Self {
        self.answered_by("", answer)
    }

    /// What one provider answers to it; told again, to the next attempt.
    pub fn answered_by(mut self, provider: &str, answer: Answer) -> Self {
        self.answers.push((provider.into(), answer));
        self
    }

    /// Sends a trailer behind the body, which is chunked for it.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.into(), value.into()));
        let size = self.chunks.unwrap_or(1 << 20);
        self.in_chunks(size)
    }

    /// Sends the body in chunks of that many bytes.
    pub fn in_chunks(mut self, size: usize) -> Self {
        self.chunks = Some(size);
        self
    }

    /// Sends it and reads the whole answer.
    pub fn send(self) -> Reply<'g> {
        let gateway = self.gateway;
        let (scenario, bytes) = self.prepare();
        Reply { response: gateway.raw(&bytes), gateway, scenario }
    }

    /// Sends it and reads the whole answer; `None` where the gateway is not there, or goes away meanwhile.
    pub fn try_send(self) -> Option<Reply<'g>> {
        let gateway = self.gateway;
        let (scenario, bytes) = self.prepare();
        let response = http::exchange(gateway.address(), &bytes).ok().filter(|response| response.complete)?;
        Some(Reply { response, gateway, scenario })
    }

    /// Sends it and reads only the head of the answer.
    pub fn open(self) -> Open<'g> {
        let gateway = self.gateway;
        let (_, bytes) = self.prepare();
        let mut connection = Connection::open(gateway.address()).expect("a connection");
        connection.send(&bytes).expect("the request is taken");
        let (start, headers) = connection.head().expect("an answer").expect("a head");
        let body = Body::of(&start, &headers, true);
        Open { gateway, status: http::status(&start), headers, body, connection }
    }

    /// Sends it and hangs up without waiting for an answer.
    pub fn send_and_hang_up(self) {
        let mut connection = Connection::open(self.gateway.address()).expect("a connection");
        let (_, bytes) = self.prepare();
        let _ = connection.send(&bytes);
    }

    /// Sends it, waits for whatever comes of it, and gives what the provider received by then.
    pub fn send_and_linger(self, time: Duration) -> Vec<Received> {
        let gateway = self.gateway;
        let mut connection = Connection::open(gateway.address()).expect("a connection");
        let (scenario, bytes) = self.prepare();
        let _ = connection.send(&bytes);
        std::thread::sleep(time);
        gateway.providers().received(&scenario)
    }

    /// Gives the request a scenario of its own and writes it down.
    fn prepare(self) -> (String, Vec<u8>) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let scenario = format!("s{}", NEXT.fetch_add(1, Ordering::Relaxed));
        for (provider, answer) in self.answers {
            self.gateway.providers().script(&scenario, &provider, answer);
        }
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push((SCENARIO, &scenario));
        let bytes = match self.chunks {
            Some(size) => http::chunked_request(self.method, &self.path, &headers, &self.body, size, &self.trailers),
            None => http::request(self.method, &self.path, &headers, &self.body),
        };
        (scenario, bytes)
    }
}

/// An answer with all that is known about it.
#[derive(Debug)]
pub struct Reply<'g> {
    gateway: &'g Gateway,
    scenario: String,
    response: Response,
}

impl std::ops::Deref for Reply<'_> {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl Reply<'_> {
    /// What the provider received: one request per attempt, none if it was refused.
    pub fn received(&self) -> Vec<Received> {
        self.gateway.providers().received(&self.scenario)
    }

    /// The one request the provider received.
    pub fn forwarded(&self) -> Received {
        let received = self.received();
        let [one] = received.as_slice() else {
            panic!("{} requests at the provider: {} {}", received.len(), self.status, self.text())
        };
        one.clone()
    }

    /// Its audit record.
    pub fn audit(&self) -> Value {
        self.gateway.audit(self.header("x-keyward-request-id").expect("every answer to a known key names its request"))
    }

    /// Status and error code, in whichever API's shape; the code is empty where there is no error.
    pub fn outcome(&self) -> (u16, String) {
        let body = self.json();
        (self.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    /// A header that holds a number.
    pub fn number(&self, header: &str) -> u64 {
        let value = self.header(header).unwrap_or_else(|| panic!("no {header}: {:?}", self.headers));
        value.parse().unwrap_or_else(|_| panic!("{header}: {value}"))
    }
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Open<'g> {
    gateway: &'g Gateway,
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: http::Headers,
    body: Body,
    connection: Connection,
}

impl Open<'_> {
    /// The next piece of the body; `None` at its end or when it was cut.
    pub fn piece(&mut self) -> Option<Vec<u8>> {
        self.connection.piece(&mut self.body).ok().flatten()
    }

    /// Hangs up, and gives the audit record of what that came to.
    pub fn hang_up(self) -> Value {
        let request_id =
            http::find(&self.headers, "x-keyward-request-id").expect("the answer names its request").to_owned();
        drop(self.connection);
        self.gateway.audit(&request_id)
    }
}
