//! `status` and `runs`: where runs stand.

use super::args::{self, DataFormat, RunsCommand};
use super::listed::{line, row};
use super::open::readable;
use super::output::{Output, local_times};
use super::prune::prune;
use super::report::{self, Closing, Facts, Request, look};
use super::schedule;
use super::watch::watch;
use crate::engine::Selected;
use crate::failure::{Ending, Failure};
use crate::job::Format;
use crate::ledger::{Ledger, RunRow};
use crate::rollout::waves::counts_by_org;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::text::Syntax;

/// `status`.
pub(super) async fn status(
    args: &args::Status,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if args.jobs {
        return schedule::jobs(args.format, settings, output).await;
    }
    let ledger = readable(settings).await?;
    if let Some(failed) = failed_start(&ledger, args.run.as_deref()).await? {
        report::to_stdout(&ledger, &failed, &Request::all(format(args.format)), output).await?;
        if args.run.is_some() || args.format == DataFormat::Json || !has_begun(&ledger).await? {
            return Ok(Ending::Success);
        }
    }
    let run = ledger.find_run(args.run.as_deref()).await?;
    if args.watch
        && let Some(signal) = watch(&ledger, &run, settings.animation, output).await?
    {
        return Ok(Ending::Short(signal));
    }
    match args.format {
        DataFormat::Json => {
            report::to_stdout(&ledger, &run, &Request::all(Format::Json), output).await?;
        }
        DataFormat::Human => {
            let (ledger, held) = look(&ledger, &run.id).await?;
            let run = ledger.run(&run.id).await?;
            let orgs = ledger.orgs(&run.id).await?;
            let closing = Closing {
                held,
                share_used: Vec::new(),
                selection: Selection::default(),
                selected: Selected::default(),
                counts: counts_by_org(&ledger, &run, &orgs, &Selected::default()).await?,
                earlier: None,
                undelivered: report::undelivered(&ledger, &run, held).await?,
            };
            let summary = report::summary(&ledger, &run, &closing, output).await?;
            output.text(&local_times(&summary))?;
        }
    }
    Ok(Ending::Success)
}

/// The run that is asked for, if it is a start that failed: without an id the newest of all.
async fn failed_start(ledger: &Ledger, run: Option<&str>) -> Result<Option<RunRow>, Failure> {
    let run = match run {
        Some(_) => Some(ledger.find_run(run).await?),
        None => ledger.runs().await?.into_iter().next(),
    };
    Ok(run.filter(|run| run.failed.is_some()))
}

async fn has_begun(ledger: &Ledger) -> Result<bool, Failure> {
    let runs = ledger.runs().await?;
    Ok(runs.iter().any(|run| run.failed.is_none()))
}

const fn format(format: DataFormat) -> Format {
    match format {
        DataFormat::Human => Format::Text,
        DataFormat::Json => Format::Json,
    }
}

/// `runs`.
pub(super) async fn runs(
    args: &args::Runs,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if let Some(RunsCommand::Prune(args)) = &args.command {
        return prune(args, settings, output).await;
    }
    let ledger = readable(settings).await?.snapshot().await?;
    let mut overviews = Vec::new();
    let limit = args.limit.unwrap_or(usize::MAX);
    for run in ledger.runs().await?.into_iter().take(limit) {
        overviews.push(Facts::read(&ledger, &run).await?.overview());
    }
    match args.format {
        DataFormat::Json => output.data(Syntax::Json, |out| {
            let rows: Vec<_> = overviews.iter().map(row).collect();
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            Ok(writeln!(out)?)
        })?,
        DataFormat::Human if overviews.is_empty() && limit > 0 => output.note("no runs yet"),
        DataFormat::Human => output.page(|page| {
            let mut lines = overviews.iter().map(line);
            lines.try_for_each(|line| page.line(format_args!("{}", local_times(&line))))
        })?,
    }
    Ok(Ending::Success)
}
