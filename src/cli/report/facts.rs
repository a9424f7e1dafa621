//! What a report is made from, and how it is written, entry by entry.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::carried::complete;
use crate::failure::Failure;
use crate::job::Format;
use crate::ledger::{Attempt, EntryRow, Ledger, LedgerError, Removed, RunRow, Undelivered};
use crate::manifest::{Columns, CsvManifest, Record};
use crate::model::{EntryNo, RunId};
use crate::report::{self, EntryReport, Held, JsonReport, Overview, TextReport};
use crate::rollout::context::RunContext;
use crate::rollout::view::{RunView, held};
use crate::selection::{Ended, Selection};
use crate::text::Page;

/// What to report.
pub(in crate::cli) struct Request {
    /// In which format.
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

    pub(super) fn wants(&self, row: &EntryRow, entry: &EntryReport) -> bool {
        let ended = Ended::of(entry.changed, entry.deactivated);
        self.only.takes_entry(&entry.org, row.entry.app)
            && self.only.takes_state(entry.state, ended)
    }
}

/// The run-wide rows a report is built from.
pub(in crate::cli) struct Facts {
    /// Its entries are read as of the same moment if it is a [snapshot](Facts::now).
    pub(super) view: RunView,
    pub(super) removed: Vec<Removed>,
    pub(super) undelivered: Vec<Undelivered>,
}

/// Notices of a run that did not arrive; not those that the process which works on it may still be sending.
pub(in crate::cli) async fn undelivered(
    ledger: &Ledger,
    run: &RunRow,
    held: Held,
) -> Result<Vec<Undelivered>, LedgerError> {
    let mut undelivered = ledger.undelivered(&run.id).await?;
    undelivered.retain(|notice| held == Held::No || notice.error.is_some());
    Ok(undelivered)
}

/// The ledger as it is now, for a report whose parts fit together, and whether somebody works on the run.
pub(in crate::cli) async fn look(ledger: &Ledger, run: &RunId) -> Result<(Ledger, Held), Failure> {
    let mut before = held(ledger, run).await?;
    loop {
        let now = ledger.snapshot().await?;
        // Who holds it is no part of what is read.
        let after = held(ledger, run).await?;
        if before == after {
            return Ok((now, after));
        }
        before = after;
    }
}

impl Facts {
    /// As [`Self::read`], all of one moment, whoever works on the run.
    pub async fn now(ledger: &Ledger, run: &RunRow) -> Result<Self, Failure> {
        let (ledger, held) = look(ledger, &run.id).await?;
        let run = ledger.run(&run.id).await?;
        Self::of(&ledger, &run, held).await
    }

    /// Reads them.
    pub async fn read(ledger: &Ledger, run: &RunRow) -> Result<Self, Failure> {
        Self::of(ledger, run, held(ledger, &run.id).await?).await
    }

    async fn of(ledger: &Ledger, run: &RunRow, held: Held) -> Result<Self, Failure> {
        Ok(Self {
            view: RunView::read(ledger, run, held).await?,
            removed: ledger.removed(&run.id).await?,
            undelivered: undelivered(ledger, run, held).await?,
        })
    }

    /// The run that they are of.
    pub const fn run(&self) -> &RunRow {
        &self.view.run
    }

    /// The report's head.
    pub fn overview(&self) -> Overview {
        let mut overview = self.view.overview(&self.removed);
        if let Some(error) = &mut overview.error {
            complete_hint(&mut error.hint);
        }
        overview.undelivered = self.undelivered.iter().map(Into::into).collect();
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
    pub(super) fn entry(&self, row: &EntryRow) -> Option<EntryReport> {
        let mut entry = self.view.entry(row)?;
        if let Some(error) = &mut entry.error {
            complete_hint(&mut error.hint);
        }
        Some(entry)
    }

    /// Writes the report; returns how many entries it has.
    pub(super) async fn write(
        &self,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<u64> {
        match request.format {
            Format::Text => self.write_text(request, &mut Page::new(out)).await,
            Format::Json => self.write_json(request, out).await,
            Format::Csv => self.write_csv(request, out).await,
            Format::Junit | Format::Markdown | Format::Html => {
                // Not part of what every run keeps on its stack.
                Box::pin(self.write_by_org(request, out)).await
            }
        }
    }

    /// Writes the report for people.
    pub(super) async fn write_text(
        &self,
        request: &Request,
        page: &mut Page<&mut dyn Write>,
    ) -> anyhow::Result<u64> {
        let mut text = TextReport::begin(page, &self.overview())?;
        let entries = self
            .each(request, |entry, _| Ok(text.entry(entry)?))
            .await?;
        text.end()?;
        Ok(entries)
    }

    /// Writes the JSON report without its entries.
    pub(super) fn write_head(&self, mut out: &mut dyn Write) -> anyhow::Result<()> {
        serde_json::to_writer(&mut out, &self.overview())?;
        Ok(writeln!(out)?)
    }

    /// Filtered, the report holds its entries as a manifest, too.
    async fn write_json(&self, request: &Request, out: &mut dyn Write) -> anyhow::Result<u64> {
        let mut json = JsonReport::begin(out, &self.overview())?;
        if request.only.is_all() {
            let entries = self
                .each(request, |entry, _| Ok(json.entry(entry)?))
                .await?;
            json.end()?;
            return Ok(entries);
        }
        let base = self.entries_base()?;
        let mut written: Vec<EntryNo> = Vec::new();
        let mut concerned = vec![false; self.view.orgs.len()];
        let entries = self
            .each(request, |entry, row| {
                written.push(row.no);
                if let Some(org) = concerned.get_mut(row.org.index()) {
                    *org = true;
                }
                Ok(json.entry(entry)?)
            })
            .await?;
        let mut orgs = self.view.orgs.clone();
        retain(&mut orgs, &concerned);
        let mut manifest = json.manifest(&orgs)?;
        // The same entries, whatever became of them since they were written.
        let mut next = written.iter().peekable();
        let all = Request::all(Format::Json);
        self.each(&all, |_, row| {
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
        let context = RunContext::of(&self.view.run)
            .map_err(|failure| failure.error.context("the manifest's folder is not known"))?;
        Ok(context.entries_base().to_owned())
    }

    async fn write_csv(&self, request: &Request, out: &mut dyn Write) -> anyhow::Result<u64> {
        let base = self.entries_base()?;
        let mut columns = Columns::with_notes();
        self.each(request, |_, row| {
            Ok(columns.add(&Record::of(row.row, &row.entry))?)
        })
        .await?;
        let mut csv = CsvManifest::begin(out, columns, &base)?;
        if let Some(why) = &self.view.run.failed {
            // A manifest ignores a row that is for people only.
            csv.record(&Record {
                row: 0,
                entry: None,
                comment: "",
                notes: &report::notes_of_start(why),
            })?;
        }
        let entries = self
            .each(request, |entry, row| {
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
        let run = &self.view.run.id;
        let read = if request.calls {
            let each = |row: EntryRow, calls| each(&row, Some(calls));
            self.view.ledger.for_each_entry_with_calls(run, each).await
        } else {
            let each = |row: EntryRow| each(&row, None);
            self.view.ledger.for_each_entry(run, each).await
        };
        read.context("the ledger cannot be read")?;
        failed.map_or(Ok(entries), Err)
    }
}

/// Those of its items that are wanted.
pub(super) fn retain<T>(items: &mut Vec<T>, wanted: &[bool]) {
    let mut wanted = wanted.iter();
    items.retain(|_| wanted.next().is_none_or(|wanted| *wanted));
}

/// So that its command finds this ledger.
fn complete_hint(hint: &mut Option<String>) {
    if let Some(hint) = hint {
        *hint = complete(hint).into_owned();
    }
}
