//! No bytes make the filter panic at its configuration, and no altered bundle is taken for a good one.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use keyward::authz;
use keyward::policy::{Policy, bundle, file};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// Where the good bundle is altered, and how: what stands there is combined with `bytes` by exclusive or.
    at: u16,
    bytes: &'a [u8],
}

/// The bundle of the example organisation.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let loaded = file::load(&folder, None).expect("the example policies load");
    bundle::encode(&loaded.policy).expect("they can be encoded")
});

/// What the gate does with a policy, whatever is in it.
fn walk(policy: &Policy) {
    for (hash, key) in policy.keys.iter() {
        let _ = policy.keys.find(&hash);
        let _ = authz::levels(policy, &key).count();
        let _ = authz::allowed_models(policy, &key);
        for name in ["gpt-4o", "openai/x", "demo/*"] {
            if let Some(resolved) = authz::resolve(&policy.catalog, name) {
                let _ = resolved.catalog_name();
            }
        }
    }
}

fuzz_target!(|input: Input| {
    if let Ok(policy) = bundle::decode(input.bytes) {
        walk(&policy);
    }
    // Behind a checksum that happens to be right.
    if let Ok(policy) = postcard::from_bytes::<Policy>(input.bytes) {
        walk(&policy);
    }
    let mut altered = GOOD.clone();
    let start = usize::from(input.at) % altered.len();
    for (byte, change) in altered[start..].iter_mut().zip(input.bytes) {
        *byte ^= change;
    }
    assert_eq!(bundle::decode(&altered).is_ok(), altered == *GOOD);
    let cut = &GOOD[..start];
    assert!(bundle::decode(cut).is_err());
    if !input.bytes.is_empty() {
        assert!(bundle::decode(&[GOOD.as_slice(), input.bytes].concat()).is_err());
    }
});
