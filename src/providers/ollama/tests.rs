use serde_json::json;

use crate::providers::conversation::{Conversation, Event, Image, Media, Part};
use crate::providers::golden::{assert_answers, assert_golden, assert_streams, assert_survives, call, read};
use crate::providers::samples::{self, user};
use crate::providers::{Api, Call, Credential, Dialect, Service};
use crate::request::Endpoint;

fn dialect() -> &'static dyn Dialect {
    Api::Ollama.dialect()
}

#[test]
fn every_request_is_written_as_its_golden_says() {
    for (name, conversation) in samples::all() {
        let call = Call { stream: conversation.stream, ..call("qwen3:8b", Endpoint::Chat) };
        let written = dialect().write_request(&conversation, &call);
        let golden = json!({ "body": written.body, "unmapped": written.unmapped });
        assert_golden(&format!("ollama/requests/{name}.json"), &format!("{golden:#}\n"));
    }
}

#[test]
fn every_answer_is_read_as_its_golden_says() {
    assert_answers(dialect(), "ollama");
}

#[test]
fn every_stream_is_read_as_its_golden_says_however_it_is_cut() {
    assert_streams(dialect(), "ollama", "ndjson");
}

#[test]
fn nonsense_is_survived() {
    assert_survives(dialect());
}

#[test]
fn only_chats_are_served() {
    for endpoint in [Endpoint::Chat, Endpoint::Messages] {
        assert_eq!(dialect().serves(endpoint), Service::Translated);
    }
    assert_eq!(dialect().serves(Endpoint::Embeddings), Service::None);
    assert_eq!(dialect().credential(), Credential::Bearer);
}

#[test]
fn paths() {
    let call = call("qwen3:8b", Endpoint::Chat);
    assert_eq!(dialect().path(&call), "/api/chat");
    assert_eq!(dialect().path(&Call { base_path: Some("/ollama/api/"), ..call }), "/ollama/api/chat");
}

#[test]
fn images_that_are_elsewhere_have_no_words() {
    let source = Media::Url("https://example.com/cat.png".to_owned());
    let turns = vec![user(vec![Part::Image(Image { source, detail: None })])];
    let conversation = Conversation { turns, ..Conversation::default() };
    let unmapped = |endpoint| dialect().write_request(&conversation, &call("llava", endpoint)).unmapped;
    assert_eq!(unmapped(Endpoint::Chat), ["image_url"]);
    assert_eq!(unmapped(Endpoint::Messages), ["image.source.url"]);
}

#[test]
fn a_line_is_bounded() {
    let line = vec![b' '; 1 << 20];
    let (_, end) = read(dialect(), std::iter::repeat_n(line.as_slice(), 5));
    assert!(end.is_err());
}

#[test]
fn a_stream_that_is_not_done_does_not_end() {
    let (events, end) = read(dialect(), [&b"{\"message\":{\"content\":\"a\"},\"done\":false}\n"[..]]);
    assert_eq!((events.last(), end), (Some(&Event::Text("a".to_owned())), Ok(())));
}
