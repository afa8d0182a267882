use serde::{Deserialize, Serialize};

use super::Level;

/// SHA-256 of a key. The key itself is never stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl core::fmt::Debug for KeyHash {
    /// The first bytes only: enough to tell two keys apart in a test failure, nothing to look a key up with.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, ..] = self.0;
        write!(f, "KeyHash({a:02x}{b:02x}{c:02x}…)")
    }
}

/// One key: whose it is and what it narrows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name in audit records; unique.
    pub id: String,
    /// The organisation of its team.
    pub org: Option<String>,
    /// The team that pays.
    pub team: Option<String>,
    /// The project it is for.
    pub project: Option<String>,
    /// The person or service it belongs to.
    pub user: Option<String>,
    /// The environment it is for.
    pub environment: Option<String>,
    /// Indices into [`super::Policy::levels`], widest first: those of global, org, team, project and user that state anything.
    pub levels: Vec<u32>,
    /// What the key itself states (kind [`super::LevelKind::Key`]).
    pub own: Level,
    /// Valid from this Unix second on.
    pub not_before: Option<i64>,
    /// Valid before this Unix second.
    pub expires: Option<i64>,
    /// Switched off.
    pub disabled: bool,
}

/// All keys, sorted by hash, each decoded only when it is looked up: 100,000 keys cost a reload one copy and no parsing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTable {
    /// `count` entries of 32 bytes of hash and 4 bytes of little-endian offset into `records`, ascending by hash.
    #[serde(with = "serde_bytes")]
    index: Vec<u8>,
    /// Postcard-encoded [`Key`]s.
    #[serde(with = "serde_bytes")]
    records: Vec<u8>,
}

const ENTRY: usize = 36;

impl KeyTable {
    /// Builds the table. Of two keys with one hash the first stays; the checker refuses such a policy before.
    ///
    /// # Errors
    /// When the records grow past 4 GiB or one cannot be encoded.
    pub fn build(mut keys: Vec<(KeyHash, Key)>) -> Result<Self, postcard::Error> {
        keys.sort_by_key(|(hash, _)| *hash);
        keys.dedup_by_key(|(hash, _)| *hash);
        let mut table = Self::default();
        for (hash, key) in keys {
            let offset = u32::try_from(table.records.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
            table.index.extend_from_slice(&hash.0);
            table.index.extend_from_slice(&offset.to_le_bytes());
            table.records = postcard::to_extend(&key, core::mem::take(&mut table.records))?;
        }
        Ok(table)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len() / ENTRY
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The key with that hash. A record that does not decode is no key: fail closed.
    #[must_use]
    pub fn find(&self, hash: &KeyHash) -> Option<Key> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let (candidate, offset) = self.entry(middle)?;
            match candidate.cmp(&hash.0) {
                core::cmp::Ordering::Less => low = middle.checked_add(1)?,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return self.record(offset),
            }
        }
        None
    }

    /// All keys, in order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = (KeyHash, Key)> + '_ {
        (0..self.len()).filter_map(|position| {
            let (hash, offset) = self.entry(position)?;
            Some((KeyHash(*hash), self.record(offset)?))
        })
    }

    fn entry(&self, position: usize) -> Option<(&[u8; 32], u32)> {
        let start = position.checked_mul(ENTRY)?;
        let (hash, rest) = self.index.get(start..)?.split_first_chunk::<32>()?;
        Some((hash, u32::from_le_bytes(*rest.first_chunk::<4>()?)))
    }

    fn record(&self, offset: u32) -> Option<Key> {
        postcard::from_bytes(self.records.get(usize::try_from(offset).ok()?..)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{LevelKind, Reserve};

    fn key(id: &str) -> Key {
        Key {
            id: id.into(),
            org: None,
            team: Some("marketing".into()),
            project: None,
            user: None,
            environment: None,
            levels: vec![0, 3],
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
            expires: Some(1),
            disabled: false,
        }
    }

    /// A hash whose order has nothing to do with `number`'s.
    fn hash(number: u64) -> KeyHash {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        KeyHash(bytes)
    }

    #[test]
    fn an_empty_table_has_no_key() {
        let table = KeyTable::build(vec![]).unwrap();
        assert!(table.is_empty());
        assert_eq!((table.len(), table.find(&hash(0)), table.iter().count()), (0, None, 0));
    }

    #[test]
    fn each_of_ten_thousand_keys_is_found_and_no_other() {
        let keys = (0..10_000).map(|number| (hash(number), key(&number.to_string()))).collect();
        let table = KeyTable::build(keys).unwrap();
        assert_eq!(table.len(), 10_000);
        for number in 0..10_000 {
            assert_eq!(table.find(&hash(number)), Some(key(&number.to_string())));
            assert_eq!(table.find(&hash(number + 10_000)), None);
        }
    }

    #[test]
    fn keys_come_in_order_of_their_hashes_each_once() {
        let table = KeyTable::build((0..100).map(|number| (hash(number), key("k"))).collect()).unwrap();
        let hashes: Vec<_> = table.iter().map(|(hash, _)| hash).collect();
        assert_eq!(hashes.len(), 100);
        assert!(hashes.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn the_lowest_and_the_highest_hash_are_found() {
        let (low, high) = (KeyHash([0; 32]), KeyHash([255; 32]));
        let table = KeyTable::build(vec![(high, key("high")), (low, key("low"))]).unwrap();
        assert_eq!(table.find(&low).unwrap().id, "low");
        assert_eq!(table.find(&high).unwrap().id, "high");
        let mut near = [255; 32];
        near[31] = 254;
        assert_eq!(table.find(&KeyHash(near)), None, "every byte counts");
    }

    #[test]
    fn of_two_keys_with_one_hash_the_first_stays() {
        let table = KeyTable::build(vec![(hash(1), key("first")), (hash(1), key("second"))]).unwrap();
        assert_eq!(table.len(), 1);
        assert_eq!(table.find(&hash(1)).unwrap().id, "first");
    }

    #[test]
    fn a_record_that_does_not_decode_is_no_key() {
        let mut table = KeyTable::build(vec![(hash(1), key("a"))]).unwrap();
        table.records.truncate(3);
        assert_eq!((table.find(&hash(1)), table.iter().count()), (None, 0));
    }

    #[test]
    fn a_table_survives_its_travel() {
        let table = KeyTable::build((0..50).map(|number| (hash(number), key("k"))).collect()).unwrap();
        let bytes = postcard::to_allocvec(&table).unwrap();
        assert_eq!(postcard::from_bytes::<KeyTable>(&bytes).unwrap(), table);
    }

    #[test]
    fn debug_shows_three_bytes_of_a_hash_at_most() {
        let shown = format!("{:?}", KeyHash([0xab; 32]));
        assert_eq!(shown, "KeyHash(ababab…)");
    }

    proptest! {
        #[test]
        fn a_damaged_table_gives_no_panic(index in proptest::collection::vec(any::<u8>(), 0..120), records in proptest::collection::vec(any::<u8>(), 0..120), wanted in any::<[u8; 32]>()) {
            let table = KeyTable { index, records };
            let found = table.find(&KeyHash(wanted));
            prop_assert!(table.iter().count() <= table.len());
            prop_assert!(found.is_none() || !table.is_empty());
        }
    }
}
