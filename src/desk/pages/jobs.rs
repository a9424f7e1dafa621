//! The jobs that are served: when they start next, what came of their last runs, and their buttons.

use maud::{Markup, html};

use super::layout::{Around, Note, Page, Tab, hidden, unseen};
use super::runs::{self, RunLine};
use super::words::time;
use crate::desk::jobs::JobStatus;
use crate::report::rfc3339;
use crate::text::{plain, value};

/// A job, and its last run.
pub(in crate::desk) struct JobLine {
    pub job: JobStatus,
    pub last: Option<RunLine>,
    /// Whether its last run is one that this process works on.
    pub is_live: bool,
}

/// The page; `are_served`: whether this process starts jobs.
pub(in crate::desk) fn jobs<'a>(
    lines: &[JobLine],
    around: &'a Around,
    notes: &'a [Note],
) -> Page<'a> {
    Page {
        title: "Jobs".to_owned(),
        tab: Tab::Jobs,
        around,
        notes,
        origins: Vec::new(),
        body: html! {
            div data-live="jobs" id="jobs" {
                @if lines.is_empty() {
                    p class="empty" { "No job is served here. To serve one: " code { "okta-rollout serve JOB" } }
                }
                @for line in lines { (job(line, around)) }
            }
        },
    }
}

fn job(line: &JobLine, around: &Around) -> Markup {
    let JobLine { job, last, is_live } = line;
    html! {
        section class="job" {
            h2 { (value(&job.job)) }
            @if job.broken {
                p class="bad" { span aria-hidden="true" { "✗ " } "Its file has mistakes: what is due fails until they are mended." }
                p class="hint" { "hint: okta-rollout check " (plain(&job.job)) }
            }
            dl {
                @if let Some(schedule) = &job.schedule { div { dt { "Schedule" } dd { (value(schedule)) } } }
                div { dt { "Next start" } dd {
                    @match job.next { Some(next) => (time(&rfc3339(next))), None => "only when somebody starts it" }
                } }
                div { dt { "Now" } dd { @if job.runs { span class="wait" { "a run works" } } @else { "at rest" } } }
                div { dt { "Last run" } dd {
                    @match last {
                        Some(run) => {
                            a href=(format!("/runs/{}", run.id)) { (run.id) } ", " (run.state.name()) ", began " (time(&run.started_at)) ", " (runs::totals(run.totals))
                            @if let Some(error) = &run.error { p class="bad" { (plain(error.message.lines().next().unwrap_or_default())) } }
                        },
                        None => "none yet",
                    }
                } }
            }
            div class="actions" {
                @if !job.runs {
                    form method="post" action="/jobs/run" {
                        (hidden(around))
                        input type="hidden" name="job" value=(job.key);
                        button type="submit" { "Run now" (unseen(&format!(": {}", job.job))) }
                    }
                }
                @if *is_live && let Some(run) = last {
                    form method="post" action="/jobs/stop" {
                        (hidden(around))
                        input type="hidden" name="run" value=(run.id);
                        button type="submit" class="quiet danger" { "Stop" (unseen(&format!(" the run of {} in good order", job.job))) }
                    }
                }
            }
        }
    }
}
