//! What would make a run shorter: each change is rehearsed, not guessed, and said only if it helps. An org is compared with
//! itself, alone both times: beside thousands of others it may take longer whatever its limits are.

use std::time::Duration;

use super::{Stage, in_simulated_time};
use crate::engine::{OrgRehearsed, RehearsalPolicy, RunRehearsed, rehearse_run};
use crate::failure::Failure;
use crate::manifest::{Limits, OrgSpec};
use crate::pacing::DEFAULT_LIMITS;

/// A change that spares less than this part of the time is not worth saying.
const WORTH_SAYING: f64 = 0.03;

/// A part of an org's calls from which on it is worth sparing them.
const MANY_LISTS: u64 = 20;

/// So many calls a second that they are no limit.
const UNLIMITED_RPS: f64 = 1_000.0;

/// What would make a run shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// The slowest org could use all of its rate limit.
    MoreShare {
        /// The org.
        org: String,
        /// How long it would take then.
        alone: Alone,
    },
    /// The slowest org is held back by a limit of its own.
    NoCap {
        /// The org.
        org: String,
        /// What is to be removed.
        limit: &'static str,
        /// How long it would take then.
        alone: Alone,
    },
    /// Features that are given in part have to be read first.
    FewerReads {
        /// Calls that read them, over all orgs.
        calls: u64,
    },
    /// The wave waits for one org, while the others have ended.
    OtherOrder {
        /// The org.
        org: String,
        /// How much later it ends than all others of its wave.
        later: Duration,
    },
}

/// How long an org takes alone, without any consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alone {
    /// As things are.
    pub now: Duration,
    /// With the change.
    pub then: Duration,
}

impl Stage {
    /// What would make the run shorter. One that is halted is not to end sooner.
    pub(super) fn advice(&self, run: &RunRehearsed) -> Result<Vec<Advice>, Failure> {
        let orgs = &run.orgs;
        let slowest = (0..orgs.len()).max_by_key(|no| orgs[*no].at_rest_after);
        let slowest = slowest.filter(|no| orgs[*no].calls > 0);
        let Some(slowest) = slowest.filter(|_| run.halted.is_none()) else {
            return Ok(Vec::new());
        };
        let helps = |spared: Duration| spared.as_secs_f64() > WORTH_SAYING * run.wall.as_secs_f64();
        let mut advice = self.other_limits(slowest, &orgs[slowest], helps)?;
        let lists: u64 = orgs.iter().map(|org| org.feature_lists).sum();
        let calls: u64 = orgs.iter().map(|org| org.calls).sum();
        if lists > 0 && lists >= calls / MANY_LISTS {
            advice.push(Advice::FewerReads { calls: lists });
        }
        advice.extend(self.other_order(run, helps));
        Ok(advice)
    }

    fn other_limits(
        &self,
        no: usize,
        rehearsed: &OrgRehearsed,
        helps: impl Fn(Duration) -> bool,
    ) -> Result<Vec<Advice>, Failure> {
        let org = &self.gathered.orgs[no].org;
        let limits = org.spec.limits.or(self.policy.limits);
        let is_capped = limits.max_in_flight < DEFAULT_LIMITS.max_in_flight;
        let mut changes = Vec::new();
        // The share is of no matter to an org that never used it up.
        if rehearsed.at_its_limit && limits.share.is_none_or(|share| share < 1.0) {
            let share = Some(1.0);
            changes.push((None, Limits { share, ..limits }));
        }
        if limits.max_rps.is_some() {
            let max_rps = Some(UNLIMITED_RPS);
            changes.push((Some("maxRps"), Limits { max_rps, ..limits }));
        }
        if limits.max_in_flight.is_some() && is_capped {
            let max_in_flight = DEFAULT_LIMITS.max_in_flight;
            let without = Limits {
                max_in_flight,
                ..limits
            };
            changes.push((Some("maxInFlight"), without));
        }
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.alone(no, limits)?;
        let mut advice = Vec::new();
        for (limit, changed) in changes {
            let then = self.alone(no, changed)?;
            if !helps(now.saturating_sub(then)) {
                continue;
            }
            let (org, alone) = (org.name.clone(), Alone { now, then });
            advice.push(match limit {
                None => Advice::MoreShare { org, alone },
                Some(limit) => Advice::NoCap { org, limit, alone },
            });
        }
        Ok(advice)
    }

    // With several waves, all wait for the slowest org of each.
    fn other_order(&self, run: &RunRehearsed, helps: impl Fn(Duration) -> bool) -> Vec<Advice> {
        let waves = run.waves.iter().filter(|wave| wave.entries > 0);
        let mut waves: Vec<_> = waves.collect();
        waves.pop();
        let late = waves.into_iter().filter_map(|wave| {
            let ends = wave
                .orgs
                .iter()
                .map(|no| (run.orgs[*no].at_rest_after, *no));
            let mut ends: Vec<_> = ends.collect();
            ends.sort_unstable();
            let ((last, no), before) = ends.split_last()?;
            let later = last.saturating_sub(before.last()?.0);
            helps(later).then(|| Advice::OtherOrder {
                org: self.gathered.orgs[*no].org.name.clone(),
                later,
            })
        });
        late.collect()
    }

    // How long an org takes alone with these limits.
    fn alone(&self, no: usize, limits: Limits) -> Result<Duration, Failure> {
        let of = &self.gathered.orgs[no];
        let spec = OrgSpec {
            limits,
            ..of.org.spec.clone()
        };
        let policy = RehearsalPolicy {
            consent_after: None,
            ..self.rehearsed_with
        };
        let run = in_simulated_time(async |engine| {
            let org = self.org(of, &spec);
            rehearse_run(&engine, vec![org], &[], &policy).await
        })?;
        Ok(run.wall)
    }
}
