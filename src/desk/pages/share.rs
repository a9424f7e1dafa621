//! The page for somebody who was given a link for one org, and sees nothing else.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::consents::{ConsentList, items, paste};
use super::layout::{Around, Note, Page, Tab, error, who};
use super::words::time;
use crate::desk::filter::Filter;
use crate::desk::share::BadShare;
use crate::model::UnixMillis;
use crate::report::{counted, rfc3339};
use crate::text::value;

/// The page; `org` is the org's name, as far as it is known.
pub(in crate::desk) fn share<'a>(
    list: &ConsentList,
    (org, ends): (Option<&str>, UnixMillis),
    filter: &Filter,
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    let title = match org {
        Some(org) => format!("Consents of {}", value(org)),
        None => "Consents".to_owned(),
    };
    Page {
        title,
        tab: Tab::Alone,
        around,
        notes,
        origins: list.origins(),
        body: html! {
            @if list.all == 0 {
                p class="empty" { "Nothing waits for a consent. Thank you." }
            } @else {
                ol class="steps" {
                    li { "Open an entry, sign in as the administrator of the app, and agree." }
                    li { "Copy everything that Okta's page shows then." }
                    li { "Paste it here, and hand it in." }
                }
                p { (counted(list.count as u64, "entry waits", "entries wait")) " for a consent." }
            }
            (paste(around))
            (items(list, around, false))
            (super::layout::pager(filter.page, list.pages, |page| format!("{}?{}", around.base, filter.query(page))))
            (who(around))
            p class="muted" { "This link is good until " (time(&rfc3339(ends))) "." }
        },
    }
}

/// Instead of the page.
pub(in crate::desk) fn bad_share(bad: BadShare) -> Response {
    let (status, text) = match bad {
        BadShare::Unknown => (
            StatusCode::NOT_FOUND,
            "this link was altered, or never made",
        ),
        BadShare::Ended => (StatusCode::GONE, "this link has expired"),
        BadShare::TakenBack => (StatusCode::GONE, "this link was revoked"),
        BadShare::NotNow => (
            StatusCode::NOT_FOUND,
            "this link cannot be looked up just now",
        ),
    };
    let hint = match bad {
        BadShare::NotNow => "try again later; if it stays so, tell whoever gave it to you",
        _ => "ask whoever gave it to you for another one",
    };
    let hint = Some(hint.to_owned());
    error(
        status,
        &Around::default(),
        Tab::Alone,
        Note::bad(text, hint),
    )
}
