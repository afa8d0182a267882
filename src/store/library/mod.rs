//! The function library that runs inside Redis: where the windows of a fleet are kept.
//!
//! Envoys take **leases** from limits with `keyward_take`, spend them on their own, and tell what they spent with
//! `keyward_report`. Redis runs one function at a time, so whatever Envoys do at once, no limit is given away twice. Time is
//! Redis' own, in ms. All numbers are whole, below 2⁵³, and travel as decimal digits.
//!
//! | key | holds | for how long |
//! |---|---|---|
//! | `kw:{kw}:level:<level>` | hash: the state of each limit of a level, by slot | until nothing in it matters |
//! | `kw:{kw}:seq:<worker>` | the number of the last report of a worker | 7 days |
//! | `kw:{kw}:day:<YYYY-MM-DD>` | hash, the ledger: `<row>\|<metric>`, metric one of `requests input cached cache_write output reasoning cost` (nano-dollars) | 400 days |
//! | `kw:{kw}:envoys` | hash: `<last seen> <text>` by Envoy | 1 hour |
//!
//! # `keyward_take`
//!
//! `FCALL keyward_take <n> <level key>*n <envoy> <ttl_ms> <slots>`, then for each slot
//! `level slot kind span span2 amount need have want rate spare spent gen known`:
//!
//! - `level` is the number of its key, from 1; `kind` is `s` (sliding, `span` ms), `c` (calendar: `span` is the end of the
//!   window, `span2` that of the next one, as the caller computes them) or `f` (in flight).
//! - `need` is what the request takes, `have` what the caller has left of its lease (below 0: overspent), `want` how much more it would like.
//! - `rate` is how much it takes in two seconds, `spare` what may lie unspent in all Envoys while half of the limit is left.
//! - `spent` is what counts as spent of its lease, or was given back, if it is never heard of again: -1 for all that was granted.
//! - `gen` is the lease it has (0: none), `known` the sum of the grants of it that it has heard of.
//!
//! If any slot refuses, nothing is granted, but the leases that the caller has are renewed. The reply is `ok|no now_ms`, then
//! for each slot `grant gen granted used retry_ms peers`; gen 0 if the caller has no lease there. `granted` is the sum of all
//! grants of that gen: by it the caller hears of those whose replies were lost.
//!
//! # `keyward_report`
//!
//! `FCALL keyward_report <n> <seq key> <level key>*L <day key>*D <envoy> <text> <seq> <ttl_ms> <L> <D> <slots>`, for each slot
//! `level slot kind span span2 amount gen returned spent thresholds rows` and as many `bucket delta`, then `<ledger rows>` and
//! for each `day row requests input cached cache_write output reasoning cost`. `level` and `day` count from 1 among their
//! own. A report whose `seq` is not above the last one changes no count: a worker sends the next report when this one is
//! answered, and until then the same one again.
//!
//! What is told of a slot belongs to the lease `gen` it was spent from: where some was spent from an older one as well, the slot
//! comes once for each. Told of the new lease, it would make Redis believe that less of it is left than there is.
//!
//! `bucket` is when (`s`) or in which window, by its end, (`c`) it was admitted. The caller's idea of Redis' time should
//! rather be late than early: `now_ms` of a reply, plus the time since it **sent** that request.
//!
//! The reply is `ok|again now_ms`, then for each slot `gen granted used alert settled`, then how many Envoys reported in
//! the last minute. Gen 0 if that lease is over: what the caller has left of it is void and to be `returned`, with what of
//! `granted` it never heard of. A caller that names no lease is told of the one it has.
//!
//! # What keeps a limit
//!
//! - At every grant, spent and lent together are at most the limit.
//! - A lease ends with its Envoy, `ttl` after it was last heard of. What it may have spent without telling counts as if it
//!   was spent: until the window has passed, or the Envoy tells after all. In a calendar window that is no more than it had
//!   said to be `spent`; and in flight nothing is.
//! - A grant whose reply got lost is its Envoy's all the same: the Envoy finds it in `granted` of a later reply, when it waits
//!   for none that might still bring it. Else it ends with the lease.
//! - What a request gives back after its window has passed must be `returned`, not kept in the lease: it is free already.
//!
//! The state has a format of its own (`FORMAT` in `state.lua`): a new version of the library reads the older ones, so that
//! replacing it keeps every count. What stands under one of these keys and is of another type, or cannot be read, was not
//! put there by it, and makes way.

/// The version of the library; `keyward_version` tells that of the one loaded.
pub const VERSION: u32 = 1;

/// The text for `FUNCTION LOAD`.
pub const LIBRARY: &str = concat!(
    "#!lua name=keyward\n",
    include_str!("version.lua"),
    include_str!("clock.lua"),
    include_str!("arguments.lua"),
    include_str!("state.lua"),
    include_str!("take.lua"),
    include_str!("report.lua"),
    include_str!("functions.lua"),
);

/// The same as a script, for `SCRIPT LOAD` where the server has no functions. The first argument after the keys is `take`,
/// `report` or `version`.
pub const SCRIPT: &str = concat!(
    include_str!("version.lua"),
    include_str!("clock.lua"),
    include_str!("arguments.lua"),
    include_str!("state.lua"),
    include_str!("take.lua"),
    include_str!("report.lua"),
    include_str!("script.lua"),
);

/// What `EVALSHA` calls [`SCRIPT`] by.
pub const SCRIPT_SHA1: &str = "076a8c296da093b820f36d7473abf8ec3bc1de57";
