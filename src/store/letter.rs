//! Letters to the store: what one says, and what is answered.

use super::LEASE_MS;
use super::command::{Calling, Command, Keys, Words, call, level_key};
use super::counted::Counted;
use super::ledger::{LedgerRow, Row};
use crate::policy::Timezone;

/// A letter that was sent and not answered yet.
#[derive(Debug, Clone)]
pub struct Sent {
    pub sequence: u64,
    pub slots: Vec<Line>,
    pub ledger: Vec<(Row, LedgerRow)>,
    /// When it was last sent.
    pub at: u64,
}

/// What a letter says of one limit.
#[derive(Debug, Clone)]
pub struct Line {
    pub limit: Counted,
    pub generation: u64,
    pub returned: u64,
    /// See [`super::measure::Measured::spent`].
    pub spent: i64,
    /// See [`super::lease::Void::known`].
    pub known: Option<u64>,
    pub rows: Vec<(u64, i64)>,
}

/// What the store says of one limit.
pub struct Told {
    pub generation: u64,
    pub granted: u64,
    pub used: u64,
    pub alert: u64,
    pub settled: u64,
}

impl Sent {
    /// As a command.
    #[must_use]
    pub fn command(
        &self,
        calling: Calling,
        envoy: &str,
        worker: &str,
        timezone: &Timezone,
        store_time: u64,
    ) -> Command {
        let (mut levels, mut days) = (Keys::default(), Keys::default());
        let mut lines = Vec::new();
        for line in &self.slots {
            lines.push(levels.number(level_key(&line.limit.name)).to_string());
            lines.push(line.limit.slot.0.to_string());
            lines.extend(line.limit.measured.span(timezone, store_time));
            let numbers = [line.limit.measured.amount, line.generation, line.returned];
            lines.extend(numbers.map(|number| number.to_string()));
            lines.push(line.spent.to_string());
            let thresholds: Vec<String> = line.limit.thresholds.iter().map(u8::to_string).collect();
            lines.push(if thresholds.is_empty() { "-".to_owned() } else { thresholds.join(",") });
            lines.push(line.rows.len().to_string());
            lines.extend(line.rows.iter().flat_map(|(bucket, amount)| [bucket.to_string(), amount.to_string()]));
        }
        lines.push(self.ledger.len().to_string());
        for (row, amounts) in &self.ledger {
            lines.push(days.number(row.key()).to_string());
            lines.push(row.who().to_owned());
            lines.extend(amounts.amounts().map(|amount| amount.to_string()));
        }
        let counts = [self.sequence, LEASE_MS, levels.0.len() as u64, days.0.len() as u64, self.slots.len() as u64];
        let mut arguments = vec![envoy.to_owned(), env!("CARGO_PKG_VERSION").to_owned()];
        arguments.extend(counts.map(|count| count.to_string()));
        arguments.extend(lines);
        let mut keys = vec![format!("kw:{{kw}}:seq:{worker}")];
        keys.extend(levels.0);
        keys.extend(days.0);
        call(calling, "keyward_report", &keys, arguments)
    }

    /// Reads the answer: the store's time in milliseconds, how many Envoys there are, and what is said of each limit; `None` if it
    /// is none.
    #[must_use]
    pub fn read(&self, answer: &str) -> Option<(u64, u64, Vec<Told>)> {
        let mut words = Words::new(answer);
        words.word().filter(|word| matches!(*word, "ok" | "again"))?;
        let now_ms = words.number()?;
        let told = self.slots.iter().map(|_| {
            let generation = words.number()?;
            let granted = words.number()?;
            let (used, alert) = (words.number()?, words.number()?);
            Some(Told { generation, granted, used, alert, settled: words.number()? })
        });
        let told = told.collect::<Option<Vec<_>>>()?;
        Some((now_ms, words.number()?, told))
    }
}
