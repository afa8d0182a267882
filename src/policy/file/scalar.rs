//! Single values: money, counts, times, hashes and words, each read from the text as written, never through a float.

use std::borrow::Cow;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::Decode;
use super::diagnostic::{Sink, is_surely_a_key, looks_like_a_key, quoted};
use super::names::scalar;
use super::node::{Node, Value};
use super::timezone;
use crate::policy::{KeyHash, OnOutage, Reserve, StoreDialect};
use crate::pricing::{NanoUsd, ParseUsdError};
use crate::providers::Api;
use crate::request::Endpoint;

/// Gives a scalar type its schema.
macro_rules! schema {
    ($name:ident, $($json:tt)+) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($json)+)
            }
        }
    };
}

/// An amount of US dollars, exact to nine decimals; with or without quotes.
#[derive(Debug, Clone, Copy)]
pub struct Usd(pub NanoUsd);
schema!(Usd, { "type": ["number", "string"], "minimum": 0, "pattern": "^[0-9]*\\.?[0-9]+$" });

impl Decode for Usd {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "an amount of money", sink)?;
        match text.parse() {
            Ok(amount) => Some(Self(amount)),
            Err(error) => {
                let help = match error {
                    ParseUsdError::NotADecimal => {
                        "write digits and at most one point, without currency, separators or exponent"
                    }
                    ParseUsdError::Negative => "write 0 for what costs nothing",
                    ParseUsdError::TooFine => "round it",
                    ParseUsdError::TooLarge => "no price and no budget is that large",
                };
                sink.error(node.pos, format!("{error}: {}", quoted(text))).help(help);
                None
            }
        }
    }
}

/// A count: plain digits, as YAML 1.2 and JSON write integers.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub u64);
schema!(Count, { "type": "integer", "minimum": 0 });

impl Decode for Count {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "a count", sink)?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let grouped =
            !digits.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '_' | ',' | ' ' | '\''));
        let help = match text {
            _ if matches!(node.value, Value::Scalar { plain: false, .. }) => "leave out the quotes".into(),
            _ if digits.len() == text.len() && (digits == "0" || !digits.starts_with('0')) && !digits.is_empty() => {
                match digits.parse() {
                    Ok(count) => return Some(Self(count)),
                    Err(_) => format!("the most is {}", u64::MAX),
                }
            }
            _ if grouped => format!("write `{}`", digits.trim_start_matches('0')),
            _ if text.starts_with('-') => "a count cannot be below zero; 0 admits nothing".into(),
            _ => "write plain digits, like `200000`".into(),
        };
        sink.error(node.pos, format!("not a whole number: {}", quoted(text))).help(help);
        None
    }
}

/// A cap: a count of at least 1.
#[derive(Debug, Clone, Copy)]
pub struct Cap(pub u64);
schema!(Cap, { "type": "integer", "minimum": 1 });

impl Decode for Cap {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let Count(count) = Count::decode(node, sink)?;
        if count == 0 {
            sink.error(node.pos, "a cap is at least 1").help("leave it out for no cap; `models: []` grants nothing");
            return None;
        }
        Some(Self(count))
    }
}

/// A percentage of a budget.
#[derive(Debug, Clone, Copy)]
pub struct Percent(pub u8);
schema!(Percent, { "type": "integer", "minimum": 1, "maximum": 100 });

impl Decode for Percent {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let Count(count) = Count::decode(node, sink)?;
        match u8::try_from(count) {
            Ok(percent @ 1..=100) => Some(Self(percent)),
            _ => {
                sink.error(node.pos, format!("an alert is at 1 to 100 percent, not {count}"));
                None
            }
        }
    }
}

/// The version of the file format.
#[derive(Debug, Clone, Copy)]
pub struct Version;
schema!(Version, { "const": 1 });

impl Decode for Version {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "the version", sink)?;
        if text == "1" {
            return Some(Self);
        }
        sink.error(node.pos, format!("this Keyward reads version 1 of policy files, not {}", quoted(text)))
            .help("write `version: 1`");
        None
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy)]
pub struct Flag(pub bool);
schema!(Flag, { "type": "boolean" });

impl Decode for Flag {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        match (scalar(node, "a flag", sink)?, &node.value) {
            ("true" | "True" | "TRUE", Value::Scalar { plain: true, .. }) => Some(Self(true)),
            ("false" | "False" | "FALSE", Value::Scalar { plain: true, .. }) => Some(Self(false)),
            (text, _) => {
                sink.error(node.pos, format!("neither true nor false: {}", quoted(text)))
                    .help("write `true` or `false`, without quotes");
                None
            }
        }
    }
}

/// A moment, in Unix seconds.
#[derive(Debug, Clone, Copy)]
pub struct Moment(pub i64);
schema!(Moment, { "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] });

impl FromStr for Moment {
    type Err = String;

    /// Reads a moment with its zone, or a date for its beginning in UTC; the error says how to write it.
    fn from_str(text: &str) -> Result<Self, String> {
        let midnight = || {
            let date = (text.len() == 10).then(|| text.parse::<Date>().ok())??;
            Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
        };
        if let Some(moment) = midnight().or_else(|| text.parse::<Timestamp>().ok()) {
            return Ok(Self(moment.as_second()));
        }
        Err(match text.parse::<jiff::civil::DateTime>() {
            Ok(_) if text.len() > 10 => format!("say in which zone: {} is UTC", quoted(&format!("{text}Z"))),
            _ => "write `2027-01-31T00:00:00Z`, or `2027-01-31` for its beginning in UTC".into(),
        })
    }
}

impl Decode for Moment {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "a moment", sink)?;
        let moment = text.parse();
        if let Err(help) = &moment {
            sink.error(node.pos, format!("not a moment as RFC 3339 writes it: {}", quoted(text))).help(help);
        }
        moment.ok()
    }
}

/// The hash of a key.
#[derive(Debug, Clone, Copy)]
pub struct Hash(pub KeyHash);
schema!(Hash, { "type": "string", "pattern": "^sha256:[A-Za-z0-9+/]{43}=$" });

impl Decode for Hash {
    /// Nothing of what stands here is ever repeated: it could be a key.
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "the hash of a key", sink)?;
        let help =
            "`keyward key new` makes a key and prints its entry; the hash is `sha256:` and 44 characters of base64";
        let Some(encoded) = text.strip_prefix("sha256:") else {
            let message =
                if looks_like_a_key(text) && !(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())) {
                    "a key stands where its hash belongs; it is known now: replace it"
                } else {
                    "not the hash of a key: it does not begin with `sha256:`"
                };
            sink.error(node.pos, message).help(help);
            return None;
        };
        if let Some(hash) = STANDARD.decode(encoded).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            return Some(Self(KeyHash(hash)));
        }
        let message = if encoded.len() == 64 && encoded.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            "the hash of a key is written in base64, not in hexadecimal"
        } else if is_surely_a_key(encoded) {
            "a key stands where its hash belongs; it is known now: replace it"
        } else {
            "not the hash of a key: what follows `sha256:` is not the base64 of 32 bytes"
        };
        sink.error(node.pos, message).help(help);
        None
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone)]
pub struct Zone(pub TimeZone);
schema!(Zone, { "type": "string" });

impl Decode for Zone {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let text = scalar(node, "a time zone", sink)?;
        let found = timezone::find(text);
        if found.is_none() {
            let names = timezone::names();
            sink.error(node.pos, format!("no time zone has the name {}", quoted(text)))
                .help("write an IANA name, like `Europe/Berlin` or `UTC`")
                .suggest(text, names.iter().map(String::as_str));
        }
        found.map(Self)
    }
}

/// A number in plain digits.
pub fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Declares how the words of a choice are read.
fn word<T: Copy>(node: &Node, what: &str, words: &[(&'static str, T)], sink: &mut Sink) -> Option<T> {
    let text = scalar(node, what, sink)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    sink.error(node.pos, format!("{what} is one of `{}`, not {}", all.join("`, `"), quoted(text)))
        .suggest(text, all.into_iter());
    None
}

/// Declares a span of time, in milliseconds: what it is, from where to where it reaches, and how to write it.
macro_rules! span {
    ($(#[$meta:meta])* $name:ident = $what:literal, $least:literal $least_ms:literal, $most:literal $most_ms:literal, $like:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub u64);
        schema!($name, { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" });

        impl Decode for $name {
            fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
                let text = scalar(node, $what, sink)?;
                let ms = milliseconds(text).filter(|ms| ($least_ms..=$most_ms).contains(ms));
                if ms.is_none() {
                    sink.error(node.pos, format!(concat!("not ", $what, " of ", $least, " to ", $most, ": {}"), quoted(text)))
                        .help(concat!("write it like ", $like));
                }
                ms.map(Self)
            }
        }
    };
}

span! {
    /// How long a provider may take to begin its answer.
    FirstByte = "a timeout", "1ms" 1, "1h" 3_600_000, "`30s` or `2m`"
}
span! {
    /// How long to wait for the store.
    Timeout = "a timeout", "10ms" 10, "5s" 5000, "`50ms` or `1s`"
}
span! {
    /// How long what was looked up holds.
    Ttl = "a time", "1s" 1000, "1h" 3_600_000, "`30s` or `5m`"
}

fn milliseconds(text: &str) -> Option<u64> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    units.iter().find_map(|(unit, ms)| digits(text.strip_suffix(unit)?)?.checked_mul(*ms))
}

impl Decode for Api {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        let words: Vec<_> = Self::ALL.iter().map(|api| (api.name(), *api)).collect();
        word(node, "an api", &words, sink)
    }
}

impl Decode for Reserve {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        word(node, "what is reserved", &[("full", Self::Full), ("expected", Self::Expected)], sink)
    }
}

impl Decode for Endpoint {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        word(node, "an endpoint", &Self::ALL.map(|endpoint| (endpoint.as_str(), endpoint)), sink)
    }
}

impl Decode for StoreDialect {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        word(node, "the dialect of a store", &[("webdis", Self::Webdis), ("upstash", Self::Upstash)], sink)
    }
}

impl Decode for OnOutage {
    fn decode(node: &Node, sink: &mut Sink) -> Option<Self> {
        word(node, "`on_outage`", &[("deny", Self::Deny), ("local", Self::Local), ("allow", Self::Allow)], sink)
    }
}
