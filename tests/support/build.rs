//! Finds or builds what the tests run: the filter, the command, Envoy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The `keyward` command, built by cargo for these tests.
pub fn keyward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_keyward"))
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_keyward"));
    binary.ancestors().nth(2).expect("a binary lies in <target>/<profile>/").to_path_buf()
}

/// The filter, freshly built: a test must never run yesterday's module. `KEYWARD_WASM` names another one.
pub fn wasm() -> &'static Path {
    static WASM: OnceLock<PathBuf> = OnceLock::new();
    WASM.get_or_init(|| {
        if let Some(path) = std::env::var_os("KEYWARD_WASM") {
            return path.into();
        }
        let arguments = ["build", "--release", "--lib", "--target", "wasm32-wasip1", "--no-default-features"];
        cargo(root(), &arguments);
        target_dir().join("wasm32-wasip1/release/keyward.wasm")
    })
}

/// Runs cargo in `folder` and stops on failure.
pub fn cargo(folder: &Path, arguments: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target_dir());
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The Envoy to test with.
pub fn envoy() -> &'static Path {
    static ENVOY: OnceLock<PathBuf> = OnceLock::new();
    ENVOY.get_or_init(|| {
        let output = Command::new("bash").arg(root().join("envoy/get.sh")).output().expect("bash runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a path").trim().into()
    })
}
