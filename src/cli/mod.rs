//! The `keyward` command: makes keys, checks policies, bundles them for Envoy and explains decisions.
//!
//! Exit codes: 0 all is well, 1 the policy has problems, the request is denied or the store lacks its library, 2 the command
//! could not do its work (usage, files, connections). What was asked for goes to stdout, everything about it to stderr.

mod bundle;
mod check;
mod delivery;
mod explain;
mod file;
mod key;
mod output;
mod redis;
mod report;
mod store;
mod stored_key;
mod usage;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use output::Output;

/// Governance for LLM traffic inside Envoy: keys, models, limits and exact metering.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, arg_required_else_help = true)]
struct Cli {
    /// Print JSON, for machines
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make keys, put them into the store, revoke them there
    #[command(subcommand)]
    Key(key::Command),
    /// Check policy files: every problem, with file, line and column
    Check(check::Check),
    /// Compile policy files into what Envoy loads
    Bundle(bundle::Bundle),
    /// Explain a decision: level by level, with the limits that would apply
    Explain(explain::Explain),
    /// Prepare the Redis that a fleet of Envoys shares, and look at it
    #[command(subcommand)]
    Store(store::Command),
    /// What was used and what it cost, by key, team, model, …: the ledger of a fleet
    Usage(usage::Usage),
    /// Print the JSON Schema of policy files
    Schema,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All is well.
    Good,
    /// The policy has problems, the request is denied, or the store lacks its library.
    Bad,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// An argument or a file it cannot work with.
    #[error("{0}")]
    Told(String),
    /// The output went wrong.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    fn told(message: impl Into<String>) -> Self {
        Self::Told(message.into())
    }
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    let mut output = Output::new(json);
    match run(command, &mut output) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::from(1),
        // Who closed our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(command: Command, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        Command::Key(command) => key::run(&command, output),
        Command::Check(check) => check.run(output),
        Command::Bundle(bundle) => bundle.run(output),
        Command::Explain(explain) => explain.run(output),
        Command::Store(command) => command.run(output),
        Command::Usage(usage) => usage.run(output),
        Command::Schema => {
            output.json(&crate::policy::file::schema())?;
            Ok(Outcome::Good)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "keyward", &mut text);
            output.raw(&text)?;
            Ok(Outcome::Good)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
