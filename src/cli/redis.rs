//! The connection to the store's Redis. Its URL holds a password: nothing here ever shows more of it than host and port.

use std::env;
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError};

use super::Failure;

/// How long to wait for a connection, and then for each answer.
const PATIENCE: Duration = Duration::from_secs(5);
const VARIABLE: &str = "KEYWARD_STORE_URL";

/// Which Redis.
#[derive(clap::Args)]
pub struct Address {
    /// `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS; better given as `KEYWARD_STORE_URL`, as others see
    /// the arguments of a process
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address")
    }
}

/// A connection, and where it leads.
pub struct Store {
    /// The connection.
    pub connection: Connection,
    /// Host and port.
    pub place: String,
}

impl Address {
    /// Connects.
    ///
    /// # Errors
    /// When there is no URL, or nobody answers to it.
    pub fn connect(&self) -> Result<Store, Failure> {
        let url = self.url.clone().or_else(|| env::var(VARIABLE).ok());
        let url = url.ok_or_else(|| Failure::told(format!("which store? Give its `--url`, or set {VARIABLE}")))?;
        let malformed = "the URL of a store is `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS";
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return Err(Failure::told(malformed));
        }
        let info = url.into_connection_info().map_err(|_| Failure::told(malformed))?;
        let place = info.addr.to_string();
        if matches!(info.addr, ConnectionAddr::TcpTls { .. }) {
            // Fails only where one is chosen already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let connection = Client::open(info).and_then(|client| client.get_connection_with_timeout(PATIENCE));
        let connection = connection
            .map_err(|error| Failure::told(format!("cannot connect to the store at {place}: {}", why(&error))))?;
        let patient = connection.set_read_timeout(Some(PATIENCE)).and(connection.set_write_timeout(Some(PATIENCE)));
        patient.map_err(|error| failed(&place, &error))?;
        Ok(Store { connection, place })
    }
}

impl Store {
    /// Asks one command.
    ///
    /// # Errors
    /// What the server says against it, or why it says nothing.
    pub fn ask<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> Result<T, Failure> {
        self.attempt(command).map_err(|error| failed(&self.place, &error))
    }

    /// As [`Store::ask`], for what a server may refuse.
    ///
    /// # Errors
    /// As it came.
    pub fn attempt<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> Result<T, RedisError> {
        let mut asked = redis::Cmd::new();
        asked.arg(command);
        asked.query(&mut self.connection)
    }
}

/// The failure of a command that had a connection.
pub fn failed(place: &str, error: &RedisError) -> Failure {
    Failure::told(format!("the store at {place}: {}", why(error)))
}

fn why(error: &RedisError) -> String {
    match error.kind() {
        ErrorKind::AuthenticationFailed => "it refuses the user or the password".into(),
        ErrorKind::ParseError => "what answers there is no Redis; Webdis is asked by Envoys only".into(),
        _ if error.is_timeout() => "no answer; is it `redis://` for `rediss://`, or the other way round?".into(),
        _ => error.to_string(),
    }
}
