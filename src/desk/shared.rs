//! The pages of a link for one org. Whoever has it needs no token, and sees and does nothing else; what it is good for is
//! looked at with each request, also with forms that were opened before.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::filter::Filter;
use super::form::{BadForm, Form};
use super::forms::{remember, waits_no_more};
use super::pages::{self, Around, Note, Tab, bad_share, error};
use super::share::{self, PATH, Share};
use super::site::{Site, who};
use super::told::Eyes;
use crate::ledger::{Ledger, LedgerError};
use crate::pacing::unix_millis;

type Shared = State<Arc<Site>>;

/// A link that is good.
struct Opened {
    ledger: Ledger,
    share: Share,
    around: Around,
}

impl Opened {
    async fn of(site: &Site, headers: &HeaderMap, text: &str) -> Result<Self, Response> {
        let base = format!("{PATH}{text}");
        let around = Around {
            csrf: site.keys.csrf(&base),
            who: who(headers),
            here: base.clone(),
            base,
        };
        let opened = match site.shelves.all().await {
            Ok(ledgers) => share::open(text, &ledgers, unix_millis()),
            Err(why) => Err(why),
        };
        match opened {
            Ok(Ok((ledger, share))) => Ok(Self {
                ledger,
                share,
                around,
            }),
            Ok(Err(bad)) => Err(bad_share(bad)),
            Err(why) => Err(unreadable(site, &around, why).await),
        }
    }

    const fn only(&self) -> (&Ledger, &str) {
        (&self.ledger, self.share.org.as_str())
    }

    /// A form of this link's page.
    async fn form(&self, site: &Site, headers: &HeaderMap, body: Body) -> Result<Form, Response> {
        let around = &self.around;
        let bad = |BadForm(status, why)| error(status, around, Tab::Alone, Note::bad(why, None));
        let form = Form::read(headers, body).await.map_err(bad)?;
        if site
            .keys
            .is_csrf(&around.base, form.get("csrf").unwrap_or_default())
        {
            return Ok(form);
        }
        let hint = Some("go back, reload the page, and try once more".to_owned());
        let note = Note::bad("this form is not of this page", hint);
        Err(error(StatusCode::FORBIDDEN, around, Tab::Alone, note))
    }

    async fn page(
        &self,
        site: &Site,
        query: Option<&str>,
        told: (StatusCode, &[Note]),
    ) -> Response {
        let filter = Filter {
            page: Filter::of(query).page,
            ..Filter::default()
        };
        let (ledger, org) = self.only();
        let listed = site.consents(&filter, |entry, of| {
            entry.org_url == org && of.file() == ledger.file()
        });
        let list = match listed.await {
            Ok(list) => list,
            Err(why) => return unreadable(site, &self.around, why).await,
        };
        let name = list.items.first().map(|item| item.pending.org.name.clone());
        let about = (name.as_deref(), self.share.ends);
        pages::share(&list, about, &filter, &self.around, told.1).answer(told.0)
    }
}

/// Of what is wrong with a ledger, who has no part in it is told no more than that.
async fn unreadable(site: &Site, around: &Around, _: LedgerError) -> Response {
    site.shelves.forget().await;
    let note = Note::bad(
        "this is not possible just now",
        Some("try again later".to_owned()),
    );
    error(StatusCode::SERVICE_UNAVAILABLE, around, Tab::Alone, note)
}

/// `GET /share/LINK`.
pub(super) async fn page(
    State(site): Shared,
    headers: HeaderMap,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    match Opened::of(&site, &headers, &text).await {
        Ok(opened) => {
            opened
                .page(&site, query.as_deref(), (StatusCode::OK, &[]))
                .await
        }
        Err(refused) => refused,
    }
}

/// `POST /share/LINK/who`.
pub(super) async fn set_who(
    State(site): Shared,
    headers: HeaderMap,
    Path(text): Path<String>,
    body: Body,
) -> Response {
    let done = async {
        let opened = Opened::of(&site, &headers, &text).await?;
        let form = opened.form(&site, &headers, body).await?;
        Ok(remember(&site, &form, &opened.around.base))
    };
    done.await.unwrap_or_else(|refused| refused)
}

/// `POST /share/LINK/consents/answers`.
pub(super) async fn answers(
    State(site): Shared,
    headers: HeaderMap,
    Path(text): Path<String>,
    body: Body,
) -> Response {
    let done = async {
        let opened = Opened::of(&site, &headers, &text).await?;
        let form = opened.form(&site, &headers, body).await?;
        let text = form.get("answers").unwrap_or_default();
        Ok(match site.hand_in(text, Some(opened.only())).await {
            Ok(notes) => opened.page(&site, None, (StatusCode::OK, &notes)).await,
            Err(why) => unreadable(&site, &opened.around, why).await,
        })
    };
    done.await.unwrap_or_else(|refused| refused)
}

/// `POST /share/LINK/consents/open`.
pub(super) async fn open(
    State(site): Shared,
    headers: HeaderMap,
    Path(text): Path<String>,
    body: Body,
) -> Response {
    let done = async {
        let opened = Opened::of(&site, &headers, &text).await?;
        let form = opened.form(&site, &headers, body).await?;
        let note = match site.place(&form, Some(opened.only())).await {
            Ok(Some(place)) => match site.open(place, (who(&headers), Eyes::Guests)).await {
                Ok(response) => return Ok(response),
                Err(note) => note,
            },
            Ok(None) => waits_no_more(),
            Err(why) => return Ok(unreadable(&site, &opened.around, why).await),
        };
        Ok(opened
            .page(&site, None, (StatusCode::CONFLICT, &[note]))
            .await)
    };
    done.await.unwrap_or_else(|refused| refused)
}

/// `POST /share/LINK/consents/fresh`.
pub(super) async fn fresh(
    State(site): Shared,
    headers: HeaderMap,
    Path(text): Path<String>,
    body: Body,
) -> Response {
    let done = async {
        let opened = Opened::of(&site, &headers, &text).await?;
        let form = opened.form(&site, &headers, body).await?;
        let (status, note) = match site.place(&form, Some(opened.only())).await {
            Ok(Some(place)) => (StatusCode::OK, site.renew(place, Eyes::Guests).await.0),
            Ok(None) => (StatusCode::CONFLICT, waits_no_more()),
            Err(why) => return Ok(unreadable(&site, &opened.around, why).await),
        };
        Ok(opened.page(&site, None, (status, &[note])).await)
    };
    done.await.unwrap_or_else(|refused| refused)
}
