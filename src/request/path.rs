//! Reads method and path: which endpoint is meant, and which model the URL names, if any.
//!
//! Only whole, literal paths count. Nothing is normalised (`//`, `..`, a trailing slash, an escaped slash, another
//! case), because what we and a provider would normalise differently is a way around a rule.

use std::borrow::Cow;

use thiserror::Error;

use super::{Endpoint, Shape};

/// A request whose method and path are one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<'a> {
    /// What is asked for.
    pub endpoint: Endpoint,
    /// The model named by a path such as `/openai/deployments/{model}/chat/completions`, percent-decoded.
    pub path_model: Option<Cow<'a, str>>,
    /// The model named by `?model=`, percent-decoded. Of several the first; see `query_models_differ`.
    pub query_model: Option<Cow<'a, str>>,
    /// Whether `?model=` was given more than once with different values: nobody can say which one a provider would
    /// take.
    pub query_models_differ: bool,
    /// Everything after the `?`, as it was sent.
    pub query: &'a str,
}

/// Method and path are none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no such endpoint")]
pub struct NotFound;

/// Prefixes under which all endpoints are served; `/openai/v1` is Azure's.
const ROOTS: [&str; 3] = ["/v1/", "/openai/v1/", "/"];

/// Prefixes followed by a model and the rest of the path: Azure's deployments and OpenAI's former engines.
const MODEL_ROOTS: [&str; 3] = ["/openai/deployments/", "/v1/engines/", "/engines/"];

/// The endpoints that exist below a model.
const BELOW_A_MODEL: [Endpoint; 7] = [
    Endpoint::Chat,
    Endpoint::Completions,
    Endpoint::Embeddings,
    Endpoint::Images,
    Endpoint::Speech,
    Endpoint::Transcriptions,
    Endpoint::Translations,
];

/// Finds the endpoint that `method` and `path` (with its query) ask for.
///
/// # Errors
/// [`NotFound`] for everything but an exact match.
pub fn route<'a>(method: &str, path: &'a str) -> Result<Routed<'a>, NotFound> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (endpoint, path_model) = endpoint_of(path).ok_or(NotFound)?;
    let expected = if endpoint == Endpoint::Models { "GET" } else { "POST" };
    if method != expected {
        return Err(NotFound);
    }
    let mut models = query.split('&').filter_map(model_parameter);
    let query_model = models.next();
    let query_models_differ = models.any(|other| Some(other) != query_model);
    Ok(Routed { endpoint, path_model, query_model, query_models_differ, query })
}

/// The API that an endpoint at `path` would belong to, where there is none.
#[must_use]
pub fn shape(path: &str) -> Shape {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let below = path.strip_prefix("/messages").is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if below { Shape::Anthropic } else { Shape::OpenAi }
}

impl Routed<'_> {
    /// The path for the provider: the endpoint's own, with the query as it was sent but for `model`.
    #[must_use]
    pub fn upstream_path(&self) -> String {
        let mut path = String::from(self.endpoint.path());
        let mut separator = '?';
        for parameter in self.query.split('&').filter(|parameter| !parameter.is_empty()) {
            if model_parameter(parameter).is_none() {
                path.push(separator);
                path.push_str(parameter);
                separator = '&';
            }
        }
        path
    }
}

fn endpoint_of(path: &str) -> Option<(Endpoint, Option<Cow<'_, str>>)> {
    for root in MODEL_ROOTS {
        if let Some(rest) = path.strip_prefix(root) {
            let (segment, rest) = rest.split_once('/')?;
            let endpoint = BELOW_A_MODEL.into_iter().find(|endpoint| below_root(*endpoint) == Some(rest))?;
            return Some((endpoint, Some(model_segment(segment)?)));
        }
    }
    ROOTS.into_iter().find_map(|root| {
        let rest = path.strip_prefix(root)?;
        let endpoint = Endpoint::ALL.into_iter().find(|endpoint| below_root(*endpoint) == Some(rest))?;
        Some((endpoint, None))
    })
}

/// The endpoint's path without `/v1/`.
fn below_root(endpoint: Endpoint) -> Option<&'static str> {
    endpoint.path().strip_prefix("/v1/")
}

/// A model as one segment of a path. An escaped slash is part of the name (`openai%2Fgpt-4o`); whatever could mean
/// another path, or is no text, is no model.
fn model_segment(segment: &str) -> Option<Cow<'_, str>> {
    let model = decode(segment, false)?;
    let is_a_name = !model.is_empty() && model != "." && model != ".." && !model.chars().any(char::is_control);
    is_a_name.then_some(model)
}

/// The value of a query parameter called `model`. What does not decode stays as it was sent: a name nobody has.
fn model_parameter(parameter: &str) -> Option<Cow<'_, str>> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    (decode(name, true)? == "model").then(|| decode(value, true).unwrap_or(Cow::Borrowed(value)))
}

/// Percent-decodes (RFC 3986); in a query `+` is a space (WHATWG URL, `application/x-www-form-urlencoded`). `None`
/// for a `%` without two hex digits and for what is not UTF-8.
fn decode(text: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || (plus_is_space && byte == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn post(path: &str) -> Option<(Endpoint, Option<String>)> {
        route("POST", path).ok().map(|routed| (routed.endpoint, routed.path_model.map(Cow::into_owned)))
    }

    #[test]
    fn what_is_not_there_is_of_the_api_that_would_have_it() {
        for path in
            ["/v1/messages", "/messages?beta=true", "/v1/messages/count_tokens", "/v1/messages/batches/b/results"]
        {
            assert_eq!(shape(path), Shape::Anthropic, "{path}");
        }
        for path in ["", "/v1", "/v1/messagesx", "/v1/models/messages", "/v1/responses"] {
            assert_eq!(shape(path), Shape::OpenAi, "{path}");
        }
    }

    #[test]
    fn every_endpoint_is_found_with_and_without_v1() {
        for endpoint in Endpoint::ALL {
            let method = if endpoint == Endpoint::Models { "GET" } else { "POST" };
            let other = if endpoint == Endpoint::Models { "POST" } else { "GET" };
            let bare = endpoint.path().strip_prefix("/v1").unwrap();
            for path in [endpoint.path().to_owned(), bare.to_owned(), format!("/openai/v1{bare}")] {
                let routed = route(method, &path).unwrap();
                assert_eq!((routed.endpoint, routed.path_model, routed.query_model), (endpoint, None, None), "{path}");
                assert_eq!(route(other, &path), Err(NotFound), "{other} {path}");
                assert_eq!(route("HEAD", &path), Err(NotFound));
                assert_eq!(route(&method.to_lowercase(), &path), Err(NotFound));
            }
        }
    }

    #[test]
    fn only_literal_paths_are_found() {
        for path in [
            "",
            "/",
            "*",
            "/v1",
            "/v1/",
            "v1/chat/completions",
            "/v1/chat/completions/",
            "//v1/chat/completions",
            "/v1//chat/completions",
            "/v1/chat//completions",
            "/v1/chat/../completions",
            "/v1/./chat/completions",
            "/v1/x/../chat/completions",
            "/v1/chat%2fcompletions",
            "/v1/chat%2Fcompletions",
            "/v1%2fchat/completions",
            "/v1/%63hat/completions",
            "/v1/chat\\completions",
            "/V1/chat/completions",
            "/v1/Chat/Completions",
            "/v1/chat/completions;x=1",
            "/v1/chat/completions#x",
            "/v1/chat/completions ",
            "/v1/chat/completions\0",
            "/v1/chat/completions/x",
            "/v2/chat/completions",
            "/v1/v1/chat/completions",
            "/api/v1/chat/completions",
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/files",
            "/v1/models",
            "http://host/v1/chat/completions",
        ] {
            assert_eq!(route("POST", path), Err(NotFound), "{path}");
        }
        assert_eq!(route("GET", "/v1/models/gpt-4o"), Err(NotFound));
    }

    #[test]
    fn a_path_can_name_the_model() {
        for root in ["/openai/deployments", "/v1/engines", "/engines"] {
            for (rest, endpoint) in [
                ("chat/completions", Endpoint::Chat),
                ("completions", Endpoint::Completions),
                ("embeddings", Endpoint::Embeddings),
                ("images/generations", Endpoint::Images),
                ("audio/speech", Endpoint::Speech),
                ("audio/transcriptions", Endpoint::Transcriptions),
                ("audio/translations", Endpoint::Translations),
            ] {
                assert_eq!(post(&format!("{root}/gpt-4o/{rest}")), Some((endpoint, Some("gpt-4o".into()))));
            }
            for rest in ["models", "messages", "responses", "rerank", "moderations", "chat", "chat/completions/", ""] {
                assert_eq!(post(&format!("{root}/gpt-4o/{rest}")), None, "{root} {rest}");
            }
            assert_eq!(post(&format!("{root}/gpt-4o")), None);
        }
    }

    #[test]
    fn a_model_in_the_path_is_one_decoded_segment() {
        let model =
            |segment: &str| post(&format!("/openai/deployments/{segment}/embeddings")).and_then(|found| found.1);
        assert_eq!(model("a%20b").as_deref(), Some("a b"));
        assert_eq!(model("a+b").as_deref(), Some("a+b"));
        assert_eq!(model("openai%2Fgpt-4o").as_deref(), Some("openai/gpt-4o"));
        assert_eq!(model("%C3%A9").as_deref(), Some("é"));
        for segment in ["", ".", "..", "%2e%2e", "%2E", "a/b", "%", "%4", "%zz", "%+1", "%ff", "a%00b", "a%0d%0ab"] {
            assert_eq!(model(segment), None, "{segment}");
        }
    }

    #[test]
    fn a_query_can_name_the_model_and_loses_it_on_the_way() {
        let routed = route("POST", "/v1/chat/completions?api-version=1&model=gpt%2D4o&x=a+b%20c&&y").unwrap();
        assert_eq!(routed.query_model.as_deref(), Some("gpt-4o"));
        assert!(!routed.query_models_differ);
        assert_eq!(routed.query, "api-version=1&model=gpt%2D4o&x=a+b%20c&&y");
        assert_eq!(routed.upstream_path(), "/v1/chat/completions?api-version=1&x=a+b%20c&y");

        let routed = route("POST", "/engines/e/completions?%6dodel=a+b").unwrap();
        assert_eq!((routed.path_model.as_deref(), routed.query_model.as_deref()), (Some("e"), Some("a b")));
        assert_eq!(routed.upstream_path(), "/v1/completions");

        let routed = route("POST", "/chat/completions?Model=x&models=y&model%00=z").unwrap();
        assert_eq!(routed.query_model, None);
        assert_eq!(routed.upstream_path(), "/v1/chat/completions?Model=x&models=y&model%00=z");
    }

    #[test]
    fn two_different_models_in_the_query_are_noticed() {
        for (query, differ) in [
            ("model=a&model=a", false),
            ("model=a&model=%61", false),
            ("model=a&model=b", true),
            ("model=a&x=1&mod%65l=b", true),
            ("model=a&model", true),
            ("model=%ff&model=%fe", true),
        ] {
            let path = format!("/v1/embeddings?{query}");
            assert_eq!(route("POST", &path).unwrap().query_models_differ, differ, "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_model_survives_being_escaped(model in "[^\\p{Cc}]{1,20}") {
            prop_assume!(model != "." && model != "..");
            let escaped: String = model.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let path = format!("/openai/deployments/{escaped}/chat/completions?model={escaped}");
            let routed = route("POST", &path).unwrap();
            prop_assert_eq!(routed.path_model.as_deref(), Some(model.as_str()));
            prop_assert_eq!(routed.query_model.as_deref(), Some(model.as_str()));
            prop_assert_eq!(routed.upstream_path(), "/v1/chat/completions");
        }

        #[test]
        fn the_upstream_path_is_always_canonical(path in "/[a-z0-9/%.?&=]{0,40}") {
            if let Ok(routed) = route("POST", &path) {
                prop_assert!(routed.upstream_path().starts_with(routed.endpoint.path()));
            }
        }
    }
}
