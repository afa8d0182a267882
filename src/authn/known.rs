use core::cell::RefCell;
use core::fmt;
use std::rc::Rc;

use crate::policy::{Key, KeyHash, Policy};

/// How many decoded keys a worker keeps.
const PLACES: usize = 1024;

/// Keys that were looked up lately, decoded. Each hash has one place; who comes later takes it. Bounded, and never asked
/// about a key that the policy does not hold, so that no caller can push others out with keys it invents.
pub struct KnownKeys(RefCell<Vec<Place>>);

type Place = Option<(KeyHash, Rc<Key>)>;

impl Default for KnownKeys {
    fn default() -> Self {
        Self(RefCell::new(vec![None; PLACES]))
    }
}

impl fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownKeys(…)")
    }
}

impl KnownKeys {
    /// The key with that hash.
    pub fn find(&self, policy: &Policy, hash: &KeyHash) -> Option<Rc<Key>> {
        let [first, second, ..] = hash.0;
        let place = usize::from(u16::from_le_bytes([first, second])) % PLACES;
        let mut known = self.0.borrow_mut();
        let kept = known.get_mut(place)?;
        match kept {
            Some((of, key)) if of == hash => Some(Rc::clone(key)),
            _ => {
                let key = Rc::new(policy.keys.find(hash)?);
                *kept = Some((*hash, Rc::clone(&key)));
                Some(key)
            }
        }
    }
}
