use serde::{Deserialize, Serialize};

use crate::pricing::Price;

/// The catalog of models: what callers can name, in a form made for looking names up (see [`crate::authz`]).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// All entries, sorted by name (bytewise), so that an exact name is found by binary search.
    pub models: Vec<Model>,
}

/// One entry of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The catalog name. It holds `*` exactly if the entry is [`Entry::Served`] with `wildcard`.
    pub name: String,
    /// What the name stands for.
    pub entry: Entry,
    /// Model access groups. An alias has those of what it stands for on top of its own.
    pub groups: Vec<String>,
}

/// What a catalog name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// One model behind a cluster, or, where the name holds `*`, every model the pattern matches.
    Served {
        /// Whether the name is a pattern.
        wildcard: bool,
        /// The Envoy cluster, plain or aggregate.
        cluster: String,
        /// Most output tokens one request can ask for, and what one that asks for nothing reserves.
        max_output_tokens: Option<u64>,
        /// Provider model per provider that the cluster can reach; never empty, first is preferred.
        targets: Vec<Target>,
        /// Drop parameters that a translation cannot map, instead of refusing the request.
        drop_params: bool,
        /// How long a provider may take to begin its answer before the next is tried, in milliseconds.
        timeout_ms: Option<u64>,
        /// Whether targets after the first also serve keys that may not use what they call by its own name.
        open_fallback: bool,
    },
    /// Another name for a model: an exact catalog name, or one that a wildcard entry matches. Never another alias.
    Alias {
        /// The name it stands for.
        of: String,
    },
}

/// The provider's own model behind a catalog name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Index into [`super::Policy::providers`].
    pub provider: u16,
    /// The provider's model name; `*` stands, from left to right, for what the `*`s of the catalog name matched.
    pub model: String,
    /// Exact catalog names of other entries under which the catalog serves the same model of the provider, or which name
    /// it: who may call none of them is not served by this target as a fallback. Empty where there are none.
    pub also: Vec<String>,
    /// What the provider charges; `None` means nothing is known and every request costs 0.
    pub price: Option<Price>,
}
