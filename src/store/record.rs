//! A key as the store holds it: `kwkey1.` and the base64 of its [`Key`] in postcard, at `kw:key:` and the base64 of its hash,
//! as `hash` in policy files has it.
//!
//! Levels are not in it: a key names its org, team, project and user, and those are looked up in the policy in force.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::policy::{Key, KeyHash, LevelKind};

/// Raised whenever the encoded form of a key changes: a filter must refuse a record that it would misread.
const TAG: &str = "kwkey1.";

/// What the name of each begins with.
pub const KEY_PREFIX: &str = "kw:key:";
/// Where the hashes of all keys in the store are, by id.
pub const KEY_IDS: &str = "kw:keyids";

/// Where a key is.
#[must_use]
pub fn key_name(hash: &KeyHash) -> String {
    format!("{KEY_PREFIX}{}", STANDARD.encode(hash.0))
}

/// Writes a key.
///
/// # Errors
/// When it cannot be encoded.
pub fn write_key(key: &Key) -> Result<String, postcard::Error> {
    let bytes = postcard::to_allocvec(&Key { levels: Vec::new(), ..key.clone() })?;
    Ok(format!("{TAG}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Reads a key, which stands under no level yet. What does not read whole is no key: fail closed.
#[must_use]
pub fn read_key(text: &str) -> Option<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(TAG)?).ok()?;
    let (key, rest): (Key, _) = postcard::take_from_bytes(&bytes).ok()?;
    let sound = rest.is_empty() && key.levels.is_empty() && key.own.kind == LevelKind::Key && key.own.name == key.id;
    sound.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::super::keys::tests::key;
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_but_for_its_levels() {
        let text = write_key(&Key { levels: vec![1, 2], ..key("a") }).unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{text}");
        assert_eq!(read_key(&text), Some(key("a")));
    }

    #[test]
    fn what_is_not_one_whole_key_of_this_form_is_none() {
        let text = write_key(&key("a")).unwrap();
        for cut in 0..text.len() {
            assert_eq!(read_key(text.get(..cut).unwrap()), None, "{cut}");
        }
        assert_eq!(read_key(&format!("{text}AAAA")), None);
        assert_eq!(read_key(&text.replace("kwkey1", "kwkey2")), None);
        let mut other = key("a");
        other.own.name = "b".into();
        assert_eq!(read_key(&write_key(&other).unwrap()), None, "its limits would be counted as another's");
    }

    #[test]
    fn a_key_is_at_its_hash_as_policies_write_it() {
        assert_eq!(key_name(&KeyHash([0xff; 32])), "kw:key://////////////////////////////////////////8=");
    }
}
