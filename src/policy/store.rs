use serde::{Deserialize, Serialize};

/// Redis, where limits are kept that several Envoys share; reached over HTTP through an Envoy cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The Envoy cluster.
    pub cluster: String,
    /// How it is spoken to.
    pub dialect: StoreDialect,
    /// How long a request may wait for it.
    pub timeout_ms: u64,
    /// What happens to requests while it is out of reach.
    pub on_outage: OnOutage,
    /// The host asked for; `None`: the name of the cluster.
    pub authority: Option<String>,
    /// Keys are looked up in it too, and what was found holds that long; `None`: keys are those of the policy alone.
    pub keys_ttl_ms: Option<u64>,
}

/// How Redis is spoken to over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoreDialect {
    /// Webdis in front of Redis.
    Webdis,
    /// The REST API of Upstash.
    Upstash,
}

/// What happens to requests while the store is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnOutage {
    /// They are refused.
    Deny,
    /// They are held to what this Envoy may spend alone.
    Local,
    /// They pass, and what they spend is recorded.
    Allow,
}

/// The least that the store cannot count to: its numbers are doubles, exact below this.
pub const STORE_COUNTS_BELOW: u64 = 1 << 53;
