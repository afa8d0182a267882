//! Caps: the most a single request may ask for or send, and who says so.

use core::fmt;

use super::MAX_REQUEST_BYTES;
use crate::policy::{Entry, Level, Model, Source};

/// The smallest cap that holds for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap<'p> {
    /// The field that states it.
    pub field: &'static str,
    /// Tokens or bytes.
    pub most: u64,
    /// Who states it.
    pub by: StatedBy<'p>,
}

/// Who states a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedBy<'p> {
    /// A level, itself or by its tier.
    Level(Source<'p>),
    /// The model, by its catalog name.
    Model(&'p str),
    /// Nobody: it is built in.
    Default,
}

/// The cap on the output tokens a request may ask for.
pub fn output_tokens<'p>(levels: impl Iterator<Item = &'p Level>, model: &'p Model) -> Option<Cap<'p>> {
    let cap = |most, by| Cap { field: "max_output_tokens", most, by };
    let of_model = match model.entry {
        Entry::Served { max_output_tokens, .. } => max_output_tokens,
        Entry::Alias { .. } => None,
    };
    let of_levels = levels.filter_map(|level| Some(cap(level.max_output_tokens?, StatedBy::Level(level.source(None)))));
    of_levels.chain(of_model.map(|most| cap(most, StatedBy::Model(&model.name)))).min_by_key(|cap| cap.most)
}

/// The cap on the bytes of a request's body.
pub fn request_bytes<'p>(levels: impl Iterator<Item = &'p Level>) -> Cap<'p> {
    let cap = |most, by| Cap { field: "max_request_bytes", most, by };
    levels
        .filter_map(|level| Some(cap(level.max_request_bytes?, StatedBy::Level(level.source(None)))))
        .min_by_key(|cap| cap.most)
        .unwrap_or_else(|| cap(MAX_REQUEST_BYTES, StatedBy::Default))
}

impl fmt::Display for StatedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(source) => source.fmt(f),
            Self::Model(name) => write!(f, "model {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl fmt::Display for Cap<'_> {
    /// For audit records: `team marketing: max_output_tokens 8192`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.by, self.field, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::super::demand;
    use super::*;
    use crate::policy::{LevelKind, Reserve, Target};
    use crate::request::Endpoint;

    fn level(kind: LevelKind, max_output_tokens: Option<u64>, max_request_bytes: Option<u64>) -> Level {
        Level {
            kind,
            name: "ads".into(),
            rules: vec![],
            limits: vec![],
            max_request_bytes,
            max_output_tokens,
            reserve: Reserve::Full,
            alerts: vec![],
        }
    }

    fn model(max_output_tokens: Option<u64>) -> Model {
        let targets = vec![Target { provider: 0, model: "m".into(), also: vec![], price: None }];
        let entry = Entry::Served {
            wildcard: false,
            cluster: "c".into(),
            max_output_tokens,
            targets,
            drop_params: false,
            timeout_ms: None,
            open_fallback: false,
        };
        Model { name: "gpt-4o".into(), entry, groups: vec![] }
    }

    #[test]
    fn the_smallest_cap_holds_and_says_who_states_it() {
        let levels = [
            level(LevelKind::Team, Some(100), None),
            level(LevelKind::Project, None, Some(7)),
            level(LevelKind::Key, Some(50), Some(9)),
        ];
        let said = |levels: &[Level], model| output_tokens(levels.iter(), &model).map(|cap| cap.to_string());
        assert_eq!(said(&levels, model(Some(60))).as_deref(), Some("key ads: max_output_tokens 50"));
        assert_eq!(said(&levels, model(Some(40))).as_deref(), Some("model gpt-4o: max_output_tokens 40"));
        assert_eq!(said(&levels[1..2], model(None)), None);
        assert_eq!(request_bytes(levels.iter()).to_string(), "project ads: max_request_bytes 7");
        assert_eq!(request_bytes([].into_iter()).to_string(), "default: max_request_bytes 16777216");
    }

    #[test]
    fn a_request_may_ask_for_as_much_as_the_cap_and_not_for_more() {
        let (team, model) = (level(LevelKind::Team, Some(100), None), model(None));
        let output = |endpoint, asked| demand::output(endpoint, asked, &model, &[&team]).map_err(|cap| cap.to_string());
        assert_eq!(output(Endpoint::Chat, Some(100)), Ok(100));
        assert_eq!(output(Endpoint::Chat, Some(101)), Err("team ads: max_output_tokens 100".into()));
        assert_eq!(output(Endpoint::Chat, None), Ok(100));
        assert_eq!(output(Endpoint::Embeddings, Some(101)), Ok(0));
        assert_eq!(demand::output(Endpoint::Chat, None, &model, &[]), Ok(1024), "assumed where nobody says");
    }
}
