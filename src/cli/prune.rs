//! `runs prune`, and what a job's `[ledger] keep` drops at the end of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::args;
use super::open::existing;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::ledger::{Kept, Ledger, Old, Pruned};
use crate::pacing::{CancellationToken, unix_millis};
use crate::report::counted;
use crate::settings::Settings;

/// Ids that are shown of runs that are kept for the same reason.
const SHOWN: usize = 5;

/// `runs prune`.
pub(super) async fn prune(
    args: &args::Prune,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing(settings).await?;
    let now = unix_millis();
    let old = Old {
        beyond: args.keep,
        before: args.older_than.map(|age| now.before(age)),
    };
    // Ended in the middle, it leaves a whole ledger: nothing to listen for.
    let pruned = ledger.prune(old, now, || false).await?;
    output.note(dropped(&pruned));
    for line in kept(&pruned) {
        output.note(line);
    }
    if args.vacuum {
        let freed = ledger.vacuum().await?;
        output.note(format_args!(
            "the ledger's file is smaller by {} KB",
            freed.div_ceil(1_024)
        ));
    }
    Ok(Ending::Success)
}

/// Drops what a job does not keep. Whatever becomes of it, the run ended as it did.
pub(super) async fn after_run(
    ledger: &Ledger,
    keep: Option<Duration>,
    interrupt: &CancellationToken,
    output: Output,
) {
    let Some(keep) = keep else { return };
    let now = unix_millis();
    let old = Old {
        beyond: None,
        before: Some(now.before(keep)),
    };
    let interrupt = interrupt.clone();
    match ledger
        .prune(old, now, move || interrupt.is_cancelled())
        .await
    {
        Ok(pruned) if pruned.runs == 0 => {}
        Ok(pruned) => output.note(dropped(&pruned)),
        Err(error) => output.warning(format_args!("old runs were not dropped: {error}")),
    }
}

/// `12 old runs with 4800 entries were dropped`.
fn dropped(pruned: &Pruned) -> String {
    if pruned.runs == 0 {
        return "no run was dropped".to_owned();
    }
    let were = if pruned.runs == 1 { "was" } else { "were" };
    format!(
        "{} with {} {were} dropped",
        counted(pruned.runs, "old run", "old runs"),
        counted(pruned.entries, "entry", "entries")
    )
}

/// A line for each reason to keep old runs.
fn kept(pruned: &Pruned) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (run, why) in &pruned.kept {
        by_reason.entry(reason(*why)).or_default().push(&run.0);
    }
    let line = |(reason, runs): (&str, Vec<&str>)| {
        let more = if runs.len() > SHOWN { ", …" } else { "" };
        let shown = runs[..runs.len().min(SHOWN)].join(", ");
        let old = counted(runs.len() as u64, "old run is kept", "old runs are kept");
        format!("{old}, {reason}: {shown}{more}")
    };
    by_reason.into_iter().map(line).collect()
}

const fn reason(why: Kept) -> &'static str {
    match why {
        Kept::Waits => "waiting for consents",
        Kept::Interrupted => "interrupted, to be continued",
        Kept::Held => "being worked on",
        Kept::Last => "last of their file, with entries that are not done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn what_was_dropped_and_what_was_kept_is_reported() {
        let run = |id: &str| RunId(id.to_owned());
        let pruned = |runs, entries, kept| Pruned {
            runs,
            entries,
            kept,
        };
        let many = (0..7).map(|n| (run(&format!("m{n}")), Kept::Waits));
        let many = many.chain([(run("last"), Kept::Last)]).collect();
        for (pruned, wanted) in [
            (pruned(0, 0, vec![]), "no run was dropped"),
            (pruned(1, 1, vec![]), "1 old run with 1 entry was dropped"),
            (
                pruned(2, 60, vec![(run("abcd"), Kept::Held)]),
                "2 old runs with 60 entries were dropped\n1 old run is kept, being worked on: abcd",
            ),
            (
                pruned(0, 0, many),
                "no run was dropped\n\
                 1 old run is kept, last of their file, with entries that are not done: last\n\
                 7 old runs are kept, waiting for consents: m0, m1, m2, m3, m4, …",
            ),
        ] {
            let lines = [vec![dropped(&pruned)], kept(&pruned)].concat();
            assert_eq!(lines.join("\n"), wanted);
        }
    }
}
