//! What the page says of the run, its orgs and its waves.

use std::time::Duration;

use maud::{Markup, html};

use super::chart;
use crate::model::UnixMillis;
use crate::report::activity::Activity;
use crate::report::build::rfc3339;
use crate::report::findings::{NAMED, OrgFindings};
use crate::report::text::{drifted, which};
use crate::report::words::{counted, named, plain};
use crate::report::{Alike, Findings, OrgReport, Overview, short};

/// Orgs whose charts are seen at once; the others' are folded.
const CHARTS: usize = 12;

/// Entries by state, each with its name.
pub(super) fn totals(overview: &Overview) -> Markup {
    let totals = overview.totals;
    html! {
        ul class="tiles" {
            li { b { (totals.entries) } (if totals.entries == 1 { "entry" } else { "entries" }) }
            @for (count, name) in totals.parts() {
                li { b { (count) } (name) }
            }
        }
    }
}

/// Why the run did not begin.
pub(super) fn not_begun(overview: &Overview) -> Markup {
    html! {
        @if let Some(why) = &overview.error {
            div class="card" {
                p { strong { "It did not begin" } }
                @for line in why.message.lines() { p { (plain(line)) } }
                @if let Some(hint) = &why.hint { p { "hint: " (plain(hint)) } }
            }
        }
    }
}

/// Why orgs were stopped.
pub(super) fn stopped(overview: &Overview) -> Markup {
    let stopped = Alike::of_orgs(&overview.orgs);
    html! {
        @for story in stopped.told() {
            div class="card" {
                p { strong { "Stopped" } ": " (plain(&story.stopped())) }
                @if let Some(hint) = story.hint { p { "hint: " (plain(hint)) } }
            }
        }
    }
}

/// What waits for a person or is held back, besides what failed.
pub(super) fn held_back(findings: &Findings) -> Markup {
    let waiting = findings.totals().waiting;
    let more = waiting.saturating_sub(findings.waiting.len() as u64);
    html! {
        @if waiting > 0 {
            h3 { "Waiting for consent (" (waiting) ")" }
            p { "The links: " code { (plain(&findings.commands.consents)) } }
            ul {
                @for name in &findings.waiting { li { (plain(name)) } }
                @if more > 0 { li { "and " (more) " more, in the list of all entries" } }
            }
        }
        @if !findings.pending.is_empty() {
            h3 { "Held back" }
            @for story in findings.pending.told() {
                div class="card wait" {
                    p { (plain(&story.line("pending", "entry", "entries"))) }
                    @if let Some(hint) = story.hint { p { "hint: " (plain(hint)) } }
                }
            }
        }
    }
}

/// The waves, if the run has some.
pub(super) fn waves(overview: &Overview) -> Markup {
    html! {
        @if !overview.waves.is_empty() {
            h2 id="waves" { "Waves" }
            div class="scroll" { table {
                thead { tr { th { "Wave" } th { "State" } th { "Size" } th { "When (UTC)" } } }
                tbody { @for wave in &overview.waves {
                    tr {
                        td { (plain(&wave.name)) }
                        td class="s" { span class=(wave.state.tone()) { (wave.state.words()) } }
                        td { (wave.counts()) }
                        td { (wave.times()) }
                    }
                } }
            } }
        }
    }
}

/// When the calls of each org were made.
pub(super) fn budgets(overview: &Overview, findings: &Findings, all: &Activity) -> Markup {
    let mut orgs: Vec<_> = overview.orgs.iter().zip(&findings.orgs).collect();
    orgs.retain(|(org, _)| org.requests > 0);
    orgs.sort_by_key(|(org, _)| std::cmp::Reverse(org.requests));
    let (shown, folded) = orgs.split_at(orgs.len().min(CHARTS));
    let axis = Axis {
        began_at: findings.began_at(),
        bins: chart::bins(all),
        width_ms: all.width_ms(),
    };
    html! {
        @if !shown.is_empty() {
            h2 id="budgets" { "Budget use over time" }
            p class="muted" {
                "Calls that were made for entries, " (axis.unit()) " a bar, busiest orgs first. A cross at the top: calls "
                "that were refused with 429."
            }
            div class="charts" { @for (org, found) in shown { (axis.org(org, found)) } }
            @if !folded.is_empty() {
                details {
                    summary { (counted(folded.len() as u64, "more org", "more orgs")) }
                    div class="charts" { @for (org, found) in folded { (axis.org(org, found)) } }
                }
            }
        }
    }
}

/// The run from its beginning to its last call.
pub(super) fn timeline(overview: &Overview, findings: &Findings, all: &Activity) -> Markup {
    let axis = Axis {
        began_at: findings.began_at(),
        bins: chart::bins(all),
        width_ms: all.width_ms(),
    };
    let totals = findings.totals();
    let calls: u64 = all.bins().iter().map(|bin| u64::from(bin.calls)).sum();
    let limited: u64 = all.bins().iter().map(|bin| u64::from(bin.limited)).sum();
    let ended = totals.entries - totals.pending;
    let label = format!(
        "Calls and entries over time: {calls} calls for entries, at most {} in {}; {limited} 429s; {ended} of {} entries came to rest",
        all.peak(),
        axis.unit(),
        totals.entries
    );
    html! {
        h2 id="timeline" { "Timeline" }
        figure class="run" {
            (chart::run(all, axis.bins, totals.entries, &label))
            (axis.ends())
            figcaption {
                "Bars: calls, at most " (all.peak()) " in " (axis.unit()) ". Dashed line: entries that came to rest, "
                (ended) " of " (totals.entries) ". Crosses: 429s, " (limited) "."
            }
        }
        ul {
            li { (overview.started_at) ": the run began" }
            @if let Some(at) = &overview.finished_at { li { (at) ": its last process ended, the run is " (overview.state.name()) } }
        }
    }
}

/// What somebody had changed by hand.
pub(super) fn drift(findings: &Findings) -> Markup {
    let more = findings
        .drifted_count
        .saturating_sub(findings.drifted.len() as u64);
    html! {
        @if !findings.drifted.is_empty() {
            h2 id="drift" { "Drift (" (findings.drifted_count) ")" }
            table class="list" {
                thead { tr { th { "Entry" } th { "What Okta showed, and what is wanted" } } }
                tbody { @for entry in &findings.drifted {
                    tr {
                        td { (plain(&entry.org)) "/" (named(entry)) " " span class="muted" { "row " (entry.row) } }
                        td { @for drift in &entry.drift { p { (plain(&drifted(drift))) } } }
                    }
                } }
            }
            @if more > 0 { p { "And " (more) " more, in the list of all entries." } }
        }
    }
}

/// What is no longer in the file.
pub(super) fn removed(overview: &Overview) -> Markup {
    let removed = &overview.removed;
    let item = |gone: &crate::ledger::Removed| {
        let which = which(gone.label.as_deref(), gone.app_id.as_deref());
        html! { li { (plain(&format!("{}/{}{which}", gone.org, gone.app))) } }
    };
    html! {
        @if !removed.is_empty() {
            h2 id="removed" { "No longer in the file (" (removed.len()) ")" }
            p { "They are left as they are." }
            ul { @for gone in removed.iter().take(NAMED) { (item(gone)) } }
            @if removed.len() > NAMED {
                details {
                    summary { (removed.len() - NAMED) " more" }
                    ul { @for gone in removed.iter().skip(NAMED) { (item(gone)) } }
                }
            }
        }
    }
}

/// The time that all charts are about.
struct Axis {
    began_at: UnixMillis,
    bins: usize,
    width_ms: i64,
}

impl Axis {
    /// How long a bar is: whole seconds.
    fn unit(&self) -> String {
        match self.width_ms / 1_000 {
            seconds @ ..60 => format!("{seconds} s"),
            _ => short(Duration::from_millis(self.width_ms.unsigned_abs())),
        }
    }

    /// When it begins and ends.
    fn ends(&self) -> Markup {
        let bins = i64::try_from(self.bins).unwrap_or(i64::MAX);
        let long = self.width_ms.saturating_mul(bins).unsigned_abs();
        let end = self.began_at.after(Duration::from_millis(long));
        let at = |at| {
            rfc3339(at)
                .chars()
                .take(19)
                .collect::<String>()
                .replace('T', " ")
        };
        html! { div class="axis" aria-hidden="true" { span { (at(self.began_at)) } span { (at(end)) " UTC" } } }
    }

    fn org(&self, org: &OrgReport, found: &OrgFindings) -> Markup {
        let activity = found.activity.widened(self.width_ms);
        let peak = activity.peak();
        let waited = short(Duration::from_millis(org.waited_ms));
        let told = format!(
            "{}, at most {peak} in {}; {}, {}, waited {waited}",
            counted(org.requests, "call", "calls"),
            self.unit(),
            counted(org.rate_limited, "429", "429s"),
            counted(org.retries, "retry", "retries"),
        );
        let label = format!("Calls over time: {told}");
        html! {
            figure {
                figcaption { strong { (plain(&org.org)) } @if org.stopped.is_some() { " " span class="bad" { "stopped" } } }
                (chart::calls(&activity, self.bins, peak, &label))
                (self.ends())
                p class="muted" {
                    (told)
                    @if let Some((bucket, limit)) = &found.budget {
                        "; budget of " (plain(bucket)) ": " (limit) " a window"
                    }
                }
            }
        }
    }
}
