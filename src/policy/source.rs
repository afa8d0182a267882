use core::fmt;

use super::{Level, LevelKind};

/// Where a rule, limit or cap is stated: at a level, or in the tier the level takes on. Audit records and `keyward explain`
/// name it alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'p> {
    /// The kind of level.
    pub kind: LevelKind,
    /// Its name; empty for the global level and for end users.
    pub name: &'p str,
    /// The tier; `None` for what the level states itself.
    pub tier: Option<&'p str>,
}

impl Level {
    /// The level itself, or a tier it takes on.
    #[must_use]
    pub fn source<'p>(&'p self, tier: Option<&'p str>) -> Source<'p> {
        Source { kind: self.kind, name: &self.name, tier }
    }
}

impl fmt::Display for Source<'_> {
    /// `team marketing (tier standard)`, `key ads`, `global`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        self.tier.map_or(Ok(()), |tier| write!(f, " (tier {tier})"))
    }
}
