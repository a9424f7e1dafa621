//! The pages that are looked at: each is made from the ledgers as they are now.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::facts::{Facts, PAGE};
use super::filter::Filter;
use super::metrics;
use super::pages::{self, Around, ConsentList, Item, JobLine, Note, RunLine, RunPage, Tab, error};
use super::shelves::{Fault, Looked, Placed, Read};
use super::site::{Site, who};
use crate::ledger::{Ledger, LedgerError, RunRow, WaitingEntry};
use crate::pacing::unix_millis;
use crate::report::{self, Held, RunFacts};

/// What forms of the desk's own pages say they are of.
pub(super) const DESK: &str = "desk";

/// Runs of a page.
const RUNS: usize = 30;

type Shared = State<Arc<Site>>;

impl Site {
    /// What stands around a page of the desk's own.
    pub(super) fn around(&self, headers: &HeaderMap, here: &str) -> Around {
        Around {
            csrf: self.keys.csrf(DESK),
            base: String::new(),
            who: who(headers),
            here: here.to_owned(),
            faults: Vec::new(),
        }
    }

    /// What waits for a consent in these ledgers, with `only` in the org with this URL, of that page.
    pub(super) async fn consents(
        &self,
        filter: &Filter,
        looked: Looked,
        only: Option<&str>,
    ) -> (ConsentList, Vec<Fault>) {
        let Read { of, mut faults } = self.shelves.waiting(looked).await;
        let mut waiting: Vec<(usize, &WaitingEntry)> = Vec::new();
        for (place, (_, of_ledger)) in of.iter().enumerate() {
            let wanted = |entry: &&WaitingEntry| only.is_none_or(|org| entry.org_url == org);
            let of_ledger = of_ledger.iter().filter(wanted);
            waiting.extend(of_ledger.map(|entry| (place, entry)));
        }
        let all = waiting.len();
        waiting.retain(|(_, entry)| filter.takes(&entry.org, entry.app));
        // Those of one app in the order of their run.
        waiting.sort_by(|(a_ledger, a), (b_ledger, b)| {
            let key = |ledger: &usize, entry: &WaitingEntry| (*ledger, entry.app);
            (&a.org, &a.org_url, key(a_ledger, a)).cmp(&(&b.org, &b.org_url, key(b_ledger, b)))
        });
        let count = waiting.len();
        let first = (filter.page - 1).saturating_mul(PAGE);
        let now = unix_millis();
        let mut items = Vec::with_capacity(PAGE);
        let shown: Vec<_> = waiting.into_iter().skip(first).take(PAGE).collect();
        for of_ledger in shown.chunk_by(|(a, _), (b, _)| a == b) {
            let places = of_ledger.iter();
            let places = places.map(|(_, entry)| (entry.run.clone(), entry.no));
            let ledger = &of[of_ledger[0].0].0;
            let pending = ledger.still_waiting(places.collect()).await;
            let pending = pending.unwrap_or_else(|why| {
                faults.push(Fault::of(ledger, why));
                Vec::new()
            });
            // What was handed in meanwhile waits no more.
            for pending in pending {
                let of = (&pending.run, pending.entry.no);
                let claims = self.claims.of(of.0, of.1, Instant::now());
                items.push(Item { pending, claims });
            }
        }
        let list = ConsentList {
            items,
            count,
            all,
            pages: count.div_ceil(PAGE),
            now,
        };
        (list, faults)
    }

    /// The page of consents, with what became of something.
    pub(super) async fn consents_page(
        &self,
        headers: &HeaderMap,
        filter: &Filter,
        (status, notes): (StatusCode, &[Note]),
    ) -> Response {
        let mut around = self.around(headers, "/consents");
        let looked = self.shelves.all().await;
        let (list, faults) = self.consents(filter, looked, None).await;
        around.faults = self.told_of(faults).await;
        pages::consents(&list, filter, &around, notes).answer(status)
    }

    /// The page of a run, with what became of something.
    pub(super) async fn run_page(
        &self,
        (headers, filter): (&HeaderMap, &Filter),
        prefix: &str,
        (status, notes): (StatusCode, &[Note]),
    ) -> Response {
        let around = self.around(headers, &format!("/runs/{prefix}"));
        let made = async {
            let Placed { ledger, run } = self.shelves.run(prefix).await?;
            let facts = Facts::read(&ledger, &run).await?;
            let (entries, count) = facts.entries(&filter.selection(), filter.page).await?;
            let failed = facts.failed().await?;
            let (spans, span_ms) = spans(&facts).await?;
            let complete = |text: &str| (self.complete)(Some(facts.view.ledger.url()), text);
            let page = RunPage {
                failed,
                entries,
                count,
                filter,
                spans,
                span_ms,
                is_live: self.engine.live().has(&facts.view.run.id),
                facts: &facts,
                complete: &complete,
            };
            Ok(pages::run(&page, &around, notes).answer(status))
        };
        match made.await {
            Ok(response) => response,
            Err(why) => self.unreadable(&around, Tab::Runs, why).await,
        }
    }

    /// The page of jobs, with what became of something.
    pub(super) async fn jobs_page(
        &self,
        headers: &HeaderMap,
        (status, notes): (StatusCode, &[Note]),
    ) -> Response {
        let mut around = self.around(headers, "/jobs");
        let served = self.jobs.lock().clone();
        let looked = self.shelves.all().await;
        let Read { of, mut faults } = looked.read(async |ledger| ledger.runs().await).await;
        let mut lines = Vec::new();
        for job in served {
            let all = of.iter();
            let all = all.flat_map(|(ledger, runs)| runs.iter().map(move |run| (ledger, run)));
            let of_job = all.filter(|(_, run)| run.file_key == job.key);
            let mut last = None;
            if let Some((ledger, run)) = of_job.max_by_key(|(_, run)| run.started_at) {
                match line(ledger, run).await {
                    Ok(line) => last = Some(line),
                    Err(why) => faults.push(Fault::of(ledger, why)),
                }
            }
            let live = last
                .as_ref()
                .map(|last| crate::model::RunId(last.id.clone()));
            let is_live = live.is_some_and(|run| self.engine.live().has(&run));
            lines.push(JobLine { job, last, is_live });
        }
        // What is broken comes first.
        lines.sort_by_key(|line| !line.job.broken);
        around.faults = self.told_of(faults).await;
        pages::jobs(&lines, &around, notes).answer(status)
    }
}

/// How many entries came to rest when, and how long a span is.
async fn spans(facts: &Facts) -> Result<(Vec<(i64, u64)>, i64), LedgerError> {
    let spans = i64::try_from(pages::SPANS).unwrap_or(1);
    let run = &facts.view.run;
    let end = run.finished_at.filter(|_| facts.view.held == Held::No);
    let end = end.unwrap_or_else(unix_millis);
    let long = end.0.saturating_sub(run.started_at.0).max(spans);
    let span_ms = long / spans + 1;
    let rests = facts
        .view
        .ledger
        .rests(&run.id, run.started_at, span_ms)
        .await?;
    Ok((rests, span_ms))
}

async fn line(ledger: &Ledger, run: &RunRow) -> Result<RunLine, LedgerError> {
    let held = if ledger.is_locked(&run.id).await? {
        Held::Yes
    } else {
        Held::No
    };
    let overview = report::overview(RunFacts {
        run,
        held,
        counts: ledger.counts(&run.id).await?,
        orgs: &[],
        removed: &[],
    });
    Ok(RunLine {
        id: overview.run,
        file: overview.file,
        state: overview.state,
        started_at: overview.started_at,
        totals: overview.totals,
        error: overview.error,
    })
}

/// `GET /`.
pub(super) async fn first() -> Redirect {
    Redirect::to("/consents")
}

/// `GET /consents`.
pub(super) async fn consents(
    State(site): Shared,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let filter = Filter::of(query.as_deref());
    site.consents_page(&headers, &filter, (StatusCode::OK, &[]))
        .await
}

/// `GET /runs`.
pub(super) async fn runs(
    State(site): Shared,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let (filter, mut around) = (Filter::of(query.as_deref()), site.around(&headers, "/runs"));
    let looked = site.shelves.all().await;
    let Read { of, mut faults } = looked.read(async |ledger| ledger.runs().await).await;
    let all = of.iter();
    let all = all.flat_map(|(ledger, runs)| runs.iter().map(move |run| (ledger, run)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, run)| std::cmp::Reverse(run.started_at));
    let pages = all.len().div_ceil(RUNS);
    let first = (filter.page - 1).saturating_mul(RUNS);
    let mut lines = Vec::new();
    for (ledger, run) in all.into_iter().skip(first).take(RUNS) {
        let mut line = match line(ledger, run).await {
            Ok(line) => line,
            Err(why) => {
                faults.push(Fault::of(ledger, why));
                continue;
            }
        };
        if let Some(error) = &mut line.error {
            let hint = error.hint.take();
            error.hint = hint.map(|hint| (site.complete)(Some(ledger.url()), &hint));
        }
        lines.push(line);
    }
    around.faults = site.told_of(faults).await;
    pages::runs(&lines, (&filter, pages), &around, &[]).answer(StatusCode::OK)
}

/// `GET /runs/RUN`.
pub(super) async fn run(
    State(site): Shared,
    headers: HeaderMap,
    Path(prefix): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let filter = Filter::of(query.as_deref());
    site.run_page((&headers, &filter), &prefix, (StatusCode::OK, &[]))
        .await
}

/// `GET /runs/RUN/entries/ROW`.
pub(super) async fn entry(
    State(site): Shared,
    headers: HeaderMap,
    Path((prefix, row)): Path<(String, String)>,
) -> Response {
    let around = site.around(&headers, &format!("/runs/{prefix}/entries/{row}"));
    let nothing = |what: &str| {
        let note = Note::bad(format!("run {prefix} has no entry in row {what}"), None);
        error(StatusCode::NOT_FOUND, &around, Tab::Runs, note)
    };
    let Ok(number) = row.parse() else {
        return nothing(&row);
    };
    let made = async {
        let Placed { ledger, run } = site.shelves.run(&prefix).await?;
        let facts = Facts::read(&ledger, &run).await?;
        let Some(found) = facts.at_row(number).await? else {
            return Ok(nothing(&row));
        };
        let Some(mut one) = facts.view.entry(&found) else {
            return Ok(nothing(&row));
        };
        let (mut calls, order) = (Vec::new(), [found.no]);
        let each = |_, made| calls = report::calls(made);
        facts
            .view
            .ledger
            .for_each_with_calls_of(&facts.view.run.id, &order, each)
            .await?;
        one.calls = Some(calls);
        let complete = |text: &str| (site.complete)(Some(facts.view.ledger.url()), text);
        let of_run = (facts.overview.run.as_str(), &complete as _);
        Ok(pages::entry(&one, of_run, &around, &[]).answer(StatusCode::OK))
    };
    match made.await {
        Ok(response) => response,
        Err(why) => site.unreadable(&around, Tab::Runs, why).await,
    }
}

/// `GET /jobs`.
pub(super) async fn jobs(State(site): Shared, headers: HeaderMap) -> Response {
    site.jobs_page(&headers, (StatusCode::OK, &[])).await
}

/// `GET /events`.
pub(super) async fn events(State(site): Shared, headers: HeaderMap) -> Response {
    let Ok(place) = Arc::clone(&site.streams).try_acquire_owned() else {
        let headers = [(axum::http::header::RETRY_AFTER, "10")];
        return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
    };
    let last = headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok());
    let stream = site.feed.stream(last, site.end.clone(), place);
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // A proxy that gathers answers would hold them back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

/// `GET /metrics`.
pub(super) async fn metrics(State(site): Shared, RawQuery(query): RawQuery) -> Response {
    match metrics::page(&site, &Filter::of(query.as_deref())).await {
        Ok(page) => {
            let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (headers, page).into_response()
        }
        Err(why) => {
            let text = format!("# {why}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

/// What is nowhere.
pub(super) async fn nowhere(State(site): Shared, headers: HeaderMap, uri: Uri) -> Response {
    if uri.path().starts_with(super::share::PATH) {
        return pages::bad_share(super::share::BadShare::Unknown);
    }
    let around = site.around(&headers, "/consents");
    let note = Note::bad("there is no such page", None);
    error(StatusCode::NOT_FOUND, &around, Tab::Consents, note)
}
