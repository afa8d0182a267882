//! The whole gateway under test: the shipped Envoy configuration with the filter, a policy, and a fake provider behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::audit::AuditLog;
use super::envoy::Envoy;
use super::http::{self, Body, Connection, Response};
use super::policy;
use super::provider::{Answer, Providers, Received, SCENARIO};
use super::{build, config};

/// Workers of the Envoy under test: what is exact with one worker need not be with four.
pub const WORKERS: usize = 4;

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    envoy: Envoy,
    address: SocketAddr,
    providers: Providers,
    audit: Mutex<AuditLog>,
    folder: TempDir,
}

impl Gateway {
    /// Starts one with a policy.
    pub fn start(policy: &str) -> Self {
        Self::start_bundled(|bundle| policy::bundle(policy, build::wasm(), bundle))
    }

    /// Starts one with the bundle that `write` puts where it is told.
    pub fn start_bundled(write: impl FnOnce(&Path) -> Result<(), String>) -> Self {
        let started = Self::launch(WORKERS, |bundle| {
            write(bundle).unwrap_or_else(|error| panic!("the policy has problems:\n{error}"));
        });
        let gateway = started.unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"));
        gateway.wait_for_gate();
        gateway
    }

    /// Starts one whose bundle (an ECDS resource) is changed first; the error is Envoy's log. The gate may never be there.
    pub fn start_edited(policy: &str, workers: usize, edit: impl FnOnce(&mut Value)) -> Result<Self, String> {
        Self::launch(workers, |bundle| {
            policy::bundle(policy, build::wasm(), bundle)
                .unwrap_or_else(|error| panic!("the policy has problems:\n{error}"));
            let mut resource = serde_json::from_slice(&fs::read(bundle).expect("a bundle")).expect("JSON");
            edit(&mut resource);
            fs::write(bundle, resource.to_string()).expect("the folder can be written to");
        })
    }

    /// Starts one whose Envoy configuration is changed first.
    pub fn start_configured(policy: &str, configure: impl FnOnce(&mut Value)) -> Self {
        let write = |bundle: &Path| policy::bundle(policy, build::wasm(), bundle).expect("a policy without problems");
        let gateway = Self::launch_configured(WORKERS, write, configure);
        let gateway = gateway.unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"));
        gateway.wait_for_gate();
        gateway
    }

    fn launch(workers: usize, write: impl FnOnce(&Path)) -> Result<Self, String> {
        Self::launch_configured(workers, write, |_| {})
    }

    fn launch_configured(
        workers: usize,
        write: impl FnOnce(&Path),
        configure: impl FnOnce(&mut Value),
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let providers = Providers::default();
        let mut config = config::shipped(folder.path(), |name| providers.address(name));
        configure(&mut config);
        write(&folder.path().join("gate.json"));
        let envoy = Envoy::start(folder.path(), &config, workers)?;
        let address = envoy.listener("gateway");
        let audit = Mutex::new(AuditLog::new(envoy.access_log()));
        Ok(Self { envoy, address, providers, audit, folder })
    }

    /// ECDS may still be loading when Envoy calls itself ready; until then it answers 500 to everything.
    fn wait_for_gate(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while http::get(self.address, "/not-there").is_ok_and(|answer| answer.status == 500) {
            assert!(Instant::now() < deadline, "no gate:\n{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where callers call.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The providers behind it.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// Gives Envoy another credential of a provider.
    pub fn rotate(&self, provider: &str, credential: &str) {
        config::secret(self.folder.path(), provider, credential);
    }

    /// Its Envoy.
    pub fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// A call of chat completions with a test's key.
    pub fn call(&self, key: &str) -> Call<'_> {
        // Keys are named in tests, but for those that the command made.
        let headers = match key {
            "" => Vec::new(),
            _ if key.starts_with("sk-") => vec![("authorization".into(), format!("Bearer {key}"))],
            _ => vec![("authorization".into(), format!("Bearer {}", policy::key(key)))],
        };
        Call {
            gateway: self,
            method: "POST",
            path: "/v1/chat/completions".into(),
            headers,
            body: Vec::new(),
            answers: Vec::new(),
            chunks: None,
        }
    }

    /// A chat completion of `model` with nothing special about it.
    pub fn chat(&self, key: &str, model: &str) -> Reply<'_> {
        self.call(key).chat(model).send()
    }

    /// Sends raw bytes.
    pub fn raw(&self, bytes: &[u8]) -> Response {
        http::exchange(self.address, bytes).expect("an answer")
    }

    /// All audit records so far.
    pub fn audit_records(&self) -> Vec<Value> {
        self.audit.lock().unwrap().read().to_vec()
    }

    /// The audit record of a request.
    pub fn audit(&self, request_id: &str) -> Value {
        self.audit.lock().unwrap().find(request_id)
    }

    /// Puts another policy in place, as a person would: by `keyward bundle -o`. Waits until it is in force.
    pub fn reload(&self, policy: &str) {
        let reloads = self.ecds("config_reload");
        policy::bundle(policy, build::wasm(), &self.bundle())
            .unwrap_or_else(|error| panic!("the policy has problems:\n{error}"));
        self.wait("the policy was not reloaded", || self.ecds("config_reload") > reloads);
    }

    /// Renames a bundle over the one in use, whatever is in it.
    pub fn replace_bundle(&self, contents: &[u8]) {
        let new = self.folder.path().join("new.json");
        fs::write(&new, contents).expect("the folder can be written to");
        fs::rename(new, self.bundle()).expect("a rename within a folder");
    }

    /// The bundle in use.
    pub fn bundle(&self) -> PathBuf {
        self.folder.path().join("gate.json")
    }

    /// A counter of the gate's configuration discovery.
    pub fn ecds(&self, counter: &str) -> u64 {
        self.stat(&format!("extension_config_discovery.http_filter.gate.{counter}"))
    }

    /// The sum of Envoy's own statistics whose names end in `name`.
    pub fn stat(&self, name: &str) -> u64 {
        let text = http::get(self.envoy.admin(), "/stats").expect("statistics").text();
        let values = text.lines().filter_map(|line| line.split_once(": ")).filter(|(stat, _)| stat.ends_with(name));
        values.filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    }

    /// The sum of a metric's series that carry all the labels given, as Prometheus sees them.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = http::get(self.envoy.admin(), "/stats/prometheus").expect("metrics").text();
        let matches = |series: &str| {
            let (metric, own) = series.split_once('{').unwrap_or((series, ""));
            metric.ends_with(name) && labels.iter().all(|(label, value)| own.contains(&format!("{label}=\"{value}\"")))
        };
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        samples.filter(|(series, _)| matches(series)).filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    }

    /// Waits up to ten seconds until something holds.
    pub fn wait(&self, failure: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "{failure}:\n{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

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
}

impl<'g> Call<'g> {
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

    /// Sends it and reads only the head of the answer.
    pub fn open(self) -> Open<'g> {
        let gateway = self.gateway;
        let (_, bytes) = self.prepare();
        let mut connection = Connection::open(gateway.address).expect("a connection");
        connection.send(&bytes).expect("the request is taken");
        let (start, headers) = connection.head().expect("an answer").expect("a head");
        let body = Body::of(&start, &headers, true);
        Open { gateway, status: http::status(&start), headers, body, connection }
    }

    /// Sends it and hangs up without waiting for an answer.
    pub fn send_and_hang_up(self) {
        let mut connection = Connection::open(self.gateway.address).expect("a connection");
        let (_, bytes) = self.prepare();
        let _ = connection.send(&bytes);
    }

    /// Sends it, waits for whatever comes of it, and gives what the provider received by then.
    pub fn send_and_linger(self, time: Duration) -> Vec<Received> {
        let gateway = self.gateway;
        let mut connection = Connection::open(gateway.address).expect("a connection");
        let (scenario, bytes) = self.prepare();
        let _ = connection.send(&bytes);
        std::thread::sleep(time);
        gateway.providers.received(&scenario)
    }

    /// Gives the request a scenario of its own and writes it down.
    fn prepare(self) -> (String, Vec<u8>) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let scenario = format!("s{}", NEXT.fetch_add(1, Ordering::Relaxed));
        for (provider, answer) in self.answers {
            self.gateway.providers.script(&scenario, &provider, answer);
        }
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push((SCENARIO, &scenario));
        let bytes = match self.chunks {
            Some(size) => http::chunked_request(self.method, &self.path, &headers, &self.body, size),
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
        self.gateway.providers.received(&self.scenario)
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
