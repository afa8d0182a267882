//! What an Envoy holds of one limit.

use super::{LEASE_MS, MARGIN_MS};

/// Who takes nothing for so long is quiet (nanoseconds).
const QUIET: u64 = 2_000_000_000;
/// Whoever waited for an answer longer than that is not there any more (nanoseconds).
const FORGOTTEN: u64 = 10_000_000_000;
/// For so long after the store was asked or told something can be taken (nanoseconds).
pub(super) const LASTS: u64 = LEASE_MS.saturating_sub(MARGIN_MS).saturating_mul(1_000_000);
/// A limit that had no room is not asked about again for so long (nanoseconds).
pub(super) const TOLD: u64 = 100_000_000;
/// Nobody else asks for more ahead of need while somebody does: not for longer than that (nanoseconds).
pub(super) const REFILLS: u64 = 1_000_000_000;
/// What was asked may reach the store so long after that was given up (nanoseconds).
const LATE: u64 = 2_000_000_000;

/// A struct of numbers of 64 bits, which are written as words in the order in which they stand there.
macro_rules! words {
    ($(#[$of:meta])* pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident: $kind:ident,)* }) => {
        $(#[$of])*
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
        }

        /// So many words it is written as.
        pub(super) const WORDS: usize = [$(stringify!($field)),*].len();

        impl $name {
            pub(super) const fn to_words(self) -> [u64; WORDS] {
                [$(u64::from_ne_bytes(self.$field.to_ne_bytes())),*]
            }

            pub(super) const fn of_words(words: [u64; WORDS]) -> Self {
                let [$($field),*] = words;
                Self { $($field: $kind::from_ne_bytes($field.to_ne_bytes())),* }
            }
        }
    };
}

words! {
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
        /// What requests in flight have reserved of it: nobody knows yet what they come to.
        pub flying: u64,
        /// 1 where the store was last told that more may have been spent than it knows.
        pub busy: u64,
        /// Where the store was asked and did not answer, and may have granted what was never heard of: until when something can be
        /// taken (nanoseconds) as soon as it is asked late enough to tell of that. 0: it has answered.
        pub unheard: u64,
        /// Leases up to that number may have been held, and forgotten, where there was no room: see [`super::leases::Leases::change`].
        pub forgotten: u64,
    }
}

/// What was left of a lease that is over. The store does not know that it was not spent until it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Void {
    /// The lease's number.
    pub generation: u64,
    /// What was left.
    pub unspent: u64,
    /// What was granted beyond that was never heard of, and was not spent either; `None`: it is in `unspent`, or nothing.
    pub known: Option<u64>,
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

    /// The clock may have been set back: what lies further ahead of it than it can was long ago, or it would be ahead for as
    /// long.
    pub(super) fn at(&mut self, now: u64) {
        let Self { asked, touched, renewed, deadline, refused_until, refilling, .. } = self;
        let past = [(asked, 0), (touched, 0), (renewed, 0)];
        for (at, most) in past.into_iter().chain([(deadline, LASTS), (refused_until, TOLD), (refilling, REFILLS)]) {
            if *at > now.saturating_add(most) {
                *at = 0;
            }
        }
        self.asked_at = self.asked_at.min(now);
        self.unheard = self.unheard.min(now.saturating_add(LATE).saturating_add(LASTS));
    }

    /// Takes; expects it to be free.
    pub fn take(&mut self, need: u64, now: u64) {
        self.add(need, false);
        self.taken = self.taken.saturating_add(need);
        self.touched = now;
    }

    /// What was taken is no more than reserved: it is [settled](Self::settle) when it is known what the request came to.
    pub const fn reserve(&mut self, need: u64) {
        self.flying = self.flying.saturating_add(need);
    }

    /// A request that had reserved so much has ended.
    pub const fn land(&mut self, need: u64) {
        self.flying = self.flying.saturating_sub(need);
    }

    /// Puts back what was taken and not used, or takes off what was used beyond it.
    pub fn settle(&mut self, taken: u64, used: u64) {
        if used <= taken {
            self.add(taken.saturating_sub(used), true)
        } else {
            self.add(used.saturating_sub(taken), false)
        }
    }

    /// Whether nothing was taken of it lately.
    #[must_use]
    pub const fn is_quiet(&self, now: u64) -> bool {
        self.touched.saturating_add(QUIET) <= now
    }

    /// What was taken of it, but for what requests in flight have reserved; or went back.
    #[must_use]
    pub fn gone(&self) -> i64 {
        let held = self.available.saturating_add(self.flying.cast_signed());
        self.known.cast_signed().saturating_sub(held).max(0)
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
    pub fn unanswered(&mut self, now: u64) {
        self.answered();
        self.renewed = 0;
        self.unheard = now.saturating_add(LATE).saturating_add(LASTS);
    }

    /// Whether the store is to be asked what lease it has granted.
    pub const fn is_unheard(&self, now: u64) -> bool {
        self.unheard != 0 && self.generation == 0 && !self.is_awaited(now)
    }

    /// Hears that the store granted `more` for this answer, and so much in all under a number. What was held under an earlier
    /// number is [`Void`]; a late answer under one changes nothing. Where nobody waits for an answer any more, all that was
    /// granted and not heard of was in answers that were lost; of an answer that another one overtook, `more` is news. Of a
    /// lease that may have been forgotten no more than that is: what was granted before it has been spent.
    pub fn hear(&mut self, generation: u64, more: u64, in_all: u64, deadline: u64) -> Option<Void> {
        if generation < self.generation {
            return None;
        }
        let mut void = None;
        if generation > self.generation {
            void = self.end(None);
            let known = if generation <= self.forgotten { in_all.saturating_sub(more) } else { 0 };
            (self.generation, self.known, self.busy) = (generation, known, 1);
        }
        let more = if self.asking == 0 { in_all.saturating_sub(self.known).max(more) } else { more };
        self.known = self.known.saturating_add(more);
        self.add(more, true);
        self.deadline = self.deadline.max(deadline);
        if self.asking == 0 && deadline >= self.unheard {
            self.unheard = 0;
        }
        void
    }

    /// Hears that it is over, and how much the store had granted in all, where that is said: what nobody heard of was not
    /// spent, and whoever still waits is told of another lease.
    pub fn end(&mut self, in_all: Option<u64>) -> Option<Void> {
        let unheard = in_all.map_or(0, |in_all| in_all.saturating_sub(self.known));
        let unspent = u64::try_from(self.available).unwrap_or(0).saturating_add(unheard);
        let is_sought = in_all.is_none() && (self.unheard != 0 || self.asking > 0);
        let void = Void { generation: self.generation, unspent, known: is_sought.then_some(self.known) };
        (self.generation, self.known, self.available, self.deadline, self.flying) = (0, 0, 0, 0, 0);
        (void.generation != 0 && (unspent > 0 || is_sought)).then_some(void)
    }

    fn add(&mut self, amount: u64, more: bool) {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        self.available =
            if more { self.available.saturating_add(amount) } else { self.available.saturating_sub(amount) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
