//! `status` and `runs`: where runs stand.

use super::args::{self, DataFormat, RunsCommand};
use super::elsewhere;
use super::latest::Looked;
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
    let ledger = readable(settings, output).await?;
    let Looked { run, failed } = match args.run.as_deref() {
        None => Looked::at(&ledger).await?,
        given => Looked::only(ledger.find_run(given).await?),
    };
    for line in failed.lines() {
        match args.format {
            DataFormat::Json => output.total(local_times(&line)),
            DataFormat::Human => output.text(&local_times(&line))?,
        }
    }
    if let Some(newest) = &failed.newest {
        let request = Request::all(format(args.format));
        report::to_stdout(&ledger, newest, &request, output).await?;
    }
    let Some(run) = run.filter(|_| failed.newest.is_none() || args.format == DataFormat::Human)
    else {
        return Ok(Ending::Success);
    };
    if args.watch
        && let Some(signal) = watch(&ledger, &run, settings.animation, output).await?
    {
        return Ok(Ending::Short(signal));
    }
    match args.format {
        DataFormat::Json => {
            report::standing_to_stdout(&ledger, &run, output).await?;
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
            for alike in elsewhere::of_run(&ledger, &run).await? {
                match alike.missing {
                    None => output.text(&format!("{}\n", alike.line))?,
                    Some(missing) => output.text(&format!(
                        "{}, and none is at work\n  hint: {}\n",
                        alike.line, missing
                    ))?,
                }
            }
        }
    }
    Ok(Ending::Success)
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
    let ledger = readable(settings, output).await?.snapshot().await?;
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
