//! A store that does not answer is left alone for a while, so that it costs no request more than once its time-out. All
//! workers of an Envoy know of it at once.

use crate::host::{Host, SharedSet};

const KEY: &str = "kwlease1.breaker";
/// So many failures in a row are an outage. Fewer may be a slow moment.
const OUTAGE: u64 = 3;
/// How long the store is left alone after its first and after further failures (nanoseconds), half of it by chance, so that
/// the workers of a fleet do not come back all at once.
const FIRST: u64 = 200_000_000;
const LONGEST: u64 = 4_000_000_000;
/// For so long nobody else tries while somebody does.
const TRYING: u64 = 2_000_000_000;
const TRIES: usize = 100;

/// How the store is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    /// Failures in a row.
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
    if now < state.left_alone_until {
        return false;
    }
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
        state.failures = state.failures.saturating_add(1);
        let times = state.failures.saturating_sub(OUTAGE).min(8);
        let doubled = FIRST.checked_shl(u32::try_from(times).unwrap_or(8)).unwrap_or(LONGEST).min(LONGEST);
        let half = doubled / 2;
        state.left_alone_until = now.saturating_add(half).saturating_add(chance.checked_rem(half).unwrap_or(0));
        // The same number on either side of the outage's beginning.
        if state.failures == OUTAGE { OUTAGE } else { 0 }
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
        let waits: Vec<u64> = (0..9)
            .map(|chance| {
                assert!(!failed(&host, 0, chance << 50));
                read(&host).0.left_alone_until
            })
            .collect();
        assert!(waits.iter().all(|wait| (FIRST / 2..=LONGEST).contains(wait)), "{waits:?}");
        assert!(answered(&host) && !is_open(&host) && may_try(&host, 0));
        assert!(!answered(&host));
    }
}
