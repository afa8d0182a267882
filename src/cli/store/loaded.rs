//! What of the library a server has already.

use redis::RedisError;

use crate::cli::Failure;
use crate::cli::redis::{Store, failed};
use crate::store::library::SCRIPT_SHA1;

/// What a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// The library, of a version.
    Library(u32),
    /// Functions, but not ours.
    Nothing,
    /// No functions at all; whether it has the script.
    NoFunctions {
        /// The script of this version.
        script: bool,
    },
}

impl Loaded {
    /// Whether it has the library in any form and version.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::Library(_) | Self::NoFunctions { script: true })
    }

    /// Asks the server.
    pub fn of(store: &mut Store) -> Result<Self, Failure> {
        let version: Result<u32, RedisError> = store.attempt(&["FCALL", "keyward_version", "0"]);
        match version {
            Ok(version) => Ok(Self::Library(version)),
            Err(error) if says(&error, "function not found") => Ok(Self::Nothing),
            Err(error) if says(&error, "unknown command") => {
                let known: Vec<bool> = store.ask(&["SCRIPT", "EXISTS", SCRIPT_SHA1])?;
                Ok(Self::NoFunctions { script: known == [true] })
            }
            Err(error) => Err(failed(&store.place, &error)),
        }
    }
}

fn says(error: &RedisError, what: &str) -> bool {
    error.to_string().to_ascii_lowercase().contains(what)
}
