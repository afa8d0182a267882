//! A request that waits for the store.

use std::rc::Rc;

use super::Exchange;
use super::demand::Demands;
use super::fleet::Untaken;
use crate::answer::{Answer, Refusal};
use crate::authz;
use crate::host::Host;
use crate::store::{Ask, Question, Unanswered};

/// How often the store is asked for one request. More than once only where what it set aside was taken by other requests in
/// the moment between, and by the first requests of a worker, which learn what time it has and whether it has functions.
const MOST: u32 = 3;

/// A request that waits for the store.
#[derive(Debug)]
pub(super) struct Waiting {
    pub ask: Ask,
    pub demands: Demands,
    /// How often it was asked.
    pub asked: u32,
}

/// What becomes of a request once the store has answered.
#[derive(Debug)]
pub enum Answered {
    /// It goes on its way.
    Go,
    /// The store has to be asked once more.
    Again(Question),
    /// It goes no further.
    Refused(Answer),
}

impl Exchange {
    /// What the store is to be asked.
    pub(super) fn question<H: Host>(&self, host: &H) -> Option<Question> {
        let store = self.gate.policy.store.as_ref()?;
        Some(self.gate.client.ask(host, store, &self.waiting.as_ref()?.ask))
    }

    /// Takes the store's answer; `status` is 0 where none came.
    pub fn asked<H: Host>(&mut self, host: &H, status: u16, body: &[u8]) -> Answered {
        let start = self.clock.start(host);
        let answered = match self.decide_again(host, status, body) {
            Ok(None) => Answered::Go,
            Ok(Some(question)) => Answered::Again(question),
            Err(refusal) => Answered::Refused(self.refuse(host, &refusal)),
        };
        self.clock.forwarded = host.now();
        self.clock.stop(host, start);
        answered
    }

    fn decide_again<H: Host>(&mut self, host: &H, status: u16, body: &[u8]) -> Result<Option<Question>, Refusal> {
        let gate = Rc::clone(&self.gate);
        let unavailable = Refusal::StoreUnavailable;
        let (Some(waiting), Some(store), Some(key)) = (self.waiting.take(), &gate.policy.store, self.key.clone())
        else {
            return Err(unavailable);
        };
        let Some(model) = self.model.as_deref().and_then(|name| authz::resolve(&gate.policy.catalog, name)) else {
            return Err(unavailable);
        };
        let answered = gate.client.asked(host, store, &waiting.ask, status, body);
        if answered == Err(Unanswered::Otherwise) && waiting.asked < MOST {
            let question = gate.client.ask(host, store, &waiting.ask);
            self.waiting = Some(Waiting { asked: waiting.asked.saturating_add(1), ..waiting });
            return Ok(Some(question));
        }
        let user = self.end_user.clone();
        let taken = gate.staking(&key, &model, &waiting.demands, user.as_deref(), |stakes, applies| {
            if answered.is_ok() {
                gate.take_leased(host, store, stakes, applies)
            } else {
                gate.without_store(host, store, stakes, applies)
            }
        });
        match taken {
            Err(Untaken::Ask(ask)) if waiting.asked < MOST => {
                let question = gate.client.ask(host, store, &ask);
                self.waiting = Some(Waiting { ask, demands: waiting.demands, asked: waiting.asked.saturating_add(1) });
                Ok(Some(question))
            }
            taken => self.took(taken).map(|()| None),
        }
    }
}
