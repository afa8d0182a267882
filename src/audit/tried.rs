use std::borrow::Cow;

/// One attempt at a provider, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<'a> {
    /// The provider's name.
    pub provider: Cow<'a, str>,
    /// The status it answered with; `None` where it did not answer.
    pub status: Option<u16>,
}

impl<'a> Tried<'a> {
    /// As one line of the note that attempts leave for the gate. Names of providers hold no space.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}\n", self.provider, self.status.unwrap_or(0))
    }

    /// Reads such lines.
    pub fn read(lines: &'a str) -> impl Iterator<Item = Self> {
        lines.lines().filter_map(|line| {
            let (provider, status) = line.split_once(' ')?;
            let status = status.parse().ok().filter(|status| *status != 0);
            Some(Self { provider: provider.into(), status })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_were_written() {
        let tried = [Tried { provider: "a".into(), status: Some(503) }, Tried { provider: "b".into(), status: None }];
        let lines: String = tried.iter().map(Tried::line).collect();
        assert_eq!(Tried::read(&lines).collect::<Vec<_>>(), tried);
        assert_eq!(Tried::read("").count(), 0);
    }
}
