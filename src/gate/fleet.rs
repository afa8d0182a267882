//! Taking a request where several Envoys share limits: from leases, or, while the store is away, as the policy says.

use super::Gate;
use super::over_limit::OverLimit;
use crate::answer::Refusal;
use crate::host::Host;
use crate::limits::{self, Outcome, Reservation, Settled, Stake, Standing};
use crate::policy::{Grant, Limit, OnOutage, Period, Store};
use crate::pricing::NanoUsd;
use crate::store::{self, Ask, Holding, Short};

/// What a request holds while it is on its way.
#[derive(Debug)]
pub(super) enum Taken {
    /// Of limits that this Envoy has for itself.
    Alone(Reservation),
    /// Of leases, or of nothing where the store is away and the policy lets requests pass.
    Leased(Holding),
    /// Of this Envoy's share while the store is away. The store hears of it later.
    Shared(Reservation, Holding),
}

/// Why nothing could be taken.
#[derive(Debug)]
pub(super) enum Untaken {
    /// A rule has no room.
    Over(Box<OverLimit>),
    /// The store has to be asked first.
    Ask(Ask),
}

impl Taken {
    pub(super) const fn standing(&self) -> &Standing {
        match self {
            Self::Alone(reservation) | Self::Shared(reservation, _) => reservation.standing(),
            Self::Leased(holding) => holding.standing(),
        }
    }

    pub(super) const fn reserved_cost(&self) -> NanoUsd {
        match self {
            Self::Alone(reservation) | Self::Shared(reservation, _) => reservation.reserved_cost(),
            Self::Leased(holding) => holding.reserved_cost(),
        }
    }
}

impl Gate {
    /// Takes a request from leases.
    pub(super) fn take_leased<H: Host>(
        &self,
        host: &H,
        store: &Store,
        stakes: &[Stake<'_>],
        applies: &dyn Fn(&Grant) -> bool,
    ) -> Result<Taken, Untaken> {
        let away = self.client.is_away(host);
        let timezone = &self.policy.timezone;
        let held_to =
            |stake: &Stake<'_>| stake.level.limits.iter().any(|limit| limit.model.as_ref().is_none_or(applies));
        if away && store.on_outage != OnOutage::Local && stakes.iter().any(held_to) {
            return self.without_store(host, store, stakes, applies);
        }
        let mut book = self.client.book.borrow_mut();
        match store::take(host, &mut book, timezone, stakes, applies) {
            Ok(mut holding) => {
                drop(book);
                if let Some(ask) = holding.ahead.take() {
                    self.client.ask_ahead(ask);
                }
                Ok(Taken::Leased(holding))
            }
            Err(Short::Ask(_)) if away => {
                drop(book);
                self.without_store(host, store, stakes, applies)
            }
            Err(Short::Ask(ask)) => Err(Untaken::Ask(ask)),
            Err(Short::Refused(refused)) => Err(Untaken::Over(Box::new(OverLimit::new(&refused)))),
        }
    }

    /// Takes a request while the store is away.
    ///
    /// # Errors
    /// The policy denies it, or this Envoy's share has no room.
    pub(super) fn without_store<H: Host>(
        &self,
        host: &H,
        store: &Store,
        stakes: &[Stake<'_>],
        applies: &dyn Fn(&Grant) -> bool,
    ) -> Result<Taken, Untaken> {
        let timezone = &self.policy.timezone;
        let reservation = match store.on_outage {
            OnOutage::Deny => None,
            OnOutage::Allow => {
                let book = &mut self.client.book.borrow_mut();
                return Ok(Taken::Leased(store::unchecked(host, book, timezone, stakes, applies)));
            }
            OnOutage::Local => store::peers::read(host).map(|peers| {
                let shares: Vec<Vec<u64>> = stakes.iter().map(|stake| shares(host, stake, peers)).collect();
                let stakes: Vec<Stake<'_>> = stakes
                    .iter()
                    .zip(&shares)
                    .map(|(stake, share)| Stake { allowed: Some(share.as_slice()), ..*stake })
                    .collect();
                limits::reserve(host, &self.worker, timezone, &stakes, applies)
                    .map_err(|refused| Untaken::Over(Box::new(OverLimit::new(&refused))))
            }),
        };
        let Some(reservation) = reservation else {
            let standing = store::peek(host, timezone, stakes, applies);
            let refusal = Refusal::StoreUnavailable;
            return Err(Untaken::Over(Box::new(OverLimit { refusal, rule: None, standing })));
        };
        let book = &mut self.client.book.borrow_mut();
        reservation
            .map(|reservation| Taken::Shared(reservation, store::unchecked(host, book, timezone, stakes, applies)))
    }

    /// Puts what was used in the place of what was taken.
    pub(super) fn give_back<H: Host>(&self, host: &H, taken: Taken, outcome: Outcome) -> Settled {
        match taken {
            Taken::Alone(reservation) => reservation.settle(host, &self.worker, outcome),
            Taken::Leased(holding) => {
                holding.settle(host, &mut self.client.book.borrow_mut(), outcome);
                Settled::default()
            }
            Taken::Shared(reservation, holding) => {
                holding.settle(host, &mut self.client.book.borrow_mut(), outcome);
                // Percentages are the fleet's, and the store tells them.
                let settled = reservation.settle(host, &self.worker, outcome);
                Settled { alerts: Vec::new(), ..settled }
            }
        }
    }
}

/// What this Envoy may spend alone of each limit of a stake: of a calendar window an equal part of what was left of it when
/// the store last spoke, of other limits an equal part of all.
fn shares<H: Host>(host: &H, stake: &Stake<'_>, peers: u64) -> Vec<u64> {
    let used = store::used(host, stake);
    let share = |limit: &Limit| {
        let left = match limit.period {
            Period::Now | Period::Sliding { .. } => limit.amount,
            _ => limit.amount.saturating_sub(used(stake.slot(limit.slot))),
        };
        left.checked_div(peers).unwrap_or(0)
    };
    stake.level.limits.iter().map(share).collect()
}
