use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::attempt::AttemptStream;
use super::hostcalls::{self, Buffer};
use super::shared::Shared;
use super::{host::Envoy, lookup, metrics, self_test};
use crate::gate::Gate;
use crate::policy::{KeyHash, Store, bundle};
use crate::store::{Errand, Question};

/// How often a worker looks what is to be told to the store.
const TICK: Duration = Duration::from_millis(250);
/// Every 5 seconds it shows that what it holds is still in use.
const TICKS_A_HEARTBEAT: u64 = 20;

/// One configuration of the filter on one worker.
pub struct Root {
    id: u32,
    role: Role,
    gate: Option<Rc<Gate>>,
    ticks: u64,
    /// What the store was asked in the background, by the token of the call.
    errands: HashMap<u32, Errand>,
    /// Which keys it was asked for, by the token of the call.
    lookups: HashMap<u32, (Rc<Gate>, KeyHash)>,
}

/// What the configuration is for; `root_id` in Envoy's says it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Role {
    /// Downstream: decides on requests.
    #[default]
    Gate,
    /// Upstream: makes their attempts.
    Provider,
}

impl Role {
    fn told() -> Self {
        match hostcalls::property("plugin_root_id") {
            Some(id) if id == b"provider" => Self::Provider,
            _ => Self::Gate,
        }
    }
}

impl Context for Root {
    /// Another policy has come, and the last request under this one has ended: Envoy drops the calls that are on their way.
    fn on_done(&mut self) -> bool {
        if let Some(gate) = &self.gate {
            self.errands.drain().for_each(|(_, errand)| gate.client().dropped(&Envoy, &errand));
        }
        true
    }

    fn on_http_call_response(&mut self, token: u32, _: usize, size: usize, _: usize) {
        let (status, body) = hostcalls::call_response(size);
        if let Some((gate, hash)) = self.lookups.remove(&token) {
            return self.looked_up(&gate, &hash, status, &body);
        }
        if lookup::answered(self.id, token, status, &body) {
            return;
        }
        let (Some(errand), Some(gate)) = (self.errands.remove(&token), &self.gate) else { return };
        let Some(store) = &gate.policy().store else { return };
        metrics::reached(&gate.client().back(&Envoy, store, &errand, status, &body));
        let more = matches!(errand, Errand::Report) && gate.client().book.borrow().has_more(hostcalls::now());
        if more {
            self.deal_with_store();
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        if let Err(reason) = self_test::run() {
            log::error!("keyward: {reason}");
            return false;
        }
        self.role = Role::told();
        if self.role == Role::Provider {
            return true;
        }
        let bytes = hostcalls::buffer(Buffer::PluginConfiguration, 0, size).unwrap_or_default();
        match bundle::decode(&bytes) {
            Ok(policy) => {
                log::info!("keyward: policy {} in force, {} keys", policy.version, policy.keys.len());
                metrics::policy_in_force(&policy.version);
                let gate = Gate::new(policy, super::worker(), super::client());
                if gate.policy().store.is_some() {
                    lookup::open();
                }
                self.gate = Some(Rc::new(gate));
                hostcalls_tick();
                true
            }
            Err(error) => {
                log::error!("keyward: policy refused: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if self.role == Role::Gate {
            if self.ticks.is_multiple_of(TICKS_A_HEARTBEAT) {
                super::worker().heartbeat(&Envoy);
            }
            self.ticks = self.ticks.wrapping_add(1);
            self.deal_with_store();
            self.look_up();
            let now = hostcalls::now();
            lookup::give_up(self.id, now);
            let overdue = super::client().keys.overdue(now);
            overdue.iter().for_each(|hash| lookup::go_on(self.id, hash));
        }
    }

    fn on_queue_ready(&mut self, _: u32) {
        self.look_up();
        let Some(gate) = self.gate.clone() else { return };
        let Some(store) = &gate.policy().store else { return };
        self.send(&gate, store, gate.client().refills(&Envoy, store));
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.role {
            Role::Gate => Box::new(Shared::new(self.gate.clone(), id)),
            Role::Provider => Box::new(AttemptStream::default()),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Root {
    pub fn new(id: u32) -> Self {
        Self { id, role: Role::default(), gate: None, ticks: 0, errands: HashMap::new(), lookups: HashMap::new() }
    }

    /// Asks the store for the keys that requests wait for.
    fn look_up(&mut self) {
        for (gate, hash) in lookup::asks() {
            let Some(store) = gate.key_store() else { continue };
            match hostcalls::ask(&gate.client().ask_for_key(store, &hash)) {
                Some(token) => {
                    self.lookups.insert(token, (gate, hash));
                }
                None => self.looked_up(&gate, &hash, 0, &[]),
            }
        }
    }

    /// Takes what the store said of a key, and goes on with all who wait for it.
    fn looked_up(&self, gate: &Gate, hash: &KeyHash, status: u16, body: &[u8]) {
        if let Some(store) = gate.key_store() {
            gate.client().asked_for_key(&Envoy, store, hash, status, body);
        }
        lookup::go_on(self.id, hash);
    }

    /// Tells the store what there is to tell, and asks for what will be needed.
    fn deal_with_store(&mut self) {
        let Some(gate) = self.gate.clone() else { return };
        let Some(store) = &gate.policy().store else { return };
        let client = gate.client();
        self.send(&gate, store, client.errands(&Envoy, store, &gate.policy().timezone));
        metrics::store(!client.is_away(&Envoy), client.book.borrow_mut().take_lost());
    }

    fn send(&mut self, gate: &Gate, store: &Store, errands: Vec<(Errand, Question)>) {
        for (errand, question) in errands {
            match hostcalls::ask(&question) {
                Some(token) => {
                    self.errands.insert(token, errand);
                }
                None => {
                    gate.client().back(&Envoy, store, &errand, 0, &[]);
                }
            }
        }
    }
}

fn hostcalls_tick() {
    if proxy_wasm::hostcalls::set_tick_period(TICK).is_err() {
        log::error!(
            "keyward: Envoy gives no ticks; reservations of streams longer than the lease would be freed early"
        );
    }
}
