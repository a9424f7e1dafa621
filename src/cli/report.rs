//! `report`, and the reports and summaries of other commands: from the ledger to a file or standard
//! output, entry by entry.

mod by_org;
mod closing;
mod facts;
mod of_job;

use std::io::Write;
use std::path::Path;

use super::args;
use super::context::guarded;
use super::file::{cannot_be_written, refuse_clash, refuse_stdout, write_whole};
use super::only::say_nothing_matches;
use super::open::readable;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::job::Format;
use crate::ledger::{Ledger, LedgerError, RunRow};
use crate::rollout::context::RunContext;
use crate::rollout::unknown_org::refuse_unknown_org;
use crate::settings::Settings;
use crate::text::{Page, Syntax};
pub(super) use closing::{Closing, summary};
pub(super) use facts::{Facts, Request, look, undelivered};
pub(super) use of_job::{Written, of_job};

/// Entries that `status` shows at most: whoever asks for it every few seconds does not want more.
const MOST_ENTRIES: u64 = 10_000;

/// `report`.
pub(super) async fn report(
    args: &args::Report,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if args.calls && !matches!(args.format, Format::Text | Format::Json) {
        let error = anyhow::anyhow!("a {} report holds no calls", args.format.name());
        return Err(Failure::usage(error).hint("use --format text or --format json"));
    }
    let ledger = readable(settings, output).await?;
    let run = asked(&ledger, args.run.as_deref(), output).await?;
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
            refuse_stdout(|| guarded(&RunContext::of(&run)?, settings))?;
            to_stdout(&ledger, &run, &request, output).await?
        }
        Some(file) => {
            let context = RunContext::of(&run)?;
            refuse_clash(file, &guarded(&context, settings)?, &give(&run))?;
            to_file(&ledger, &run, &request, file).await?
        }
    };
    if written == 0 && !request.only.is_all() {
        say_nothing_matches(&request.only, output);
    }
    Ok(Ending::Success)
}

/// The run that is asked for: without an id the newest that began, or else the newest start.
async fn asked(ledger: &Ledger, run: Option<&str>, output: Output) -> Result<RunRow, Failure> {
    let newest = match run {
        Some(_) => None,
        None => ledger.runs().await?.into_iter().next(),
    };
    let Some(failed) = newest.filter(|run| run.failed.is_some()) else {
        return Ok(ledger.find_run(run).await?);
    };
    // Whoever wants a report of last night must not take one of the night before for it.
    match ledger.find_run(None).await {
        Ok(began) => {
            let (id, file) = (&failed.id.0, &failed.file);
            output.warning(format_args!(
                "this is run {} of {}: a later start of {file} failed; to see why: okta-rollout report {id}",
                began.id.0, began.file
            ));
            Ok(began)
        }
        Err(LedgerError::NotFound { .. }) => Ok(failed),
        Err(error) => Err(error.into()),
    }
}

/// Writes a report to standard output; returns how many entries it has.
pub(super) async fn to_stdout(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    output: Output,
) -> Result<u64, Failure> {
    let facts = Facts::now(ledger, run).await?;
    let mut entries = 0;
    let write = async |out: &mut dyn Write| {
        entries = facts.write(request, out).await?;
        Ok(())
    };
    match request.format {
        Format::Text => {
            let write = async |page: &mut Page<&mut dyn Write>| {
                entries = facts.write_text(request, page).await?;
                Ok(())
            };
            output.stream_page(write).await?;
        }
        Format::Json => output.stream(Syntax::Json, write).await?,
        Format::Csv | Format::Junit | Format::Markdown | Format::Html => {
            output.stream(Syntax::Lines, write).await?;
        }
    }
    Ok(entries)
}

/// Prints where a run stands as JSON: its report, without the entries where these are very many.
pub(super) async fn standing_to_stdout(
    ledger: &Ledger,
    run: &RunRow,
    output: Output,
) -> Result<(), Failure> {
    if ledger.counts(&run.id).await?.entries() <= MOST_ENTRIES {
        let all = Request::all(Format::Json);
        return to_stdout(ledger, run, &all, output).await.map(drop);
    }
    let facts = Facts::now(ledger, run).await?;
    output
        .stream(Syntax::Json, async |out: &mut dyn Write| {
            facts.write_head(out)
        })
        .await?;
    Ok(())
}

/// Writes a report to a file; it is there whole or not at all. Returns how many entries it has.
pub(super) async fn to_file(
    ledger: &Ledger,
    run: &RunRow,
    request: &Request,
    file: &Path,
) -> Result<u64, Failure> {
    let facts = Facts::now(ledger, run).await?;
    write_whole(file, async |out| facts.write(request, out).await)
        .await
        .map_err(|error| cannot_be_written(file, &give(run), error))
}

/// What writes a run's report to another file.
fn give(run: &RunRow) -> String {
    format!("okta-rollout report {} -o FILE", run.id.0)
}
