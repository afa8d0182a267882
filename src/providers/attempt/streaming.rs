//! A stream of a provider's events on its way into the caller's.

use super::response::{hide_credential, unreadable};
use crate::metering::Counts;
use crate::providers::conversation::{Event, Failure};
use crate::providers::{Malformed, Renamed, StreamReader, StreamWriter};

/// A stream on its way.
pub(super) struct Streaming {
    pub reader: Box<dyn StreamReader>,
    pub writer: Box<dyn StreamWriter>,
    pub renamed: Renamed,
    pub begun: bool,
    pub ended: bool,
    pub counts: Option<Counts>,
}

/// What a piece of a stream became.
#[derive(Default)]
pub(super) struct Told {
    pub bytes: Vec<u8>,
    /// The error that came before anything else.
    pub failed_at_once: Option<Failure>,
    /// It was nested more deeply than anything is read.
    pub too_deep: bool,
    /// It is ours: what came is not what the API says.
    pub unreadable: bool,
}

impl Streaming {
    pub fn translate(&mut self, piece: &[u8], end: bool) -> Told {
        let mut told = Told::default();
        if self.ended {
            return told;
        }
        let mut events = Vec::new();
        let read = self.reader.read(piece, &mut events);
        let read = if end { read.and_then(|()| self.reader.end(&mut events)) } else { read };
        let ended = matches!(events.last(), Some(Event::End | Event::Failed(_)));
        match read {
            Err(malformed) => {
                told.unreadable = true;
                told.too_deep = malformed.0.contains("recursion limit");
                events.push(Event::Failed(unreadable(&malformed)));
            }
            Ok(()) if end && !ended => {
                told.unreadable = true;
                events.push(Event::Failed(unreadable(&Malformed("it broke off".to_owned()))));
            }
            Ok(()) => {}
        }
        for mut event in events {
            self.renamed.restore_event(&mut event);
            if let Event::Failed(failure) = &mut event {
                hide_credential(failure);
            }
            self.ended |= matches!(event, Event::End | Event::Failed(_));
            if let Event::Begin { usage: Some(told), .. } | Event::Usage(told) = &mut event {
                let counts = self.counts.get_or_insert_default();
                counts.take(told);
                *told = *counts;
            }
            match event {
                Event::Failed(failure) if !self.begun => told.failed_at_once = Some(failure),
                // That it begins says nothing yet: the first thing said may be an error.
                event => {
                    self.begun |= !matches!(event, Event::Begin { .. } | Event::Usage(_));
                    self.writer.write(event, &mut told.bytes);
                }
            }
            if self.ended {
                break;
            }
        }
        told
    }
}
