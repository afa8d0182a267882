use serde::Serialize;

use super::Answer;
use crate::request::Shape;

/// A moment for fields that must hold one; catalog entries have no date of their own. OpenAI's for `gpt-3.5-turbo`,
/// which every client has parsed before.
const CREATED: u64 = 1_677_610_602;
const CREATED_AT: &str = "2023-02-28T18:56:42Z";

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'static str,
}

/// The answer to `GET /v1/models`: one whole page, in the order given. `shape` is [`Shape::Anthropic`] for a caller
/// that sent `anthropic-version`: both APIs have this path, and only that header tells their SDKs apart.
#[must_use]
pub fn model_list<'a>(ids: impl IntoIterator<Item = &'a str>, shape: Shape) -> Answer {
    match shape {
        Shape::OpenAi => {
            let model = |id| OpenAiModel { id, object: "model", created: CREATED, owned_by: "keyward" };
            Answer::json(200, &OpenAiList { object: "list", data: ids.into_iter().map(model).collect() })
        }
        Shape::Anthropic => {
            let model = |id| AnthropicModel { r#type: "model", id, display_name: id, created_at: CREATED_AT };
            let data: Vec<_> = ids.into_iter().map(model).collect();
            let (first_id, last_id) = (data.first().map(|model| model.id), data.last().map(|model| model.id));
            Answer::json(200, &AnthropicList { data, has_more: false, first_id, last_id })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> &str {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers, [("content-type", "application/json".to_owned())]);
        std::str::from_utf8(&answer.body).unwrap()
    }

    #[test]
    fn openais_list() {
        assert_eq!(
            text(&model_list(["gpt-4o", "chat \"x\""], Shape::OpenAi)),
            concat!(
                r#"{"object":"list","data":["#,
                r#"{"id":"gpt-4o","object":"model","created":1677610602,"owned_by":"keyward"},"#,
                r#"{"id":"chat \"x\"","object":"model","created":1677610602,"owned_by":"keyward"}]}"#
            )
        );
        assert_eq!(text(&model_list([], Shape::OpenAi)), r#"{"object":"list","data":[]}"#);
    }

    #[test]
    fn anthropics_list() {
        assert_eq!(
            text(&model_list(["a", "b"], Shape::Anthropic)),
            concat!(
                r#"{"data":["#,
                r#"{"type":"model","id":"a","display_name":"a","created_at":"2023-02-28T18:56:42Z"},"#,
                r#"{"type":"model","id":"b","display_name":"b","created_at":"2023-02-28T18:56:42Z"}],"#,
                r#""has_more":false,"first_id":"a","last_id":"b"}"#
            )
        );
        assert_eq!(
            text(&model_list([], Shape::Anthropic)),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
    }

    #[test]
    fn both_dates_are_the_same_moment() {
        let moment: jiff::Timestamp = CREATED_AT.parse().unwrap();
        assert_eq!(u64::try_from(moment.as_second()).unwrap(), CREATED);
    }
}
