//! Where days, weeks and months end, against jiff and its time zone database.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use proptest::prelude::*;

use super::*;
use crate::limits::window_end;

/// A zone's offsets of 1970 to 2100, as the policy compiler makes them.
fn timezone(name: &str) -> (Timezone, TimeZone) {
    let zone = TimeZone::get(name).unwrap();
    let start = Timestamp::from_second(-1).unwrap();
    let mut offsets = vec![(i64::MIN, zone.to_offset(start).seconds())];
    let end = Timestamp::from_second(4_102_444_800).unwrap();
    offsets.extend(
        zone.following(start)
            .take_while(|transition| transition.timestamp() < end)
            .map(|transition| (transition.timestamp().as_second(), transition.offset().seconds())),
    );
    (Timezone { name: name.into(), offsets }, zone)
}

fn nanoseconds(text: &str) -> u64 {
    u64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
}

#[test]
fn windows_end_at_local_midnight_through_clock_changes() {
    for (zone, period, now, end) in [
        ("UTC", Period::Day, "2027-01-20T12:00:00Z", "2027-01-21T00:00:00Z"),
        ("UTC", Period::Day, "2027-01-20T00:00:00Z", "2027-01-21T00:00:00Z"),
        ("UTC", Period::Day, "2027-01-20T23:59:59.999999999Z", "2027-01-21T00:00:00Z"),
        ("UTC", Period::Week, "2027-01-18T00:00:00Z", "2027-01-25T00:00:00Z"),
        ("UTC", Period::Week, "2027-01-24T23:59:59Z", "2027-01-25T00:00:00Z"),
        ("UTC", Period::Month, "2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ("UTC", Period::Month, "2100-02-28T12:00:00Z", "2100-03-01T00:00:00Z"),
        ("UTC", Period::Month, "2027-12-31T23:59:59Z", "2028-01-01T00:00:00Z"),
        ("UTC", Period::Days(7), "1970-01-01T00:00:00Z", "1970-01-08T00:00:00Z"),
        ("UTC", Period::Days(30), "2027-01-20T12:00:00Z", "2027-02-01T00:00:00Z"),
        // Spring forward (23 hours) and fall back (25 hours).
        ("Europe/Berlin", Period::Day, "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),
        ("Europe/Berlin", Period::Day, "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z"),
        ("Europe/Berlin", Period::Month, "2027-03-01T00:00:00Z", "2027-03-31T22:00:00Z"),
        ("Europe/Berlin", Period::Month, "2027-10-15T00:00:00Z", "2027-10-31T23:00:00Z"),
        ("America/New_York", Period::Day, "2027-03-14T05:00:00Z", "2027-03-15T04:00:00Z"),
        ("America/New_York", Period::Day, "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"),
        ("America/New_York", Period::Week, "2027-11-03T12:00:00Z", "2027-11-08T05:00:00Z"),
        // Clocks that change at midnight: the day begins an hour late, or has its last hour twice.
        ("America/Sao_Paulo", Period::Day, "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", Period::Day, "2018-02-17T12:00:00Z", "2018-02-18T03:00:00Z"),
        ("America/Havana", Period::Day, "2027-11-06T12:00:00Z", "2027-11-07T04:00:00Z"),
        // A day that never was.
        ("Pacific/Apia", Period::Day, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"),
    ] {
        let table = timezone(zone).0;
        assert_eq!(window_end(nanoseconds(now), period, &table), nanoseconds(end), "{zone} {period} at {now}");
    }
}

#[test]
fn a_period_without_windows_never_ends_and_no_table_is_utc() {
    let empty = Timezone { name: String::new(), offsets: Vec::new() };
    assert_eq!(window_end(NOON, Period::Day, &empty), NOON + 12 * HOUR);
    assert_eq!(window_end(NOON, Period::Now, &empty), u64::MAX);
    assert!(window_end(u64::MAX, Period::Month, &empty) >= u64::MAX - SECOND);
}

fn expected(now: &Zoned, period: Period) -> Timestamp {
    let today = now.date();
    let next = match period {
        Period::Day => today.tomorrow().unwrap(),
        Period::Week => today.nth_weekday(1, Weekday::Monday).unwrap(),
        Period::Month => today.first_of_month().checked_add(1.month()).unwrap(),
        Period::Days(days) => {
            let epoch = jiff::civil::date(1970, 1, 1);
            let day = epoch.until(today).unwrap().get_days();
            epoch.checked_add(((day / days as i32 + 1) * days as i32).days()).unwrap()
        }
        Period::Now | Period::Sliding { .. } => panic!("no calendar window"),
    };
    next.to_zoned(now.time_zone().clone()).unwrap().start_of_day().unwrap().timestamp()
}

proptest! {
    #[test]
    fn windows_end_where_jiff_says(
        second in 0_i64..4_000_000_000,
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
        period in prop::sample::select(vec![Period::Day, Period::Week, Period::Month, Period::Days(1), Period::Days(3), Period::Days(30)]),
    ) {
        let (table, zone) = timezone(zone);
        let now = Timestamp::from_second(second).unwrap();
        let end = window_end(u64::try_from(second).unwrap() * SECOND + 1, period, &table);
        prop_assert_eq!(end, u64::try_from(expected(&now.to_zoned(zone), period).as_second()).unwrap() * SECOND);
    }
}

#[test]
fn a_budget_is_whole_again_when_its_window_ends_and_not_before() {
    let (berlin, _) = timezone("Europe/Berlin");
    let level = team(vec![limit(Metric::Usd, 10, Period::Day)]);
    let stakes = [Stake { level: &level, counter: "kw.team.marketing", tag: 0, allowed: None, demand: usd(10) }];
    let host = MemoryHost::at(nanoseconds("2027-03-28T21:59:50Z"));
    let send = || crate::limits::reserve(&host, &worker(1), &berlin, &stakes, &|_| true);
    let late = send().unwrap();
    assert_eq!(retry_after_ms(send().unwrap_err()), 10_000);
    host.set_now(nanoseconds("2027-03-28T21:59:59.999Z"));
    assert!(send().is_err());
    host.set_now(nanoseconds("2027-03-28T22:00:00Z"));
    let _next = send().unwrap();
    late.settle(&host, &worker(1), Outcome::Used(usd(10)));
    assert_eq!(stored(&host, &level, &level.limits[0]), (0, 10), "it counts in the window it was admitted in");
}

#[test]
fn a_changed_time_zone_does_not_open_a_second_budget_for_the_day() {
    let level = team(vec![limit(Metric::Usd, 10, Period::Day)]);
    let stakes = [Stake { level: &level, counter: "kw.team.marketing", tag: 0, allowed: None, demand: usd(10) }];
    for zone in ["Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
        let host = MemoryHost::at(NOON);
        let send = |zone: &Timezone| crate::limits::reserve(&host, &worker(1), zone, &stakes, &|_| true);
        let _held = send(&Timezone::default()).unwrap();
        let (zone, _) = timezone(zone);
        let after = retry_after_ms(send(&zone).unwrap_err());
        assert!(after <= 12 * 3_600_000);
        host.advance_ms(after);
        assert!(send(&zone).is_ok());
    }
}
