//! What the organisation decided, as types in which a bad state cannot be written.
//!
//! A policy begins as YAML files ([`mod@file`], native only), is checked and resolved into a [`Policy`], and travels to Envoy
//! as a [`bundle`]. Everything on the request path reads a `Policy`; nothing there reads a file.

pub mod bundle;
#[cfg(feature = "cli")]
pub mod file;

mod key;
mod level;
mod levels;
mod limit;
mod model;
mod provider;
mod source;
mod store;
mod timezone;

pub use key::{Key, KeyHash, KeyTable};
pub use level::{EndpointSet, Grant, Level, LevelKind, Reserve, Rules};
pub use levels::LevelNames;
pub use limit::{Limit, Metric, Period, SlotId};
pub use model::{Catalog, Entry, Model, Target};
pub use provider::Provider;
pub use source::Source;
pub use store::{OnOutage, STORE_COUNTS_BELOW, Store, StoreDialect};
pub use timezone::Timezone;

use serde::{Deserialize, Serialize};

/// A whole policy, checked: every reference resolves, every name is unique, every amount fits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Policy {
    /// Digest of the source files (12 hex digits): the version in force, shown as a metric and by the CLI.
    pub version: String,
    /// Where days, weeks and months begin.
    pub timezone: Timezone,
    /// How to speak to what the endpoints of an Envoy cluster name in their metadata.
    pub providers: Vec<Provider>,
    /// The only names callers can use.
    pub catalog: Catalog,
    /// Every level above the keys that states anything, or every one where keys may come from the store; keys refer to them
    /// by index.
    pub levels: Vec<Level>,
    /// What holds for each end user (the `user` of a body), where a default for end users is given.
    pub end_users: Option<Level>,
    /// The keys, found by hash.
    pub keys: KeyTable,
    /// Where limits are kept, if several Envoys share them; `None`: each Envoy keeps its own.
    pub store: Option<Store>,
}
