//! One worker's dealings with the store.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use super::command::{Calling, Command};
use super::dialect::{self, NoAnswer};
use super::report::Reached;
use super::{Ask, Book, StoredKeys, asked, breaker, library, peers, record};
use crate::host::Host;
use crate::policy::{KeyHash, Store, Timezone};

/// How long a letter may take; nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// And how long it is waited for (nanoseconds).
const AWAITED: u64 = 3_000_000_000;
const MOST_AHEAD: usize = 64;

/// A call to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The Envoy cluster.
    pub cluster: String,
    /// Header `:authority`.
    pub authority: String,
    /// What is posted to `/`.
    pub body: Vec<u8>,
    /// How long it may take.
    pub timeout: Duration,
}

/// A call in the background.
#[derive(Debug)]
pub enum Errand {
    /// The book's letter.
    Report,
    /// More, before it is needed.
    Ahead(Ask),
    /// The library, which the store does not have.
    Library,
}

/// Why there is no answer of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// It is away, or cannot say.
    Away,
    /// It wants to be asked in another way, which the next question is.
    Otherwise,
}

/// One worker's dealings with the store. One per VM.
#[derive(Debug)]
pub struct Client {
    /// What is to be told.
    pub book: RefCell<Book>,
    /// Keys that are not the policy's.
    pub keys: StoredKeys,
    /// The store refuses to be asked for keys, and that was said.
    keyless: Cell<bool>,
    calling: Cell<Calling>,
    /// The store has no library, or another one.
    lacks_library: Cell<bool>,
    /// That was said.
    told_of_library: Cell<bool>,
    /// Until then (nanoseconds) an answer to the last letter may come.
    awaited: Cell<u64>,
    ahead: RefCell<Vec<Ask>>,
    /// Something was added to that, and nobody was called for it.
    hurry: Cell<bool>,
}

impl Client {
    /// Of a worker of an Envoy; both are numbers drawn at random.
    #[must_use]
    pub fn new(envoy: u64, worker: u64) -> Self {
        Self {
            book: RefCell::new(Book::new(envoy, worker)),
            keys: StoredKeys::default(),
            keyless: Cell::default(),
            calling: Cell::default(),
            lacks_library: Cell::default(),
            told_of_library: Cell::default(),
            awaited: Cell::default(),
            ahead: RefCell::default(),
            hurry: Cell::default(),
        }
    }

    /// Whether requests have to do without the store.
    #[must_use]
    pub fn is_away<H: Host + ?Sized>(&self, host: &H) -> bool {
        breaker::is_open(host)
    }

    /// Asks, for a request that waits.
    #[must_use]
    pub fn ask<H: Host + ?Sized>(&self, host: &H, store: &Store, ask: &Ask) -> Question {
        asked::asking(host, ask);
        let command = ask.command(self.calling.get(), self.book.borrow().envoy());
        question(store, &command, Duration::from_millis(store.timeout_ms))
    }

    /// Takes the answer to what was asked; `status` is 0 where none came.
    ///
    /// # Errors
    /// [`Unanswered`]: nothing was granted.
    pub fn asked<H: Host + ?Sized>(
        &self,
        host: &H,
        store: &Store,
        ask: &Ask,
        status: u16,
        body: &[u8],
    ) -> Result<(), Unanswered> {
        let text = self
            .answer(host, store, status, body)
            .inspect_err(|_| asked::unanswered(host, &mut self.book.borrow_mut(), ask))?;
        let Some((store_ms, answers)) = ask.read(&text) else {
            asked::unanswered(host, &mut self.book.borrow_mut(), ask);
            return Err(self.failed(host, "an answer of another version"));
        };
        self.book.borrow_mut().saw_time(store_ms, ask.sent);
        // Those that have leases are some of those that are there.
        let least = answers.iter().map(|answer| answer.peers).max().unwrap_or(0);
        peers::saw(host, peers::read(host).unwrap_or(0).max(least));
        asked::granted(host, &mut self.book.borrow_mut(), ask, &answers, host.now());
        Ok(())
    }

    /// Asks for a key.
    #[must_use]
    pub fn ask_for_key(&self, store: &Store, hash: &KeyHash) -> Question {
        let command = vec!["GET".to_owned(), record::key_name(hash)];
        question(store, &command, Duration::from_millis(store.timeout_ms))
    }

    /// Takes the answer to that; `status` is 0 where none came.
    pub fn asked_for_key<H: Host + ?Sized>(&self, host: &H, store: &Store, hash: &KeyHash, status: u16, body: &[u8]) {
        let refused = match dialect::answer(store.dialect, status, body) {
            Ok(text) => {
                if breaker::answered(host) {
                    log::info!("keyward: the store {} is back", store.cluster);
                }
                let key = text.as_deref().and_then(record::read_key);
                if text.is_some() && key.is_none() {
                    log::warn!(
                        "keyward: a key in the store cannot be read: put it there with this version of `keyward`"
                    );
                }
                self.keyless.set(false);
                return self.keys.learn(store, hash, key.map(Rc::new));
            }
            Err(NoAnswer::Unavailable) if status == 0 => {
                self.failed(host, "no answer in time");
                None
            }
            Err(NoAnswer::Unavailable) if status >= 500 => {
                self.failed(host, &format!("HTTP {status}"));
                None
            }
            // It is there for limits, so they go on: it may be that it does not allow `GET`.
            Err(NoAnswer::Unavailable) => Some(format!("HTTP {status}")),
            Err(NoAnswer::Refused(text)) => Some(text),
        };
        self.keys.forgo(hash);
        if let Some(why) = refused
            && !self.keyless.replace(true)
        {
            log::error!("keyward: the store {} does not say what keys it has: {why}", store.cluster);
        }
    }

    /// Nobody waits for the answer any more.
    pub fn gave_up<H: Host + ?Sized>(&self, host: &H, ask: &Ask) {
        asked::unanswered(host, &mut self.book.borrow_mut(), ask);
    }

    /// The answer to an errand goes nowhere: who made it ends.
    pub fn dropped<H: Host + ?Sized>(&self, host: &H, errand: &Errand) {
        match errand {
            Errand::Ahead(ask) => asked::unanswered(host, &mut self.book.borrow_mut(), ask),
            // The same letter is sent by who comes after him.
            Errand::Report => self.awaited.set(0),
            Errand::Library => {}
        }
    }

    /// More is to be asked for ahead of need, by whoever calls next for [`Self::refills`] or [`Self::errands`].
    pub fn ask_ahead(&self, ask: Ask) {
        let mut ahead = self.ahead.borrow_mut();
        if ahead.len() < MOST_AHEAD {
            ahead.push(ask);
            self.hurry.set(true);
        }
    }

    /// Whether somebody is to be called, so that more is there before it is needed. Says so once.
    #[must_use]
    pub fn hurries(&self) -> bool {
        self.hurry.replace(false)
    }

    /// What is to be asked for ahead of need. While the store is away, nothing.
    pub fn refills<H: Host + ?Sized>(&self, host: &H, store: &Store) -> Vec<(Errand, Question)> {
        let asks = self.ahead.take();
        if asks.is_empty() || self.is_away(host) || self.lacks_library.get() {
            return Vec::new();
        }
        let refill = |mut ask: Ask| {
            ask.sent = host.now();
            let question = self.ask(host, store, &ask);
            (Errand::Ahead(ask), question)
        };
        asks.into_iter().map(refill).collect()
    }

    /// What is to be sent in the background now. To be called several times a second.
    pub fn errands<H: Host + ?Sized>(&self, host: &H, store: &Store, timezone: &Timezone) -> Vec<(Errand, Question)> {
        let now = host.now();
        if !breaker::may_try(host, now) {
            self.ahead.borrow_mut().clear();
            return Vec::new();
        }
        let mut errands = Vec::new();
        if self.lacks_library.get() {
            let command = library(self.calling.get());
            errands.push((Errand::Library, question(store, &command, PATIENCE)));
            return errands;
        }
        if !(1..=AWAITED).contains(&self.awaited.get().saturating_sub(now))
            && let Some(command) = self.book.borrow_mut().report(host, timezone, self.calling.get(), self.is_away(host))
        {
            self.awaited.set(now.saturating_add(AWAITED));
            errands.push((Errand::Report, question(store, &command, PATIENCE)));
        }
        errands.extend(self.refills(host, store));
        errands
    }

    /// Takes the answer to an errand, and says which budgets have reached a percentage.
    pub fn back<H: Host + ?Sized>(
        &self,
        host: &H,
        store: &Store,
        errand: &Errand,
        status: u16,
        body: &[u8],
    ) -> Vec<Reached> {
        match errand {
            Errand::Ahead(ask) => {
                // What it failed for is said.
                let _ = self.asked(host, store, ask, status, body);
                Vec::new()
            }
            Errand::Library => {
                // Where it may not be loaded from here, somebody else may have: the next call tells.
                self.lacks_library.set(false);
                if self.answer(host, store, status, body).is_ok() {
                    self.told_of_library.set(false);
                    log::info!("keyward: the store has library {} now", library::VERSION);
                }
                Vec::new()
            }
            Errand::Report => {
                self.awaited.set(0);
                let Ok(text) = self.answer(host, store, status, body) else { return Vec::new() };
                let reported = self.book.borrow_mut().reported(host, &text);
                if let Some((envoys, reached)) = reported {
                    peers::saw(host, envoys);
                    return reached;
                }
                self.failed(host, "an answer of another version");
                Vec::new()
            }
        }
    }

    /// What Redis said.
    fn answer<H: Host + ?Sized>(
        &self,
        host: &H,
        store: &Store,
        status: u16,
        body: &[u8],
    ) -> Result<String, Unanswered> {
        match dialect::answer(store.dialect, status, body) {
            Ok(text) => {
                if breaker::answered(host) {
                    log::info!("keyward: the store {} is back", store.cluster);
                }
                Ok(text.unwrap_or_default())
            }
            Err(NoAnswer::Unavailable) if status == 0 => Err(self.failed(host, "no answer in time")),
            Err(NoAnswer::Unavailable) => Err(self.failed(host, &format!("HTTP {status}"))),
            Err(NoAnswer::Refused(text)) => {
                let has = |part: &str| text.contains(part);
                if has("unknown command") && self.calling.replace(Calling::Script) == Calling::Function {
                    return Err(Unanswered::Otherwise);
                }
                let lacks = has("Function not found") || has("NOSCRIPT") || has("unknown command");
                self.lacks_library.set(lacks);
                if lacks && !self.told_of_library.replace(true) {
                    log::warn!(
                        "keyward: the store has no library: `keyward store init` loads it, if Keyward may not itself"
                    );
                }
                Err(self.failed(host, &text))
            }
        }
    }

    /// It does not answer: requests go on without it, and it is left alone for a while.
    pub fn failed<H: Host + ?Sized>(&self, host: &H, why: &str) -> Unanswered {
        let now = host.now();
        if breaker::failed(host, now, now / 1_000) {
            log::warn!("keyward: the store is out of reach: {why}");
        }
        Unanswered::Away
    }
}

fn question(store: &Store, command: &Command, timeout: Duration) -> Question {
    Question {
        cluster: store.cluster.clone(),
        authority: store.authority.clone().unwrap_or_else(|| store.cluster.clone()),
        body: dialect::body(store.dialect, command),
        timeout,
    }
}

fn library(calling: Calling) -> Command {
    let words: &[&str] = match calling {
        Calling::Function => &["FUNCTION", "LOAD", "REPLACE", library::LIBRARY],
        Calling::Script => &["SCRIPT", "LOAD", library::SCRIPT],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}
