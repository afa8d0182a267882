//! A key that the policy does not have, but the store may.

use std::rc::Rc;

use super::arrival::{Arrival, Declared};
use super::{Exchange, Gate};
use crate::answer::Refusal;
use crate::host::Host;
use crate::policy::{Key, KeyHash, Store};
use crate::store::Sought;

/// A request that waits for its key to be looked up.
#[derive(Debug)]
pub(super) struct Pending {
    pub hash: KeyHash,
    pub declared: Declared,
    pub content_type: Option<String>,
}

/// Who shows a credential.
#[derive(Debug)]
pub(super) enum Identified {
    /// That key, or none that is known.
    As(Option<Rc<Key>>),
    /// The store has to say; whether it has to be asked for that.
    LookUp(bool),
    /// The store would have to say, and cannot.
    Unavailable,
}

impl Gate {
    /// The store, if keys are looked up in it.
    #[must_use]
    pub fn key_store(&self) -> Option<&Store> {
        self.policy.store.as_ref().filter(|store| store.keys_ttl_ms.is_some())
    }

    /// Whose key has that hash: the policy's, or else the store's.
    pub(super) fn identify<H: Host>(&self, host: &H, hash: &KeyHash) -> Identified {
        if let Some(key) = self.known.find(&self.policy, hash) {
            return Identified::As(Some(key));
        }
        let Some(store) = self.key_store() else { return Identified::As(None) };
        match self.client.keys.find(store, hash, host.now(), self.client.is_away(host)) {
            Sought::Found(key) => Identified::As(self.place(&key)),
            Sought::Absent => Identified::As(None),
            Sought::Ask => Identified::LookUp(true),
            Sought::Wait => Identified::LookUp(false),
            Sought::Unavailable => Identified::Unavailable,
        }
    }

    /// The key with that hash as far as is known without looking it up.
    pub(super) fn recall<H: Host>(&self, host: &H, hash: &KeyHash) -> Option<Option<Rc<Key>>> {
        if let Some(key) = self.known.find(&self.policy, hash) {
            return Some(Some(key));
        }
        let Some(store) = self.key_store() else { return Some(None) };
        let known = self.client.keys.peek(store, hash, host.now())?;
        Some(known.and_then(|key| self.place(&key)))
    }

    /// Puts a key of the store under the levels of this policy.
    fn place(&self, key: &Key) -> Option<Rc<Key>> {
        self.names.place(key).map(Rc::new)
    }
}

impl Exchange {
    /// Goes on with a request whose key has been looked up, or could not be.
    pub fn looked_up<H: Host>(&mut self, host: &H) -> Arrival {
        let start = self.clock.start(host);
        let arrival = self.know(host);
        let arrival = arrival.unwrap_or_else(|refusal| Arrival::Answered(self.refuse(host, &refusal)));
        self.clock.stop(host, start);
        arrival
    }

    fn know<H: Host>(&mut self, host: &H) -> Result<Arrival, Refusal> {
        let unavailable = Refusal::StoreUnavailable;
        let Some(Pending { hash, declared, content_type }) = self.pending.take() else { return Err(unavailable) };
        let Some(found) = self.gate.recall(host, &hash) else { return Err(unavailable) };
        let key = self.counting(found)?;
        self.go_on(host, key, &declared, content_type.as_deref())
    }
}
