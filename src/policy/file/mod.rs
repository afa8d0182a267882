//! Policy files: YAML to a checked [`super::Policy`].
