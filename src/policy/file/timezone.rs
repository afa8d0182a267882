//! A time zone compiled into the list of its offsets, from the database built into this program.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::policy::Timezone;

/// Years covered before and after the year in which a policy is loaded.
const YEARS: (i16, i16) = (2, 30);

/// The zone of that IANA name, whatever zones the machine has.
pub fn find(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    zone.iana_name().is_some_and(|name| name != "Etc/Unknown").then_some(zone)
}

/// All names there are.
pub fn names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
}

/// The offsets of a zone in whole years around `now`, so that policies built in one year from the same files are the same.
pub fn compile(zone: &TimeZone, now: Timestamp) -> Timezone {
    let year = now.to_zoned(TimeZone::UTC).year();
    let start_of = |year: i16| date(year, 1, 1).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let from = start_of(year.saturating_sub(YEARS.0).max(1)).unwrap_or(now);
    let until = start_of(year.saturating_add(YEARS.1).saturating_add(1).min(9999)).unwrap_or(now);
    let mut offsets = vec![(i64::MIN, zone.to_offset(from).seconds())];
    for transition in zone.following(from).take_while(|transition| transition.timestamp() < until) {
        let offset = transition.offset().seconds();
        if offsets.last().is_none_or(|(_, last)| *last != offset) {
            offsets.push((transition.timestamp().as_second(), offset));
        }
    }
    Timezone { name: zone.iana_name().unwrap_or("UTC").into(), offsets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offsets_are_those_of_the_zone_at_every_hour() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        for name in
            ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "America/Sao_Paulo"]
        {
            let zone = find(name).unwrap();
            let compiled = compile(&zone, now);
            assert_eq!(compiled.name, name);
            let start: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
            for hour in (0..33 * 366 * 24).step_by(7) {
                let at = Timestamp::from_second(start.as_second() + hour * 3600).unwrap();
                if at < "2057-01-01T00:00:00Z".parse().unwrap() {
                    assert_eq!(compiled.offset_at(at.as_second()), zone.to_offset(at).seconds(), "{name} {at}");
                }
            }
        }
    }

    #[test]
    fn a_name_is_found_in_any_case_and_shown_as_iana_writes_it() {
        assert_eq!(find("europe/berlin").unwrap().iana_name(), Some("Europe/Berlin"));
        assert!(find("Europe/Berlinn").is_none());
        assert!(find("../etc/passwd").is_none());
        assert!(find("Etc/Unknown").is_none());
    }
}
