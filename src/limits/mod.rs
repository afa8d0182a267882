//! May they spend that now? Taking a request from every limit that applies, and settling it when its cost is known.
//!
//! Each level (global, org, team, project, user, key, end user) keeps the counters of all its limits in **one** value of
//! the data that all workers of an Envoy share, so that checking and taking a level is one compare-and-set. [`reserve()`]
//! looks at all levels first and writes only if all of them admit; a level that refuses after all, because another worker
//! was faster, makes it put back what it took. [`Reservation::settle`] replaces what was reserved by what was used.
//!
//! - **Sliding windows** are logs of admissions: in no window of the limit's length is more admitted than the limit, to
//!   the nanosecond. In a log of more than 128 admissions those of the same 1/64 of the window are merged into the latest
//!   of them: capacity then comes back up to 1/64 of a window late, never early.
//! - **Calendar windows** keep what is settled, and what is reserved per worker. A request counts in the window it was
//!   admitted in.
//! - **In flight** is kept per worker.
//! - A **worker** not seen for [`LEASE`] is dead, and what it held is free again. Workers are seen when they write and by
//!   [`Worker::heartbeat`].
//!
//! Counters are found by [`crate::policy::Limit::slot`], not by amount: a policy reload keeps them, and a changed amount
//! applies to the running window. A counter no longer in the policy stays while it holds something.
//!
//! **How it fails: closed, towards too little.** Nothing is admitted beyond a limit whatever the interleaving; a request
//! that loses every race is [`RefusedBy::Contended`]. While a request that will be refused at one level is putting back
//! what it took at another, a third can be refused there that would have fitted. A value that cannot be read is begun
//! anew: only Keyward writes them, another format has other keys, and a level that refuses for ever would be worse. If
//! the clock is set back, nothing is admitted twice; if it is set forward, windows end and leases expire early.
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod claim;
mod codec;
mod counter;
mod end_user;
mod expected;
mod repair;
mod reservation;
mod reserve;
mod slot;
mod stake;
mod standing;
mod window;
mod worker;

#[cfg(test)]
mod tests;

pub use crate::pricing::Demand;
pub use end_user::EndUser;
pub use expected::Expected;
pub use reservation::{Alert, Outcome, Reservation, Settled};
pub use reserve::{Reason, Refused, RefusedBy, peek, reserve};
pub use stake::{Stake, counter_key};
pub use standing::{Headroom, Standing};
pub use window::window_end;
pub use worker::{Worker, WorkerId};

/// A worker unseen for so long (nanoseconds) is dead: what it held is freed.
pub const LEASE: u64 = 30_000_000_000;
