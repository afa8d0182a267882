//! What runs inside Redis, and the commands that talk to it, against a real Redis that each test starts.

#[cfg(test)]
#[path = "../support/redis.rs"]
mod redis_server;
#[cfg(test)]
#[path = "../support/tls.rs"]
mod tls;
#[cfg(test)]
#[path = "../support/upstash.rs"]
mod upstash_server;

#[cfg(test)]
mod commands;
#[cfg(test)]
mod envoys;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod single;
#[cfg(test)]
mod upstash;
#[cfg(test)]
mod windows;
