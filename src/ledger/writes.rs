//! The changes to a ledger besides checkpoints and new runs; those of a run are its owner's.

use super::store::{ask, on};
use super::{
    CutNotice, FailedStart, Forgetting, Ledger, NewNotice, NewRun, Note, Old, OrgStats, Pruned,
    Result, Rotation, RunLock, Starts, WaveRow,
};
use crate::manifest::OrgSpec;
use crate::model::{EntryNo, OrgNo, RunId, Stopped, UnixMillis};

/// What starts, and what does not.
impl Ledger {
    /// Stores the starts of a job by its schedule, unless they are no longer what they were: then another process
    /// was faster.
    pub async fn move_schedule(
        &self,
        job: &str,
        was: Option<Starts>,
        starts: Starts,
    ) -> Result<bool> {
        ask!(&self.store, store => store.move_schedule(job, was, starts))
    }

    /// Forgets a job that has no schedule any more.
    pub async fn forget_schedule(&self, job: &str) -> Result<()> {
        ask!(&self.store, store => store.forget_schedule(job))
    }

    /// Keeps a start that failed before a run began, as a run in which nothing is; one that fails as the one before it did
    /// takes its place.
    pub async fn add_failed_start(&self, run: NewRun, why: FailedStart) -> Result<RunId> {
        ask!(&self.store, store => store.add_failed_start(run, why))
    }
}

/// Changes to a run.
impl Ledger {
    /// Sets or clears [`super::RunRow::finished_at`].
    pub async fn set_finished(&self, lock: &RunLock, at: Option<UnixMillis>) -> Result<()> {
        ask!(&self.store, store => store.set_finished(lock.run(), at))
    }

    /// Notes that a process continues the run, and how many of its entries it leaves as they ended.
    pub async fn set_continued(
        &self,
        lock: &RunLock,
        at: UnixMillis,
        ended_before: u64,
    ) -> Result<()> {
        ask!(&self.store, store => store.set_continued(lock.run(), at, ended_before))
    }

    /// Replaces credentials references and limits of orgs, all or none.
    pub async fn set_orgs(&self, lock: &RunLock, orgs: Vec<(OrgNo, OrgSpec)>) -> Result<()> {
        ask!(&self.store, store => store.set_orgs(lock.run(), orgs))
    }

    /// Records why an org's entries are held back, or that they no longer are.
    pub async fn set_stopped(
        &self,
        lock: &RunLock,
        org: OrgNo,
        stopped: Option<Stopped>,
    ) -> Result<()> {
        ask!(&self.store, store => store.set_stopped(lock.run(), org, stopped))
    }

    /// Replaces what is known of waves of the owner's run, of all of these or of none.
    pub async fn set_waves(&self, lock: &RunLock, waves: Vec<(usize, WaveRow)>) -> Result<()> {
        ask!(&self.store, store => store.set_waves(lock.run(), waves))
    }

    /// Adds to an org's sums what belongs to no entry (list calls, waits).
    pub async fn add_stats(&self, lock: &RunLock, org: OrgNo, stats: OrgStats) -> Result<()> {
        ask!(&self.store, store => store.add_stats(lock.run(), org, stats))
    }

    /// Sets the failed entries that `wanted` takes back to where they stopped, with fresh attempts:
    /// `Started`, or `Pending` when nothing had been done. Returns how many. Interrupted, the rest is still
    /// failed.
    pub async fn retry_failed(
        &self,
        lock: &RunLock,
        wanted: impl Fn(EntryNo) -> bool + Clone + Send + 'static,
    ) -> Result<u64> {
        ask!(&self.store, store => store.retry_failed(lock.run(), wanted))
    }

    /// Notes that the run looked at all of its file, and what is no longer in it. Whoever continues the run notes it
    /// again: by then more labels have led to their apps.
    pub async fn note_whole(&self, lock: &RunLock) -> Result<()> {
        ask!(&self.store, store => store.note_whole(lock.run()))
    }

    /// Stores notes without waiting for it: before every checkpoint that is committed from now on. `take` gives
    /// them when the ledger is about to write, `end` is told once they are durable, all or none.
    pub fn note(
        &self,
        take: impl FnOnce() -> Vec<Note> + Send + 'static,
        end: impl FnOnce(Result<()>) + Send + 'static,
    ) {
        on!(&self.store, store => store.note(take, end));
    }

    /// Records a notice before it is sent; gives the id to send it by, or `None` when it is not to be said again.
    /// It changes nothing of the run, and is sent also when that is nobody's any more.
    pub async fn begin_notice(&self, run: &RunId, notice: NewNotice) -> Result<Option<String>> {
        ask!(&self.store, store => store.begin_notice(run, notice))
    }

    /// Records what became of a notice: delivered, or why not.
    pub async fn end_notice(
        &self,
        id: String,
        at: UnixMillis,
        outcome: std::result::Result<(), String>,
    ) -> Result<()> {
        ask!(&self.store, store => store.end_notice(id, at, outcome))
    }

    /// Keeps what notices say that this process does not get to deliver, by id: for the next one.
    pub async fn keep_notices(&self, cut: Vec<(String, Vec<u8>)>) -> Result<()> {
        ask!(&self.store, store => store.keep_notices(cut))
    }

    /// Takes the notices of runs of a file that were kept so, oldest first: whoever takes them sends them. Not those that a
    /// later one said again.
    pub async fn take_notices(&self, file_key: &str) -> Result<Vec<CutNotice>> {
        ask!(&self.store, store => store.take_notices(file_key))
    }

    /// Drops old runs. Stops after the slice at which `stop` says so; what is left then is invisible and removed the
    /// next time.
    ///
    /// # Errors
    /// What keeps the ledger from being written; what was dropped by then is.
    pub async fn prune(
        &self,
        old: Old,
        now: UnixMillis,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<Pruned> {
        ask!(&self.store, store => store.prune(old, now, stop))
    }

    /// Gives free pages back to the file system. Others wait meanwhile, as long as the ledger takes to be written
    /// anew. Returns how many bytes smaller it is.
    pub async fn vacuum(&self) -> Result<u64> {
        ask!(&self.store, store => store.vacuum())
    }

    /// Replaces the key of the fingerprints; `None` when there is none yet.
    ///
    /// # Errors
    /// [`Held`](super::LedgerError::Held) while a process works on a run: it would continue with the key it has.
    /// [`KeyInUse`](super::LedgerError::KeyInUse) when fingerprints would be forgotten that must not be.
    pub async fn rotate_key(&self, forgetting: Forgetting) -> Result<Option<Rotation>> {
        ask!(&self.store, store => store.rotate_key(forgetting))
    }
}
