//! An answer is metered alike wherever it is cut, and nothing but a usage chunk is ever taken out of it.
#![no_main]

use arbitrary::Arbitrary;
use keyward::metering::{BodyKind, Dialect, Meter, Metered, Passed};
use keyward_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// Low two bits: the dialect. Next two: the kind of body.
    kind: u8,
    cuts: [u8; 4],
    answer: &'a [u8],
}

const DIALECTS: [Dialect; 4] = [Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Other];
const KINDS: [BodyKind; 4] = [BodyKind::Sse, BodyKind::Json, BodyKind::Other, BodyKind::Sse];

fn run(mut meter: Meter, pieces: &[&[u8]]) -> (Metered, Vec<u8>) {
    let mut passed = Vec::new();
    for (piece, end) in pieces.iter().map(|piece| (*piece, false)).chain([(&b""[..], true)]) {
        match meter.feed(piece, end) {
            Passed::Unchanged => passed.extend_from_slice(piece),
            Passed::Replaced(bytes) => passed.extend(bytes),
        }
    }
    (meter.finish(), passed)
}

fn check_usage(metered: &Metered) {
    if let Some(usage) = metered.usage {
        assert!(usage.cached.checked_add(usage.cache_write).is_some_and(|parts| parts <= usage.input));
        assert!(usage.cache_write_1h <= usage.cache_write);
        assert!(usage.reasoning <= usage.output);
        assert!(usage.total() <= 10_000_000_000_000);
    }
}

/// Whether `part` is `whole` with bytes taken out.
fn is_left_of(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|byte| whole.any(|other| other == byte))
}

fuzz_target!(|input: Input| {
    let dialect = DIALECTS[usize::from(input.kind & 3)];
    let kind = KINDS[usize::from(input.kind >> 2 & 3)];
    let mut metered = Vec::new();
    for strip in [false, true] {
        let meter = Meter::new(dialect, kind, strip);
        let whole = run(meter.clone(), &[input.answer]);
        for cuts in [input.cuts, [0; 4]] {
            assert_eq!(run(meter.clone(), &pieces(input.answer, cuts)), whole);
        }
        check_usage(&whole.0);
        if strip {
            assert!(is_left_of(&whole.1, input.answer));
        } else {
            assert_eq!(whole.1, input.answer);
        }
        metered.push(whole.0);
    }
    assert_eq!(metered[0], metered[1], "stripping changes what passes, not what is metered");
});
