use core::fmt;

use serde::{Deserialize, Serialize};

use super::Limit;
use crate::request::Endpoint;

/// Which kind of level something is stated at, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LevelKind {
    /// `defaults:`, shared by everybody.
    Global,
    /// `orgs:`
    Org,
    /// `teams:`
    Team,
    /// `projects:`
    Project,
    /// `users:`, the person or service a key belongs to.
    User,
    /// One key.
    Key,
    /// The end user a request names, where a default for end users is given.
    EndUser,
}

impl LevelKind {
    /// The word used for it in messages, counters and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Org => "org",
            Self::Team => "team",
            Self::Project => "project",
            Self::User => "user",
            Self::Key => "key",
            Self::EndUser => "end_user",
        }
    }
}

/// One level with all it states, its tier folded in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// What kind of level.
    pub kind: LevelKind,
    /// Its name; empty for the global level and for end users.
    pub name: String,
    /// Who may call what: the level's own rules first, then its tier's. All of them must allow.
    pub rules: Vec<Rules>,
    /// Own and tier's limits; at most one per [`Limit::slot`], the tightest.
    pub limits: Vec<Limit>,
    /// Largest request body accepted, in bytes.
    pub max_request_bytes: Option<u64>,
    /// Most output tokens a request may ask for.
    pub max_output_tokens: Option<u64>,
    /// How much a request takes from the limits before its cost is known.
    pub reserve: Reserve,
    /// Percentages of a `usd` limit at which to alert.
    pub alerts: Vec<u8>,
}

/// What one source (the level itself, or its tier) states on models and endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The tier these come from; `None` for the level's own.
    pub tier: Option<String>,
    /// Models granted; `None` states nothing, an empty list grants nothing.
    pub models: Option<Vec<Grant>>,
    /// Models denied; deny wins.
    pub deny: Vec<Grant>,
    /// Endpoints granted; `None` states nothing.
    pub endpoints: Option<EndpointSet>,
}

/// One entry of a `models:` or `deny:` list (or a limit's `model:`), resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    /// `all`: everything in the catalog.
    All,
    /// A catalog name, or a name that a wildcard entry matches.
    Name(String),
    /// A model access group.
    Group(String),
    /// A pattern in which only `*` is special: any run of characters, also none, also `/`.
    Glob(String),
}

impl fmt::Display for Grant {
    /// As a policy file writes it. Which kind it is shows: groups do not have the names of models.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Name(text) | Self::Group(text) | Self::Glob(text) => text,
        })
    }
}

/// How much of a limit a request takes before its cost is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// The most it can use. A limit is never overshot.
    #[default]
    Full,
    /// What such requests lately used. For agents that ask for far more than they use.
    Expected,
}

/// A set of endpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSet(u32);

impl EndpointSet {
    /// The set with `endpoint` added.
    #[must_use]
    pub const fn with(self, endpoint: Endpoint) -> Self {
        Self(self.0 | 1 << endpoint as u32)
    }

    /// Whether `endpoint` is in the set.
    #[must_use]
    pub const fn contains(self, endpoint: Endpoint) -> bool {
        self.0 & (1 << endpoint as u32) != 0
    }
}
