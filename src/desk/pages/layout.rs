//! What all pages have in common: head, navigation, results of what was asked for. The style and the script are part of
//! each page, known to the browser by their hashes: nothing is loaded from anywhere.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::text::plain;

const STYLE: &str = include_str!("../style.css");
const SCRIPT: &str = include_str!("../script.js");

static HASHES: LazyLock<[String; 2]> =
    LazyLock::new(|| [STYLE, SCRIPT].map(|text| STANDARD.encode(Sha256::digest(text))));

/// The part of the desk that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) enum Tab {
    Consents,
    Runs,
    Jobs,
    /// A page for somebody who sees no other.
    Alone,
}

/// What stands around every page.
#[derive(Clone, Debug, Default)]
pub(in crate::desk) struct Around {
    /// The hidden field of its forms.
    pub csrf: String,
    /// Where its forms lead, before what each is for.
    pub base: String,
    /// The name of who works here, if they gave one.
    pub who: Option<String>,
    /// The page itself, to come back to.
    pub here: String,
    /// What is wrong with ledgers, beside what is shown of the others.
    pub faults: Vec<Note>,
}

/// What became of something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::desk) struct Note {
    /// Whether it is as asked for.
    pub is_good: bool,
    /// What happened.
    pub text: String,
    /// What to do now.
    pub hint: Option<String>,
    /// Where something that was made leads.
    pub link: Option<String>,
}

impl Note {
    pub fn good(text: impl Into<String>) -> Self {
        Self {
            is_good: true,
            text: text.into(),
            hint: None,
            link: None,
        }
    }

    pub fn bad(text: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            is_good: false,
            hint,
            ..Self::good(text)
        }
    }
}

/// A page.
pub(in crate::desk) struct Page<'a> {
    pub title: String,
    pub tab: Tab,
    pub around: &'a Around,
    pub notes: &'a [Note],
    /// Where its forms may lead besides the desk.
    pub origins: Vec<String>,
    pub body: Markup,
}

impl Page<'_> {
    /// As an answer.
    pub fn answer(self, status: StatusCode) -> Response {
        let policy = policy(&self.origins);
        let mut response = (status, Html(self.markup().into_string())).into_response();
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
        response
    }

    fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · okta-rollout" }
                    style { (PreEscaped(STYLE)) }
                }
                body data-events=[(self.tab != Tab::Alone).then_some("/events")] data-here=(self.around.here) {
                    a class="skip" href="#main" { "To the content" }
                    @if self.tab != Tab::Alone { (self.header()) }
                    main id="main" tabindex="-1" {
                        h1 { (self.title) }
                        (notes(self.notes))
                        @if self.tab != Tab::Alone { (faults(&self.around.faults)) }
                        (self.body)
                    }
                    footer {
                        p { "Times are in UTC." span id="live" {} }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let tabs = [
            (Tab::Consents, "/consents", "Consents"),
            (Tab::Runs, "/runs", "Runs"),
            (Tab::Jobs, "/jobs", "Jobs"),
        ];
        html! {
            header class="top" {
                nav aria-label="Desk" {
                    ul {
                        @for (tab, path, name) in tabs {
                            li { a href=(path) aria-current=[(tab == self.tab).then_some("page")] { (name) } }
                        }
                    }
                }
                (who(self.around))
            }
        }
    }
}

/// Who works here: asked once, and kept by the browser.
pub(super) fn who(around: &Around) -> Markup {
    let who = around.who.as_deref().unwrap_or_default();
    html! {
        form class="who" method="post" action=(format!("{}/who", around.base)) {
            (hidden(around))
            input type="hidden" name="here" value=(around.here);
            label for="who" { "Your name" }
            input id="who" name="who" value=(who) maxlength="40" autocomplete="name" placeholder="so that others see it";
            button type="submit" class="quiet" { "Keep" }
        }
    }
}

/// The field that tells a form of this page from one of somebody else's.
pub(super) fn hidden(around: &Around) -> Markup {
    html! { input type="hidden" name="csrf" value=(around.csrf); }
}

/// What became of what was asked for: what is as wanted in one place, what is not in another.
fn notes(notes: &[Note]) -> Markup {
    let (good, bad): (Vec<_>, Vec<_>) = notes.iter().partition(|note| note.is_good);
    html! {
        @if !notes.is_empty() {
            section id="told" class="told" tabindex="-1" autofocus aria-label="What became of it" {
                @if !bad.is_empty() { div role="alert" class="bad-box" { (list(bad)) } }
                @if !good.is_empty() { div role="status" class="good-box" { (list(good)) } }
            }
        }
    }
}

/// Ledgers that cannot be read as they should. Not an alert: it stands on every page as long as it is so.
fn faults(faults: &[Note]) -> Markup {
    html! {
        div data-live="faults" id="faults" {
            @if !faults.is_empty() {
                section class="told bad-box" aria-label="What is wrong with ledgers" {
                    p { "Not everything can be shown:" }
                    (list(faults))
                }
            }
        }
    }
}

fn list<'a>(notes: impl IntoIterator<Item = &'a Note>) -> Markup {
    html! {
        ul {
            @for note in notes {
                li {
                    span aria-hidden="true" { (if note.is_good { "✓ " } else { "✗ " }) }
                    (plain(&note.text))
                    @if let Some(hint) = &note.hint { span class="hint" { "hint: " (plain(hint)) } }
                    @if let Some(link) = &note.link {
                        label class="made" { "Link: " input class="wide" readonly value=(link); }
                    }
                }
            }
        }
    }
}

/// A text that is read but not seen.
pub(super) fn unseen(text: &str) -> Markup {
    html! { span class="unseen" { (text) } }
}

/// Links to the pages of a list.
pub(super) fn pager(page: usize, pages: usize, link: impl Fn(usize) -> String) -> Markup {
    html! {
        @if pages.max(page) > 1 {
            nav class="pager" aria-label="Pages" {
                // From one that is not there any more back to the last one.
                @if page > 1 { a rel="prev" href=(link((page - 1).min(pages.max(1)))) { "Previous page" } }
                span { "Page " (page) " of " (pages) }
                @if page < pages { a rel="next" href=(link(page + 1)) { "Next page" } }
            }
        }
    }
}

/// A message instead of a page.
pub(in crate::desk) fn error(
    status: StatusCode,
    around: &Around,
    tab: Tab,
    note: Note,
) -> Response {
    let title = status.canonical_reason().unwrap_or("Not possible");
    let page = Page {
        title: title.to_owned(),
        tab,
        around,
        notes: &[note],
        origins: Vec::new(),
        body: html! {},
    };
    page.answer(status)
}

/// What a page may do: its own style and script, its own events, its own forms, and to be sent on from these to where a
/// consent is given.
fn policy(origins: &[String]) -> HeaderValue {
    let [style, script] = &*HASHES;
    let mut policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    for origin in origins {
        // Writing to a String cannot fail.
        let _infallible = write!(policy, " {origin}");
    }
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_list_leads_to_pages_that_are_there() {
        for (page, pages, wanted) in [
            (1, 0, &[][..]),
            (1, 1, &[]),
            (1, 2, &["2"]),
            (2, 3, &["1", "3"]),
            (9, 3, &["3"]),
            (usize::MAX, 0, &["1"]),
        ] {
            let text = pager(page, pages, |to| format!("?page={to}")).into_string();
            let links = text.split("?page=").skip(1);
            let links: Vec<_> = links.filter_map(|link| link.split('"').next()).collect();
            assert_eq!(links, wanted, "{page} of {pages}");
        }
    }

    #[test]
    fn what_is_told_is_never_markup() {
        let around = Around::default();
        let told = [
            Note::good("<b>acme</b>: accepted"),
            Note::bad("no\u{1b}[2J", Some("<script>".to_owned())),
        ];
        let page = Page {
            title: "<Consents>".to_owned(),
            tab: Tab::Consents,
            around: &around,
            notes: &told,
            origins: vec!["https://accounts.google.com".to_owned()],
            body: html! {},
        };
        let text = page.markup().into_string();
        assert!(
            text.contains("&lt;b&gt;acme") && text.contains("hint: &lt;script&gt;"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && text.contains("<title>&lt;Consents&gt;"),
            "{text}"
        );
        let policy = policy(&page.origins);
        let policy = policy.to_str().unwrap();
        assert!(
            policy.ends_with("form-action 'self' https://accounts.google.com"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
    }
}
