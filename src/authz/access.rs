//! Whether every level lets a caller use an endpoint and a model.

use core::fmt;
use std::sync::LazyLock;

use super::{catalog::Resolved, pattern};
use crate::policy::{Grant, Key, Level, LevelKind, Policy, Reserve, Rules, Source};
use crate::request::Endpoint;

/// The first rule that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied<'p> {
    /// Position of the level among those judged.
    pub level: usize,
    /// Where the rule is stated.
    pub source: Source<'p>,
    /// What the rule says.
    pub why: Why<'p>,
}

/// What a rule says against a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why<'p> {
    /// The endpoint is not among those stated.
    Endpoint,
    /// No grant matches the model.
    NotGranted,
    /// A deny matches the model.
    DeniedBy(&'p Grant),
}

/// What one source of rules (a level itself or its tier) says on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// States nothing on models: no objection.
    Silent,
    /// Grants the model.
    GrantedBy(&'p Grant),
    /// Stands in the way.
    Denied(Why<'p>),
}

impl fmt::Display for Denied<'_> {
    /// For audit records: `team marketing (tier standard): denied by openai/o1-*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.why)
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint => f.write_str("endpoint not granted"),
            Self::NotGranted => f.write_str("not granted"),
            Self::DeniedBy(deny) => write!(f, "denied by {deny}"),
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("no objection"),
            Self::GrantedBy(grant) => write!(f, "granted by {grant}"),
            Self::Denied(why) => why.fmt(f),
        }
    }
}

/// One step of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'p> {
    /// Position of the level among those judged.
    pub level: usize,
    /// Where the rules are stated.
    pub source: Source<'p>,
    /// What they say.
    pub verdict: Verdict<'p>,
}

/// The levels a key is under, widest first, itself last. A level the policy does not hold grants nothing.
///
/// A request that names an end user is under [`Policy::end_users`] as well: chain that.
pub fn levels<'p>(policy: &'p Policy, key: &'p Key) -> impl Iterator<Item = &'p Level> + Clone {
    static CLOSED: LazyLock<Level> = LazyLock::new(|| Level {
        kind: LevelKind::Global,
        name: String::new(),
        rules: vec![Rules { models: Some(vec![]), ..Rules::default() }],
        limits: vec![],
        max_request_bytes: None,
        max_output_tokens: None,
        reserve: Reserve::Full,
        alerts: vec![],
    });
    let level =
        |index: &u32| usize::try_from(*index).ok().and_then(|index| policy.levels.get(index)).unwrap_or(&CLOSED);
    key.levels.iter().map(level).chain([&key.own])
}

/// Judges endpoint and model; the endpoint first, at all levels.
///
/// # Errors
/// The first rule that stands in the way.
pub fn decide<'p>(
    levels: impl Iterator<Item = &'p Level> + Clone,
    endpoint: Endpoint,
    model: &Resolved<'_>,
) -> Result<(), Denied<'p>> {
    decide_endpoint(levels.clone(), endpoint)?;
    decide_model(levels, model)
}

/// Judges the endpoint alone, for when the body has not been read yet. [`Endpoint::Models`] is open to every key.
///
/// # Errors
/// The first rule that stands in the way.
pub fn decide_endpoint<'p>(levels: impl Iterator<Item = &'p Level>, endpoint: Endpoint) -> Result<(), Denied<'p>> {
    first_denied(levels, |rules| endpoint_verdict(rules, endpoint))
}

/// Judges the model alone: all rules that state `models` must grant it, and no deny may match.
///
/// # Errors
/// The first rule that stands in the way.
pub fn decide_model<'p>(levels: impl Iterator<Item = &'p Level>, model: &Resolved<'_>) -> Result<(), Denied<'p>> {
    first_denied(levels, |rules| model_verdict(rules, model))
}

/// What each source of rules says, in the order in which they are judged. A request is allowed if none is
/// [`Verdict::Denied`].
#[must_use]
pub fn explain<'p>(levels: impl Iterator<Item = &'p Level>, endpoint: Endpoint, model: &Resolved<'_>) -> Vec<Step<'p>> {
    steps(levels, |rules| match endpoint_verdict(rules, endpoint) {
        denied @ Verdict::Denied(_) => denied,
        _ => model_verdict(rules, model),
    })
    .collect()
}

/// Whether a grant, a deny or a limit's `model:` means the model: under its alias or under what that stands for.
#[must_use]
pub fn grant_matches(grant: &Grant, model: &Resolved<'_>) -> bool {
    match grant {
        Grant::All => true,
        Grant::Name(name) => model.names().any(|candidate| candidate == name),
        Grant::Group(group) => model.groups().any(|candidate| candidate == group),
        Grant::Glob(glob) => model.names().any(|candidate| pattern::matches(glob, candidate)),
    }
}

/// What the rules say on a model. A deny wins.
fn model_verdict<'p>(rules: &'p Rules, model: &Resolved<'_>) -> Verdict<'p> {
    let matches = |grant: &Grant| grant_matches(grant, model);
    if let Some(deny) = rules.deny.iter().find(|deny| matches(deny)) {
        return Verdict::Denied(Why::DeniedBy(deny));
    }
    rules.models.as_ref().map_or(Verdict::Silent, |grants| {
        grants.iter().find(|grant| matches(grant)).map_or(Verdict::Denied(Why::NotGranted), Verdict::GrantedBy)
    })
}

fn endpoint_verdict(rules: &Rules, endpoint: Endpoint) -> Verdict<'_> {
    let open = endpoint == Endpoint::Models || rules.endpoints.is_none_or(|stated| stated.contains(endpoint));
    if open { Verdict::Silent } else { Verdict::Denied(Why::Endpoint) }
}

fn first_denied<'p>(
    levels: impl Iterator<Item = &'p Level>,
    judge: impl FnMut(&'p Rules) -> Verdict<'p>,
) -> Result<(), Denied<'p>> {
    let denied = steps(levels, judge).find_map(|Step { level, source, verdict }| match verdict {
        Verdict::Denied(why) => Some(Denied { level, source, why }),
        Verdict::Silent | Verdict::GrantedBy(_) => None,
    });
    denied.map_or(Ok(()), Err)
}

fn steps<'p>(
    levels: impl Iterator<Item = &'p Level>,
    mut judge: impl FnMut(&'p Rules) -> Verdict<'p>,
) -> impl Iterator<Item = Step<'p>> {
    let rules =
        levels.enumerate().flat_map(|(position, level)| level.rules.iter().map(move |rules| (position, level, rules)));
    rules.map(move |(position, level, rules)| Step {
        level: position,
        source: level.source(rules.tier.as_deref()),
        verdict: judge(rules),
    })
}
