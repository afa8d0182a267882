//! LiteLLM's own proxy in the place of a provider: a server of OpenAI's API that is not ours.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{build, http};

/// Ends the process it runs when its input closes: whatever way this process goes, LiteLLM goes with it.
const KEEPER: &str = r#""$@" >log 2>&1 & child=$!; read -r _; kill $child 2>/dev/null; wait $child"#;

/// A running LiteLLM.
#[derive(Debug)]
pub struct LiteLlm {
    keeper: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl LiteLlm {
    /// Starts one with the models of `config` and waits until it is there; it answers nobody without `credential`.
    pub fn start(config: &Path, credential: &str) -> Self {
        let program = build::root().join(".keyward/litellm/bin/litellm");
        assert!(program.exists(), "{program:?} is missing: run `make test`, or `bash tests/sdk/install.sh` once");
        let folder = tempfile::tempdir().expect("a temporary folder");
        // It cannot say which port it was given, so it is told one that was free just now.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a loopback port");
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(program)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--telemetry", "False", "--config"])
            .arg(config)
            // It asks nobody outside.
            .envs([("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_MASTER_KEY", credential)])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let litellm = Self { keeper, folder, address };
        let deadline = Instant::now() + Duration::from_secs(120);
        while !http::get(address, "/health/liveliness").is_ok_and(|answer| answer.status == 200) {
            assert!(Instant::now() < deadline, "LiteLLM did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        litellm
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LiteLlm {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if std::thread::panicking() {
            eprintln!("--- LiteLLM's log\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}
