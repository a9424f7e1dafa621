//! The pages of a link for one org. Whoever has it needs no token, and sees and does nothing else; what it is good for is
//! looked at with each request, also with forms that were opened before.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::filter::Filter;
use super::form::{BadForm, Form};
use super::forms::{Place, remember, waits_no_more};
use super::pages::{self, Around, Note, Tab, bad_share, error};
use super::share::{self, BadShare, PATH, Share};
use super::shelves::Looked;
use super::site::{Site, who};
use super::told::{Eyes, not_now};
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
            faults: Vec::new(),
        };
        let (ledgers, are_all) = site.shelves.opened().await;
        match share::open(text, &ledgers, unix_millis()).await {
            Ok((ledger, share)) => Ok(Self {
                ledger,
                share,
                around,
            }),
            // It may be of one that is not open.
            Err(BadShare::Unknown) if !are_all => Err(bad_share(BadShare::NotNow)),
            Err(bad) => Err(bad_share(bad)),
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
        let looked = Looked::at(ledger);
        let (list, faults) = site.consents(&filter, looked, Some(org)).await;
        if let Some(fault) = faults.first() {
            return unreadable(&self.around, &fault.why);
        }
        let name = list.items.first().map(|item| item.pending.org.name.clone());
        let about = (name.as_deref(), self.share.ends);
        pages::share(&list, about, &filter, &self.around, told.1).answer(told.0)
    }
}

/// Of what is wrong with a ledger, who has no part in it is told no more than that.
fn unreadable(around: &Around, why: &LedgerError) -> Response {
    let note = not_now("this page", why);
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

/// A form of the page of a link that is good.
pub(super) struct GuestForm {
    site: Arc<Site>,
    who: Option<String>,
    opened: Opened,
    form: Form,
}

impl FromRequest<Arc<Site>> for GuestForm {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Response> {
        let (mut head, body) = request.into_parts();
        let text = Path::<String>::from_request_parts(&mut head, site).await;
        let Path(text) = text.map_err(IntoResponse::into_response)?;
        let opened = Opened::of(site, &head.headers, &text).await?;
        let form = opened.form(site, &head.headers, body).await?;
        Ok(Self {
            site: Arc::clone(site),
            who: who(&head.headers),
            opened,
            form,
        })
    }
}

impl GuestForm {
    /// The page with what became of it.
    async fn answer(&self, status: StatusCode, notes: &[Note]) -> Response {
        self.opened.page(&self.site, None, (status, notes)).await
    }

    fn unreadable(&self, why: &LedgerError) -> Response {
        unreadable(&self.opened.around, why)
    }

    /// The entry that it is about, if it still waits.
    async fn place(&self) -> Result<Option<Place>, LedgerError> {
        let only = Some(self.opened.only());
        self.site.place(&self.form, only).await
    }
}

/// `POST /share/LINK/who`.
pub(super) async fn set_who(guest: GuestForm) -> Response {
    remember(&guest.site, &guest.form, &guest.opened.around.base)
}

/// `POST /share/LINK/consents/answers`.
pub(super) async fn answers(guest: GuestForm) -> Response {
    let text = guest.form.get("answers").unwrap_or_default();
    let notes = guest.site.hand_in(text, Some(guest.opened.only())).await;
    guest.answer(StatusCode::OK, &notes).await
}

/// `POST /share/LINK/consents/open`.
pub(super) async fn open(guest: GuestForm) -> Response {
    let note = match guest.place().await {
        Ok(Some(place)) => {
            let eyes = (guest.who.clone(), Eyes::Guests);
            match guest.site.open(place, eyes).await {
                Ok(response) => return response,
                Err(note) => note,
            }
        }
        Ok(None) => waits_no_more(),
        Err(why) => return guest.unreadable(&why),
    };
    guest.answer(StatusCode::CONFLICT, &[note]).await
}

/// `POST /share/LINK/consents/fresh`.
pub(super) async fn fresh(guest: GuestForm) -> Response {
    let (status, note) = match guest.place().await {
        Ok(Some(place)) => {
            let (note, _) = guest.site.renew(place, Eyes::Guests).await;
            (StatusCode::OK, note)
        }
        Ok(None) => (StatusCode::CONFLICT, waits_no_more()),
        Err(why) => return guest.unreadable(&why),
    };
    guest.answer(status, &[note]).await
}
