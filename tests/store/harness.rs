//! The library in a Redis of its own, with a clock that tests set: everything is told as text, as Envoys do.

use keyward::store::library;
use redis::Connection;

use crate::redis_server::Redis;

/// A minute, a window that ends at 100 s after the start (the next one at 200 s), and in flight: `level slot kind span span2`.
pub const SLIDING: &str = "1 minute s 64000 0";
pub const CALENDAR: &str = "2 day c 1000100000 1000200000";
pub const IN_FLIGHT: &str = "2 flying f 0 0";
/// When every test begins, in ms.
pub const START: u64 = 1_000_000_000;
/// How long leases live in tests.
pub const TTL: u64 = 30_000;

/// Numbers for each slot in the reply to a take and to a report.
const OF_TAKE: usize = 6;
const OF_REPORT: usize = 5;

const LEVELS: [&str; 2] = ["kw:{kw}:level:a", "kw:{kw}:level:b"];
const DAYS: [&str; 2] = ["kw:{kw}:day:2026-01-01", "kw:{kw}:day:2026-01-02"];

/// The two ways to call the same library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `FCALL`
    Library,
    /// `EVALSHA`
    Script,
}

/// Makes of a test two, one for each [`Form`].
#[macro_export]
macro_rules! in_both_forms {
    ($($(#[doc = $why:literal])* fn $name:ident($store:ident) $body:block)*) => { $(
        mod $name {
            use super::*;
            fn run(mut store: Store) {
                let $store = &mut store;
                $body
            }
            #[test]
            fn as_a_library() {
                run(Store::new(Form::Library));
            }
            #[test]
            fn as_a_script() {
                run(Store::new(Form::Script));
            }
        }
    )* };
}

/// A reply: its first word, and the numbers for each slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub word: String,
    pub now: u64,
    pub slots: Vec<Vec<u64>>,
}

/// A Redis with the library in it.
pub struct Store {
    _server: Redis,
    pub connection: Connection,
    form: Form,
    sha: String,
}

impl Store {
    pub fn new(form: Form) -> Self {
        let server = Redis::start();
        let mut connection = server.connect();
        let clock = include_str!("../../src/store/library/clock.lua");
        let of_tests = "local function now_us() return tonumber(redis.call('GET', 'test:now')) * 1000 end\n";
        let text = |text: &str| {
            assert_eq!(text.matches(clock).count(), 1, "the clock is replaced");
            text.replace(clock, of_tests)
        };
        let mut sha = String::new();
        match form {
            Form::Library => {
                let mut load = redis::cmd("FUNCTION");
                load.arg("LOAD").arg(text(library::LIBRARY)).exec(&mut connection).unwrap();
            }
            Form::Script => {
                let mut load = redis::cmd("SCRIPT");
                sha = load.arg("LOAD").arg(text(library::SCRIPT)).query(&mut connection).unwrap();
            }
        }
        let mut store = Self { _server: server, connection, form, sha };
        store.at(0);
        store
    }

    /// Sets the clock, in ms since [`START`].
    pub fn at(&mut self, ms: u64) {
        redis::cmd("SET").arg("test:now").arg(START + ms).exec(&mut self.connection).unwrap();
    }

    /// Forgets everything but the library.
    pub fn clear(&mut self) {
        redis::cmd("FLUSHALL").exec(&mut self.connection).unwrap();
        self.at(0);
    }

    /// Calls a function of the library with these keys and arguments.
    pub fn call(&mut self, function: &str, keys: &[&str], arguments: &[&str]) -> Result<String, String> {
        let mut call = match self.form {
            Form::Library => redis::cmd("FCALL"),
            Form::Script => redis::cmd("EVALSHA"),
        };
        match self.form {
            Form::Library => call.arg(format!("keyward_{function}")),
            Form::Script => call.arg(&self.sha),
        };
        call.arg(keys.len()).arg(keys);
        if self.form == Form::Script {
            call.arg(function);
        }
        call.arg(arguments).query(&mut self.connection).map_err(|error| error.to_string())
    }

    /// `keyward_take` for these slots.
    pub fn take(&mut self, envoy: &str, slots: &[String]) -> Reply {
        let slots = slots.join(" ");
        let count = (slots.split_whitespace().count() / 14).to_string();
        let ttl = TTL.to_string();
        let arguments: Vec<&str> = [envoy, &ttl, &count].into_iter().chain(slots.split_whitespace()).collect();
        Reply::read(&self.call("take", &LEVELS, &arguments).unwrap(), OF_TAKE)
    }

    /// `keyward_report` of a worker, with ledger rows, each `day row requests … cost`.
    pub fn report(&mut self, envoy: &str, seq: u64, slots: &[String], rows: &[&str]) -> Reply {
        let worker = format!("kw:{{kw}}:seq:{envoy}-1");
        let keys: Vec<&str> = [worker.as_str()].into_iter().chain(LEVELS).chain(DAYS).collect();
        let (seq, ttl) = (seq.to_string(), TTL.to_string());
        let (slot_count, row_count) = (slots.len().to_string(), rows.len().to_string());
        let (slots, rows) = (slots.join(" "), rows.join(" "));
        let mut arguments = vec![envoy, "envoy 1.40", &seq, &ttl, "2", "2", &slot_count];
        arguments.extend(slots.split_whitespace());
        arguments.push(&row_count);
        arguments.extend(rows.split_whitespace());
        Reply::read(&self.call("report", &keys, &arguments).unwrap(), OF_REPORT)
    }

    /// What a slot holds, without asking for anything: used by somebody else's eyes.
    pub fn used(&mut self, limit: &str, amount: u64) -> u64 {
        self.take("onlooker", &[ask(limit, amount, 0, 0, 0, 0)]).slots[0][3]
    }

    /// A field of the state of a slot, by an expression over `state`.
    pub fn state(&mut self, key: &str, slot: &str, expression: &str) -> i64 {
        let script = format!(
            "local function size(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
             local state = cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1])) return {expression}"
        );
        redis::cmd("EVAL").arg(script).arg(1).arg(key).arg(slot).query(&mut self.connection).unwrap()
    }

    /// Every key that the library made.
    pub fn keys(&mut self) -> Vec<String> {
        redis::cmd("KEYS").arg("kw:*").query(&mut self.connection).unwrap()
    }

    /// How long a key has to live, in ms; negative: for ever.
    pub fn ttl(&mut self, key: &str) -> i64 {
        redis::cmd("PTTL").arg(key).query(&mut self.connection).unwrap()
    }

    /// A field of a hash.
    pub fn field(&mut self, key: &str, field: &str) -> Option<String> {
        let value: Option<Vec<u8>> = redis::cmd("HGET").arg(key).arg(field).query(&mut self.connection).unwrap();
        value.map(|value| String::from_utf8_lossy(&value).into_owned())
    }
}

/// What a request asks of a slot.
pub fn ask(limit: &str, amount: u64, need: u64, have: u64, want: u64, gen_: u64) -> String {
    asks(limit, amount, &format!("{need} {have} {want}"), 1, 0, gen_, HEARD)
}

/// Of an answer that everything was heard of.
pub const HEARD: u64 = 1 << 50;

/// The same, of an Envoy that says how fast it is, how much may lie unspent, and what it heard was granted.
pub fn asks(limit: &str, amount: u64, wants: &str, rate: u64, spare: u64, gen_: u64, known: u64) -> String {
    format!("{limit} {amount} {wants} {rate} {spare} -1 {gen_} {known}")
}

/// What a request asks of an Envoy that has spent so much of its lease.
pub fn asks_spent(limit: &str, amount: u64, need: u64, spent: i64, gen_: u64) -> String {
    format!("{limit} {amount} {need} 0 0 1 0 {spent} {gen_} {HEARD}")
}

/// What is told of a slot: `rows` are `bucket delta`, the bucket as it stands.
pub fn tell(limit: &str, amount: u64, gen_: u64, returned: u64, thresholds: &str, rows: &[(u64, i64)]) -> String {
    tell_spent(limit, amount, gen_, returned, -1, thresholds, rows)
}

/// The same, of an Envoy that has spent so much of its lease.
pub fn tell_spent(
    limit: &str,
    amount: u64,
    gen_: u64,
    returned: u64,
    spent: i64,
    thresholds: &str,
    rows: &[(u64, i64)],
) -> String {
    let mut text = format!("{limit} {amount} {gen_} {returned} {spent} {thresholds} {}", rows.len());
    rows.iter().for_each(|(bucket, delta)| text += &format!(" {bucket} {delta}"));
    text
}

impl Reply {
    fn read(text: &str, per_slot: usize) -> Self {
        let mut words = text.split(' ');
        let word = words.next().unwrap().to_owned();
        let now = words.next().unwrap().parse().unwrap();
        // What never fits is told as -1.
        let mut numbers: Vec<u64> =
            words.map(|word| if word == "-1" { u64::MAX } else { word.parse().unwrap() }).collect();
        if per_slot == OF_REPORT {
            numbers.pop();
        }
        assert_eq!(numbers.len() % per_slot, 0, "{text}");
        Self { word, now, slots: numbers.chunks(per_slot).map(<[u64]>::to_vec).collect() }
    }

    /// Of a take: was granted.
    pub fn grant(&self) -> u64 {
        self.slots[0][0]
    }

    /// Of a take: the lease.
    pub fn gen_(&self) -> u64 {
        self.slots[0][1]
    }

    /// Of a take: used, by all.
    pub fn used(&self) -> u64 {
        self.slots[0][3]
    }

    /// Of a take: when to try again.
    pub fn retry(&self) -> u64 {
        self.slots[0][4]
    }
}
