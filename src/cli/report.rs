//! `report`, and the reports and summaries of other commands: from the ledger to a file or standard
//! output, entry by entry.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::args;
use super::carried::complete;
use super::context::RunContext;
use super::file::{cannot_be_written, refuse_clash, refuse_stdout, write_whole};
use super::only::{refuse_unknown_org, say_nothing_matches};
use super::open::readable;
use super::output::Output;
use super::shell::quoted;
use crate::engine::Selected;
use crate::failure::{Ending, Failure};
use crate::job::Format;
use crate::ledger::{Attempt, Counts, EntryRow, Ledger, Noted, OrgRow, Removed, RunRow};
use crate::manifest::{Columns, CsvManifest, Record};
use crate::model::{EntryNo, OrgNo, Stored};
use crate::pacing::unix_millis;
use crate::plan;
use crate::report::{
    self, Attention, EntryReport, Held, JsonReport, Overview, RunFacts, Summary, TextReport,
};
use crate::selection::{Ended, Selection};
use crate::settings::{Settings, Verbosity};
use crate::text::{Page, Syntax};

/// Failed entries read at once: some hundred KB.
const FAILED: usize = 500;

/// What to report.
pub(super) struct Request {
    /// How.
    pub format: Format,
    /// Which entries.
    pub only: Selection,
    /// Whether with their calls.
    pub calls: bool,
}

impl Request {
    /// Every entry.
    pub fn all(format: Format) -> Self {
        Self {
            format,
            only: Selection::default(),
            calls: false,
        }
    }

    fn wants(&self, row: &EntryRow, entry: &EntryReport) -> bool {
        let ended = Ended::of(entry.changed, entry.deactivated);
        self.only.takes_entry(&entry.org, row.entry.app)
            && self.only.takes_state(entry.state, ended)
    }
}

/// `report`.
pub(super) async fn report(
    args: &args::Report,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if args.calls && args.format == Format::Csv {
        let error = anyhow::anyhow!("a csv report is a manifest, which holds no calls");
        return Err(Failure::usage(error).hint("use --format text or --format json"));
    }
    let ledger = readable(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    let request = Request {
        format: args.format,
        only: args.only.selection(),
        calls: args.calls,
    };
    let orgs = ledger.orgs(&run.id).await?;
    let names: Vec<&str> = orgs.iter().map(|org| org.name.as_str()).collect();
    refuse_unknown_org(&request.only, &names)?;
    let written = match &args.output {
        None => {
            refuse_stdout(|| RunContext::of(&run)?.guarded(settings))?;
            to_stdout(&ledger, &run, &request, output).await?
        }
        Some(file) => {
            let context = RunContext::of(&run)?;
            let give = format!("okta-rollout report {} -o FILE", run.id.0);
            refuse_clash(file, &context.guarded(settings)?, &give)?;
            to_file(&ledger, &run, &request, file).await?
        }
    };
    if written == 0 && !request.only.is_all() {
        say_nothing_matches(&request.only, output);
    }
    Ok(Ending::Success)
}

/// Writes a report to standard output; returns how many entries it has.
pub(super) async fn to_stdout(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    output: Output,
) -> Result<u64, Failure> {
    let facts = Facts::read(ledger, run).await?;
    let mut entries = 0;
    let write = async |out: &mut dyn Write| {
        entries = facts.write(ledger, request, out).await?;
        Ok(())
    };
    match request.format {
        Format::Text => {
            let write = async |page: &mut Page<&mut dyn Write>| {
                entries = facts.write_text(ledger, request, page).await?;
                Ok(())
            };
            output.stream_page(write).await?;
        }
        Format::Json => output.stream(Syntax::Json, write).await?,
        Format::Csv => output.stream(Syntax::Csv, write).await?,
    }
    Ok(entries)
}

/// Writes a report to a file; it is there whole or not at all. Returns how many entries it has.
pub(super) async fn to_file(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    file: &Path,
) -> Result<u64, Failure> {
    let facts = Facts::read(ledger, run).await?;
    let give = format!("okta-rollout report {} -o FILE", run.id.0);
    write_whole(file, async |out| facts.write(ledger, request, out).await)
        .await
        .map_err(|error| cannot_be_written(file, &give, error))
}

/// What the closing summary of a run is made from, besides the ledger.
pub(super) struct Closing {
    /// Whether a process works on the run.
    pub held: Held,
    /// Known, by org, to the process that made the calls.
    pub share_used: Vec<Option<f64>>,
    /// What the command was about.
    pub selection: Selection,
    /// The entries that are.
    pub selected: Selected,
    /// How these stand, by org.
    pub counts: Vec<(OrgNo, Counts)>,
    /// How many of them had ended before this process began, where it is not all of the run's.
    pub earlier: Option<u64>,
}

/// The closing summary of a run, of the selected entries.
pub(super) async fn summary(
    ledger: &Ledger,
    run: &RunRow,
    closing: &Closing,
    output: Output,
) -> Result<String, Failure> {
    let mut facts = Facts {
        held: closing.held,
        ..Facts::read(ledger, run).await?
    };
    let left = facts.counts.unfinished();
    facts.counts = closing.counts.iter().map(|(_, counts)| *counts).sum();
    let left_out = left.saturating_sub(facts.counts.unfinished());
    for (org, (_, counts)) in facts.orgs.iter_mut().zip(&closing.counts) {
        // What stopped it earlier holds back nothing that the command was about.
        org.stopped.take_if(|_| counts.unfinished() == 0);
    }
    let attention = attention(ledger, &facts, closing).await?;
    let mut overview = facts.overview();
    if let Some(earlier) = closing.earlier {
        overview.earlier = earlier;
    }
    let mut share_used = closing.share_used.clone();
    if !closing.selected.is_all() {
        let concerned: Vec<bool> = closing
            .counts
            .iter()
            .map(|(_, counts)| counts.entries() > 0)
            .collect();
        overview.file = format!("{} (--only {})", overview.file, closing.selection);
        retain(&mut overview.orgs, &concerned);
        retain(&mut share_used, &concerned);
    }
    let everything = RunContext::of(run).map(|context| {
        let all = Selection::default();
        context.of_others().next_commands(run, &all).run_file
    });
    // Of an earlier version.
    let run_file =
        everything.unwrap_or_else(|_| format!("okta-rollout run {}", quoted(Path::new(&run.file))));
    let summary = Summary {
        overview: &overview,
        attention: &attention,
        share_used: &share_used,
        selection: &closing.selection,
        left_out,
        run_file: &run_file,
    };
    Ok(if output.verbosity() == Verbosity::Summary {
        summary.totals()
    } else {
        summary.text()
    })
}

fn retain<T>(items: &mut Vec<T>, wanted: &[bool]) {
    let mut wanted = wanted.iter();
    items.retain(|_| wanted.next().is_none_or(|wanted| *wanted));
}

/// The first entries that a person has to look at.
async fn attention(
    ledger: &Ledger,
    facts: &Facts,
    closing: &Closing,
) -> Result<Attention, Failure> {
    let run = &facts.run.id;
    let mut attention = Attention::default();
    for (no, counts) in &closing.counts {
        let mut after = None;
        let mut left = counts.failed;
        while left > 0 && attention.failed.count() < report::FAILED_READ {
            let rows = ledger.load(run, *no, Stored::Failed, after, FAILED).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.no);
            for row in rows.iter().filter(|row| closing.selected.contains(row.no)) {
                left = left.saturating_sub(1);
                if let Some(entry) = facts.entry(row) {
                    attention.failed.add(&entry);
                }
            }
        }
    }
    let changed = ledger.changed(run, report::CHANGED_READ).await?;
    attention.has_more_changes = changed.len() == report::CHANGED_READ;
    for row in changed
        .iter()
        .filter(|row| closing.selected.contains(row.no))
    {
        if let Some(entry) = facts.entry(row) {
            attention.changes.add_changes(&entry);
        }
    }
    let noted = async |what| {
        let selected = closing.selected.clone();
        let wanted = move |no| selected.contains(no);
        let noted = ledger.noted(run, what, report::DRIFTED_SHOWN, wanted).await;
        noted.map(|(count, first)| {
            let first = first.iter().filter_map(|row| facts.entry(row)).collect();
            (count, first)
        })
    };
    (attention.drifted_count, attention.drifted) = noted(Noted::Drift).await?;
    (attention.unrenewed_count, attention.unrenewed) = noted(Noted::LeftSecrets).await?;
    Ok(attention)
}

/// So that its command finds this ledger.
fn complete_hint(hint: &mut Option<String>) {
    if let Some(hint) = hint {
        *hint = complete(hint).into_owned();
    }
}

/// The run-wide rows a report is built from.
pub(super) struct Facts {
    run: RunRow,
    held: Held,
    counts: Counts,
    orgs: Vec<OrgRow>,
    removed: Vec<Removed>,
}

impl Facts {
    /// Reads them.
    pub async fn read(ledger: &Ledger, run: &RunRow) -> Result<Self, Failure> {
        let held = if ledger.is_locked(&run.id)? {
            Held::Yes
        } else {
            Held::No
        };
        let now = unix_millis();
        let mut orgs = ledger.orgs(&run.id).await?;
        for org in &mut orgs {
            // The end of a wait is not written where the clock tells it.
            org.wait.take_if(|wait| wait.until <= now);
        }
        Ok(Self {
            held,
            counts: ledger.counts(&run.id).await?,
            removed: ledger.removed(&run.id).await?,
            orgs,
            run: run.clone(),
        })
    }

    /// The report's head.
    pub fn overview(&self) -> Overview {
        let mut overview = report::overview(RunFacts {
            run: &self.run,
            held: self.held,
            counts: self.counts,
            orgs: &self.orgs,
            removed: &self.removed,
        });
        for stopped in overview
            .orgs
            .iter_mut()
            .filter_map(|org| org.stopped.as_mut())
        {
            complete_hint(&mut stopped.hint);
        }
        overview
    }

    /// One of its entries.
    fn entry(&self, row: &EntryRow) -> Option<EntryReport> {
        let org = self.orgs.get(usize::try_from(row.org).ok()?)?;
        let mut entry = report::entry(row, org, &plan::steps(&row.entry), self.held);
        entry.is_earlier = report::is_earlier(row, self.run.session_at());
        if let Some(error) = &mut entry.error {
            complete_hint(&mut error.hint);
        }
        Some(entry)
    }

    /// Returns how many entries were written.
    async fn write(
        &self,
        ledger: &Ledger,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<u64> {
        match request.format {
            Format::Text => self.write_text(ledger, request, &mut Page::new(out)).await,
            Format::Json => self.write_json(ledger, request, out).await,
            Format::Csv => self.write_csv(ledger, request, out).await,
        }
    }

    async fn write_text(
        &self,
        ledger: &Ledger,
        request: &Request,
        page: &mut Page<&mut dyn Write>,
    ) -> anyhow::Result<u64> {
        let mut text = TextReport::begin(page, &self.overview())?;
        let entries = self
            .each(ledger, request, |entry, _| Ok(text.entry(entry)?))
            .await?;
        text.end()?;
        Ok(entries)
    }

    /// Filtered, the report holds its entries as a manifest, too.
    async fn write_json(
        &self,
        ledger: &Ledger,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<u64> {
        let mut json = JsonReport::begin(out, &self.overview())?;
        if request.only.is_all() {
            let entries = self
                .each(ledger, request, |entry, _| Ok(json.entry(entry)?))
                .await?;
            json.end()?;
            return Ok(entries);
        }
        let base = self.entries_base()?;
        let mut written: Vec<EntryNo> = Vec::new();
        let mut concerned = vec![false; self.orgs.len()];
        let entries = self
            .each(ledger, request, |entry, row| {
                written.push(row.no);
                if let Some(org) = usize::try_from(row.org)
                    .ok()
                    .and_then(|no| concerned.get_mut(no))
                {
                    *org = true;
                }
                Ok(json.entry(entry)?)
            })
            .await?;
        let mut orgs = self.orgs.clone();
        retain(&mut orgs, &concerned);
        let mut manifest = json.manifest(&orgs)?;
        // The same entries, whatever became of them since they were written.
        let mut next = written.iter().peekable();
        let all = Request::all(Format::Json);
        self.each(ledger, &all, |_, row| {
            if next.next_if(|no| **no == row.no).is_some() {
                manifest.entry(&row.entry, &base)?;
            }
            Ok(())
        })
        .await?;
        manifest.end()?;
        Ok(entries)
    }

    fn entries_base(&self) -> anyhow::Result<PathBuf> {
        let context = RunContext::of(&self.run)
            .map_err(|failure| failure.error.context("the manifest's folder is not known"))?;
        Ok(context.entries_base().to_owned())
    }

    async fn write_csv(
        &self,
        ledger: &Ledger,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<u64> {
        let base = self.entries_base()?;
        let mut columns = Columns::with_notes();
        self.each(ledger, request, |_, row| {
            Ok(columns.add(&Record::of(row.row, &row.entry))?)
        })
        .await?;
        let mut csv = CsvManifest::begin(out, columns, &base)?;
        let entries = self
            .each(ledger, request, |entry, row| {
                Ok(csv.record(&Record {
                    notes: &report::notes(entry),
                    ..Record::of(row.row, &row.entry)
                })?)
            })
            .await?;
        csv.end()?;
        Ok(entries)
    }

    /// Hands on the wanted entries until one cannot be written; returns how many.
    async fn each(
        &self,
        ledger: &Ledger,
        request: &Request,
        mut write: impl FnMut(&EntryReport, &EntryRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut failed = None;
        let mut entries = 0;
        let mut each = |row: &EntryRow, calls: Option<Vec<Attempt>>| {
            if failed.is_some() {
                return;
            }
            let entry = self.entry(row);
            if let Some(mut entry) = entry.filter(|entry| request.wants(row, entry)) {
                entry.calls = calls.map(report::calls);
                failed = write(&entry, row).err();
                entries += 1;
            }
        };
        let run = &self.run.id;
        let read = if request.calls {
            let each = |row: EntryRow, calls| each(&row, Some(calls));
            ledger.for_each_entry_with_calls(run, each).await
        } else {
            ledger.for_each_entry(run, |row| each(&row, None)).await
        };
        read.context("the ledger cannot be read")?;
        failed.map_or(Ok(entries), Err)
    }
}
