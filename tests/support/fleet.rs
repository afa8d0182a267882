//! Several gateways that share a store, a policy and their providers.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::gateway::{Behind, Gateway};
use super::provider::Providers;
use super::store::Store;

/// Workers of each Envoy.
const WORKERS: usize = 2;

/// Running gateways, by index.
#[derive(Debug)]
pub struct Fleet {
    gateways: Vec<Gateway>,
    providers: Arc<Providers>,
    store: Store,
    /// Where the gateways find it.
    before: SocketAddr,
    configure: fn(&mut Value),
    policy: String,
    /// Audit records of gateways that are gone.
    past: Vec<Value>,
}

impl Fleet {
    /// Starts so many, with a policy that names the store's cluster.
    pub fn start(size: usize, policy: &str) -> Self {
        let store = Store::start();
        let before = store.address();
        Self::start_before(store, before, |_| {}, size, policy)
    }

    /// Starts so many that find the store at another address, with an Envoy configuration that is changed first.
    pub fn start_before(
        store: Store,
        before: SocketAddr,
        configure: fn(&mut Value),
        size: usize,
        policy: &str,
    ) -> Self {
        let mut fleet = Self {
            gateways: Vec::new(),
            providers: Arc::default(),
            store,
            before,
            configure,
            policy: policy.into(),
            past: Vec::new(),
        };
        fleet.gateways = (0..size).map(|index| fleet.launch(index)).collect();
        fleet
    }

    fn launch(&self, index: usize) -> Gateway {
        let behind = Behind { providers: Arc::clone(&self.providers), store: Some(self.before) };
        Gateway::start_before(behind, &self.policy, WORKERS, |config| {
            config["node"]["id"] = json!(format!("keyward-{index}"));
            (self.configure)(config);
        })
    }

    /// One of them.
    pub fn gateway(&self, index: usize) -> &Gateway {
        &self.gateways[index]
    }

    /// All of them.
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    /// What they share.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends one as a crash would. It stays in its place, dead, until it is started anew.
    pub fn kill(&self, index: usize) {
        self.gateways[index].envoy().process.kill();
    }

    /// Starts a new one in the place of one that was killed.
    pub fn restart(&mut self, index: usize) {
        self.past.extend(self.gateways[index].audit_records());
        self.gateways[index] = self.launch(index);
    }

    /// The audit records of all, those that are gone included.
    pub fn audit_records(&self) -> Vec<Value> {
        let running = self.gateways.iter().flat_map(Gateway::audit_records);
        self.past.iter().cloned().chain(running).collect()
    }
}
