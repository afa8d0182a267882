//! The measurements, in order, and the tables they become.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{median, micros, minus, nanos, ratio};
use crate::fleet;
use crate::load::{self, Outcome, Request};
use crate::stub::{self, EVENTS};
use crate::support::build;
use crate::variants::{self, Variant};

/// How long and how hard.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub time: Duration,
    pub connections: usize,
}

fn knob(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The one row that is asked for, if only one is.
fn only() -> Option<String> {
    std::env::var("BENCH_ONLY").ok()
}

/// Runs everything, prints the tables and writes them to `target/bench.md`.
pub fn run() {
    let effort = Effort {
        rounds: usize::try_from(knob("BENCH_ROUNDS", 3)).unwrap_or(3),
        time: Duration::from_millis(knob("BENCH_MS", 1500)),
        connections: usize::try_from(knob("BENCH_CONNECTIONS", 16)).unwrap_or(16),
    };
    let provider = stub::start();
    eprintln!("starting the Envoys");
    if only().is_some_and(|only| only == "store") {
        let mut report = String::new();
        let alone = [10, 1000].map(|keys| (keys, Variant::gate(provider, keys)));
        fleet::measure(&mut report, effort, provider, &alone.each_ref());
        println!("{report}");
        return;
    }
    let (bare, holding) = (Variant::bare(provider), Variant::holding(provider));
    let few = (10, Variant::gate(provider, 10));
    let some = (1000, Variant::gate(provider, 1000));
    let many = (100_000, Variant::gate(provider, 100_000));
    let whole = Variant::whole(provider, 1000, "openai");
    let translating = Variant::whole(provider, 1000, "anthropic");

    let mut report = String::from("# Benchmark\n\n");
    let machine = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        machine.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown CPU").to_owned();
    let cores = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let Effort { rounds, time, connections } = effort;
    let _ = writeln!(
        report,
        "{model}, {cores} cores; Envoy with one worker; medians of {rounds} interleaved rounds of {} ms, {connections} connections.\n",
        time.as_millis()
    );

    let per_event = cpu(&mut report, effort, [&bare, &holding, &whole], &[&few, &some, &many]);
    if only().is_none_or(|only| only == "translation") {
        translation(&mut report, effort, &whole, &translating);
    }
    if only().is_none_or(|only| only == "latency") {
        latency(&mut report, effort, &bare, &some.1);
    }
    if only().is_none() {
        fleet::measure(&mut report, effort, provider, &[&few, &some]);
    }
    if only().is_some() {
        println!("{report}");
        return;
    }
    let _ = writeln!(report, "## Per streamed chunk\n\n(c) over (a): {} µs\n", micros(per_event));
    memory(&mut report, &bare, &holding, &[&few, &some, &many]);
    reload(&mut report, effort, &some.1);

    println!("{report}");
    let path = build::target_dir().join("bench.md");
    std::fs::write(&path, report).expect("the report can be written");
    eprintln!("also written to {}", path.display());
}

/// One row: the same request to (a), (b) and (c).
struct Row {
    name: &'static str,
    size: usize,
    last: bool,
    streamed: bool,
    /// Which of the Keywards: by the number of keys.
    keys: usize,
}

const ROWS: [Row; 11] = [
    Row { name: "JSON, 1 KB", size: 1_000, last: false, streamed: false, keys: 1000 },
    Row { name: "JSON, 1 KB, model last", size: 1_000, last: true, streamed: false, keys: 1000 },
    Row { name: "JSON, 1 KB, 10 keys", size: 1_000, last: false, streamed: false, keys: 10 },
    Row { name: "JSON, 1 KB, 100,000 keys", size: 1_000, last: false, streamed: false, keys: 100_000 },
    Row { name: "JSON, 100 KB", size: 100_000, last: false, streamed: false, keys: 1000 },
    Row { name: "JSON, 100 KB, model last", size: 100_000, last: true, streamed: false, keys: 1000 },
    Row { name: "JSON, 1 MB", size: 1_000_000, last: false, streamed: false, keys: 1000 },
    Row { name: "JSON, 1 MB, model last", size: 1_000_000, last: true, streamed: false, keys: 1000 },
    Row { name: "SSE, 1 KB", size: 1_000, last: false, streamed: true, keys: 1000 },
    Row { name: "SSE, 100 KB", size: 100_000, last: false, streamed: true, keys: 1000 },
    Row { name: "SSE, 1 MB", size: 1_000_000, last: false, streamed: true, keys: 1000 },
];

/// CPU per request and throughput; returns what a streamed chunk costs (c) more than (a), in nanoseconds.
fn cpu(report: &mut String, effort: Effort, [bare, holding, whole]: [&Variant; 3], gates: &[&(usize, Variant)]) -> i64 {
    let _ = writeln!(report, "## CPU of the Envoy process per request, and throughput\n");
    let _ = writeln!(report, "1,000 keys unless said otherwise; a streamed answer has {EVENTS} chunks.\n");
    let _ = writeln!(
        report,
        "| request | (a) µs | (b) µs | (c) µs | (d) µs | (c)/(a) | (c)/(b) | (d)/(a) | (a) req/s | (c) req/s | (d) req/s |"
    );
    let _ = writeln!(report, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut first = [[0; 3]; 2];
    let only = only();
    for row in ROWS.iter().filter(|row| only.as_ref().is_none_or(|only| row.name == only)) {
        let (_, gate) = gates.iter().find(|(keys, _)| *keys == row.keys).expect("an Envoy with that many keys");
        let body = Arc::new(load::body(row.size, row.last, row.streamed));
        let request = Request { body, streamed: row.streamed, keys: Arc::new(load::keys(row.keys)) };
        // A streamed answer mostly waits: more connections keep Envoy as busy.
        let connections = effort.connections * if row.streamed { 2 } else { 1 };
        let mut figures: [[Vec<u64>; 2]; 4] = Default::default();
        for round in 0..=effort.rounds {
            for (variant, [cpu, rate]) in [bare, holding, gate, whole].into_iter().zip(&mut figures) {
                let before = variant.envoy.cpu_us();
                let time = if round == 0 { effort.time / 4 } else { effort.time };
                let outcome = load::run(variant.address, &request, connections, time, None);
                let used = variant.envoy.cpu_us() - before;
                if round > 0 {
                    cpu.push(used * 1000 / outcome.requests.max(1));
                    rate.push(outcome.rate());
                }
            }
        }
        let [[a, a_rate], [b, _], [c, c_rate], [d, d_rate]] = figures.map(|pair| pair.map(median));
        let show = |nanos| micros(minus(nanos, 0));
        let line = format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {a_rate} | {c_rate} | {d_rate} |",
            row.name,
            show(a),
            show(b),
            show(c),
            show(d),
            ratio(c, a),
            ratio(c, b),
            ratio(d, a)
        );
        eprintln!("{line}");
        let _ = writeln!(report, "{line}");
        match row.name {
            "JSON, 1 KB" => first[0] = [a, b, c],
            "SSE, 1 KB" => first[1] = [a, b, c],
            _ => {}
        }
    }
    report.push('\n');
    let [json, sse] = first;
    (minus(sse[2], json[2]) - minus(sse[0], json[0])) / i64::try_from(EVENTS).unwrap_or(1)
}

/// What a streamed chunk costs more when it is translated: chat completions from a provider of Anthropic's API.
fn translation(report: &mut String, effort: Effort, passing: &Variant, translating: &Variant) {
    let body = Arc::new(load::body(1000, false, true));
    let request = Request { body, streamed: true, keys: Arc::new(load::keys(1000)) };
    let mut figures: [Vec<u64>; 2] = Default::default();
    for round in 0..=effort.rounds {
        for (variant, cpu) in [passing, translating].into_iter().zip(&mut figures) {
            let before = variant.envoy.cpu_us();
            let outcome = load::run(variant.address, &request, effort.connections * 2, effort.time, None);
            if round > 0 {
                cpu.push((variant.envoy.cpu_us() - before) * 1000 / outcome.requests.max(1));
            }
        }
    }
    let [passing, translating] = figures.map(median);
    let chunk = minus(translating, passing) / i64::try_from(EVENTS).unwrap_or(1);
    let show = |nanos| micros(minus(nanos, 0));
    let _ = writeln!(
        report,
        "## Translating a stream\n\nSSE, 1 KB, {EVENTS} chunks: passed through {} µs, translated from Anthropic's API {} µs; {} µs a chunk.\n",
        show(passing),
        show(translating),
        micros(chunk)
    );
}

/// Latency at half of what (c) can do.
fn latency(report: &mut String, effort: Effort, bare: &Variant, keyward: &Variant) {
    let request =
        Request { body: Arc::new(load::body(1000, false, false)), streamed: false, keys: Arc::new(load::keys(1000)) };
    let most = load::run(keyward.address, &request, effort.connections, effort.time, None).rate();
    let rate = most / 2;
    let mut figures: [[Vec<u64>; 2]; 2] = Default::default();
    for _ in 0..effort.rounds.max(3) {
        for (variant, [p50, p99]) in [bare, keyward].into_iter().zip(&mut figures) {
            let outcome = load::run(variant.address, &request, 8, effort.time * 2, Some(rate));
            p50.push(nanos(outcome.permille(500)));
            p99.push(nanos(outcome.permille(990)));
        }
    }
    let [[a50, a99], [c50, c99]] = figures.map(|pair| pair.map(median));
    let show = |nanos| micros(minus(nanos, 0));
    let _ = writeln!(
        report,
        "## Latency at half load ({rate} requests/s, JSON, 1 KB)\n\n| | (a) µs | (c) µs | added µs |\n|---|---:|---:|---:|"
    );
    let _ = writeln!(report, "| p50 | {} | {} | {} |", show(a50), show(c50), micros(minus(c50, a50)));
    let _ = writeln!(report, "| p99 | {} | {} | {} |\n", show(a99), show(c99), micros(minus(c99, a99)));
}

fn memory(report: &mut String, bare: &Variant, holding: &Variant, keywards: &[&(usize, Variant)]) {
    let _ = writeln!(
        report,
        "## Memory after the load (resident, one worker and the main thread)\n\n| | MiB | over (a) |\n|---|---:|---:|"
    );
    let base = bare.envoy.memory_kib();
    let mut line = |name: String, variant: &Variant| {
        let kib = variant.envoy.memory_kib();
        let _ = writeln!(report, "| {name} | {} | {} |", kib / 1024, minus(kib, base) / 1024);
    };
    line("(a)".into(), bare);
    line("(b)".into(), holding);
    for (keys, variant) in keywards {
        line(format!("(c), {keys} keys"), variant);
    }
    report.push('\n');
}

/// The longest wait while policies of 10,000 keys are put in place one after the other.
fn reload(report: &mut String, effort: Effort, keyward: &Variant) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let versions = ["x", "y"].map(|note| {
        let path = folder.path().join(note);
        variants::bundle(&path, 10_000, note, "openai");
        std::fs::read(path).expect("a bundle")
    });
    let request =
        Request { body: Arc::new(load::body(1000, false, false)), streamed: false, keys: Arc::new(load::keys(1000)) };
    // A busy machine stops a process for longer than any reload does: of several rounds the median of the longest waits.
    let (mut reloads, mut rows) = (0, [[vec![], vec![], vec![]], [vec![], vec![], vec![]]]);
    for _ in 0..effort.rounds.max(3) {
        let calm = load::run(keyward.address, &request, 4, effort.time, Some(1000));
        let (busy, count) = reloading(keyward, &versions, &request, effort.time);
        reloads += count;
        for (outcome, row) in [calm, busy].iter().zip(&mut rows) {
            for (permille, column) in [500, 990, 1000].into_iter().zip(row) {
                column.push(nanos(outcome.permille(permille)));
            }
        }
    }
    let _ = writeln!(
        report,
        "## Reload of 10,000 keys ({reloads} reloads, 1,000 requests/s)\n\n| | p50 µs | p99 µs | longest µs |\n|---|---:|---:|---:|"
    );
    for (name, row) in ["without", "with reloads"].into_iter().zip(rows) {
        let [p50, p99, longest] = row.map(|column| micros(minus(median(column), 0)));
        let _ = writeln!(report, "| {name} | {p50} | {p99} | {longest} |");
    }
}

/// Sends for `time` while one of the versions after the other is put in place; what came of it, and how many there were.
fn reloading(keyward: &Variant, versions: &[Vec<u8>], request: &Request, time: Duration) -> (Outcome, u64) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reloader = scope.spawn(|| {
            let mut count = 0;
            for version in versions.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let new = keyward.bundle().with_extension("new");
                std::fs::write(&new, version).expect("the folder can be written to");
                std::fs::rename(&new, keyward.bundle()).expect("a rename within a folder");
                count += 1;
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(300) && !stop.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(20));
                }
            }
            count
        });
        let outcome = load::run(keyward.address, request, 4, time, Some(1000));
        stop.store(true, Ordering::Relaxed);
        (outcome, reloader.join().expect("the reloads"))
    })
}
