//! A run: where it stands, what of it needs a person, its waves, orgs and entries.

use std::time::Duration;

use maud::{Markup, html};

use super::layout::{Around, Note, Page, Tab, hidden, pager, unseen};
use super::words::{Complete, hint, query, state, time};
use super::{chart, runs};
use crate::desk::facts::{FAILED, Facts, PAGE};
use crate::desk::filter::Filter;
use crate::model::{State, UnixMillis};
use crate::report::{EntryReport, OrgReport, counted, rfc3339, short};
use crate::text::{plain, value};

/// Orgs that are all listed; of more, those come first that need somebody or wait.
const ORGS: usize = 25;

/// What the page is made from.
pub(in crate::desk) struct RunPage<'a> {
    pub facts: &'a Facts,
    pub failed: Vec<EntryReport>,
    pub entries: Vec<EntryReport>,
    /// How many entries there are with the filter.
    pub count: usize,
    pub filter: &'a Filter,
    /// When entries came to rest, by spans.
    pub spans: Vec<(i64, u64)>,
    pub span_ms: i64,
    /// Whether this process works on it, so that it can be stopped.
    pub is_live: bool,
    pub complete: &'a Complete<'a>,
}

/// The page.
pub(in crate::desk) fn run<'a>(
    page: &RunPage<'_>,
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    let overview = &page.facts.overview;
    let id = &overview.run;
    let pages = page.count.div_ceil(PAGE);
    Page {
        title: format!("Run {}", value(id)),
        tab: Tab::Runs,
        around,
        notes,
        origins: Vec::new(),
        body: html! {
            div data-live="run" id="run" {
                p class="muted" {
                    (value(&overview.file)) ": " strong { (overview.state.name()) } ", began " (time(&overview.started_at))
                    @if let Some(at) = &overview.finished_at { ", ended " (time(at)) }
                }
                (chart::states(overview.totals))
                p { (runs::totals(overview.totals)) }
                (actions(page, around))
                (failures(page))
                (waves(page))
                (timeline(page))
                (orgs(page))
            }
            h2 id="entries" { "Entries" }
            (filters(id, page.filter))
            div data-live="entries" id="entry-list" {
                (list(page))
                (pager(page.filter.page, pages, |to| format!("/runs/{id}?{}#entries", page.filter.query(to))))
            }
        },
    }
}

fn actions(page: &RunPage<'_>, around: &Around) -> Markup {
    let id = &page.facts.overview.run;
    let awaits = page.facts.awaits();
    html! {
        @if awaits.is_some() || page.is_live {
            div class="actions" {
                @if let Some((no, wave)) = awaits {
                    form method="post" action=(format!("/runs/{id}/approve")) {
                        (hidden(around))
                        input type="hidden" name="wave" value=(no);
                        button type="submit" id="approve" { "Approve" (unseen(" that")) " wave " (value(wave)) (unseen(" begins")) }
                    }
                }
                @if page.is_live {
                    form method="post" action=(format!("/runs/{id}/stop")) {
                        (hidden(around))
                        button type="submit" id="stop" class="quiet danger" { "Stop" (unseen(&format!(" run {id} in good order"))) }
                    }
                }
            }
        }
    }
}

/// What failed comes first.
fn failures(page: &RunPage<'_>) -> Markup {
    let overview = &page.facts.overview;
    let failed = overview.totals.failed;
    let stopped = overview.orgs.iter().filter(|org| org.stopped.is_some());
    let stopped: Vec<_> = stopped.collect();
    html! {
        @if let Some(error) = &overview.error {
            h2 { "It did not begin" }
            div class="card" {
                @for line in error.message.lines() { p { (plain(line)) } }
                (hint(error.hint.as_deref(), page.complete))
            }
        }
        @if failed > 0 || !stopped.is_empty() { h2 { "Failures" } }
        @for org in stopped.iter().take(FAILED) {
            @if let Some(why) = &org.stopped {
                div class="card" {
                    p { strong { (value(&org.org)) } " was stopped: " (plain(&why.to_string())) }
                    (hint(why.hint.as_deref(), page.complete))
                }
            }
        }
        @for one in &page.failed {
            div class="card" {
                p {
                    a href=(format!("/runs/{}/entries/{}", overview.run, one.row)) { strong { (value(&one.name())) } }
                    @if let Some(label) = &one.label { " " (value(label)) }
                }
                @if let Some(error) = &one.error {
                    p { (plain(&error.line())) }
                    (hint(error.hint.as_deref(), page.complete))
                }
            }
        }
        @if failed > page.failed.len() as u64 {
            p { a href=(format!("/runs/{}?state=failed#entries", overview.run)) { "All " (failed) " failed entries" } }
        }
    }
}

fn waves(page: &RunPage<'_>) -> Markup {
    let waves = &page.facts.overview.waves;
    html! {
        @if !waves.is_empty() {
            h2 { "Waves" }
            table class="list" {
                thead { tr { th scope="col" { "Wave" } th scope="col" { "State" } th scope="col" { "Size" } th scope="col" { "When" } } }
                tbody { @for wave in waves { tr {
                    td { (value(&wave.name)) }
                    td { span class=(wave.state.tone()) { (wave.state.words()) } }
                    td { (wave.counts()) }
                    td { (wave.times()) }
                } } }
            }
        }
    }
}

fn timeline(page: &RunPage<'_>) -> Markup {
    let totals = page.facts.overview.totals;
    let ended = totals.entries - totals.pending;
    let spans = i64::try_from(chart::SPANS).unwrap_or(i64::MAX);
    let long = Duration::from_millis(page.span_ms.saturating_mul(spans).unsigned_abs());
    let began = page.facts.view.run.started_at;
    let at = |at: UnixMillis| {
        rfc3339(at)
            .chars()
            .take(19)
            .collect::<String>()
            .replace('T', " ")
    };
    let label = format!(
        "Entries that came to rest over time: {ended} of {}",
        totals.entries
    );
    html! {
        @if ended > 0 {
            h2 { "Entries over time" }
            figure {
                (chart::over_time(&page.spans, totals.entries, &label))
                div class="axis" aria-hidden="true" { span { (at(began)) } span { (at(began.after(long))) } }
                figcaption class="muted" { (ended) " of " (counted(totals.entries, "entry", "entries")) " came to rest in " (short(long)) "." }
            }
        }
    }
}

fn orgs(page: &RunPage<'_>) -> Markup {
    let overview = &page.facts.overview;
    let mut lines: Vec<_> = overview.orgs.iter().zip(&page.facts.view.by_org).collect();
    lines.sort_by_key(|(org, (_, counts))| {
        let needs = (
            org.stopped.is_none(),
            counts.failed == 0,
            org.waiting.is_none(),
        );
        (needs, std::cmp::Reverse(org.requests))
    });
    let more = lines.len().saturating_sub(ORGS);
    html! {
        @if !lines.is_empty() {
            h2 { "Orgs" }
            table class="list" {
                thead { tr { th scope="col" { "Org" } th scope="col" { "Entries" } th scope="col" { "Calls" } th scope="col" { "Budget, and what is waited for" } } }
                tbody {
                    @for (org, (_, counts)) in lines.into_iter().take(ORGS) {
                        tr {
                            td { a href=(format!("/runs/{}?org={}#entries", overview.run, query(&org.org))) { (value(&org.org)) } }
                            td {
                                (counts.ended()) " of " (counts.entries()) " ended"
                                @if counts.waiting > 0 { ", " span class="wait" { (counts.waiting) " wait for a consent" } }
                                @if counts.failed > 0 { ", " span class="bad" { (counts.failed) " failed" } }
                            }
                            td { (counted(org.requests, "call", "calls")) ", " (counted(org.rate_limited, "429", "429s")) ", " (counted(org.retries, "retry", "retries")) }
                            td { (budget(org)) }
                        }
                    }
                }
            }
            @if more > 0 { p { "And " (counted(more as u64, "more org", "more orgs")) "." } }
        }
    }
}

fn budget(org: &OrgReport) -> Markup {
    html! {
        @if let Some(stopped) = &org.stopped {
            span class="bad" { "stopped: " (plain(&stopped.message)) }
        } @else if let Some(wait) = &org.waiting {
            @if let (Some(left), Some(limit)) = (wait.left, wait.limit) { (chart::budget(left, limit)) }
            span class="wait" { "waits until " (time(&wait.until)) ": " (plain(&wait.reason)) }
        } @else {
            span class="muted" { "waited " (short(Duration::from_millis(org.waited_ms))) }
        }
    }
}

fn filters(id: &str, filter: &Filter) -> Markup {
    let here = format!("/runs/{id}");
    html! {
        form class="filter" method="get" action=(format!("{here}#entries")) role="search" aria-label="Which entries" {
            label { "Org " input name="org" value=[filter.org.as_deref()] placeholder="name, or canary-*"; }
            label { "App " select name="app" {
                option value="" { "all" }
                @for app in crate::apps::App::ALL {
                    option value=(app.name()) selected[filter.app == Some(app)] { (app.name()) }
                }
            } }
            label { "State " select name="state" {
                option value="" { "all" }
                @for state in State::ALL.map(State::name).into_iter().chain(["changed", "unchanged", "deactivated"]) {
                    option value=(state) selected[filter.state.as_deref() == Some(state)] { (state) }
                }
            } }
            button type="submit" class="quiet" { "Show" }
            @if filter.is_set() { a href=(format!("{here}#entries")) { "Show all" } }
        }
    }
}

fn list(page: &RunPage<'_>) -> Markup {
    let id = &page.facts.overview.run;
    html! {
        @if page.entries.is_empty() {
            p class="empty" { "No entry is among these." }
        } @else {
            p class="muted" { (counted(page.count as u64, "entry", "entries")) "." }
            table class="list" {
                thead { tr { th scope="col" { "State" } th scope="col" { "Entry" } th scope="col" { "What was done, and why not" } } }
                tbody { @for one in &page.entries { tr {
                    td { (state(one)) }
                    td { a href=(format!("/runs/{id}/entries/{}", one.row)) { (value(&one.name())) } @if let Some(label) = &one.label { " " (value(label)) } }
                    td { (details(one, page)) }
                } } }
            }
        }
    }
}

fn details(one: &EntryReport, page: &RunPage<'_>) -> Markup {
    html! {
        @if let Some(error) = &one.error {
            p { (plain(&error.line())) }
            (hint(error.hint.as_deref(), page.complete))
        }
        @if one.state == State::Waiting {
            p { a href=(format!("/consents?org={}&app={}", query(&one.org), one.app)) { "Its consent" } }
        }
        @for (told, _) in &one.told { p { (plain(told)) } }
        @for field in &one.needs_reconnect { p { "left: " (plain(field)) " changed (needs --reconnect)" } }
    }
}
