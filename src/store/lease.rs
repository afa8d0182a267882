//! What an Envoy holds of the limits of one level, and how that lies in shared data: one value per level, words in
//! little-endian, so that taking a request from all limits of a level is one compare-and-set.

use crate::host::{Host, SharedSet};
use crate::policy::SlotId;

/// Whoever changes the format changes [`PREFIX`] with it, as two versions live side by side while an Envoy is upgraded; and
/// [`ENVOY`], as the newer one knows nothing of what the older one has spent of its leases: it has to be another Envoy.
const FORMAT: u64 = u64::from_le_bytes(*b"kwlease1");
const PREFIX: &str = "kwlease1.";
/// Where the number is in shared data by which the store knows this Envoy.
pub const ENVOY: &str = "kwlease1";
const WORDS: usize = 17;
/// Whoever waited for an answer longer than that is not there any more (nanoseconds).
const FORGOTTEN: u64 = 10_000_000_000;

/// What this Envoy holds of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    /// Of which limit.
    pub slot: u64,
    /// Which lease: the store gives each a number of its own. 0: none yet, or void.
    pub generation: u64,
    /// All that the store granted under that number, as far as this Envoy heard.
    pub known: u64,
    /// What of it can be taken. Below 0 where requests used more than they had reserved.
    pub available: i64,
    /// From then on (nanoseconds) nothing can be taken: the store will have given it to others.
    pub deadline: u64,
    /// When the store was last asked for more (nanoseconds).
    pub asked: u64,
    /// Taken since.
    pub taken: u64,
    /// Until then (nanoseconds) somebody is already asking for more ahead of need.
    pub refilling: u64,
    /// What the whole fleet used or held when the store last spoke.
    pub used: u64,
    /// When something was last taken (nanoseconds).
    pub touched: u64,
    /// Until then (nanoseconds) the store has no room for [`Self::refused`] or more.
    pub refused_until: u64,
    /// What the store last had no room for.
    pub refused: u64,
    /// When it will have room for that, if nothing else comes (nanoseconds).
    pub frees_at: u64,
    /// How many requests wait for an answer about it, and since when the last one does (nanoseconds).
    pub asking: u64,
    /// See [`Self::asking`].
    pub asked_at: u64,
    /// When it was last renewed (nanoseconds): whoever writes it renews it.
    pub renewed: u64,
    /// Leases up to that number may have been held, and forgotten, where there was no room: see [`Leases::change`].
    pub forgotten: u64,
}

impl Lease {
    /// What can be taken at `now`.
    #[must_use]
    pub fn free(&self, now: u64) -> u64 {
        if self.generation == 0 || now >= self.deadline { 0 } else { u64::try_from(self.available).unwrap_or(0) }
    }

    /// The same, or what was overspent, below 0: more is to be asked for by so much.
    #[must_use]
    pub fn has(&self, now: u64) -> i64 {
        i64::try_from(self.free(now)).unwrap_or(i64::MAX).saturating_add(self.available.min(0))
    }

    /// Takes; expects it to be free.
    pub fn take(&mut self, need: u64, now: u64) {
        self.add(need, false);
        self.taken = self.taken.saturating_add(need);
        self.touched = now;
    }

    /// Puts back what was taken and not used, or takes off what was used beyond it.
    pub fn settle(&mut self, taken: u64, used: u64) {
        if used <= taken {
            self.add(taken.saturating_sub(used), true)
        } else {
            self.add(used.saturating_sub(taken), false)
        }
    }

    /// Takes off what goes back to the store.
    pub fn give_back(&mut self, amount: u64) {
        self.add(amount, false);
    }

    /// The store is asked about it: until it answers, or that is given up, grants may be on their way.
    pub fn ask(&mut self, now: u64) {
        self.asking = if self.is_forgotten(now) { 1 } else { self.asking.saturating_add(1) };
        self.asked_at = now;
    }

    /// Whether somebody waits for an answer about it, and counts on what is there.
    #[must_use]
    pub const fn is_awaited(&self, now: u64) -> bool {
        self.asking > 0 && !self.is_forgotten(now)
    }

    const fn is_forgotten(&self, now: u64) -> bool {
        self.asked_at.saturating_add(FORGOTTEN) <= now
    }

    /// Nobody waits any more for what does not come any more: calls end without a word where what made them ends.
    pub fn forget_asking(&mut self, now: u64) {
        if self.is_forgotten(now) {
            self.asking = 0;
        }
    }

    /// It answered.
    pub fn answered(&mut self) {
        self.asking = self.asking.saturating_sub(1);
    }

    /// It will not answer any more. What it granted is heard of with the next letter, which is due at once.
    pub fn unanswered(&mut self) {
        self.answered();
        self.renewed = 0;
    }

    /// Hears that the store granted `more` for this answer, and so much in all under a number. What was held under an earlier
    /// number is void; a late answer under one changes nothing. Where nobody waits for an answer any more, all that was
    /// granted and not heard of was in answers that were lost; of an answer that another one overtook, `more` is news. Of a
    /// lease that may have been forgotten no more than that is: what was granted before it has been spent.
    pub fn hear(&mut self, generation: u64, more: u64, in_all: u64, deadline: u64) {
        if generation < self.generation {
            return;
        }
        if generation > self.generation {
            let known = if generation <= self.forgotten { in_all.saturating_sub(more) } else { 0 };
            (self.generation, self.known, self.available, self.deadline) = (generation, known, 0, 0);
        }
        let more = if self.asking == 0 { in_all.saturating_sub(self.known).max(more) } else { more };
        self.known = self.known.saturating_add(more);
        self.add(more, true);
        self.deadline = self.deadline.max(deadline);
    }

    fn add(&mut self, amount: u64, more: bool) {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        self.available =
            if more { self.available.saturating_add(amount) } else { self.available.saturating_sub(amount) };
    }

    const fn to_words(self) -> [u64; WORDS] {
        let available = u64::from_ne_bytes(self.available.to_ne_bytes());
        [
            self.slot,
            self.generation,
            self.known,
            available,
            self.deadline,
            self.asked,
            self.taken,
            self.refilling,
            self.used,
            self.touched,
            self.refused_until,
            self.refused,
            self.frees_at,
            self.asking,
            self.asked_at,
            self.renewed,
            self.forgotten,
        ]
    }

    const fn of_words(words: [u64; WORDS]) -> Self {
        let [
            slot,
            generation,
            known,
            available,
            deadline,
            asked,
            taken,
            refilling,
            used,
            touched,
            refused_until,
            refused,
            frees_at,
            asking,
            asked_at,
            renewed,
            forgotten,
        ] = words;
        let available = i64::from_ne_bytes(available.to_ne_bytes());
        Self {
            slot,
            generation,
            known,
            available,
            deadline,
            asked,
            taken,
            refilling,
            used,
            touched,
            refused_until,
            refused,
            frees_at,
            asking,
            asked_at,
            renewed,
            forgotten,
        }
    }
}

/// The leases on the limits of one level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leases(Vec<Lease>);

impl Leases {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (format, body) = words.split_first()?;
        let (leases, more) = body.as_chunks::<WORDS>();
        if u64::from_le_bytes(*format) != FORMAT || !rest.is_empty() || !more.is_empty() {
            return None;
        }
        Some(Self(leases.iter().map(|words| Lease::of_words(words.map(u64::from_le_bytes))).collect()))
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(WORDS).saturating_add(1).saturating_mul(8));
        let words = self.0.iter().flat_map(|lease| lease.to_words());
        core::iter::once(FORMAT).chain(words).for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// The lease on a limit; an empty one where there is none.
    #[must_use]
    pub fn get(&self, slot: SlotId) -> Lease {
        self.0.iter().find(|lease| lease.slot == slot.0).copied().unwrap_or(Lease { slot: slot.0, ..Lease::default() })
    }

    /// Changes the lease on a limit. Where there are `most` already, the one that was touched longest ago goes, of those that
    /// nobody waits for: what it held goes back to the fleet when it expires.
    ///
    /// Who takes its place knows that it was forgotten, and so does everybody who comes after him: the store may still tell
    /// of all that it had granted, and the number of a lease grows with the time at which it began.
    pub fn change(&mut self, slot: SlotId, most: usize, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.find(slot) {
            return change(lease);
        }
        let mut forgotten = self.0.iter().map(|lease| lease.forgotten).max().unwrap_or(0);
        let last = |lease: &Lease| (lease.asking > 0, lease.touched);
        if self.0.len() >= most
            && let Some(oldest) = (0..self.0.len()).min_by_key(|at| self.0.get(*at).map(last))
        {
            forgotten = forgotten.max(self.0.swap_remove(oldest).generation);
        }
        let mut lease = Lease { slot: slot.0, forgotten, ..Lease::default() };
        change(&mut lease);
        self.0.push(lease);
    }

    /// The lease on a limit, to be changed; `None` where there is none, or none any more.
    pub fn find(&mut self, slot: SlotId) -> Option<&mut Lease> {
        self.0.iter_mut().find(|lease| lease.slot == slot.0)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.0.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lease> {
        self.0.iter_mut()
    }
}

/// The leases of a level as they were read, with what a write has to show.
#[derive(Debug, Clone)]
pub struct Read {
    /// The leases.
    pub leases: Leases,
    version: Option<u32>,
}

/// Reads the leases of the level with that counter. A value that is none holds nothing.
pub fn read<H: Host + ?Sized>(host: &H, counter: &str) -> Read {
    let found = host.shared_get(&key(counter));
    let leases = found.as_ref().and_then(|value| Leases::read(&value.bytes)).unwrap_or_default();
    Read { leases, version: found.map(|value| value.version) }
}

/// Changes the leases of a level, again and again until nobody else wrote in between. `change` says whether there is
/// anything to write; `None` is given up after more losses than any Envoy produces.
pub fn update<H: Host + ?Sized, R>(
    host: &H,
    counter: &str,
    mut change: impl FnMut(&mut Leases) -> (bool, R),
) -> Option<R> {
    for _ in 0..super::TRIES {
        let Read { mut leases, version } = read(host, counter);
        let (changed, result) = change(&mut leases);
        if !changed || host.shared_set(&key(counter), &leases.write(), version) == SharedSet::Done {
            return Some(result);
        }
    }
    None
}

fn key(counter: &str) -> String {
    format!("{PREFIX}{counter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_read_as_they_were_written() {
        let mut leases = Leases::default();
        leases.change(SlotId(1), 9, |lease| lease.hear(5, 100, 100, 1_000));
        leases.change(SlotId(2), 9, |lease| lease.settle(1, 4));
        assert_eq!(Leases::read(&leases.write()), Some(leases.clone()));
        assert_eq!(leases.get(SlotId(2)).available, -3);
        for broken in [&b""[..], b"kwlease0", &leases.write()[1..], &leases.write()[..24]] {
            assert_eq!(Leases::read(broken), None);
        }
    }

    #[test]
    fn what_a_lease_held_is_void_under_another_number_and_after_its_time() {
        let mut lease = Lease::default();
        lease.hear(1, 10, 10, 1_000);
        lease.take(4, 500);
        assert_eq!((lease.free(999), lease.free(1_000)), (6, 0));
        lease.hear(1, 2, 12, 900);
        assert_eq!((lease.free(999), lease.known), (8, 12), "a deadline never comes nearer");
        lease.hear(2, 3, 3, 2_000);
        lease.hear(1, 8, 20, 3_000);
        assert_eq!((lease.free(1_999), lease.known), (3, 3), "what is late is void");
    }

    #[test]
    fn what_was_granted_in_answers_that_were_lost_is_heard_of_when_nobody_waits() {
        let mut lease = Lease::default();
        (0..3).for_each(|_| lease.ask(5));
        lease.answered();
        lease.hear(1, 2, 7, 1_000);
        assert_eq!(lease.free(6), 2, "5 are on their way to others");
        lease.answered();
        lease.answered();
        lease.hear(1, 1, 8, 1_000);
        assert_eq!((lease.free(6), lease.known), (8, 8), "they were lost");
        lease.hear(1, 0, 8, 1_000);
        assert_eq!(lease.free(6), 8);
        lease.ask(5);
        lease.ask(5 + FORGOTTEN);
        assert_eq!(lease.asking, 1, "who waits for so long is gone");
    }

    #[test]
    fn an_answer_that_another_one_overtook_is_heard_as_well() {
        let mut lease = Lease::default();
        (0..2).for_each(|_| lease.ask(5));
        for (more, in_all) in [(3, 8), (5, 5)] {
            lease.answered();
            lease.hear(1, more, in_all, 1_000);
        }
        assert_eq!((lease.free(6), lease.known), (8, 8));
        lease.hear(1, 0, 8, 1_000);
        assert_eq!(lease.free(6), 8);
    }

    #[test]
    fn what_was_overspent_is_asked_for_as_well() {
        let mut lease = Lease::default();
        lease.hear(1, 10, 10, 1_000);
        lease.take(10, 5);
        lease.settle(10, 14);
        assert_eq!((lease.free(6), lease.has(6), lease.has(1_000)), (0, -4, -4));
        lease.hear(1, 10, 20, 1_000);
        assert_eq!((lease.free(6), lease.has(6), lease.has(1_000)), (6, 6, 0));
    }

    #[test]
    fn of_a_lease_that_was_forgotten_only_what_comes_now_is_there() {
        let mut leases = Leases::default();
        let hear = |leases: &mut Leases, slot: u64, generation: u64, more: u64, in_all: u64| {
            leases.change(SlotId(slot), 2, |lease| {
                lease.hear(generation, more, in_all, 1_000);
                lease.touched = generation;
            });
            leases.get(SlotId(slot)).available
        };
        assert_eq!((hear(&mut leases, 1, 5, 10, 10), hear(&mut leases, 2, 6, 10, 10)), (10, 10));
        assert_eq!(hear(&mut leases, 3, 7, 1, 3), 3, "it is new, and some of its answers were lost");
        assert_eq!(hear(&mut leases, 1, 5, 2, 12), 2, "it was there before");
        assert_eq!(hear(&mut leases, 1, 5, 1, 14), 4, "and from then on it is as any other");
        assert_eq!((hear(&mut leases, 4, 8, 0, 9), hear(&mut leases, 2, 6, 0, 10)), (9, 0), "long ago");
    }

    #[test]
    fn the_one_touched_longest_ago_makes_room() {
        let mut leases = Leases::default();
        for slot in 1..=3 {
            leases.change(SlotId(slot), 2, |lease| lease.touched = slot);
        }
        assert_eq!(leases.iter().map(|lease| lease.slot).collect::<Vec<_>>(), [2, 3]);
        leases.change(SlotId(2), 2, |lease| lease.ask(1));
        leases.change(SlotId(4), 2, |lease| lease.touched = 4);
        assert_eq!(leases.iter().map(|lease| lease.slot).collect::<Vec<_>>(), [2, 4], "it is waited for");
    }
}
