//! The report in Markdown, for a CI step's summary or a chat: what needs a person, in full; everything else counted.
//!
//! Whatever comes from outside stands in a span of code: nothing in it is markup, and it reads as it is.

use std::io::{self, Write};

use indexmap::IndexMap;

use super::findings::{NAMED, OrgFindings};
use super::text::{drifted, totals};
use super::words::{counted, plain};
use super::{Alike, EntryReport, Findings, OrgReport, Overview, Totals, WaveReport};
use crate::model::ErrorDetails;

/// Orgs that have a line each before the rest is folded; a chat shows about as many.
const ORGS: usize = 20;

/// Orgs that are folded at most; the others are counted.
const FOLDED: usize = 500;

/// Names of entries with one story that stand in its line; more are folded.
const IN_LINE: usize = 10;

/// Entries that had drifted, with what.
const DRIFTED: usize = 20;

/// Stories of failed entries that are kept before they are written: some megabytes.
const STORIES: usize = 5_000;

/// Writes the report; of the entries it is told the failed ones.
pub struct MarkdownReport<'a, W> {
    out: W,
    overview: &'a Overview,
    findings: &'a Findings,
    /// Names and requests by what happened.
    failed: IndexMap<(&'static str, ErrorDetails), Vec<String>>,
    has_failed: bool,
}

impl<'a, W: Write> MarkdownReport<'a, W> {
    /// Writes what comes before the failed entries.
    pub fn begin(mut out: W, overview: &'a Overview, findings: &'a Findings) -> io::Result<Self> {
        let (run, file) = (code(&overview.run), code(&overview.file));
        writeln!(out, "## Run {run} of {file}: {}\n", overview.state.name())?;
        if let Some(why) = &overview.error {
            writeln!(out, "**Did not begin**\n")?;
            for line in why.message.lines() {
                writeln!(out, "- {}", code(line))?;
            }
            if let Some(hint) = &why.hint {
                writeln!(out, "- hint: {}", code(hint))?;
            }
            writeln!(out)?;
        } else {
            writeln!(out, "**{}**\n", totals(overview))?;
        }
        let ended = overview.finished_at.as_ref();
        let ended = ended.map(|at| format!(", ended {at}")).unwrap_or_default();
        writeln!(out, "Begun {}{ended}\n", overview.started_at)?;
        orgs(&mut out, overview, findings)?;
        let stopped = Alike::of_orgs(&overview.orgs);
        if !stopped.is_empty() {
            writeln!(out, "### Stopped orgs\n")?;
            for story in stopped.told() {
                item(&mut out, &code(&story.stopped()), story.hint)?;
            }
            writeln!(out)?;
        }
        Ok(Self {
            out,
            overview,
            findings,
            failed: IndexMap::new(),
            has_failed: false,
        })
    }

    /// The next failed entry.
    pub fn failed(&mut self, entry: &EntryReport) -> io::Result<()> {
        let Some(error) = &entry.error else {
            return Ok(());
        };
        let mut details = error.details.clone();
        let request = details.request_id.take();
        let request = request.map(|id| format!(" (request {})", code(&id)));
        let name = format!("{}{}", code(&entry.name()), request.unwrap_or_default());
        let alike = self.failed.entry((error.step, details)).or_default();
        alike.push(name);
        if self.failed.len() >= STORIES {
            self.write_failed()?;
        }
        Ok(())
    }

    fn write_failed(&mut self) -> io::Result<()> {
        if !self.has_failed && !self.failed.is_empty() {
            let count = self.findings.totals().failed;
            writeln!(self.out, "### Failed ({count})\n")?;
            self.has_failed = true;
        }
        for ((step, details), names) in self.failed.drain(..) {
            let out = &mut self.out;
            let message = code(&format!("{step}: {details}"));
            if names.len() <= IN_LINE {
                let line = format!("{}: {message}", names.join(", "));
                item(out, &line, details.hint.as_deref())?;
                continue;
            }
            item(
                out,
                &format!("{} entries: {message}", names.len()),
                details.hint.as_deref(),
            )?;
            fold(out, "which", &names)?;
        }
        Ok(())
    }

    /// Writes what comes after the failed entries, and flushes.
    pub fn end(mut self) -> io::Result<()> {
        self.write_failed()?;
        if self.has_failed {
            writeln!(self.out)?;
        }
        let (out, findings) = (&mut self.out, self.findings);
        waiting(out, findings)?;
        if !findings.pending.is_empty() {
            writeln!(out, "### Held back\n")?;
            for story in findings.pending.told() {
                let line = code(&story.line("pending", "entry", "entries"));
                item(out, &line, story.hint)?;
            }
            writeln!(out)?;
        }
        waves(out, &self.overview.waves)?;
        drift(out, findings)?;
        removed(out, self.overview)?;
        let details = code(&findings.commands.details);
        writeln!(out, "Every entry and step: {details}")?;
        out.flush()
    }
}

fn orgs(out: &mut impl Write, overview: &Overview, findings: &Findings) -> io::Result<()> {
    let mut orgs: Vec<_> = overview.orgs.iter().zip(&findings.orgs).collect();
    if orgs.len() > ORGS {
        // Those that need a look come first.
        orgs.sort_by_key(|(org, found)| {
            let bad = found.totals.failed + found.totals.pending;
            std::cmp::Reverse((org.stopped.is_some(), bad, found.totals.waiting))
        });
    }
    let (shown, folded) = orgs.split_at(orgs.len().min(ORGS));
    if !shown.is_empty() {
        table(out, shown)?;
    }
    if !folded.is_empty() {
        let more = counted(folded.len() as u64, "more org", "more orgs");
        writeln!(out, "<details><summary>{more}</summary>\n")?;
        table(out, &folded[..folded.len().min(FOLDED)])?;
        if folded.len() > FOLDED {
            writeln!(out, "and {} more\n", folded.len() - FOLDED)?;
        }
        writeln!(out, "</details>\n")?;
    }
    Ok(())
}

fn table(out: &mut impl Write, orgs: &[(&OrgReport, &OrgFindings)]) -> io::Result<()> {
    writeln!(
        out,
        "| org | entries | changed | unchanged | waiting | failed | pending | calls | 429s |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|"
    )?;
    for (org, found) in orgs {
        let Totals {
            entries,
            changed,
            unchanged,
            waiting,
            failed,
            pending,
            ..
        } = found.totals;
        writeln!(
            out,
            "| {} | {entries} | {changed} | {unchanged} | {waiting} | {failed} | {pending} | {} | {} |",
            cell(&org.org),
            org.requests,
            org.rate_limited
        )?;
    }
    writeln!(out)
}

fn waiting(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let count = findings.totals().waiting;
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "### Waiting for consent ({count})\n")?;
    let links = code(&findings.commands.consents);
    writeln!(out, "The links: {links}\n")?;
    for name in &findings.waiting {
        writeln!(out, "- {}", code(name))?;
    }
    more(out, count, findings.waiting.len())?;
    writeln!(out)
}

fn waves(out: &mut impl Write, waves: &[WaveReport]) -> io::Result<()> {
    if waves.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Waves\n")?;
    for wave in waves {
        let times = wave.times();
        let times = if times.is_empty() {
            times
        } else {
            format!("; {times}")
        };
        let (name, state) = (code(&wave.name), wave.state.words());
        writeln!(out, "- {name}: **{state}**, {}{times}", wave.counts())?;
    }
    writeln!(out)
}

fn drift(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    if findings.drifted.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Drifted ({})\n", findings.drifted_count)?;
    let shown = &findings.drifted[..findings.drifted.len().min(DRIFTED)];
    for entry in shown {
        let fields: Vec<String> = entry.drift.iter().map(|d| code(&drifted(d))).collect();
        writeln!(out, "- {}: {}", code(&entry.name()), fields.join(", "))?;
    }
    more(out, findings.drifted_count, shown.len())?;
    writeln!(out)
}

fn removed(out: &mut impl Write, overview: &Overview) -> io::Result<()> {
    let removed = &overview.removed;
    if removed.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "### No longer in the file, left as they are ({})\n",
        removed.len()
    )?;
    for gone in removed.iter().take(NAMED) {
        let which = super::text::which(gone.label.as_deref(), gone.app_id.as_deref());
        writeln!(
            out,
            "- {}",
            code(&format!("{}/{}{which}", gone.org, gone.app))
        )?;
    }
    more(out, removed.len() as u64, removed.len().min(NAMED))?;
    writeln!(out)
}

fn more(out: &mut impl Write, count: u64, shown: usize) -> io::Result<()> {
    match count.saturating_sub(shown as u64) {
        0 => Ok(()),
        more => writeln!(out, "- and {more} more"),
    }
}

fn item(out: &mut impl Write, line: &str, hint: Option<&str>) -> io::Result<()> {
    writeln!(out, "- {line}")?;
    match hint {
        Some(hint) => writeln!(out, "  - hint: {}", code(hint)),
        None => Ok(()),
    }
}

fn fold(out: &mut impl Write, what: &str, names: &[String]) -> io::Result<()> {
    writeln!(out, "  <details><summary>{what}</summary>\n")?;
    for name in names {
        writeln!(out, "  - {name}")?;
    }
    writeln!(out, "\n  </details>\n")
}

/// A span of code that shows a text as it is: fenced by more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = plain(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One blank is taken off at either end where there is one at both.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The same in a table, where a bar ends the cell even in code.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, refused, run, stopped};
    use super::super::findings::tests::{call, findings};
    use super::super::{Held, RunFacts, WaveState, entry, overview};
    use super::*;
    use crate::ledger::{Counts, Drift, EntryRow, OrgRow, Progress, Removed};
    use crate::model::{EntryState, Step};

    fn markdown(rows: &[EntryRow], orgs: &[OrgRow], waves: Vec<WaveReport>) -> String {
        let counts = Counts {
            failed: rows.len() as u64,
            ..Counts::default()
        };
        let removed = Removed {
            org: "acme".to_owned(),
            app: "slack".to_owned(),
            app_id: None,
            label: Some("Slack".to_owned()),
        };
        let overview = Overview {
            waves,
            ..overview(RunFacts {
                run: &run(),
                held: Held::No,
                counts,
                orgs,
                removed: &[removed],
            })
        };
        let entries: Vec<_> = rows
            .iter()
            .map(|row| (row.clone(), vec![call(1, 200)]))
            .collect();
        let findings = findings(&entries);
        let mut bytes = Vec::new();
        let mut report = MarkdownReport::begin(&mut bytes, &overview, &findings).unwrap();
        for row in rows.iter().filter(|row| row.state == EntryState::Failed) {
            report
                .failed(&entry(row, &acme(), &GOOGLE, Held::No))
                .unwrap();
        }
        report.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn failed(row: u64, message: &str) -> EntryRow {
        let mut failed = EntryRow {
            row,
            ..google(EntryState::Failed, Progress::default())
        };
        let mut error = refused(Step::SetConnection);
        message.clone_into(&mut error.message);
        error.request_id = Some(format!("r{row}"));
        failed.error = Some(error);
        failed
    }

    #[test]
    fn what_needs_a_person_is_there_in_full_and_the_rest_is_counted() {
        let mut waiting = google(EntryState::Waiting, Progress::default());
        waiting.row = 3;
        waiting.progress.drift = vec![Drift {
            field: "connection.status".to_owned(),
            live: Some("DISABLED".into()),
            wanted: "ENABLED".into(),
        }];
        let pending = google(EntryState::Pending, Progress::default());
        let mut rows: Vec<_> = (20..32).map(|row| failed(row, "Not authorized")).collect();
        rows.extend([failed(2, "no | such `app` <b>"), waiting, pending]);
        let wave = WaveReport {
            name: "canaries".to_owned(),
            state: WaveState::AwaitingApproval,
            orgs: 1,
            entries: 3,
            failed: 1,
            started_at: Some("2026-01-02T03:04:05Z".to_owned()),
            finished_at: None,
            until: None,
            may_fail: None,
        };
        let org = OrgRow {
            name: "ac|me".to_owned(),
            stopped: Some(stopped()),
            ..acme()
        };
        insta::assert_snapshot!(markdown(&rows, &[org], vec![wave]), @r#"
        ## Run `k3f9` of `samples/rollout.csv`: settled

        **15 entries: 15 failed**

        Begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z

        | org | entries | changed | unchanged | waiting | failed | pending | calls | 429s |
        |---|--:|--:|--:|--:|--:|--:|--:|--:|
        | `ac\|me` | 15 | 0 | 0 | 1 | 13 | 1 | 120 | 1 |

        ### Stopped orgs

        - `ac|me was stopped: Okta refused the API token (E0000011, HTTP 401, request abc)`
          - hint: `check env:ACME`

        ### Failed (13)

        - 12 entries: `set_connection: Not authorized (E0000001, HTTP 400)`
          - hint: `check the value behind env:ACME_GOOGLE`
          <details><summary>which</summary>

          - `acme/google (row 20)` (request `r20`)
          - `acme/google (row 21)` (request `r21`)
          - `acme/google (row 22)` (request `r22`)
          - `acme/google (row 23)` (request `r23`)
          - `acme/google (row 24)` (request `r24`)
          - `acme/google (row 25)` (request `r25`)
          - `acme/google (row 26)` (request `r26`)
          - `acme/google (row 27)` (request `r27`)
          - `acme/google (row 28)` (request `r28`)
          - `acme/google (row 29)` (request `r29`)
          - `acme/google (row 30)` (request `r30`)
          - `acme/google (row 31)` (request `r31`)

          </details>

        - `acme/google (row 2)` (request `r2`): ``set_connection: no | such `app` <b> (E0000001, HTTP 400)``
          - hint: `check the value behind env:ACME_GOOGLE`

        ### Waiting for consent (1)

        The links: `okta-rollout consent list`

        - `acme/google (row 3)`

        ### Waves

        - `canaries`: **awaiting approval**, 1 org, 3 entries, 1 failed; began 2026-01-02T03:04:05Z

        ### Drifted (1)

        - `acme/google (row 3)`: `connection.status was "DISABLED", wanted "ENABLED"`

        ### No longer in the file, left as they are (1)

        - `acme/slack "Slack"`

        Every entry and step: `okta-rollout report k3f9 --format json`
        "#);
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        for (text, wanted) in [
            ("a", "`a`"),
            ("", "`  `"),
            ("`", "`` ` ``"),
            ("a``b", "```a``b```"),
            ("``", "``` `` ```"),
            (" a ", "`  a  `"),
            ("</details>\n# x", "`</details>\\n# x`"),
            ("\u{1b}[31m", "`\\u{1b}[31m`"),
        ] {
            assert_eq!(code(text), wanted);
        }
        assert_eq!(cell("a|b`c"), "``a\\|b`c``");
    }
}
