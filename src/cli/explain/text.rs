//! An explanation for people.

use std::fmt::Write as _;

use super::explanation::{Explanation, Reserved};
use super::served::{cluster, rates, target_parts};
use crate::authz::Verdict;
use crate::cli::output::{BAD, FAINT, GOOD, STRONG, styled};

/// The explanation in parts: the decision, the levels, the limits, the caps, what is reserved, and where the request would go.
pub fn text(explanation: &Explanation<'_>) -> String {
    let mut text = head(explanation);
    if explanation.model.is_none() {
        return text;
    }
    let steps = explanation.steps.iter().map(|(source, verdict)| {
        let style = match verdict {
            Verdict::Silent => FAINT,
            Verdict::GrantedBy(_) => GOOD,
            Verdict::Denied(_) => BAD,
        };
        (source.to_string(), styled(style, verdict))
    });
    part(&mut text, "levels", steps);
    let limits = explanation.limits.iter().map(|(source, limit)| {
        (source.to_string(), limit.map_or_else(|| styled(FAINT, "no limits"), ToString::to_string))
    });
    part(&mut text, "limits", limits);
    let caps = explanation.caps.iter().map(|cap| (cap.by.to_string(), format!("{} {}", cap.field, cap.most)));
    part(&mut text, "caps", caps);
    part(&mut text, "reserved", explanation.reserved.iter().flat_map(reserved));
    served(explanation, &mut text);
    text
}

fn reserved(Reserved { output, cost, per_million_input, expected }: &Reserved<'_>) -> Vec<(String, String)> {
    let output = match output {
        None => "none: the endpoint generates no text".to_owned(),
        Some(output) => format!("{output} tokens for each answer, unless the request states how many"),
    };
    let cost = format!("{cost} usd, and {per_million_input} usd per million tokens of input");
    let lately = |at| format!("{at}: what such requests lately used, where that is less");
    let expected = expected.iter().map(|source| ("expected".to_owned(), lately(source)));
    [("output".to_owned(), output), ("cost".to_owned(), cost)].into_iter().chain(expected).collect()
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
        Some(denied) => {
            let rule = denied.rule.iter().map(|rule| format!("\nrule      {rule}"));
            let note = denied.note.iter().map(|note| format!("\nnote      {note}"));
            let more: String = rule.chain(note).collect();
            format!("{} {}{more}", styled(BAD, "denied"), denied.code)
        }
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
    let rows = model.targets().iter().map(|target| {
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
    part(text, &format!("cluster {}", cluster(model)), rows);
}

/// A part with its title, in two columns.
fn part(text: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<_> = rows.collect();
    let _ = writeln!(text, "{}", styled(STRONG, format!("\n{title}")));
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    for (left, right) in rows {
        let _ = writeln!(text, "  {left:<width$}  {right}");
    }
}
