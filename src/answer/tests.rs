use std::fmt::Write as _;

use super::{Budget, RateLimit, Refusal};
use crate::policy::{LevelKind, Metric, Period};
use crate::pricing::NanoUsd;
use crate::request::{BadBody, Endpoint, NoModel, NotFound, Shape};

const MINUTE: Period = Period::Sliding { ms: 60_000 };

fn rate(metric: Metric, amount: u64, period: Period, retry_after_ms: Option<u64>) -> RateLimit {
    RateLimit { level: LevelKind::Team, metric, amount, period, model: None, retry_after_ms }
}

fn budget(spent: &str, limit: &str, retry_after_ms: Option<u64>) -> Budget {
    let usd = |text: &str| text.parse::<NanoUsd>().unwrap();
    let (spent, limit) = (usd(spent), usd(limit));
    Budget { level: LevelKind::Org, spent, limit, period: Period::Month, model: None, retry_after_ms }
}

fn every_row() -> Vec<Refusal> {
    vec![
        Refusal::Unauthenticated,
        Refusal::EndpointNotAllowed { endpoint: Endpoint::Embeddings },
        Refusal::ModelNotAllowed { model: "gpt-4o".into() },
        Refusal::ModelNotFound { model: "gpt-\"5\"\r\nx: y \u{1F600}".into() },
        Refusal::InvalidRequest(BadBody::whole("the body is empty")),
        Refusal::InvalidRequest(BadBody::twice("model")),
        Refusal::UnsupportedEncoding,
        Refusal::RequestTooLarge { limit: 16_777_216 },
        Refusal::RateLimit(rate(Metric::Requests, 600, MINUTE, Some(12_345))),
        Refusal::RateLimit(RateLimit {
            level: LevelKind::EndUser,
            model: Some("gpt-4o".into()),
            ..rate(Metric::Tokens, 1000, Period::Day, Some(60_001))
        }),
        Refusal::RateLimit(rate(Metric::Concurrency, 20, Period::Now, Some(0))),
        Refusal::RateLimit(rate(Metric::OutputTokens, 100, MINUTE, None)),
        Refusal::RateLimit(rate(Metric::Requests, 0, MINUTE, None)),
        Refusal::Budget(budget("500.000000001", "500", Some(1_036_800_000))),
        Refusal::Budget(budget("499.98", "500", Some(1_000))),
        Refusal::Budget(budget("0.1", "0.5", None)),
        Refusal::Budget(budget("0", "0", None)),
        Refusal::StoreUnavailable,
        Refusal::NotFound,
    ]
}

/// Status line, headers and body, as a person would read them off the wire.
fn wire(shape: Shape) -> String {
    let mut text = String::new();
    for refusal in every_row() {
        let answer = refusal.answer(shape, "req_1");
        let _ = writeln!(text, "{}", answer.status);
        for (name, value) in &answer.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        let _ = writeln!(text, "{}\n", std::str::from_utf8(&answer.body).unwrap());
    }
    text
}

/// Renews with `KEYWARD_BLESS=1 cargo test answer`.
fn assert_golden(name: &str, actual: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/answer/goldens").join(name);
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn every_refusal_in_openais_shape() {
    assert_golden("openai.txt", &wire(Shape::OpenAi));
}

#[test]
fn every_refusal_in_anthropics_shape() {
    assert_golden("anthropic.txt", &wire(Shape::Anthropic));
}

fn header(refusal: &Refusal, name: &str) -> Option<String> {
    let answer = refusal.answer(Shape::OpenAi, "");
    answer.headers.into_iter().find(|header| header.0 == name).map(|header| header.1)
}

#[test]
fn retry_after_is_rounded_up_and_at_least_a_second() {
    for (ms, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_001, "60")] {
        let refusal = Refusal::RateLimit(rate(Metric::Requests, 1, MINUTE, Some(ms)));
        assert_eq!(header(&refusal, "retry-after").as_deref(), Some(seconds), "{ms}");
        assert_eq!(header(&refusal, "retry-after-ms"), Some(ms.max(1).to_string()));
        assert_eq!(header(&refusal, "x-should-retry"), None);
    }
}

#[test]
fn what_can_never_succeed_says_so_and_names_no_time() {
    for refusal in
        [Refusal::RateLimit(rate(Metric::Tokens, 5, MINUTE, None)), Refusal::Budget(budget("0", "0.01", None))]
    {
        assert_eq!(header(&refusal, "retry-after"), None);
        assert_eq!(header(&refusal, "retry-after-ms"), None);
        assert_eq!(header(&refusal, "x-should-retry").as_deref(), Some("false"));
        let body = refusal.answer(Shape::OpenAi, "").body;
        assert!(String::from_utf8(body).unwrap().contains("trying again will not help"));
    }
}

#[test]
fn no_header_value_can_be_split() {
    for refusal in every_row() {
        for (_, value) in refusal.answer(Shape::Anthropic, "a\r\nb").headers {
            assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
        }
    }
}

#[test]
fn a_hostile_model_name_stays_inside_its_json_string() {
    let model = format!("\"}},\"x\":\u{0}{}", "y".repeat(10_000));
    for shape in [Shape::OpenAi, Shape::Anthropic] {
        let answer = Refusal::ModelNotFound { model: model.clone() }.answer(shape, "r");
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(body["x"].is_null() && body["error"]["message"].is_string());
        assert!(answer.body.len() < 1000);
    }
}

#[test]
fn what_the_request_station_finds_wrong_is_a_refusal() {
    let bad = BadBody::twice("model");
    assert_eq!(Refusal::from(bad.clone()), Refusal::InvalidRequest(bad.clone()));
    assert_eq!(Refusal::from(NoModel::Bad(bad.clone())), Refusal::InvalidRequest(bad));
    assert_eq!(Refusal::from(NoModel::Impossible("x".into())), Refusal::ModelNotFound { model: "x".into() });
    assert_eq!(Refusal::from(NotFound), Refusal::NotFound);
}
