//! One request on its way through the stations, from its headers to its settlement.
//!
//! | phase | what happens | file |
//! |---|---|---|
//! | headers | endpoint, credential, key, endpoint allowed, size | `arrival.rs`, `stored.rs` |
//! | body | scanned piece by piece as it arrives | `arrival.rs` |
//! | end of body | model, access, reservation, the edits that send it on its way | `admission.rs` |
//! | answer | rate-limit headers, usage metered as it streams by | `response.rs` |
//! | end | settled once, recorded once, whatever happened | `settlement.rs` |
//!
//! Fails closed: a request leaves only with a plan, a plan exists only after the reservation, and whatever cannot be
//! decided is an [`Answer`](crate::answer::Answer) of its own.

mod admission;
mod arrival;
pub mod cap;
pub mod demand;
mod exchange;
mod fleet;
mod over_limit;
mod response;
mod settlement;
mod stakes;
mod stored;
mod waiting;

use core::cell::{Cell, RefCell};

pub use admission::Forward;
pub use arrival::{Arrival, Head};
pub use exchange::Exchange;
pub use response::{ResponseBody, ResponseHead};
pub use settlement::Observation;
pub use waiting::Answered;

use std::rc::Rc;

use crate::authn::KnownKeys;
use crate::limits::{Expected, Worker, counter_key};
use crate::policy::{LevelNames, Policy};
use crate::store::Client;

/// Bodies above this are refused where no level says otherwise: 16 MiB.
pub const MAX_REQUEST_BYTES: u64 = 16 << 20;

/// A policy in force on one worker, with what that worker learns while it is.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    worker: Rc<Worker>,
    client: Rc<Client>,
    /// Shared-data key of each of the policy's levels.
    counters: Vec<String>,
    known: KnownKeys,
    /// The levels that keys of the store stand under.
    names: LevelNames,
    /// Requests so far: every so many, the filter's own time is taken.
    requests: Cell<u32>,
    expected: RefCell<Expected>,
}

impl Gate {
    /// Puts a policy in force on a worker.
    #[must_use]
    pub fn new(policy: Policy, worker: Rc<Worker>, client: Rc<Client>) -> Self {
        let counters = policy.levels.iter().map(counter_key).collect();
        let stored = policy.store.as_ref().is_some_and(|store| store.keys_ttl_ms.is_some());
        let names = if stored { LevelNames::new(&policy.levels) } else { LevelNames::default() };
        Self {
            policy,
            worker,
            client,
            counters,
            known: KnownKeys::default(),
            names,
            requests: Cell::new(0),
            expected: RefCell::default(),
        }
    }

    /// This worker's dealings with the store.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether this request's own time is taken: reading the clock twice in every callback would itself be a good part of
    /// it.
    fn is_timed(&self) -> bool {
        const EVERY: u32 = 16;
        let count = self.requests.get();
        self.requests.set(count.wrapping_add(1));
        count.is_multiple_of(EVERY)
    }
}
