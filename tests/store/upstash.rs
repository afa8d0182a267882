//! The stand-in for Upstash, held against the clients that Upstash publishes.

use std::path::Path;
use std::process::Command;

use keyward::store::library::LIBRARY;

use crate::redis_server::Redis;
use crate::upstash_server::Upstash;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) {
    let server = Redis::start();
    redis::cmd("FUNCTION").arg("LOAD").arg(LIBRARY).exec(&mut server.connect()).unwrap();
    let upstash = Upstash::start(&server.url(), "a-token");
    let output = command
        .env("KEYWARD_UPSTASH_URL", format!("http://{}", upstash.address()))
        .env("KEYWARD_UPSTASH_TOKEN", "a-token")
        .env("UPSTASH_DISABLE_TELEMETRY", "1")
        .output()
        .expect("`make test` installs the SDKs; by hand: bash tests/sdk/install.sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

#[test]
fn its_client_for_python() {
    let file = root().join("tests/sdk/python/upstash.py");
    let pytest = root().join(".keyward/sdk/bin/pytest");
    // Without the fixtures beside it, which are for the gateway.
    run(Command::new(pytest)
        .args(["-q", "-p", "no:cacheprovider", "--noconftest"])
        .arg(file)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
}

#[test]
fn its_client_for_node() {
    run(Command::new("node").args(["--test", "upstash.js"]).current_dir(root().join("tests/sdk/node")));
}
