//! End users: counted apart, in bounded room.

use super::*;
use crate::limits::EndUser;

fn policy(amount: u64) -> Level {
    level(LevelKind::EndUser, "", vec![limit(Metric::Requests, amount, MINUTE), limit(Metric::Usd, 1_000, Period::Day)])
}

fn send(host: &MemoryHost, level: &Level, person: &EndUser) -> bool {
    let stakes = [Stake { level, counter: &person.counter, tag: person.tag, allowed: None, demand: usd(1) }];
    let worker = worker(1);
    let held = crate::limits::reserve(host, &worker, &Timezone::default(), &stakes, &|_| true);
    held.map(|held| held.settle(host, &worker, Outcome::Used(usd(1)))).is_ok()
}

#[test]
fn each_end_user_has_its_own_count() {
    let host = MemoryHost::at(NOON);
    let level = policy(2);
    let people = ["ann", "bob"].map(|name| EndUser::of(Some("marketing"), "k", name));
    for person in &people {
        assert!(send(&host, &level, person) && send(&host, &level, person) && !send(&host, &level, person));
    }
}

#[test]
fn end_users_in_one_value_do_not_count_for_each_other() {
    let host = MemoryHost::at(NOON);
    let level = policy(2);
    let people = [1_u64, 2, 3, 4].map(|tag| EndUser { counter: "kw.end_user.0".into(), tag });
    for person in people.iter().chain(&people) {
        assert!(send(&host, &level, person));
    }
    assert!(people.iter().all(|person| !send(&host, &level, person)));
    let fifth = EndUser { counter: "kw.end_user.0".into(), tag: 5 };
    host.advance_ms(1);
    assert!(send(&host, &level, &fifth), "room is made");
    let left = people.iter().filter(|person| !send(&host, &level, person)).count();
    assert!(left < 4, "by whom nobody asked for longest");
}

#[test]
fn two_teams_end_users_of_one_name_are_two_people_and_two_keys_of_a_team_share_them() {
    let of = EndUser::of;
    assert_ne!(of(Some("marketing"), "k", "42"), of(Some("sales"), "k", "42"));
    assert_eq!(of(Some("marketing"), "k", "42"), of(Some("marketing"), "other", "42"));
    assert_ne!(of(None, "k", "42"), of(None, "other", "42"));
    assert_ne!(of(None, "marketing", "42"), of(Some("marketing"), "k", "42"));
    assert_ne!(of(Some("a"), "k", "b42"), of(Some("ab"), "k", "42"));
}

#[test]
fn inventing_names_does_not_grow_memory() {
    let host = MemoryHost::at(NOON);
    let level = policy(2);
    for name in 0..60_000 {
        host.set_now(NOON + name);
        assert!(send(&host, &level, &EndUser::of(Some("marketing"), "k", &format!("user-{name}"))));
    }
    assert!(host.shared_len() <= 4_096, "{} values", host.shared_len());
    let largest = (0..4_096).filter_map(|place| host.shared_get(&format!("kw.end_user.{place}")));
    let largest = largest.map(|value| value.bytes.len()).max().unwrap();
    assert!(largest <= 32 + 24 + 4 * 2 * (72 + 16), "{largest} bytes");
}

#[test]
fn an_evicted_end_users_reservation_settles_nobody_elses_count() {
    let host = MemoryHost::at(NOON);
    let level = policy(9);
    let person = |tag| EndUser { counter: "kw.end_user.0".into(), tag };
    let stakes = [Stake { level: &level, counter: "kw.end_user.0", tag: 1, allowed: None, demand: usd(500) }];
    let held = crate::limits::reserve(&host, &worker(1), &Timezone::default(), &stakes, &|_| true).unwrap();
    for tag in 2..=5 {
        host.advance_ms(1);
        assert!(send(&host, &level, &person(tag)));
    }
    held.settle(&host, &worker(1), Outcome::Refund);
    let value = host.shared_get("kw.end_user.0").unwrap();
    let settled: Vec<u64> = Value::read(&value.bytes)
        .unwrap()
        .slots()
        .filter_map(|slot| match slot.tally {
            Tally::Calendar { settled, .. } => Some(settled + sum(slot.rows)),
            _ => None,
        })
        .collect();
    assert_eq!(settled, [1, 1, 1, 1]);
}
