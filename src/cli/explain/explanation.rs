use super::Explain;
use crate::authn;
use crate::authz::{self, Resolved, Verdict};
use crate::gate::cap::{self, Cap};
use crate::gate::demand;
use crate::policy::{Key, Level, LevelKind, Limit, Policy, Reserve, Source};
use crate::pricing::{self, NanoUsd};
use crate::request::Endpoint;

/// All there is to say on one request.
#[derive(Debug)]
pub(super) struct Explanation<'a> {
    pub policy: &'a Policy,
    pub key: &'a Key,
    pub endpoint: Endpoint,
    /// The name in the request.
    pub requested: &'a str,
    /// What it stands for; `None` if nothing in the catalog.
    pub model: Option<Resolved<'a>>,
    /// What each source of rules says; a level without any says nothing.
    pub steps: Vec<(Source<'a>, Verdict<'a>)>,
    /// The limits that would apply; `None` for a level without any.
    pub limits: Vec<(Source<'a>, Option<&'a Limit>)>,
    pub caps: Vec<Cap<'a>>,
    pub reserved: Option<Reserved<'a>>,
    pub denied: Option<Denied>,
}

/// What a request that states no output would take from the limits.
#[derive(Debug)]
pub(super) struct Reserved<'a> {
    /// Output tokens; `None` where the endpoint generates no text.
    pub output: Option<u64>,
    /// Cost without the input, at the dearest target.
    pub cost: NanoUsd,
    /// Cost of a million input tokens, likewise.
    pub per_million_input: NanoUsd,
    /// Levels that take what such requests lately used instead.
    pub expected: Vec<Source<'a>>,
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Denied {
    /// The error code.
    pub code: &'static str,
    /// As the audit record would have it.
    pub rule: Option<String>,
    /// What the rule does not say.
    pub note: Option<String>,
}

impl Explain {
    /// Asks the stations what the gate would ask them.
    pub(super) fn explain<'a>(&'a self, policy: &'a Policy, key: &'a Key, now: i64) -> Explanation<'a> {
        let of_user = policy.end_users.iter().filter(|_| self.end_user);
        let levels: Vec<&Level> = authz::levels(policy, key).chain(of_user).collect();
        let places = self.places(key, &levels);
        let model = authz::resolve(&policy.catalog, &self.model);
        let of_model = model.as_ref().map(|model| (model, self.endpoint));
        Explanation {
            policy,
            key,
            endpoint: self.endpoint,
            requested: &self.model,
            steps: of_model.map(|asked| steps(&places, asked)).unwrap_or_default(),
            limits: of_model.map(|(model, _)| limits(&places, model)).unwrap_or_default(),
            caps: of_model.map(|asked| caps(&levels, asked)).unwrap_or_default(),
            reserved: of_model.map(|asked| reserved(&levels, asked)),
            denied: self.denied(&levels, key, model.as_ref(), now),
            model,
        }
    }

    /// All levels the request is under, widest first, each with what it states, if it states anything.
    fn places<'a>(&self, key: &'a Key, levels: &[&'a Level]) -> Vec<(Source<'a>, Option<&'a Level>)> {
        let named = [
            (LevelKind::Global, Some("")),
            (LevelKind::Org, key.org.as_deref()),
            (LevelKind::Team, key.team.as_deref()),
            (LevelKind::Project, key.project.as_deref()),
            (LevelKind::User, key.user.as_deref()),
            (LevelKind::Key, Some(key.id.as_str())),
            (LevelKind::EndUser, self.end_user.then_some("")),
        ];
        let stated = |kind| levels.iter().find(|level| level.kind == kind).copied();
        let place =
            |(kind, name): (LevelKind, Option<&'a str>)| Some((Source { kind, name: name?, tier: None }, stated(kind)));
        named.into_iter().filter_map(place).collect()
    }

    fn denied(&self, levels: &[&Level], key: &Key, model: Option<&Resolved<'_>>, now: i64) -> Option<Denied> {
        let by = |code, rule: String| Some(Denied { code, rule: Some(rule), note: None });
        if let Err(reason) = authn::valid_at(key, now) {
            return by("invalid_api_key", reason.to_string());
        }
        if let Err(denied) = authz::decide_endpoint(levels.iter().copied(), self.endpoint) {
            return by("endpoint_not_allowed", denied.to_string());
        }
        let Some(model) = model else {
            let note = Some("no entry of the catalog has or matches that name".to_owned());
            return Some(Denied { code: "model_not_found", rule: None, note });
        };
        let denied = authz::decide_model(levels.iter().copied(), model).err()?;
        by("model_not_allowed", denied.to_string())
    }
}

type Place<'a> = (Source<'a>, Option<&'a Level>);
type Asked<'m, 'a> = (&'m Resolved<'a>, Endpoint);

fn steps<'a>(places: &[Place<'a>], (model, endpoint): Asked<'_, 'a>) -> Vec<(Source<'a>, Verdict<'a>)> {
    let of_place = |(source, level): &Place<'a>| {
        let said = authz::explain(level.iter().copied(), endpoint, model);
        let said: Vec<_> = said.into_iter().map(|step| (step.source, step.verdict)).collect();
        if said.is_empty() { vec![(*source, Verdict::Silent)] } else { said }
    };
    places.iter().flat_map(of_place).collect()
}

fn limits<'a>(places: &[Place<'a>], model: &Resolved<'a>) -> Vec<(Source<'a>, Option<&'a Limit>)> {
    let applies = |limit: &&Limit| limit.model.as_ref().is_none_or(|grant| authz::grant_matches(grant, model));
    let of_place = |(source, level): &Place<'a>| {
        let stated = level.map(|level| level.limits.as_slice()).unwrap_or_default();
        let at = |limit: &'a Limit| (Source { tier: limit.tier.as_deref(), ..*source }, Some(limit));
        let limits: Vec<_> = stated.iter().filter(applies).map(at).collect();
        if limits.is_empty() { vec![(*source, None)] } else { limits }
    };
    places.iter().flat_map(of_place).collect()
}

/// The caps in force. The end user is not known when the size is judged; its level states none.
fn caps<'a>(levels: &[&'a Level], (model, endpoint): Asked<'_, 'a>) -> Vec<Cap<'a>> {
    let output = cap::output_tokens(levels.iter().copied(), model.model).filter(|_| demand::generates(endpoint));
    output.into_iter().chain([cap::request_bytes(levels.iter().copied())]).collect()
}

fn reserved<'a>(levels: &[&'a Level], (model, endpoint): Asked<'_, 'a>) -> Reserved<'a> {
    const MILLION: u64 = 1_000_000;
    let cost = |input, output| {
        let prices = model.targets().iter().map(|target| target.price.as_ref());
        pricing::reserve_demand(prices, input, output).cost
    };
    // No output is asked for, so none can be too much.
    let output = demand::output(endpoint, None, model.model, levels).unwrap_or_else(|cap| cap.most);
    let generates = demand::generates(endpoint);
    let expected = levels.iter().filter(|level| level.reserve == Reserve::Expected && !level.limits.is_empty());
    Reserved {
        output: generates.then_some(output),
        cost: cost(0, output),
        per_million_input: NanoUsd(cost(MILLION, 0).0.saturating_sub(cost(0, 0).0)),
        expected: expected.map(|level| level.source(None)).collect(),
    }
}
