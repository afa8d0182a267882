use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::attempt::AttemptStream;
use super::hostcalls::{self, Buffer};
use super::stream::Stream;
use super::{host::Envoy, metrics, self_test};
use crate::gate::Gate;
use crate::policy::bundle;

/// How often a worker shows that what it holds is still in use.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// One configuration of the filter on one worker.
#[derive(Default)]
pub struct Root {
    role: Role,
    gate: Option<Rc<Gate>>,
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

impl Context for Root {}

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
                self.gate = Some(Rc::new(Gate::new(policy, super::worker())));
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
            super::worker().heartbeat(&Envoy);
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.role {
            Role::Gate => Box::new(Stream::new(self.gate.clone())),
            Role::Provider => Box::new(AttemptStream::default()),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn hostcalls_tick() {
    if proxy_wasm::hostcalls::set_tick_period(HEARTBEAT).is_err() {
        log::error!(
            "keyward: Envoy gives no ticks; reservations of streams longer than the lease would be freed early"
        );
    }
}
