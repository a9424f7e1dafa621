//! The runs, newest first, and what of them needs a person.

use maud::{Markup, html};

use super::layout::{Around, Note, Page, Tab, pager};
use super::words::time;
use crate::desk::filter::Filter;
use crate::ledger::FailedStart;
use crate::report::{RunState, Totals, counted};
use crate::text::{plain, value};

/// A run.
pub(in crate::desk) struct RunLine {
    pub id: String,
    pub file: String,
    pub state: RunState,
    pub started_at: String,
    pub totals: Totals,
    /// Why it did not begin.
    pub error: Option<FailedStart>,
}

/// The page.
pub(in crate::desk) fn runs<'a>(
    lines: &[RunLine],
    (filter, pages): (&Filter, usize),
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    let (bad, good): (Vec<_>, Vec<_>) = lines
        .iter()
        .partition(|line| line.error.is_some() || line.totals.failed > 0);
    Page {
        title: "Runs".to_owned(),
        tab: Tab::Runs,
        around,
        notes,
        origins: Vec::new(),
        body: html! {
            div data-live="runs" id="runs" {
                @if lines.is_empty() { p class="empty" { "No run has begun yet." } }
                @if !bad.is_empty() {
                    h2 { "With failures" }
                    @for line in &bad { (card(line)) }
                }
                @if !good.is_empty() {
                    h2 { @if bad.is_empty() { "All" } @else { "The others" } }
                    (table(&good))
                }
                (pager(filter.page, pages, |page| format!("/runs?{}", filter.query(page))))
            }
        },
    }
}

fn card(line: &RunLine) -> Markup {
    html! {
        div class="card" {
            p {
                a href=(format!("/runs/{}", line.id)) { strong { (line.id) } } " " (value(&line.file)) " "
                span class="muted" { (line.state.name()) ", began " (time(&line.started_at)) }
            }
            @if let Some(error) = &line.error {
                p { "It did not begin" @if error.times > 1 { " (" (error.times) " times)" } ":" }
                @for text in error.message.lines() { p { (plain(text)) } }
                @if let Some(hint) = &error.hint { p class="hint" { "hint: " (plain(hint)) } }
            } @else {
                (totals(line.totals))
            }
        }
    }
}

fn table(lines: &[&RunLine]) -> Markup {
    html! {
        table class="list" {
            thead { tr { th scope="col" { "Run" } th scope="col" { "File" } th scope="col" { "State" } th scope="col" { "Began" } th scope="col" { "Entries" } } }
            tbody {
                @for line in lines {
                    tr {
                        td { a href=(format!("/runs/{}", line.id)) { (line.id) } }
                        td { (value(&line.file)) }
                        td { (line.state.name()) }
                        td { (time(&line.started_at)) }
                        td { (totals(line.totals)) }
                    }
                }
            }
        }
    }
}

/// `29 entries: 27 changed, 2 unchanged`.
pub(super) fn totals(totals: Totals) -> Markup {
    let words = totals.words();
    html! {
        (counted(totals.entries, "entry", "entries"))
        @if !words.is_empty() { ": " (words) }
    }
}
