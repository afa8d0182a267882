//! `make bench`: what Keyward costs beside a bare Envoy, in one run on one machine, in interleaved rounds.
//!
//! - (a) Envoy alone, a direct route;
//! - (b) Envoy with a filter that only holds the request until its body is complete;
//! - (c) Keyward with everything on: audit records, limits at every level, metrics;
//! - (d) as (c), with the provider role on every attempt, for a provider that speaks the caller's API.
//!
//! What a store costs is a table of its own: (c) with a Redis behind Webdis beside (c) without, where both are installed.
//!
//! Each is an Envoy of its own with one worker, in front of the same stub provider. The figure that counts is the CPU time
//! of the Envoy process per request: it hardly depends on what else the machine does.
//!
//! `BENCH_ROUNDS` (3), `BENCH_MS` (1500, per measurement) and `BENCH_CONNECTIONS` (16) say how long and how hard;
//! `BENCH_ONLY` names one row of the first table, `translation`, `latency` or `store`, to measure nothing else.

#[cfg(test)]
mod figures;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod load;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod variants;

#[cfg(test)]
mod run;

#[cfg(test)]
#[expect(dead_code, reason = "the benchmark needs a part of what the tests need")]
mod support;

fn main() {
    // Cargo builds benchmarks as tests, so that this is always there.
    #[cfg(test)]
    run::run();
}
