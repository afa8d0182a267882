use std::rc::Rc;

use super::Gate;
use super::fleet::Taken;
use super::stored::Pending;
use super::waiting::Waiting;
use crate::audit::BudgetAlert;
use crate::host::Host;
use crate::limits::Standing;
use crate::metering::{Meter, Usage};
use crate::policy::Key;
use crate::pricing::{NanoUsd, Price};
use crate::request::{BodyScan, Endpoint};

/// One request and its answer, from arrival to settlement. What a phase finds out stays here for the later ones.
#[derive(Debug)]
pub struct Exchange {
    pub(super) gate: Rc<Gate>,
    pub(super) request_id: String,
    pub(super) endpoint: Option<Endpoint>,
    /// What is left to do once its key has been looked up.
    pub(super) pending: Option<Pending>,
    pub(super) key: Option<Rc<Key>>,
    /// A key that was shown but does not count any more: for the record, not for any decision.
    pub(super) refused_key: Option<Rc<Key>>,
    pub(super) path: String,
    /// Headers of the API that the caller speaks; see [`crate::routing::Plan::api_headers`].
    pub(super) api_headers: Vec<(String, String)>,
    pub(super) scan: Option<BodyScan>,
    pub(super) body_bytes: u64,
    pub(super) max_body_bytes: u64,
    /// The model as called.
    pub(super) model: Option<String>,
    /// The catalog entry it was found under: a name of the policy's, for labels.
    pub(super) entry: Option<String>,
    /// What serves the request, once it may go there.
    pub(super) served: Option<Served>,
    /// The other targets that may serve it.
    pub(super) fallbacks: Vec<Served>,
    pub(super) end_user: Option<String>,
    pub(super) stream: bool,
    pub(super) strip_usage: bool,
    pub(super) estimated_input: u64,
    /// What it holds of limits.
    pub(super) taken: Option<Taken>,
    /// What the store was asked, while it was not answered.
    pub(super) waiting: Option<Waiting>,
    /// How the limits stood after it.
    pub(super) standing: Option<Standing>,
    pub(super) reserved: NanoUsd,
    pub(super) meter: Option<Meter>,
    pub(super) attempts: u64,
    pub(super) status: u16,
    pub(super) decision: &'static str,
    pub(super) rule: Option<String>,
    pub(super) settled: Option<Settled>,
    pub(super) alerts: Vec<BudgetAlert>,
    pub(super) clock: Clock,
}

/// What serves the request.
#[derive(Debug, Clone)]
pub(super) struct Served {
    /// Which of the model's targets it is.
    pub target: u16,
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
    /// What the target charges.
    pub price: Price,
    /// Whether it speaks another API than the caller: then its attempt tells what was used.
    pub translated: bool,
}

/// What the request came to in the end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    pub usage: Usage,
    pub cost: NanoUsd,
    pub estimated: bool,
}

/// How an exchange comes to its settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The answer passed whole.
    Answered,
    /// The provider answered with an error, or not at all.
    Failed,
    /// It ended before the answer did.
    Cut,
}

/// Moments of the request, in nanoseconds since the Unix epoch; 0 where it did not come to that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    pub arrived: u64,
    pub authenticated: u64,
    pub body_complete: u64,
    pub forwarded: u64,
    pub answered: u64,
    pub first_token: u64,
    /// Spent in the filter itself, where that is timed.
    pub own: Option<u64>,
}

impl Exchange {
    pub(super) fn new(gate: Rc<Gate>, now: u64) -> Self {
        let own = gate.is_timed().then_some(0);
        Self {
            gate,
            request_id: String::new(),
            endpoint: None,
            pending: None,
            key: None,
            refused_key: None,
            path: String::new(),
            api_headers: Vec::new(),
            scan: None,
            body_bytes: 0,
            max_body_bytes: 0,
            model: None,
            entry: None,
            served: None,
            fallbacks: Vec::new(),
            end_user: None,
            stream: false,
            strip_usage: false,
            estimated_input: 0,
            taken: None,
            waiting: None,
            standing: None,
            reserved: NanoUsd::default(),
            meter: None,
            attempts: 0,
            status: 0,
            decision: "allowed",
            rule: None,
            settled: None,
            alerts: Vec::new(),
            clock: Clock { arrived: now, own, ..Clock::default() },
        }
    }
}

impl Clock {
    /// The moment a callback begins, where the filter's own time is taken.
    pub(super) fn start<H: Host>(&self, host: &H) -> Option<u64> {
        self.own.is_some().then(|| host.now())
    }

    /// Counts a callback that began at `start`.
    pub(super) fn stop<H: Host>(&mut self, host: &H, start: Option<u64>) {
        if let (Some(own), Some(start)) = (&mut self.own, start) {
            *own = own.saturating_add(host.now().saturating_sub(start));
        }
    }
}
