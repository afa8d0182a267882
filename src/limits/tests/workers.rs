//! Workers that die, and workers that are only slow.

use super::*;

fn levels(places: u64) -> [Level; 1] {
    [team(vec![
        limit(Metric::Concurrency, places, Period::Now),
        limit(Metric::Usd, 100, Period::Day),
        limit(Metric::Requests, 1_000, Period::Day),
    ])]
}

#[test]
fn what_a_dead_worker_held_is_free_after_its_lease() {
    let host = MemoryHost::at(NOON);
    let levels = levels(2);
    let dead = worker(1);
    let _lost = reserve(&host, &dead, &levels, usd(50)).unwrap();
    let _lost = reserve(&host, &dead, &levels, usd(50)).unwrap();
    host.set_now(NOON + LEASE - 1);
    assert!(reserve(&host, &worker(2), &levels, usd(50)).is_err());
    host.set_now(NOON + LEASE);
    let held = reserve(&host, &worker(2), &levels, usd(100)).unwrap();
    held.settle(&host, &worker(2), Outcome::Used(usd(100)));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (0, 0));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[1]), (100, 0));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[2]), (3, 0), "requests stay counted");
}

#[test]
fn a_heartbeat_keeps_what_is_held_for_as_long_as_it_beats() {
    let host = MemoryHost::at(NOON);
    let levels = levels(1);
    let alive = worker(1);
    let held = reserve(&host, &alive, &levels, usd(100)).unwrap();
    assert_eq!(alive.levels_held(), 1);
    for _ in 0..100 {
        host.advance_ms(5_000);
        alive.heartbeat(&host);
        assert!(reserve(&host, &worker(2), &levels, usd(0)).is_err());
    }
    held.settle(&host, &alive, Outcome::Used(usd(1)));
    assert_eq!(alive.levels_held(), 0);
    assert!(reserve(&host, &worker(2), &levels, usd(99)).is_ok());
}

#[test]
fn a_heartbeat_writes_only_where_something_is_held_and_not_at_every_beat() {
    let host = MemoryHost::at(NOON);
    let levels = levels(9);
    let (busy, idle) = (worker(1), worker(2));
    let _held = reserve(&host, &busy, &levels, usd(1)).unwrap();
    reserve(&host, &idle, &levels, usd(1)).unwrap().settle(&host, &idle, Outcome::Refund);
    let version = || host.shared_get("kw.team.marketing").unwrap().version;
    let before = version();
    host.advance_ms(1_000);
    busy.heartbeat(&host);
    host.advance_ms(20_000);
    idle.heartbeat(&host);
    assert_eq!(version(), before);
    busy.heartbeat(&host);
    assert_eq!(version(), before + 1);
}

#[test]
fn a_worker_taken_for_dead_settles_without_touching_what_it_took_since() {
    let host = MemoryHost::at(NOON);
    let levels = levels(2);
    let slow = worker(1);
    let before = reserve(&host, &slow, &levels, usd(30)).unwrap();
    host.advance_ms(60_000);
    let _after = reserve(&host, &slow, &levels, usd(40)).unwrap();
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[1]), (0, 40));
    before.settle(&host, &slow, Outcome::Used(usd(25)));
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[0]), (0, 1), "the later one is still in flight");
    assert_eq!(stored(&host, &levels[0], &levels[0].limits[1]), (25, 40), "and what was used is charged");
}

#[test]
fn a_loop_of_crashing_workers_fills_no_memory() {
    let host = MemoryHost::at(NOON);
    let levels = [team(vec![limit(Metric::Concurrency, u64::MAX, Period::Now)])];
    let admitted = (1..=3_000).filter(|id| reserve(&host, &worker(*id), &levels, usd(0)).is_ok()).count();
    assert_eq!(admitted, 1_024);
    host.set_now(NOON + LEASE);
    assert!(reserve(&host, &worker(9_999), &levels, usd(0)).is_ok());
    assert!(host.shared_get("kw.team.marketing").unwrap().bytes.len() < 512);
}

#[test]
fn a_worker_that_holds_nothing_any_more_leaves_no_row() {
    let host = MemoryHost::at(NOON);
    let levels = levels(9);
    for outcome in [Outcome::Used(usd(1)), Outcome::Refund] {
        let held = reserve(&host, &worker(1), &levels, usd(5)).unwrap();
        held.settle(&host, &worker(1), outcome);
        let value = host.shared_get("kw.team.marketing").unwrap();
        assert!(Value::read(&value.bytes).unwrap().slots().all(|slot| slot.rows.is_empty()));
    }
}

#[test]
fn a_worker_remembers_no_more_levels_than_it_has_streams_at_and_a_few() {
    let host = MemoryHost::at(NOON);
    let busy = worker(1);
    for name in 0..5_000 {
        let levels = [level(LevelKind::Key, &name.to_string(), vec![limit(Metric::Concurrency, 1, Period::Now)])];
        reserve(&host, &busy, &levels, usd(0)).unwrap().settle(&host, &busy, Outcome::Refund);
    }
    assert!(busy.levels_remembered() <= 1_025, "{}", busy.levels_remembered());
    busy.heartbeat(&host);
    assert_eq!(busy.levels_remembered(), 0);
}
