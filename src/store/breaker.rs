//! A store that does not answer is left alone for a while, so that it costs no request more than once its time-out. All
//! workers of an Envoy know of it at once.

use crate::host::{Host, SharedSet};

const KEY: &str = "kwstore.breaker";
/// So many failures in a row are an outage. Fewer may be a slow moment.
const OUTAGE: u64 = 3;
/// How long the store is left alone after its first and after further failures (nanoseconds), half of it by chance, so that
/// the workers of a fleet do not come back all at once.
const FIRST: u64 = 200_000_000;
const LONGEST: u64 = 4_000_000_000;
/// For so long nobody else tries while somebody does: longer than a try takes.
const TRYING: u64 = LONGEST;
const TRIES: usize = 100;

/// How the store is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    /// Failures in a row up to [`OUTAGE`], and one more for each time that it was tried since.
    failures: u64,
    /// Not before that time (nanoseconds) is it tried again.
    left_alone_until: u64,
}

/// Whether requests have to do without the store.
pub fn is_open<H: Host + ?Sized>(host: &H) -> bool {
    read(host).0.failures >= OUTAGE
}

/// Whether the store may be called in the background; if it is away, one worker at a time is told so.
pub fn may_try<H: Host + ?Sized>(host: &H, now: u64) -> bool {
    let (mut state, version) = read(host);
    if state.failures < OUTAGE {
        return true;
    }
    // What lies further ahead than that was said before the clock was set back.
    if (1..=TRYING).contains(&state.left_alone_until.saturating_sub(now)) {
        return false;
    }
    // Until it answers, that has failed.
    state.failures = state.failures.saturating_add(1);
    state.left_alone_until = now.saturating_add(TRYING);
    write(host, state, version)
}

/// It answered. Whether that is news.
pub fn answered<H: Host + ?Sized>(host: &H) -> bool {
    update(host, |state| core::mem::take(&mut state.failures))
}

/// It did not. `chance` is any number. Whether that is news.
pub fn failed<H: Host + ?Sized>(host: &H, now: u64, chance: u64) -> bool {
    update(host, |state| {
        let known = state.failures >= OUTAGE;
        if !known {
            state.failures = state.failures.saturating_add(1);
        }
        let times = state.failures.saturating_sub(OUTAGE).min(8);
        let doubled = FIRST.checked_shl(u32::try_from(times).unwrap_or(8)).unwrap_or(LONGEST).min(LONGEST);
        let half = doubled / 2;
        let next = now.saturating_add(half).saturating_add(chance.checked_rem(half).unwrap_or(0));
        // All who wait when an outage begins fail within it: however many they are, it is tried again no later.
        state.left_alone_until = if known { state.left_alone_until.min(next) } else { next };
        if known { 0 } else { state.failures }
    })
}

fn read<H: Host + ?Sized>(host: &H) -> (State, Option<u32>) {
    let Some(value) = host.shared_get(KEY) else { return (State::default(), None) };
    let words: Vec<u64> = value.bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let state = match words.as_slice() {
        [failures, left_alone_until] => State { failures: *failures, left_alone_until: *left_alone_until },
        _ => State::default(),
    };
    (state, Some(value.version))
}

fn write<H: Host + ?Sized>(host: &H, state: State, version: Option<u32>) -> bool {
    let bytes = [state.failures.to_le_bytes(), state.left_alone_until.to_le_bytes()].concat();
    host.shared_set(KEY, &bytes, version) == SharedSet::Done
}

/// Changes the state; `change` gives the failures by which it was, or becomes, an outage. Whether it is one.
fn update<H: Host + ?Sized>(host: &H, change: impl Fn(&mut State) -> u64) -> bool {
    for _ in 0..TRIES {
        let (mut state, version) = read(host);
        let before = state;
        let failures = change(&mut state);
        if before == state || write(host, state, version) {
            return failures >= OUTAGE;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::MemoryHost;

    #[test]
    fn a_store_that_fails_is_asked_less_and_less_and_again_when_it_answers() {
        let host = MemoryHost::at(1);
        assert!(!is_open(&host) && may_try(&host, 0) && !answered(&host));
        for _ in 1..OUTAGE {
            assert!(!failed(&host, 1_000, 7) && !is_open(&host), "it may be a slow moment");
        }
        assert!(failed(&host, 1_000, 7) && is_open(&host), "the last is news");
        assert!(!may_try(&host, 1_000) && may_try(&host, 1_000 + FIRST));
        assert!(!may_try(&host, 1_000 + FIRST), "one tries");
        let mut now = 2_000 + FIRST;
        let waits: Vec<u64> = (0..9)
            .map(|chance| {
                assert!(!failed(&host, now, chance << 50));
                let wait = read(&host).0.left_alone_until - now;
                now += wait;
                assert!(!may_try(&host, now - 1) && may_try(&host, now));
                wait
            })
            .collect();
        assert!(waits.iter().all(|wait| (FIRST / 2..=LONGEST).contains(wait)), "{waits:?}");
        assert!(waits.last().is_some_and(|wait| *wait >= LONGEST / 2), "{waits:?}");
        assert!(answered(&host) && !is_open(&host) && may_try(&host, 0));
        assert!(!answered(&host));
    }
    #[test]
    fn however_many_wait_when_an_outage_begins_it_is_tried_again_soon() {
        let host = MemoryHost::at(1);
        let news = (0..1_000).filter(|chance| failed(&host, 1_000 + chance, *chance)).count();
        assert_eq!(news, 1);
        assert!(is_open(&host) && may_try(&host, 2_000 + FIRST));
        assert!(!failed(&host, 3_000 + FIRST, 0));
        assert!(!may_try(&host, 3_000 + FIRST) && may_try(&host, 3_000 + 3 * FIRST), "of the one that tried");
    }

    #[test]
    fn it_is_tried_again_soon_where_the_clock_is_set_back() {
        let host = MemoryHost::at(1);
        (0..OUTAGE).for_each(|_| assert!(!may_try(&host, 0) || !failed(&host, 3_600 * FIRST, 7) || is_open(&host)));
        assert!(is_open(&host) && may_try(&host, FIRST) && !may_try(&host, FIRST));
    }
}
