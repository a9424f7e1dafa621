//! What people do about runs, jobs and orgs: let a wave begin, stop a run, start a job, hand an org's consents out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::asked::{Asked, Trouble, ask};
use super::facts::Facts;
use super::filter::Filter;
use super::form::Form;
use super::pages::{Note, Tab};
use super::share::Share;
use super::shelves::Placed;
use super::site::Site;
use crate::ledger::LedgerError;
use crate::model::RunId;
use crate::pacing::unix_millis;
use crate::report::{rfc3339, wave_called};

type Shared = State<Arc<Site>>;

/// `POST /runs/RUN/approve`.
pub(super) async fn approve(
    State(site): Shared,
    headers: HeaderMap,
    Path(prefix): Path<String>,
    body: Body,
) -> Response {
    let form = match site.form(&headers, body, Tab::Runs).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let wave = form
        .filled("wave")
        .and_then(|wave| wave.parse::<usize>().ok());
    let note = match approved(&site, &prefix, wave).await {
        Ok(note) => note,
        Err(why) => {
            let around = site.around(&headers, "/runs");
            return site.unreadable(&around, Tab::Runs, why).await;
        }
    };
    let status = if note.is_good {
        StatusCode::OK
    } else {
        StatusCode::CONFLICT
    };
    let filter = Filter::of(None);
    site.run_page((&headers, &filter), &prefix, (status, &[note]))
        .await
}

async fn approved(site: &Site, prefix: &str, wave: Option<usize>) -> Result<Note, LedgerError> {
    let Placed { ledger, run } = site.shelves.run(prefix).await?;
    let facts = Facts::read(&ledger, &run).await?;
    let awaits = facts
        .awaits()
        .filter(|(no, _)| wave.is_none_or(|wave| wave == *no));
    let Some((no, name)) = awaits else {
        return Ok(Note::bad(
            "no such wave waits for an approval any more",
            None,
        ));
    };
    let good = Note::good(format!("{} may begin", wave_called(name)));
    if site.engine.live().approve(&run.id, no) {
        return Ok(good);
    }
    let asked = ask(&site.doer, |reply| Asked::Approve {
        ledger,
        run: run.id.clone(),
        reply,
    });
    Ok(match asked.await {
        Ok(()) => good,
        Err(Trouble { message, hint }) => Note::bad(message, hint),
    })
}

/// `POST /runs/RUN/stop`.
pub(super) async fn stop(
    State(site): Shared,
    headers: HeaderMap,
    Path(prefix): Path<String>,
    body: Body,
) -> Response {
    if let Err(refused) = site.form(&headers, body, Tab::Runs).await {
        return refused;
    }
    let (status, note) = match site.shelves.run(&prefix).await {
        Ok(placed) => stopped(&site, &placed.run.id),
        Err(why) => {
            let around = site.around(&headers, "/runs");
            return site.unreadable(&around, Tab::Runs, why).await;
        }
    };
    let filter = Filter::of(None);
    site.run_page((&headers, &filter), &prefix, (status, &[note]))
        .await
}

fn stopped(site: &Site, run: &RunId) -> (StatusCode, Note) {
    if site.engine.live().stop(run) {
        let text = format!(
            "run {} stops: calls that are under way end, everything is checkpointed",
            run.0
        );
        return (StatusCode::OK, Note::good(text));
    }
    let note = Note::bad(format!("this process does not work on run {}", run.0), None);
    (StatusCode::CONFLICT, note)
}

/// `POST /jobs/run`.
pub(super) async fn run_now(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Jobs).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let job = form.get("job").unwrap_or_default().to_owned();
    let asked = ask(&site.doer, |reply| Asked::RunNow { job, reply });
    let (status, note) = match asked.await {
        Ok(()) => (StatusCode::OK, Note::good("the job starts")),
        Err(Trouble { message, hint }) => (StatusCode::CONFLICT, Note::bad(message, hint)),
    };
    site.feed.say("jobs", &json!({}));
    site.jobs_page(&headers, (status, &[note])).await
}

/// `POST /jobs/stop`.
pub(super) async fn stop_job(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Jobs).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let run = RunId(form.get("run").unwrap_or_default().to_owned());
    let (status, note) = stopped(&site, &run);
    site.jobs_page(&headers, (status, &[note])).await
}

/// `POST /share`.
pub(super) async fn share(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Consents).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match shared(&site, &form).await {
        Ok(note) => {
            let status = if note.is_good {
                StatusCode::OK
            } else {
                StatusCode::BAD_REQUEST
            };
            let filter = Filter::of(None);
            site.consents_page(&headers, &filter, (status, &[note]))
                .await
        }
        Err(why) => {
            let around = site.around(&headers, "/consents");
            site.unreadable(&around, Tab::Consents, why).await
        }
    }
}

async fn shared(site: &Site, form: &Form) -> Result<Note, LedgerError> {
    let Placed { ledger, run } = site
        .shelves
        .run(form.get("run").unwrap_or_default())
        .await?;
    let url = form.get("org").unwrap_or_default();
    let orgs = ledger.orgs(&run.id).await?;
    let Some(org) = orgs.into_iter().find(|org| org.url == url) else {
        return Ok(Note::bad("there is no such org", None));
    };
    if form.get("do") == Some("revoke") {
        ledger.take_back_shares(&org.url).await?;
        return Ok(Note::good(format!(
            "every link for {} that was made so far is revoked",
            org.name
        )));
    }
    let days = match form.get("expires") {
        Some("1d") => 1,
        Some("30d") => 30,
        _ => 7,
    };
    let good_for = (unix_millis(), Duration::from_hours(24 * days));
    let share = Share::new(&ledger, org.url, good_for).await?;
    let path = share.path(&ledger).await?;
    Ok(Note {
        link: Some(format!("{}{path}", site.address.base())),
        ..Note::good(format!(
            "whoever has this link sees the consents of {} and hands them in, until {}",
            org.name,
            rfc3339(share.ends)
        ))
    })
}
