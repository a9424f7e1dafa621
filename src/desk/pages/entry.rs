//! An entry: its steps, the calls that were made for it, what was changed and why, and what to do next.

use maud::{Markup, html};

use super::layout::{Around, Note, Page, Tab};
use super::words::{Complete, hint, query, state, time};
use crate::model::{State, Why};
use crate::report::{CallReport, EntryReport, StepReport};
use crate::text::{plain, value};

/// The page.
pub(in crate::desk) fn entry<'a>(
    one: &EntryReport,
    (run, complete): (&str, &Complete<'_>),
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    Page {
        title: value(&one.name()).into_owned(),
        tab: Tab::Runs,
        around,
        notes,
        origins: Vec::new(),
        body: html! {
            div data-live="entry" id="entry" {
                p {
                    (state(one))
                    " in run " a href=(format!("/runs/{run}")) { (run) }
                    @if let Some(label) = &one.label { ", " (value(label)) }
                    @if let Some(id) = &one.app_id { ", app " code { (value(id)) } }
                }
                @if let Some(at) = &one.checked_at { p class="muted" { "Okta last showed something of it at " (time(at)) "." } }
                (why(one, complete))
                @if one.state == State::Waiting {
                    p { a href=(format!("/consents?org={}&app={}", query(&one.org), one.app)) { "Open its consent" } }
                }
                h2 { "Steps" }
                (steps(&one.steps))
                (changes(one))
                (calls(one.calls.as_deref().unwrap_or_default()))
            }
        },
    }
}

fn why(one: &EntryReport, complete: &Complete<'_>) -> Markup {
    html! {
        @if let Some(error) = &one.error {
            div class="card" {
                p { (plain(&error.line())) }
                (hint(error.hint.as_deref(), complete))
            }
        }
    }
}

fn steps(steps: &[StepReport]) -> Markup {
    html! {
        table class="list" {
            thead { tr { th scope="col" { "Step" } th scope="col" { "State" } th scope="col" { "Attempts" } th scope="col" { "HTTP" } th scope="col" { "Request id" } } }
            tbody { @for step in steps { tr {
                td { (step.step) @if let Some(feature) = step.feature { " " (feature) } @if let Some(index) = step.index { " " (index) } }
                td { (step.state.name()) @if step.changed { ", changed" } }
                td { (step.attempts) }
                td { @if let Some(status) = step.http_status { (status) } @else { span class="muted" { "none" } } }
                td { @if let Some(id) = &step.request_id { code { (value(id)) } } @else { span class="muted" { "none" } } }
            } } }
        }
    }
}

fn changes(one: &EntryReport) -> Markup {
    html! {
        @if !one.told.is_empty() || !one.drift.is_empty() || !one.needs_reconnect.is_empty() {
            h2 { "Changes" }
            ul {
                @for (told, why) in &one.told { li { (plain(told)) ", " span class="muted" { (because(*why)) } } }
                @for drift in &one.drift { li { (value(&drift.field)) " had drifted: Okta showed " code { (value(&drift.live.to_string())) } ", wanted is " code { (value(&drift.wanted.to_string())) } } }
                @for field in &one.needs_reconnect { li { (value(field)) " changed and was left (needs --reconnect)" } }
            }
        }
    }
}

const fn because(why: Why) -> &'static str {
    match why {
        Why::SecretChanged => "because the secret is another one",
        Why::Drift => "because somebody had changed it by hand",
        Why::Manifest => "because the manifest says so now",
        Why::New => "because no run had it as wanted before",
    }
}

fn calls(calls: &[CallReport]) -> Markup {
    html! {
        @if !calls.is_empty() {
            h2 { "Calls" }
            table class="list" {
                thead { tr { th scope="col" { "When" } th scope="col" { "Call" } th scope="col" { "Answer" } th scope="col" { "Took" } th scope="col" { "Request id" } } }
                tbody { @for call in calls { tr {
                    td { (time(&call.at)) }
                    td { code { (value(&call.call)) } }
                    td {
                        @match call.http_status { Some(status) => (status), None => "no answer" }
                        @if let Some(code) = &call.okta_error_code { " " (value(code)) }
                        @if let Some(next) = &call.next_try_at { ", again at " (time(next)) }
                    }
                    td { (call.duration_ms) " ms" }
                    td { @if let Some(id) = &call.request_id { code { (value(id)) } } @else { span class="muted" { "none" } } }
                } } }
            }
        }
    }
}
