//! The proxy-wasm shell: Envoy's callbacks in, host calls out, no rule of its own.
//!
//! Fails closed: a configuration that cannot be read is refused and the last good one stays; a panic is a 503 to that
//! request and Envoy starts the VM anew (`failure_policy: FAIL_RELOAD`).
#![expect(unsafe_code, reason = "host calls cross a C interface")]

mod attempt;
mod headers;
mod host;
mod hostcalls;
mod lookup;
mod metrics;
mod note;
mod rewrite;
mod root;
mod self_test;
mod shared;
mod stream;

use core::cell::OnceCell;
use std::rc::Rc;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

use crate::host::{Host, SharedSet};
use crate::limits::{Worker, WorkerId};
use crate::store::{self, Client};
use host::Envoy;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}

thread_local! {
    static WORKER: OnceCell<Rc<Worker>> = const { OnceCell::new() };
    static CLIENT: OnceCell<Rc<Client>> = const { OnceCell::new() };
}

/// This VM's dealings with the store. All workers of an Envoy are one to it: the first to come draws the number.
fn client() -> Rc<Client> {
    let new = || {
        let (worker, key) = (worker().id().0, store::ENVOY);
        let drawn = Envoy.shared_set(key, &worker.to_le_bytes(), None);
        let envoy = Envoy.shared_get(key).and_then(|value| Some(u64::from_le_bytes(value.bytes.try_into().ok()?)));
        debug_assert!(drawn == SharedSet::Done || envoy.is_some());
        Rc::new(Client::new(envoy.unwrap_or(worker), worker))
    };
    CLIENT.with(|client| Rc::clone(client.get_or_init(new)))
}

/// This VM as limits know it, with a nonce drawn once: what tells its reservations from those of other workers and of its
/// own predecessor.
fn worker() -> Rc<Worker> {
    use std::hash::{BuildHasher as _, RandomState};
    // `RandomState` is seeded by WASI's `random_get`; the clock tells two VMs of one seed apart all the same.
    let nonce = || WorkerId(RandomState::new().hash_one(hostcalls::now()) | 1);
    WORKER.with(|worker| Rc::clone(worker.get_or_init(|| Rc::new(Worker::new(nonce())))))
}
