//! Reports: what a worker tells the store, in numbered letters of which each counts once however often it is sent, and by
//! which leases are renewed and given back.

use std::collections::BTreeMap;

use super::book::{Book, SlotBook};
use super::command::{Calling, Command};
use super::counted::Counted;
use super::lease::{LASTS, Lease};
use super::leases;
use super::letter::{Line, Sent};
use super::measure::{COUNTS_TO, Measured, parts};
use super::peers;
use crate::host::Host;
use crate::policy::{LevelKind, Metric, SlotId, Timezone};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
/// Leases are renewed that often.
const RENEW: u64 = 5 * SECOND;
/// And that often an Envoy shows that it is there.
const SHOW: u64 = 20 * SECOND;
/// What was not touched for so long is given back: where all of a limit is near its end, and where it is not.
const IDLE_NEAR: u64 = 300 * MILLISECOND;
const IDLE_FAR: u64 = 10 * SECOND;
/// What goes beyond so much time's worth is given back, once there is so much time to tell.
const AHEAD: u64 = SECOND;
const TELLING: u64 = 300 * MILLISECOND;
/// So few levels are looked after every time.
const FEW: usize = 200;
/// More requests than that do not wait.
const MANY: u64 = 5_000;
/// What one letter holds at the most.
const MOST_SLOTS: usize = 200;
const MOST_ROWS: usize = 200;

/// What is told of one lease.
#[derive(Debug, Default)]
struct Letter {
    returned: u64,
    spent: i64,
    known: Option<u64>,
    rows: Vec<(u64, i64)>,
}

/// A budget that has reached a percentage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The level, as its counter is named.
    pub level: String,
    /// The percentage.
    pub percent: u64,
    /// What the fleet spent.
    pub spent: u64,
    /// Of what.
    pub amount: u64,
}

impl Book {
    /// What is to be sent now, if anything is: the letter that nobody answered yet, or a new one; an empty one where it is
    /// only to `probe` whether the store is there.
    pub fn report<H: Host + ?Sized>(
        &mut self,
        host: &H,
        timezone: &Timezone,
        calling: Calling,
        probe: bool,
    ) -> Option<Command> {
        let now = host.now();
        self.at(now);
        if self.sent.is_none() {
            // What is told is told by the store's clock. Who does not know it shows itself first.
            let due = self.knows_time() && (self.due.is_some_and(|due| due <= now) || self.requests >= MANY);
            // Every tick, unless there are so many that a look is work.
            let pause = if self.levels.len() < FEW { 0 } else { SECOND };
            let look = self.knows_time() && self.looked.saturating_add(pause) <= now;
            if look {
                self.looked = now;
            }
            let lines = if due || look { self.lines(host, now, due) } else { Vec::new() };
            if lines.len() >= MOST_SLOTS {
                // There may be more to look after.
                self.looked = 0;
            }
            let ledger = if due { self.ledger.take(MOST_ROWS) } else { Vec::new() };
            if due {
                self.requests = 0;
                let more = !self.ledger.is_empty() || self.levels.values().any(|level| level.has_rows());
                self.due = more.then_some(now);
            }
            let seen = self.reported.is_some_and(|last| now < last.saturating_add(SHOW));
            if lines.is_empty() && ledger.is_empty() && !probe && seen {
                return None;
            }
            self.sequence = self.sequence.saturating_add(1);
            self.sent = Some(Sent { sequence: self.sequence, slots: lines, ledger, at: now });
        }
        let (envoy, worker) = (self.envoy.clone(), self.worker.clone());
        let store_time = self.store_time(now);
        let sent = self.sent.as_mut()?;
        sent.at = now;
        Some(sent.command(calling, &envoy, &worker, timezone, store_time))
    }

    /// What every level has to tell, and which of its leases go back. Leases are looked after by one worker at a time.
    fn lines<H: Host + ?Sized>(&mut self, host: &H, now: u64, due: bool) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut gone = Vec::new();
        let peers = peers::read(host).unwrap_or(1);
        for (name, level) in &mut self.levels {
            if lines.len() >= MOST_SLOTS {
                break;
            }
            let spent: Vec<u64> = if due { level.spent() } else { Vec::new() };
            let slots = &level.slots;
            let looked = leases::update(host, &level.counter, now, |leases| {
                let mut told: Vec<(Lease, u64)> = Vec::new();
                let mut changed = false;
                for lease in leases.iter_mut() {
                    // What this worker never took from, another one looks after.
                    let heard = lease.generation != 0 || lease.is_unheard(now);
                    let Some(book) = slots.get(&lease.slot).filter(|_| heard) else { continue };
                    let returned = surplus(lease, &book.measured, peers, now);
                    lease.give_back(returned);
                    let quiet = lease.is_quiet(now);
                    let is_news = quiet && lease.busy != 0 && book.measured.quiets();
                    if lease.renewed.saturating_add(RENEW) <= now || returned > 0 || is_news {
                        lease.renewed = now;
                        changed = true;
                    } else if !spent.contains(&lease.slot) {
                        continue;
                    }
                    let busy = u64::from(!quiet);
                    changed |= core::mem::replace(&mut lease.busy, busy) != busy;
                    told.push((*lease, returned));
                }
                // Others may share the value, and of what was overspent nothing can be taken, or goes back.
                let mut own = leases.iter().filter(|lease| slots.contains_key(&lease.slot));
                let holds = own.any(|lease| lease.generation != 0 && lease.available > 0 || lease.unheard != 0);
                (changed, (told, holds))
            });
            let Some((told, holds)) = looked else { continue };
            for (slot, book) in &mut level.slots {
                let of_lease = told.iter().find(|(lease, _)| lease.slot == *slot);
                let mut letters = if due { book.take_letters() } else { BTreeMap::new() };
                if let Some((lease, returned)) = of_lease {
                    let letter = letters.entry(lease.generation).or_default();
                    letter.returned = letter.returned.saturating_add(*returned);
                    letter.spent = book.measured.spent(is_end_user(name), lease, lease.busy == 0);
                }
                // What was spent of a lease is told of that lease, though it may be over.
                lines.extend(
                    letters
                        .into_iter()
                        .map(|(generation, letter)| book.line(name, &level.counter, *slot, generation, letter)),
                );
            }
            if !holds && level.flying == 0 && !level.has_rows() {
                gone.push(name.clone());
            }
        }
        for name in gone {
            self.levels.remove(&name);
        }
        lines
    }

    /// Whether there is more to tell than the last letter held.
    #[must_use]
    pub fn has_more(&self, now: u64) -> bool {
        self.looked == 0 || self.due.is_some_and(|due| due <= now) || self.requests >= MANY
    }

    /// Takes the answer to the letter, and says how many Envoys there are and which budgets have reached a percentage; `None`
    /// if it is no answer.
    #[must_use]
    pub fn reported<H: Host + ?Sized>(&mut self, host: &H, answer: &str) -> Option<(u64, Vec<Reached>)> {
        let sent = self.sent.as_ref()?;
        let (store_ms, envoys, told) = sent.read(answer)?;
        let (at, now) = (sent.at, host.now());
        self.saw_time(store_ms, at);
        let sent = self.sent.take()?;
        self.reported = Some(at);
        let deadline = at.saturating_add(LASTS);
        let mut reached = Vec::new();
        for (line, told) in sent.slots.iter().zip(told) {
            let heard = leases::update(host, &line.limit.counter, now, |leases| {
                let is_it = |lease: &&mut Lease| {
                    lease.generation == line.generation && (line.generation != 0 || lease.unheard != 0)
                };
                let Some(lease) = leases.find(line.limit.slot).filter(is_it) else { return (false, None) };
                lease.used = told.used;
                lease.forget_asking(now);
                let void = if line.generation == 0 || told.generation == line.generation {
                    lease.hear(told.generation, 0, told.granted, deadline)
                } else {
                    lease.end(Some(told.granted))
                };
                (true, Some((void, lease.available)))
            });
            if let Some((void, available)) = heard.flatten() {
                self.heard(&line.limit.of_lease(line.generation), void, available, now);
            }
            if let Some(known) = line.known.filter(|_| told.generation != line.generation) {
                self.return_unspent(&line.limit.of_lease(line.generation), told.granted.saturating_sub(known), now);
            }
            if told.alert > 0 {
                reached.push(Reached {
                    level: told_as(&line.limit.name).to_owned(),
                    percent: told.alert,
                    spent: told.settled,
                    amount: line.limit.measured.amount,
                });
            }
        }
        Some((envoys, reached))
    }
}

/// A level as alerts name it. End users are one there: callers make their names up, and each would be a metric of its own.
pub(super) fn told_as(name: &str) -> &str {
    if is_end_user(name) { LevelKind::EndUser.as_str() } else { name }
}

fn is_end_user(name: &str) -> bool {
    name.split_once('.').is_some_and(|(kind, _)| kind == LevelKind::EndUser.as_str())
}

/// What nobody here seems to need of a lease: all of it where it is idle, else what it has beyond a second's worth, and
/// beyond its Envoy's part of what may lie unspent of the limit.
fn surplus(lease: &Lease, measured: &Measured, peers: u64, now: u64) -> u64 {
    let since = |then: u64| now.saturating_sub(then);
    let held = u64::try_from(lease.available).unwrap_or(0);
    if held == 0 || lease.is_awaited(now) || since(lease.asked) < TELLING {
        return 0;
    }
    let near = lease.used >= measured.amount.saturating_sub(measured.amount / 8);
    let in_flight = measured.metric == Metric::Concurrency;
    if near && in_flight {
        // Places come free again and again: who is busy must not keep them from others for ever.
        return held;
    }
    let patience = if near || in_flight { IDLE_NEAR } else { IDLE_FAR };
    if since(lease.touched) >= patience && since(lease.asked) >= patience {
        return held;
    }
    let worth = u128::from(lease.taken).saturating_mul(u128::from(AHEAD)).checked_div(u128::from(since(lease.asked)));
    let part = (measured.amount / 128).checked_div(peers).unwrap_or(0);
    let surplus = held.saturating_sub(part.max(u64::try_from(worth.unwrap_or(0)).unwrap_or(u64::MAX)));
    // A second's worth becomes less all the time: what is not worth a call stays.
    if surplus >= held / 4 { surplus } else { 0 }
}

impl SlotBook {
    fn line(&self, name: &str, counter: &str, slot: u64, generation: u64, letter: Letter) -> Line {
        let counted = Counted {
            counter: counter.into(),
            name: name.into(),
            most: self.most,
            slot: SlotId(slot),
            measured: self.measured,
            thresholds: self.thresholds.clone(),
        };
        Line {
            limit: counted,
            generation,
            returned: letter.returned,
            spent: letter.spent,
            known: letter.known,
            rows: letter.rows,
        }
    }

    /// Takes out what is to be told, by lease.
    fn take_letters(&mut self) -> BTreeMap<u64, Letter> {
        let mut letters: BTreeMap<u64, Letter> = BTreeMap::new();
        for ((generation, bucket), amount) in core::mem::take(&mut self.rows) {
            if amount != 0 {
                letters.entry(generation).or_default().rows.extend(parts(amount).map(|part| (bucket, part)));
            }
        }
        for (generation, returned) in core::mem::take(&mut self.returned) {
            letters.entry(generation).or_default().returned = returned.min(COUNTS_TO);
        }
        for (generation, known) in core::mem::take(&mut self.sought) {
            letters.entry(generation).or_default().known = Some(known);
        }
        letters
    }
}
