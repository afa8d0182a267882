//! The ledger as a table, as CSV and as JSON.

use serde_json::{Value, json};

use super::By;
use super::days::Days;
use super::ledger::{Sums, Used};
use crate::cli::Failure;
use crate::cli::output::{STRONG, styled};

/// What machines read, in the order of the ledger.
const FIELDS: [&str; 7] =
    ["requests", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "usd"];

/// For people.
pub fn table(by: By, sums: &Sums) -> String {
    let head = [by.name(), "requests", "input", "output", "usd"].map(str::to_owned);
    let line = |name: &str, used: &Used| {
        let [requests, input, _, _, output, ..] = used.0;
        let name = if name.is_empty() { "-" } else { name };
        [name.to_owned(), requests.to_string(), input.to_string(), output.to_string(), used.usd().to_string()]
    };
    let mut lines = vec![head];
    lines.extend(sums.rows.iter().map(|(name, used)| line(name, used)));
    lines.push(line("total", &sums.total));
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
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

/// For spreadsheets, which do their own sums.
pub fn csv(by: By, sums: &Sums) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let told = |error: csv::Error| Failure::told(error.to_string());
    writer.write_record([by.name()].into_iter().chain(FIELDS)).map_err(told)?;
    for (name, used) in &sums.rows {
        writer.write_record([name.clone()].into_iter().chain(texts(used))).map_err(told)?;
    }
    writer.into_inner().map_err(|error| Failure::told(error.to_string()))
}

/// For machines. Dollars are text, as a number of JSON is often read as a double.
pub fn json(by: By, days: &Days, sums: &Sums) -> Value {
    let amounts = |used: &Used| {
        let numbers = used.0.map(Value::from).into_iter().take(FIELDS.len() - 1);
        FIELDS.map(str::to_owned).into_iter().zip(numbers.chain([Value::from(used.usd().to_string())]))
    };
    let rows = sums.rows.iter().map(|(name, used)| {
        let name = (by.name().to_owned(), json!((!name.is_empty()).then_some(name)));
        Value::Object([name].into_iter().chain(amounts(used)).collect())
    });
    json!({
        "since": days.first.to_string(),
        "until": days.last.to_string(),
        "by": by.name(),
        "rows": rows.collect::<Vec<_>>(),
        "total": Value::Object(amounts(&sums.total).collect()),
    })
}

fn texts(used: &Used) -> impl Iterator<Item = String> {
    let numbers = used.0.map(|number| number.to_string()).into_iter().take(FIELDS.len() - 1);
    numbers.chain([used.usd().to_string()])
}
