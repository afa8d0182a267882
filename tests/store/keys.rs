//! `keyward key put` and `key revoke`, run as a person or a script runs them.

use std::fs;

use redis::Commands as _;
use tempfile::TempDir;

use crate::commands::{golden, golden_in};
use crate::redis_server::Redis;

const POLICY: &str = "version: 1
store: { cluster: redis-http, keys: { ttl: 30s } }
providers: { openai: { api: openai } }
models:
  gpt-4o:
    cluster: openai
    targets: [{ provider: openai, model: gpt-4o, price: { input: 2.50, output: 10.00 } }]
teams:
  search: { models: [gpt-4o] }
";
const HASHES: [&str; 2] =
    ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("policy.yaml", POLICY.into());
    let entry = |id: &str, hash: &str, team: &str| {
        format!("version: 1\nkeys:\n  - {{ id: {id}, hash: \"{hash}\", team: {team} }}\n")
    };
    write("one.yaml", entry("indexer", HASHES[0], "search"));
    write("same_id.yaml", entry("indexer", HASHES[1], "search"));
    write("unknown_team.yaml", entry("crawler", HASHES[1], "serach"));
    write(
        "no_keys.yaml",
        POLICY.replace("store: { cluster: redis-http, keys: { ttl: 30s } }", "store: { cluster: redis-http }"),
    );
    folder
}

#[test]
fn keys_are_put_replaced_and_revoked() {
    let (server, folder) = (Redis::start(), folder());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let put = |name: &str, policies: &str, file: &str, more: &[&str]| {
        let (file, policies) = (path(file), path(policies));
        let args = [&["key", "put", &file, "--policies", &policies], more].concat();
        golden_in(folder.path(), name, &server, &args);
    };
    let keys = || -> Vec<String> { server.connect().keys("kw:key:*").unwrap() };
    put("key_put", "policy.yaml", "one.yaml", &[]);
    put("key_put_again", "policy.yaml", "one.yaml", &["--json"]);
    put("key_put_under_an_id_that_is_taken", "policy.yaml", "same_id.yaml", &[]);
    put("key_put_of_a_team_that_is_not_there", "policy.yaml", "unknown_team.yaml", &[]);
    put("key_put_where_nobody_looks", "no_keys.yaml", "one.yaml", &[]);
    put("key_put_of_a_folder", "policy.yaml", "", &[]);
    assert_eq!(keys().len(), 1);
    put("key_put_under_another_id", "policy.yaml", "renamed.yaml", &[]);
    golden("key_revoke_of_nobody", &server, &["key", "revoke", "--id", "indexer"]);
    golden("key_revoke", &server, &["key", "revoke", "--id", "crawler"]);
    assert_eq!(keys().len(), 0);
    golden("key_revoke_again", &server, &["key", "revoke", "--hash", HASHES[0], "--json"]);
    put("key_put_under_an_id_that_is_free", "policy.yaml", "same_id.yaml", &[]);
    golden("key_revoke_by_hash", &server, &["key", "revoke", "--hash", HASHES[1], "--json"]);
    let ids: u64 = server.connect().hlen("kw:keyids").unwrap();
    assert_eq!((keys().len(), ids), (0, 0));
}
