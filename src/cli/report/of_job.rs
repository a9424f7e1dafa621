//! The reports that a job asks for, written when a process ends its work on a run, however that ended.

use super::{Request, to_file};
use crate::cli::file::{Guarded, cannot_be_written, clash};
use crate::cli::output::Output;
use crate::failure::Failure;
use crate::job::ReportFile;
use crate::ledger::{Ledger, RunRow};

/// Whether all of a job's reports are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Written {
    /// They are.
    All,
    /// One or more are not, and it was said why.
    NotAll,
}

/// Writes them; one that cannot be written keeps no other from it. `guarded` is what none of them may replace.
pub(in crate::cli) async fn of_job(
    ledger: &Ledger,
    run: &RunRow,
    reports: &[ReportFile],
    guarded: impl Fn() -> Result<Vec<Guarded>, Failure>,
    output: Output,
) -> Written {
    let mut written = Written::All;
    for report in reports {
        match one(ledger, run, report, &guarded).await {
            Ok(shown) => output.note(format_args!("report: {shown}")),
            Err(failure) => {
                output.failure(&failure);
                written = Written::NotAll;
            }
        }
    }
    written
}

async fn one(
    ledger: &Ledger,
    run: &RunRow,
    report: &ReportFile,
    guarded: impl Fn() -> Result<Vec<Guarded>, Failure>,
) -> Result<String, Failure> {
    let path = report.path.of_run(&run.id.0, run.started_at.0);
    // Where it leads was not known when the job was checked, and what is guarded may take long to find out.
    if report.path.varies()
        && path.exists()
        && let Some(why) = clash(&path, &guarded()?)
    {
        let why = anyhow::anyhow!("{why}");
        return Err(cannot_be_written(&path, &super::give(run), why));
    }
    to_file(ledger, run, &Request::all(report.format), &path).await?;
    Ok(path.display().to_string())
}
