use proptest::prelude::*;

use super::{name, read, read_all_ways};
use crate::metering::estimate_tokens;
use crate::request::{BadBody, Body, BodyScan, Endpoint, Layout, ModelName};

const TYPE: &str = "multipart/form-data; boundary=b-1";

fn scan(form: impl AsRef<[u8]>) -> Result<Body, BadBody> {
    read_all_ways(Endpoint::Transcriptions, Some(TYPE), form.as_ref())
}

fn field(name: &str, value: &str) -> String {
    format!("--b-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(content: &str) -> String {
    format!(
        "--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n{content}\r\n"
    )
}

const END: &str = "--b-1--\r\n";

#[test]
fn a_form_is_read_with_the_models_place() {
    let form = [&file("ID3\0\u{7f}"), &field("model", "whisper-1"), &field("stream", "true"), END].concat();
    let body = scan(&form).unwrap();
    let model = body.model.unwrap();
    assert_eq!((model.name, form.get(model.span)), (name("whisper-1"), Some("whisper-1")));
    assert!(body.stream);
    assert_eq!(body.input_tokens, 0, "nobody can tell tokens from the size of a sound");
    assert_eq!(body.layout, Layout::Form { start: 0, boundary: "b-1".into() });
}

#[test]
fn forms_of_real_clients_are_read() {
    for form in [
        [&field("model", "m"), "--b-1--"].concat(),
        ["\r\n", &field("model", "m"), END].concat(),
        [&field("model", "m"), "--b-1-- \t\r\n\r\n"].concat(),
        [&field("model", "m").replace("--b-1\r\n", "--b-1 \t\r\n"), END].concat(),
        [&field("response_format", ""), &field("timestamp_granularities[]", "word"), &field("model", "m"), END]
            .concat(),
    ] {
        assert_eq!(scan(&form).unwrap().model.unwrap().name, name("m"), "{form:?}");
    }
    assert_eq!(scan(["\r\n", END].concat()).unwrap().layout, Layout::Form { start: 2, boundary: "b-1".into() });
    assert_eq!(scan(END).unwrap().model, None, "the path may name it");
}

#[test]
fn content_may_hold_anything_but_the_boundary_at_a_lines_beginning() {
    let almost = "\r\n--b-\r\r\n\n--\r\n-\r\n--b_1\r\n\r\n--b\r\n x--b-1 --b-1-- \r\n--\r\n--b-";
    let form = [&file(almost), &field("prompt", almost), &field("model", "m"), END].concat();
    let body = scan(&form).unwrap();
    assert_eq!(body.model.unwrap().name, name("m"));
    assert_eq!(body.input_tokens, estimate_tokens(almost.len() as u64, 0), "every byte of it is content");
    assert_eq!(scan([&field("prompt", "aé"), END].concat()).unwrap().input_tokens, estimate_tokens(1, 2));
}

#[test]
fn a_form_that_parsers_could_take_apart_differently_is_refused() {
    let model = field("model", "m");
    let part = "--b-1\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n";
    for form in [
        String::new(),
        "\r\n".into(),
        "--b-1".into(),
        "--b-1-".into(),
        "--b-1\r\n".into(),
        model.clone(),
        format!("{model}--b-1"),
        format!("{model}--b-1-"),
        format!("preamble\r\n{model}{END}"),
        format!("\r\n\r\n{model}{END}"),
        format!("\n{model}{END}"),
        format!(" {model}{END}"),
        format!("--b-2\r\n{model}{END}"),
        format!("{model}{END}epilogue"),
        format!("{model}{END}{model}{END}"),
        format!("{model}--b-1--x\r\n"),
        format!("{model}--b-12\r\n\r\n{END}"),
        format!("{model}--b-1x\r\n{END}"),
        format!("{model}--b-1\n{END}"),
        format!("{model}--b-1\rx{END}"),
        format!("{model}--b-1 x\r\n{END}"),
        format!("--b-1\n{model}{END}"),
        format!("{part}a\n--b-1\r\n{model}{END}"),
        format!("{part}a\r--b-1\r\n{model}{END}"),
        format!("{part}a\n\n--b-1--\r\n"),
        format!("{part}--b-1\r\n{model}{END}"),
        format!("{part}a\r\n--b-1extra\r\n{model}{END}"),
        format!("--b-1\r\n\r\nm\r\n{END}"),
        format!("--b-1\r\nContent-Disposition: form-data; name=\"model\"\r\n{END}"),
        "--b-1\nContent-Disposition: form-data; name=\"model\"\n\nm\n--b-1--\n".into(),
        "{\"model\":\"m\"}".into(),
    ] {
        let bad = scan(&form).expect_err(&form);
        assert_eq!(bad.param, None, "{form:?}");
    }
}

#[test]
fn a_governed_field_is_given_once_and_plainly() {
    let model = field("model", "m");
    let as_file = model.replace("\"model\"", "\"model\"; filename=\"x\"");
    for (form, param) in [
        ([&model, &model, END].concat(), "model"),
        ([&model, &file("x"), &field("model", "n"), END].concat(), "model"),
        ([&as_file, END].concat(), "model"),
        ([&model, &as_file, END].concat(), "model"),
        ([&field("model", ""), END].concat(), "model"),
        ([&model, &field("stream", "true"), &field("stream", "true"), END].concat(), "stream"),
        ([&model, &field("stream", "maybe"), END].concat(), "stream"),
        ([&model, &field("stream", ""), END].concat(), "stream"),
    ] {
        assert_eq!(scan(&form).expect_err(&form).param, Some(param), "{form:?}");
    }
    let others = [&field("Model", "x"), &field("model[]", "x"), &field(" model", "x"), &model, END].concat();
    assert_eq!(scan(others).unwrap().model.unwrap().name, name("m"));
}

#[test]
fn a_field_that_is_no_text_names_no_model() {
    let long = "m".repeat(257);
    for value in ["a\r\nb", "a\nb", "a\0", "\u{fffd}", &long] {
        let model = scan([&field("model", value), END].concat()).unwrap().model.unwrap();
        assert!(matches!(model.name, ModelName::Impossible(_)), "{value:?}");
    }
    let latin1 = [field("model", "X").replace('X', "\u{1}").as_bytes(), END.as_bytes()].concat();
    let latin1: Vec<u8> = latin1.into_iter().map(|byte| if byte == 1 { 0xe9 } else { byte }).collect();
    assert!(matches!(scan(latin1).unwrap().model.unwrap().name, ModelName::Impossible(_)));
}

#[test]
fn stream_is_read_as_clients_write_booleans() {
    for (value, expected) in
        [("true", true), ("True", true), ("1", true), ("false", false), ("False", false), ("0", false)]
    {
        assert_eq!(scan([&field("stream", value), END].concat()).unwrap().stream, expected, "{value}");
    }
}

#[test]
fn a_form_is_bounded() {
    let form = |parts: usize| [field("x", "y").repeat(parts), END.into()].concat();
    let whole = |form: &str| read(Endpoint::Translations, Some(TYPE), [form.as_bytes()]);
    assert!(whole(&form(64)).is_ok());
    assert!(whole(&form(65)).is_err());
    let padded = |size: usize| field("x", "y").replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "z".repeat(size)));
    assert!(whole(&[&padded(8000), END].concat()).is_ok());
    assert!(whole(&[&padded(8192), END].concat()).is_err());
    assert!(whole(&padded(1 << 20)).is_err());
}

#[test]
fn a_form_needs_a_content_type_with_a_boundary() {
    for content_type in
        [None, Some("application/json"), Some("multipart/form-data"), Some("multipart/form-data; boundary=")]
    {
        assert!(BodyScan::new(Endpoint::Transcriptions, content_type).is_err(), "{content_type:?}");
    }
    assert!(BodyScan::new(Endpoint::Chat, Some(TYPE)).is_ok(), "a body that is no JSON is found out by reading it");
}

#[test]
fn reading_on_after_an_error_changes_nothing() {
    let mut scan = BodyScan::new(Endpoint::Transcriptions, Some(TYPE)).unwrap();
    let first = scan.feed(b"x").unwrap_err();
    assert_eq!(scan.feed([&field("model", "m"), END].concat().as_bytes()), Err(first.clone()));
    assert_eq!(scan.finish(), Err(first));
}

proptest! {
    #[test]
    fn a_form_made_by_the_rules_is_read(
        content in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), any::<u8>()], 0..80),
        model in "[a-z0-9/:.-]{1,20}",
        pieces in proptest::collection::vec(1_usize..40, 1..4),
    ) {
        let boundary = "0boundary0";
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
        let tail = format!(
            "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--{boundary}--\r\n"
        );
        let form = [head.as_bytes(), &content, tail.as_bytes()].concat();
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let mut rest = form.as_slice();
        let mut cut = Vec::new();
        for size in pieces.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            cut.push(piece);
            rest = after;
            if rest.is_empty() { break }
        }
        let body = read(Endpoint::Transcriptions, Some(&content_type), cut).unwrap();
        let field = body.model.unwrap();
        prop_assert_eq!(&form[field.span], model.as_bytes());
        prop_assert_eq!(field.name, name(&model));
    }

    #[test]
    fn any_form_is_read_alike_however_it_is_cut(
        bytes in proptest::collection::vec(
            proptest::sample::select(vec![
                "--b-1", "\r\n", "\r", "\n", "-", "--", "b-1", " ", "x", "\r\n--b-1", "\r\n\r\n",
                "Content-Disposition: form-data; name=\"model\"", "--b-1\r\nContent-Disposition: form-data; name=x\r\n\r\n",
            ]),
            0..12,
        ),
        cut in 0_usize..200,
    ) {
        let bytes = bytes.concat().into_bytes();
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        let whole = read(Endpoint::Transcriptions, Some(TYPE), [bytes.as_slice()]);
        prop_assert_eq!(read(Endpoint::Transcriptions, Some(TYPE), [left, right]), whole);
    }
}
