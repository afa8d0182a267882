//! One Redis process: started, waited for, asked, ended.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, ConnectionAddr, ConnectionInfo, RedisConnectionInfo};
use tempfile::TempDir;

/// Runs its arguments and ends them when its input closes: whatever way this process goes, its Redis goes with it.
const KEEPER: &str = r#""$@" >/dev/null & child=$!; echo $child; read -r _; kill $child 2>/dev/null; wait $child"#;

/// A running Redis on the loopback interface, with a folder of its own.
#[derive(Debug)]
pub struct Redis {
    keeper: Child,
    port: u16,
    password: Option<String>,
    _folder: TempDir,
}

impl Redis {
    /// Starts one that stores nothing and asks for no password.
    pub fn start() -> Self {
        Self::start_with(&["--save", ""], None)
    }

    /// Starts one with more arguments, and waits until it answers.
    pub fn start_with(more: &[&str], password: Option<&str>) -> Self {
        // Redis does not pick a port itself; where somebody else was faster with this one, another is tried.
        let started = (0..3).find_map(|_| Self::try_start(more, password));
        started.expect("redis-server starts; where it is missing: apt install redis-server")
    }

    fn try_start(more: &[&str], password: Option<&str>) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh", "redis-server", "--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(more)
            .args(password.iter().flat_map(|password| ["--requirepass", password]))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut pid = String::new();
        let told = keeper.stdout.take().map(BufReader::new);
        told.expect("a pipe").read_line(&mut pid).expect("the keeper tells the process");
        let server = Self { keeper, port, password: password.map(str::to_owned), _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if server.client().get_connection().is_ok_and(|mut it| Self::is_mine(&mut it, pid.trim())) {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// That who answers is the process that was started here.
    fn is_mine(connection: &mut Connection, pid: &str) -> bool {
        let info: String = redis::cmd("INFO").arg("server").query(connection).unwrap_or_default();
        info.lines().any(|line| line.strip_prefix("process_id:") == Some(pid))
    }

    fn client(&self) -> Client {
        let redis = RedisConnectionInfo { password: self.password.clone(), ..RedisConnectionInfo::default() };
        Client::open(ConnectionInfo { addr: ConnectionAddr::Tcp("127.0.0.1".into(), self.port), redis })
            .expect("an address")
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        self.client().get_connection().expect("Redis runs")
    }

    /// Its URL, with the password if it asks for one.
    pub fn url(&self) -> String {
        let password = self.password.iter().map(|password| format!(":{password}@")).collect::<String>();
        format!("redis://{password}127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
