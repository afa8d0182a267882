use std::rc::Rc;

use super::exchange::{Outcome, Served};
use super::{Exchange, Gate, demand};
use crate::answer::{Answer, Refusal};
use crate::authz::{self, Resolved};
use crate::host::Host;
use crate::policy::{Key, Level};
use crate::request::{self, BadBody, Body, Edits};
use crate::routing::Plan;

/// How the request goes on.
#[derive(Debug)]
pub struct Forward {
    /// Headers to set.
    pub headers: Vec<(&'static str, String)>,
    /// What changes in the body.
    pub edits: Edits,
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
        let plan = Plan::for_first_target(&model).ok_or_else(not_found)?;
        let target = model.targets().get(plan.target).ok_or_else(not_found)?;
        let provider = gate.policy.providers.get(usize::from(target.provider)).ok_or_else(not_found)?;
        Edits::check(&body, &plan.provider_model)?;
        self.reserve(host, gate, key, &model, &body, &levels.collect::<Vec<_>>())?;
        self.served = Some(Served { provider: provider.name.clone(), price: target.price.unwrap_or_default(), plan });
        Ok(self.forward(&body, &routed.upstream_path()))
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
        let reservation = gate.take(host, key, model, &demands, body.user.as_deref()).map_err(|over| {
            self.rule = over.rule;
            self.standing = Some(over.standing);
            over.refusal
        })?;
        self.standing = Some(*reservation.standing());
        self.reserved = reservation.reserved_cost();
        self.reservation = Some(reservation);
        Ok(())
    }

    fn forward(&mut self, body: &Body, path: &str) -> Forward {
        self.strip_usage = body.needs_asking_for_usage();
        let plan = self.served.as_ref().map(|served| &served.plan);
        let model = plan.map_or("", |plan| plan.provider_model.as_str());
        let mut headers = vec![("x-keyward-cluster", plan.map(|plan| plan.cluster.clone()).unwrap_or_default())];
        if path != self.path {
            headers.push((":path", path.to_owned()));
        }
        if self.stream {
            headers.push(("accept", "text/event-stream".to_owned()));
        }
        Forward { headers, edits: Edits::new(body, model, self.strip_usage) }
    }

    /// Gives up a request that was admitted but cannot be sent on.
    pub fn abandon<H: Host>(&mut self, host: &H) -> Answer {
        self.settle(host, Outcome::Failed);
        self.refuse(host, &Refusal::ProviderFailed { status: 500 })
    }
}
