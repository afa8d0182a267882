//! What requests of a key for a model lately put out, for levels that reserve what is expected instead of the most.
//!
//! The price of reserving less than the most: requests in flight can together use more than was reserved for them. A limit
//! can be overshot by at most the sum over the requests in flight of (the most they can use − what was reserved), and what
//! is overshot is charged when they settle, so that later requests wait for it.

/// How many pairs of key and model a worker remembers: 128 KiB. Of two that fall together the later one stays.
const ENTRIES: usize = 4_096;
/// So many requests are needed before an expectation is trusted.
const ENOUGH: u32 = 8;
/// Larger answers count as this large: fixed-point sums cannot overflow, and no model writes so much.
const MOST: u64 = 1 << 40;
/// Averages are kept in 1/16 tokens, and every request moves them by an eighth (the mean) or a quarter (the deviation) of
/// its distance, as TCP does with round-trip times.
const FRACTION_BITS: u32 = 4;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    tag: u64,
    mean: u64,
    deviation: u64,
    samples: u32,
}

/// Output tokens that requests lately used, per key and model. One per worker.
#[derive(Debug, Default)]
pub struct Expected {
    entries: Vec<Entry>,
}

impl Expected {
    /// What to reserve for a request that could put out `full` tokens: mean plus twice the mean deviation of what such
    /// requests used, never more than `full`, and `full` while fewer than eight of them are known.
    #[must_use]
    pub fn output(&self, key_id: &str, model: &str, full: u64) -> u64 {
        let tag = tag(key_id, model);
        match self.entries.get(place(tag)) {
            Some(entry) if entry.tag == tag && entry.samples >= ENOUGH => {
                let expected = entry.mean.saturating_add(entry.deviation.saturating_mul(2));
                // At least one: what needs nothing passes a limit that is spent.
                full.min(expected.div_ceil(1 << FRACTION_BITS).max(1))
            }
            _ => full,
        }
    }

    /// Learns what a request used.
    pub fn learn(&mut self, key_id: &str, model: &str, output: u64) {
        if self.entries.is_empty() {
            self.entries = vec![Entry::default(); ENTRIES];
        }
        let tag = tag(key_id, model);
        let sample = output.min(MOST) << FRACTION_BITS;
        let Some(entry) = self.entries.get_mut(place(tag)) else { return };
        if entry.tag != tag {
            *entry = Entry { tag, mean: sample, deviation: sample / 2, samples: 1 };
            return;
        }
        let distance = entry.mean.abs_diff(sample);
        entry.deviation = toward(entry.deviation, distance, 4);
        entry.mean = toward(entry.mean, sample, 8);
        entry.samples = entry.samples.saturating_add(1);
    }
}

/// `from` moved by one `part`-th of its distance to `to`, rounded up so that it arrives.
const fn toward(from: u64, to: u64, part: u64) -> u64 {
    let step = from.abs_diff(to).div_ceil(part);
    if from < to { from.saturating_add(step) } else { from.saturating_sub(step) }
}

fn place(tag: u64) -> usize {
    usize::try_from(tag >> 32).unwrap_or(0) % ENTRIES
}

fn tag(key_id: &str, model: &str) -> u64 {
    let parts = [key_id.as_bytes(), &[0xff], model.as_bytes()];
    let hash = parts
        .into_iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 29)).wrapping_mul(0xff51_afd7_ed55_8ccd).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(samples: &[u64]) -> Expected {
        let mut expected = Expected::default();
        samples.iter().for_each(|output| expected.learn("k", "m", *output));
        expected
    }

    #[test]
    fn the_most_is_reserved_until_eight_requests_are_known() {
        assert_eq!(after(&[10; 7]).output("k", "m", 4_096), 4_096);
        assert!(after(&[10; 8]).output("k", "m", 4_096) < 4_096);
    }

    #[test]
    fn steady_requests_come_to_reserve_what_they_use() {
        assert_eq!(after(&[100; 200]).output("k", "m", 4_096), 100);
        assert_eq!(after(&[0; 200]).output("k", "m", 4_096), 1, "a request for nothing would pass a spent limit");
        assert_eq!(after(&[0; 200]).output("k", "m", 0), 0);
    }

    #[test]
    fn never_more_than_the_most_is_reserved() {
        assert_eq!(after(&[5_000; 50]).output("k", "m", 100), 100);
    }

    #[test]
    fn answers_that_vary_reserve_more_than_their_mean() {
        let samples: Vec<u64> = (0..200).map(|index| if index % 2 == 0 { 50 } else { 150 }).collect();
        let reserved = after(&samples).output("k", "m", 4_096);
        assert!((150..300).contains(&reserved), "{reserved}");
    }

    #[test]
    fn keys_and_models_are_expected_apart() {
        let mut expected = after(&[10; 20]);
        (0..20).for_each(|_| expected.learn("k", "other", 1_000));
        assert!(expected.output("k", "m", 4_096) < 100);
        assert!(expected.output("k", "other", 4_096) >= 1_000);
        assert_eq!(expected.output("other", "m", 4_096), 4_096);
        assert_ne!(tag("a", "bc"), tag("ab", "c"));
    }

    #[test]
    fn any_number_of_keys_fits_into_the_same_room() {
        let mut expected = Expected::default();
        (0..50_000).for_each(|key| expected.learn(&key.to_string(), "m", 10));
        assert_eq!(expected.entries.len(), ENTRIES);
    }

    proptest! {
        #[test]
        fn what_is_expected_stays_between_the_least_and_beyond_the_most_by_twice_the_spread(
            samples in prop::collection::vec(any::<u64>(), 8..60),
        ) {
            let expected = after(&samples).output("k", "m", u64::MAX);
            let (least, most) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            prop_assert!(expected >= *least.min(&MOST));
            prop_assert!(expected <= most.min(&MOST).saturating_mul(3).saturating_add(1));
        }
    }
}
