//! Whole messages of `application/vnd.amazon.eventstream` out of bytes that come cut anywhere.
//!
//! A frame is: its length and that of its headers (each 4 bytes, big endian), the CRC32 of these 8 bytes, headers, payload,
//! and the CRC32 of all before. Any damage ends the stream: after a wrong length there is no place to go on from.

use crate::providers::Malformed;

/// The most bytes a frame may have: one is held until it is complete.
const LARGEST: usize = 4 << 20;

/// Both lengths and their checksum.
const PRELUDE: usize = 12;

/// The checksum of the whole.
const CHECKSUM: usize = 4;

/// One message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// `:message-type`: `event`, `exception` or `error`.
    pub kind: &'a str,
    /// `:event-type`, `:exception-type` or `:error-code`.
    pub name: &'a str,
    /// `:error-message`, which only errors have.
    pub error: &'a str,
    /// JSON.
    pub payload: &'a [u8],
}

/// Reads frames.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    /// The beginning of a frame that is not complete.
    held: Vec<u8>,
}

impl Frames {
    /// Takes the next bytes and gives every message that they complete to `take`.
    ///
    /// # Errors
    /// A frame that is damaged or larger than 4 MiB, or what `take` finds wrong.
    pub fn read(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        while !self.held.is_empty() {
            let wanted = length(&self.held)?.unwrap_or(PRELUDE);
            let missing = wanted.saturating_sub(self.held.len());
            let (now, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(now);
            bytes = rest;
            if self.held.len() < wanted {
                return Ok(());
            }
            // Only the prelude was wanted, or nothing was missing and the frame is here.
            if length(&self.held)? == Some(self.held.len()) {
                take(message(&self.held)?)?;
                self.held.clear();
            }
        }
        while let Some(length) = length(bytes)? {
            let Some((frame, rest)) = bytes.split_at_checked(length) else { break };
            take(message(frame)?)?;
            bytes = rest;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether more bytes of a frame are to come.
    pub fn is_within_one(&self) -> bool {
        !self.held.is_empty()
    }
}

/// The length of the frame that begins here, where its prelude is complete.
fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
    let (lengths, checksum) = prelude.split_at_checked(PRELUDE - CHECKSUM).unwrap_or_default();
    if number(checksum) != Some(crc32fast::hash(lengths)) {
        return Err(damaged("the checksum of its beginning is wrong"));
    }
    let (total, headers) = lengths.split_at_checked(4).unwrap_or_default();
    let total = number(total).map_or(0, |total| total as usize);
    let headers = number(headers).map_or(0, |headers| headers as usize);
    if total > LARGEST {
        return Err(damaged("it is larger than 4 MiB"));
    }
    if total < headers.saturating_add(PRELUDE + CHECKSUM) {
        return Err(damaged("its lengths contradict each other"));
    }
    Ok(Some(total))
}

/// The message of a whole frame.
fn message(frame: &[u8]) -> Result<Message<'_>, Malformed> {
    let cut = || damaged("it is cut");
    let (before, checksum) = frame.split_at_checked(frame.len().saturating_sub(CHECKSUM)).ok_or_else(cut)?;
    if number(checksum) != Some(crc32fast::hash(before)) {
        return Err(damaged("its checksum is wrong"));
    }
    let headers = before.get(4..8).and_then(number).ok_or_else(cut)? as usize;
    let (headers, payload) = before.get(PRELUDE..).and_then(|body| body.split_at_checked(headers)).ok_or_else(cut)?;
    let mut message = Message { payload, ..Message::default() };
    let mut rest = headers;
    while !rest.is_empty() {
        let (name, value, after) = header(rest).ok_or_else(|| damaged("a header of it cannot be read"))?;
        rest = after;
        let text = || core::str::from_utf8(value).map_err(|_| damaged("a header of it is not UTF-8"));
        match name {
            b":message-type" => message.kind = text()?,
            b":event-type" | b":exception-type" | b":error-code" => message.name = text()?,
            b":error-message" => message.error = text()?,
            _ => {}
        }
    }
    Ok(message)
}

/// The name and the value of the first header, and what comes after it.
fn header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(length.into())?;
    let (&kind, rest) = rest.split_first()?;
    let (length, rest) = match kind {
        // True and false.
        0 | 1 => (0, rest),
        // Integers of 1, 2, 4 and 8 bytes; a time; a UUID.
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        9 => (16, rest),
        // Bytes and text.
        6 | 7 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u16::from_be_bytes(*length).into(), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, value, rest))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn damaged(how: &str) -> Malformed {
    Malformed(format!("a frame of the event stream is damaged: {how}"))
}
