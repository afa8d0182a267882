//! `keyward usage`: the ledger of a fleet, summed up.

mod days;
mod ledger;
mod shown;

use super::output::Output;
use super::redis::Address;
use super::store::loaded::Loaded;
use super::{Failure, Outcome};
use days::{Day, Days};
use ledger::Sums;

/// Arguments of `keyward usage`.
#[derive(Debug, clap::Args)]
pub struct Usage {
    #[command(flatten)]
    address: Address,
    /// What to sum up by
    #[arg(long, value_enum, default_value_t = By::Key)]
    by: By,
    /// The first day, as the policy's time zone has it, like `2026-11-01`; or how many up to today, like `7d`
    /// [default: the first of the month]
    #[arg(long, value_name = "DAY")]
    since: Option<Day>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// Print CSV, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    csv: bool,
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

impl Usage {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let days = Days::of(self.since, self.until)?;
        let mut store = self.address.connect()?;
        let sums = Sums::read(&mut store, &days, self.by)?;
        if output.json {
            output.json(&shown::json(self.by, &days, &sums))?;
        } else if self.csv {
            output.raw(&shown::csv(self.by, &sums)?)?;
        } else {
            output.text(&shown::table(self.by, &sums))?;
            output.aside(&format!(
                "{} to {}, days of the policy's time zone; Envoys tell some seconds later what was used\n",
                days.first, days.last
            ))?;
        }
        if sums.rows.is_empty() && !Loaded::of(&mut store)?.is_there() {
            output.aside("the store has no library, so no Envoy writes to it: `keyward store init` loads it\n")?;
        }
        Ok(Outcome::Good)
    }
}
