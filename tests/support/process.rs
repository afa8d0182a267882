//! A process that a test starts: signalled by its id, ended with the test whatever way the test goes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs its arguments, writes their process id to `<name>.pid`, and when its input closes ends them. With `REMOVE`, the folder
/// goes with them.
const KEEPER: &str = r#"folder=$PWD; "$@" >"$0.out" 2>"$0.log" & child=$!; echo $child >"$0.pid"; read -r _
kill $child 2>/dev/null; kill -CONT $child 2>/dev/null; wait $child; [ -z "$REMOVE" ] || { cd / && rm -rf "$folder"; }"#;

/// A running process, in a folder that holds what it writes.
#[derive(Debug)]
pub struct Process {
    keeper: Child,
    folder: PathBuf,
    name: &'static str,
}

impl Process {
    /// Starts `program` in `folder`; `configure` adds its arguments. What it says goes to `<name>.out` and `<name>.log`.
    pub fn start(
        name: &'static str,
        program: impl AsRef<OsStr>,
        folder: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        // A process that is started anew under this name: it is not the one before.
        let _ = fs::remove_file(folder.join(format!("{name}.pid")));
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, name]).arg(program).env_remove("REMOVE");
        configure(&mut command);
        let keeper = command.current_dir(folder).stdin(Stdio::piped()).spawn().expect("sh runs");
        Self { keeper, folder: folder.to_path_buf(), name }
    }

    /// The process id; none while there is no process yet.
    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join(format!("{}.pid", self.name))).ok()?.trim().parse().ok()
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A process that ended stays as a zombie until the keeper waits for it.
        stat.rsplit(") ").next().unwrap_or_default().split_whitespace().next().is_none_or(|state| state == "Z")
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().expect("a process that was started");
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} could not be signalled", self.name);
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub fn kill(&self) {
        self.signal("KILL");
        while !self.is_gone() {
            std::thread::yield_now();
        }
    }

    /// What it wrote to its standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
