//! The consents that are waited for, by org and app: each is opened, and what Okta's page shows then is pasted.

use std::time::Duration;

use maud::{Markup, html};
use url::Url;

use super::layout::{Around, Note, Page, Tab, hidden, pager, unseen};
use crate::apps::App;
use crate::desk::claims::Claim;
use crate::desk::filter::Filter;
use crate::ledger::Pending;
use crate::manifest::web_url;
use crate::model::UnixMillis;
use crate::okta::authorize;
use crate::report::{counted, rfc3339, short};
use crate::text::{plain, value};

/// One that is waited for.
pub(in crate::desk) struct Item {
    pub pending: Pending,
    /// Who opened it.
    pub claims: Vec<Claim>,
}

/// A page of them.
#[derive(Default)]
pub(in crate::desk) struct ConsentList {
    /// In the order in which they are shown.
    pub items: Vec<Item>,
    /// How many there are, with those of other pages.
    pub count: usize,
    /// How many there are without the filter.
    pub all: usize,
    pub pages: usize,
    pub now: UnixMillis,
}

impl ConsentList {
    /// Where forms of these lead besides the desk: to whom consents are given, and from there, where somebody consented
    /// before, straight back to the org. A browser asks for each step of the way whether the page may lead there.
    pub fn origins(&self) -> Vec<String> {
        let mut origins = Vec::new();
        for Item { pending, .. } in &self.items {
            let app = pending.entry.entry.app;
            let hosts = app.consent_hosts().iter().flat_map(|host| {
                let whole = host
                    .strip_prefix("*.")
                    .map(|domain| format!("https://{domain}"));
                whole.into_iter().chain([format!("https://{host}")])
            });
            for origin in hosts.chain(ways(pending)) {
                if !origins.contains(&origin) {
                    origins.push(origin);
                }
            }
        }
        origins
    }
}

/// The page.
pub(in crate::desk) fn consents<'a>(
    list: &ConsentList,
    filter: &Filter,
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    Page {
        title: "Consents".to_owned(),
        tab: Tab::Consents,
        around,
        notes,
        origins: list.origins(),
        body: html! {
            (paste(around))
            (filters(filter, list))
            div data-live="consents" id="consents" {
                (summary(list, filter))
                (items(list, around, true))
                (pager(filter.page, list.pages, |page| format!("/consents?{}", filter.query(page))))
            }
        },
    }
}

/// The box that takes what Okta's page showed.
pub(super) fn paste(around: &Around) -> Markup {
    html! {
        form class="paste" method="post" action=(format!("{}/consents/answers", around.base)) {
            (hidden(around))
            label for="answers" { "What Okta showed after the consent" }
            p id="answers-help" class="muted" {
                "Paste the whole page, or the URL in it; any number of them, mails and chats as they are."
            }
            textarea id="answers" name="answers" rows="4" required spellcheck="false" autocomplete="off"
                aria-describedby="answers-help" {}
            button type="submit" { "Hand in" }
        }
    }
}

fn filters(filter: &Filter, list: &ConsentList) -> Markup {
    html! {
        @if list.all > 8 || filter.is_set() {
            form class="filter" method="get" action="/consents" role="search" aria-label="Which consents" {
                label { "Org " input name="org" value=[filter.org.as_deref()] placeholder="name, or canary-*"; }
                label { "App " select name="app" {
                    option value="" { "all" }
                    @for app in App::ALL {
                        @if !app.consent_hosts().is_empty() {
                            option value=(app.name()) selected[filter.app == Some(app)] { (app.name()) }
                        }
                    }
                } }
                button type="submit" class="quiet" { "Show" }
                @if filter.is_set() { a href="/consents" { "Show all" } }
            }
        }
    }
}

fn summary(list: &ConsentList, filter: &Filter) -> Markup {
    html! {
        @if list.all == 0 {
            p class="empty" { "Nothing waits for a consent." }
        } @else if list.count == 0 {
            p class="empty" { "None of the " (list.all) " that wait is among these." }
        } @else {
            p {
                (counted(list.count as u64, "entry waits", "entries wait")) " for a consent"
                @if filter.is_set() { ", of " (list.all) " in all" }
                "."
            }
        }
    }
}

/// The list, by org and app; `is_ours`: for those whose ledger it is, who may hand an org out.
pub(super) fn items(list: &ConsentList, around: &Around, is_ours: bool) -> Markup {
    let by_org = list.items.chunk_by(|a, b| {
        (&a.pending.org.name, &a.pending.org.url) == (&b.pending.org.name, &b.pending.org.url)
    });
    html! {
        @for of_org in by_org {
            @let org = &of_org[0].pending.org;
            section class="org" {
                div class="org-head" {
                    h2 { (value(&org.name)) }
                    @if is_ours { (share_form(around, of_org)) }
                }
                @if org.stopped.is_some() && !is_ours {
                    p class="bad" { "This org cannot be reached just now." }
                } @else if let Some(stopped) = &org.stopped {
                    p class="bad" { "The org was stopped: " (plain(&stopped.details.to_string())) }
                    @if let Some(hint) = &stopped.hint { p class="hint" { "hint: " (plain(hint)) } }
                }
                @for of_app in of_org.chunk_by(|a, b| app(a) == app(b)) {
                    h3 { (app(&of_app[0]).name()) }
                    ul class="items" {
                        @for one in of_app { (item(one, around, list.now)) }
                    }
                }
            }
        }
    }
}

const fn app(item: &Item) -> App {
    item.pending.entry.entry.app
}

fn item(item: &Item, around: &Around, now: UnixMillis) -> Markup {
    let Item { pending, claims } = item;
    let row = &pending.entry;
    let name = named(pending);
    let id = format!("{}-{}", pending.run.0, row.no);
    let consent = row.progress.consent.as_ref();
    let link = consent.map(|consent| consent.authorize_url.as_str());
    // Those who have a link for one org are told what to do, and nothing of runs and causes.
    let is_ours = around.base.is_empty();
    html! {
        li class="item" id=(format!("item-{id}")) {
            div class="what" {
                p { (which(pending)) " " span class="muted" {
                    "row " (row.row)
                    @if is_ours { ", run " a href=(format!("/runs/{}/entries/{}", pending.run.0, row.row)) { (pending.run.0) } }
                } }
                @if let Some(consent) = consent { (since(consent.since, now)) }
                @for claim in claims { (claimed(claim, around)) }
                @if !row.progress.left_secrets.is_empty() {
                    p class="wait" { @if is_ours { "Its admin credentials changed since the link was asked for: get a fresh one." } @else { "Get a fresh link first." } }
                }
                @if let Some(error) = row.error.as_ref().filter(|_| is_ours) {
                    p class="bad" { (plain(&error.details.to_string())) }
                }
                @match link.map(authorize::state_of) {
                    Some(Ok(_)) => (leads_to(pending)),
                    Some(Err(_)) if !is_ours => p class="bad" { "Its link cannot be opened: get a fresh one." },
                    Some(Err(bad)) => {
                        p class="bad" { "Its link is not opened from here, because " (bad.to_string()) ":" }
                        p { code { (value(link.unwrap_or_default())) } }
                    },
                    None => p class="muted" { "It is just getting another link." },
                }
            }
            div class="do" {
                @if let Some(Ok(_)) = link.map(authorize::state_of) {
                    // With `noreferrer` a browser would send `Origin: null`; the answer that leads on says it instead.
                    form method="post" action=(format!("{}/consents/open", around.base)) target="_blank" rel="noopener" {
                        (hidden(around)) (place(pending))
                        button type="submit" id=(format!("open-{id}")) { "Open" (unseen(&format!(" {name}, in a new tab"))) }
                    }
                }
                form method="post" action=(format!("{}/consents/fresh", around.base)) {
                    (hidden(around)) (place(pending))
                    button type="submit" class="quiet" id=(format!("fresh-{id}")) { "Fresh link" (unseen(&format!(" for {name}"))) }
                }
            }
        }
    }
}

/// Which entry a form is about.
fn place(pending: &Pending) -> Markup {
    html! {
        input type="hidden" name="run" value=(pending.run.0);
        input type="hidden" name="entry" value=(pending.entry.no);
    }
}

fn since(since: UnixMillis, now: UnixMillis) -> Markup {
    let waited = now.ahead_of(since);
    html! {
        p class="muted" { "waits for " time datetime=(rfc3339(since)) { (short(waited)) } }
    }
}

fn claimed(claim: &Claim, around: &Around) -> Markup {
    let who = match &claim.who {
        who if *who == around.who && who.is_some() => "You".into(),
        Some(who) => value(who),
        None => "Somebody".into(),
    };
    let ago = if claim.ago < Duration::from_mins(1) {
        "less than a minute".to_owned()
    } else {
        short(claim.ago)
    };
    html! { p class="wait" { span aria-hidden="true" { "● " } (who) " opened it " (ago) " ago" } }
}

fn leads_to(pending: &Pending) -> Markup {
    let host = link_of(pending).and_then(|link| Url::parse(link).ok());
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    let is_known = pending.entry.entry.app.asks_at(host);
    html! {
        p class="muted" {
            "leads to " (value(host))
            @if !is_known { ", " strong class="wait" { "not the app's own host" } }
        }
    }
}

fn link_of(pending: &Pending) -> Option<&str> {
    let consent = pending.entry.progress.consent.as_ref()?;
    Some(&consent.authorize_url)
}

/// The origins that a link leads through, and its org's.
fn ways(pending: &Pending) -> Vec<String> {
    let link = link_of(pending).filter(|link| authorize::state_of(link).is_ok());
    let parsed = link.and_then(|link| Url::parse(link).ok());
    let pairs = parsed.iter().flat_map(Url::query_pairs);
    let back = pairs.filter(|(name, _)| name == "redirect_uri");
    let back = back.filter_map(|(_, to)| origin(&to));
    let there = link.into_iter().chain([pending.org.url.as_str()]);
    there.filter_map(origin).chain(back).collect()
}

/// The origin of a link to a web page, if it says in a policy what it is and no more.
fn origin(link: &str) -> Option<String> {
    let origin = web_url(link).ok()?.origin().ascii_serialization();
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
    origin.bytes().all(belongs).then_some(origin)
}

/// Its label and its app's id, as far as they are known.
fn which(pending: &Pending) -> Markup {
    let row = &pending.entry;
    let id = row.progress.app_id.as_deref();
    let id = id.or(row.entry.app_id.as_deref());
    html! {
        @match (row.entry.label.as_deref(), id) {
            (Some(label), Some(id)) => { strong { (value(label)) } " " code { (value(id)) } },
            (Some(one), None) | (None, Some(one)) => strong { (value(one)) },
            (None, None) => strong { (row.entry.app.name()) },
        }
    }
}

/// `acme/google (row 2)`.
fn named(pending: &Pending) -> String {
    let (org, row) = (&pending.org.name, &pending.entry);
    format!("{}/{} (row {})", value(org), row.entry.app, row.row)
}

fn share_form(around: &Around, of_org: &[Item]) -> Markup {
    let org = &of_org[0].pending.org;
    let (name, url) = (&org.name, &org.url);
    let run = &of_org[0].pending.run.0;
    html! {
        details class="share" {
            summary { "Share" (unseen(&format!(" the consents of {}", value(name)))) }
            form method="post" action="/share" {
                (hidden(around))
                input type="hidden" name="org" value=(url);
                input type="hidden" name="run" value=(run);
                label { "Good for " select name="expires" {
                    option value="1d" { "a day" }
                    option value="7d" selected { "7 days" }
                    option value="30d" { "30 days" }
                } }
                button type="submit" name="do" value="make" class="quiet" { "Make a link for this org only" }
                button type="submit" name="do" value="revoke" class="quiet" { "Revoke all links made so far" }
            }
        }
    }
}
