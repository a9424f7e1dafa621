//! A checkpoint in columns: made by the task that commits it, whichever database it goes into.

use super::stored::{Columns, Compared, code, state_code};
use super::{AppClient, AppName, Attempt, Checkpoint, Fingerprint, LastAppliedUpdate, OrgStats};
use crate::model::{EntryNo, OrgNo, RunId, UnixMillis};

/// A call and its step as JSON.
pub(super) type Call = (Attempt, String);

/// A checkpoint in columns.
pub(super) struct Prepared {
    pub run: RunId,
    pub no: EntryNo,
    pub version: i64,
    pub before: Option<Compared>,
    pub queue: Option<OrgNo>,
    pub state: i64,
    pub deactivated: bool,
    pub columns: Columns,
    pub error: Option<String>,
    pub due_at: Option<UnixMillis>,
    pub checked_at: Option<UnixMillis>,
    pub calls: Vec<Call>,
    pub stats: OrgStats,
    pub fingerprint: Option<Fingerprint>,
    pub applied: Option<LastAppliedUpdate>,
    pub name: Option<AppName>,
    pub client: Option<AppClient>,
    pub settled: Option<(String, bool)>,
}

impl Prepared {
    /// What the entry's next checkpoint builds on, once this one is applied to what was there before.
    pub(super) fn after(&self, before: &Compared, last_call: Option<i64>) -> Compared {
        let new = &self.columns;
        Compared {
            org: before.org,
            queue: self.queue,
            state: self.state,
            // Absent: the entry names its app itself.
            app_hash: new.app_hash.or(before.app_hash),
            consent: new.consent,
            drifted: new.drifted,
            last_call,
        }
    }

    pub(super) fn new(run: &RunId, checkpoint: Checkpoint<'_>) -> serde_json::Result<Self> {
        let state = state_code(checkpoint.state, checkpoint.progress.changed);
        let with_step =
            |attempt: Attempt| serde_json::to_string(&attempt.step).map(|step| (attempt, step));
        Ok(Self {
            columns: Columns::of(state, &checkpoint.progress)?,
            error: checkpoint
                .error
                .as_ref()
                .map(serde_json::to_string)
                .transpose()?,
            checked_at: checkpoint.looked_at,
            calls: checkpoint
                .attempts
                .into_iter()
                .map(with_step)
                .collect::<serde_json::Result<_>>()?,
            settled: checkpoint.settled_consent,
            run: run.clone(),
            no: checkpoint.no,
            version: checkpoint.version,
            before: checkpoint.stored.map(|stored| stored.0),
            queue: checkpoint.queue,
            deactivated: state == code::CHANGED && checkpoint.progress.is_deactivated(),
            state,
            due_at: checkpoint.due_at,
            stats: checkpoint.stats,
            fingerprint: checkpoint.fingerprint,
            applied: checkpoint.applied,
            name: checkpoint.name,
            client: checkpoint.client,
        })
    }
}
