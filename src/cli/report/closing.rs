//! The closing summary of a run: what the command came to, and what a person has to look at.

use std::path::Path;

use super::facts::{Facts, retain};
use crate::cli::output::Output;
use crate::engine::Selected;
use crate::failure::Failure;
use crate::ledger::{Counts, Ledger, Noted, RunRow, Undelivered};
use crate::model::{EntryState, OrgNo};
use crate::report::{self, Alike, Attention, Held, Summary};
use crate::rollout::context::RunContext;
use crate::rollout::shell::quoted;
use crate::selection::Selection;
use crate::settings::Verbosity;

/// Failed entries read at once: some hundred KB.
const FAILED: usize = 500;

/// Orgs in which it is looked for entries that are left pending, and how many of each.
const LACKING_ORGS: usize = 20;
const LACKING: usize = 100;

/// What the closing summary of a run is made from, besides the ledger.
pub(in crate::cli) struct Closing {
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
    /// Notices that did not arrive, as far as they are not named after the summary.
    pub undelivered: Vec<Undelivered>,
}

/// The closing summary of a run, of the selected entries.
pub(in crate::cli) async fn summary(
    ledger: &Ledger,
    run: &RunRow,
    closing: &Closing,
    output: Output,
) -> Result<String, Failure> {
    let mut facts = Facts::read(ledger, run).await?;
    let view = &mut facts.view;
    view.held = closing.held;
    let left = view.counts().unfinished();
    view.by_org.clone_from(&closing.counts);
    let left_out = left.saturating_sub(view.counts().unfinished());
    let hubs = ledger.hubs(&run.id).await?;
    let own_orgs = view.orgs.iter().zip(&closing.counts);
    let hubs_hold = own_orgs
        .filter(|(org, _)| org.stopped.is_none())
        .any(|(_, (_, counts))| counts.held_back > 0);
    for (org, (no, counts)) in view.orgs.iter_mut().zip(&closing.counts) {
        // What stopped it earlier holds back nothing that the command was about.
        let holds = counts.unfinished() > 0 || hubs_hold && hubs.contains(no);
        org.stopped.take_if(|_| !holds);
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
            .map(|(no, counts)| counts.entries() > 0 || hubs.contains(no))
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
        undelivered: &closing.undelivered,
        left_out,
        run_file: &run_file,
    };
    Ok(if output.verbosity() == Verbosity::Summary {
        summary.totals()
    } else {
        summary.text()
    })
}

/// The first entries that a person has to look at.
async fn attention(
    ledger: &Ledger,
    facts: &Facts,
    closing: &Closing,
) -> Result<Attention, Failure> {
    let run = &facts.view.run.id;
    let mut attention = Attention::default();
    for (no, counts) in &closing.counts {
        let mut after = None;
        let mut left = counts.failed;
        while left > 0 && attention.failed.count() < report::FAILED_READ {
            let rows = ledger
                .load(run, *no, EntryState::Failed, after, FAILED)
                .await?;
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
    if closing.held == Held::No {
        attention.lacking = lacking(ledger, facts, closing).await?;
    }
    let changed = ledger.changed(run, report::CHANGED_READ).await?;
    attention.has_more_changes = changed.len() == report::CHANGED_READ;
    for row in changed
        .iter()
        .filter(|row| closing.selected.contains(row.no))
    {
        if let Some(entry) = facts.entry(row) {
            attention.changes.add_changes(&entry);
            if entry.migrated() {
                attention.migrated.add_told(&entry, report::TOKEN_UNUSED);
            }
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

/// Why entries are left pending that nobody tries again by himself, of a few orgs.
async fn lacking(ledger: &Ledger, facts: &Facts, closing: &Closing) -> Result<Alike, Failure> {
    let mut lacking = Alike::default();
    let begun = closing.counts.iter();
    let begun = begun.filter(|(_, counts)| counts.started > 0 && counts.held_back == 0);
    for (no, _) in begun.take(LACKING_ORGS) {
        let run = &facts.view.run.id;
        let rows = ledger
            .load(run, *no, EntryState::Started, None, LACKING)
            .await?;
        let left = rows.iter().filter(|row| {
            row.error.is_some() && row.due_at.is_none() && closing.selected.contains(row.no)
        });
        for entry in left.filter_map(|row| facts.entry(row)) {
            lacking.add(&entry);
        }
    }
    Ok(lacking)
}
