//! The official SDKs as clients. `make test` installs them; here they get an address and keys.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::catalog::policy;
use crate::dialects;
use crate::support::build::root;
use crate::support::gateway::Gateway;
use crate::support::policy::key;

fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| {
        Gateway::start(&policy(
            r"
teams: { t: { deny: [llama] } }
keys:
  - { id: open, hash: <open>, team: t }
  - { id: limited, hash: <limited>, team: t, limits: [ { requests: 0, per: minute } ] }
",
        ))
    })
}

fn run(command: &mut Command) {
    let output = command
        .env("KEYWARD_URL", format!("http://{}", gateway().address()))
        .env("KEYWARD_TRANSLATING_URL", format!("http://{}", dialects::gateway().address()))
        .env("KEYWARD_KEY", key("open"))
        .env("KEYWARD_LIMITED_KEY", key("limited"))
        .output()
        .expect("`make test` installs the SDKs; by hand: bash tests/sdk/install.sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    println!("{text}");
}

/// Tests must find the SDKs installed; nobody may mistake their absence for success.
pub fn installed(path: &Path) {
    assert!(path.exists(), "{path:?} is missing: run `make test`, or `bash tests/sdk/install.sh` once");
}

#[test]
fn python() {
    let pytest = root().join(".keyward/sdk/bin/pytest");
    installed(&pytest);
    run(Command::new(pytest)
        .args(["-q", "-p", "no:cacheprovider"])
        .arg(root().join("tests/sdk/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1"));
}

#[test]
fn node() {
    let folder = root().join("tests/sdk/node");
    installed(&folder.join("node_modules/installed"));
    run(Command::new("node").args(["--test"]).current_dir(folder));
}
