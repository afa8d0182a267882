/// Whether a body with this `content-encoding` (all of the header's values, joined by commas) can be read: only what
/// is not encoded at all. Decompressing would cost memory that the sender chooses.
#[must_use]
pub fn is_readable_encoding(content_encoding: &str) -> bool {
    content_encoding
        .split(',')
        .map(str::trim)
        .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
}

#[cfg(test)]
mod tests {
    use super::is_readable_encoding;

    #[test]
    fn only_what_is_not_encoded_can_be_read() {
        for readable in ["", "identity", "Identity", " identity , ", ","] {
            assert!(is_readable_encoding(readable), "{readable}");
        }
        for encoded in
            ["gzip", "br", "zstd", "deflate", "identity, gzip", "gzip,identity", "x-gzip", "identity;q=1", "*"]
        {
            assert!(!is_readable_encoding(encoded), "{encoded}");
        }
    }
}
