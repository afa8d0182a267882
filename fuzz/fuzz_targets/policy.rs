//! Any bytes as policy files: findings or a policy, twice the same, and a policy survives its bundle.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use keyward::policy::bundle;
use keyward::policy::file::{Severity, load};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for policy files"));

fn file(name: &str) -> PathBuf {
    FOLDER.path().join(name)
}

// A zero byte, which YAML has none of, begins a second file.
fuzz_target!(|bytes: &[u8]| {
    let mut texts = bytes.splitn(2, |byte| *byte == 0);
    fs::write(file("0.yaml"), texts.next().unwrap_or_default()).expect("the folder can be written to");
    match texts.next() {
        Some(text) => fs::write(file("1.yaml"), text).expect("the folder can be written to"),
        None => drop(fs::remove_file(file("1.yaml"))),
    }
    let again = load(FOLDER.path(), None);
    match load(FOLDER.path(), None) {
        Ok(loaded) => {
            assert!(loaded.warnings.iter().all(|finding| finding.severity != Severity::Error));
            let bytes = bundle::encode(&loaded.policy).expect("a checked policy can be encoded");
            let decoded = bundle::decode(&bytes).expect("what was encoded can be decoded");
            assert_eq!(format!("{decoded:?}"), format!("{:?}", loaded.policy));
            let again = again.expect("the same files give the same");
            assert_eq!(bundle::encode(&again.policy).ok(), Some(bytes));
        }
        Err(findings) => {
            assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
            let words = |findings: &[_]| findings.iter().map(ToString::to_string).collect::<Vec<String>>();
            assert_eq!(words(&again.expect_err("the same files give the same")), words(&findings));
        }
    }
});
