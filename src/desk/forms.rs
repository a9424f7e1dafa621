//! What people do at the desk. Each form is one of the desk's own pages, or it does nothing; what became of it stands on
//! the page that is answered with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::asked::{Asked, Trouble, ask};
use super::filter::Filter;
use super::form::{BadForm, Form};
use super::pages::{Note, Tab, error};
use super::routes::DESK;
use super::shelves::Looked;
use super::site::{Site, who};
use super::told::{self, Eyes, Rest};
use crate::consent::reader;
use crate::ledger::{Ledger, LedgerError, Pending};
use crate::model::{EntryNo, RunId};
use crate::okta::authorize;
use crate::pacing::unix_millis;
use crate::rollout::consent::Refreshed;

/// A link that is older is asked for anew when somebody opens it: third parties do not keep it for ever.
const OLD: Duration = Duration::from_hours(24);

type Shared = State<Arc<Site>>;

/// Where an entry that a form is about is.
pub(super) struct Place {
    pub ledger: Ledger,
    pub pending: Pending,
}

impl Site {
    /// A form of one of the desk's own pages.
    pub(super) async fn form(
        &self,
        headers: &HeaderMap,
        body: Body,
        tab: Tab,
    ) -> Result<Form, Response> {
        let around = || self.around(headers, "/consents");
        let bad = |BadForm(status, why)| error(status, &around(), tab, Note::bad(why, None));
        let form = Form::read(headers, body).await.map_err(bad)?;
        if self
            .keys
            .is_csrf(DESK, form.get("csrf").unwrap_or_default())
        {
            return Ok(form);
        }
        let hint = Some("go back, reload the page, and try once more".to_owned());
        let note = Note::bad("this form is not of a page of this desk", hint);
        Err(error(StatusCode::FORBIDDEN, &around(), tab, note))
    }

    /// Hands in answers, with `only` for one org of one ledger.
    pub(super) async fn hand_in(&self, text: &str, only: Option<(&Ledger, &str)>) -> Vec<Note> {
        let ledgers = self.looked(only).await.ledgers;
        let eyes = if only.is_some() {
            Eyes::Guests
        } else {
            Eyes::Ours
        };
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        let asked = ledgers.into_iter().map(|ledger| {
            let reading = reader::read(text.as_bytes());
            let only = only.map(|(_, org)| org.to_owned());
            ask(&self.doer, |reply| Asked::HandIn {
                ledger,
                reading,
                only,
                reply,
            })
        });
        // All at once: a code expires within minutes.
        for answered in futures_util::future::join_all(asked).await {
            match answered {
                Ok(answered) => all.push(answered),
                Err(Trouble { message, .. }) if eyes == Eyes::Guests => {
                    failed.push(told::not_now("the answers", &message));
                }
                Err(Trouble { message, hint }) => failed.push(Note::bad(message, hint)),
            }
        }
        let all = told::merged(all);
        // A ledger that failed is of no concern to answers of others.
        let is_all_known = !all.is_empty() && all.iter().all(|(_, one)| told::is_known(one));
        let mut notes = if is_all_known { Vec::new() } else { failed };
        let rest = |run: &RunId| {
            if self.shelves.has(run) {
                Rest::ByItself
            } else {
                Rest::ByCommand
            }
        };
        notes.extend(told::answers(all, eyes, rest));
        if notes.is_empty() {
            let hint = "paste everything that Okta's page shows after the consent";
            let text = format!(
                "no answer was found in these {} characters",
                text.chars().count()
            );
            notes.push(Note::bad(text, Some(hint.to_owned())));
        }
        self.feed.say("consents", &json!({}));
        notes
    }

    /// The ledgers that a form may be about.
    async fn looked(&self, only: Option<(&Ledger, &str)>) -> Looked {
        match only {
            Some((ledger, _)) => Looked::at(ledger),
            None => self.shelves.all().await,
        }
    }

    /// The entry that a form is about, if it still waits; with `only` if it is of that org.
    pub(super) async fn place(
        &self,
        form: &Form,
        only: Option<(&Ledger, &str)>,
    ) -> Result<Option<Place>, LedgerError> {
        let run = form.filled("run").map(|run| RunId(run.to_owned()));
        let no = form
            .filled("entry")
            .and_then(|no| no.parse().ok())
            .map(EntryNo);
        let (Some(run), Some(no)) = (run, no) else {
            return Ok(None);
        };
        let looked = self.looked(only).await;
        let mut failed = looked.unread().next().map(|fault| fault.why.clone());
        for ledger in looked.ledgers {
            let found = match ledger.still_waiting(vec![(run.clone(), no)]).await {
                Ok(found) => found,
                Err(LedgerError::NotFound { .. }) => continue,
                Err(why) => {
                    failed = Some(why);
                    continue;
                }
            };
            let pending = found
                .into_iter()
                .find(|pending| only.is_none_or(|(_, org)| pending.org.url == org));
            if let Some(pending) = pending {
                return Ok(Some(Place { ledger, pending }));
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Opens a link: whoever works at it is noted, and is sent on to where the consent is given. One that is old is asked
    /// for anew first. Otherwise it says why not.
    pub(super) async fn open(
        &self,
        place: Place,
        (who, eyes): (Option<String>, Eyes),
    ) -> Result<Response, Note> {
        let now = unix_millis();
        let row = &place.pending.entry;
        let (run, no) = (place.pending.run.clone(), row.no);
        let consent = row.progress.consent.as_ref();
        let is_old = consent.is_none_or(|consent| now.ahead_of(consent.since) > OLD);
        // Whoever is at it has the link as it is.
        let is_claimed = !self.claims.of(&run, no, Instant::now()).is_empty();
        let link = if (is_old || row.progress.link_in_doubt) && !is_claimed {
            match self.renew(place, eyes).await {
                (_, Some(link)) => link,
                (note, None) => return Err(note),
            }
        } else {
            consent
                .map(|consent| consent.authorize_url.clone())
                .unwrap_or_default()
        };
        if let Err(bad) = authorize::state_of(&link) {
            if eyes == Eyes::Guests {
                return Err(told::not_now("this entry", &bad));
            }
            let hint = Some("get a fresh link".to_owned());
            return Err(Note::bad(format!("the link is not opened: {bad}"), hint));
        }
        self.claims.claim(&run, no, (who, Instant::now()));
        self.feed.say("consents", &json!({}));
        let headers = [(LOCATION, link.as_str()), (REFERRER_POLICY, "no-referrer")];
        Ok((StatusCode::SEE_OTHER, headers).into_response())
    }

    /// Gets a fresh link for an entry.
    pub(super) async fn renew(&self, place: Place, eyes: Eyes) -> (Note, Option<String>) {
        let Place { ledger, pending } = place;
        let (run, no) = (pending.run.clone(), pending.entry.no);
        let row = &pending.entry;
        let name = format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row);
        let renewed = ask(&self.doer, |reply| Asked::Renew {
            ledger,
            pending: Box::new(pending),
            reply,
        });
        let renewed = renewed.await;
        if let Ok(Refreshed::Link(_) | Refreshed::NotNeeded) = renewed {
            self.claims.release(&run, no);
        }
        self.feed.say("consents", &json!({}));
        match renewed {
            Ok(renewed) => {
                let note = told::link(&name, &renewed, eyes);
                let link = match renewed {
                    Refreshed::Link(link) => Some(link),
                    _ => None,
                };
                (note, link)
            }
            Err(Trouble { message, .. }) if eyes == Eyes::Guests => {
                (told::not_now(&name, &message), None)
            }
            Err(Trouble { message, hint }) => (Note::bad(format!("{name}: {message}"), hint), None),
        }
    }
}

/// Said of an entry that a form is about and that is not there.
pub(super) fn waits_no_more() -> Note {
    let hint = "somebody may have handed its answer in: the list below is as it is now";
    Note::bad(
        "this entry does not wait for a consent any more",
        Some(hint.to_owned()),
    )
}

/// `POST /who`.
pub(super) async fn set_who(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    match site.form(&headers, body, Tab::Consents).await {
        Ok(form) => remember(&site, &form, "/consents"),
        Err(refused) => refused,
    }
}

/// Has a browser remember the name, and leads back.
pub(super) fn remember(site: &Site, form: &Form, home: &str) -> Response {
    let here = form.filled("here").filter(|here| {
        // Nowhere but to a page of the same kind.
        let is_same = here.starts_with(home) || home == "/consents" && is_own(here);
        is_same
            && here
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    let cookie = site.set_who(form.get("who").unwrap_or_default());
    let headers = [
        (LOCATION, here.unwrap_or(home)),
        (SET_COOKIE, cookie.as_str()),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn is_own(path: &str) -> bool {
    ["/runs", "/jobs"].iter().any(|own| path.starts_with(own))
}

/// `POST /consents/answers`.
pub(super) async fn answers(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Consents).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let handed_in = site.hand_in(form.get("answers").unwrap_or_default(), None);
    let notes = completed(&site, handed_in.await);
    let told = (StatusCode::OK, notes.as_slice());
    site.consents_page(&headers, &Filter::of(None), told).await
}

fn completed(site: &Site, mut notes: Vec<Note>) -> Vec<Note> {
    for note in &mut notes {
        let hint = note.hint.take();
        note.hint = hint.map(|hint| (site.complete)(None, &hint));
    }
    notes
}

/// `POST /consents/open`.
pub(super) async fn open(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Consents).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let note = match site.place(&form, None).await {
        Ok(Some(place)) => match site.open(place, (who(&headers), Eyes::Ours)).await {
            Ok(response) => return response,
            Err(note) => note,
        },
        Ok(None) => waits_no_more(),
        Err(why) => {
            let around = site.around(&headers, "/consents");
            return site.unreadable(&around, Tab::Consents, why).await;
        }
    };
    let told = (StatusCode::CONFLICT, &[note][..]);
    site.consents_page(&headers, &Filter::of(None), told).await
}

/// `POST /consents/fresh`.
pub(super) async fn fresh(State(site): Shared, headers: HeaderMap, body: Body) -> Response {
    let form = match site.form(&headers, body, Tab::Consents).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let (status, note) = match site.place(&form, None).await {
        Ok(Some(place)) => (StatusCode::OK, site.renew(place, Eyes::Ours).await.0),
        Ok(None) => (StatusCode::CONFLICT, waits_no_more()),
        Err(why) => {
            let around = site.around(&headers, "/consents");
            return site.unreadable(&around, Tab::Consents, why).await;
        }
    };
    let filter = Filter::of(None);
    site.consents_page(&headers, &filter, (status, &[note]))
        .await
}
