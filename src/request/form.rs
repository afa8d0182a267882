//! Reads a `multipart/form-data` body (RFC 7578, RFC 2046): the fields we govern; files stream by unread.
//!
//! Parsers of forms disagree on what a line end is, on text before the first boundary and on what may follow it.
//! Where they could see different parts in the same bytes, the form is refused.

use super::body::{Body, Layout, ModelField, StreamOptions, index};
use super::capture::Capture;
use super::estimate::InputCount;
use super::form_part::{self, Part};
use super::{BadBody, Endpoint, content_type};
use crate::json::runs;

/// Most parts of a form. The APIs have about ten fields.
const MOST_PARTS: u32 = 64;

/// Most bytes of one part's header.
const LONGEST_HEADER: usize = 8192;

/// A form on its way in.
#[derive(Debug)]
pub(super) struct FormScan {
    endpoint: Endpoint,
    /// CRLF, two dashes and the boundary.
    delimiter: Vec<u8>,
    boundary: String,
    state: State,
    bad: Option<BadBody>,
    /// Bytes of the pieces before this one.
    consumed: u64,
    /// Where the first boundary begins.
    start: u64,
    parts: u32,
    header: Vec<u8>,
    part: Part,
    /// Where the part's content begins.
    content: u64,
    capture: Capture,
    input: InputCount,
    model: Option<ModelField>,
    stream: Option<bool>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before anything, or that many bytes into the first delimiter, whose CRLF may be missing.
    Start(usize),
    /// Behind a boundary.
    Boundary,
    /// Behind a boundary and a dash.
    Dash,
    /// Behind a boundary and spaces.
    Padding,
    /// Behind a boundary and CR.
    Cr,
    /// In the header of a part.
    Header,
    /// In the content of a part, not at a line's beginning.
    Content,
    /// In the content of a part, behind a line end, that many bytes into the dashes and the boundary.
    Line(Break, usize),
    /// Behind the last boundary.
    End,
}

/// What made a line begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// The content itself began.
    Content,
    Cr,
    Lf,
    CrLf,
}

impl Break {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Content => b"",
            Self::Cr => b"\r",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

impl FormScan {
    pub(super) fn new(endpoint: Endpoint, content_type: Option<&str>) -> Result<Self, BadBody> {
        let boundary = content_type.and_then(content_type::boundary).ok_or(BadBody::whole(
            "the content-type must be `multipart/form-data; boundary=…`, with one valid boundary",
        ))?;
        Ok(Self {
            endpoint,
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            boundary,
            state: State::Start(0),
            bad: None,
            consumed: 0,
            start: 0,
            parts: 0,
            header: Vec::new(),
            part: Part::Other,
            content: 0,
            capture: Capture::default(),
            input: InputCount::default(),
            model: None,
            stream: None,
        })
    }

    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), BadBody> {
        if let Some(bad) = &self.bad {
            return Err(bad.clone());
        }
        let read = self.read(piece);
        self.consumed = self.consumed.saturating_add(piece.len() as u64);
        self.bad = read.clone().err();
        read
    }

    pub(super) fn finish(self) -> Result<Body, BadBody> {
        if let Some(bad) = self.bad {
            return Err(bad);
        }
        if !matches!(self.state, State::End) {
            return Err(BadBody::whole("the form ends before its closing boundary"));
        }
        Ok(Body {
            endpoint: self.endpoint,
            model: self.model,
            stream: self.stream.unwrap_or_default(),
            stream_options: StreamOptions::Absent,
            max_output_tokens: None,
            outputs: 1,
            user: None,
            input_tokens: self.input.tokens(),
            layout: Layout::Form { start: index(self.start), boundary: self.boundary },
        })
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), BadBody> {
        let mut i = 0;
        while let Some(rest @ [byte, ..]) = piece.get(i..) {
            let at = self.consumed.saturating_add(i as u64);
            if matches!(self.state, State::Content) {
                let length = runs::line(rest);
                i = i.saturating_add(length);
                self.add(rest.get(..length).unwrap_or_default());
                if let Some(&end) = rest.get(length) {
                    self.state = State::Line(if end == b'\r' { Break::Cr } else { Break::Lf }, 0);
                    i = i.saturating_add(1);
                }
            } else if self.step(*byte, at)? {
                i = i.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Reads one byte outside of content. False if it has to be read again, as content.
    fn step(&mut self, byte: u8, at: u64) -> Result<bool, BadBody> {
        self.state = match (self.state, byte) {
            (State::Start(matched), _) => self.start(matched, byte, at)?,
            (State::Boundary, b'-') => State::Dash,
            (State::Boundary | State::Padding, b' ' | b'\t') => State::Padding,
            (State::Boundary | State::Padding, b'\r') => State::Cr,
            (State::Cr, b'\n') => self.begin_part()?,
            (State::Dash, b'-') | (State::End, b'\r' | b'\n' | b' ' | b'\t') => State::End,
            (State::Boundary | State::Padding | State::Cr | State::Dash, _) => {
                return Err(BadBody::whole("a boundary of the form is followed by something else than a line end"));
            }
            (State::End, _) => return Err(BadBody::whole("something follows the closing boundary of the form")),
            (State::Header, _) => self.header(byte, at)?,
            (State::Line(Break::Cr, 0), b'\n') => State::Line(Break::CrLf, 0),
            (State::Line(line, matched), _) => {
                if self.delimiter.get(matched.saturating_add(2)) != Some(&byte) {
                    self.not_a_boundary(line, matched);
                    return Ok(false);
                }
                self.line(line, matched.saturating_add(1), at)?
            }
            (State::Content, _) => return Ok(false),
        };
        Ok(true)
    }

    fn start(&mut self, matched: usize, byte: u8, at: u64) -> Result<State, BadBody> {
        // Some clients begin with the line end that belongs to a boundary, most do not.
        let matched = if at == 0 && byte == b'-' { 2 } else { matched };
        if self.delimiter.get(matched) != Some(&byte) {
            return Err(BadBody::whole("the form does not begin with the boundary its content-type names"));
        }
        if matched == 2 {
            self.start = at;
        }
        let matched = matched.saturating_add(1);
        Ok(if matched == self.delimiter.len() { State::Boundary } else { State::Start(matched) })
    }

    fn begin_part(&mut self) -> Result<State, BadBody> {
        self.parts = self.parts.saturating_add(1);
        if self.parts > MOST_PARTS {
            return Err(BadBody::whole("the form has more than 64 parts"));
        }
        self.header.clear();
        Ok(State::Header)
    }

    fn header(&mut self, byte: u8, at: u64) -> Result<State, BadBody> {
        self.header.push(byte);
        if self.header.len() > LONGEST_HEADER {
            return Err(BadBody::whole("the header of a part is longer than 8 KiB"));
        }
        if self.header != b"\r\n" && !self.header.ends_with(b"\r\n\r\n") {
            return Ok(State::Header);
        }
        let lines = self.header.strip_suffix(b"\r\n").unwrap_or_default();
        self.part = form_part::read(lines)?;
        let twice = match self.part {
            Part::Model => self.model.is_some(),
            Part::Stream => self.stream.is_some(),
            Part::Prompt | Part::Other => false,
        };
        if twice {
            return Err(BadBody::twice(form_part::field_name(self.part)));
        }
        self.content = at.saturating_add(1);
        self.capture = Capture::default();
        Ok(State::Line(Break::Content, 0))
    }

    /// That many bytes of dashes and boundary were read behind a line end.
    fn line(&mut self, line: Break, matched: usize, at: u64) -> Result<State, BadBody> {
        if matched.saturating_add(2) < self.delimiter.len() {
            return Ok(State::Line(line, matched));
        }
        if line != Break::CrLf {
            return Err(BadBody::whole("the boundary of the form stands inside a part"));
        }
        let end = at.saturating_add(1).saturating_sub(self.delimiter.len() as u64);
        self.end_part(end)?;
        Ok(State::Boundary)
    }

    /// What looked like a delimiter was content.
    fn not_a_boundary(&mut self, line: Break, matched: usize) {
        self.add(line.bytes());
        if self.part != Part::Other {
            let content = self.delimiter.get(2..matched.saturating_add(2)).unwrap_or_default().to_vec();
            self.add(&content);
        }
        self.state = State::Content;
    }

    fn add(&mut self, content: &[u8]) {
        match self.part {
            Part::Model | Part::Stream => self.capture.push(content),
            Part::Prompt => self.input.add(content),
            Part::Other => {}
        }
    }

    fn end_part(&mut self, end: u64) -> Result<(), BadBody> {
        let capture = core::mem::take(&mut self.capture);
        match self.part {
            Part::Model if end <= self.content => return Err(BadBody::field("model", "is empty; name a model")),
            Part::Model => {
                self.model = Some(ModelField { name: capture.model(), span: index(self.content)..index(end) });
            }
            Part::Stream => {
                self.stream = Some(match capture.text().unwrap_or_default().to_ascii_lowercase().as_str() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(BadBody::field("stream", "must be true or false")),
                });
            }
            Part::Prompt | Part::Other => {}
        }
        Ok(())
    }
}
