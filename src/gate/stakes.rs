use super::Gate;
use super::demand::Demands;
use super::over_limit::OverLimit;
use crate::authz::{self, Resolved};
use crate::host::Host;
use crate::limits::{self, EndUser, Reservation, Stake, Standing, counter_key};
use crate::policy::{Grant, Key, Level, Reserve};
use crate::pricing::Demand;

impl Gate {
    /// Takes what a request asks for from every level that holds for it, or nothing.
    ///
    /// # Errors
    /// The rule that has no room.
    pub(super) fn take<H: Host>(
        &self,
        host: &H,
        key: &Key,
        model: &Resolved<'_>,
        demands: &Demands,
        end_user: Option<&str>,
    ) -> Result<Reservation, Box<OverLimit>> {
        let by_level = |level: &Level| match level.reserve {
            Reserve::Full => demands.full,
            Reserve::Expected => demands.expected,
        };
        let applies = |grant: &Grant| authz::grant_matches(grant, model);
        self.with_stakes(key, end_user, by_level, |stakes| {
            limits::reserve(host, &self.worker, &self.policy.timezone, stakes, &applies)
                .map_err(|refused| Box::new(OverLimit::new(&refused)))
        })
    }

    /// How a key stands with its limits, taking nothing. Limits for certain models are left out.
    pub(super) fn peek<H: Host>(&self, host: &H, key: &Key) -> Standing {
        self.with_stakes(
            key,
            None,
            |_| Demand::default(),
            |stakes| limits::peek(host, &self.policy.timezone, stakes, &|_| false),
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
            .map(|(level, counter, tag)| Stake { level, counter, tag, demand: demand(level) })
            .collect();
        then(&stakes)
    }
}
