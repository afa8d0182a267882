//! Policies for tests: YAML with `<name>` where the hash of a test's key belongs, built by the real command.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::build;

/// The key a test means by a name. No secret: it opens nothing but a test's gateway.
pub fn key(name: &str) -> String {
    format!("sk-kw-test-{name:-<24}")
}

/// The hash of a key, as policies hold it.
pub fn hash(key: &str) -> String {
    format!("sha256:{}", STANDARD.encode(Sha256::digest(key)))
}

/// A policy with every `<name>` replaced by the hash of that key.
pub fn with_hashes(policy: &str) -> String {
    let mut parts = policy.split('<');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('>').expect("`<name>` closes");
        text.push('"');
        text.push_str(&hash(&key(name)));
        text.push('"');
        text.push_str(rest);
    }
    text
}

/// Builds `policy` into `bundle`, with the filter at `wasm`, as a person would; the error is what the command said.
pub fn bundle(policy: &str, wasm: &Path, bundle: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("policy.yaml"), with_hashes(policy)).expect("the folder can be written to");
    bundle_paths(&[folder.path()], wasm, bundle)
}

/// As [`bundle`], from files and folders.
pub fn bundle_paths(paths: &[&Path], wasm: &Path, bundle: &Path) -> Result<(), String> {
    let mut command = build::keyward();
    command.arg("bundle").args(paths).args(["--format", "ecds", "--name", "gate"]);
    command.arg("--wasm").arg(wasm).arg("-o").arg(bundle);
    let output = command.output().expect("keyward runs");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
