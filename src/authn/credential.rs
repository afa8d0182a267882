//! The one credential of a request, out of all its headers.

use core::fmt;

use super::{Reason, Unauthenticated};

/// Longest credential looked at, in bytes.
pub const MAX_LENGTH: usize = 512;

const SCHEME: &[u8] = b"bearer";

/// What a caller shows to say who it is. Its `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'h>(&'h str);

impl<'h> Credential<'h> {
    /// The text, to be hashed and forgotten.
    #[must_use]
    pub const fn as_str(&self) -> &'h str {
        self.0
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// The credential of a request, given all its headers: `authorization: Bearer <key>`, `x-api-key` or `api-key`.
///
/// It must be unambiguous, or somebody else on the way may read another one than we do: a header that comes twice is
/// refused, and several headers must hold the same key. A key is 1 to [`MAX_LENGTH`] printable ASCII bytes without
/// space and comma (Envoy joins a repeated header with commas).
///
/// # Errors
/// [`Reason::Missing`] without any of the headers, [`Reason::Malformed`] for all else.
pub fn credential<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Result<Credential<'h>, Unauthenticated> {
    let (mut authorization, mut x_api_key, mut api_key) = (None, None, None);
    for (name, value) in headers {
        let (slot, key) = if name.eq_ignore_ascii_case("authorization") {
            (&mut authorization, bearer(value))
        } else if name.eq_ignore_ascii_case("x-api-key") {
            (&mut x_api_key, Some(value))
        } else if name.eq_ignore_ascii_case("api-key") {
            (&mut api_key, Some(value))
        } else {
            continue;
        };
        let key = key.and_then(well_formed).ok_or(Reason::Malformed)?;
        if slot.replace(key).is_some() {
            return Err(Reason::Malformed.into());
        }
    }
    let mut found = [authorization, x_api_key, api_key].into_iter().flatten();
    let first = found.next().ok_or(Reason::Missing)?;
    if found.any(|other| other != first) {
        return Err(Reason::Malformed.into());
    }
    Ok(Credential(first))
}

/// What follows the scheme (any case, RFC 9110 section 11.1) and exactly one space.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    if scheme.eq_ignore_ascii_case(SCHEME) { rest.strip_prefix(b" ") } else { None }
}

fn well_formed(key: &[u8]) -> Option<&str> {
    let fits = !key.is_empty() && key.len() <= MAX_LENGTH;
    let clean = key.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',');
    if fits && clean { core::str::from_utf8(key).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(headers: &[(&str, &[u8])]) -> Result<String, Reason> {
        credential(headers.iter().copied())
            .map(|credential| credential.as_str().to_owned())
            .map_err(|refused| refused.reason)
    }

    #[test]
    fn each_of_the_three_headers_is_read() {
        assert_eq!(read(&[("authorization", b"Bearer sk-1")]), Ok("sk-1".into()));
        assert_eq!(read(&[("x-api-key", b"sk-1")]), Ok("sk-1".into()));
        assert_eq!(read(&[("api-key", b"sk-1")]), Ok("sk-1".into()));
        assert_eq!(read(&[("Authorization", b"bEaReR sk-1"), ("accept", b"*/*")]), Ok("sk-1".into()));
    }

    #[test]
    fn without_any_of_them_it_is_missing() {
        assert_eq!(read(&[]), Err(Reason::Missing));
        assert_eq!(read(&[("x-goog-api-key", b"sk-1"), ("proxy-authorization", b"Bearer sk-1")]), Err(Reason::Missing));
    }

    #[test]
    fn what_is_not_one_bearer_key_is_malformed() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer  sk-1",
            "Bearer\tsk-1",
            " Bearer sk-1",
            "Bearer sk-1 ",
            "Bearer sk-1\n",
            "Bearer sk-1\0",
            "Bearersk-1",
            "Basic c2s6",
            "sk-1",
            "Bearer sk-1, Bearer sk-1",
            "Bearer sk-1,sk-2",
            "Bearer Bearer sk-1",
            "Bearer sk-\u{e9}",
            "Bearer sk\u{a0}1",
            "Bearer\u{a0}sk-1",
            "Bear\u{e9}r sk-1",
        ] {
            assert_eq!(read(&[("authorization", value.as_bytes())]), Err(Reason::Malformed), "{value:?}");
        }
    }

    #[test]
    fn a_bare_key_header_holds_nothing_but_the_key() {
        for value in ["", " ", "Bearer sk-1", "sk-1 ", " sk-1", "sk-1,sk-1", "sk-1\r", "sk\t1", "sk-\u{e9}", "\u{7f}"] {
            assert_eq!(read(&[("x-api-key", value.as_bytes())]), Err(Reason::Malformed), "{value:?}");
        }
    }

    #[test]
    fn a_header_given_twice_is_refused_even_with_the_same_value() {
        for name in ["x-api-key", "api-key"] {
            assert_eq!(read(&[(name, b"sk-1"), (name, b"sk-1")]), Err(Reason::Malformed));
        }
        let bearer: &[u8] = b"Bearer sk-1";
        assert_eq!(read(&[("authorization", bearer), ("Authorization", bearer)]), Err(Reason::Malformed));
    }

    #[test]
    fn several_headers_must_hold_the_same_key() {
        assert_eq!(read(&[("authorization", b"Bearer sk-1"), ("x-api-key", b"sk-1")]), Ok("sk-1".into()));
        assert_eq!(read(&[("authorization", b"Bearer sk-1"), ("x-api-key", b"sk-2")]), Err(Reason::Malformed));
        assert_eq!(read(&[("api-key", b"sk-2"), ("x-api-key", b"sk-1")]), Err(Reason::Malformed));
        assert_eq!(read(&[("authorization", b"Bearer sk-1"), ("x-api-key", b"")]), Err(Reason::Malformed));
        assert_eq!(read(&[("authorization", b"Basic c2s6"), ("x-api-key", b"sk-1")]), Err(Reason::Malformed));
        let three: [(&str, &[u8]); 3] = [("authorization", b"Bearer k"), ("x-api-key", b"k"), ("api-key", b"j")];
        assert_eq!(read(&three), Err(Reason::Malformed));
    }

    #[test]
    fn a_key_longer_than_the_bound_is_refused() {
        assert!(read(&[("api-key", &[b'k'; MAX_LENGTH])]).is_ok());
        assert_eq!(read(&[("api-key", &[b'k'; MAX_LENGTH + 1])]), Err(Reason::Malformed));
    }

    #[test]
    fn debug_hides_the_credential() {
        let shown = format!("{:?}", credential([("api-key", &b"secret"[..])].into_iter()));
        assert!(!shown.contains("secret"), "{shown}");
    }

    proptest! {
        #[test]
        fn only_clean_keys_pass_whatever_the_bytes(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(key) = read(&[("x-api-key", &value)]) {
                prop_assert!(!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
                prop_assert_eq!(key.as_bytes(), &value[..]);
            }
        }
    }
}
