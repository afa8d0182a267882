//! A short text collected in place: keys and small values, without an allocation and without a way to grow.

/// Up to `N` bytes of decoded text. Longer text is remembered only as too long.
#[derive(Debug, Clone, Copy)]
pub struct BoundedText<const N: usize> {
    bytes: [u8; N],
    len: usize,
    overflowed: bool,
}

impl<const N: usize> Default for BoundedText<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0, overflowed: false }
    }
}

impl<const N: usize> BoundedText<N> {
    /// Empties it.
    #[inline]
    pub const fn clear(&mut self) {
        self.len = 0;
        self.overflowed = false;
    }

    /// Adds raw bytes.
    #[inline]
    pub fn push(&mut self, raw: &[u8]) {
        match self.bytes.get_mut(self.len..self.len.saturating_add(raw.len())) {
            Some(free) if !self.overflowed => {
                free.copy_from_slice(raw);
                self.len += raw.len();
            }
            _ => self.overflowed = true,
        }
    }

    /// Adds one character.
    pub fn push_char(&mut self, decoded: char) {
        self.push(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// The bytes, unless there were more than `N`.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if self.overflowed { None } else { self.bytes.get(..self.len) }
    }

    /// The text, unless it was longer than `N` bytes or is not whole UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|bytes| str::from_utf8(bytes).ok())
    }

    /// Whether nothing was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0 && !self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_not_fit_is_no_text() {
        let mut text = BoundedText::<4>::default();
        assert!(text.is_empty());
        text.push(b"abc");
        assert_eq!(text.as_str(), Some("abc"));
        text.push_char('é');
        assert_eq!(text.as_bytes(), None);
        text.push(b"d");
        assert_eq!(text.as_bytes(), None, "what came after the overflow must not sneak in");
        assert!(!text.is_empty());
        text.clear();
        text.push_char('😀');
        assert_eq!(text.as_str(), Some("😀"));
    }
}
