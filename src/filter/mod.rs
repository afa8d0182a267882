//! The proxy-wasm shell: Envoy's callbacks in, host calls out, no rule of its own.
//!
//! Fails closed: a configuration that cannot be read is refused and the last good one stays; a panic is a 503 to that
//! request and Envoy starts the VM anew (`failure_policy: FAIL_RELOAD`).
#![expect(unsafe_code, reason = "host calls cross a C interface")]

mod attempt;
mod headers;
mod host;
mod hostcalls;
mod metrics;
mod rewrite;
mod root;
mod self_test;
mod stream;

use core::cell::OnceCell;
use std::rc::Rc;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

use crate::limits::{Worker, WorkerId};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}

thread_local! {
    static WORKER: OnceCell<Rc<Worker>> = const { OnceCell::new() };
}

/// This VM as limits know it, with a nonce drawn once: what tells its reservations from those of other workers and of its
/// own predecessor.
fn worker() -> Rc<Worker> {
    use std::hash::{BuildHasher as _, RandomState};
    // `RandomState` is seeded by WASI's `random_get`; the clock tells two VMs of one seed apart all the same.
    let nonce = || WorkerId(RandomState::new().hash_one(hostcalls::now()) | 1);
    WORKER.with(|worker| Rc::clone(worker.get_or_init(|| Rc::new(Worker::new(nonce())))))
}
