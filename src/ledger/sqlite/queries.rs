//! What can be asked of a ledger. Every answer comes from disk, so it is the same after a crash.

use std::collections::{HashMap, HashSet};

use super::{Store, calls, consents, drift, memory, reads, runs, waiting};
use crate::apps::App;
use crate::ledger::{
    AppMemory, Attempt, ConsentKey, ConsentState, Counts, EntryKey, EntryRow, Noted, OrgRow,
    Pending, Result, Standing, Target, UnderWay, WaitingEntry,
};
use crate::manifest::{Entry, SecretRef};
use crate::model::{EntryNo, EntryState, OrgNo, RunId, UnixMillis};

/// Rows read at once by [`Store::for_each_entry`]: some hundred KB.
const PAGE: usize = 1_000;

/// Rows read at once by [`Store::for_each_standing`]: some hundred KB.
const STANDINGS: usize = 10_000;

/// Reading a run.
impl Store {
    pub async fn orgs(&self, run: &RunId) -> Result<Vec<OrgRow>> {
        let run = run.clone();
        self.read(move |c| runs::orgs(c, &run)).await
    }

    pub async fn counts(&self, run: &RunId) -> Result<Counts> {
        let run = run.clone();
        self.read(move |c| runs::counts(c, &run)).await
    }

    pub async fn counts_by_org(&self, run: &RunId) -> Result<Vec<(OrgNo, Counts)>> {
        let run = run.clone();
        self.read(move |c| runs::counts_by_org(c, &run)).await
    }

    pub async fn counts_of_org(&self, run: &RunId, org: OrgNo) -> Result<Counts> {
        let run = run.clone();
        self.read(move |c| runs::counts_of_org(c, &run, org)).await
    }

    pub async fn hubs(&self, run: &RunId) -> Result<Vec<OrgNo>> {
        let run = run.clone();
        self.read(move |c| runs::hubs(c, &run)).await
    }

    pub async fn called(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        let run = run.clone();
        self.read(move |c| runs::called(c, &run)).await
    }

    pub async fn stopped(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        let run = run.clone();
        self.read(move |c| runs::stopped(c, &run)).await
    }

    pub async fn load(
        &self,
        run: &RunId,
        org: OrgNo,
        state: EntryState,
        after: Option<EntryNo>,
        limit: usize,
    ) -> Result<Vec<EntryRow>> {
        let window = reads::Window {
            run: run.clone(),
            org,
            state,
            after,
            limit,
            as_of: self.others(),
        };
        self.read(move |c| reads::load(c, &window)).await
    }

    pub async fn entry(&self, run: &RunId, no: EntryNo) -> Result<EntryRow> {
        let run = run.clone();
        self.read(move |c| reads::entry(c, &run, no)).await
    }

    pub async fn for_each_entry(&self, run: &RunId, each: impl FnMut(EntryRow)) -> Result<()> {
        self.for_each(run, PAGE, reads::page, |row| row.no, each)
            .await
    }

    pub async fn for_each_entry_with_calls(
        &self,
        run: &RunId,
        mut each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        let each = |(row, calls)| each(row, calls);
        self.for_each(run, PAGE, calls::page, |(row, _)| row.no, each)
            .await
    }

    pub async fn for_each_with_calls_of(
        &self,
        run: &RunId,
        order: &[EntryNo],
        mut each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        for some in order.chunks(PAGE) {
            let (run, some) = (run.clone(), some.to_vec());
            let rows = self.read(move |c| calls::some(c, &run, &some)).await?;
            for (row, calls) in rows {
                each(row, calls);
            }
        }
        Ok(())
    }

    pub async fn for_each_standing(&self, run: &RunId, each: impl FnMut(Standing)) -> Result<()> {
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
    ) -> Result<()> {
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

    pub async fn noted(
        &self,
        run: &RunId,
        what: Noted,
        limit: usize,
        wanted: impl Fn(EntryNo) -> bool + Send + 'static,
    ) -> Result<(u64, Vec<EntryRow>)> {
        let run = run.clone();
        self.read(move |c| drift::noted(c, &run, what, limit, &wanted))
            .await
    }

    pub async fn changed(&self, run: &RunId, limit: usize) -> Result<Vec<EntryRow>> {
        let run = run.clone();
        self.read(move |c| reads::changed(c, &run, limit)).await
    }

    pub async fn app_id_taken(
        &self,
        run: &RunId,
        org: OrgNo,
        app_id: &str,
        except: EntryNo,
    ) -> Result<Option<u64>> {
        let (run, app_id) = (run.clone(), app_id.to_owned());
        self.read(move |c| reads::app_id_taken(c, &run, org, &app_id, except))
            .await
    }

    pub async fn rests(
        &self,
        run: &RunId,
        since: UnixMillis,
        width_ms: i64,
    ) -> Result<Vec<(i64, u64)>> {
        let run = run.clone();
        self.read(move |c| waiting::rests(c, &run, since, width_ms))
            .await
    }

    pub async fn targets(&self, run: &RunId, org: OrgNo) -> Result<Vec<Target>> {
        let run = run.clone();
        self.read(move |c| memory::targets(c, &run, org)).await
    }

    pub async fn labels(&self, run: &RunId, org: OrgNo) -> Result<Vec<App>> {
        let run = run.clone();
        self.read(move |c| reads::labels(c, &run, org)).await
    }
}

/// Reading across runs.
impl Store {
    pub async fn under_way(&self) -> Result<Vec<UnderWay>> {
        self.read(reads::under_way).await
    }

    pub async fn links_in_doubt(&self, run: &RunId) -> Result<Vec<(OrgNo, EntryNo)>> {
        let run = run.clone();
        self.read(move |c| reads::links_in_doubt(c, &run)).await
    }

    pub async fn secrets(
        &self,
        run: &RunId,
        org: Option<OrgNo>,
    ) -> Result<HashMap<OrgNo, HashSet<SecretRef>>> {
        let run = run.clone();
        self.read(move |c| reads::secrets(c, &run, org)).await
    }

    pub async fn app_memory(&self, org_url: &str, app_id: &str) -> Result<AppMemory> {
        let (org_url, app_id) = (org_url.to_owned(), app_id.to_owned());
        self.read(move |c| memory::of_app(c, &org_url, &app_id))
            .await
    }

    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>> {
        let org_url = org_url.to_owned();
        self.read(move |c| memory::seen_apps(c, &org_url)).await
    }

    pub async fn wishes(&self, app: &AppMemory) -> Result<Option<Vec<Entry>>> {
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

    pub async fn wishers(&self, app: &AppMemory) -> Result<[Option<(RunId, EntryNo)>; 2]> {
        let keys = [app.applied_by, app.moving_by];
        if keys == [None, None] {
            return Ok([None, None]);
        }
        self.read(move |c| {
            let name = |key: Option<EntryKey>| key.map_or(Ok(None), |key| memory::name(c, key));
            let [applied_by, moving_by] = keys;
            Ok([name(applied_by)?, name(moving_by)?])
        })
        .await
    }

    pub async fn pending_consents(&self, run: Option<&RunId>) -> Result<Vec<Pending>> {
        let run = run.cloned();
        self.read(move |c| consents::pending_consents(c, run.as_ref()))
            .await
    }

    pub async fn waiting(&self) -> Result<Vec<WaitingEntry>> {
        self.read(waiting::waiting).await
    }

    pub async fn still_waiting(&self, places: Vec<(RunId, EntryNo)>) -> Result<Vec<Pending>> {
        self.read(move |c| waiting::still_waiting(c, &places)).await
    }

    pub async fn answered(&self) -> Result<Vec<Pending>> {
        self.read(waiting::answered).await
    }

    pub async fn oldest_consent(&self, run: Option<RunId>) -> Result<Option<UnixMillis>> {
        self.read(move |c| waiting::oldest_consent(c, run.as_ref()))
            .await
    }

    pub async fn consent(&self, key: &ConsentKey) -> Result<ConsentState> {
        let key = key.clone();
        self.read(move |c| consents::consent(c, &key)).await
    }

    pub async fn waits_for(&self, state: &str) -> Result<Option<Pending>> {
        let state = state.to_owned();
        self.read(move |c| consents::waits_for(c, &state)).await
    }

    pub async fn newest_of_app(
        &self,
        url: &str,
        app: App,
        app_id: &str,
    ) -> Result<Option<Pending>> {
        let (url, app_id) = (url.to_owned(), app_id.to_owned());
        self.read(move |c| consents::newest_of_app(c, &url, app, &app_id))
            .await
    }
}
