/// The name under which Envoy keeps a metric with labels: `name;label=value;…`. Envoy's `stats_tags` turn them back into
/// labels. Labels hold names of the policy, which have neither `;` nor `=`: a caller cannot make a new series.
#[must_use]
pub fn metric_name(name: &str, labels: &[(&str, &str)]) -> String {
    labels.iter().fold(name.to_owned(), |mut text, (label, value)| {
        for part in [";", label, "=", value] {
            text.push_str(part);
        }
        text
    })
}
