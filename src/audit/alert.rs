use core::fmt;

use crate::pricing::NanoUsd;

/// A budget of which so much is spent. Told once per window and percentage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetAlert {
    /// The level, `team marketing`.
    pub level: String,
    /// The percentage reached.
    pub percent: String,
    /// What is spent.
    pub spent: NanoUsd,
    /// The budget.
    pub limit: NanoUsd,
}

impl fmt::Display for BudgetAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "budget alert: {} has spent ${} of ${} ({} %)", self.level, self.spent, self.limit, self.percent)
    }
}
