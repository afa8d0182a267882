use core::fmt::Write as _;

/// Text as one segment of a path, or one value of a query (RFC 3986): all but unreserved characters is escaped.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn a_model_stays_within_its_segment() {
        assert_eq!(percent_encoded("us.anthropic.claude-v1:0"), "us.anthropic.claude-v1%3A0");
        assert_eq!(percent_encoded("arn:aws:bedrock:x/../é?a#b"), "arn%3Aaws%3Abedrock%3Ax%2F..%2F%C3%A9%3Fa%23b");
    }
}
