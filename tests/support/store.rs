//! A real Redis with a real Webdis in front of it, each to be killed, stopped and started anew while callers call.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::Process;
use super::{build, http};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Where the data is.
    Redis,
    /// What speaks HTTP.
    Webdis,
}

/// Both, each on a port of its own that it keeps.
#[derive(Debug)]
pub struct Store {
    redis: Server,
    webdis: Server,
    /// Where Webdis finds Redis.
    before_redis: SocketAddr,
    // Last: the processes end before their folder goes.
    folder: TempDir,
    more: &'static [&'static str],
}

/// How often Redis was told something.
#[derive(Debug)]
pub struct Watch(Arc<AtomicU64>);

impl Watch {
    /// So often by now.
    pub fn count(&self) -> u64 {
        // Redis tells it a moment after.
        std::thread::sleep(Duration::from_millis(100));
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Server {
    process: Mutex<Option<Process>>,
    address: SocketAddr,
}

impl Store {
    /// Starts both, with Keyward's functions loaded where the command can do that. Redis keeps its data over a restart.
    pub fn start() -> Self {
        Self::start_by(|redis| redis)
    }

    /// The same, but Webdis finds Redis at another address, which is given for its own.
    pub fn start_by(way: impl FnOnce(SocketAddr) -> SocketAddr) -> Self {
        let store = Self::launch(&[], way);
        store.init();
        store
    }

    /// Starts both with nothing in them, Redis with more arguments.
    pub fn start_bare(more: &'static [&'static str]) -> Self {
        Self::launch(more, |redis| redis)
    }

    fn launch(more: &'static [&'static str], way: impl FnOnce(SocketAddr) -> SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = || Server { process: Mutex::default(), address: free_address() };
        let (redis, webdis) = (server(), server());
        let before_redis = way(redis.address);
        let store = Self { redis, webdis, before_redis, folder, more };
        store.restart(Part::Redis);
        store.restart(Part::Webdis);
        store
    }

    /// Where Webdis listens.
    pub fn address(&self) -> SocketAddr {
        self.webdis.address
    }

    /// Where Redis is, as the command is told.
    pub fn url(&self) -> String {
        format!("redis://{}", self.redis.address)
    }

    /// Counts what Redis is told from now on that holds `part`; what its functions do is told like that as well.
    pub fn watch(&self, part: &'static str) -> Watch {
        let mut stream = TcpStream::connect(self.redis.address).expect("Redis listens");
        stream.write_all(b"MONITOR\r\n").expect("Redis reads");
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("+OK"));
        let count = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            let told = lines.map_while(Result::ok).filter(|line| line.contains(part));
            told.for_each(|_| _ = counted.fetch_add(1, Ordering::SeqCst));
        });
        Watch(count)
    }

    /// What a command comes to, by way of Webdis; which answers 503 for a moment when Redis has come back.
    pub fn command(&self, words: &[&str]) -> Value {
        let encode = |word: &&str| -> String {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:".contains(byte);
            word.bytes()
                .map(|byte| if plain(&byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
                .collect()
        };
        let body = words.iter().map(encode).collect::<Vec<_>>().join("/");
        let request = http::request("POST", "/", &[], body.as_bytes());
        let deadline = Instant::now() + Duration::from_secs(20);
        let answer = loop {
            let answer = http::exchange(self.address(), &request).expect("Webdis answers");
            if answer.status == 200 {
                break answer;
            }
            assert!(
                answer.status == 503 && Instant::now() < deadline,
                "{words:?}: {} {}",
                answer.status,
                answer.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        let name = words.first().expect("a command");
        answer.json()[*name].clone()
    }

    /// Ends one of them as a crash would.
    pub fn kill(&self, part: Part) {
        self.with(part, Process::kill);
    }

    /// One of them stops answering, and keeps its connections.
    pub fn stop(&self, part: Part) {
        self.with(part, |process| process.signal("STOP"));
    }

    /// One that was stopped goes on.
    pub fn go_on(&self, part: Part) {
        self.with(part, |process| process.signal("CONT"));
    }

    fn with(&self, part: Part, act: impl FnOnce(&Process)) {
        act(self.server(part).process.lock().unwrap().as_ref().expect("it was started"));
    }

    fn server(&self, part: Part) -> &Server {
        match part {
            Part::Redis => &self.redis,
            Part::Webdis => &self.webdis,
        }
    }

    /// Starts one of them, anew if it ran, where it was before; waits until it answers.
    pub fn restart(&self, part: Part) {
        let server = self.server(part);
        let mut running = server.process.lock().unwrap();
        *running = None;
        let process = match part {
            Part::Redis => self.start_redis(),
            Part::Webdis => self.start_webdis(),
        };
        let answers = || match part {
            Part::Redis => ping(server.address).is_some_and(|answer| answer.starts_with("+PONG")),
            Part::Webdis => http::get(server.address, "/PING").is_ok_and(|answer| answer.text().contains("PONG")),
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !answers() {
            assert!(!process.is_gone() && Instant::now() < deadline, "{part:?} does not run:\n{}", process.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        *running = Some(process);
    }

    fn start_redis(&self) -> Process {
        let port = self.redis.address.port().to_string();
        Process::start("redis", "redis-server", self.folder.path(), |command| {
            command.args(["--bind", "127.0.0.1", "--port", &port, "--dir", ".", "--logfile", "/dev/stderr"]);
            command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]).args(self.more);
        })
    }

    fn start_webdis(&self) -> Process {
        let config = json!({
            "redis_host": "127.0.0.1", "redis_port": self.before_redis.port(),
            "http_host": "127.0.0.1", "http_port": self.webdis.address.port(), "http_max_request_size": 16_777_216,
            "threads": 2, "pool_size": 4, "daemonize": false, "websockets": false, "database": 0,
            "verbosity": 2, "logfile": "/dev/stderr", "acl": [],
        });
        fs::write(self.folder.path().join("webdis.json"), config.to_string()).expect("the folder can be written to");
        Process::start("webdis", "webdis", self.folder.path(), |command| {
            command.arg("webdis.json");
        })
    }

    /// Loads Keyward's functions, as a person would.
    fn init(&self) {
        let known = build::keyward().args(["store", "--help"]).output().expect("keyward runs").status.success();
        if !known {
            return;
        }
        let output = build::keyward().args(["store", "init", "--url", &self.url()]).output().expect("keyward runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn ping(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..read]).into_owned())
}

/// A port below those that the system gives to whoever asks for any: nobody takes it while its server is down.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 500).expect("below 500") * 20;
    loop {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
