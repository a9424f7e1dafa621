//! `report`, and the reports and summaries of other commands: from the ledger to a file or standard
//! output, entry by entry.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use super::args;
use super::context::RunContext;
use super::open::readable;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::ledger::{EntryRow, Ledger, OrgRow, RunRow, Stored};
use crate::plan;
use crate::report::{
    self, Attention, Columns, CsvReport, EntryReport, Format, Held, JsonReport, Overview, RunFacts,
    State, Summary, TextReport,
};
use crate::run::unix_millis;
use crate::settings::Settings;

/// What to report.
pub(super) struct Request {
    /// How.
    pub format: Format,
    /// Entries in these states; empty = all.
    pub only: Vec<State>,
}

impl Request {
    /// Every entry.
    pub const fn all(format: Format) -> Self {
        Self {
            format,
            only: Vec::new(),
        }
    }

    fn wants(&self, state: State) -> bool {
        self.only.is_empty() || self.only.contains(&state)
    }
}

/// `report`.
pub(super) async fn report(
    args: &args::Report,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = readable(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    let request = Request {
        format: args.format,
        only: args.only.clone(),
    };
    match &args.output {
        None => to_stdout(&ledger, &run, &request, output).await?,
        Some(file) => to_file(&ledger, &run, &request, file).await?,
    }
    Ok(Ending::Success)
}

/// Writes a report to standard output.
pub(super) async fn to_stdout(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    output: Output,
) -> Result<(), Failure> {
    let facts = Facts::read(ledger, run).await?;
    output
        .stream(async |out| facts.write(ledger, request, out).await)
        .await
}

/// Writes a report to a file; it is there whole or not at all.
pub(super) async fn to_file(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    file: &Path,
) -> Result<(), Failure> {
    let facts = Facts::read(ledger, run).await?;
    let cannot = |error: anyhow::Error| {
        Failure::usage(error.context(format!("{} cannot be written", file.display()))).hint(
            format!(
                "give another file: okta-rollout report {} -o FILE",
                run.id.0
            ),
        )
    };
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let write = async || -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = BufWriter::new(std::fs::File::create(&part)?);
        facts.write(ledger, request, &mut out).await?;
        out.into_inner()?.sync_all()?;
        Ok(std::fs::rename(&part, file)?)
    };
    write().await.map_err(cannot)
}

/// The closing summary of a run; `share_used` is known, by org, to the process that made the calls.
pub(super) async fn summary(
    ledger: &Ledger,
    run: &RunRow,
    held: Held,
    share_used: &[Option<f64>],
) -> Result<String, Failure> {
    let facts = Facts {
        held,
        ..Facts::read(ledger, run).await?
    };
    let overview = facts.overview();
    let mut attention = Attention::default();
    for (no, counts) in ledger.counts_by_org(&run.id).await? {
        if counts.failed == 0 || !attention.wants_failed() {
            continue;
        }
        // A window of any size is enough for the few that are shown.
        for row in ledger.load(&run.id, no, Stored::Failed, None, 16).await? {
            if let Some(entry) = facts.entry(&row)
                && attention.wants_failed()
            {
                attention.failed.push(entry);
            }
        }
    }
    let summary = Summary {
        overview: &overview,
        attention: &attention,
        share_used,
    };
    Ok(summary.text())
}

/// The run-wide rows a report is built from.
pub(super) struct Facts {
    run: RunRow,
    held: Held,
    counts: crate::ledger::Counts,
    orgs: Vec<OrgRow>,
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
            orgs,
            run: run.clone(),
        })
    }

    /// The report's head.
    pub fn overview(&self) -> Overview {
        report::overview(RunFacts {
            run: &self.run,
            held: self.held,
            counts: self.counts,
            orgs: &self.orgs,
        })
    }

    /// One of its entries.
    fn entry(&self, row: &EntryRow) -> Option<EntryReport> {
        let org = self.orgs.get(usize::try_from(row.org).ok()?)?;
        Some(report::entry(row, org, &plan::steps(&row.entry), self.held))
    }

    async fn write(
        &self,
        ledger: &Ledger,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        match request.format {
            Format::Text => {
                let mut text = TextReport::begin(out, &self.overview())?;
                self.each(ledger, request, |entry, _| Ok(text.entry(entry)?))
                    .await?;
                Ok(text.end()?)
            }
            Format::Json => {
                let mut json = JsonReport::begin(out, &self.overview())?;
                self.each(ledger, request, |entry, _| Ok(json.entry(entry)?))
                    .await?;
                Ok(json.end()?)
            }
            Format::Csv => self.write_csv(ledger, request, out).await,
        }
    }

    async fn write_csv(
        &self,
        ledger: &Ledger,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let context = RunContext::of(&self.run)
            .map_err(|failure| failure.error.context("the manifest's folder is not known"))?;
        let mut columns = Columns::default();
        self.each(ledger, request, |_, row| {
            Ok(columns.add(row.row, &row.entry)?)
        })
        .await?;
        let mut csv = CsvReport::begin(out, columns, context.entries_base())?;
        self.each(
            ledger,
            request,
            |_, row| Ok(csv.entry(row.row, &row.entry)?),
        )
        .await?;
        Ok(csv.end()?)
    }

    /// Hands on the wanted entries until one cannot be written.
    async fn each(
        &self,
        ledger: &Ledger,
        request: &Request,
        mut write: impl FnMut(&EntryReport, &EntryRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut failed = None;
        ledger
            .for_each_entry(&self.run.id, |row| {
                if failed.is_some() {
                    return;
                }
                if let Some(entry) = self.entry(&row).filter(|entry| request.wants(entry.state)) {
                    failed = write(&entry, &row).err();
                }
            })
            .await
            .context("the ledger cannot be read")?;
        failed.map_or(Ok(()), Err)
    }
}
