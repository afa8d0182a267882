//! `keyward usage`: the ledger of a fleet, summed up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::output::{Output, STRONG, styled};
use super::redis::{Address, Store};
use super::{Failure, Outcome};
use crate::pricing::NanoUsd;

/// As the library names them.
const METRICS: [&str; 7] = ["requests", "input", "cached", "cache_write", "output", "reasoning", "cost"];
/// The ledger keeps no more days than that.
const MOST_DAYS: usize = 400;

/// Arguments of `keyward usage`.
#[derive(Debug, clap::Args)]
pub struct Usage {
    #[command(flatten)]
    address: Address,
    /// What to sum up by
    #[arg(long, value_enum, default_value_t = By::Key)]
    by: By,
    /// The first day, as the policy's time zone has it, like `2026-11-01` [default: the first of the month]
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day [default: today, wherever it already is]
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
}

/// The parts of a row's name, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Key,
    User,
    Project,
    Team,
    Org,
    Model,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Project => "project",
            Self::Team => "team",
            Self::Org => "org",
            Self::Model => "model",
        }
    }

    /// The part of a row's name this is: `key \x1f user \x1f project \x1f team \x1f org \x1f model`.
    fn part(self, row: &str) -> &str {
        row.split('\x1f').nth(self as usize).unwrap_or_default()
    }
}

/// What was used, in the order of [`METRICS`].
#[derive(Debug, Clone, Copy, Default)]
struct Used([i64; METRICS.len()]);

impl Used {
    fn add(&mut self, metric: usize, amount: i64) {
        if let Some(sum) = self.0.get_mut(metric) {
            *sum = sum.saturating_add(amount);
        }
    }

    fn usd(&self) -> NanoUsd {
        let [.., cost] = self.0;
        NanoUsd(u64::try_from(cost).unwrap_or(0))
    }

    fn json(&self) -> Value {
        let [requests, input, cached, cache_write, output, reasoning, _] = self.0;
        // Dollars as text: a number of JSON is often read as a double.
        json!({
            "requests": requests, "input_tokens": input, "cached_tokens": cached, "cache_write_tokens": cache_write,
            "output_tokens": output, "reasoning_tokens": reasoning, "usd": self.usd().to_string(),
        })
    }
}

impl Usage {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        // Days are those of a policy that is not known here: the last is the one that comes first anywhere on earth.
        let (utc, now) = (TimeZone::UTC, Timestamp::now());
        let to = self.to.unwrap_or_else(|| now.to_zoned(jiff::tz::offset(14).to_time_zone()).date());
        let from = self.from.unwrap_or_else(|| self.to.unwrap_or_else(|| now.to_zoned(utc).date()).first_of_month());
        if from > to {
            return Err(Failure::told(format!("{from} is after {to}")));
        }
        let mut store = self.address.connect()?;
        let mut sums: BTreeMap<String, Used> = BTreeMap::new();
        let days: Vec<Date> =
            from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to).take(MOST_DAYS + 1).collect();
        if days.len() > MOST_DAYS {
            return Err(Failure::told(format!("the ledger goes back {MOST_DAYS} days, choose fewer")));
        }
        for day in days {
            self.read(&mut store, day, &mut sums)?;
        }
        let mut total = Used::default();
        sums.values()
            .for_each(|used| used.0.iter().enumerate().for_each(|(metric, amount)| total.add(metric, *amount)));
        let mut rows: Vec<(String, Used)> = sums.into_iter().collect();
        rows.sort_by_key(|(_, used)| std::cmp::Reverse(used.usd().0));
        if output.json {
            let shown = rows.iter().map(|(name, used)| {
                let mut row = json!({ self.by.name(): (!name.is_empty()).then_some(name) });
                if let (Some(row), Value::Object(amounts)) = (row.as_object_mut(), used.json()) {
                    row.extend(amounts);
                }
                row
            });
            let shown: Vec<Value> = shown.collect();
            output.json(&json!({
                "from": from.to_string(), "to": to.to_string(), "by": self.by.name(), "rows": shown, "total": total.json(),
            }))?;
        } else {
            output.text(&self.table(&rows, &total))?;
            output.aside(&format!("{from} to {to}, days of the policy's time zone\n"))?;
        }
        Ok(Outcome::Good)
    }

    /// Adds one day of the ledger.
    fn read(&self, store: &mut Store, day: Date, sums: &mut BTreeMap<String, Used>) -> Result<(), Failure> {
        let key = format!("kw:{{kw}}:day:{day}");
        let mut cursor = "0".to_owned();
        // A field is told twice where the hash grows meanwhile.
        let mut fields: BTreeMap<String, i64> = BTreeMap::new();
        loop {
            let scan = ["HSCAN", &key, &cursor, "COUNT", "1000"];
            let (next, found): (String, Vec<(String, i64)>) = store.ask(&scan)?;
            fields.extend(found);
            if next == "0" {
                break;
            }
            cursor = next;
        }
        for (field, amount) in fields {
            let Some((row, metric)) = field.rsplit_once('|') else { continue };
            let Some(metric) = METRICS.iter().position(|name| *name == metric) else { continue };
            sums.entry(self.by.part(row).to_owned()).or_default().add(metric, amount);
        }
        Ok(())
    }

    fn table(&self, rows: &[(String, Used)], total: &Used) -> String {
        let head = [self.by.name(), "requests", "input", "output", "usd"].map(str::to_owned);
        let line = |name: &str, used: &Used| {
            let [requests, input, _, _, output, ..] = used.0;
            let name = if name.is_empty() { "-" } else { name };
            [name.to_owned(), requests.to_string(), input.to_string(), output.to_string(), used.usd().to_string()]
        };
        let mut lines = vec![head];
        lines.extend(rows.iter().map(|(name, used)| line(name, used)));
        lines.push(line("total", total));
        let width =
            |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
        let last = lines.len() - 1;
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let shown = cells.collect::<Vec<_>>().join("  ");
            text += &if number == 0 || number == last { styled(STRONG, shown) } else { shown };
            text.push('\n');
        }
        text
    }
}
