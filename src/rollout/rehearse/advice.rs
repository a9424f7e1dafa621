//! What would make a run shorter: each change is rehearsed, not guessed, and said only if it helps.

use std::time::Duration;

use super::{Group, Stage, in_simulated_time};
use crate::engine::OrgRehearsed;
use crate::failure::Failure;
use crate::manifest::{Limits, OrgSpec};

/// A change that spares less than this part of the time is not worth saying.
const WORTH_SAYING: f64 = 0.03;

/// A part of an org's calls from which on it is worth sparing them.
const MANY_LISTS: u64 = 20;

/// What would make a run shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// The slowest org could use all of its rate limit.
    MoreShare {
        /// The org.
        org: String,
        /// How long it would take then.
        wall: Duration,
    },
    /// The slowest org is held back by a limit of its own.
    NoCap {
        /// The org.
        org: String,
        /// What is to be removed.
        limit: &'static str,
        /// How long it would take then.
        wall: Duration,
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

impl Stage {
    /// What would make the run shorter.
    pub(super) fn advice(
        &self,
        groups: &[Group],
        orgs: &[OrgRehearsed],
        wall: Duration,
    ) -> Result<Vec<Advice>, Failure> {
        let slowest = (0..orgs.len()).max_by_key(|no| orgs[*no].wall);
        let Some(slowest) = slowest.filter(|no| orgs[*no].calls > 0) else {
            return Ok(Vec::new());
        };
        let mut advice = Vec::new();
        let helps = |spared: Duration| spared.as_secs_f64() > WORTH_SAYING * wall.as_secs_f64();
        let org = &self.gathered.orgs[slowest].org;
        let now = orgs[slowest].wall;
        let limits = org.spec.limits.or(self.policy.limits);
        let share = Limits {
            share: Some(1.0),
            ..limits
        };
        if limits.share.is_none_or(|share| share < 1.0) {
            let then = self.alone(slowest, share)?;
            if helps(now.saturating_sub(then)) {
                advice.push(Advice::MoreShare {
                    org: org.name.clone(),
                    wall: then,
                });
            }
        }
        for (limit, is_set, without) in [
            (
                "maxRps",
                limits.max_rps.is_some(),
                Limits {
                    max_rps: Some(1_000.0),
                    ..limits
                },
            ),
            (
                "maxInFlight",
                limits.max_in_flight.is_some_and(|most| most < 20),
                Limits {
                    max_in_flight: Some(20),
                    ..limits
                },
            ),
        ] {
            if !is_set {
                continue;
            }
            let then = self.alone(slowest, without)?;
            if helps(now.saturating_sub(then)) {
                advice.push(Advice::NoCap {
                    org: org.name.clone(),
                    limit,
                    wall: then,
                });
            }
        }
        let lists: u64 = orgs.iter().map(|org| org.feature_lists).sum();
        let calls: u64 = orgs.iter().map(|org| org.calls).sum();
        if lists > 0 && lists >= calls / MANY_LISTS {
            advice.push(Advice::FewerReads { calls: lists });
        }
        advice.extend(self.other_order(groups, orgs, helps));
        Ok(advice)
    }

    // With several waves, all wait for the slowest org of each.
    fn other_order(
        &self,
        groups: &[Group],
        orgs: &[OrgRehearsed],
        helps: impl Fn(Duration) -> bool,
    ) -> Vec<Advice> {
        let before_another = groups.split_last().map_or(&[][..], |(_, before)| before);
        let late = before_another.iter().filter_map(|group| {
            let mut walls: Vec<_> = group.orgs.iter().map(|no| (orgs[*no].wall, *no)).collect();
            walls.sort_unstable();
            let ((last, no), before) = walls.split_last()?;
            let later = last.saturating_sub(before.last().map_or(*last, |(wall, _)| *wall));
            helps(later).then(|| Advice::OtherOrder {
                org: self.gathered.orgs[*no].org.name.clone(),
                later,
            })
        });
        late.collect()
    }

    // How long an org would take with these limits.
    fn alone(&self, no: usize, limits: Limits) -> Result<Duration, Failure> {
        let group = Group {
            name: None,
            orgs: vec![no],
            soak: Duration::ZERO,
        };
        let spec = |spec: &OrgSpec| OrgSpec {
            limits,
            ..spec.clone()
        };
        let rehearsed = in_simulated_time(async |engine| self.group(&engine, &group, spec).await)?;
        Ok(rehearsed.first().map_or(Duration::ZERO, |org| org.wall))
    }
}
