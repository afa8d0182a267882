//! Which days of the ledger.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::cli::Failure;

/// The ledger keeps no more days than that.
const MOST_DAYS: usize = 400;

/// A day as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    On(Date),
    /// The first of so many days of which today is the last.
    Last(u16),
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let weeks = |unit, days: u16| text.strip_suffix(unit)?.parse::<u16>().ok()?.checked_mul(days);
        match weeks('d', 1).or_else(|| weeks('w', 7)) {
            Some(0) => Err("that is no day at all".into()),
            Some(days) => Ok(Self::Last(days)),
            None => text.parse().map(Self::On).map_err(|_| "a day is like `2026-11-01`, or `7d`, `4w`".into()),
        }
    }
}

/// The first and the last.
#[derive(Debug)]
pub struct Days {
    pub first: Date,
    /// As it is told.
    pub last: Date,
    /// What is read as well: days are those of a policy that is not known here, and somewhere on earth the next one may have
    /// begun.
    ahead: Date,
}

impl Days {
    /// # Errors
    /// When there are none, or more than the ledger has.
    pub fn of(since: Option<Day>, until: Option<Day>) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let on = |day| match day {
            Day::On(date) => Ok(date),
            Day::Last(days) => today
                .checked_sub(Span::new().days(days.saturating_sub(1)))
                .map_err(|error| Failure::told(error.to_string())),
        };
        let last = until.map_or(Ok(today), on)?;
        let ahead = match until {
            Some(_) => last,
            None => now.to_zoned(jiff::tz::offset(14).to_time_zone()).date(),
        };
        let first = since.map_or_else(|| Ok(last.first_of_month()), on)?;
        if first > ahead {
            return Err(Failure::told(format!("{first} is after {last}")));
        }
        let days = Self { first, last: last.max(first), ahead };
        if days.each().take(MOST_DAYS + 1).count() > MOST_DAYS {
            return Err(Failure::told(format!("the ledger goes back {MOST_DAYS} days, choose fewer")));
        }
        Ok(days)
    }

    /// One after the other.
    pub fn each(&self) -> impl Iterator<Item = Date> {
        let last = self.ahead;
        self.first.series(Span::new().days(1)).take_while(move |day| *day <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date_or_so_many_days_back() {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let since = |text: &str| Days::of(Some(text.parse().unwrap()), None).unwrap().first;
        assert_eq!(since("1d"), today);
        assert_eq!(since("2w"), today.checked_sub(Span::new().days(13)).unwrap());
        let east = Timestamp::now().to_zoned(jiff::tz::offset(14).to_time_zone()).date();
        assert!(Days::of(Some(Day::On(east)), None).is_ok_and(|days| days.each().eq([east]) && days.last == east));
        let until = Days::of(None, Some("2026-02-03".parse().unwrap())).unwrap();
        assert_eq!((until.first.to_string(), until.last.to_string()), ("2026-02-01".into(), "2026-02-03".into()));
        for text in ["", "d", "0d", "-1d", "1.5d", "99999d", "9999w", "yesterday", "2026-13-01", "7"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
