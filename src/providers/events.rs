//! Whole server-sent events out of bytes that come cut anywhere.

use super::Malformed;
use crate::sse::{Field, Sse, Token};

/// The most bytes that one event may have: an event is held until it is complete.
const LARGEST: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its `event:`; empty where there is none.
    pub name: String,
    /// Its `data:` lines, joined by line feeds.
    pub data: String,
}

/// Reads events.
#[derive(Debug, Clone)]
pub struct SseEvents {
    sse: Sse,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl Default for SseEvents {
    fn default() -> Self {
        Self { sse: Sse::new(), name: Vec::new(), data: Vec::new(), has_data: false }
    }
}

impl SseEvents {
    /// Takes the next bytes and gives every event with data that they complete to `take`.
    ///
    /// # Errors
    /// An event larger than 4 MiB, bytes that are not UTF-8, or what `take` finds wrong.
    pub fn read(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(SseEvent) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut at = 0;
        while let Some(token) = self.sse.next(bytes, &mut at) {
            match token {
                Token::Begin => self.clear(),
                Token::Field(Field::Data) if self.has_data => self.data.push(b'\n'),
                Token::Field(Field::Data) => self.has_data = true,
                Token::Field(Field::Name) => self.name.clear(),
                Token::Value(Field::Data, value) => self.data.extend_from_slice(value),
                Token::Value(Field::Name, value) => self.name.extend_from_slice(value),
                Token::End if self.has_data => {
                    let event = SseEvent { name: text(&mut self.name)?, data: text(&mut self.data)? };
                    self.clear();
                    take(event)?;
                }
                _ => {}
            }
            if self.data.len().max(self.name.len()) > LARGEST {
                return Err(Malformed("an event of the stream is larger than 4 MiB".to_owned()));
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

fn text(bytes: &mut Vec<u8>) -> Result<String, Malformed> {
    String::from_utf8(core::mem::take(bytes)).map_err(|_| Malformed("an event of the stream is not UTF-8".to_owned()))
}
