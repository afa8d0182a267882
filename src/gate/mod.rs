//! One request on its way through the stations, from its headers to its settlement.
//!
//! | phase | what happens | file |
//! |---|---|---|
//! | headers | endpoint, credential, key, endpoint allowed, size | `arrival.rs` |
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
mod over_limit;
mod response;
mod settlement;
mod stakes;

use core::cell::{Cell, RefCell};

pub use admission::Forward;
pub use arrival::{Arrival, Head};
pub use exchange::Exchange;
pub use response::{ResponseBody, ResponseHead};
pub use settlement::Observation;

use std::rc::Rc;

use crate::authn::KnownKeys;
use crate::limits::{Expected, Worker, counter_key};
use crate::policy::Policy;

/// Bodies above this are refused where no level says otherwise: 16 MiB.
pub const MAX_REQUEST_BYTES: u64 = 16 << 20;

/// A policy in force on one worker, with what that worker learns while it is.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    worker: Rc<Worker>,
    /// Shared-data key of each of the policy's levels.
    counters: Vec<String>,
    known: KnownKeys,
    /// Requests so far: every so many, the filter's own time is taken.
    requests: Cell<u32>,
    expected: RefCell<Expected>,
}

impl Gate {
    /// Puts a policy in force on a worker.
    #[must_use]
    pub fn new(policy: Policy, worker: Rc<Worker>) -> Self {
        let counters = policy.levels.iter().map(counter_key).collect();
        Self {
            policy,
            worker,
            counters,
            known: KnownKeys::default(),
            requests: Cell::new(0),
            expected: RefCell::default(),
        }
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
