//! Requests that wait for their key to be looked up. The root context asks the store, once for all who wait for the same key:
//! an answer goes to the context that asked, and a request that hangs up takes its calls with it. A shared queue, one for each
//! worker, is how a request has the root called at once.
//!
//! When the answer has come the root goes on with each of them in its name ([`on_behalf`]). What such a request asks the store
//! further is asked by the root too, for the SDK takes answers to who was called last.

use core::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use proxy_wasm::hostcalls as sdk;
use proxy_wasm::types::Action;

use super::hostcalls;
use super::stream::Stream;
use crate::gate::Gate;
use crate::policy::KeyHash;
use crate::store::Question;

/// How much later than its time-out an answer is given up (nanoseconds).
const LOST: u64 = 500_000_000;

/// A request: its context, and itself for as long as it is there.
#[derive(Clone, Default)]
pub struct Waiter {
    pub context: u32,
    pub stream: Weak<RefCell<Stream>>,
}

/// What the roots and the requests of this VM share.
#[derive(Default)]
struct Desk {
    queue: Cell<Option<u32>>,
    /// To be asked.
    asks: RefCell<Vec<(Rc<Gate>, KeyHash)>>,
    waiting: RefCell<HashMap<KeyHash, Vec<Waiter>>>,
    /// The root that goes on with requests now.
    root: Cell<u32>,
    /// Who waits for the answer to a call that the root made, and until when (nanoseconds).
    calls: RefCell<HashMap<u32, (Waiter, u64)>>,
}

thread_local! {
    static DESK: Desk = Desk::default();
}

/// Makes the root context that runs the one that is called.
pub fn open() {
    let name = format!("keyward.{}", super::worker().id().0);
    let queue = sdk::register_shared_queue(&name).ok();
    DESK.with(|desk| desk.queue.set(queue));
}

/// Has a request wait for a key, and the store asked if that is for it to do.
pub fn wait(gate: &Rc<Gate>, hash: KeyHash, ask: bool, waiter: Waiter) {
    DESK.with(|desk| {
        desk.waiting.borrow_mut().entry(hash).or_default().push(waiter);
        if ask {
            desk.asks.borrow_mut().push((Rc::clone(gate), hash));
            desk.call_root();
        }
    });
}

/// Has the root called when this callback is over.
pub fn call_root() {
    DESK.with(Desk::call_root);
}

impl Desk {
    fn call_root(&self) {
        // Without a queue the next tick will do.
        if let Some(queue) = self.queue.get() {
            let _ = sdk::enqueue_shared_queue(queue, Some(b"?"));
        }
    }
}

/// What is to be asked. The root was called; or it looks by itself, lest a call was lost.
pub fn asks() -> Vec<(Rc<Gate>, KeyHash)> {
    DESK.with(|desk| {
        if let Some(queue) = desk.queue.get() {
            while let Ok(Some(_)) = sdk::dequeue_shared_queue(queue) {}
        }
        desk.asks.take()
    })
}

/// Goes on with all that wait for a key.
pub fn go_on(root: u32, hash: &KeyHash) {
    let waiters = DESK.with(|desk| desk.waiting.borrow_mut().remove(hash));
    for waiter in waiters.unwrap_or_default() {
        on_behalf(root, &waiter, Stream::looked_up);
    }
}

/// Asks the store for a request that the root goes on with.
pub fn ask(question: &Question, waiter: &Waiter) -> bool {
    DESK.with(|desk| {
        hostcalls::set_effective_context(desk.root.get());
        let token = hostcalls::ask(question);
        hostcalls::set_effective_context(waiter.context);
        let patience = u64::try_from(question.timeout.as_nanos()).unwrap_or(u64::MAX).saturating_add(LOST);
        let until = hostcalls::now().saturating_add(patience);
        let mut calls = desk.calls.borrow_mut();
        token.is_some_and(|token| calls.insert(token, (waiter.clone(), until)).is_none())
    })
}

/// Takes the answer to that; `false` if no request waits for it.
pub fn answered(root: u32, token: u32, status: u16, body: &[u8]) -> bool {
    let waiter = DESK.with(|desk| desk.calls.borrow_mut().remove(&token));
    let Some((waiter, _)) = waiter else { return false };
    on_behalf(root, &waiter, |stream| stream.asked(status, body));
    true
}

/// Goes on with all whose answer does not come any more: it ended with the root that asked.
pub fn give_up(root: u32, now: u64) {
    let overdue: Vec<Waiter> = DESK.with(|desk| {
        let mut calls = desk.calls.borrow_mut();
        calls.extract_if(|_, (_, until)| *until <= now).map(|(_, (waiter, _))| waiter).collect()
    });
    for waiter in overdue {
        on_behalf(root, &waiter, |stream| stream.asked(0, &[]));
    }
}

/// Goes on with a request in its name, if it is still there.
fn on_behalf(root: u32, waiter: &Waiter, then: impl FnOnce(&mut Stream) -> Action) {
    let Some(stream) = waiter.stream.upgrade() else { return };
    if !hostcalls::set_effective_context(waiter.context) {
        return;
    }
    DESK.with(|desk| desk.root.set(root));
    let mut stream = stream.borrow_mut();
    stream.by_root = true;
    if then(&mut stream) == Action::Continue {
        hostcalls::resume_request();
    }
    stream.by_root = false;
    hostcalls::set_effective_context(root);
}
