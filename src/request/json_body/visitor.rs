//! What the scanner tells, field by field.

use super::{Field, Fields, Likeness, Value};
use crate::json::{Literal, Visitor};
use crate::request::BadBody;
use crate::request::body::StreamOptions;

impl Visitor for Fields {
    fn begin_object(&mut self, at: u64) {
        self.begin(Value::Object, at);
    }

    fn end_object(&mut self, _end: u64) {
        self.end();
    }

    fn begin_array(&mut self, at: u64) {
        self.begin(Value::Array, at);
    }

    fn end_array(&mut self, _end: u64) {
        self.end();
    }

    fn begin_key(&mut self, at: u64) {
        self.key.clear();
        self.start = at;
    }

    fn key_piece(&mut self, raw: &[u8]) {
        self.key.push(raw);
    }

    fn key_char(&mut self, decoded: char) {
        self.key.push_char(decoded);
    }

    fn end_key(&mut self, end: u64) {
        self.input.add_text(self.between_quotes(end));
        let key = self.key.as_bytes().unwrap_or_default();
        self.field = match (self.depth, self.within) {
            (1, _) => {
                self.empty = false;
                Field::at_top(key, self.endpoint)
            }
            (2, Field::StreamOptions) => {
                if let StreamOptions::Object { empty, .. } = &mut self.stream_options {
                    *empty = false;
                }
                if key == b"include_usage" { Field::IncludeUsage } else { Field::in_depth(key) }
            }
            (2, Field::Metadata) if key == b"user_id" => Field::UserId,
            _ => Field::in_depth(key),
        };
        if self.field.is_governed() {
            let bit = 1 << self.field as u32;
            if self.seen & bit != 0 {
                self.refuse(BadBody::twice(self.field.name()));
            }
            self.seen |= bit;
        }
    }

    fn begin_string(&mut self, at: u64) {
        self.start = at;
        self.value(Value::Text, at);
        self.likeness = Likeness::of_string(self.field == Field::Base64);
        self.watched = true;
    }

    #[inline]
    fn wants_string(&self) -> bool {
        self.watched
    }

    #[inline]
    fn string_piece(&mut self, raw: &[u8]) {
        if self.watched {
            self.watch(raw);
        }
    }

    #[inline]
    fn string_char(&mut self, decoded: char) {
        if self.watched {
            self.watch(decoded.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn end_string(&mut self, end: u64) {
        let bytes = self.between_quotes(end);
        if self.likeness.is_file(bytes) {
            self.input.add_file();
        } else {
            self.input.add_text(bytes);
        }
        if let Some(capture) = self.capture.take() {
            self.captured(capture, end);
        }
    }

    fn begin_number(&mut self, at: u64) {
        self.value(Value::Number, at);
    }

    fn number_piece(&mut self, raw: &[u8]) {
        if self.field.is_governed() {
            self.number.push(raw);
        }
    }

    fn end_number(&mut self, _end: u64) {
        if matches!(
            self.field,
            Field::MaxTokens | Field::MaxCompletionTokens | Field::MaxOutputTokens | Field::N | Field::BestOf
        ) {
            self.count();
        }
    }

    fn literal(&mut self, literal: Literal, at: u64) {
        self.value(Value::Literal(literal), at);
    }
}
