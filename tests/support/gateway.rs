//! The whole gateway under test: the shipped Envoy configuration with the filter, a policy, and a fake provider behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::audit::AuditLog;
use super::call::{Call, Reply};
use super::envoy::Envoy;
use super::http::{self, Response};
use super::policy;
use super::provider::Providers;
use super::{build, config};

/// Workers of the Envoy under test: what is exact with one worker need not be with four.
pub const WORKERS: usize = 4;

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    envoy: Envoy,
    address: SocketAddr,
    providers: Arc<Providers>,
    audit: Mutex<AuditLog>,
    folder: TempDir,
}

/// What is behind a gateway.
#[derive(Debug, Default)]
pub struct Behind {
    /// Its providers.
    pub providers: Arc<Providers>,
    /// Webdis; without one, a provider stands where it would.
    pub store: Option<SocketAddr>,
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
        Self::launch_before(Behind::default(), workers, write, configure)
    }

    /// Starts one of several that share what is behind them.
    pub fn start_before(behind: Behind, policy: &str, workers: usize, configure: impl FnOnce(&mut Value)) -> Self {
        let write = |bundle: &Path| policy::bundle(policy, build::wasm(), bundle).expect("a policy without problems");
        let gateway = Self::launch_before(behind, workers, write, configure);
        let gateway = gateway.unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"));
        gateway.wait_for_gate();
        gateway
    }

    fn launch_before(
        behind: Behind,
        workers: usize,
        write: impl FnOnce(&Path),
        configure: impl FnOnce(&mut Value),
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Behind { providers, store } = behind;
        let address = |name: &str| match store {
            Some(store) if name == config::STORE => store,
            _ => providers.address(name),
        };
        let mut config = config::shipped(folder.path(), address);
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
        Call::new(self, key)
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
        self.samples(name, labels).iter().sum()
    }

    /// Each series of that by itself; none before it is defined.
    pub fn samples(&self, name: &str, labels: &[(&str, &str)]) -> Vec<u64> {
        let text = http::get(self.envoy.admin(), "/stats/prometheus").expect("metrics").text();
        let matches = |series: &str| {
            let (metric, own) = series.split_once('{').unwrap_or((series, ""));
            metric.ends_with(name) && labels.iter().all(|(label, value)| own.contains(&format!("{label}=\"{value}\"")))
        };
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        samples.filter(|(series, _)| matches(series)).filter_map(|(_, value)| value.parse::<u64>().ok()).collect()
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
