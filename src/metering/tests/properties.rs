//! What holds for all bytes.

use super::*;
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = (Dialect, BodyKind)> {
    (
        proptest::sample::select(vec![Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Other]),
        proptest::sample::select(vec![BodyKind::Json, BodyKind::Sse, BodyKind::Other]),
    )
}

/// Fragments of answers, so that random bytes get somewhere.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let token = proptest::sample::select(vec![
        &b"data:"[..],
        b"data: ",
        b"event: ",
        b"error",
        b"message_start",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b":",
        b" ",
        b"[DONE]",
        b"\xef\xbb\xbf",
        b"\xef",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\"usage\":{",
        b"\"usage\":null",
        b"\"choices\":[]",
        b"\"choices\":[{",
        b"\"prompt_tokens\":1",
        b"\"output_tokens\":2",
        b"\"total_tokens\":9",
        b"\"delta\":",
        b"\"content\":\"x\"",
        b"\"message\":{",
        b"\"response\":{",
        b"\"error\":1",
        b"\"input\":{",
        b"\"type\":\"message_start\"",
        b"\"",
        b"\\",
        b"\xc3\xa9",
        b"\xff",
        b"\x00",
        b"abc",
        b"\"model\":\"",
        b"-1e9",
        b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\n",
    ]);
    proptest::collection::vec(token, 0..30).prop_map(|tokens| tokens.concat())
}

fn pieces<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// One event of a generated stream, and whether it is to go.
fn event() -> impl Strategy<Value = (String, bool)> {
    let usage = |choices: &str| format!("data: {{{choices}\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}");
    proptest::sample::select(vec![
        (usage("\"choices\":[],"), true),
        (usage("\"choices\":null,"), true),
        (usage(""), true),
        (format!("event: x\n{}\nid: 3", usage("\"choices\" : [ ] ,")), true),
        (usage("\"choices\":[],").replace(",\"usage\"", "\ndata:,\"usage\""), true),
        (usage("\"choices\":[{}],"), false),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{}\"}}]}".to_owned(), false),
        ("data: {\"choices\":[],\"usage\":null}".to_owned(), false),
        ("data: [DONE]".to_owned(), false),
        ("data: oops".to_owned(), false),
        (": comment".to_owned(), false),
        ("event: ping\ndata: {}".to_owned(), false),
        ("id: 5".to_owned(), false),
        (String::new(), false),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn without_stripping_every_byte_passes((dialect, body) in kinds(), bytes in soup(), cuts in proptest::collection::vec(any::<usize>(), 0..8)) {
        let mut meter = Meter::new(dialect, body, false);
        for piece in pieces(&bytes, &cuts) {
            prop_assert_eq!(meter.feed(piece, false), Passed::Unchanged);
            prop_assert!(meter.finish().text_ascii_bytes <= bytes.len() as u64);
        }
        prop_assert_eq!(meter.feed(b"", true), Passed::Unchanged);
    }

    #[test]
    fn arbitrary_bytes_never_panic((dialect, body) in kinds(), bytes in proptest::collection::vec(any::<u8>(), 0..200), strip: bool) {
        let (metered, passed) = run(Meter::new(dialect, body, strip), [bytes.as_slice()], true);
        prop_assert_eq!(passed, bytes);
        prop_assert!(metered.usage.is_none());
    }

    #[test]
    fn cuts_change_nothing((dialect, body) in kinds(), bytes in soup(), strip: bool, cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let meter = Meter::new(dialect, body, strip);
        prop_assert_eq!(run(meter.clone(), pieces(&bytes, &cuts), true), run(meter, [bytes.as_slice()], true));
    }

    #[test]
    fn stripping_changes_what_passes_but_not_what_is_metered(bytes in soup()) {
        let with = run(Meter::new(Dialect::Chat, BodyKind::Sse, true), [bytes.as_slice()], true);
        let without = run(Meter::new(Dialect::Chat, BodyKind::Sse, false), [bytes.as_slice()], true);
        prop_assert_eq!(with.0, without.0);
    }

    #[test]
    fn exactly_the_usage_events_are_taken_out(
        events in proptest::collection::vec(event(), 0..12), mark: bool, line_end in proptest::sample::select(vec!["\n", "\r", "\r\n"]),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let write = |all: bool| {
            let mut stream = if mark { "\u{feff}".to_owned() } else { String::new() };
            for (event, goes) in &events {
                if all || !goes {
                    stream.push_str(event);
                    stream.push_str("\n\n");
                }
            }
            stream.replace('\n', line_end).into_bytes()
        };
        let (input, expected) = (write(true), write(false));
        let (_, passed) = run(Meter::new(Dialect::Chat, BodyKind::Sse, true), pieces(&input, &cuts), true);
        prop_assert_eq!(String::from_utf8(passed).unwrap(), String::from_utf8(expected).unwrap());
    }

    #[test]
    fn usage_is_always_consistent(
        counts in proptest::collection::vec((proptest::sample::select(vec![
            "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens",
            "cache_read_input_tokens", "cache_creation_input_tokens", "prompt_cache_hit_tokens",
        ]), prop_oneof![any::<i64>().prop_map(|n| n.to_string()), (0u64..3000).prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| format!("{n:e}"))]), 0..8),
        details in 0u64..5000, twice: bool,
    ) {
        let mut fields: Vec<String> = counts.iter().map(|(key, count)| format!("\"{key}\":{count}")).collect();
        fields.push(format!("\"cache_creation\":{{\"ephemeral_1h_input_tokens\":{details}}}"));
        fields.push(format!("\"completion_tokens_details\":{{\"reasoning_tokens\":{details}}}"));
        let body = format!("data: {{\"usage\":{{{}}}}}\n\n", fields.join(",")).repeat(1 + usize::from(twice));
        let (metered, _) = run(Meter::new(Dialect::Chat, BodyKind::Sse, false), [body.as_bytes()], true);
        if let Some(usage) = metered.usage {
            prop_assert!(usage.cached + usage.cache_write <= usage.input);
            prop_assert!(usage.cache_write_1h <= usage.cache_write);
            prop_assert!(usage.reasoning <= usage.output);
            prop_assert!(usage.total() <= 10_000_000_000_000);
        }
    }
}
