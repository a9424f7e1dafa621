//! What can be asked of a ledger. Every answer comes from disk, so it is the same after a crash.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::consents::{self, ConsentKey, ConsentState, Pending};
use super::counts::{Counts, Standing};
use super::drift::{self, Noted};
use super::key::{HmacKeys, KeyFiles};
use super::{Ledger, blocking, calls, memory, reads, runs};
use crate::apps::App;
use crate::ledger::{AppMemory, Attempt, EntryRow, LedgerError, OrgRow, Target, UnderWay};
use crate::manifest::{Entry, SecretRef};
use crate::model::{EntryNo, OrgNo, RunId, Stored};

/// Rows read at once by [`Ledger::for_each_entry`]: some hundred KB.
const PAGE: usize = 1_000;

/// Rows read at once by [`Ledger::for_each_standing`]: some hundred KB.
const STANDINGS: usize = 10_000;

/// Reading a run.
impl Ledger {
    /// The run's orgs in order.
    pub async fn orgs(&self, run: &RunId) -> Result<Vec<OrgRow>, LedgerError> {
        let run = run.clone();
        self.read(move |c| runs::orgs(c, &run)).await
    }

    /// Entries by state.
    pub async fn counts(&self, run: &RunId) -> Result<Counts, LedgerError> {
        let run = run.clone();
        self.read(move |c| runs::counts(c, &run)).await
    }

    /// Entries by state, for every org in order.
    pub async fn counts_by_org(&self, run: &RunId) -> Result<Vec<(OrgNo, Counts)>, LedgerError> {
        let run = run.clone();
        self.read(move |c| runs::counts_by_org(c, &run)).await
    }

    /// The next entries of an org that are in a state, in order. Waiting ones that a later run adopted
    /// are left out.
    pub async fn load(
        &self,
        run: &RunId,
        org: OrgNo,
        state: Stored,
        after: Option<EntryNo>,
        limit: usize,
    ) -> Result<Vec<EntryRow>, LedgerError> {
        let window = reads::Window {
            run: run.clone(),
            org,
            state,
            after,
            limit,
            others: self.others(),
        };
        self.read(move |c| reads::load(c, &window)).await
    }

    /// One entry.
    pub async fn entry(&self, run: &RunId, no: EntryNo) -> Result<EntryRow, LedgerError> {
        let run = run.clone();
        self.read(move |c| reads::entry(c, &run, no)).await
    }

    /// Every entry in manifest order, in bounded memory.
    pub async fn for_each_entry(
        &self,
        run: &RunId,
        each: impl FnMut(EntryRow),
    ) -> Result<(), LedgerError> {
        self.for_each(run, PAGE, reads::page, |row| row.no, each)
            .await
    }

    /// As [`Self::for_each_entry`], with the calls that were made for each, in order.
    pub async fn for_each_entry_with_calls(
        &self,
        run: &RunId,
        mut each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<(), LedgerError> {
        let each = |(row, calls)| each(row, calls);
        self.for_each(run, PAGE, calls::page, |(row, _)| row.no, each)
            .await
    }

    /// Where every entry stands, in manifest order and bounded memory.
    pub async fn for_each_standing(
        &self,
        run: &RunId,
        each: impl FnMut(Standing),
    ) -> Result<(), LedgerError> {
        self.for_each(
            run,
            STANDINGS,
            reads::standings,
            |standing| standing.no,
            each,
        )
        .await
    }

    async fn for_each<T: Send + 'static>(
        &self,
        run: &RunId,
        size: usize,
        page: reads::Page<T>,
        no: impl Fn(&T) -> EntryNo,
        mut each: impl FnMut(T),
    ) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let run = run.clone();
            let rows = self.read(move |c| page(c, &run, after, size)).await?;
            let last = rows.len() < size;
            after = rows.last().map(&no);
            rows.into_iter().for_each(&mut each);
            if last {
                return Ok(());
            }
        }
    }

    /// How many of the wanted entries were found otherwise than wanted in this way, and the first of them.
    pub async fn noted(
        &self,
        run: &RunId,
        what: Noted,
        limit: usize,
        wanted: impl Fn(EntryNo) -> bool + Send + 'static,
    ) -> Result<(u64, Vec<EntryRow>), LedgerError> {
        let run = run.clone();
        self.read(move |c| drift::noted(c, &run, what, limit, &wanted))
            .await
    }

    /// The run's first entries that were changed, in order.
    pub async fn changed(&self, run: &RunId, limit: usize) -> Result<Vec<EntryRow>, LedgerError> {
        let run = run.clone();
        self.read(move |c| reads::changed(c, &run, limit)).await
    }

    /// The `row` of another entry of the org that already has this app, given or found.
    pub async fn app_id_taken(
        &self,
        run: &RunId,
        org: OrgNo,
        app_id: &str,
        except: EntryNo,
    ) -> Result<Option<u64>, LedgerError> {
        let (run, app_id) = (run.clone(), app_id.to_owned());
        self.read(move |c| reads::app_id_taken(c, &run, org, &app_id, except))
            .await
    }

    /// The org's entries that are still to be begun or to go on, and how their apps are found.
    pub async fn targets(&self, run: &RunId, org: OrgNo) -> Result<Vec<Target>, LedgerError> {
        let run = run.clone();
        self.read(move |c| memory::targets(c, &run, org)).await
    }

    /// The apps of the org's unfinished entries that still have to be found by label, each once.
    pub async fn labels(&self, run: &RunId, org: OrgNo) -> Result<Vec<App>, LedgerError> {
        let run = run.clone();
        self.read(move |c| reads::labels(c, &run, org)).await
    }
}

/// Reading across runs.
impl Ledger {
    /// Once-only calls that may still be under way because no process saw them end, of all runs.
    pub async fn under_way(&self) -> Result<Vec<UnderWay>, LedgerError> {
        self.read(reads::under_way).await
    }

    /// Entries of a run that wait for a consent whose link another one may have replaced since
    /// ([`Progress::link_in_doubt`](crate::ledger::Progress::link_in_doubt)).
    pub async fn links_in_doubt(&self, run: &RunId) -> Result<Vec<(OrgNo, EntryNo)>, LedgerError> {
        let run = run.clone();
        self.read(move |c| reads::links_in_doubt(c, &run)).await
    }

    /// What the entries of a run refer to, of one org or by org, whatever became of them; of very many entries those of
    /// the first.
    pub async fn secrets(
        &self,
        run: &RunId,
        org: Option<OrgNo>,
    ) -> Result<HashMap<OrgNo, HashSet<SecretRef>>, LedgerError> {
        let run = run.clone();
        self.read(move |c| reads::secrets(c, &run, org)).await
    }

    /// What is remembered of an app; nothing of one that no run has touched.
    pub async fn app_memory(&self, org_url: &str, app_id: &str) -> Result<AppMemory, LedgerError> {
        let (org_url, app_id) = (org_url.to_owned(), app_id.to_owned());
        self.read(move |c| memory::of_app(c, &org_url, &app_id))
            .await
    }

    /// The ids of an org's apps of which it is known what they are instances of.
    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>, LedgerError> {
        let org_url = org_url.to_owned();
        self.read(move |c| memory::seen_apps(c, &org_url)).await
    }

    /// What was wanted of the app by those it may be like: first when it was last as wanted. `None` when that is
    /// not known any more.
    pub async fn wishes(&self, app: &AppMemory) -> Result<Option<Vec<Entry>>, LedgerError> {
        let Some(applied_by) = app.applied_by else {
            return Ok(None);
        };
        let moving_by = app.moving_by;
        self.read(move |c| {
            let keys = [Some(applied_by), moving_by].into_iter().flatten();
            keys.map(|key| memory::wish(c, key)).collect()
        })
        .await
    }

    /// All entries that wait for a consent, of one run or of all, oldest run first; not those that a
    /// later run adopted.
    pub async fn pending_consents(&self, run: Option<&RunId>) -> Result<Vec<Pending>, LedgerError> {
        let run = run.cloned();
        self.read(move |c| consents::pending_consents(c, run.as_ref()))
            .await
    }

    /// What is known of a consent: org, app, id and `state` together. An entry whose answer is just being
    /// handed in counts as waiting: [`in_flight`](crate::ledger::Progress::in_flight) tells.
    pub async fn consent(&self, key: &ConsentKey) -> Result<ConsentState, LedgerError> {
        let key = key.clone();
        self.read(move |c| consents::consent(c, &key)).await
    }

    /// The newest entry that waits for this `state`, wherever it is: only to say what is wrong with an answer.
    pub async fn waits_for(&self, state: &str) -> Result<Option<Pending>, LedgerError> {
        let state = state.to_owned();
        self.read(move |c| consents::waits_for(c, &state)).await
    }

    /// The newest entry of an app in the org at this URL, in any run and state.
    pub async fn newest_of_app(
        &self,
        url: &str,
        app: App,
        app_id: &str,
    ) -> Result<Option<Pending>, LedgerError> {
        let (url, app_id) = (url.to_owned(), app_id.to_owned());
        self.read(move |c| consents::newest_of_app(c, &url, app, &app_id))
            .await
    }

    /// A number that is another one after another process committed (and, when opened for reading
    /// only, after anybody did). Cheap enough to ask every second.
    pub async fn data_version(&self) -> Result<i64, LedgerError> {
        let version = if let Some(writer) = &self.inner.writer {
            writer.data_version().await
        } else {
            let inner = Arc::clone(&self.inner);
            blocking(self.inner.path.clone(), move |_| {
                inner.readers.data_version()
            })
            .await
        }?;
        self.inner.others.store(version, Ordering::Relaxed);
        Ok(version)
    }

    /// [`Self::data_version`] as it was last seen.
    pub fn others(&self) -> i64 {
        self.inner.others.load(Ordering::Relaxed)
    }

    /// The keys of this ledger's fingerprints: `LEDGER.key`, made on first use, and `LEDGER.key.old` if it
    /// was replaced; 0600.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] when the file holds something else; [`LedgerError::ReadOnly`] when the
    /// ledger is open for reading only and has none yet (then it has no fingerprint either).
    pub fn hmac_keys(&self) -> Result<HmacKeys, LedgerError> {
        let files = KeyFiles::of(&self.inner.path);
        if self.inner.writer.is_some() {
            return files.read_or_make();
        }
        files.read()?.ok_or_else(|| LedgerError::ReadOnly {
            path: files.current().to_owned(),
            cause: "the ledger has no key yet and was opened for reading only".into(),
        })
    }
}
