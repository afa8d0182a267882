//! `keyward key put` and `key revoke`: keys in the store, beside those of the policy.

use std::collections::HashSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::output::{GOOD, Output, counted, styled};
use super::redis::{Address, Store};
use super::{Failure, Outcome, file};
use crate::policy::{Key, KeyHash};
use crate::store::{KEY_IDS, key_name, read_key, write_key};

/// So many keys are written at a time.
const AT_ONCE: usize = 1000;

/// Arguments of `keyward key put`.
#[derive(Debug, clap::Args)]
pub struct Put {
    /// Files with the entries: policy files whose `keys:` are not to be in a bundle, such as `key new --output-policy` writes
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policy files, and folders of them, that the keys are checked against
    #[arg(long, required = true, value_name = "PATH")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    address: Address,
}

/// Arguments of `keyward key revoke`.
#[derive(Debug, clap::Args)]
#[group(id = "which", required = true, multiple = false, args = ["id", "hash"])]
pub struct Revoke {
    /// Its name in audit records
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Its hash, `sha256:…` as in its entry
    #[arg(long, value_name = "HASH", value_parser = hash)]
    hash: Option<KeyHash>,
    #[command(flatten)]
    address: Address,
}

impl Put {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        if let Some(folder) = self.files.iter().find(|file| file.is_dir()) {
            let message = format!("`{}` is a folder; name the files whose keys are meant", folder.display());
            return Err(Failure::told(message));
        }
        let paths = [self.policies.as_slice(), &self.files].concat();
        let mut meant = HashSet::new();
        let policy = file::policy_against(&paths, output, |merged, paths| {
            let keys = merged.keys.iter().filter_map(|key| key.value.hash.at());
            let ours = |file: u32| paths.get(usize::try_from(file).ok()?).filter(|path| self.files.contains(path));
            meant.extend(keys.filter(|hash| ours(hash.pos.file).is_some()).map(|hash| hash.value.0));
        })?;
        let policy = match policy {
            Ok(policy) => policy,
            Err(outcome) => return Ok(outcome),
        };
        if policy.store.as_ref().is_none_or(|store| store.keys_ttl_ms.is_none()) {
            return Err(Failure::told(
                "by these policies no keys are looked up in a store: state `store: { keys: {} }`",
            ));
        }
        let keys: Vec<(KeyHash, Key)> = policy.keys.iter().filter(|(hash, _)| meant.contains(hash)).collect();
        let mut store = self.address.connect()?;
        for keys in keys.chunks(AT_ONCE) {
            put(&mut store, keys)?;
        }
        if output.json {
            output.json(&json!({ "put": keys.iter().map(|(_, key)| &key.id).collect::<Vec<_>>() }))?;
        } else {
            let put = counted(keys.len(), "key");
            let when = "an Envoy that did not find it before looks again once the `ttl` of `store.keys` is over";
            output.text(&format!("{}: {put} in the store at {}; {when}\n", styled(GOOD, "ok"), store.place))?;
        }
        Ok(Outcome::Good)
    }
}

/// Puts keys into the store, in place of those that are there under the same hashes.
fn put(store: &mut Store, keys: &[(KeyHash, Key)]) -> Result<(), Failure> {
    let (mut known, mut ids) = (vec!["HMGET", KEY_IDS], vec!["HSET", KEY_IDS]);
    let (mut before, mut records) = (vec!["MGET"], vec!["MSET"]);
    let mut texts = Vec::with_capacity(keys.len());
    for (hash, key) in keys {
        let record = write_key(key).map_err(|error| Failure::told(format!("key `{}`: {error}", key.id)))?;
        texts.push((key.id.as_str(), STANDARD.encode(hash.0), key_name(hash), record));
    }
    for (id, hash, name, record) in &texts {
        known.push(id);
        ids.extend([id, hash.as_str()]);
        before.push(name);
        records.extend([name.as_str(), record]);
    }
    if texts.is_empty() {
        return Ok(());
    }
    let known: Vec<Option<String>> = store.ask(&known)?;
    for ((id, hash, ..), known) in texts.iter().zip(known) {
        if known.is_some_and(|known| known != *hash) {
            let message = format!("another key in the store has the id `{id}`; revoke it, or choose another id");
            return Err(Failure::told(message));
        }
    }
    let before: Vec<Option<String>> = store.ask(&before)?;
    for ((id, ..), before) in texts.iter().zip(before) {
        // The same hash under another id: the old one would lead to it for ever.
        if let Some(key) = before.as_deref().and_then(read_key).filter(|key| key.id != *id) {
            let _: u64 = store.ask(&["HDEL", KEY_IDS, &key.id])?;
        }
    }
    let _: u64 = store.ask(&ids)?;
    let _: String = store.ask(&records)?;
    Ok(())
}

impl Revoke {
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut store = self.address.connect()?;
        let gone = match (&self.id, self.hash) {
            (Some(id), _) => {
                let known: Option<String> = store.ask(&["HGET", KEY_IDS, id])?;
                known.and_then(|known| hash(&format!("sha256:{known}")).ok())
            }
            (None, hash) => hash,
        };
        let revoked = gone.map_or(Ok(false), |hash| revoke(&mut store, &hash))?;
        if output.json {
            output.json(&json!({ "revoked": revoked }))?;
        } else if revoked {
            let when = "it opens nothing any more once the `ttl` of `store.keys` is over";
            output.text(&format!("{}: the key is revoked; {when}\n", styled(GOOD, "ok")))?;
        } else {
            output.aside("there is no such key in the store; one of a policy is revoked there\n")?;
        }
        Ok(if revoked { Outcome::Good } else { Outcome::Bad })
    }
}

/// Takes a key out of the store; whether it was there.
fn revoke(store: &mut Store, hash: &KeyHash) -> Result<bool, Failure> {
    let name = key_name(hash);
    let record: Option<String> = store.ask(&["GET", &name])?;
    let gone: u64 = store.ask(&["DEL", &name])?;
    if let Some(key) = record.as_deref().and_then(read_key) {
        let _: u64 = store.ask(&["HDEL", KEY_IDS, &key.id])?;
    }
    Ok(gone > 0)
}

fn hash(text: &str) -> Result<KeyHash, String> {
    let bytes = text.strip_prefix("sha256:").and_then(|text| STANDARD.decode(text).ok());
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(KeyHash)
        .ok_or_else(|| "write it as in the entry: `sha256:…`".into())
}
