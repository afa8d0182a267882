//! Who calls: the one credential of a request, looked up by its hash.
//!
//! Fails closed: anything but exactly one well-formed credential of a known key that is valid now is
//! [`Unauthenticated`]. Why is for the audit record only; the caller is told the same in every case, so there is nothing
//! to probe.

mod credential;
mod known;

pub use credential::{Credential, MAX_LENGTH, credential};
pub use known::KnownKeys;

use core::fmt;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::policy::{Key, KeyHash};

/// Why nobody is let in. For audit records and metrics, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No credential header at all.
    Missing,
    /// Not exactly one credential, or one that no key can look like.
    Malformed,
    /// No key has that hash.
    Unknown,
    /// The key is switched off.
    Disabled,
    /// The key's `not_before` has not come.
    NotYetValid,
    /// The key's `expires` has come.
    Expired,
}

impl Reason {
    /// The word used for it in audit records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Disabled => "disabled",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

/// Nobody is let in. Its text is the same for every reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid API key")]
pub struct Unauthenticated {
    /// Why, for the audit record.
    pub reason: Reason,
    /// The key, where one was found that does not count now: whose it is goes to the audit record.
    pub key: Option<Rc<Key>>,
}

impl From<Reason> for Unauthenticated {
    fn from(reason: Reason) -> Self {
        Self { reason, key: None }
    }
}

/// The key that was found for a credential, if one was and it is valid at `now` (Unix seconds): from `not_before` on, and
/// before `expires`.
///
/// # Errors
/// [`Unauthenticated`] where the key is unknown, switched off, not yet or no longer valid.
pub fn counting(found: Option<Rc<Key>>, now: i64) -> Result<Rc<Key>, Unauthenticated> {
    let key = found.ok_or(Reason::Unknown)?;
    match valid_at(&key, now) {
        Ok(()) => Ok(key),
        Err(reason) => Err(Unauthenticated { reason, key: Some(key) }),
    }
}

/// Whether a key counts at `now` (Unix seconds).
///
/// # Errors
/// [`Reason::Disabled`], [`Reason::NotYetValid`] or [`Reason::Expired`].
pub fn valid_at(key: &Key, now: i64) -> Result<(), Reason> {
    if key.disabled {
        Err(Reason::Disabled)
    } else if key.not_before.is_some_and(|from| now < from) {
        Err(Reason::NotYetValid)
    } else if key.expires.is_some_and(|until| now >= until) {
        Err(Reason::Expired)
    } else {
        Ok(())
    }
}

/// The hash under which a key is stored: SHA-256 of its text.
#[must_use]
pub fn hash(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{KeyTable, Level, LevelKind, Policy, Reserve};

    const NOW: i64 = 1_800_000_000;

    fn key(id: &str) -> Key {
        Key {
            id: id.into(),
            org: None,
            team: Some("marketing".into()),
            project: None,
            user: None,
            environment: None,
            levels: vec![],
            own: Level {
                kind: LevelKind::Key,
                name: id.into(),
                rules: vec![],
                limits: vec![],
                max_request_bytes: None,
                max_output_tokens: None,
                reserve: Reserve::Full,
                alerts: vec![],
            },
            not_before: None,
            expires: None,
            disabled: false,
        }
    }

    fn called_with(text: &str, change: impl FnOnce(&mut Key)) -> Result<Rc<Key>, Unauthenticated> {
        let mut key = key("a");
        change(&mut key);
        let keys = KeyTable::build(vec![(hash("sk-kw-a"), key)]).unwrap();
        let policy = Policy { keys, ..Policy::default() };
        let value = format!("Bearer {text}");
        let credential = credential([("authorization", value.as_bytes())].into_iter()).unwrap();
        counting(KnownKeys::default().find(&policy, &hash(credential.as_str())), NOW)
    }

    fn reason(result: Result<Rc<Key>, Unauthenticated>) -> Reason {
        result.unwrap_err().reason
    }

    #[test]
    fn the_hash_is_sha_256_of_the_text() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(hash("abc").0[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea],);
    }

    #[test]
    fn a_known_key_is_found_and_an_unknown_one_is_not() {
        assert_eq!(called_with("sk-kw-a", |_| ()).unwrap().id, "a");
        assert_eq!(reason(called_with("sk-kw-b", |_| ())), Reason::Unknown);
        assert_eq!(reason(called_with("SK-KW-A", |_| ())), Reason::Unknown, "keys are case-sensitive");
        assert_eq!(called_with("sk-kw-b", |_| ()).unwrap_err().key, None);
    }

    #[test]
    fn a_key_is_valid_from_not_before_until_just_before_expires() {
        let at = |not_before, expires| {
            called_with("sk-kw-a", |key| {
                key.not_before = not_before;
                key.expires = expires;
            })
        };
        assert!(at(Some(NOW), Some(NOW + 1)).is_ok());
        assert_eq!(reason(at(Some(NOW + 1), None)), Reason::NotYetValid);
        assert_eq!(reason(at(None, Some(NOW))), Reason::Expired);
        assert_eq!(reason(at(None, Some(NOW - 1))), Reason::Expired);
    }

    #[test]
    fn a_disabled_key_is_refused_and_named_for_the_audit_record_only() {
        let refused = called_with("sk-kw-a", |key| key.disabled = true).unwrap_err();
        assert_eq!(refused.reason, Reason::Disabled);
        assert_eq!(refused.key.as_ref().unwrap().team.as_deref(), Some("marketing"));
        assert_eq!(refused.to_string(), Unauthenticated::from(Reason::Missing).to_string());
    }
}
