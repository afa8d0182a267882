//! The counts a provider reported, as it names them, and what they mean in one meaning for all.

use super::Usage;
use super::counts::MOST;
use super::node::Field;

/// The usage objects of an answer, merged. A field that was never given is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    prompt: Option<u64>,
    input: Option<u64>,
    completion: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    cache_creation_5m: Option<u64>,
    cache_creation_1h: Option<u64>,
    reasoning: Option<u64>,
    /// `input_tokens` came with details, so the cached tokens are a part of it.
    has_input_details: bool,
    /// What the total of the latest object counts beyond its input and output: output under no name, such as the
    /// thoughts of Gemini or the reasoning of Grok.
    beyond: u64,
    /// What is charged beside all that.
    beside: Usage,
}

/// What the reported counts come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// Nothing was reported.
    Nothing,
    /// Input and, as far as told, output.
    Parts {
        /// The usage, with 0 for what is not known.
        usage: Usage,
        /// Whether the input was told.
        input_known: bool,
        /// Whether the output was told.
        output_known: bool,
    },
    /// Only input and output together.
    Total(u64),
}

impl Reported {
    pub const fn saw_input_details(&mut self) {
        self.has_input_details = true;
    }

    /// Takes a count as it was read. What cannot be a count of tokens is as good as absent.
    pub fn set(&mut self, field: Field, count: Option<u64>) {
        let Some(count) = count.filter(|&count| count <= MOST) else { return };
        let several = matches!(field, Field::Cached | Field::CacheWrite | Field::Reasoning);
        let slot = self.slot(field);
        // Different keys mean these three; a 0 under one does not speak for the other.
        *slot = Some(if several { count.max(slot.unwrap_or(0)) } else { count });
    }

    const fn slot(&mut self, field: Field) -> &mut Option<u64> {
        match field {
            Field::Prompt => &mut self.prompt,
            Field::Input => &mut self.input,
            Field::Completion => &mut self.completion,
            Field::Output => &mut self.output,
            Field::Total => &mut self.total,
            Field::Cached => &mut self.cached,
            Field::CacheWrite => &mut self.cache_write,
            Field::CacheRead => &mut self.cache_read,
            Field::CacheCreation => &mut self.cache_creation,
            Field::CacheCreation5m => &mut self.cache_creation_5m,
            Field::CacheCreation1h => &mut self.cache_creation_1h,
            Field::Reasoning => &mut self.reasoning,
        }
    }

    /// Forgets the output: at the start of an Anthropic stream it is a placeholder.
    pub const fn forget_output(&mut self) {
        self.output = None;
        self.completion = None;
        self.reasoning = None;
        self.beside.output = 0;
    }

    /// Adds what is charged beside what these count.
    pub fn add_beside(&mut self, other: &Self) {
        if let Sum::Parts { usage, .. } = other.sum() {
            self.beside = self.beside.plus(&usage);
        }
    }

    /// Adds a later object of the same answer. Counts are cumulative: a later one replaces, except that 0 never erases.
    pub fn merge(&mut self, later: &Self) {
        fn newer(slot: &mut Option<u64>, later: Option<u64>) {
            if slot.is_none() || later.is_some_and(|count| count > 0) {
                *slot = later.or(*slot);
            }
        }
        newer(&mut self.prompt, later.prompt);
        newer(&mut self.input, later.input);
        newer(&mut self.completion, later.completion);
        newer(&mut self.output, later.output);
        newer(&mut self.total, later.total);
        newer(&mut self.cached, later.cached);
        newer(&mut self.cache_write, later.cache_write);
        newer(&mut self.cache_read, later.cache_read);
        newer(&mut self.cache_creation, later.cache_creation);
        newer(&mut self.cache_creation_5m, later.cache_creation_5m);
        newer(&mut self.cache_creation_1h, later.cache_creation_1h);
        newer(&mut self.reasoning, later.reasoning);
        self.has_input_details |= later.has_input_details;
        if later.beside.total() > 0 {
            self.beside = later.beside;
        }
        if let (Some(total), Some(input), Some(output)) = (later.total, later.input(), later.output()) {
            let beyond = total.saturating_sub(input.saturating_add(output));
            if total > 0 {
                self.beyond = beyond;
            }
        } else if later.output().is_some_and(|output| output > 0) {
            self.beyond = 0;
        }
    }

    fn cache_writes(&self) -> u64 {
        let by_lifetime = self.cache_creation_5m.unwrap_or(0).saturating_add(self.cache_creation_1h.unwrap_or(0));
        self.cache_creation.unwrap_or(0).max(by_lifetime)
    }

    /// All of the input.
    fn input(&self) -> Option<u64> {
        let beside = self.cache_read.unwrap_or(0).saturating_add(self.cache_writes());
        let input = match self.input {
            Some(input) if self.has_input_details => Some(input),
            Some(input) => Some(input.saturating_add(beside)),
            None => Some(beside).filter(|&beside| beside > 0 && self.prompt.is_none()),
        };
        self.prompt.max(input)
    }

    fn output(&self) -> Option<u64> {
        self.completion.max(self.output)
    }

    /// What it comes to. Parts are never more than the whole they are part of.
    pub fn sum(&self) -> Sum {
        let (input, output) = match (self.input(), self.output(), self.total) {
            (None, None, None) => return Sum::Nothing,
            (None, None, Some(total)) => return Sum::Total(total),
            (Some(input), None, Some(total)) => (Some(input), Some(total.saturating_sub(input))),
            (None, Some(output), Some(total)) => (Some(total.saturating_sub(output)), Some(output)),
            (input, output, _) => (input, output.map(|output| output.saturating_add(self.beyond))),
        };
        let (all_input, all_output) = (input.unwrap_or(0), output.unwrap_or(0));
        let cached = self.cached.max(self.cache_read).unwrap_or(0).min(all_input);
        let cache_write = self.cache_write.unwrap_or(0).max(self.cache_writes()).min(all_input.saturating_sub(cached));
        let usage = Usage {
            input: all_input,
            cached,
            cache_write,
            cache_write_1h: self.cache_creation_1h.unwrap_or(0).min(cache_write),
            output: all_output,
            reasoning: self.reasoning.unwrap_or(0).min(all_output),
        };
        // Under OpenAI's names (LiteLLM's way of saying it) the sums hold it already.
        let beside = if self.prompt.is_some() { Usage::default() } else { self.beside };
        let usage = usage.plus(&beside);
        Sum::Parts { usage, input_known: input.is_some(), output_known: output.is_some() }
    }
}
