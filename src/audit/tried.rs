use std::borrow::Cow;

use crate::metering::Counts;

/// One attempt at a provider, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<'a> {
    /// The provider's name.
    pub provider: Cow<'a, str>,
    /// The status it answered with; `None` where it did not answer.
    pub status: Option<u16>,
    /// What is owed for it, where the answer that goes on to the caller does not tell.
    pub spent: Option<Spent>,
}

/// What an attempt used, as its provider told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// For the answer that goes on, translated.
    Told(Counts),
    /// For a good answer that could not be read, and is lost. The provider charges for it all the same.
    Lost(Counts),
}

impl<'a> Tried<'a> {
    /// As one line of the note that attempts leave for the gate. Names of providers hold no space.
    #[must_use]
    pub fn line(&self) -> String {
        let spent = match &self.spent {
            None => String::new(),
            Some(Spent::Told(counts)) => written(" told", counts),
            Some(Spent::Lost(counts)) => written(" lost", counts),
        };
        format!("{} {}{spent}\n", self.provider, self.status.unwrap_or(0))
    }

    /// Reads such lines.
    pub fn read(lines: &'a str) -> impl Iterator<Item = Self> {
        lines.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let provider = words.next()?;
            let status = words.next()?.parse().ok().filter(|status| *status != 0);
            let spent = match words.next() {
                Some("told") => Some(Spent::Told(read(words))),
                Some("lost") => Some(Spent::Lost(read(words))),
                _ => None,
            };
            Some(Self { provider: provider.into(), status, spent })
        })
    }
}

fn written(what: &str, counts: &Counts) -> String {
    let Counts { input, cached, cache_write, cache_write_1h, output, reasoning } = *counts;
    let known = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let (input, output) = (known(input), known(output));
    format!("{what} {input} {cached} {cache_write} {cache_write_1h} {output} {reasoning}")
}

fn read<'w>(words: impl Iterator<Item = &'w str>) -> Counts {
    let mut counts = words.map(|word| word.parse::<u64>().ok());
    let mut next = || counts.next().flatten();
    let input = next();
    let mut part = || next().unwrap_or(0);
    let (cached, cache_write, cache_write_1h) = (part(), part(), part());
    Counts { input, cached, cache_write, cache_write_1h, output: next(), reasoning: next().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_were_written() {
        let lost = Counts { input: None, cached: 1, cache_write: 2, cache_write_1h: 3, output: Some(4), reasoning: 5 };
        let told = Counts { input: Some(6), output: None, ..Counts::default() };
        let tried = [
            Tried { provider: "a".into(), status: Some(503), spent: None },
            Tried { provider: "b".into(), status: None, spent: None },
            Tried { provider: "c".into(), status: Some(200), spent: Some(Spent::Lost(lost)) },
            Tried { provider: "d".into(), status: Some(200), spent: Some(Spent::Told(told)) },
        ];
        let lines: String = tried.iter().map(Tried::line).collect();
        assert_eq!(Tried::read(&lines).collect::<Vec<_>>(), tried);
        assert_eq!(Tried::read("").count(), 0);
    }
}
