use super::Gate;
use super::demand::Demands;
use super::fleet::{Taken, Untaken};
use super::over_limit::OverLimit;
use crate::authz::{self, Resolved};
use crate::host::Host;
use crate::limits::{self, EndUser, Stake, Standing, counter_key};
use crate::policy::{Grant, Key, Level, Reserve};
use crate::pricing::Demand;
use crate::store;

impl Gate {
    /// Takes what a request asks for from every level that holds for it, or nothing.
    ///
    /// # Errors
    /// The rule that has no room, or what the store has to be asked.
    pub(super) fn take<H: Host>(
        &self,
        host: &H,
        key: &Key,
        model: &Resolved<'_>,
        demands: &Demands,
        end_user: Option<&str>,
    ) -> Result<Taken, Untaken> {
        self.staking(key, model, demands, end_user, |stakes, applies| match &self.policy.store {
            Some(store) => self.take_leased(host, store, stakes, applies),
            None => limits::reserve(host, &self.worker, &self.policy.timezone, stakes, applies)
                .map(Taken::Alone)
                .map_err(|refused| Untaken::Over(Box::new(OverLimit::new(&refused)))),
        })
    }

    /// With what a request has at stake, and which limits on models hold for it.
    pub(super) fn staking<R>(
        &self,
        key: &Key,
        model: &Resolved<'_>,
        demands: &Demands,
        end_user: Option<&str>,
        then: impl FnOnce(&[Stake<'_>], &dyn Fn(&Grant) -> bool) -> R,
    ) -> R {
        let by_level = |level: &Level| match level.reserve {
            Reserve::Full => demands.full,
            Reserve::Expected => demands.expected,
        };
        let applies = |grant: &Grant| authz::grant_matches(grant, model);
        self.with_stakes(key, end_user, by_level, |stakes| then(stakes, &applies))
    }

    /// How a key stands with its limits, taking nothing. Limits for certain models are left out.
    pub(super) fn peek<H: Host>(&self, host: &H, key: &Key) -> Standing {
        self.with_stakes(
            key,
            None,
            |_| Demand::default(),
            |stakes| match self.policy.store {
                Some(_) => store::peek(host, &self.policy.timezone, stakes, &|_| false),
                None => limits::peek(host, &self.policy.timezone, stakes, &|_| false),
            },
        )
    }

    fn with_stakes<R>(
        &self,
        key: &Key,
        end_user: Option<&str>,
        demand: impl Fn(&Level) -> Demand,
        then: impl FnOnce(&[Stake<'_>]) -> R,
    ) -> R {
        let own = (!key.own.limits.is_empty()).then(|| counter_key(&key.own));
        let of_user = self.policy.end_users.as_ref().zip(end_user);
        let of_user = of_user.map(|(level, user)| (level, EndUser::of(key.team.as_deref(), &key.id, user)));
        let named = key.levels.iter().filter_map(|index| {
            let index = usize::try_from(*index).ok()?;
            Some((self.policy.levels.get(index)?, self.counters.get(index)?.as_str(), 0))
        });
        let stakes: Vec<Stake<'_>> = named
            .chain(own.as_deref().map(|counter| (&key.own, counter, 0)))
            .chain(of_user.as_ref().map(|(level, user)| (*level, user.counter.as_str(), user.tag)))
            .filter(|(level, ..)| !level.limits.is_empty())
            .map(|(level, counter, tag)| Stake { level, counter, tag, allowed: None, demand: demand(level) })
            .collect();
        then(&stakes)
    }
}
