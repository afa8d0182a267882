//! Several Envoys, whatever happens to them and between them and Redis: what must hold all the same.

use keyward::policy::{LevelKind, Metric, Period};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::envoys::{Fate, Fleet, Request, Wish, demand, level, levels};
use crate::harness::{Form, START, Store};

const DAY: u64 = 86_400_000;
/// A minute before a day ends, in ms after [`START`].
const BEGIN: u64 = DAY - START % DAY - 60_000;

#[derive(Debug, Clone)]
enum Step {
    Wait { ms: u64, fate: Fate },
    Take { envoy: usize, worker: usize, tokens: u64, levels: usize, fate: Fate, times: usize },
    Finish { envoy: usize, percent: u64, times: usize },
    Deliver(usize),
    HangUp(usize),
    Stray(usize),
    Crash(usize),
    Cut(usize),
    Clock(usize, i64),
    Down,
}

/// `rough`: how much goes wrong, of 0 (nothing, calls are only late), 1 (calls are lost) and 2 (Envoys and the store as well).
fn steps(rough: u8) -> impl Strategy<Value = Vec<Step>> {
    use Fate::*;
    let fate = move || {
        match rough {
        0 => prop_oneof![3 => Just(Heard), 1 => Just(ReplyLate), 1 => Just(RequestLate)].boxed(),
        _ => prop_oneof![6 => Just(Heard), 1 => Just(ReplyLate), 1 => Just(RequestLate), 1 => Just(RequestLost), 1 => Just(ReplyLost), 1 => Just(Twice)].boxed(),
    }
    };
    let take = (0_usize..4, 0_usize..2, 0_u64..120, 1_usize..=2, fate(), 1_usize..6).prop_map(
        |(envoy, worker, tokens, levels, fate, times)| Step::Take { envoy, worker, tokens, levels, fate, times },
    );
    let finish =
        (0_usize..4, prop_oneof![2 => Just(100_u64), 2 => 1_u64..100, 1 => 100_u64..300, 1 => Just(0)], 1_usize..6)
            .prop_map(|(envoy, percent, times)| Step::Finish { envoy, percent, times });
    let wait = (prop_oneof![6 => 0_u64..2_000, 3 => 0_u64..12_000, 1 => 0_u64..70_000], fate())
        .prop_map(|(ms, fate)| Step::Wait { ms, fate });
    let far = u32::from(rough == 2);
    let step = prop_oneof![
        6 => wait,
        10 => take,
        6 => finish,
        3 => any::<usize>().prop_map(Step::Deliver),
        u32::from(rough > 0) => any::<usize>().prop_map(Step::HangUp),
        u32::from(rough > 0) => any::<usize>().prop_map(Step::Stray),
        far => (0_usize..4).prop_map(Step::Crash),
        far => (0_usize..4).prop_map(Step::Cut),
        far => Just(Step::Down),
        far => (0_usize..4, prop_oneof![-4_000_i64..4_000, -3_600_000_i64..3_600_000]).prop_map(|(envoy, wrong)| Step::Clock(envoy, wrong)),
    ];
    prop::collection::vec(step, 1..80)
}

fn amount(request: &Request, metric: Metric) -> u64 {
    if request.refunded { 0 } else { metric.of(&request.actual.unwrap_or(request.estimate)) }
}

/// How much more of it was used than was reserved.
fn beyond(request: &Request, metric: Metric) -> u64 {
    metric.of(&request.actual.unwrap_or(request.estimate)).saturating_sub(metric.of(&request.estimate))
}

fn day(at: u64) -> u64 {
    (START + at) / DAY
}

/// What must hold at any time.
fn check(fleet: &Fleet<'_>) {
    let now = fleet.now;
    for (index, level) in fleet.levels.iter().enumerate() {
        for limit in &level.limits {
            let of_level = || fleet.requests.iter().filter(|request| request.levels > index);
            let metric = limit.metric;
            let counts = |request: &&Request| match limit.period {
                // Strict, whoever died meanwhile.
                Period::Sliding { ms } => request.at + ms > now,
                Period::Day if metric == Metric::Requests => day(request.at) == day(now) && !request.surprise,
                // But for what requests in flight had reserved when their Envoy was last heard of.
                Period::Day => day(request.at) == day(now) && !request.slipped,
                _ => request.runs() && !request.slipped,
            };
            let sum: u64 = of_level().filter(counts).map(|request| amount(request, metric)).sum();
            let more: u64 = of_level().filter(counts).map(|request| beyond(request, metric)).sum();
            assert!(sum <= limit.amount + more, "{limit}: {sum}, {more} more than was reserved");
        }
    }
}

fn run(fleet: &mut Fleet<'_>, step: &Step) {
    let envoys = fleet.envoys.len();
    match *step {
        Step::Wait { ms, fate } => fleet.wait(ms, fate),
        Step::Take { envoy, worker, tokens, levels, fate, times } => {
            for _ in 0..times {
                fleet.request(envoy % envoys, worker, Wish { estimate: demand(tokens), levels }, fate);
                check(fleet);
            }
        }
        Step::Finish { envoy, percent, times } => (0..times).for_each(|_| fleet.finish(envoy % envoys, percent)),
        Step::Deliver(which) => fleet.deliver(which),
        Step::HangUp(which) => fleet.hang_up(which),
        Step::Stray(which) => fleet.stray(which),
        Step::Crash(envoy) => fleet.crash(envoy % envoys),
        Step::Cut(envoy) => fleet.envoys[envoy % envoys].cut ^= true,
        Step::Down => fleet.down ^= true,
        Step::Clock(envoy, wrong) => fleet.set_clock(envoy % envoys, wrong),
    }
    check(fleet);
}

/// All ends well, and all is quiet: the store knows of everything that was spent, once, and nothing else is gone.
fn quiet(fleet: &mut Fleet<'_>) {
    fleet.down = false;
    while fleet.late() {
        fleet.deliver(0);
    }
    for which in 0..fleet.envoys.len() {
        fleet.envoys[which].cut = false;
        while fleet.running(which) {
            fleet.finish(which, 100);
        }
    }
    fleet.wait(35_000, Fate::Heard);
    let ended = || fleet.requests.iter().filter(|request| request.actual.is_some() || request.lost);
    let told = |metric: Metric| -> (u64, u64) {
        let metric = |request: &Request| metric.of(&request.actual.unwrap_or_default());
        (ended().filter(|one| !one.lost).map(metric).sum(), ended().map(metric).sum())
    };
    let sums = [
        ("|requests", (ended().filter(|one| !one.lost).count() as u64, ended().count() as u64)),
        ("|cost", told(Metric::Usd)),
        ("|input", told(Metric::InputTokens)),
        ("|output", told(Metric::OutputTokens)),
    ];
    for (metric, (least, most)) in sums {
        let sum = fleet.ledger(metric);
        assert!((least..=most).contains(&sum), "ledger {metric}: {sum} of {least}..={most}");
    }
    for level in 0..2 {
        for index in 0..fleet.levels[level].limits.len() {
            let limit = fleet.levels[level].limits[index].clone();
            let used = fleet.used(level, index);
            let (now, metric) = (fleet.now, limit.metric);
            let all = || fleet.requests.iter().filter(|request| request.levels > level);
            let surely = |counts: &dyn Fn(&&Request) -> bool| -> u64 {
                all().filter(counts).filter(|one| !one.lost).map(|one| amount(one, metric)).sum()
            };
            let maybe = |counts: &dyn Fn(&&Request) -> bool| -> u64 {
                let lost = |one: &Request| amount(one, metric).max(metric.of(&one.estimate));
                surely(counts) + all().filter(counts).filter(|one| one.lost).map(lost).sum::<u64>()
            };
            let (least, most) = match limit.period {
                // Clocks are read late rather than early, up to as long as a call takes.
                Period::Day if fleet.found => (
                    surely(&|one| day(one.at) == day(now) && day(one.at + 2_000) == day(now)),
                    maybe(&|one| day(one.at + 2_000) == day(now)),
                ),
                // What nobody can tell of may have been spent.
                Period::Day => (surely(&|one| day(one.at) == day(now) && day(one.at + 2_000) == day(now)), u64::MAX),
                // A bucket is a second, and clocks are read a moment apart. What a lease held that has ended counts on.
                Period::Sliding { ms } if fleet.smooth => {
                    (surely(&|one| one.at + ms > now), maybe(&|one| one.at + ms + 2_000 > now))
                }
                Period::Sliding { ms } => (surely(&|one| one.at + ms > now), u64::MAX),
                _ => (0, 0),
            };
            assert!((least..=most).contains(&used), "{limit}: {used} of {least}..={most}");
        }
    }
    fleet.wait(64_000 + 22_000, Fate::Heard);
    assert_eq!([fleet.used(0, 0), fleet.used(0, 1)], [0, 0], "a window later all is free");
    let rest = fleet.levels[0].limits[0].amount.min(fleet.levels[1].limits[0].amount - fleet.used(1, 0));
    fleet.launch();
    let (fresh, before) = (fleet.envoys.len() - 1, fleet.requests.len());
    for worker in 0..rest + 3 {
        fleet.request(fresh, (worker % 2) as usize, Wish { estimate: demand(0), levels: 2 }, Fate::Heard);
        fleet.finish(fresh, 100);
    }
    check(fleet);
    assert_eq!(fleet.requests.len() - before, rest as usize, "one Envoy gets all that is left");
}

fn whatever_happens(rough: u8, cases: u32) {
    let store = std::cell::RefCell::new(Store::new(Form::Library));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    TestRunner::new(config)
        .run(&(2_usize..=4, prop_oneof![Just(1_u64), Just(10)], steps(rough)), |(envoys, times, steps)| {
            let mut store = store.borrow_mut();
            store.clear();
            let mut fleet = Fleet::new(&mut store, envoys, levels(times), BEGIN);
            steps.iter().for_each(|step| run(&mut fleet, step));
            quiet(&mut fleet);
            Ok(())
        })
        .unwrap();
}

#[test]
fn limits_hold_and_all_is_told_while_calls_are_late() {
    whatever_happens(0, 120);
}

#[test]
fn and_while_calls_are_lost_or_heard_twice() {
    whatever_happens(1, 120);
}

#[test]
fn and_while_envoys_and_the_store_go_away() {
    whatever_happens(2, 120);
}

/// However uneven the load of Envoys is, and however it changes: nobody is refused while much lies unspent elsewhere.
#[test]
fn nearly_all_is_used_when_the_first_request_is_refused() {
    let store = std::cell::RefCell::new(Store::new(Form::Library));
    let config = Config { cases: 60, failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
    let amount = prop_oneof![Just(1_u64), Just(100), 101_u64..3_000, Just(12_000)];
    let weights = || prop::collection::vec(prop_oneof![Just(0_u32), Just(1), Just(3), Just(20), Just(100)], 3);
    let scenario =
        (amount, weights(), weights(), 0_u64..100, prop_oneof![Just(0_u64), Just(1), Just(20)], any::<u64>());
    TestRunner::new(config)
        .run(&scenario, |(amount, first, then, percent, pause, seed)| {
            let mut store = store.borrow_mut();
            store.clear();
            let requests = level(LevelKind::Team, "a", &[(Metric::Requests, amount, Period::Day)]);
            let mut fleet = Fleet::new(&mut store, 3, vec![requests], BEGIN - 3_600_000);
            let mut chance = seed;
            let mut next = move |most: u32| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((chance >> 33) as u32) % most.max(1)
            };
            let mut admitted = 0;
            loop {
                let weights = if admitted * 100 < amount * percent { &first } else { &then };
                let mut at = next(weights.iter().sum());
                let which = weights.iter().position(|weight| {
                    at.checked_sub(*weight).is_none_or(|rest| {
                        at = rest;
                        false
                    })
                });
                let which = which.unwrap_or(0);
                fleet.request(which, next(2) as usize, Wish { estimate: demand(0), levels: 1 }, Fate::Heard);
                if fleet.requests.is_empty() {
                    break;
                }
                fleet.finish(which, 100);
                fleet.requests.clear();
                admitted += 1;
                if admitted % 50 == 0 {
                    // What may lie unspent of a large limit comes back in time, but some time it takes.
                    fleet.wait(pause.max(u64::from(amount > 10_000)) * 50, Fate::Heard);
                }
            }
            prop_assert!((amount - amount / 100..=amount).contains(&admitted), "{admitted} of {amount}");
            Ok(())
        })
        .unwrap();
}
