use thiserror::Error;

use super::{BadBody, Body, ModelName, Routed};

/// Why a request has no model to look up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoModel {
    /// It names none, or different ones.
    #[error(transparent)]
    Bad(#[from] BadBody),
    /// It names one that no catalog can hold. The beginning of the name.
    #[error("no catalog can hold this name")]
    Impossible(String),
}

/// The one model a request names: in the path, the query, the body or several of them alike. Which one a provider
/// would believe if they differed is nothing to guess at.
///
/// # Errors
/// None is named, they differ, or the name is one that no catalog can hold.
pub fn model_named(routed: &Routed<'_>, body: &Body) -> Result<String, NoModel> {
    let in_url = [routed.path_model.as_deref(), routed.query_model.as_deref()];
    let mut in_url = in_url.into_iter().flatten().map(|name| ModelName::new(name.to_owned(), false));
    let in_body = body.model.as_ref().map(|field| field.name.clone());
    let named = in_body.or_else(|| in_url.next()).ok_or_else(|| BadBody::field("model", "is missing; name a model"))?;
    if routed.query_models_differ || in_url.any(|other| other != named) {
        return Err(BadBody::field("model", "differs between URL and body; name one model").into());
    }
    match named {
        ModelName::Name(name) if name.is_empty() => Err(BadBody::field("model", "is empty; name a model").into()),
        ModelName::Name(name) => Ok(name),
        ModelName::Impossible(name) => Err(NoModel::Impossible(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{BodyScan, route};

    fn named(path: &str, body: &str) -> Result<String, NoModel> {
        let routed = route("POST", path).unwrap();
        let mut scan = BodyScan::new(routed.endpoint, None).unwrap();
        scan.feed(body.as_bytes()).unwrap();
        model_named(&routed, &scan.finish().unwrap())
    }

    #[test]
    fn a_model_can_be_named_anywhere() {
        for (path, body) in [
            ("/v1/embeddings", r#"{"model":"m"}"#),
            ("/v1/embeddings?model=m", "{}"),
            ("/v1/embeddings?model=m&model=%6d", r#"{"model":"\u006d"}"#),
            ("/engines/m/embeddings", "{}"),
            ("/engines/m/embeddings?model=m", r#"{"model":"m"}"#),
        ] {
            assert_eq!(named(path, body), Ok("m".into()), "{path} {body}");
        }
    }

    #[test]
    fn different_or_missing_models_are_refused() {
        for (path, body) in [
            ("/v1/embeddings", "{}"),
            ("/v1/embeddings?model=", "{}"),
            ("/v1/embeddings?model=", r#"{"model":"m"}"#),
            ("/v1/embeddings?model=x", r#"{"model":"m"}"#),
            ("/v1/embeddings?model=m&model=x", r#"{"model":"m"}"#),
            ("/v1/embeddings?model=m&model=x", "{}"),
            ("/engines/x/embeddings", r#"{"model":"m"}"#),
            ("/engines/x/embeddings?model=m", r#"{"model":"m"}"#),
            ("/engines/m/embeddings?model=x", "{}"),
            ("/engines/M/embeddings", r#"{"model":"m"}"#),
        ] {
            let Err(NoModel::Bad(bad)) = named(path, body) else { panic!("{path} {body}") };
            assert_eq!(bad.param, Some("model"));
        }
    }

    #[test]
    fn a_name_no_catalog_can_hold_is_told_apart() {
        let long = "m".repeat(257);
        assert_eq!(named(&format!("/v1/embeddings?model={long}"), "{}"), Err(NoModel::Impossible(long.clone())));
        let kept = "m".repeat(256);
        assert_eq!(named("/v1/embeddings", &format!(r#"{{"model":"{long}"}}"#)), Err(NoModel::Impossible(kept)));
        assert_eq!(named("/v1/embeddings", r#"{"model":"a\nb"}"#), Err(NoModel::Impossible("a\nb".into())));
        assert_eq!(named("/v1/embeddings?model=a%0d%0ab", "{}"), Err(NoModel::Impossible("a\r\nb".into())));
    }
}
