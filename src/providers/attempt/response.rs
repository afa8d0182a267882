use super::lost::owed;
use super::streaming::Streaming;
use super::{Attempt, INTERNAL, REFUSED, TARGET, of_caller};
use crate::audit::Spent;
use crate::providers::conversation::{Event, Failure, FailureKind, Part, Reply};
use crate::providers::fields::{MOST_VALUES, too_many_values};
use crate::providers::{Malformed, Service};

/// Response headers between the provider and us: of its cookies, its name and its Envoy, or of our credential.
const BETWEEN_US: [&str; 5] =
    ["set-cookie", "alt-svc", "strict-transport-security", "www-authenticate", "proxy-authenticate"];
/// Headers by which one Envoy speaks to another; the router sets its own later.
const OF_ENVOY: &str = "x-envoy-";

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
    /// The error code, where that status is not the provider's but ours.
    pub refused: Option<&'static str>,
    /// After how many seconds it may be tried again, where no header says so.
    pub retry_after: Option<u32>,
    /// Whether headers that were held can go now.
    pub release: bool,
    /// Whether it goes on with a stream: without it that is not whole.
    pub of_stream: bool,
}

/// Why a provider's answer does not count.
const UNAVAILABLE: &str = "provider_unavailable";

/// How far the answer is.
pub(super) enum Answering {
    /// It has not begun.
    Waiting,
    /// It passes as it is.
    Passing,
    /// A whole good answer is being collected.
    Reply,
    /// A good answer is being collected that nobody can read.
    Unreadable,
    /// An error is being collected.
    Failure(u16),
    /// A stream is being translated.
    Stream(Box<Streaming>),
    /// This comes in its place.
    Replaced(Vec<u8>),
    /// Nothing more of it is told.
    Over,
}

impl core::fmt::Debug for Answering {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Passing => "passing",
            Self::Reply => "reply",
            Self::Unreadable => "unreadable",
            Self::Failure(_) => "failure",
            Self::Stream(_) => "stream",
            Self::Replaced(_) => "replaced",
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
        let (mut remove, mut status, mut kind, mut encoded) = (Vec::new(), 0_u16, String::new(), false);
        let names_failures = self.dialect().failure_header();
        for (name, value) in headers {
            let text = core::str::from_utf8(value).unwrap_or_default();
            match name {
                ":status" => status = text.parse().unwrap_or(0),
                "content-type" => kind = text.trim_start().to_ascii_lowercase(),
                "retry-after" => self.says_when = true,
                "content-encoding" => encoded = !matches!(text, "" | "identity"),
                _ if names_failures == Some(name) => text.clone_into(&mut self.failure_name),
                _ if name.starts_with(INTERNAL) || name.starts_with(OF_ENVOY) || BETWEEN_US.contains(&name) => {
                    remove.push(name.to_owned());
                }
                _ => {}
            }
        }
        let mut head = ResponseHead {
            status,
            remove,
            // The first target is what the gate takes it for that does not say.
            set: if self.target.index == 0 { Vec::new() } else { vec![(TARGET, self.target())] },
            ..ResponseHead::default()
        };
        let good = (200..300).contains(&status);
        // A page is what proxies and logins answer with, and a redirect leads where no attempt goes.
        let page = kind.starts_with("text/html") && self.endpoint.answers_in_json() && !end_of_stream;
        if if good { page } else { !(400..600).contains(&status) } {
            let what = if good { "it is a web page".to_owned() } else { format!("its status is {status}") };
            return self.replace(head, &unreadable(&Malformed(what)));
        }
        // It is read, so that it can be hidden.
        let of_credential = matches!(status, 401 | 403);
        if self.service() == Service::Native && !of_credential {
            self.answering = Answering::Passing;
            return head;
        }
        if end_of_stream && good {
            // There is nothing to be read, and no body that could say so.
            self.answering = Answering::Over;
            head.set.push((":status", "502".to_owned()));
            self.refuse_head(&mut head, UNAVAILABLE);
            return head;
        }
        head.remove.extend(["content-length", "content-encoding"].map(str::to_owned));
        head.hold = !end_of_stream;
        let json = kind.starts_with("application/json");
        self.answering = match (good, self.stream && !json) {
            (true, _) if encoded => Answering::Unreadable,
            (false, _) => Answering::Failure(status),
            (true, false) => Answering::Reply,
            (true, true) => Answering::Stream(Box::new(Streaming {
                reader: self.dialect().read_stream(&self.call()),
                writer: of_caller(self.endpoint).write_stream(&self.call(), self.asks_usage),
                renamed: core::mem::take(&mut self.renamed),
                begun: false,
                ended: false,
                counts: None,
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
        matches!(self.answering, Answering::Reply | Answering::Unreadable | Answering::Failure(_))
    }

    /// Whether the body passes as it is.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.answering, Answering::Waiting | Answering::Passing)
    }

    /// Takes the next piece of the body, or all of it where it [is collected](Self::collects); `None` where it passes as it
    /// is.
    pub fn response_body(&mut self, piece: &[u8], end: bool) -> Option<ResponsePiece> {
        let whole = self.collects();
        // Client libraries read past a byte order mark.
        let piece = piece.strip_prefix(b"\xef\xbb\xbf").filter(|_| whole).unwrap_or(piece);
        match &mut self.answering {
            Answering::Waiting | Answering::Passing => None,
            Answering::Over => Some(ResponsePiece::default()),
            Answering::Replaced(body) => {
                let body = core::mem::take(body);
                self.answering = Answering::Over;
                Some(ResponsePiece { body, release: true, ..ResponsePiece::default() })
            }
            Answering::Stream(streaming) => {
                let told = streaming.translate(piece, end);
                self.counts = streaming.counts;
                if let (Some(failure), false) = (&told.failed_at_once, streaming.begun) {
                    let failure = failure.clone();
                    // Nothing is owed for what said nothing yet; but this did, and too deeply to be read.
                    self.lost = told.too_deep;
                    self.counts = self.counts.filter(|_| self.lost);
                    return Some(if told.unreadable { self.fail_unread(&failure) } else { self.fail(&failure) });
                }
                let passes = streaming.begun || end;
                Some(ResponsePiece { body: told.bytes, release: passes, of_stream: true, ..ResponsePiece::default() })
            }
            Answering::Unreadable => {
                Some(self.lose(piece, &Malformed("it is compressed, which was not asked for".to_owned())))
            }
            Answering::Failure(status) => {
                let status = *status;
                let piece = if too_many_values(piece) { &[] } else { piece };
                let mut failure = self.dialect().read_named_failure(status, &self.failure_name, piece);
                hide_credential(&mut failure);
                Some(self.fail(&failure))
            }
            Answering::Reply if too_many_values(piece) => {
                Some(self.lose(piece, &Malformed(format!("it holds more than {MOST_VALUES} values"))))
            }
            Answering::Reply => Some(match self.dialect().read_reply(piece) {
                Ok(mut reply) => {
                    self.renamed.restore_reply(&mut reply);
                    self.counts = reply.usage;
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
                    ResponsePiece { body, release: true, ..ResponsePiece::default() }
                }
                Err(malformed) => self.lose(piece, &malformed),
            }),
        }
    }

    /// A good answer that cannot be read.
    fn lose(&mut self, body: &[u8], malformed: &Malformed) -> ResponsePiece {
        self.counts = owed(self.endpoint, body);
        self.lost = self.counts.is_some();
        self.fail_unread(&unreadable(malformed))
    }

    /// What is owed where no more than this comes of an answer that [is collected](Self::collects): its provider breaks off,
    /// takes too long, or the caller hangs up.
    #[must_use]
    pub fn spent_if_lost(&self, body: &[u8]) -> Option<Spent> {
        let good = matches!(self.answering, Answering::Reply | Answering::Unreadable);
        good.then(|| owed(self.endpoint, body)).flatten().map(Spent::Lost)
    }

    /// An error in the place of an answer whose headers say enough. Nothing of it is waited for.
    fn replace(&mut self, mut head: ResponseHead, failure: &Failure) -> ResponseHead {
        let refused = self.refuse(failure);
        head.remove.extend(["content-length", "content-encoding", "location"].map(str::to_owned));
        head.set.push((":status", refused.status.to_string()));
        head.set.push(("content-type", "application/json".to_owned()));
        self.refuse_head(&mut head, refused.code);
        self.answering = Answering::Replaced(refused.body);
        head
    }

    /// Says that the answer is ours.
    fn refuse_head(&self, head: &mut ResponseHead, code: &str) {
        head.set.push((REFUSED, code.to_owned()));
        // A refusal without it is of a request that was not sent.
        head.set.retain(|(name, _)| *name != TARGET);
        head.set.push((TARGET, self.target()));
    }

    /// Which target it is, as the gate reads it.
    #[must_use]
    pub fn target(&self) -> String {
        self.target.index.to_string()
    }

    /// An error in the place of the whole answer.
    fn fail(&mut self, failure: &Failure) -> ResponsePiece {
        self.answering = Answering::Over;
        let refused = self.refuse(failure);
        ResponsePiece {
            body: refused.body,
            status: Some(refused.status),
            retry_after: failure.retry_after.filter(|_| !self.says_when),
            release: true,
            ..ResponsePiece::default()
        }
    }

    /// The same where it is no error of the provider's, but nobody can read what it said.
    fn fail_unread(&mut self, failure: &Failure) -> ResponsePiece {
        ResponsePiece { refused: Some(UNAVAILABLE), ..self.fail(failure) }
    }
}

/// What a provider says of our credential may quote it, and names accounts: it is not the caller's business. Not every
/// provider says it with the status for it, and some only in the stream.
pub(super) fn hide_credential(failure: &mut Failure) {
    if matches!(failure.status, 401 | 403)
        || matches!(failure.kind, FailureKind::Authentication | FailureKind::Permission)
    {
        "the provider refused the gateway's own credential".clone_into(&mut failure.message);
    }
}

pub(super) fn unreadable(Malformed(what): &Malformed) -> Failure {
    Failure {
        message: format!("the provider's answer could not be read: {what}"),
        code: Some(UNAVAILABLE.to_owned()),
        ..Failure::of_status(502)
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
