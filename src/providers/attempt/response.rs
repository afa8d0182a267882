use super::{Attempt, INTERNAL, TARGET, of_caller};
use crate::providers::conversation::{Event, Failure, FailureKind, Part, Reply};
use crate::providers::{Malformed, Renamed, Service, StreamReader, StreamWriter};

/// What becomes of the response's headers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status, as the provider sent it.
    pub status: u16,
    /// Headers to remove, before any is set.
    pub remove: Vec<String>,
    /// Headers to set.
    pub set: Vec<(&'static str, String)>,
    /// Whether they wait for [`ResponsePiece::status`] or the first piece that passes.
    pub hold: bool,
}

/// What becomes of a piece of the response's body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ResponsePiece {
    /// Bytes in its place.
    pub body: Vec<u8>,
    /// The status that the held headers are to have in the place of their own.
    pub status: Option<u16>,
    /// Whether headers that were held can go now.
    pub release: bool,
}

/// How far the answer is.
pub(super) enum Answering {
    /// It has not begun.
    Waiting,
    /// It passes as it is.
    Passing,
    /// A whole good answer is being collected.
    Reply,
    /// An error is being collected.
    Failure(u16),
    /// A stream is being translated.
    Stream(Box<Streaming>),
    /// Nothing more of it is told.
    Over,
}

/// A stream on its way.
pub(super) struct Streaming {
    reader: Box<dyn StreamReader>,
    writer: Box<dyn StreamWriter>,
    renamed: Renamed,
    begun: bool,
    ended: bool,
}

impl core::fmt::Debug for Answering {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Passing => "passing",
            Self::Reply => "reply",
            Self::Failure(_) => "failure",
            Self::Stream(_) => "stream",
            Self::Over => "over",
        })
    }
}

impl Attempt {
    /// Takes up the response's headers.
    pub fn response_headers<'h>(
        &mut self,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        end_of_stream: bool,
    ) -> ResponseHead {
        let (mut remove, mut status, mut json, mut encoded) = (Vec::new(), 0_u16, false, false);
        for (name, value) in headers {
            let text = core::str::from_utf8(value).unwrap_or_default();
            match name {
                ":status" => status = text.parse().unwrap_or(0),
                "content-type" => json = text.trim_start().to_ascii_lowercase().starts_with("application/json"),
                "content-encoding" => encoded = !matches!(text, "" | "identity"),
                _ if name.starts_with(INTERNAL) => remove.push(name.to_owned()),
                _ => {}
            }
        }
        let mut head = ResponseHead {
            status,
            remove,
            set: vec![(TARGET, self.target.index.to_string())],
            ..ResponseHead::default()
        };
        let good = (200..300).contains(&status);
        // What a provider says of our credential may quote it, and is not the caller's business.
        let of_credential = matches!(status, 401 | 403);
        if self.service() == Service::Native && !of_credential {
            self.answering = Answering::Passing;
            return head;
        }
        if end_of_stream && good {
            // There is nothing to be read, and no body that could say so.
            self.answering = Answering::Over;
            head.set.push((":status", "502".to_owned()));
            return head;
        }
        head.remove.extend(["content-length", "content-encoding"].map(str::to_owned));
        head.hold = !end_of_stream;
        self.answering = match (good, self.stream && !json) {
            (true, _) if encoded => Answering::Failure(502),
            (false, _) => Answering::Failure(status),
            (true, false) => Answering::Reply,
            (true, true) => Answering::Stream(Box::new(Streaming {
                reader: self.dialect().read_stream(),
                writer: of_caller(self.endpoint).write_stream(&self.call(), self.asks_usage),
                renamed: core::mem::take(&mut self.renamed),
                begun: false,
                ended: false,
            })),
        };
        let streamed = good && self.stream;
        let content_type = if streamed { "text/event-stream" } else { "application/json" };
        head.set.push(("content-type", content_type.to_owned()));
        head
    }

    /// Whether the body of the answer is of interest only once it is whole.
    #[must_use]
    pub const fn collects(&self) -> bool {
        matches!(self.answering, Answering::Reply | Answering::Failure(_))
    }

    /// Whether the body passes as it is.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.answering, Answering::Waiting | Answering::Passing)
    }

    /// Takes the next piece of the body, or all of it where it [is collected](Self::collects); `None` where it passes as it
    /// is.
    pub fn response_body(&mut self, piece: &[u8], end: bool) -> Option<ResponsePiece> {
        match &mut self.answering {
            Answering::Waiting | Answering::Passing => None,
            Answering::Over => Some(ResponsePiece::default()),
            Answering::Stream(streaming) => {
                let told = streaming.translate(piece, end);
                if let (Some(failure), false) = (&told.failed_at_once, streaming.begun) {
                    return Some(self.fail(&failure.clone()));
                }
                let passes = streaming.begun || end;
                Some(ResponsePiece { body: told.bytes, status: None, release: passes })
            }
            Answering::Failure(status) => {
                let status = *status;
                let mut failure = self.dialect().read_failure(status, piece);
                if matches!(status, 401 | 403) {
                    failure.message = "the provider refused the gateway's own credential".to_owned();
                }
                Some(self.fail(&failure))
            }
            Answering::Reply => Some(match self.dialect().read_reply(piece) {
                Ok(mut reply) => {
                    self.renamed.restore_reply(&mut reply);
                    self.answering = Answering::Over;
                    let caller = of_caller(self.endpoint);
                    let body = if self.stream {
                        let mut writer = caller.write_stream(&self.call(), self.asks_usage);
                        let mut bytes = Vec::new();
                        events(reply).into_iter().for_each(|event| writer.write(event, &mut bytes));
                        bytes
                    } else {
                        caller.write_reply(&reply, &self.call())
                    };
                    ResponsePiece { body, status: None, release: true }
                }
                Err(malformed) => self.fail(&unreadable(&malformed)),
            }),
        }
    }

    /// An error in the place of the whole answer.
    fn fail(&mut self, failure: &Failure) -> ResponsePiece {
        self.answering = Answering::Over;
        let refused = self.refuse(failure);
        ResponsePiece { body: refused.body, status: Some(refused.status), release: true }
    }
}

/// What a piece of a stream became.
struct Told {
    bytes: Vec<u8>,
    /// The error that came before anything else.
    failed_at_once: Option<Failure>,
}

impl Streaming {
    fn translate(&mut self, piece: &[u8], end: bool) -> Told {
        let mut told = Told { bytes: Vec::new(), failed_at_once: None };
        if self.ended {
            return told;
        }
        let mut events = Vec::new();
        let read = self.reader.read(piece, &mut events);
        let read = if end { read.and_then(|()| self.reader.end(&mut events)) } else { read };
        let ended = matches!(events.last(), Some(Event::End | Event::Failed(_)));
        match read {
            Err(malformed) => events.push(Event::Failed(unreadable(&malformed))),
            Ok(()) if end && !ended => {
                events.push(Event::Failed(unreadable(&Malformed("it broke off".to_owned()))));
            }
            Ok(()) => {}
        }
        for mut event in events {
            self.renamed.restore_event(&mut event);
            self.ended |= matches!(event, Event::End | Event::Failed(_));
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

fn unreadable(Malformed(what): &Malformed) -> Failure {
    Failure {
        status: 502,
        kind: FailureKind::Server,
        message: format!("the provider's answer could not be read: {what}"),
        code: Some("provider_unavailable".to_owned()),
        param: None,
    }
}

/// A whole answer as the events of a stream.
fn events(reply: Reply) -> Vec<Event> {
    let mut events = vec![Event::Begin { id: reply.id, usage: reply.usage }];
    let mut calls = 0;
    for part in reply.parts {
        match part {
            Part::Text { text, .. } => events.push(Event::Text(text)),
            Part::Refusal(text) => events.push(Event::Refusal(text)),
            Part::Reasoning { text, signature } => {
                events.push(Event::Reasoning(text));
                events.extend(signature.map(Event::Signature));
            }
            Part::RedactedReasoning(data) => events.push(Event::RedactedReasoning(data)),
            Part::ToolCall(call) => {
                events.push(Event::ToolCall { index: calls, id: call.id, name: call.name });
                events.push(Event::Arguments { index: calls, json: call.arguments.to_string() });
                calls += 1;
            }
            Part::Image(_) | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    events.push(Event::Stop(reply.stop));
    events.extend(reply.usage.map(Event::Usage));
    events.push(Event::End);
    events
}
