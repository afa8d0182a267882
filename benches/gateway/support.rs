//! The end-to-end tests' own helpers.

#[path = "../../tests/support/build.rs"]
pub mod build;
#[path = "../../tests/support/config.rs"]
pub mod config;
#[path = "../../tests/support/envoy.rs"]
pub mod envoy;
#[path = "../../tests/support/http.rs"]
pub mod http;
#[path = "../../tests/support/policy.rs"]
pub mod policy;
#[path = "../../tests/support/process.rs"]
pub mod process;
#[path = "../../tests/support/store.rs"]
pub mod store;
