//! One Envoy process: started, waited for, asked, ended.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::Process;
use super::{build, http};

/// A running Envoy, in a folder that holds its configuration and logs.
#[derive(Debug)]
pub struct Envoy {
    /// The process.
    pub process: Process,
    folder: PathBuf,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts Envoy with `config` and waits until it is ready; the error is its log.
    pub fn start(folder: &Path, config: &Value, workers: usize) -> Result<Self, String> {
        Self::start_with(folder, config, workers, &[])
    }

    /// As [`Envoy::start`], with more arguments.
    pub fn start_with(folder: &Path, config: &Value, workers: usize, more: &[&str]) -> Result<Self, String> {
        assert!(folder.starts_with(std::env::temp_dir()), "the folder is removed with the process: {folder:?}");
        fs::write(folder.join("envoy.json"), config.to_string()).expect("the folder can be written to");
        let process = Process::start("envoy", build::envoy(), folder, |command| {
            command
                // Bedrock's requests are signed with these.
                .envs([
                    ("AWS_ACCESS_KEY_ID", "AKIATEST"),
                    ("AWS_SECRET_ACCESS_KEY", "test"),
                    ("AWS_EC2_METADATA_DISABLED", "true"),
                ])
                .args(["-c", "envoy.json", "--disable-hot-restart", "--admin-address-path", "admin"])
                .args([
                    "--file-flush-interval-msec",
                    "20",
                    "--log-level",
                    "warning",
                    "--component-log-level",
                    "wasm:info",
                ])
                .args(["--concurrency", &workers.to_string()])
                .args(more)
                .env("REMOVE", "yes");
        });
        let mut envoy = Self { process, folder: folder.to_path_buf(), admin: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !envoy.is_ready() {
            if envoy.process.is_gone() || Instant::now() > deadline {
                return Err(envoy.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(envoy)
    }

    fn is_ready(&mut self) -> bool {
        let Some(admin) = fs::read_to_string(self.folder.join("admin")).ok().and_then(|text| text.trim().parse().ok())
        else {
            return false;
        };
        self.admin = admin;
        http::get(admin, "/ready").is_ok_and(|answer| answer.status == 200)
    }

    /// CPU time of the whole process so far, user and system, in microseconds.
    pub fn cpu_us(&self) -> u64 {
        let Some(pid) = self.process.pid() else { return 0 };
        let mut nanos = 0_u64;
        // Time on a CPU in nanoseconds, per thread; finer than the ticks in `stat`.
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanos += text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        nanos / 1000
    }

    /// Resident memory, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let Some(pid) = self.process.pid() else { return 0 };
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Where a listener listens.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let answer = http::get(self.admin, "/listeners?format=json").expect("the admin interface answers");
        let listeners: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let all = listeners["listener_statuses"].as_array().cloned().unwrap_or_default();
        let found =
            all.iter().find(|listener| listener["name"] == name).unwrap_or_else(|| panic!("no listener {name}"));
        let address = &found["local_address"]["socket_address"];
        let port = address["port_value"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// The admin interface.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Envoy's own log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What Envoy's access logger wrote so far.
    pub fn access_log(&self) -> File {
        File::open(self.folder.join("envoy.out")).expect("the access log exists once Envoy runs")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Envoy's log\n{}", self.log());
        }
    }
}
