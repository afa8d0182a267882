//! End to end: a real Envoy with several workers, the shipped configuration, the filter as it is released, a provider that
//! answers in the real wire formats. One file per topic; each starts the gateway it needs once.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
#[path = "../support/upstash.rs"]
mod upstash_server;

#[cfg(test)]
mod audit;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod command;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod enforce;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fleets;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod litellm;
#[cfg(test)]
mod metering;
#[cfg(test)]
mod models;
#[cfg(test)]
mod multipart;
#[cfg(test)]
mod no_answer;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod owed;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod store;
#[cfg(test)]
mod store_answers;
#[cfg(test)]
mod store_keys;
#[cfg(test)]
mod store_kills;
#[cfg(test)]
mod store_slow;
#[cfg(test)]
mod store_tls;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod trailers;
#[cfg(test)]
mod translation;
