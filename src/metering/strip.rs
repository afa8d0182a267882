//! Taking whole events out of a stream without changing another byte of it.
//!
//! Bytes pass as they come. Only the incomplete event at the end of a piece waits, until it is known whether it goes:
//! a client could not use half an event anyway.

use super::meter::Passed;

/// The longest incomplete event that waits. Usage chunks have a few hundred bytes; what is longer is content.
const MAX_HELD: usize = 64 * 1024;

/// What is kept from piece to piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Strip {
    /// The bytes of the open event from earlier pieces.
    held: Vec<u8>,
    /// An event has begun and not ended.
    open: bool,
    /// The open event stays, whatever comes: a part of it has passed already.
    stays: bool,
    /// The last event was taken out.
    removed: bool,
}

/// One piece on its way.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// What passes in place of the piece, once it differs.
    out: Option<Vec<u8>>,
    /// Where the bytes begin that are not decided on.
    from: usize,
    /// Where the open event begins; 0 if it began earlier.
    start: usize,
}

impl Cut {
    fn pass(&mut self, bytes: &[u8]) {
        self.out.get_or_insert_default().extend_from_slice(bytes);
    }
}

impl Strip {
    /// An event begins at `at`.
    pub const fn begin(&mut self, cut: &mut Cut, at: usize) {
        self.open = true;
        self.stays = false;
        cut.start = at;
    }

    /// The open event has ended before `at`; `remove` says whether it goes.
    pub fn end(&mut self, cut: &mut Cut, piece: &[u8], at: usize, remove: bool) {
        self.removed = remove && self.open && !self.stays;
        self.open = false;
        if self.removed {
            let before = piece.get(cut.from..cut.start).unwrap_or_default();
            cut.pass(before);
            self.held.clear();
            cut.from = at;
        } else if !self.held.is_empty() {
            cut.pass(&self.held);
            self.held.clear();
        }
        cut.start = at;
    }

    /// The byte before `at` is the LF of the CRLF that ended the last event.
    pub fn end_lf(&self, cut: &mut Cut, piece: &[u8], at: usize) {
        if self.removed {
            let before = piece.get(cut.from..at.saturating_sub(1)).unwrap_or_default();
            cut.pass(before);
            cut.from = at;
        }
    }

    /// The piece is over. `stays`: what is known of the open event says that it stays.
    pub fn finish(&mut self, mut cut: Cut, piece: &[u8], stays: bool) -> Passed {
        let rest = piece.get(cut.from..).unwrap_or_default();
        if self.open && !self.stays {
            let event = piece.get(cut.start..).unwrap_or_default();
            if stays || self.held.len().saturating_add(event.len()) > MAX_HELD {
                self.stays = true;
            } else {
                cut.pass(piece.get(cut.from..cut.start).unwrap_or_default());
                self.held.extend_from_slice(event);
                return Passed::Replaced(cut.out.unwrap_or_default());
            }
        }
        if !self.held.is_empty() {
            cut.pass(&self.held);
            self.held.clear();
        }
        match cut.out {
            None => Passed::Unchanged,
            Some(mut out) => {
                out.extend_from_slice(rest);
                Passed::Replaced(out)
            }
        }
    }
}
