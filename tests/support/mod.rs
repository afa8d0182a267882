//! What the end-to-end tests and the benchmarks stand on: a real Envoy with the filter in it, a fake provider that
//! answers to the byte as a test says, and a client that sends whatever bytes it is told.
//!
//! Everything listens on ports the system picks and lives in a temporary folder; nothing outlives its process.

pub mod answer;
pub mod audit;
pub mod build;
pub mod call;
pub mod config;
pub mod envoy;
pub mod fleet;
pub mod gateway;
pub mod http;
pub mod litellm;
pub mod policy;
pub mod process;
pub mod provider;
pub mod slow;
pub mod store;
pub mod tls;
pub mod told;
pub mod wire;
