use proptest::prelude::*;
use serde_json::{Value, json};

use super::json_fields::any_json;
use super::read;
use crate::request::{Body, Edits, Endpoint, ModelName};

fn edited(text: &str, model: &str, ask: bool) -> String {
    let body = read(Endpoint::Chat, None, [text.as_bytes()]).unwrap();
    String::from_utf8(Edits::new(&body, model, ask).apply(text.as_bytes())).unwrap()
}

#[test]
fn only_the_models_value_changes() {
    for (text, expected) in [
        (r#"{"model":"m"}"#, r#"{"model":"p/q"}"#),
        (
            "{ \"x\" : 1.0e5 ,\n\t\"model\" :  \"\\u006d\" , \"x\":2 }\r\n",
            "{ \"x\" : 1.0e5 ,\n\t\"model\" :  \"p/q\" , \"x\":2 }\r\n",
        ),
        (r#"{"model":"p/q"}"#, r#"{"model":"p/q"}"#),
        (r#"{"model":"p\/q"}"#, r#"{"model":"p\/q"}"#),
        (r#"{"x":{"model":"m"}}"#, r#"{"model":"p/q","x":{"model":"m"}}"#),
        ("{}", r#"{"model":"p/q"}"#),
        (" { } ", r#" {"model":"p/q" } "#),
    ] {
        assert_eq!(edited(text, "p/q", false), expected);
    }
    assert_eq!(edited(r#"{"model":"m"}"#, "a\"\\\n\u{1}é", false), r#"{"model":"a\"\\\n\u0001é"}"#);
}

#[test]
fn a_body_that_says_it_already_has_no_edits() {
    let body =
        read(Endpoint::Chat, None, [br#"{"model":"m","stream_options":{"include_usage":true}}"#.as_slice()]).unwrap();
    let edits = Edits::new(&body, "m", true);
    assert!(edits.is_empty());
    assert_eq!(edits.end(), 0);
}

#[test]
fn usage_is_asked_for_wherever_it_was_not() {
    for (text, expected) in [
        (r#"{"model":"m"}"#, r#"{"stream_options":{"include_usage":true},"model":"m"}"#),
        ("{}", r#"{"model":"m","stream_options":{"include_usage":true}}"#),
        (r#"{"n":1}"#, r#"{"model":"m","stream_options":{"include_usage":true},"n":1}"#),
        (r#"{"model":"m","stream_options":{}}"#, r#"{"model":"m","stream_options":{"include_usage":true}}"#),
        (
            r#"{"model":"m","stream_options":{ "x":1}}"#,
            r#"{"model":"m","stream_options":{"include_usage":true, "x":1}}"#,
        ),
        (
            r#"{"stream_options":{"include_usage": false },"model":"m"}"#,
            r#"{"stream_options":{"include_usage": true },"model":"m"}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":null},"model":"m"}"#,
            r#"{"stream_options":{"include_usage":true},"model":"m"}"#,
        ),
        (r#"{"stream_options": null ,"model":"x"}"#, r#"{"stream_options": {"include_usage":true} ,"model":"m"}"#),
        (
            r#"{"model":"x","stream_options":{"include_usage":true}}"#,
            r#"{"model":"m","stream_options":{"include_usage":true}}"#,
        ),
    ] {
        assert_eq!(edited(text, "m", true), expected);
    }
}

#[test]
fn a_beginning_of_the_body_is_enough() {
    let text = r#"{"model":"m","messages":["long"]}"#;
    let body = read(Endpoint::Chat, None, [text.as_bytes()]).unwrap();
    let edits = Edits::new(&body, "provider-model", true);
    assert_eq!(edits.end(), 12);
    let whole = edits.apply(text.as_bytes());
    assert_eq!([&edits.apply(&text.as_bytes()[..12]), &text.as_bytes()[12..]].concat(), whole);
    assert_eq!(whole.capacity(), whole.len(), "one allocation of the exact size");
}

const TYPE: &str = "multipart/form-data; boundary=b";

fn form(text: &str) -> Body {
    read(Endpoint::Transcriptions, Some(TYPE), [text.as_bytes()]).unwrap()
}

#[test]
fn a_forms_model_is_replaced_or_put_in_front() {
    let text = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    let body = form(text);
    let edits = Edits::new(&body, "whisper-1", false);
    let whole = edits.apply(text.as_bytes());
    let renamed = edits.model_place(&body).unwrap().rename("another").apply(&whole);
    assert_eq!(
        String::from_utf8(renamed).unwrap(),
        String::from_utf8(whole.clone()).unwrap().replace("whisper-1", "another")
    );
    assert_eq!(String::from_utf8(whole).unwrap(), text.replace("\r\nm\r\n", "\r\nwhisper-1\r\n"));
    assert!(Edits::new(&body, "m", false).is_empty());

    for text in ["--b--\r\n", "\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--"] {
        let edits = Edits::new(&form(text), "whisper-1", false);
        let whole = String::from_utf8(edits.apply(text.as_bytes())).unwrap();
        assert_eq!(form(&whole).model.unwrap().name, super::name("whisper-1"), "{whole:?}");
        assert!(whole.ends_with(text.trim_start()));
    }
}

#[test]
fn a_model_cannot_bring_its_own_boundary_into_a_form() {
    let text = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    let whole = Edits::new(&form(text), "x\r\n--b--\r\n", false).apply(text.as_bytes());
    assert_eq!(form(&String::from_utf8(whole).unwrap()).model.unwrap().name, super::name("x--b--"));
}

#[test]
fn a_model_cannot_be_the_boundary_of_the_form_it_goes_into() {
    let text = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    for model in ["--b", "--b--", "--bc", "\n--b--"] {
        assert_eq!(Edits::check(&form(text), model).unwrap_err().param, Some("model"), "{model:?}");
        // What it is checked for: the form would not be read as one again.
        let edited = Edits::new(&form(text), model, false).apply(text.as_bytes());
        assert!(read(Endpoint::Transcriptions, Some(TYPE), [edited.as_slice()]).is_err(), "{model:?}");
    }
    for model in ["-b", "--", "b--b", "whisper-1"] {
        assert_eq!(Edits::check(&form(text), model), Ok(()), "{model:?}");
        let edited = Edits::new(&form(text), model, false).apply(text.as_bytes());
        assert_eq!(form(&String::from_utf8(edited).unwrap()).model.unwrap().name, super::name(model));
    }
    let json = read(Endpoint::Chat, None, [b"{}".as_slice()]).unwrap();
    assert_eq!(Edits::check(&json, "--b"), Ok(()));
}

/// JSON text of an object with its members in that order, with whitespace and escapes as `noise` says.
fn write(members: &[(String, Value)], noise: &[u8]) -> String {
    let mut noise = noise.iter().copied().cycle();
    let mut next = move || noise.next().unwrap_or_default();
    let space = |byte: u8| ["", " ", "\n", "\t\r\n  "][usize::from(byte % 4)];
    let string = |text: &str, escape: u8| -> String {
        if escape.is_multiple_of(3) {
            let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{units}\"")
        } else {
            serde_json::to_string(text).unwrap()
        }
    };
    let mut text = format!("{}{{", space(next()));
    for (position, (key, value)) in members.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        let value = match value {
            Value::String(value) => string(value, next()),
            value => serde_json::to_string(value).unwrap(),
        };
        let key = string(key, next());
        for part in [comma, space(next()), &key, space(next()), ":", space(next()), &value, space(next())] {
            text.push_str(part);
        }
    }
    text.push('}');
    text.push_str(space(next()));
    text
}

fn stream_options() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!({}))),
        Just(Some(json!({ "include_usage": true }))),
        Just(Some(json!({ "include_usage": false, "x": [1] }))),
        Just(Some(json!({ "a": {}, "include_usage": null }))),
        Just(Some(json!({ "include_obfuscation": false }))),
    ]
}

proptest! {
    #[test]
    fn an_edited_body_means_the_same_but_for_the_edits(
        others in proptest::collection::vec((".{0,8}", any_json()), 0..5),
        model in proptest::option::of(".{1,12}"),
        options in stream_options(),
        places in (0_usize..9, 0_usize..9),
        noise in proptest::collection::vec(any::<u8>(), 1..12),
        provider_model in ".{1,20}",
        ask in any::<bool>(),
    ) {
        let mut members = others;
        members.retain(|(key, _)| {
            !["model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "user"].contains(&key.as_str())
        });
        members.dedup_by(|a, b| a.0 == b.0);
        if let Some(model) = &model {
            members.insert(places.0 % (members.len() + 1), ("model".into(), json!(model)));
        }
        if let Some(options) = options {
            members.insert(places.1 % (members.len() + 1), ("stream_options".into(), options));
        }
        let text = write(&members, &noise);
        let body = read(Endpoint::Chat, None, [text.as_bytes()]).unwrap();
        let edits = Edits::new(&body, &provider_model, ask);
        let edited = String::from_utf8(edits.apply(text.as_bytes())).unwrap();
        prop_assert_eq!(edited.capacity(), edited.len());
        prop_assert_eq!(edits.length_of(text.len()), edited.len());

        // Parsed, only what was asked for differs.
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        expected["model"] = json!(provider_model);
        if ask {
            if !expected["stream_options"].is_object() {
                expected["stream_options"] = json!({});
            }
            expected["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), expected);

        // Read again, there is nothing left to change.
        let again = read(Endpoint::Chat, None, [edited.as_bytes()]).unwrap();
        let nameable = ModelName::new(provider_model.clone(), false) == super::name(&provider_model);
        prop_assert_eq!(Edits::new(&again, &provider_model, ask).is_empty(), nameable);

        // And another model can be named in the same place.
        let place = edits.model_place(&body).unwrap();
        let mut elsewhere: Value = serde_json::from_str(&edited).unwrap();
        elsewhere["model"] = json!("another");
        let renamed = place.rename("another").apply(edited.as_bytes());
        prop_assert_eq!(serde_json::from_slice::<Value>(&renamed).unwrap(), elsewhere);

        // Byte for byte, everything outside of the edits stands where it belongs.
        let (mut from, mut edited_from) = (0, 0);
        for (range, length) in edits.ranges() {
            let kept = range.start - from;
            prop_assert_eq!(edited.get(edited_from..edited_from + kept), text.get(from..range.start));
            (from, edited_from) = (range.end, edited_from + kept + length);
        }
        prop_assert_eq!(edited.get(edited_from..), text.get(from..));
    }
}
