//! The text report: one line per entry, and below it what a person needs to know.

use std::io::{self, Write};

use crate::ledger::Removed;
use crate::text::Page;

use super::words::counted;
use super::{Alike, CallReport, DriftReport, EntryReport, Overview};
use crate::model::State;
use crate::model::codes;

/// Characters of a value that are shown: a line holds two of them.
const VALUE_SHOWN: usize = 60;

/// Writes the report for people, entry by entry.
pub struct TextReport<'a, W> {
    page: &'a mut Page<W>,
    failed: Alike,
    pending: Alike,
}

impl<'a, W: Write> TextReport<'a, W> {
    /// Writes the run's own lines.
    pub fn begin(page: &'a mut Page<W>, overview: &Overview) -> io::Result<Self> {
        page.line(format_args!("{}", headline(overview)))?;
        if let Some(error) = &overview.error {
            for (at, line) in error.message.lines().enumerate() {
                let begins = if at == 0 { "did not begin: " } else { "    " };
                page.line(format_args!("{begins}{line}"))?;
            }
            hint(page, error.hint.as_deref())?;
        } else {
            page.line(format_args!("{}", totals(overview)))?;
        }
        if let Some(line) = earlier(overview) {
            page.line(format_args!("{line}"))?;
        }
        for wave in &overview.waves {
            page.line(format_args!("  {}", wave.line()))?;
        }
        let stopped = Alike::of_orgs(&overview.orgs);
        for why in stopped.told() {
            page.line(format_args!("{}", why.stopped()))?;
            hint(page, why.hint)?;
        }
        removed(page, &overview.removed)?;
        page.gap()?;
        Ok(Self {
            page,
            failed: Alike::default(),
            pending: Alike::default(),
        })
    }

    /// Writes one entry.
    pub fn entry(&mut self, entry: &EntryReport) -> io::Result<()> {
        self.page.line(format_args!("{}", line(entry)))?;
        match entry.state {
            State::Failed => self.failed.add(entry),
            State::Pending => self.pending.add(entry),
            State::Running | State::Waiting | State::Done => {}
        }
        // Why entries are held back is told once, at the end.
        if let Some(error) = entry
            .error
            .as_ref()
            .filter(|_| entry.state != State::Pending)
        {
            self.page
                .line(format_args!("    {}: {}", error.step, error.details))?;
            hint(self.page, error.hint.as_deref())?;
        }
        for (told, _) in &entry.told {
            self.page.line(format_args!("    changed: {told}"))?;
        }
        for field in &entry.needs_reconnect {
            self.page.line(format_args!(
                "    left: {field} changed (needs --reconnect)"
            ))?;
        }
        for drift in &entry.drift {
            self.page
                .line(format_args!("    drifted: {}", drifted(drift)))?;
        }
        for made in entry.calls.iter().flatten() {
            self.page.line(format_args!("    {}", call(made)))?;
        }
        Ok(())
    }

    /// Writes what many have in common, and flushes.
    pub fn end(self) -> io::Result<()> {
        let many = self.failed.told().filter(|told| told.count > 1);
        let failed = many.map(|told| (told.line("failed", "entry", "entries"), told.hint));
        let pending = self.pending.told();
        let pending = pending.map(|told| (told.line("pending", "entry", "entries"), told.hint));
        for (line, told) in failed.chain(pending) {
            self.page.gap()?;
            self.page.line(format_args!("{line}"))?;
            hint(self.page, told)?;
        }
        self.page.flush()
    }
}

/// `connection.status "DISABLED", wanted "ENABLED"`, of bounded length.
pub(super) fn drifted(drift: &DriftReport) -> String {
    let live = match &drift.live {
        serde_json::Value::Null => "not set".to_owned(),
        live => bounded(&live.to_string()),
    };
    let wanted = bounded(&drift.wanted.to_string());
    format!("{} was {live}, wanted {wanted}", drift.field)
}

/// `2026-01-02T03:04:05Z set_connection: POST /api/v1/apps/…, HTTP 503 after 1200 ms (E0000009, request abc), next try …`.
fn call(made: &CallReport) -> String {
    let answer = made
        .http_status
        .map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
    let codes = codes(
        made.okta_error_code.as_deref(),
        None,
        made.request_id.as_deref(),
    );
    let next = made.next_try_at.as_ref();
    let next = next
        .map(|at| format!(", next try {at}"))
        .unwrap_or_default();
    format!(
        "{} {}: {}, {answer} after {} ms{codes}{next}",
        made.at, made.step, made.call, made.duration_ms
    )
}

pub(super) fn bounded(value: &str) -> String {
    match value.char_indices().nth(VALUE_SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn removed<W: Write>(page: &mut Page<W>, removed: &[Removed]) -> io::Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    page.line(format_args!("no longer in the file, left as they are:"))?;
    for Removed {
        org,
        app,
        app_id,
        label,
    } in removed
    {
        let which = which(label.as_deref(), app_id.as_deref());
        page.line(format_args!("    {org}/{app}{which}"))?;
    }
    Ok(())
}

pub(super) fn which(label: Option<&str>, app_id: Option<&str>) -> String {
    match (label, app_id) {
        (Some(label), Some(id)) => format!(" {label:?} {id}"),
        (Some(label), None) => format!(" {label:?}"),
        (None, Some(id)) => format!(" {id}"),
        (None, None) => String::new(),
    }
}

fn hint<W: Write>(page: &mut Page<W>, hint: Option<&str>) -> io::Result<()> {
    match hint {
        Some(hint) => page.line(format_args!("    hint: {hint}")),
        None => Ok(()),
    }
}

/// `80 of them ended before, and were not looked at again; …`, if there are such.
pub(super) fn earlier(overview: &Overview) -> Option<String> {
    let continued_at = overview.continued_at.as_ref()?;
    (overview.earlier > 0).then(|| {
        format!(
            "{} of them ended before {continued_at}, when the run was continued, and {} not looked at again",
            overview.earlier,
            if overview.earlier == 1 { "was" } else { "were" }
        )
    })
}

/// `run k3f9 of samples/rollout.csv: settled, begun …, ended …`.
pub(super) fn headline(overview: &Overview) -> String {
    let ended = overview
        .finished_at
        .as_ref()
        .map(|at| format!(", ended {at}"))
        .unwrap_or_default();
    format!(
        "run {} of {}: {}, begun {}{ended}",
        overview.run,
        overview.file,
        overview.state.name(),
        overview.started_at,
    )
}

/// `12 entries: 8 changed, 1 unchanged, …`; states without entries are left out.
pub(crate) fn totals(overview: &Overview) -> String {
    let entries = counted(overview.totals.entries, "entry", "entries");
    let words = overview.totals.words();
    if words.is_empty() {
        entries
    } else {
        format!("{entries}: {words}")
    }
}

fn line(entry: &EntryReport) -> String {
    let which = which(entry.label.as_deref(), entry.app_id.as_deref());
    let changed = match (entry.state, entry.changed) {
        (State::Done, true) if entry.deactivated => ", deactivated",
        (State::Done, true) => ", changed",
        (State::Done, false) => ", unchanged",
        _ => "",
    };
    let at = entry
        .steps
        .iter()
        .find(|step| step.state != State::Done)
        .filter(|_| entry.error.is_none() && entry.state != State::Pending)
        .map(|step| format!(" at {}", step.step))
        .unwrap_or_default();
    let looked = match &entry.checked_at {
        _ if !entry.is_earlier => String::new(),
        Some(at) => format!(", looked at {at}"),
        None => ", not looked at".to_owned(),
    };
    format!(
        "{}{which}: {}{changed}{at}{looked}",
        entry.name(),
        entry.state.name()
    )
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, record, refused, run, stopped};
    use super::super::{Held, RunFacts, entry, overview};
    use super::*;
    use crate::ledger::{Counts, OrgRow, Progress};
    use crate::model::{EntryState, Step};

    #[test]
    fn it_says_where_every_entry_stands_and_why() {
        let org = OrgRow {
            stopped: Some(stopped()),
            ..acme()
        };
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts: Counts {
                pending: 1,
                waiting: 1,
                changed: 1,
                failed: 1,
                ..Counts::default()
            },
            orgs: std::slice::from_ref(&org),
            removed: &[],
        });
        let linked = Progress {
            steps: vec![record(Step::FindApp, 1), record(Step::SetConnection, 1)],
            app_id: Some("0oa1".to_owned()),
            changed: true,
            ..Progress::default()
        };
        let mut failed = google(EntryState::Failed, Progress::default());
        failed.error = Some(refused(Step::FindApp));
        let rows = [
            google(EntryState::Done, linked.clone()),
            google(EntryState::Waiting, linked),
            failed,
            google(EntryState::Pending, Progress::default()),
        ];
        let mut bytes = Vec::new();
        let mut page = Page::new(&mut bytes);
        let mut report = TextReport::begin(&mut page, &overview).unwrap();
        for row in &rows {
            let entry = entry(row, &org, &GOOGLE, Held::No);
            report.entry(&entry).unwrap();
        }
        report.end().unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        run k3f9 of samples/rollout.csv: interrupted, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        4 entries: 1 changed, 1 waiting for consent, 1 failed, 1 pending
        acme was stopped: Okta refused the API token (E0000011, HTTP 401, request abc)
            hint: check env:ACME

        acme/google (row 14) "Google Workspace" 0oa1: done, changed
        acme/google (row 14) "Google Workspace" 0oa1: waiting at await_consent
        acme/google (row 14) "Google Workspace": failed
            find_app: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
            hint: check the value behind env:ACME_GOOGLE
        acme/google (row 14) "Google Workspace": pending

        acme/google (row 14) pending: find_app: org acme was stopped: Okta refused the API token (E0000011, HTTP 401, request abc)
            hint: check env:ACME
        "#);
    }
}
