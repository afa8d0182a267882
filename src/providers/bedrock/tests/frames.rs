use super::super::frames::{Frames, Message};

/// A header, as text.
fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(u8::try_from(name.len()).unwrap());
    out.extend_from_slice(name.as_bytes());
    out.push(7);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}

/// A frame, with headers as they are on the wire.
fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(headers.len() + payload.len() + 16).unwrap();
    let mut frame = total.to_be_bytes().to_vec();
    frame.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

/// A message as Bedrock sends it.
pub(super) fn encoded(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    match kind {
        "exception" => header(&mut headers, ":exception-type", name),
        "error" => header(&mut headers, ":error-code", name),
        _ => header(&mut headers, ":event-type", name),
    }
    if kind == "error" {
        header(&mut headers, ":error-message", payload);
    } else {
        header(&mut headers, ":content-type", "application/json");
    }
    header(&mut headers, ":message-type", kind);
    frame(&headers, if kind == "error" { b"" } else { payload.as_bytes() })
}

fn read(pieces: &[&[u8]]) -> Result<Vec<String>, String> {
    let mut frames = Frames::default();
    let mut taken = Vec::new();
    for piece in pieces {
        let take = |Message { kind, name, payload, .. }: Message<'_>| {
            taken.push(format!("{kind} {name} {}", String::from_utf8_lossy(payload)));
            Ok(())
        };
        frames.read(piece, take).map_err(|malformed| malformed.0)?;
    }
    Ok(taken)
}

#[test]
fn the_empty_frame_of_the_specification_is_read() {
    let frame = [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(read(&[&frame]).unwrap(), ["  "]);
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    for (kind, value) in
        [(0, &b""[..]), (1, b""), (2, b"1"), (3, b"12"), (4, b"1234"), (5, b"12345678"), (8, b"12345678"), (9, b"1234567890123456"), (6, b"\0\x02ab")]
    {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend_from_slice(value);
    }
    header(&mut headers, ":message-type", "event");
    assert_eq!(read(&[&frame(&headers, b"{}")]).unwrap(), ["event  {}"]);
}

#[test]
fn a_frame_is_given_as_soon_as_its_last_byte_is_here() {
    let frame = encoded("event", "messageStart", "{}");
    let (last, before) = frame.split_last().unwrap();
    assert_eq!(read(&[before]).unwrap().len(), 0);
    assert_eq!(read(&[before, &[*last]]).unwrap().len(), 1);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let good = [encoded("event", "messageStart", r#"{"role":"assistant"}"#), encoded("event", "messageStop", "{}")].concat();
    let first = encoded("event", "messageStart", r#"{"role":"assistant"}"#).len();
    for bit in 0..first * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&[&bad]).is_err(), "bit {bit}");
    }
}

#[test]
fn a_frame_that_claims_to_be_larger_than_bounded_is_refused_before_it_is_held() {
    let mut prelude = (u32::MAX).to_be_bytes().to_vec();
    prelude.extend_from_slice(&[0; 4]);
    prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
    assert_eq!(read(&[&prelude]).unwrap_err(), "a frame of the event stream is damaged: it is larger than 4 MiB");
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    for (total, headers) in [(0_u32, 0_u32), (15, 0), (16, 1), (40, 4000), (20, u32::MAX)] {
        let mut prelude = total.to_be_bytes().to_vec();
        prelude.extend_from_slice(&headers.to_be_bytes());
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        prelude.extend_from_slice(&[0; 64]);
        assert!(read(&[&prelude]).unwrap_err().contains("contradict"), "{total} {headers}");
    }
}

#[test]
fn headers_that_are_cut_are_refused() {
    let mut headers = Vec::new();
    header(&mut headers, ":message-type", "event");
    for length in 1..headers.len() {
        assert!(read(&[&frame(&headers[..length], b"{}")]).unwrap_err().contains("header"), "{length}");
    }
}
