//! What it costs to keep limits in a store: Redis and Webdis on this machine, beside the same gateway without.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use crate::figures::{median, micros, minus, ratio};
use crate::load::{self, Request};
use crate::run::Effort;
use crate::support::store::Store;
use crate::variants::Variant;

/// So many keys may make 8 requests each: more than a run asks for.
const CLOSE: usize = 10_000;

/// One gateway's figures, a number for each round.
#[derive(Default)]
struct Figures {
    cpu: Vec<u64>,
    rate: Vec<u64>,
    /// Calls to the store in a million requests.
    callouts: Vec<u64>,
}

/// Throughput, CPU and calls to the store; `alone` are the gateways without, by number of keys.
pub fn measure(report: &mut String, effort: Effort, provider: SocketAddr, alone: &[&(usize, Variant)]) {
    // Webdis takes any argument for a configuration, and runs.
    let there = |server| Command::new("which").arg(server).output().is_ok_and(|output| output.status.success());
    if !["redis-server", "webdis"].into_iter().all(there) {
        eprintln!("no figures with a store: redis-server and webdis are not installed");
        return;
    }
    let store = Store::start();
    let _ = writeln!(report, "## With a store, JSON, 1 KB\n");
    let _ = writeln!(
        report,
        "| limits | without µs | with µs | without req/s | with req/s | with/without | calls per request |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    for (keys, without) in alone {
        let with = Variant::fleet(provider, store.address(), *keys, false);
        let [a, b] = side_by_side(effort, &[without, &with], *keys).map(Figures::medians);
        row(report, &format!("far away, {keys} keys"), Some(a), b);
    }
    let close = Variant::fleet(provider, store.address(), CLOSE, true);
    let [near] = side_by_side(effort, &[&close], CLOSE).map(Figures::medians);
    row(report, "8 requests a key", None, near);
    report.push('\n');
}

impl Figures {
    fn medians(self) -> [u64; 3] {
        [self.cpu, self.rate, self.callouts].map(median)
    }
}

fn side_by_side<const N: usize>(effort: Effort, variants: &[&Variant; N], keys: usize) -> [Figures; N] {
    let body = Arc::new(load::body(1000, false, false));
    let request = Request { body, streamed: false, keys: Arc::new(load::keys(keys)) };
    let mut figures: [Figures; N] = core::array::from_fn(|_| Figures::default());
    let mut turn = 0;
    for round in 0..=effort.rounds {
        for (variant, figures) in variants.iter().zip(&mut figures) {
            let (cpu, callouts) = (variant.envoy.cpu_us(), variant.callouts());
            let outcome = load::run_from(variant.address, &request, effort.connections, effort.time, None, turn);
            // In the first round leases grow.
            if round > 0 {
                let requests = outcome.requests.max(1);
                figures.cpu.push((variant.envoy.cpu_us() - cpu) * 1000 / requests);
                figures.rate.push(outcome.rate());
                figures.callouts.push((variant.callouts() - callouts) * 1_000_000 / requests);
            }
            turn += outcome.requests;
        }
    }
    figures
}

fn row(report: &mut String, name: &str, without: Option<[u64; 3]>, [cpu, rate, callouts]: [u64; 3]) {
    let show = |nanos| micros(minus(nanos, 0));
    let beside = without.map_or_else(
        || ["-".to_owned(), "-".to_owned(), "-".to_owned()],
        |[cpu, before, _]| [show(cpu), before.to_string(), ratio(rate, before)],
    );
    let [cpu_before, before, times] = beside;
    let calls = format!("{}.{:04}", callouts / 1_000_000, callouts % 1_000_000 / 100);
    let line = format!("| {name} | {cpu_before} | {} | {before} | {rate} | {times} | {calls} |", show(cpu));
    eprintln!("{line}");
    let _ = writeln!(report, "{line}");
}
