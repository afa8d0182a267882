//! How much text there was.

/// How much text there was, in the two sorts that estimates tell apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub ascii: u64,
    pub other: u64,
}

impl Text {
    pub fn add(&mut self, more: Self) {
        self.ascii = self.ascii.saturating_add(more.ascii);
        self.other = self.other.saturating_add(more.other);
    }

    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let other = bytes.iter().map(|&byte| usize::from(byte >> 7)).sum::<usize>();
        let ascii = bytes.len().saturating_sub(other);
        self.add(Self { ascii: ascii as u64, other: other as u64 });
    }

    pub fn add_char(&mut self, decoded: char) {
        self.add_bytes(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub const fn is_empty(self) -> bool {
        self.ascii == 0 && self.other == 0
    }
}
