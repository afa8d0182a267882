//! `keyward store`: the Redis that a fleet of Envoys shares.

mod init;
pub mod loaded;
mod status;

use super::output::Output;
use super::{Failure, Outcome};

/// Commands on the store.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Load the function library; every count is kept
    Init(init::Init),
    /// Look at the store: library, Envoys, keys, memory, persistence
    Status(status::Status),
}

impl Command {
    /// Runs it.
    pub fn run(&self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Init(init) => init.run(output),
            Self::Status(status) => status.run(output),
        }
    }
}
