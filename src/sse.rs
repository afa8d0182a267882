//! The line grammar of server-sent events (WHATWG HTML, section 9.2), cut anywhere.

use crate::json::{BoundedText, runs};

/// What a line's field means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    /// `event`: the event's name.
    Name,
    /// `id`, `retry`, and whatever is not known.
    Other,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The first line of an event that is no comment begins here. Takes no bytes.
    Begin,
    /// The value of a field begins.
    Field(Field),
    /// A part of that value, not empty.
    Value(Field, &'a [u8]),
    /// The blank line that ends an event has been read.
    End,
    /// The LF of a CRLF whose CR was the end of an event.
    EndLf,
    /// Nothing that matters: line ends, comments, blank lines between events.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Before the first line: so many bytes of a byte order mark were seen.
    Mark(u8),
    Start,
    /// In the name of a field.
    FieldName,
    /// After the colon, where one space does not count.
    Space(Field),
    Value(Field),
    /// In a comment.
    Comment,
}

/// Reads a stream of events, told piece by piece.
#[derive(Debug, Clone)]
pub(crate) struct Sse {
    line: Line,
    name: BoundedText<8>,
    /// The last byte was a CR, so an LF now belongs to it.
    after_cr: bool,
    /// That CR ended an event.
    after_event: bool,
    in_event: bool,
}

impl Sse {
    pub fn new() -> Self {
        Self { line: Line::Mark(0), name: BoundedText::default(), after_cr: false, after_event: false, in_event: false }
    }

    /// Reads on from `at`, moves it, and says what was there; `None` at the end of the piece.
    pub fn next<'a>(&mut self, piece: &'a [u8], at: &mut usize) -> Option<Token<'a>> {
        let rest = piece.get(*at..)?;
        let &first = rest.first()?;
        if self.after_cr {
            self.after_cr = false;
            if first == b'\n' {
                *at += 1;
                return Some(if self.after_event { Token::EndLf } else { Token::Skip });
            }
        }
        match self.line {
            Line::Mark(seen) => Some(self.mark(seen, first, at)),
            Line::Start => Some(self.start(rest, first, at)),
            Line::FieldName => Some(self.field_name(rest, at)),
            Line::Space(field) => {
                self.line = Line::Value(field);
                if first == b' ' {
                    *at += 1;
                }
                Some(Token::Skip)
            }
            Line::Value(field) => {
                let (value, ended) = self.up_to_line_end(rest, at);
                if ended {
                    self.line = Line::Start;
                }
                Some(if value.is_empty() { Token::Skip } else { Token::Value(field, value) })
            }
            Line::Comment => {
                if self.up_to_line_end(rest, at).1 {
                    self.line = Line::Start;
                }
                Some(Token::Skip)
            }
        }
    }

    fn mark(&mut self, seen: u8, first: u8, at: &mut usize) -> Token<'static> {
        match (seen, first) {
            (0, 0xef) => self.line = Line::Mark(1),
            (1, 0xbb) => self.line = Line::Mark(2),
            (2, 0xbf) => self.line = Line::Start,
            (0, _) => {
                self.line = Line::Start;
                return Token::Skip;
            }
            // No mark after all, and with these bytes in front no known field either.
            _ => {
                self.line = Line::Comment;
                return Token::Skip;
            }
        }
        *at += 1;
        Token::Skip
    }

    fn start(&mut self, rest: &[u8], first: u8, at: &mut usize) -> Token<'static> {
        match first {
            b'\n' | b'\r' => {
                self.line_end(rest, 0, at);
                let ended = self.in_event;
                self.in_event = false;
                self.after_event = ended;
                if ended { Token::End } else { Token::Skip }
            }
            b':' => {
                *at += 1;
                self.line = Line::Comment;
                Token::Skip
            }
            _ if !self.in_event => {
                self.in_event = true;
                Token::Begin
            }
            _ => {
                if rest.starts_with(b"data:") {
                    *at += 5;
                    self.line = Line::Space(Field::Data);
                    return Token::Field(Field::Data);
                }
                self.name.clear();
                self.line = Line::FieldName;
                Token::Skip
            }
        }
    }

    fn field_name(&mut self, rest: &[u8], at: &mut usize) -> Token<'static> {
        let length = rest.iter().position(|byte| matches!(byte, b':' | b'\n' | b'\r'));
        let (name, after) = rest.split_at_checked(length.unwrap_or(rest.len())).unwrap_or_default();
        self.name.push(name);
        *at += name.len();
        let Some(&end) = after.first() else { return Token::Skip };
        let field = match self.name.as_bytes() {
            Some(b"data") => Field::Data,
            Some(b"event") => Field::Name,
            _ => Field::Other,
        };
        if end == b':' {
            *at += 1;
            self.line = Line::Space(field);
        } else {
            // A name without a colon has an empty value.
            self.line = Line::Value(field);
        }
        Token::Field(field)
    }

    /// The bytes up to the line end, and whether that was reached and read.
    fn up_to_line_end<'a>(&mut self, rest: &'a [u8], at: &mut usize) -> (&'a [u8], bool) {
        let length = runs::line(rest);
        let value = rest.get(..length).unwrap_or_default();
        if length < rest.len() {
            self.line_end(rest, length, at);
            self.after_event = false;
            (value, true)
        } else {
            *at += length;
            (value, false)
        }
    }

    /// Reads the line end at `rest[index]`.
    fn line_end(&mut self, rest: &[u8], index: usize, at: &mut usize) {
        let length = match rest.get(index..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([b'\r']) => {
                self.after_cr = true;
                1
            }
            _ => 1,
        };
        *at += index + length;
    }
}
