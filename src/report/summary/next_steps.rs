//! What needs a person, each with the command that continues once the cause is gone. A command that tries again what
//! the ledger has is of no use where the file has to change: then the hint names the one that is, and no other follows.

use super::super::wave::first;
use super::super::{Alike, RunState, WaveState, counted, wave_called};
use super::{ORG_LINES, Summary, line};
use crate::model::State;

/// Reasons of failures that are shown.
const FAILED_SHOWN: usize = 10;

impl Summary<'_> {
    /// The command that continues with the selected entries.
    fn resume(&self) -> String {
        let flag = self.selection.with_state(None).flag();
        format!("okta-rollout resume {}{flag}", self.overview.run)
    }

    /// The command that tries the selected failed entries again.
    fn try_again(&self) -> String {
        if self.selection.is_all() {
            return self.try_all_again();
        }
        let flag = self.selection.with_state(Some(State::Failed)).flag();
        format!("okta-rollout resume {}{flag}", self.overview.run)
    }

    fn try_all_again(&self) -> String {
        format!("okta-rollout resume {} --failed", self.overview.run)
    }

    /// A hint whose command keeps to the selection: hints are older than it.
    fn narrowed(&self, hint: &str) -> String {
        if self.selection.is_all() {
            return hint.to_owned();
        }
        let failed = format!("okta-rollout resume {} --only failed", self.overview.run);
        let again = self.try_again();
        match hint.strip_suffix(&failed) {
            Some(before) => format!("{before}{again}"),
            None => hint.replace(&self.try_all_again(), &again),
        }
    }

    pub(super) fn stopped(&self, text: &mut String) {
        let stopped = Alike::of_orgs(&self.overview.orgs);
        let mut told = 0;
        let mut is_answered = true;
        for why in stopped.told().take(ORG_LINES) {
            told += why.count;
            line(text, "");
            line(text, &why.stopped());
            if let Some(hint) = why.hint {
                line(text, &format!("  hint: {hint}"));
            }
            is_answered &= has_command(why.hint);
        }
        let more = stopped.count().saturating_sub(told);
        if more > 0 {
            let run = &self.overview.run;
            line(
                text,
                &format!("and {more} more orgs were stopped: okta-rollout report {run}"),
            );
        }
        if !is_answered {
            let is_halted = first(&self.overview.waves, WaveState::Halted).is_some();
            // Its entries count as failed ones of a wave, which is judged anew only then.
            let anew = if is_halted { " --failed" } else { "" };
            line(text, &format!("  then: {}{anew}", self.resume()));
        }
    }

    /// What a wave waits for that a person decides.
    pub(super) fn waves(&self, text: &mut String) {
        let (waves, run) = (&self.overview.waves, &self.overview.run);
        if let Some((_, wave)) = first(waves, WaveState::Halted) {
            line(text, "");
            line(text, &format!("{}; no further entry began", wave.halted()));
            let again = "  fix what failed, then try it again";
            line(
                text,
                &format!("{again}: okta-rollout resume {run} --failed"),
            );
            let past = "  or continue in spite of it";
            line(
                text,
                &format!("{past}: okta-rollout resume {run} --past-halt"),
            );
        }
        if let Some((_, wave)) = first(waves, WaveState::AwaitingApproval) {
            line(text, "");
            let waits = format!(
                "{} waits for an approval; to let it begin",
                wave_called(&wave.name)
            );
            line(
                text,
                &format!("{waits}: okta-rollout resume {run} --approve"),
            );
        }
    }

    pub(super) fn failed(&self, text: &mut String) {
        let count = self.overview.totals.failed;
        let run = &self.overview.run;
        if count == 0 {
            return;
        }
        line(text, "");
        let failed = &self.attention.failed;
        let mut shown = 0;
        for why in failed.told().take(FAILED_SHOWN) {
            shown += why.count;
            line(text, &why.line("failed", "entry", "entries"));
            if let Some(hint) = why.hint {
                line(text, &format!("  hint: {}", self.narrowed(hint)));
            }
        }
        let more = count.saturating_sub(shown);
        if more > 0 {
            line(
                text,
                &format!("and {more} more failed: okta-rollout report {run} --only failed"),
            );
        }
        if failed.told().any(|why| !has_command(why.hint)) {
            line(text, &format!("  then: {}", self.try_again()));
        }
    }

    pub(super) fn waiting(&self, text: &mut String) {
        let count = self.overview.totals.waiting;
        let run = &self.overview.run;
        if count == 0 {
            return;
        }
        let needs = counted(count, "entry waits for consent", "entries wait for consent");
        line(text, "");
        line(text, &format!("{needs}: okta-rollout consent list {run}"));
        line(
            text,
            "  open each link, then hand in what Okta's page shows: okta-rollout consent complete",
        );
        line(text, &format!("  then: {}", self.resume()));
    }

    /// What no process had a secret for so far.
    pub(super) fn lacking(&self, text: &mut String) {
        for why in self.attention.lacking.told().take(FAILED_SHOWN) {
            line(text, "");
            line(text, &why.line("left pending", "entry", "entries"));
            if let Some(hint) = why.hint {
                line(text, &format!("  hint: {hint}"));
            }
        }
    }

    pub(super) fn pending(&self, text: &mut String) {
        let overview = self.overview;
        // What a stopped org holds back was said above, and what waits for a person.
        let waits = first(&overview.waves, WaveState::AwaitingApproval).is_some();
        if overview.state == RunState::Interrupted && !waits {
            line(text, "");
            line(
                text,
                &format!(
                    "{} not finished; all that was done is kept: {}",
                    overview.movable,
                    self.resume()
                ),
            );
        }
        if overview.state == RunState::Stored {
            line(text, "");
            line(
                text,
                "no worker has taken it up yet; to be one: okta-rollout work",
            );
        }
    }
}

/// Whether a hint says by itself what to type; those of earlier versions and of some causes name only the cause.
fn has_command(hint: Option<&str>) -> bool {
    hint.is_some_and(|hint| hint.contains("okta-rollout "))
}

#[cfg(test)]
mod tests {
    use super::super::super::build::tests::{GOOGLE, acme, google, refused, run, stopped};
    use super::super::super::{Held, RunFacts, entry, overview};
    use super::super::Attention;
    use super::*;
    use crate::ledger::{Counts, OrgRow, Progress};
    use crate::model::{EntryState, Step};
    use crate::selection::Selection;

    const EDIT: Option<&str> = Some("correct it, then: okta-rollout run m.csv");
    const FIX: Option<&str> = Some("fix it, then: okta-rollout resume k3f9 --failed");
    const OPEN: Option<&str> = Some("fix it, then: okta-rollout resume k3f9");
    const CAUSE: Option<&str> = Some("check env:ACME");
    const AGAIN: Option<&str> = Some("  then: okta-rollout resume k3f9 --failed");
    const RESUME: Option<&str> = Some("  then: okta-rollout resume k3f9");

    /// The command below the hints of entries that failed and orgs that were stopped with these hints.
    fn then(failed: &[Option<&str>], orgs: &[Option<&str>]) -> Option<String> {
        let mut attention = Attention::default();
        for (row, hint) in (1..).zip(failed) {
            let mut failed = google(EntryState::Failed, Progress::default());
            failed.row = row;
            let mut error = refused(Step::FindApp);
            error.hint = hint.map(str::to_owned);
            error.message = format!("no {row}");
            failed.error = Some(error);
            let failed = entry(&failed, &acme(), &GOOGLE, Held::No);
            attention.failed.add(&failed);
        }
        let orgs = orgs.iter().map(|hint| {
            let mut stopped = stopped();
            stopped.hint = hint.map(str::to_owned);
            OrgRow {
                stopped: Some(stopped),
                ..acme()
            }
        });
        let orgs: Vec<_> = orgs.collect();
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts: Counts {
                failed: failed.len() as u64,
                pending: 1,
                held_back: 1,
                ..Counts::default()
            },
            orgs: &orgs,
            removed: &[],
        });
        let text = Summary {
            overview: &overview,
            attention: &attention,
            share_used: &[],
            selection: &Selection::default(),
            undelivered: &[],
            left_out: 0,
            run_file: "okta-rollout run m.csv",
        }
        .text();
        let then: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("  then: "))
            .collect();
        assert!(then.len() <= 1, "{text}");
        then.first().map(|line| (*line).to_owned())
    }

    #[test]
    fn a_command_follows_only_where_no_hint_has_one() {
        for (failed, orgs, wanted) in [
            (&[EDIT][..], &[][..], None),
            (&[FIX], &[], None),
            (&[EDIT, FIX], &[], None),
            (&[EDIT; 30], &[], None),
            (&[None], &[], AGAIN),
            (&[CAUSE], &[], AGAIN),
            (&[EDIT, CAUSE], &[], AGAIN),
            (&[], &[EDIT], None),
            (&[], &[OPEN], None),
            (&[], &[OPEN, EDIT], None),
            (&[], &[None], RESUME),
            (&[], &[CAUSE], RESUME),
            (&[], &[EDIT, CAUSE], RESUME),
            (&[FIX], &[EDIT], None),
        ] {
            let case = format!("{failed:?} {orgs:?}");
            assert_eq!(then(failed, orgs).as_deref(), wanted, "{case}");
        }
    }
}
