//! Over which time a limit counts: `minute`, `day`, `month`, or a number and a unit.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::Decode;
use super::diagnostic::{Sink, quoted};
use super::names::scalar;
use super::node::Node;
use super::scalar::digits;
use crate::policy::Period;

/// Longest period, in days: ten years and a bit.
const MAX_DAYS: u32 = 3660;
const DAY_SECONDS: u64 = 86_400;

/// The `per` of a limit.
#[derive(Debug, Clone, Copy)]
pub struct Per(pub Period);

impl Decode for Per {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "a period", sink)?;
        match parse(text) {
            Ok(period) => Some(Self(period)),
            Err((why, help)) => {
                sink.error(node.pos, format!("{why}: {}", quoted(text))).help(help);
                None
            }
        }
    }
}

impl JsonSchema for Per {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Per".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "examples": ["minute", "30s", "day", "7d", "month"],
            "anyOf": [
                { "enum": ["minute", "hour", "day", "week", "month"] },
                { "pattern": "^[1-9][0-9]*[smhdw]$" },
            ],
        })
    }
}

/// Below a day it slides; from a day on it is made of whole calendar days.
fn parse(text: &str) -> Result<Period, (&'static str, &'static str)> {
    const FORMS: &str =
        "write `minute`, `hour`, `day`, `week`, `month`, or a number with s, m, h, d or w, like `30s` or `7d`";
    match text {
        "minute" => return Ok(Period::Sliding { ms: 60_000 }),
        "hour" => return Ok(Period::Sliding { ms: 3_600_000 }),
        "day" => return Ok(Period::Day),
        "week" => return Ok(Period::Week),
        "month" => return Ok(Period::Month),
        _ => {}
    }
    let unit = text.chars().next_back().ok_or(("not a period", FORMS))?;
    let number = text.strip_suffix(unit).and_then(digits);
    let seconds_of_unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => DAY_SECONDS,
        'w' => 7 * DAY_SECONDS,
        _ => return Err(("not a period", FORMS)),
    };
    let number = number.ok_or(("not a period", FORMS))?;
    if number == 0 {
        return Err(("a period cannot be zero", FORMS));
    }
    let seconds = number.checked_mul(seconds_of_unit).filter(|seconds| *seconds <= u64::from(MAX_DAYS) * DAY_SECONDS);
    let seconds = seconds.ok_or(("a period cannot be longer than 3660 days", "leave such a limit out"))?;
    if seconds < DAY_SECONDS {
        return Ok(Period::Sliding { ms: seconds.saturating_mul(1000) });
    }
    if seconds % DAY_SECONDS != 0 {
        return Err((
            "a period longer than a day is of whole days",
            "budgets are calendar windows: write `1d` or `2d`",
        ));
    }
    match u32::try_from(seconds / DAY_SECONDS) {
        Ok(1) => Ok(Period::Day),
        Ok(7) => Ok(Period::Week),
        Ok(days) => Ok(Period::Days(days)),
        Err(_) => Err(("not a period", FORMS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_day_it_slides_and_from_a_day_on_it_is_calendar_days() {
        let cases = [
            ("1s", Period::Sliding { ms: 1000 }),
            ("60s", Period::Sliding { ms: 60_000 }),
            ("23h", Period::Sliding { ms: 82_800_000 }),
            ("24h", Period::Day),
            ("1440m", Period::Day),
            ("1d", Period::Day),
            ("7d", Period::Week),
            ("1w", Period::Week),
            ("168h", Period::Week),
            ("2w", Period::Days(14)),
            ("30d", Period::Days(30)),
            ("3660d", Period::Days(3660)),
        ];
        for (text, period) in cases {
            assert_eq!(parse(text), Ok(period), "{text}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in [
            "",
            "s",
            "0s",
            "0d",
            "-1s",
            "1.5h",
            "36h",
            "3661d",
            "99999999999999999999d",
            "5ms",
            "1y",
            "1mo",
            "60",
            "é",
            "1 d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
