//! Fake providers: one address for each provider that endpoints name. They answer as real ones do (see [`super::wire`])
//! unless the request names a scenario, and then to the byte as the scenario says. They keep what they received.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub use super::answer::{Answer, Latch, Step};
use super::http::{self, Connection, Headers, Message};
use super::wire;

/// The header by which a request names its scenario. Keyward passes it on like any header it does not know.
pub const SCENARIO: &str = "x-scenario";

/// A request as a provider received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Which provider.
    pub provider: String,
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

/// What is told and seen of one scenario.
#[derive(Debug, Default)]
struct Scenario {
    /// Of one provider by name, or of any by the empty one; the last answer stays.
    answers: HashMap<String, VecDeque<Answer>>,
    received: Vec<Received>,
}

impl Scenario {
    fn answer(&mut self, provider: &str) -> Option<Answer> {
        let name = if self.answers.contains_key(provider) { provider } else { "" };
        let answers = self.answers.get_mut(name)?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }
}

type Scenarios = Mutex<HashMap<String, Scenario>>;

/// Running fake providers.
#[derive(Debug, Default)]
pub struct Providers {
    listening: Mutex<HashMap<String, Listening>>,
    scenarios: Arc<Scenarios>,
}

/// One of them.
#[derive(Debug)]
struct Listening {
    address: SocketAddr,
    dead: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Providers {
    /// Where a provider listens, on a port the system picks; starts it if it does not run.
    pub fn address(&self, name: &str) -> SocketAddr {
        let mut listening = self.listening.lock().unwrap();
        listening.entry(name.to_owned()).or_insert_with(|| self.listen(name)).address
    }

    fn listen(&self, name: &str) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let (dead, connections) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (scenarios, name) = (Arc::clone(&self.scenarios), name.to_owned());
        let (told, open) = (Arc::clone(&dead), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mine) = stream.try_clone() else { continue };
                open.lock().unwrap().push(mine);
                let (scenarios, name) = (Arc::clone(&scenarios), name.clone());
                thread::spawn(move || serve(stream, &name, &scenarios));
            }
        });
        Listening { address, dead, connections }
    }

    /// Ends a provider as if its machine had gone: open connections break, new ones are refused.
    pub fn kill(&self, name: &str) {
        let listening = self.listening.lock().unwrap();
        let provider = listening.get(name).expect("a provider that runs");
        provider.dead.store(true, Ordering::SeqCst);
        // Wakes the listener, which then lets go of its port.
        while TcpStream::connect(provider.address).is_ok() {
            thread::yield_now();
        }
        for connection in provider.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// What a provider answers to requests of a scenario, one answer after the other; the last stays. The empty name stands
    /// for all that have none of their own.
    pub fn script(&self, scenario: &str, provider: &str, answer: Answer) {
        let mut scenarios = self.scenarios.lock().unwrap();
        let scripted = scenarios.entry(scenario.to_owned()).or_default();
        scripted.answers.entry(provider.to_owned()).or_default().push_back(answer);
    }

    /// What came of a scenario so far, at whichever provider.
    pub fn received(&self, scenario: &str) -> Vec<Received> {
        self.scenarios.lock().unwrap().get(scenario).map(|scenario| scenario.received.clone()).unwrap_or_default()
    }
}

fn serve(stream: TcpStream, name: &str, scenarios: &Scenarios) {
    let Ok(mut connection) = Connection::over(stream) else { return };
    converse(&mut connection, name, scenarios);
    connection.close();
}

fn converse(connection: &mut Connection, name: &str, scenarios: &Scenarios) -> Option<()> {
    while let Some(message) = connection.message(false).ok()? {
        if !message.complete {
            return None;
        }
        let Message { start, headers, body, .. } = message;
        let mut words = start.split(' ').map(str::to_owned);
        let path = words.nth(1)?;
        let received = Received { provider: name.to_owned(), path, headers, body };
        let mut answer = None;
        if let Some(scenario) = received.header(SCENARIO) {
            let mut scenarios = scenarios.lock().unwrap();
            let scenario = scenarios.entry(scenario.to_owned()).or_default();
            scenario.received.push(received.clone());
            answer = scenario.answer(name);
        }
        play(connection, &answer.unwrap_or_else(|| wire::answer(&received))).ok()?;
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
    if answer.status != 0 {
        connection.send(head.as_bytes())?;
    }
    for step in &answer.steps {
        match step {
            Step::Send(bytes) if answer.chunked && bytes.is_empty() => {}
            Step::Send(bytes) if answer.chunked => connection.send(&http::chunk(bytes))?,
            Step::Send(bytes) => connection.send(bytes)?,
            Step::Wait(time) => thread::sleep(*time),
            Step::Hold(latch) => latch.wait(),
            Step::Cut => {
                connection.close();
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
    if answer.chunked {
        connection.send(&http::last_chunk(&answer.trailers))?;
    }
    Ok(())
}
