use std::rc::Rc;

use super::exchange::{Outcome, Served};
use super::fleet::{Taken, Untaken};
use super::waiting::Waiting;
use super::{Exchange, Gate, demand};
use crate::answer::{Answer, Refusal};
use crate::authz::{self, Resolved};
use crate::host::Host;
use crate::policy::{Entry, Key, Level};
use crate::providers::Service;
use crate::request::{self, BadBody, Body, Edits};
use crate::routing::{self, Plan, PlannedTarget};
use crate::store::Question;

/// How the request goes on.
#[derive(Debug)]
pub struct Forward {
    /// Headers to set.
    pub headers: Vec<(&'static str, String)>,
    /// What changes in the body.
    pub edits: Edits,
    /// For the attempts: a [`Plan`], encoded.
    pub plan: Vec<u8>,
    /// What the store has to be asked before it may go.
    pub question: Option<Question>,
}

impl Exchange {
    /// Decides on a request whose body is complete.
    ///
    /// # Errors
    /// The answer to a request that goes no further.
    pub fn admit<H: Host>(&mut self, host: &H) -> Result<Forward, Answer> {
        self.clock.body_complete = host.now();
        let gate = Rc::clone(&self.gate);
        let decided = match self.key.clone() {
            Some(key) => self.decide(host, &gate, &key),
            None => Err(Refusal::Unauthenticated),
        };
        let result = decided.map_err(|refusal| self.refuse(host, &refusal));
        self.clock.forwarded = host.now();
        if let Some(own) = &mut self.clock.own {
            *own = own.saturating_add(self.clock.forwarded.saturating_sub(self.clock.body_complete));
        }
        result
    }

    fn decide<H: Host>(&mut self, host: &H, gate: &Gate, key: &Key) -> Result<Forward, Refusal> {
        let body = self.scan.take().ok_or(Refusal::NotFound)?.finish()?;
        self.stream = body.stream;
        self.end_user.clone_from(&body.user);
        let path = self.path.clone();
        let routed = request::route("POST", &path).map_err(|_| Refusal::NotFound)?;
        let name = request::model_named(&routed, &body)?;
        self.model = Some(name.clone());
        let not_found = || Refusal::ModelNotFound { model: name.clone() };

        let model = authz::resolve(&gate.policy.catalog, &name).ok_or_else(not_found)?;
        self.entry = Some(model.model.name.clone());
        let of_user = gate.policy.end_users.as_ref().filter(|_| body.user.is_some());
        let levels = authz::levels(&gate.policy, key).chain(of_user);
        authz::decide_model(levels.clone(), &model).map_err(|denied| {
            self.rule = Some(denied.to_string());
            Refusal::ModelNotAllowed { model: name.clone() }
        })?;
        let Entry::Served { cluster, targets, timeout_ms, drop_params, max_output_tokens, .. } = &model.model.entry
        else {
            return Err(not_found());
        };
        let planned = routing::targets(&gate.policy, levels.clone(), &model);
        let served = |planned: &PlannedTarget<'_>| Served {
            target: planned.index,
            provider: planned.provider.to_owned(),
            model: planned.model.clone().into_owned(),
            price: targets.get(usize::from(planned.index)).and_then(|target| target.price).unwrap_or_default(),
            translated: planned.api.dialect().serves(body.endpoint) == Service::Translated,
        };
        let first = planned.first().ok_or_else(not_found)?;
        planned.iter().try_for_each(|target| Edits::check(&body, &target.model))?;
        self.reserve(host, gate, key, &model, &body, &levels.collect::<Vec<_>>())?;
        self.served = Some(served(first));
        self.fallbacks = planned.iter().skip(1).map(served).collect();
        self.strip_usage = body.needs_asking_for_usage();
        let edits = Edits::new(&body, &first.model, self.strip_usage);
        let path = routed.upstream_path();
        let plan = Plan {
            request_id: &self.request_id,
            endpoint: body.endpoint,
            model: &name,
            arrived: self.clock.arrived / 1_000_000_000,
            stream: body.stream,
            drop_params: *drop_params,
            max_output_tokens: *max_output_tokens,
            query: path.split_once('?').map(|(_, query)| query),
            api_headers: self.api_headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            body_bytes: edits.length_of(usize::try_from(self.body_bytes).unwrap_or(usize::MAX)) as u64,
            place: edits.model_place(&body),
            identity: routing::identity(key, &planned),
            targets: planned,
        };
        let plan = plan.encode();
        let headers = self.forward_headers(cluster, *timeout_ms, &path);
        Ok(Forward { headers, edits, plan, question: self.question(host) })
    }

    fn reserve<H: Host>(
        &mut self,
        host: &H,
        gate: &Gate,
        key: &Key,
        model: &Resolved<'_>,
        body: &Body,
        levels: &[&Level],
    ) -> Result<(), Refusal> {
        let demands = demand::of(gate, key, model, body, levels).map_err(|cap| {
            self.rule = Some(cap.to_string());
            Refusal::InvalidRequest(BadBody::above_cap(body.endpoint, cap.most))
        })?;
        self.estimated_input = body.input_tokens;
        match gate.take(host, key, model, &demands, body.user.as_deref()) {
            Err(Untaken::Ask(ask)) => {
                self.waiting = Some(Waiting { ask, demands, asked: 1 });
                Ok(())
            }
            result => self.took(result),
        }
    }

    /// Takes note of what was taken, or why nothing was.
    pub(super) fn took(&mut self, result: Result<Taken, Untaken>) -> Result<(), Refusal> {
        match result {
            Ok(taken) => {
                self.standing = Some(*taken.standing());
                self.reserved = taken.reserved_cost();
                self.taken = Some(taken);
                Ok(())
            }
            Err(Untaken::Over(over)) => {
                self.rule = over.rule;
                self.standing = Some(over.standing);
                Err(over.refusal)
            }
            Err(Untaken::Ask(_)) => Err(Refusal::StoreUnavailable),
        }
    }

    fn forward_headers(&self, cluster: &str, timeout_ms: Option<u64>, path: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![("x-keyward-cluster", cluster.to_owned())];
        if path != self.path {
            headers.push((":path", path.to_owned()));
        }
        if self.stream {
            headers.push(("accept", "text/event-stream".to_owned()));
        }
        // Envoy lets go of it once the answer has begun, and takes it out before the request leaves.
        headers.extend(timeout_ms.map(|ms| ("x-envoy-upstream-rq-per-try-timeout-ms", ms.to_string())));
        headers
    }

    /// Gives up a request that was admitted but cannot be sent on.
    pub fn abandon<H: Host>(&mut self, host: &H) -> Answer {
        self.settle(host, Outcome::Failed);
        self.refuse(host, &Refusal::ProviderFailed { status: 500 })
    }
}
