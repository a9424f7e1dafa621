//! `workers`: who works on a ledger that several share, and on what.

use std::fmt::Write as _;

use serde::Serialize;

use super::args;
use super::args::DataFormat;
use super::open::{readable, refuse_unshared};
use super::output::{Output, local_times};
use crate::failure::{Ending, Failure};
use crate::ledger::{AtWork, Ledger, RunRow, partition_of};
use crate::model::RunId;
use crate::report::counted;
use crate::rollout::left::left;
use crate::settings::Settings;
use crate::text::Syntax;

/// A process, as programs are told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'w> {
    worker: &'w str,
    labels: Vec<String>,
    leads: Vec<&'w str>,
    partitions: &'w [u16],
    asks: usize,
    orgs: Vec<&'w str>,
}

/// `workers`.
pub(super) async fn workers(
    args: &args::Workers,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    refuse_unshared(settings)?;
    let ledger = readable(settings, output).await?;
    let runs = ledger.unfinished_runs().await?;
    let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    let workers = ledger.at_work(&ids).await?;
    let orgs = movable(&ledger, &runs).await?;
    let rows: Vec<Row<'_>> = workers.iter().map(|one| row(one, &orgs)).collect();
    match args.format {
        DataFormat::Json => output.data(Syntax::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            Ok(writeln!(out)?)
        })?,
        DataFormat::Human if rows.is_empty() => output.note("nobody works on it"),
        DataFormat::Human => output.page(|page| {
            let mut lines = rows.iter().map(line);
            lines.try_for_each(|line| page.line(format_args!("{}", local_times(&line))))
        })?,
    }
    Ok(Ending::Success)
}

/// Orgs in which something can move, by name, each with its partition.
async fn movable(ledger: &Ledger, runs: &[RunRow]) -> Result<Vec<(String, u16)>, Failure> {
    let mut movable = Vec::new();
    for run in runs {
        let left = left(ledger, run).await?;
        movable.extend(
            left.into_iter()
                .map(|org| (org.name, partition_of(&org.url))),
        );
    }
    movable.sort();
    movable.dedup();
    Ok(movable)
}

fn row<'w>(worker: &'w AtWork, orgs: &'w [(String, u16)]) -> Row<'w> {
    let has = |partition: &u16| worker.partitions.binary_search(partition).is_ok();
    let own = orgs.iter().filter(|(_, partition)| has(partition));
    Row {
        worker: &worker.name,
        labels: worker.labels.iter().map(ToString::to_string).collect(),
        leads: worker.leads.iter().map(|run| run.0.as_str()).collect(),
        partitions: &worker.partitions,
        asks: worker.asks,
        orgs: own.map(|(name, _)| name.as_str()).collect(),
    }
}

/// Names of so many orgs are shown.
const SHOWN: usize = 5;

/// `3 orgs (acme, globex, initech)`.
pub(super) fn orgs_called(names: &[&str]) -> String {
    let orgs = counted(names.len() as u64, "org", "orgs");
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let names = names[..names.len().min(SHOWN)].join(", ");
    format!("{orgs} ({names}{more})")
}

fn line(row: &Row<'_>) -> String {
    let leads = match &row.leads[..] {
        [] => String::new(),
        [run] => format!("leads run {run}, "),
        runs => format!("leads runs {}, ", runs.join(", ")),
    };
    let partitions = counted(row.partitions.len() as u64, "partition", "partitions");
    let labels = match row.labels.join(", ") {
        none if none.is_empty() => none,
        labels => format!(" ({labels})"),
    };
    let mut line = format!("{}{labels}: {leads}{partitions}", row.worker);
    if !row.orgs.is_empty() {
        _ = write!(line, ", {}", orgs_called(&row.orgs));
    }
    if row.asks > 0 {
        _ = write!(line, ", asks for {} more", row.asks);
    }
    line
}
