//! Limits that hold across a fleet: one Redis, asked rarely.
//!
//! The store knows how much of every limit is spent. An Envoy takes **leases**: it has a part of a limit set aside for
//! itself, spends it from shared data without asking anybody, and gives back what it does not use.
//!
//! | step | file |
//! |---|---|
//! | take a request from the leases on all its limits | `take.rs`, `lease.rs`, `leases.rs` |
//! | ask for more, for all limits of a request at once; hear what is granted | `ask.rs`, `asked.rs` |
//! | settle a request when it ends | `holding.rs` |
//! | note what was spent, and the ledger | `book.rs`, `ledger.rs` |
//! | tell it, each letter once; renew leases, give back what is not needed | `report.rs`, `letter.rs` |
//! | how many Envoys there are | `peers.rs` |
//! | what Redis does with it | `library/` |
//! | Redis over HTTP | `command.rs`, `dialect.rs` |
//! | keys beside those of the policy: how they are written, and those a worker knows | `record.rs`, `keys.rs` |
//! | leave a store alone that does not answer | `breaker.rs` |
//! | all of this for one worker | `client.rs` |
//!
//! Why nothing is spent twice: what the store grants is set aside until it hears, once, that it was spent or is not
//! needed; an Envoy stops taking from a lease before the store gives it to others; and letters are numbered. Why nothing is
//! lost for long: a lease that nobody renews for [`LEASE_MS`] is free again.
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod ask;
mod asked;
mod book;
mod breaker;
mod client;
mod command;
mod counted;
mod dialect;
mod holding;
mod keys;
mod lease;
mod leases;
mod ledger;
mod letter;
pub mod library;
mod measure;
pub mod peers;
mod record;
mod report;
mod take;
#[cfg(test)]
mod tests;

pub use ask::Ask;
pub use asked::Asked;
pub use book::Book;
pub use client::{Client, Errand, Question, Unanswered};
pub use command::{Calling, Command};
pub use holding::Holding;
pub use keys::{Sought, StoredKeys};
pub use leases::ENVOY;
pub use ledger::{LedgerRow, Row};
pub use record::{KEY_IDS, KEY_PREFIX, key_name, read_key, write_key};
pub use report::Reached;
pub use take::{Short, peek, take, unchecked, used};

/// For how long the store sets aside what an Envoy has, in milliseconds. An Envoy that lives renews it long before.
pub const LEASE_MS: u64 = 20_000;
/// So much earlier an Envoy stops taking from a lease, in milliseconds: clocks do not all run at the same speed.
const MARGIN_MS: u64 = 1_000;
/// How often a level's leases are tried to be written. Each lost try means that another worker won.
const TRIES: usize = 10_000;
