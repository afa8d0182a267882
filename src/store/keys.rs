//! Keys in the store, as far as this worker knows them: looked up once for all who ask, kept for a while, and so rarely that
//! nobody can flood the store, or this worker, with keys that he invents.
//!
//! Keys have no checksum, and how they begin is no secret: random ones cannot be told from good ones but by asking. So what
//! is bounded is how often is asked. A key that was found before may always be looked up again; strangers share an allowance,
//! and beyond it they are told that the store is unavailable (503), not that they are unknown (401): among them may be a good
//! key, whose caller tries again then. Nobody is let in either way.

use core::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::policy::{Key, KeyHash, Store};

/// How many keys are kept, and how many that are not there.
const MOST_FOUND: usize = 50_000;
const MOST_ABSENT: usize = 10_000;
/// How many strangers are looked up at once.
const AT_ONCE: usize = 256;
/// How many strangers a second, and how many after a quiet time.
const RATE: u64 = 200;
const BURST: u64 = 400;
/// How much later than its time-out an answer is given up (nanoseconds): it was lost with the policy it was asked for.
const LOST: u64 = 500_000_000;
const SECOND: u64 = 1_000_000_000;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// It is there. Its levels are those of no policy yet.
    Found(Rc<Key>),
    /// It is not there.
    Absent,
    /// It has to be looked up: whoever is told so has to see to it.
    Ask,
    /// It is being looked up.
    Wait,
    /// It cannot be looked up now.
    Unavailable,
}

/// Keys of the store on one worker.
#[derive(Debug, Default)]
pub struct StoredKeys(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// Whose they are: two policies in one VM may have two stores.
    cluster: String,
    found: Cache<Rc<Key>>,
    absent: Cache<()>,
    /// When those were asked that were not answered yet, and until when an answer may come.
    asked: HashMap<KeyHash, (u64, u64)>,
    /// When the allowance of strangers would be whole again.
    whole_at: u64,
}

impl StoredKeys {
    /// Looks for a key. Only where the store is not `away` is it looked up.
    #[must_use]
    pub fn find(&self, store: &Store, hash: &KeyHash, now: u64, away: bool) -> Sought {
        let mut state = self.of(store);
        if let Some(known) = state.known(store, hash, now) {
            return known.map_or(Sought::Absent, Sought::Found);
        }
        if state.asked.contains_key(hash) {
            return Sought::Wait;
        }
        let stranger = !state.found.places.contains_key(hash);
        if away || (stranger && !state.allow(now)) {
            return Sought::Unavailable;
        }
        let patience = store.timeout_ms.saturating_mul(1_000_000).saturating_add(LOST);
        state.asked.insert(*hash, (now, now.saturating_add(patience)));
        Sought::Ask
    }

    /// What is known of a key without looking it up: it is not there (`Some(None)`), or nothing (`None`).
    #[must_use]
    pub fn peek(&self, store: &Store, hash: &KeyHash, now: u64) -> Option<Option<Rc<Key>>> {
        self.of(store).known(store, hash, now)
    }

    /// Takes what the store said of a key; `None`: it is not there. It holds from when it was asked.
    pub fn learn(&self, store: &Store, hash: &KeyHash, key: Option<Rc<Key>>) {
        let mut state = self.of(store);
        // Nobody asks any more: what was asked so long ago is no news.
        let Some((at, _)) = state.asked.remove(hash) else { return };
        match key {
            Some(key) => {
                state.absent.places.remove(hash);
                state.found.put(*hash, key, at, MOST_FOUND);
            }
            None => {
                state.found.places.remove(hash);
                state.absent.put(*hash, (), at, MOST_ABSENT);
            }
        }
    }

    /// The store said nothing of a key.
    pub fn forgo(&self, hash: &KeyHash) {
        self.0.borrow_mut().asked.remove(hash);
    }

    /// Gives up those whose answer does not come any more.
    #[must_use]
    pub fn overdue(&self, now: u64) -> Vec<KeyHash> {
        let asked = &mut self.0.borrow_mut().asked;
        asked.extract_if(|_, (_, until)| *until <= now).map(|(hash, _)| hash).collect()
    }

    fn of(&self, store: &Store) -> core::cell::RefMut<'_, State> {
        let mut state = self.0.borrow_mut();
        if state.cluster != store.cluster {
            *state = State { cluster: store.cluster.clone(), ..State::default() };
        }
        state
    }
}

impl State {
    fn known(&self, store: &Store, hash: &KeyHash, now: u64) -> Option<Option<Rc<Key>>> {
        let fresh = |at: u64| now < at.saturating_add(ttl(store));
        match self.found.places.get(hash) {
            Some((at, key)) => fresh(*at).then(|| Some(Rc::clone(key))),
            None => self.absent.places.get(hash).filter(|(at, ())| fresh(*at)).map(|_| None),
        }
    }

    /// Whether one more stranger may be looked up.
    fn allow(&mut self, now: u64) -> bool {
        const EACH: u64 = SECOND / RATE;
        let whole_at = self.whole_at.max(now).saturating_add(EACH);
        let allowed = whole_at.saturating_sub(now) <= EACH.saturating_mul(BURST) && self.asked.len() < AT_ONCE;
        if allowed {
            self.whole_at = whole_at;
        }
        allowed
    }
}

fn ttl(store: &Store) -> u64 {
    store.keys_ttl_ms.unwrap_or(0).saturating_mul(1_000_000)
}

/// Values by when they were asked for. The oldest go.
#[derive(Debug)]
struct Cache<V> {
    places: HashMap<KeyHash, (u64, V)>,
    /// In order of time; some have been replaced since.
    order: VecDeque<(KeyHash, u64)>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { places: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Cache<V> {
    /// Puts one in, and lets go of the oldest beyond `most`.
    fn put(&mut self, hash: KeyHash, value: V, at: u64, most: usize) {
        self.places.insert(hash, (at, value));
        self.order.push_back((hash, at));
        while let Some((first, since)) = self.order.front().copied() {
            let live = self.places.get(&first).is_some_and(|(at, _)| *at == since);
            // Places that were taken again are in the order twice, behind one that was not.
            let full = self.places.len() > most || self.order.len() > most.saturating_mul(2);
            if live && !full {
                break;
            }
            if live {
                self.places.remove(&first);
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::policy::{Level, LevelKind, OnOutage, Reserve, StoreDialect};

    const MS: u64 = 1_000_000;

    pub fn key(id: &str) -> Key {
        let own = Level {
            kind: LevelKind::Key,
            name: id.into(),
            rules: vec![],
            limits: vec![],
            max_request_bytes: None,
            max_output_tokens: None,
            reserve: Reserve::Full,
            alerts: vec![],
        };
        Key {
            id: id.into(),
            org: None,
            team: Some("marketing".into()),
            project: None,
            user: None,
            environment: None,
            levels: vec![],
            own,
            not_before: None,
            expires: None,
            disabled: false,
        }
    }

    fn store() -> Store {
        Store {
            cluster: "redis-http".into(),
            dialect: StoreDialect::Webdis,
            timeout_ms: 50,
            on_outage: OnOutage::Deny,
            authority: None,
            keys_ttl_ms: Some(30_000),
        }
    }

    fn hash(number: u64) -> KeyHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        KeyHash(bytes)
    }

    /// Looks a key up that the store has, or has not.
    fn look_up(keys: &StoredKeys, number: u64, there: bool, now: u64) {
        assert_eq!(keys.find(&store(), &hash(number), now, false), Sought::Ask, "{number}");
        keys.learn(&store(), &hash(number), there.then(|| Rc::new(key("a"))));
    }

    #[test]
    fn a_key_is_asked_for_once_and_what_was_said_holds_for_its_time() {
        let keys = StoredKeys::default();
        let find = |now: u64| keys.find(&store(), &hash(1), now, false);
        for there in [Some(Rc::new(key("a"))), None] {
            let began = if there.is_some() { 0 } else { 40_000 * MS };
            assert_eq!((find(began), find(began), find(began + 1)), (Sought::Ask, Sought::Wait, Sought::Wait));
            keys.learn(&store(), &hash(1), there.clone());
            let told = there.map_or(Sought::Absent, Sought::Found);
            assert_eq!((find(began + 60 * MS), find(began + 29_999 * MS)), (told.clone(), told));
            assert_eq!(
                keys.find(&store(), &hash(1), began + 30_000 * MS, true),
                Sought::Unavailable,
                "since it was asked"
            );
        }
        look_up(&keys, 1, true, 100_000 * MS);
        assert_eq!(find(100_001 * MS), Sought::Found(Rc::new(key("a"))), "one that came to be");
    }

    #[test]
    fn without_the_store_only_what_is_known_is_known() {
        let keys = StoredKeys::default();
        look_up(&keys, 1, true, 0);
        look_up(&keys, 2, false, 0);
        let away = |number| keys.find(&store(), &hash(number), MS, true);
        assert_eq!(
            (away(1), away(2), away(3)),
            (Sought::Found(Rc::new(key("a"))), Sought::Absent, Sought::Unavailable)
        );
        assert_eq!(keys.find(&store(), &hash(3), MS, false), Sought::Ask);
        assert_eq!(keys.find(&store(), &hash(3), MS, true), Sought::Wait, "it was asked in time");
        keys.forgo(&hash(3));
        assert_eq!(keys.peek(&store(), &hash(3), MS), None);
        assert_eq!(keys.find(&store(), &hash(3), MS, false), Sought::Ask);
    }

    #[test]
    fn strangers_share_an_allowance_and_those_known_do_not() {
        let keys = StoredKeys::default();
        look_up(&keys, 0, true, 0);
        let later = 60_000 * MS;
        let known = &keys;
        let ask = |numbers: core::ops::Range<u64>, now: u64| {
            numbers.filter(move |number| {
                let asked = known.find(&store(), &hash(*number), now, false) == Sought::Ask;
                known.learn(&store(), &hash(*number), None);
                asked
            })
        };
        assert_eq!(ask(1..10_000, later).count() as u64, BURST);
        assert_eq!(keys.find(&store(), &hash(0), later, false), Sought::Ask, "it was a key before");
        assert_eq!(ask(10_000..20_000, later + 1_000 * MS).count() as u64, RATE);
        assert_eq!(ask(20_000..30_000, later + 3_600_000 * MS).count() as u64, BURST, "no more is saved up");
        let at_once = |number: &u64| keys.find(&store(), &hash(*number), 9_000_000 * MS, false) == Sought::Ask;
        assert_eq!((30_000..40_000).filter(at_once).count(), AT_ONCE - 1, "one known is under way");
    }

    #[test]
    fn invented_keys_fill_no_memory_and_push_out_no_key() {
        let keys = StoredKeys::default();
        look_up(&keys, 0, true, 0);
        let most = u64::try_from(MOST_ABSENT).unwrap();
        for number in 1..3 * most {
            look_up(&keys, number, false, number * 10 * MS);
        }
        let state = keys.0.borrow();
        assert_eq!((state.absent.places.len(), state.found.places.len(), state.asked.len()), (MOST_ABSENT, 1, 0));
        assert!(state.absent.order.len() <= 2 * MOST_ABSENT);
        assert!(state.absent.places.contains_key(&hash(3 * most - 1)) && !state.absent.places.contains_key(&hash(1)));
    }

    #[test]
    fn the_oldest_keys_go_and_a_key_looked_up_again_and_again_takes_one_place() {
        let mut cache = Cache::default();
        for at in 0..1000 {
            cache.put(hash(at % 3), at, at, 2);
            assert!(cache.places.len() <= 2 && cache.order.len() <= 4);
        }
        assert!(!cache.places.contains_key(&hash(997 % 3)));
        let mut cache = Cache::default();
        cache.put(hash(0), 0, 0, 10);
        for at in 1..1000 {
            cache.put(hash(1), at, at, 10);
            assert!(cache.order.len() <= 20);
        }
        assert_eq!(cache.places.get(&hash(1)), Some(&(999, 999)));
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let keys = StoredKeys::default();
        assert_eq!(keys.find(&store(), &hash(1), 0, false), Sought::Ask);
        assert!(keys.overdue(549 * MS).is_empty());
        assert_eq!(keys.overdue(550 * MS), [hash(1)]);
        keys.learn(&store(), &hash(1), Some(Rc::new(key("a"))));
        assert_eq!(keys.find(&store(), &hash(1), 551 * MS, false), Sought::Ask, "it came too late");
    }

    #[test]
    fn keys_of_one_store_open_no_other() {
        let keys = StoredKeys::default();
        look_up(&keys, 1, true, 0);
        let other = Store { cluster: "other".into(), ..store() };
        assert_eq!(keys.find(&other, &hash(1), MS, false), Sought::Ask);
        keys.learn(&store(), &hash(1), Some(Rc::new(key("a"))));
        assert_eq!(keys.find(&other, &hash(1), MS, false), Sought::Ask, "what the one says is not said by the other");
    }
}
