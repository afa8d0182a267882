//! Keyward: the governance of an LLM gateway, inside Envoy.
//!
//! The folders are the stations of a request's journey, in order:
//!
//! | station | question it answers |
//! |---|---|
//! | [`policy`] | what did the organisation decide? (files, checked model, bundle) |
//! | [`request`] | what was sent? (endpoint, body scan, the bytes to change) |
//! | [`authn`] | who calls? |
//! | [`authz`] | what may they call? |
//! | [`pricing`] | what can it cost, what did it cost? |
//! | [`limits`] | may they spend that now? (reserve, settle) |
//! | [`routing`] | where does it go? (the plan) |
//! | [`providers`] | how is each provider spoken to? (attempts, dialects) |
//! | [`metering`] | what came back? (usage from JSON and SSE) |
//! | [`answer`] | what is the caller told? |
//! | [`audit`] | what was recorded? (audit record, metrics) |
//!
//! [`store`] is where the limits of a fleet are kept. [`gate`] strings the stations together for one request, [`host`] is the narrow trait through which they reach the
//! world, and `filter` is the proxy-wasm shell that implements it inside Envoy. `cli` is the command, and `envoy_config` tells
//! it whether an Envoy configuration fits a policy. Everything but the shell runs natively.

pub mod answer;
pub mod audit;
pub mod authn;
pub mod authz;
pub mod gate;
pub mod host;
pub mod json;
pub mod limits;
pub mod metering;
pub mod policy;
pub mod pricing;
pub mod providers;
pub mod request;
pub mod routing;
mod sse;
pub mod store;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod envoy_config;

#[cfg(target_arch = "wasm32")]
mod filter;
