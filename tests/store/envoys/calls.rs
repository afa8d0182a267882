//! Calls between Envoys and the store, and what becomes of them.

use keyward::store::{Ask, Errand, Question};
use serde_json::json;

use super::{Fleet, Wish};

/// When an unanswered call is over, in ms.
pub(super) const TIMEOUT: u64 = 2_000;

/// What becomes of a call to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Heard,
    RequestLost,
    ReplyLost,
    /// Redis hears it at once, its caller later.
    ReplyLate,
    /// Redis hears it later, maybe when its caller has given up.
    RequestLate,
    /// Redis hears it twice.
    Twice,
}

pub(super) enum Caller {
    Request { wish: Wish, ask: Ask, asked: u32, takes: u64 },
    Errand(Errand),
}

pub(super) struct Call {
    pub envoy: u64,
    pub worker: usize,
    pub caller: Caller,
    pub body: Vec<u8>,
    pub answer: Option<Vec<u8>>,
    pub until: u64,
}

impl Fleet<'_> {
    fn execute(&mut self, body: &[u8]) -> Vec<u8> {
        let words: Vec<String> = serde_json::from_slice(body).unwrap();
        let (name, words) = words.split_first().unwrap();
        let told: redis::RedisResult<String> = redis::cmd(name).arg(words).query(&mut self.store.connection);
        serde_json::to_vec(&json!({ "result": told.expect("the library takes what is sent") })).unwrap()
    }

    pub(super) fn call(&mut self, envoy: u64, worker: usize, caller: Caller, question: Question, fate: Fate) {
        let mut call = Call { envoy, worker, caller, body: question.body, answer: None, until: self.now + TIMEOUT };
        let its = self.envoys.iter().find(|its| its.id == envoy).unwrap();
        if matches!(fate, Fate::RequestLost | Fate::ReplyLost | Fate::Twice) {
            self.smooth = false;
        }
        if self.down || its.cut {
            return self.hear(call, 0, &[]);
        }
        match fate {
            Fate::RequestLost => return self.hear(call, 0, &[]),
            Fate::RequestLate => return self.calls.push(call),
            _ => {}
        }
        let body = call.body.clone();
        let mut answer = self.execute(&body);
        if fate == Fate::Twice {
            answer = self.execute(&body);
        }
        match fate {
            Fate::ReplyLost => self.hear(call, 0, &[]),
            Fate::ReplyLate => {
                call.answer = Some(answer);
                self.calls.push(call);
            }
            _ => self.hear(call, 200, &answer),
        }
    }

    pub fn late(&self) -> bool {
        !self.calls.is_empty()
    }

    /// A late call is brought to where it has to go.
    pub fn deliver(&mut self, which: usize) {
        if self.calls.is_empty() {
            return;
        }
        let call = self.calls.swap_remove(which % self.calls.len());
        let answer = match &call.answer {
            Some(answer) => answer.clone(),
            None => self.execute(&call.body.clone()),
        };
        self.hear(call, 200, &answer);
    }

    /// A request that waits for the store is given up by its caller. The store hears of it all the same.
    pub fn hang_up(&mut self, which: usize) {
        let waits = |call: &Call| matches!(call.caller, Caller::Request { .. });
        let waiting: Vec<usize> = (0..self.calls.len()).filter(|at| waits(&self.calls[*at])).collect();
        if waiting.is_empty() {
            return;
        }
        let call = self.calls.swap_remove(waiting[which % waiting.len()]);
        self.smooth = false;
        if call.answer.is_none() {
            self.execute(&call.body);
        }
        let Some(envoy) = self.envoys.iter().find(|envoy| envoy.id == call.envoy) else { return };
        if let Caller::Request { ask, .. } = &call.caller {
            envoy.workers[call.worker].client.gave_up(&envoy.host, ask);
        }
    }

    /// What its caller has given up arrives at last. No request is on its way for longer than that.
    pub fn stray(&mut self, which: usize) {
        if !self.strays.is_empty() {
            let body = self.strays.swap_remove(which % self.strays.len());
            self.found = false;
            self.execute(&body);
        }
    }

    pub(super) fn hear(&mut self, call: Call, status: u16, body: &[u8]) {
        let Call { envoy: id, worker, caller, .. } = call;
        let Some(which) = self.envoys.iter().position(|envoy| envoy.id == id) else { return };
        let envoy = &mut self.envoys[which];
        if status == 0 {
            self.smooth = false;
        }
        let its = &mut envoy.workers[worker];
        match caller {
            Caller::Errand(errand) => {
                let _ = its.client.back(&envoy.host, &self.config, &errand, status, body);
                if matches!(errand, Errand::Report)
                    && status == 200
                    && let Some(made) = its.letter.take()
                {
                    // What was spent two seconds before a letter was made is in it.
                    its.told = its.told.max(made.saturating_sub(2_000));
                }
            }
            Caller::Request { wish, ask, asked, takes } => {
                let there = its.client.asked(&envoy.host, &self.config, &ask, status, body).is_ok();
                if there {
                    let granted = body.starts_with(br#"{"result":"ok"#) && !ask.slots.is_empty();
                    let quiet = granted && takes == envoy.takes && self.smooth;
                    self.request_again(which, worker, wish, asked, Some(quiet));
                }
            }
        }
    }
}
