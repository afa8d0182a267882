//! What an Envoy holds of the limits of one level, and how that lies in shared data: one value per level, words in
//! little-endian, so that taking a request from all limits of a level is one compare-and-set.

use super::lease::{Lease, WORDS};
use crate::host::{Host, SharedSet};
use crate::policy::SlotId;

/// Whoever changes the format changes [`PREFIX`] with it, as two versions live side by side while an Envoy is upgraded; and
/// [`ENVOY`], as the newer one knows nothing of what the older one has spent of its leases: it has to be another Envoy.
const FORMAT: u64 = u64::from_le_bytes(*b"kwlease2");
const PREFIX: &str = "kwlease2.";
/// Where the number is in shared data by which the store knows this Envoy.
pub const ENVOY: &str = "kwlease2";

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

/// Reads the leases of the level with that counter, as they are at `now`. A value that is none holds nothing.
pub fn read<H: Host + ?Sized>(host: &H, counter: &str, now: u64) -> Read {
    let found = host.shared_get(&key(counter));
    let mut leases = found.as_ref().and_then(|value| Leases::read(&value.bytes)).unwrap_or_default();
    leases.iter_mut().for_each(|lease| lease.at(now));
    Read { leases, version: found.map(|value| value.version) }
}

/// Changes the leases of a level, again and again until nobody else wrote in between. `change` says whether there is
/// anything to write; `None` is given up after more losses than any Envoy produces.
pub fn update<H: Host + ?Sized, R>(
    host: &H,
    counter: &str,
    now: u64,
    mut change: impl FnMut(&mut Leases) -> (bool, R),
) -> Option<R> {
    for _ in 0..super::TRIES {
        let Read { mut leases, version } = read(host, counter, now);
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
        leases.change(SlotId(1), 9, |lease| {
            lease.hear(5, 100, 100, 1_000);
            lease.reserve(7);
        });
        leases.change(SlotId(2), 9, |lease| lease.settle(1, 4));
        assert_eq!(Leases::read(&leases.write()), Some(leases.clone()));
        assert_eq!(leases.get(SlotId(2)).available, -3);
        for broken in [&b""[..], b"kwlease0", &leases.write()[1..], &leases.write()[..24]] {
            assert_eq!(Leases::read(broken), None);
        }
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
