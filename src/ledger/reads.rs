//! What can be asked of a ledger. Every answer comes from where it is stored, so it is the same after a crash.

use std::collections::{HashMap, HashSet};

use super::store::{Store, ask};
use super::{
    AppMemory, Attempt, ConsentKey, ConsentState, Counts, EntryRow, Ledger, Noted, OrgRow,
    OtherSpenders, Pending, Removed, Result, RunRow, Scheduled, SpentWindow, Standing, Starts,
    Target, Undelivered, UnderWay, WaitingEntry, WaveRow,
};
use crate::apps::App;
use crate::manifest::{Entry, SecretRef};
use crate::model::{EntryNo, EntryState, OrgNo, RunId, UnixMillis};

/// What can be read, whichever database holds it.
impl Ledger {
    /// Whether the key of its fingerprints is here and the one that it is used with; one of its own a file has always.
    ///
    /// # Errors
    /// When it is not.
    pub async fn check_key(&self) -> Result<()> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.check_key()).await,
            Store::Sqlite(_) => Ok(()),
        }
    }

    /// All runs, newest first.
    pub async fn runs(&self) -> Result<Vec<RunRow>> {
        ask!(&self.store, store => store.runs())
    }

    /// The run with exactly this id.
    pub async fn run(&self, id: &RunId) -> Result<RunRow> {
        ask!(&self.store, store => store.run(id))
    }

    /// The run whose id begins so; `None` = the newest that began.
    ///
    /// # Errors
    /// [`NotFound`](super::LedgerError::NotFound), [`Ambiguous`](super::LedgerError::Ambiguous) with all candidates.
    pub async fn find_run(&self, prefix: Option<&str>) -> Result<RunRow> {
        ask!(&self.store, store => store.find_run(prefix))
    }

    /// The newest run of this [`RunRow::file_key`], but for starts that failed.
    pub async fn last_run_of(&self, file_key: &str) -> Result<Option<RunRow>> {
        ask!(&self.store, store => store.last_run_of(file_key))
    }

    /// The newest runs of their files in which something is unfinished that is of no stopped org, newest first; starts
    /// that failed are none.
    pub async fn unfinished_runs(&self) -> Result<Vec<RunRow>> {
        ask!(&self.store, store => store.unfinished_runs())
    }

    /// Those of these runs that a process works on.
    pub async fn held(&self, runs: &[RunId]) -> Result<HashSet<RunId>> {
        match &self.store {
            Store::Sqlite(store) => store.held(runs),
            Store::Postgres(store) => Box::pin(store.held(runs)).await,
        }
    }

    /// The starts of a job by its schedule; `None` of one that was never seen.
    pub async fn schedule(&self, job: &str) -> Result<Option<Starts>> {
        ask!(&self.store, store => store.schedule(job))
    }

    /// All jobs that were started by their schedules, or are to be.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        ask!(&self.store, store => store.schedules())
    }
}

/// Reading a run.
impl Ledger {
    /// The run's orgs in order.
    pub async fn orgs(&self, run: &RunId) -> Result<Vec<OrgRow>> {
        ask!(&self.store, store => store.orgs(run))
    }

    /// Entries by state.
    pub async fn counts(&self, run: &RunId) -> Result<Counts> {
        ask!(&self.store, store => store.counts(run))
    }

    /// Entries by state, for every org in order.
    pub async fn counts_by_org(&self, run: &RunId) -> Result<Vec<(OrgNo, Counts)>> {
        ask!(&self.store, store => store.counts_by_org(run))
    }

    /// Entries by state, of one org.
    pub async fn counts_of_org(&self, run: &RunId, org: OrgNo) -> Result<Counts> {
        ask!(&self.store, store => store.counts_of_org(run, org))
    }

    /// What has become of the run's waves, of which there are so many.
    pub async fn waves(&self, run: &RunId, count: usize) -> Result<Vec<WaveRow>> {
        ask!(&self.store, store => store.waves(run, count))
    }

    /// The orgs that entries of other orgs have steps in, in order.
    pub async fn hubs(&self, run: &RunId) -> Result<Vec<OrgNo>> {
        ask!(&self.store, store => store.hubs(run))
    }

    /// The orgs in whose queue unfinished entries of others stand.
    pub async fn called(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        ask!(&self.store, store => store.called(run))
    }

    /// The orgs that were stopped.
    pub async fn stopped(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        ask!(&self.store, store => store.stopped(run))
    }

    /// The next entries in an org's queue that are in a state, in order. Waiting ones that a later run carried over
    /// are left out.
    pub async fn load(
        &self,
        run: &RunId,
        org: OrgNo,
        state: EntryState,
        after: Option<EntryNo>,
        limit: usize,
    ) -> Result<Vec<EntryRow>> {
        ask!(&self.store, store => store.load(run, org, state, after, limit))
    }

    /// One entry.
    pub async fn entry(&self, run: &RunId, no: EntryNo) -> Result<EntryRow> {
        ask!(&self.store, store => store.entry(run, no))
    }

    /// Every entry in manifest order, in bounded memory.
    pub async fn for_each_entry(&self, run: &RunId, each: impl FnMut(EntryRow)) -> Result<()> {
        ask!(&self.store, store => store.for_each_entry(run, each))
    }

    /// As [`Self::for_each_entry`], with the calls that were made for each, in order.
    pub async fn for_each_entry_with_calls(
        &self,
        run: &RunId,
        each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        ask!(&self.store, store => store.for_each_entry_with_calls(run, each))
    }

    /// These entries in this order, in bounded memory, with the calls that were made for each.
    pub async fn for_each_with_calls_of(
        &self,
        run: &RunId,
        order: &[EntryNo],
        each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        ask!(&self.store, store => store.for_each_with_calls_of(run, order, each))
    }

    /// Where every entry stands, in manifest order and bounded memory.
    pub async fn for_each_standing(&self, run: &RunId, each: impl FnMut(Standing)) -> Result<()> {
        ask!(&self.store, store => store.for_each_standing(run, each))
    }

    /// How many of the wanted entries were found otherwise than wanted in this way, and the first of them.
    pub async fn noted(
        &self,
        run: &RunId,
        what: Noted,
        limit: usize,
        wanted: impl Fn(EntryNo) -> bool + Send + 'static,
    ) -> Result<(u64, Vec<EntryRow>)> {
        ask!(&self.store, store => store.noted(run, what, limit, wanted))
    }

    /// The run's first entries that were changed, in order.
    pub async fn changed(&self, run: &RunId, limit: usize) -> Result<Vec<EntryRow>> {
        ask!(&self.store, store => store.changed(run, limit))
    }

    /// The `row` of another entry of the org that already has this app, given or found.
    pub async fn app_id_taken(
        &self,
        run: &RunId,
        org: OrgNo,
        app_id: &str,
        except: EntryNo,
    ) -> Result<Option<u64>> {
        ask!(&self.store, store => store.app_id_taken(run, org, app_id, except))
    }

    /// How many entries of a run came to rest in each span of so many milliseconds since then, by its number.
    pub async fn rests(
        &self,
        run: &RunId,
        since: UnixMillis,
        width_ms: i64,
    ) -> Result<Vec<(i64, u64)>> {
        ask!(&self.store, store => store.rests(run, since, width_ms))
    }

    /// The org's entries that are still to be begun or to continue, and how their apps are found.
    pub async fn targets(&self, run: &RunId, org: OrgNo) -> Result<Vec<Target>> {
        ask!(&self.store, store => store.targets(run, org))
    }

    /// The apps of the org's unfinished entries that still have to be found by label, each once.
    pub async fn labels(&self, run: &RunId, org: OrgNo) -> Result<Vec<App>> {
        ask!(&self.store, store => store.labels(run, org))
    }

    /// Notices that did not arrive, oldest first; not those that a later one said again.
    pub async fn undelivered(&self, run: &RunId) -> Result<Vec<Undelivered>> {
        ask!(&self.store, store => store.undelivered(run))
    }

    /// How many entries delivered notices of a kind spoke of, by org or wave.
    pub async fn notified(&self, run: &RunId, kind: &'static str) -> Result<HashMap<String, u64>> {
        ask!(&self.store, store => store.notified(run, kind))
    }

    /// What was no longer in the run's file when it began to look at all of it.
    pub async fn removed(&self, run: &RunId) -> Result<Vec<Removed>> {
        ask!(&self.store, store => store.removed(run))
    }
}

/// Reading across runs.
impl Ledger {
    /// Once-only calls that may still be under way because no process saw them end, of all runs.
    pub async fn under_way(&self) -> Result<Vec<UnderWay>> {
        ask!(&self.store, store => store.under_way())
    }

    /// Entries of a run that wait for a consent whose link another one may have replaced since
    /// ([`Progress::link_in_doubt`](crate::ledger::Progress::link_in_doubt)).
    pub async fn links_in_doubt(&self, run: &RunId) -> Result<Vec<(OrgNo, EntryNo)>> {
        ask!(&self.store, store => store.links_in_doubt(run))
    }

    /// What the entries of a run refer to, of one org or by org, whatever became of them; of very many entries those of
    /// the first.
    pub async fn secrets(
        &self,
        run: &RunId,
        org: Option<OrgNo>,
    ) -> Result<HashMap<OrgNo, HashSet<SecretRef>>> {
        ask!(&self.store, store => store.secrets(run, org))
    }

    /// What is remembered of an app; nothing of one that no run has touched.
    pub async fn app_memory(&self, org_url: &str, app_id: &str) -> Result<AppMemory> {
        ask!(&self.store, store => store.app_memory(org_url, app_id))
    }

    /// The ids of an org's apps of which it is known what they are instances of.
    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>> {
        ask!(&self.store, store => store.seen_apps(org_url))
    }

    /// What was wanted of the app by those it may be like: first when it was last as wanted. `None` when that is
    /// not known any more.
    pub async fn wishes(&self, app: &AppMemory) -> Result<Option<Vec<Entry>>> {
        ask!(&self.store, store => store.wishes(app))
    }

    /// The entries of [`AppMemory::applied_by`] and [`AppMemory::moving_by`] by run and number.
    pub async fn wishers(&self, app: &AppMemory) -> Result<[Option<(RunId, EntryNo)>; 2]> {
        ask!(&self.store, store => store.wishers(app))
    }

    /// All entries that wait for a consent, of one run or of all, oldest run first; not those that a
    /// later run carried over.
    pub async fn pending_consents(&self, run: Option<&RunId>) -> Result<Vec<Pending>> {
        ask!(&self.store, store => store.pending_consents(run))
    }

    /// As [`Self::pending_consents`], of all runs and as briefly as a list of thousands needs it.
    pub async fn waiting(&self) -> Result<Vec<WaitingEntry>> {
        ask!(&self.store, store => store.waiting())
    }

    /// These entries, as far as they still wait for a consent, in this order.
    pub async fn still_waiting(&self, places: Vec<(RunId, EntryNo)>) -> Result<Vec<Pending>> {
        ask!(&self.store, store => store.still_waiting(places))
    }

    /// Entries whose consent's answer was handed in and that have not come to rest since, of all runs: those that are
    /// past their consent, and those of which it is not known yet whether Okta took the answer.
    pub async fn answered(&self) -> Result<Vec<Pending>> {
        ask!(&self.store, store => store.answered())
    }

    /// Since when the consent is waited for that is waited for longest, of this run or of any.
    pub async fn oldest_consent(&self, run: Option<&RunId>) -> Result<Option<UnixMillis>> {
        ask!(&self.store, store => store.oldest_consent(run.cloned()))
    }

    /// What is known of a consent: org, app, id and `state` together. An entry whose answer is just being
    /// handed in counts as waiting: [`in_flight`](crate::ledger::Progress::in_flight) tells.
    pub async fn consent(&self, key: &ConsentKey) -> Result<ConsentState> {
        ask!(&self.store, store => store.consent(key))
    }

    /// The newest entry that waits for this `state`, wherever it is: only to say what is wrong with an answer.
    pub async fn waits_for(&self, state: &str) -> Result<Option<Pending>> {
        ask!(&self.store, store => store.waits_for(state))
    }

    /// The newest entry of an app in the org at this URL, in any run and state.
    pub async fn newest_of_app(
        &self,
        url: &str,
        app: App,
        app_id: &str,
    ) -> Result<Option<Pending>> {
        ask!(&self.store, store => store.newest_of_app(url, app, app_id))
    }

    /// The windows of all orgs that are used up at that time.
    pub async fn spent_windows(&self, now: UnixMillis) -> Result<Vec<SpentWindow>> {
        ask!(&self.store, store => store.spent_windows(now))
    }

    /// What counts at that time of what others were seen to take, of all orgs.
    pub async fn other_spenders(&self, now: UnixMillis) -> Result<Vec<OtherSpenders>> {
        ask!(&self.store, store => store.other_spenders(now))
    }
}
