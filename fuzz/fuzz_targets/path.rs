//! Only whole, literal paths are routed, to where a reading by segments says; what goes upstream is canonical.
#![no_main]

use keyward::request::{Endpoint, Routed, route};
use libfuzzer_sys::fuzz_target;

/// Which endpoint, and whether the path names a model.
fn reference(path: &str) -> Option<(Endpoint, bool)> {
    use Endpoint::{Chat, Completions, Embeddings, Images, Speech, Transcriptions, Translations};
    let below_a_model = [Chat, Completions, Embeddings, Images, Speech, Transcriptions, Translations];
    let find = |rest: &[&str]| {
        let path = format!("/v1/{}", rest.join("/"));
        Endpoint::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    };
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["", "openai", "deployments", _, rest @ ..]
        | ["", "v1", "engines", _, rest @ ..]
        | ["", "engines", _, rest @ ..] => {
            find(rest).filter(|endpoint| below_a_model.contains(endpoint)).map(|endpoint| (endpoint, true))
        }
        ["", "v1", rest @ ..] | ["", "openai", "v1", rest @ ..] | ["", rest @ ..] => {
            find(rest).map(|endpoint| (endpoint, false))
        }
        _ => None,
    }
}

fn check(path: &str, routed: &Routed<'_>) {
    let bare = path.split('?').next().unwrap_or_default();
    assert_eq!(reference(bare), Some((routed.endpoint, routed.path_model.is_some())));
    if let Some(model) = &routed.path_model {
        assert!(!model.is_empty() && model != "." && model != ".." && !model.contains(char::is_control));
    }
    assert!(!routed.query_models_differ || routed.query_model.is_some());

    let upstream = routed.upstream_path();
    let (path, query) = upstream.split_once('?').unwrap_or((&upstream, ""));
    assert_eq!(path, routed.endpoint.path());
    assert!(query.len() <= routed.query.len());
    let method = if routed.endpoint == Endpoint::Models { "GET" } else { "POST" };
    let again = route(method, &upstream).expect("what goes upstream is a path of ours");
    assert_eq!((again.endpoint, &again.path_model, &again.query_model), (routed.endpoint, &None, &None));
    assert_eq!(again.upstream_path(), upstream);
}

fuzz_target!(|path: &str| {
    let found = ["POST", "GET"].map(|method| route(method, path));
    for (method, routed) in ["POST", "GET"].iter().zip(&found) {
        if let Ok(routed) = routed {
            assert_eq!(routed.endpoint == Endpoint::Models, *method == "GET");
            check(path, routed);
        }
    }
    // Whatever it does not find, the reading by segments finds only where the model is no name.
    if found.iter().all(Result::is_err) {
        let named = reference(path.split('?').next().unwrap_or_default());
        assert!(named.is_none_or(|(_, model)| model), "{named:?}");
    }
});
