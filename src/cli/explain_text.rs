//! An explanation for people.

use std::fmt::Write as _;

use super::explain::{Explanation, cluster, rates, target_parts};
use super::output::{BAD, FAINT, GOOD, STRONG, styled};
use crate::authz::Verdict;
use crate::policy::Entry;

/// The explanation in four parts: the decision, the levels, the limits, and where the request would go.
pub fn text(explanation: &Explanation<'_>) -> String {
    let mut text = head(explanation);
    if explanation.model.is_some() {
        text.push_str(&styled(STRONG, "\nlevels\n"));
        let rows = explanation.steps.iter().map(|step| {
            let style = match step.verdict {
                Verdict::Silent => FAINT,
                Verdict::GrantedBy(_) => GOOD,
                Verdict::Denied(_) => BAD,
            };
            (step.source.to_string(), styled(style, step.verdict))
        });
        table(&mut text, &rows.collect::<Vec<_>>());
        text.push_str(&styled(STRONG, "\nlimits\n"));
        let rows: Vec<_> = explanation
            .limits
            .iter()
            .map(|(level, limit)| (level.source(limit.tier.as_deref()).to_string(), limit.to_string()))
            .collect();
        table(&mut text, &rows);
    }
    served(explanation, &mut text);
    text
}

fn head(explanation: &Explanation<'_>) -> String {
    let Explanation { key, endpoint, requested, model, denied, .. } = explanation;
    let whose = [("org", &key.org), ("team", &key.team), ("project", &key.project), ("user", &key.user)];
    let mut whose: Vec<String> =
        whose.into_iter().filter_map(|(kind, name)| Some(format!("{kind} {}", name.as_ref()?))).collect();
    whose.extend(key.environment.iter().map(|name| format!("environment {name}")));
    let stands_for = match model {
        Some(model) if model.alias.is_some() => format!(" (alias of {})", model.name),
        Some(model) if model.model.name != model.requested => format!(" (matches {})", model.model.name),
        _ => String::new(),
    };
    let decision = match denied {
        None => styled(GOOD, "allowed"),
        Some((code, why)) => format!("{} {code}: {why}", styled(BAD, "denied")),
    };
    format!(
        "key       {} ({})\nendpoint  {}\nmodel     {}{stands_for}\ndecision  {decision}\n",
        key.id,
        whose.join(", "),
        endpoint.as_str(),
        requested.escape_debug(),
    )
}

fn served(explanation: &Explanation<'_>, text: &mut String) {
    let Some(model) = &explanation.model else { return };
    let Entry::Served { targets, .. } = &model.model.entry else { return };
    let _ = writeln!(text, "{}{}", styled(STRONG, "\ncluster "), cluster(model));
    let rows = targets.iter().map(|target| {
        let (provider, name, price) = target_parts(explanation.policy, model, target);
        let price = price.map_or_else(
            || "no price: costs nothing".to_owned(),
            |price| {
                let (once, per_token): (Vec<_>, Vec<_>) =
                    rates(price).into_iter().partition(|(rate, _)| *rate == "request");
                let rates: Vec<_> = per_token.iter().map(|(rate, usd)| format!("{rate} {usd}")).collect();
                let once: String = once.iter().map(|(_, usd)| format!(", {usd} USD per request")).collect();
                format!("{} USD per million tokens{once}", rates.join(", "))
            },
        );
        (format!("{provider}: {name}"), price)
    });
    table(text, &rows.collect::<Vec<_>>());
}

fn table(text: &mut String, rows: &[(String, String)]) {
    if rows.is_empty() {
        let _ = writeln!(text, "  {}", styled(FAINT, "none"));
    }
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    for (left, right) in rows {
        let _ = writeln!(text, "  {left:<width$}  {right}");
    }
}
