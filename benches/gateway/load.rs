//! The load: a number of connections that each send one request after the other, as fast as answers come or at a rate.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::stub::STREAMED;
use crate::support::http::Connection;
use crate::support::policy;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The body.
    pub body: Arc<Vec<u8>>,
    /// Whether a streamed answer is asked for.
    pub streamed: bool,
    /// The keys, called in turn.
    pub keys: Arc<Vec<String>>,
}

/// A chat completion with about `size` bytes of prompt, its model first or last.
pub fn body(size: usize, model_last: bool, streamed: bool) -> Vec<u8> {
    // Prose: a line end every few dozen bytes, now and then a word in quotes.
    let text: String = "All work and no play makes Jack a dull boy, \\\"they said\\\", and so it went.\\nOn and on it went, day after day. "
        .chars()
        .cycle()
        .take(size.saturating_sub(120))
        .collect();
    let rest = format!(
        r#""messages":[{{"role":"user","content":"{}"}}],"max_tokens":100,"stream":{streamed}"#,
        text.trim_end_matches('\\')
    );
    let body = if model_last { format!(r#"{{{rest},"model":"gpt"}}"#) } else { format!(r#"{{"model":"gpt",{rest}}}"#) };
    body.into_bytes()
}

/// The names of `count` keys.
pub fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("k{number}")).collect()
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    /// Answers.
    pub requests: u64,
    /// How long it took.
    pub time: Duration,
    /// Each answer's time, ascending.
    pub latencies: Vec<Duration>,
}

impl Outcome {
    /// Answers per second.
    pub fn rate(&self) -> u64 {
        let micros = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX).max(1);
        self.requests * 1_000_000 / micros
    }

    /// The latency below which `permille` of the answers came.
    pub fn permille(&self, permille: usize) -> Duration {
        let at = self.latencies.len().saturating_sub(1) * permille / 1000;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// Sends for `time` over `connections`; `rate` is requests per second in all, `None` as fast as they go.
pub fn run(address: SocketAddr, request: &Request, connections: usize, time: Duration, rate: Option<u64>) -> Outcome {
    run_from(address, request, connections, time, rate, 0)
}

/// As [`run`], beginning with the key whose turn it is.
pub fn run_from(
    address: SocketAddr,
    request: &Request,
    connections: usize,
    time: Duration,
    rate: Option<u64>,
    turn: u64,
) -> Outcome {
    let (latencies, turn) = (Mutex::new(Vec::new()), AtomicU64::new(turn));
    let began = Instant::now();
    let until = began + time;
    let gap = rate.map(|rate| Duration::from_micros(1_000_000 * connections as u64 / rate.max(1)));
    thread::scope(|scope| {
        for number in 0..connections {
            let (latencies, turn) = (&latencies, &turn);
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("Envoy listens");
                let (mut own, mut bytes) = (Vec::new(), Vec::new());
                let mut next = began
                    + gap.unwrap_or_default() * u32::try_from(number).unwrap_or(0)
                        / u32::try_from(connections).unwrap_or(1);
                while Instant::now() < until {
                    if let Some(gap) = gap {
                        thread::sleep(next.saturating_duration_since(Instant::now()));
                        next += gap;
                    }
                    write(&mut bytes, request, turn.fetch_add(1, Ordering::Relaxed));
                    let sent = Instant::now();
                    connection.send(&bytes).expect("Envoy takes the request");
                    let answer = connection.response().expect("Envoy answers");
                    own.push(sent.elapsed());
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
                latencies.lock().unwrap().extend(own);
            });
        }
    });
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort_unstable();
    Outcome { requests: latencies.len() as u64, time: began.elapsed(), latencies }
}

fn write(bytes: &mut Vec<u8>, request: &Request, turn: u64) {
    // A stride prime to the number of keys visits all of them in an order that is none.
    let at = usize::try_from(turn.wrapping_mul(7919)).unwrap_or(0) % request.keys.len();
    let key = policy::key(&request.keys[at]);
    let streamed = if request.streamed { format!("{STREAMED}: 1\r\n") } else { String::new() };
    bytes.clear();
    bytes.extend_from_slice(
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{streamed}content-length: {}\r\n\r\n",
            request.body.len()
        )
        .as_bytes(),
    );
    bytes.extend_from_slice(&request.body);
}
