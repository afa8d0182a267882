//! Nothing is lost and nothing stays behind, whatever happens in between.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::limits::window_end;

#[derive(Debug, Clone)]
enum Step {
    Wait { ms: u64 },
    Send { worker: usize, nanos: u64 },
    Settle { which: usize, part: u64 },
    Refund { which: usize },
    Die { worker: usize },
    Reload { amount: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => prop_oneof![4 => 0_u64..5_000, 1 => 0_u64..3_600_000, 1 => 0_u64..90_000_000].prop_map(|ms| Step::Wait { ms }),
        6 => (0_usize..3, 0_u64..300).prop_map(|(worker, nanos)| Step::Send { worker, nanos }),
        4 => (any::<usize>(), 0_u64..=256).prop_map(|(which, part)| Step::Settle { which, part }),
        1 => any::<usize>().prop_map(|which| Step::Refund { which }),
        1 => (0_usize..3).prop_map(|worker| Step::Die { worker }),
        1 => (1_u64..2_000).prop_map(|amount| Step::Reload { amount }),
    ];
    prop::collection::vec(step, 1..120)
}

fn policy(amount: u64) -> [Level; 2] {
    [
        level(
            LevelKind::Global,
            "",
            vec![limit(Metric::Usd, amount, Period::Day), limit(Metric::Requests, 60, MINUTE)],
        ),
        team(vec![
            limit(Metric::Concurrency, 1 + amount % 17, Period::Now),
            limit(Metric::Usd, amount * 3, Period::Month),
            limit(Metric::Requests, 100, Period::Day),
            limit(Metric::Usd, amount, Period::Sliding { ms: 3_600_000 }),
        ]),
    ]
}

struct InFlight {
    worker: usize,
    at: u64,
    reserved: u64,
    reservation: Reservation,
}

struct World {
    host: MemoryHost,
    workers: Vec<Worker>,
    in_flight: Vec<InFlight>,
    /// What was used, per calendar window (by its end).
    days: HashMap<u64, u64>,
    months: HashMap<u64, u64>,
    requests: HashMap<u64, u64>,
}

fn end_of(at: u64, period: Period) -> u64 {
    window_end(at, period, &Timezone::default())
}

impl World {
    fn end(&mut self, which: usize, outcome: impl Fn(u64) -> Option<u64>) {
        if self.in_flight.is_empty() {
            return;
        }
        let one = self.in_flight.swap_remove(which % self.in_flight.len());
        let used = outcome(one.reserved);
        let settled = used.map_or(Outcome::Refund, |used| Outcome::Used(usd(used)));
        one.reservation.settle(&self.host, &self.workers[one.worker], settled);
        let now = self.host.now();
        let (day, month) = (end_of(one.at, Period::Day), end_of(one.at, Period::Month));
        if now < day {
            *self.days.entry(day).or_default() += used.unwrap_or(0);
        }
        if now < month {
            *self.months.entry(month).or_default() += used.unwrap_or(0);
        }
        if used.is_none() && now < day {
            *self.requests.entry(day).or_default() -= 1;
        }
    }

    /// Lets time pass with hearts beating, as they do.
    fn wait(&self, ms: u64) {
        let end = self.host.now() + ms * MS;
        let beat = 5 * SECOND;
        // Long quiet times need no more than a few beats to show what they do.
        while self.host.now() + beat < end && self.workers.iter().any(|worker| worker.levels_held() > 0) {
            self.host.set_now(self.host.now() + beat);
            self.workers.iter().for_each(|worker| worker.heartbeat(&self.host));
        }
        self.host.set_now(end);
    }
}

/// What counts in the window that now is in.
fn counted(host: &MemoryHost, level: &Level, limit: &Limit) -> (u64, u64) {
    let Some(value) = host.shared_get(&counter_key(level)) else { return (0, 0) };
    let value = Value::read(&value.bytes).unwrap();
    match value.slot(limit.slot).and_then(|slot| slot.live(host.now())) {
        None => (0, 0),
        Some(_) => stored(host, level, limit),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn everything_settled_or_refunded_leaves_exactly_what_was_used(steps in steps()) {
        let mut world = World {
            host: MemoryHost::at(NOON),
            workers: (1..=3).map(worker).collect(),
            in_flight: Vec::new(),
            days: HashMap::new(),
            months: HashMap::new(),
            requests: HashMap::new(),
        };
        let mut levels = policy(1_000);
        let mut born = 3;
        for step in steps {
            match step {
                // Hours are waited with nothing in flight but what hearts keep.
                Step::Wait { ms } if ms > 600_000 && !world.in_flight.is_empty() => {
                    world.host.set_now(world.host.now() + ms * MS);
                }
                Step::Wait { ms } => world.wait(ms),
                Step::Send { worker, nanos } => {
                    let at = world.host.now();
                    if let Ok(reservation) = reserve(&world.host, &world.workers[worker], &levels, usd(nanos)) {
                        world.in_flight.push(InFlight { worker, at, reserved: nanos, reservation });
                        *world.requests.entry(end_of(at, Period::Day)).or_default() += 1;
                        for (level, limit) in levels.iter().flat_map(|level| level.limits.iter().map(move |limit| (level, limit))) {
                            let (settled, held) = stored(&world.host, level, limit);
                            prop_assert!(nanos == 0 || settled + held <= limit.amount, "{limit:?}");
                        }
                    }
                }
                Step::Settle { which, part } => world.end(which, |reserved| Some(reserved * part / 256)),
                Step::Refund { which } => world.end(which, |_| None),
                Step::Die { worker } => {
                    // Its streams are gone with it; nobody settles them.
                    let (lost, left) = world.in_flight.drain(..).partition::<Vec<_>, _>(|one| one.worker == worker);
                    drop(lost);
                    world.in_flight = left;
                    born += 1;
                    world.workers[worker] = super::worker(born);
                }
                Step::Reload { amount } => levels = policy(amount),
            }
        }
        while !world.in_flight.is_empty() {
            world.end(0, |reserved| Some(reserved / 2));
        }
        // The dead are buried by whoever comes next after their lease.
        world.host.set_now(world.host.now() + LEASE);
        levels = policy(u64::MAX / 4);
        reserve(&world.host, &world.workers[0], &levels, usd(0)).unwrap().settle(&world.host, &world.workers[0], Outcome::Refund);

        let now = world.host.now();
        let spent = |windows: &HashMap<u64, u64>, period| windows.get(&end_of(now, period)).copied().unwrap_or(0);
        prop_assert_eq!(counted(&world.host, &levels[0], &levels[0].limits[0]), (spent(&world.days, Period::Day), 0));
        prop_assert_eq!(counted(&world.host, &levels[1], &levels[1].limits[0]), (0, 0), "in flight");
        prop_assert_eq!(counted(&world.host, &levels[1], &levels[1].limits[1]), (spent(&world.months, Period::Month), 0));
        prop_assert_eq!(counted(&world.host, &levels[1], &levels[1].limits[2]), (spent(&world.requests, Period::Day), 0));
    }
}
