//! The report as one page for a browser: no script, nothing from elsewhere, readable in light, dark, print and on a phone.
//! What failed comes first; the list of all entries is folded by org. Written part by part, so that a run of any size
//! needs no page in memory.
//!
//! Every text that comes from outside goes through `plain` and the template's escaping: it is never markup. The policy in
//! the head lets the page use its own style, known by its hash, and nothing else.

mod chart;
mod entry;
mod sections;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::activity::Activity;
use super::words::plain;
use super::{EntryReport, Findings, Overview};
use crate::model::State;

const STYLE: &str = include_str!("style.css");

/// Failed entries whose reasons are seen at once; more are folded by org.
const OPEN: u64 = 40;

/// Entries that are all listed; of a run with more, those that are done are left out: no browser shows a million lines.
const LISTED: u64 = 50_000;

/// Before the lines of an org, and after them.
const LINES: (&str, &str) = (
    "<table class=\"list\"><thead><tr><th>State</th><th>App</th><th>Row</th><th>What was done, and why not</th></tr></thead><tbody>",
    "</tbody></table></details>",
);

/// Before the cards of an org, and after them.
const CARDS: (&str, &str) = ("<div>", "</div></details>");

/// Writes the page: first the failed entries, then all; each time org by org.
pub struct HtmlReport<'a, W> {
    out: W,
    overview: &'a Overview,
    findings: &'a Findings,
    /// The place of the org whose entries are being written, and what ends them.
    org: Option<(usize, &'static str)>,
}

impl<'a, W: Write> HtmlReport<'a, W> {
    /// Writes what comes before the failed entries.
    pub fn begin(out: W, overview: &'a Overview, findings: &'a Findings) -> io::Result<Self> {
        let mut report = Self {
            out,
            overview,
            findings,
            org: None,
        };
        report.write(&html! {
            (DOCTYPE)
            (PreEscaped("<html lang=\"en\">"))
            (head(overview))
            (PreEscaped("<body><main>"))
            h1 { "Run " (plain(&overview.run)) ": " (overview.state.name()) }
            p class="muted" {
                (plain(&overview.file)) ", began " (overview.started_at)
                @if let Some(at) = &overview.finished_at { ", ended " (at) }
            }
            (sections::totals(overview))
            (contents(overview, findings))
            @if needs_a_person(overview, findings) { h2 id="person" { "Needs a person" } }
            (sections::not_begun(overview))
            (sections::stopped(overview))
            @if findings.totals().failed > 0 { h3 { "Failed (" (findings.totals().failed) ")" } }
        })?;
        Ok(report)
    }

    /// Writes the next failed entry.
    pub fn failed(&mut self, entry: &EntryReport) -> io::Result<()> {
        self.begin_org(entry, CARDS)?;
        self.write(&entry::card(entry))
    }

    /// Writes what stands between the failed entries and all.
    pub fn rest(&mut self) -> io::Result<()> {
        self.end_org()?;
        let (overview, findings) = (self.overview, self.findings);
        let all = Activity::sum(findings.orgs.iter().map(|org| &org.activity));
        self.write(&sections::held_back(findings))?;
        self.write(&sections::waves(overview))?;
        self.write(&sections::budgets(overview, findings, &all))?;
        self.write(&sections::timeline(overview, findings, &all))?;
        self.write(&sections::drift(findings))?;
        self.write(&sections::removed(overview))?;
        let left_out = self.leaves_out();
        self.write(&html! {
            h2 id="entries" { "All entries" }
            @if left_out {
                p {
                    "They are too many for a page: those that are done are not listed. All of them: "
                    code { (plain(&findings.commands.details)) }
                }
            }
        })
    }

    fn leaves_out(&self) -> bool {
        self.findings.totals().entries > LISTED
    }

    /// Writes the next of all entries.
    pub fn entry(&mut self, entry: &EntryReport) -> io::Result<()> {
        if entry.state == State::Done && self.leaves_out() {
            return Ok(());
        }
        self.begin_org(entry, LINES)?;
        self.write(&entry::line(entry))
    }

    /// Writes the end, and flushes.
    pub fn end(mut self) -> io::Result<()> {
        self.end_org()?;
        let details = plain(&self.findings.commands.details);
        self.write(&html! {
            footer { "Made by okta-rollout. Times are in UTC. Every entry and step, for programs: " code { (details) } }
            (PreEscaped("</main></body></html>\n"))
        })?;
        self.out.flush()
    }

    fn write(&mut self, part: &Markup) -> io::Result<()> {
        self.out.write_all(part.0.as_bytes())
    }

    /// Begins the org of an entry, unless its entries are being written.
    fn begin_org(
        &mut self,
        entry: &EntryReport,
        (before, after): (&'static str, &'static str),
    ) -> io::Result<()> {
        let orgs = &self.overview.orgs;
        let now = self.org.map(|(place, _)| place);
        if now.is_some_and(|place| orgs[place].org == entry.org) {
            return Ok(());
        }
        self.end_org()?;
        // They come in the order of the orgs.
        let from = now.unwrap_or_default();
        let place = orgs[from..].iter().position(|org| org.org == entry.org);
        let place = from + place.unwrap_or_default();
        let found = self.findings.orgs.get(place);
        let totals = found.map(|found| found.totals).unwrap_or_default();
        let is_card = (before, after) == CARDS;
        let open = is_card && self.findings.totals().failed <= OPEN;
        let parts = if is_card {
            format!("{} failed", totals.failed)
        } else {
            totals.words()
        };
        self.write(&html! {
            (PreEscaped(if open { "<details open>" } else { "<details>" }))
            summary { strong { (plain(&entry.org)) } " " span class="muted" { (parts) } }
            (PreEscaped(before))
        })?;
        self.org = Some((place, after));
        Ok(())
    }

    fn end_org(&mut self) -> io::Result<()> {
        match self.org.take() {
            Some((_, after)) => self.out.write_all(after.as_bytes()),
            None => Ok(()),
        }
    }
}

fn head(overview: &Overview) -> Markup {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    );
    let failed = overview.totals.failed;
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            title { "Run " (plain(&overview.run)) ": " (overview.state.name()) @if failed > 0 { ", " (failed) " failed" } }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// Links to the sections that there are.
fn contents(overview: &Overview, findings: &Findings) -> Markup {
    let has_calls = overview.orgs.iter().any(|org| org.requests > 0);
    let sections = [
        (
            needs_a_person(overview, findings),
            "person",
            "Needs a person",
        ),
        (!overview.waves.is_empty(), "waves", "Waves"),
        (has_calls, "budgets", "Budget use"),
        (true, "timeline", "Timeline"),
        (!findings.drifted.is_empty(), "drift", "Drift"),
        (
            !overview.removed.is_empty(),
            "removed",
            "No longer in the file",
        ),
        (true, "entries", "All entries"),
    ];
    html! {
        nav aria-label="Sections" {
            ul {
                @for (_, id, name) in sections.into_iter().filter(|(is_there, ..)| *is_there) {
                    li { a href=(format!("#{id}")) { (name) } }
                }
            }
        }
    }
}

fn needs_a_person(overview: &Overview, findings: &Findings) -> bool {
    let totals = findings.totals();
    let stopped = overview.orgs.iter().any(|org| org.stopped.is_some());
    overview.error.is_some()
        || stopped
        || totals.failed + totals.waiting > 0
        || !findings.pending.is_empty()
}

#[cfg(test)]
mod tests;
