use super::Usage;

/// What a provider told of the usage of one answer, so far. What it did not tell is not 0: it has to be estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of the input: see [`Usage::input`].
    pub input: Option<u64>,
    /// See [`Usage::cached`].
    pub cached: u64,
    /// See [`Usage::cache_write`].
    pub cache_write: u64,
    /// See [`Usage::cache_write_1h`].
    pub cache_write_1h: u64,
    /// All of the output: see [`Usage::output`].
    pub output: Option<u64>,
    /// See [`Usage::reasoning`].
    pub reasoning: u64,
}

/// Counts above this are not believed: no request has a million million tokens, and sums and prices stay far from
/// overflow below it.
pub(super) const MOST: u64 = 1_000_000_000_000;

impl Counts {
    /// Takes what is told later of the same answer. Counts only grow: what a provider counted once, it charges.
    pub fn take(&mut self, later: &Self) {
        self.input = self.input.max(later.input);
        self.cached = self.cached.max(later.cached);
        self.cache_write = self.cache_write.max(later.cache_write);
        self.cache_write_1h = self.cache_write_1h.max(later.cache_write_1h);
        self.output = self.output.max(later.output);
        self.reasoning = self.reasoning.max(later.reasoning);
    }

    /// The usage, with 0 for what was not told. Parts are never more than the whole they are part of.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let believed = |count: Option<u64>| count.filter(|count| *count <= MOST).unwrap_or(0);
        let (input, output) = (believed(self.input), believed(self.output));
        let cached = self.cached.min(input);
        let cache_write = self.cache_write.min(input.saturating_sub(cached));
        Usage {
            input,
            cached,
            cache_write,
            cache_write_1h: self.cache_write_1h.min(cache_write),
            output,
            reasoning: self.reasoning.min(output),
        }
    }

    /// Whether input and output were told, and can be believed.
    #[must_use]
    pub fn known(&self) -> (bool, bool) {
        let known = |count: Option<u64>| count.is_some_and(|count| count <= MOST);
        (known(self.input), known(self.output))
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            input: Some(usage.input),
            cached: usage.cached,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            output: Some(usage.output),
            reasoning: usage.reasoning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_once_is_not_taken_back() {
        let mut counts = Counts { input: Some(10), cached: 4, ..Counts::default() };
        counts.take(&Counts { input: Some(0), output: Some(7), ..Counts::default() });
        counts.take(&Counts { output: Some(3), ..Counts::default() });
        assert_eq!(counts.usage(), Usage { input: 10, cached: 4, output: 7, ..Usage::default() });
        assert_eq!(counts.known(), (true, true));
    }

    #[test]
    fn what_nobody_can_have_used_is_as_good_as_not_told() {
        let counts = Counts { input: Some(u64::MAX), cached: u64::MAX, output: Some(1), ..Counts::default() };
        assert_eq!(counts.usage(), Usage { output: 1, ..Usage::default() });
        assert_eq!(counts.known(), (false, true));
    }
}
