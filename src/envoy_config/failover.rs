//! Whether Envoy tries the next provider of a model that has several.

use super::Fit;
use super::asked::Asked;
use super::listener::Route;
use super::reach::Reach;
use super::tree::Ask as _;
use crate::policy::file::diagnostic::{Sink, quoted};
use crate::policy::file::node::Node;

/// A model that has several targets.
#[derive(Debug)]
struct Chain<'a> {
    model: &'a Asked<'a>,
    /// Whether its targets have priorities, as the members of an aggregate do.
    has_priorities: bool,
}

/// All routes by which such models are reached.
pub fn check(fit: &Fit<'_>, sink: &mut Sink) {
    let chains: Vec<Chain<'_>> = fit.models.iter().flat_map(|(cluster, models)| chains(fit, cluster, models)).collect();
    let Some(longest) = chains.iter().max_by_key(|chain| chain.model.targets.len()) else { return };
    let ordered = chains.iter().find(|chain| chain.has_priorities);
    for route in fit.managers.iter().flat_map(|manager| &manager.routes).filter(|route| route.by_gate) {
        check_route(route, longest.model, ordered.map(|chain| chain.model), sink);
    }
}

fn chains<'a>(fit: &'a Fit<'_>, cluster: &str, models: &'a [Asked<'a>]) -> Vec<Chain<'a>> {
    let cluster = fit.clusters.get(cluster);
    let has_priorities = cluster.is_some_and(|cluster| {
        let reach = Reach::of(cluster, &fit.clusters);
        cluster.members.is_some() || reach.clusters.iter().any(|cluster| cluster.has_priorities)
    });
    let several = models.iter().filter(|model| model.targets.len() > 1);
    several.map(|model| Chain { model, has_priorities }).collect()
}

fn check_route(route: &Route<'_>, longest: &Asked<'_>, ordered: Option<&Asked<'_>>, sink: &mut Sink) {
    let Some(policy) = route.retry else {
        sink.warning(route.pos, format!("the route has no `retry_policy`: {} has one attempt only", model(longest)))
            .related(longest.pos, "the model has several targets")
            .help("copy the one of Keyward's `envoy/envoy.yaml`");
        return;
    };
    let missing = not_retried(policy);
    if !missing.is_empty() {
        sink.warning(policy.pos_at("retry_on"), format!("the next provider is not tried after {}", missing.join(", ")))
            .related(longest.pos, format!("{} has several targets", model(longest)))
            .help(
                "`retry_on: connect-failure,refused-stream,reset-before-request,reset,retriable-status-codes` with \
             `retriable_status_codes: [408, 429, 500, 502, 503, 504, 529]`",
            );
    }
    let (retries, wanted) = (policy.number_at("num_retries").unwrap_or(1), longest.targets.len().saturating_sub(1));
    if usize::try_from(retries).is_ok_and(|retries| retries < wanted) {
        sink.warning(
            policy.pos_at("num_retries"),
            format!("the last of {} targets is never tried: `num_retries` is {retries}", longest.targets.len()),
        )
        .related(longest.pos, format!("{} has that many", model(longest)))
        .help(format!("`num_retries: {wanted}` or more"));
    }
    if let Some(ordered) = ordered.filter(|_| !goes_on(policy)) {
        sink.warning(policy.pos, "a retry may go to the provider that has just failed")
            .related(ordered.pos, format!("{} has a failover chain", model(ordered)))
            .help(
                "add `retry_priority: { name: envoy.retry_priorities.previous_priorities, … }` with `update_frequency: 1`",
            );
    }
}

fn model(model: &Asked<'_>) -> String {
    format!("model {}", quoted(model.name))
}

/// What providers do when they fail that is no reason to try another.
fn not_retried(policy: &Node) -> Vec<String> {
    let on: Vec<&str> = policy.text_at("retry_on").unwrap_or_default().split(',').map(str::trim).collect();
    let any = |reasons: &[&str]| reasons.iter().any(|reason| on.contains(reason));
    let mut missing = vec![];
    if !any(&["connect-failure", "reset", "5xx", "gateway-error"]) {
        missing.push("a failure to connect".to_owned());
    }
    if !any(&["reset", "5xx", "gateway-error"]) {
        missing.push("a reset or a timeout".to_owned());
    }
    // Which answers those are is said by headers.
    if any(&["retriable-headers"]) {
        return missing;
    }
    let codes = policy.list("retriable_status_codes").iter().filter_map(|code| code.text()?.parse::<u16>().ok());
    let codes: Vec<u16> = codes.filter(|_| any(&["retriable-status-codes"])).collect();
    for status in [429, 500, 502, 503, 504] {
        let by_class = (status >= 500 && any(&["5xx"])) || (status >= 502 && any(&["gateway-error"]));
        if !by_class && !codes.contains(&status) {
            missing.push(status.to_string());
        }
    }
    missing
}

/// Whether a retry leaves out the priorities that were tried.
fn goes_on(policy: &Node) -> bool {
    policy.at("retry_priority").is_some_and(|priority| {
        let typed = priority.typed_config().is_some_and(|(_, named)| named.contains(".previous_priorities."));
        typed || priority.text_at("name") == Some("envoy.retry_priorities.previous_priorities")
    })
}
