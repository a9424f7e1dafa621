//! One entry of the page: why it failed, and its line in the list of all.

use maud::{Markup, html};

use crate::model::State;
use crate::report::text::drifted;
use crate::report::words::{named, plain};
use crate::report::{EntryReport, ErrorReport};

/// Why it failed and what to do, in full.
pub(super) fn card(entry: &EntryReport) -> Markup {
    html! {
        div class="card" id=(format!("row-{}", entry.row)) {
            p { strong { (plain(&entry.org)) "/" (named(entry)) } " " span class="muted" { "row " (entry.row) } }
            @if let Some(error) = &entry.error { (why(error)) }
        }
    }
}

/// What happened and what to do.
fn why(error: &ErrorReport) -> Markup {
    html! {
        p { (plain(&error.line())) }
        @if let Some(hint) = &error.hint { p { "hint: " (plain(hint)) } }
    }
}

/// Its state in words, with a sign; never by a colour alone.
pub(super) fn state(entry: &EntryReport) -> Markup {
    let (class, sign, word) = match (entry.state, entry.changed) {
        (State::Done, true) if entry.deactivated => ("good", "−", "deactivated"),
        (State::Done, true) => ("good", "✓", "changed"),
        (State::Done, false) => ("muted", "=", "unchanged"),
        (State::Waiting, _) => ("wait", "?", "waiting"),
        (State::Failed, _) => ("bad", "✗", "failed"),
        (State::Running, _) => ("wait", "▸", "running"),
        (State::Pending, _) => ("wait", "○", "pending"),
    };
    html! { span class=(class) { span aria-hidden="true" { (sign) } " " (word) } }
}

/// Its line.
pub(super) fn line(entry: &EntryReport) -> Markup {
    html! {
        tr {
            td class="s" { (state(entry)) }
            td { (named(entry)) @if let (Some(_), Some(id)) = (&entry.label, &entry.app_id) { " " span class="id muted" { (plain(id)) } } }
            td class="s muted" { "row " (entry.row) }
            td { (details(entry)) }
        }
    }
}

fn details(entry: &EntryReport) -> Markup {
    html! {
        @match (&entry.error, entry.state) {
            (Some(_), State::Failed) => p { a href=(format!("#row-{}", entry.row)) { "why it failed" } },
            (Some(error), _) => (why(error)),
            (None, _) => {},
        }
        @for (told, _) in &entry.told { p { (plain(told)) } }
        @for field in &entry.needs_reconnect { p { "left: " (plain(field)) " changed (needs --reconnect)" } }
        @for drift in &entry.drift { p { "drifted: " (plain(&drifted(drift))) } }
    }
}
