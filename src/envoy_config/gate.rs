//! Whether requests pass the gate, and go where it says, with bodies as large as the policy allows.

use super::listener::{CLUSTER_HEADER, Manager, Route};
use super::{Fit, bytes, upstream};
use crate::policy::file::diagnostic::{Sink, quoted};
use crate::policy::file::node::Pos;

/// All connection managers.
pub fn check(fit: &Fit<'_>, sink: &mut Sink) {
    let concerned = |manager: &&Manager<'_>| manager.gate.is_some() || manager.is_routed_by_gate();
    for manager in fit.managers.iter().filter(concerned) {
        check_manager(fit, manager, sink);
    }
    if fit.managers.iter().any(|manager| concerned(&manager)) {
        return;
    }
    if fit.lds {
        sink.warning(fit.pos, "listeners come by LDS: whether one runs the gate is not seen here");
    } else {
        no_gate(fit, fit.managers.iter().find_map(|manager| manager.other), fit.listeners, sink);
    }
}

fn no_gate(fit: &Fit<'_>, other: Option<(&str, Pos)>, pos: Pos, sink: &mut Sink) {
    let finding = sink.error(
        other.map_or(pos, |(_, pos)| pos),
        format!("no filter {} comes by discovery here: no request passes the gate", quoted(fit.gate)),
    );
    match other {
        Some((name, _)) => finding.help(format!("if {} is the gate, check with `--name {name}`", quoted(name))),
        None => finding.help("put the gate in front of the router: `config_discovery` of a wasm filter"),
    };
}

fn check_manager(fit: &Fit<'_>, manager: &Manager<'_>, sink: &mut Sink) {
    match manager.gate {
        None => no_gate(fit, manager.other, manager.pos, sink),
        Some(gate) => {
            if let Some(config) = gate.inline {
                upstream::wasm("gate", config, gate.pos, sink);
            }
            if let Some(pos) = manager.routes_elsewhere {
                sink.warning(pos, "routes by discovery or in a matcher are not seen here").help(format!(
                    "each has to go where the gate says: `cluster_header: {CLUSTER_HEADER}`, with a buffer limit of {} or more",
                    fit.buffer
                ));
            } else if manager.routes.is_empty() {
                sink.error(manager.pos, "no route leads to the clusters that the gate names")
                    .help(format!("add a route with `cluster_header: {CLUSTER_HEADER}`"));
            }
            for route in manager.routes.iter().filter(|route| !route.disabled.contains(&gate.name)) {
                check_route(fit, route, sink);
            }
        }
    }
}

fn check_route(fit: &Fit<'_>, route: &Route<'_>, sink: &mut Sink) {
    if !route.by_gate {
        sink.error(route.pos, "the route goes to a cluster of its own, whatever the gate decides").help(format!(
            "write `cluster_header: {CLUSTER_HEADER}`; or turn the gate off for it in `typed_per_filter_config`"
        ));
        return;
    }
    if !route.removes_header {
        sink.warning(route.pos, format!("the route does not remove `{CLUSTER_HEADER}` from what leaves"))
            .help(format!("add `request_headers_to_remove: [{CLUSTER_HEADER}]`"));
    }
    if !route.tells_attempts {
        sink.warning(route.host, "the virtual host does not tell the number of attempts").help(
            "add `include_attempt_count_in_response: true`; without it `x-keyward-attempts` and audit records say 1",
        );
    }
    let (limit, pos) = route.buffer;
    if limit < fit.buffer {
        sink.error(
            pos,
            format!("Envoy holds {} of a body, and the policy lets {} pass", bytes(limit), bytes(fit.largest_body)),
        )
        .help(format!(
            "`request_body_buffer_limit: {}` in the virtual host: the body, and the 1 MiB that Envoy reads at once; answers that \
                 are translated have to fit too",
            fit.buffer
        ));
    }
}
