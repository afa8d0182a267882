use serde::{Deserialize, Serialize};

use crate::providers::Api;

/// How to speak to what an Envoy cluster's endpoints name in `filter_metadata.keyward.provider`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The name endpoints and targets use.
    pub name: String,
    /// The wire format.
    pub api: Api,
    /// Which version of its API, for those that have several.
    pub api_version: Option<String>,
    /// What comes before every path, in the place of the API's own.
    pub base_path: Option<String>,
    /// Tell this provider who calls (`x-keyward-team`, `-project`, `-key-id`, `-user`). For providers of the company itself.
    pub forward_identity: bool,
}
