//! When calendar windows end: days, weeks and months as a time zone's offset table sees them.

use crate::policy::{Period, Timezone};

const SECOND: u64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// The end (nanoseconds since the Unix epoch, always later than `now`) of the calendar window of `period` that `now` is in.
///
/// A window ends at the first instant whose local date is a later window's: at midnight, or where a clock change skips
/// midnight, at the change. A period that is no calendar window never ends.
#[must_use]
pub fn window_end(now: u64, period: Period, timezone: &Timezone) -> u64 {
    let now = i64::try_from(now / SECOND).unwrap_or(i64::MAX);
    let local = now.saturating_add(i64::from(timezone.offset_at(now)));
    // INVARIANT: 0 <= today < 2^38, as a u64 of nanoseconds reaches to the year 2554 and offsets are below 2^31 seconds.
    let today = local.div_euclid(DAY_SECONDS).max(0);
    let next = match period {
        Period::Day => today.saturating_add(1),
        // 1970-01-01 was a Thursday: three days after a Monday.
        Period::Week => today.saturating_add(7_i64.saturating_sub(today.saturating_add(3) % 7)),
        Period::Month => first_of_next_month(today),
        Period::Days(days) => {
            let days = i64::from(days).max(1);
            (today.checked_div(days).unwrap_or(today)).saturating_add(1).saturating_mul(days)
        }
        Period::Now | Period::Sliding { .. } => return u64::MAX,
    };
    let end = first_instant_at(next.saturating_mul(DAY_SECONDS), now, timezone);
    u64::try_from(end).unwrap_or(u64::MAX).saturating_mul(SECOND)
}

/// The first Unix second after `now` at which local clocks show `local` or later.
fn first_instant_at(local: i64, now: i64, timezone: &Timezone) -> i64 {
    let offsets = &timezone.offsets;
    let current = offsets.partition_point(|(from, _)| *from <= now).saturating_sub(1);
    for (index, (from, offset)) in offsets.iter().enumerate().skip(current) {
        let instant = local.saturating_sub(i64::from(*offset)).max(*from).max(now.saturating_add(1));
        let until = offsets.get(index.saturating_add(1)).map_or(i64::MAX, |(from, _)| *from);
        if instant < until {
            return instant;
        }
    }
    // Only an empty table gets here: it is UTC.
    local.max(now.saturating_add(1))
}

/// The day number of the first of the month after that of day number `today` (proleptic Gregorian, day 0 = 1970-01-01).
#[expect(clippy::arithmetic_side_effects, reason = "0 <= today < 2^38: no intermediate leaves an i64")]
fn first_of_next_month(today: i64) -> i64 {
    // Years are counted from March, so that the leap day is a year's last: day 0 of this count is 0000-03-01.
    let day = today + 719_468;
    let era = day / 146_097;
    let of_era = day % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153 + 1;
    // Month 12 is the February that ends the year: what follows is 1 March, day 0 of the next one.
    let (year, month) = if month == 12 { (era * 400 + year + 1, 0) } else { (era * 400 + year, month) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 - 719_468
}
