//! The choices of a chunk.

/// What the choices of one JSON text say: an event with some is content, one without may be there only for its usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Choices {
    /// Whether there are any.
    any: bool,
    /// Whether one holds anything but empty fields.
    said: bool,
    /// Of the one being read: its index, 0 where it has none, and whether it says why it ended.
    index: Option<u64>,
    finishes: bool,
    /// Those that are there, a bit for each.
    there: u128,
    /// Those that say why they ended, likewise.
    pub finished: u128,
}

impl Choices {
    /// There is one.
    pub const fn fill(&mut self) {
        self.any = true;
    }

    /// There is one, and something in it.
    pub const fn say(&mut self) {
        self.any = true;
        self.said = true;
    }

    pub const fn begin(&mut self) {
        self.index = Some(0);
        self.finishes = false;
    }

    pub const fn set_index(&mut self, index: Option<u64>) {
        self.index = index;
    }

    pub const fn finish(&mut self) {
        self.finishes = true;
    }

    pub fn end(&mut self) {
        let index = self.index.and_then(|index| u32::try_from(index).ok());
        match index.and_then(|index| 1_u128.checked_shl(index)) {
            Some(choice) => {
                self.there |= choice;
                self.finished |= if self.finishes { choice } else { 0 };
            }
            None => self.said = true,
        }
    }

    /// Whether they are content, where those of `before` finished in earlier events. Before any did, all are: an empty one may
    /// be the beginning of an answer whose chunks all tell the usage, and has the role.
    pub const fn are_content(&self, before: u128, has_text: bool) -> bool {
        let new = self.finishes || self.there & (self.finished | !before) != 0;
        self.any && (before == 0 || self.said || has_text || new)
    }
}
