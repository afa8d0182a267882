//! The ledger, as it is read from the store.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::By;
use super::days::Days;
use crate::cli::Failure;
use crate::cli::redis::Store;
use crate::pricing::NanoUsd;

/// As the library names them.
const METRICS: [&str; 7] = ["requests", "input", "cached", "cache_write", "output", "reasoning", "cost"];

/// What was used, in the order of [`METRICS`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Used(pub [i64; METRICS.len()]);

impl Used {
    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, amount)| *sum = sum.saturating_add(amount));
    }

    pub fn usd(&self) -> NanoUsd {
        let [.., cost] = self.0;
        NanoUsd(u64::try_from(cost).unwrap_or(0))
    }
}

/// Who used what, the dearest first, and all of it together.
#[derive(Debug)]
pub struct Sums {
    pub rows: Vec<(String, Used)>,
    pub total: Used,
}

impl Sums {
    /// # Errors
    /// What the server says against it.
    pub fn read(store: &mut Store, days: &Days, by: By) -> Result<Self, Failure> {
        let mut sums: BTreeMap<String, Used> = BTreeMap::new();
        for day in days.each() {
            for (field, amount) in fields(store, day)? {
                let Some((row, metric)) = field.rsplit_once('|') else { continue };
                let Some(metric) = METRICS.iter().position(|name| *name == metric) else { continue };
                let mut used = Used::default();
                used.0.iter_mut().skip(metric).take(1).for_each(|of_metric| *of_metric = amount);
                sums.entry(by.part(row).to_owned()).or_default().add(&used);
            }
        }
        let mut total = Used::default();
        sums.values().for_each(|used| total.add(used));
        let mut rows: Vec<(String, Used)> = sums.into_iter().collect();
        rows.sort_by_key(|(_, used)| std::cmp::Reverse(used.usd().0));
        Ok(Self { rows, total })
    }
}

/// One day.
fn fields(store: &mut Store, day: Date) -> Result<BTreeMap<String, i64>, Failure> {
    let key = format!("kw:{{kw}}:day:{day}");
    let mut cursor = "0".to_owned();
    // A field is told twice where the hash grows meanwhile.
    let mut fields = BTreeMap::new();
    loop {
        let scan = ["HSCAN", &key, &cursor, "COUNT", "1000"];
        let (next, found): (String, Vec<(String, i64)>) = store.ask(&scan)?;
        fields.extend(found);
        if next == "0" {
            return Ok(fields);
        }
        cursor = next;
    }
}
