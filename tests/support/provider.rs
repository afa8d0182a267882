//! A fake provider. It answers as real ones do (see [`super::wire`]) unless the request names a scenario, and then to the
//! byte as the scenario says. It keeps what it received.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::http::{self, Connection, Headers, Message};
use super::wire;

/// The header by which a request names its scenario. Keyward passes it on like any header it does not know.
pub const SCENARIO: &str = "x-scenario";

/// What the provider does with one request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, without those that say how long the body is.
    pub headers: Headers,
    /// The body, step by step.
    pub steps: Vec<Step>,
    /// Chunked, or with a `content-length`.
    pub chunked: bool,
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
        Self { status, headers, steps: vec![Step::Send(body.to_string().into_bytes())], chunked: false }
    }

    /// A stream of server-sent events, one chunk each.
    pub fn stream<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let headers = vec![("content-type".into(), "text/event-stream".into())];
        let steps = pieces.into_iter().map(|piece| Step::Send(piece.as_ref().to_vec())).collect();
        Self { status: 200, headers, steps, chunked: true }
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

    fn wait(&self) {
        let open = self.open.lock().unwrap();
        let _ = self.opened.wait_timeout_while(open, Duration::from_secs(60), |open| !*open).unwrap();
    }
}

/// A request as the provider received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// The header fields.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Received {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    received: Mutex<HashMap<String, Vec<Received>>>,
}

/// A running fake provider. It lives as long as the process.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<State>,
}

impl Provider {
    /// Starts one on a port the system picks.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What requests of a scenario are answered.
    pub fn script(&self, scenario: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(scenario.to_owned(), answer);
    }

    /// What came of a scenario so far.
    pub fn received(&self, scenario: &str) -> Vec<Received> {
        self.state.received.lock().unwrap().get(scenario).cloned().unwrap_or_default()
    }
}

fn serve(stream: TcpStream, state: &State) -> Option<()> {
    let mut connection = Connection::over(stream).ok()?;
    while let Some(message) = connection.message(false).ok()? {
        if !message.complete {
            return None;
        }
        let Message { start, headers, body, .. } = message;
        let mut words = start.split(' ').map(str::to_owned);
        let path = words.nth(1)?;
        let received = Received { path, headers, body };
        let scenario = received.header(SCENARIO).unwrap_or_default().to_owned();
        let scripted = state.answers.lock().unwrap().get(&scenario).cloned();
        let answer = scripted.unwrap_or_else(|| wire::answer(&received));
        if !scenario.is_empty() {
            state.received.lock().unwrap().entry(scenario).or_default().push(received);
        }
        play(&mut connection, &answer).ok()?;
    }
    None
}

fn play(connection: &mut Connection, answer: &Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.chunked {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        head.push_str(&format!("content-length: {}\r\n\r\n", answer.bytes().len()));
    }
    connection.send(head.as_bytes())?;
    for step in &answer.steps {
        match step {
            Step::Send(bytes) if answer.chunked && bytes.is_empty() => {}
            Step::Send(bytes) if answer.chunked => connection.send(&http::chunk(bytes))?,
            Step::Send(bytes) => connection.send(bytes)?,
            Step::Wait(time) => thread::sleep(*time),
            Step::Hold(latch) => latch.wait(),
            Step::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
    if answer.chunked {
        connection.send(b"0\r\n\r\n")?;
    }
    Ok(())
}
