//! How many tokens a text has, guessed from its bytes where nobody tells.

/// Tokens of a text with `ascii` bytes of ASCII and `other` bytes of everything else: a quarter of the ASCII bytes plus
/// half of the others, each rounded up. Used for the input before it is sent and for the output of streams that were cut.
///
/// English has about four characters per token in common vocabularies; CJK has one to two tokens per character of three
/// bytes, other scripts lie between.
#[must_use]
pub const fn estimate_tokens(ascii: u64, other: u64) -> u64 {
    ascii.div_ceil(4).saturating_add(other.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::estimate_tokens;

    #[test]
    fn each_part_rounds_up() {
        assert_eq!(estimate_tokens(0, 0), 0);
        assert_eq!(estimate_tokens(1, 0), 1);
        assert_eq!(estimate_tokens(4, 0), 1);
        assert_eq!(estimate_tokens(5, 0), 2);
        assert_eq!(estimate_tokens(0, 1), 1);
        assert_eq!(estimate_tokens(0, 3), 2);
        assert_eq!(estimate_tokens(5, 3), 4);
        assert_eq!(estimate_tokens(u64::MAX, u64::MAX), (u64::MAX / 4 + 1) + (u64::MAX / 2 + 1));
    }
}
