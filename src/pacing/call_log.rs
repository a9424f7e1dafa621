//! What the calls of one step attempt leave for the next checkpoint.

use std::time::Duration;

use super::concurrency::Pool;
use crate::apps::App;
use crate::ledger::{Attempt, OrgStats};
use crate::model::{Step, UnixMillis};
use crate::okta::Bucket;

/// The calls of one step attempt, until a checkpoint takes them.
#[derive(Debug, Default)]
pub struct CallLog {
    /// What the calls are made for; without a step they are counted, not kept.
    pub step: Option<Step>,
    /// Which of the org's limits of calls in flight they count against.
    pub pool: Pool,
    /// Each call.
    pub attempts: Vec<Attempt>,
    /// Their sums.
    pub stats: OrgStats,
    /// Time spent in calls, without waiting.
    pub busy: Duration,
    /// When an answer last showed something of what a call was about.
    pub looked_at: Option<UnixMillis>,
}

impl CallLog {
    /// For calls that are made for an entry with this app.
    pub fn of(app: App) -> Self {
        Self {
            pool: Pool::of(app),
            ..Self::default()
        }
    }

    /// Which of the org's limits of calls in flight one from this bucket counts against: what belongs to no app has none
    /// of an app's.
    pub(super) fn pool_of(&self, bucket: Bucket) -> Pool {
        match bucket {
            Bucket::Token => Pool::General,
            _ => self.pool,
        }
    }

    /// What the next checkpoint stores; the time spent stays, it belongs to the attempt.
    pub fn take(&mut self) -> Logged {
        Logged {
            attempts: std::mem::take(&mut self.attempts),
            stats: std::mem::take(&mut self.stats),
            looked_at: self.looked_at.take(),
        }
    }

    /// Notes that an answer showed, just now, something of what its call was about.
    pub fn looked(&mut self, now: UnixMillis) {
        self.looked_at = Some(now);
    }
}

/// What a [`CallLog`] gives to a checkpoint.
#[derive(Debug)]
pub struct Logged {
    /// Calls to add to the entry, in order.
    pub attempts: Vec<Attempt>,
    /// What they add to the org's sums.
    pub stats: OrgStats,
    /// When an answer last showed something of the entry; `None` = none did.
    pub looked_at: Option<UnixMillis>,
}
