//! A run that is only rehearsed, in simulated time: the real gates, steps, order of entries and rules of waves, in orgs
//! that exist in memory only, without a ledger.

mod hub;
mod org;
mod run;

use std::time::Duration;

pub use run::rehearse_run;

use crate::job::{OnDrift, RetryPolicy, Wave};
use crate::manifest::{Entry, Limits, OrgSpec};
use crate::steps::{Answering, OrgApps};

/// How a run is rehearsed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RehearsalPolicy {
    /// When a step is tried again.
    pub retry: RetryPolicy,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// What is done about changes made by hand.
    pub on_drift: OnDrift,
    /// How long after it was asked for a consent is given; `None` = never.
    pub consent_after: Option<Duration>,
}

/// An org of a rehearsal, where nothing is as wanted.
pub struct OrgToRehearse<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is said of it.
    pub spec: &'a OrgSpec,
    /// How many entries it has.
    pub entries: usize,
    /// Each of them by its place, in the order in which they are taken up.
    pub entry: Box<dyn Fn(usize) -> Entry + 'a>,
    /// Its apps.
    pub apps: OrgApps,
    /// How it answers.
    pub answering: Answering,
    /// Whether entries of other orgs have their service apps there.
    pub is_hub: bool,
}

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRehearsed {
    /// How long it took.
    pub wall: Duration,
    /// Its orgs, in their order.
    pub orgs: Vec<OrgRehearsed>,
    /// Its waves, in order; none if it has none.
    pub waves: Vec<WaveRehearsed>,
    /// The wave at which it was halted.
    pub halted: Option<usize>,
}

/// What became of a wave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WaveRehearsed {
    /// What its job says of it.
    pub wave: Wave,
    /// Its orgs, by their places.
    pub orgs: Vec<usize>,
    /// How many entries these have.
    pub entries: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Whether it began: not after a halt, nor without entries.
    pub began: bool,
    /// How long it took until each was done, failed or waiting, with its soak if another wave follows.
    pub wall: Duration,
}

impl RunRehearsed {
    /// Sums over all orgs.
    pub fn total(&self) -> OrgRehearsed {
        let mut total = OrgRehearsed::default();
        self.orgs.iter().for_each(|org| total.merge(org));
        total
    }
}

/// What became of an org's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgRehearsed {
    /// Entries.
    pub entries: u64,
    /// Those that did not begin, because the run was halted.
    pub not_begun: u64,
    /// Calls, those that were refused or failed included.
    pub calls: u64,
    /// How many of them asked what features an app has.
    pub feature_lists: u64,
    /// Entries that needed a person's consent.
    pub consents: u64,
    /// Entries that ended neither as wanted nor waiting.
    pub failed: u64,
    /// How long it took from the org's first call on.
    pub wall: Duration,
    /// How long of that nothing could be sent.
    pub waited: Duration,
    /// Whether it ever waited for a window of its rate limit to end.
    pub at_its_limit: bool,
    /// How long after the beginning of its wave nothing of it moved any more but what waited for a consent, as far as the
    /// wave waited for it.
    pub at_rest_after: Duration,
}

impl OrgRehearsed {
    /// Adds another org's figures; the time is that of the slower one.
    fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.not_begun += other.not_begun;
        self.calls += other.calls;
        self.feature_lists += other.feature_lists;
        self.consents += other.consents;
        self.failed += other.failed;
        self.wall = self.wall.max(other.wall);
        self.waited += other.waited;
        self.at_its_limit |= other.at_its_limit;
        self.at_rest_after = self.at_rest_after.max(other.at_rest_after);
    }
}
