//! The waves of a run in the ledger: where they stand, what a person decides about them, and what holds entries back
//! because of them.

use serde::Deserialize as _;

use crate::engine::Selected;
use crate::engine::waves::{Doing, Groups, Standing, WaveStanding};
use crate::job::{Wave, is_any};
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunLock, RunRow};
use crate::manifest::Problem;
use crate::model::OrgNo;
use crate::nearest::did_you_mean;
use crate::pacing::unix_millis;
use crate::plan::{OrgPlan, WavePlan};
use crate::report::{WaveReport, WaveState, rfc3339};
use crate::selection::fits;

/// The waves that a run was begun with; a job may say others now.
pub(crate) fn waves_of(run: &RunRow) -> Vec<Wave> {
    let waves = run.context.get("waves").map(Vec::deserialize);
    waves.and_then(Result::ok).unwrap_or_default()
}

/// Where the waves of a run stand; `None` = it has none.
pub(crate) async fn standing(
    ledger: &Ledger,
    run: &RunRow,
    orgs: &[OrgRow],
    selected: &Selected,
) -> Result<Option<Standing>, LedgerError> {
    let now = unix_millis();
    Standing::read((ledger, &run.id), &waves_of(run), orgs, selected, now).await
}

/// The selected entries by state, for every org in order; what a halt holds back counts as held back.
pub(crate) async fn counts_by_org(
    ledger: &Ledger,
    run: &RunRow,
    orgs: &[OrgRow],
    selected: &Selected,
) -> Result<Vec<(OrgNo, Counts)>, LedgerError> {
    let mut counts = selected.counts_by_org(ledger, &run.id).await?;
    if let Some(standing) = standing(ledger, run, orgs, selected).await? {
        standing.hold_back(&mut counts);
    }
    Ok(counts)
}

/// What holds up what is left of a run, besides orgs that were stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldUp {
    /// Nothing.
    No,
    /// Too many entries of a wave failed.
    ByHalt,
    /// A wave begins when a person says so.
    ByApproval,
}

impl HeldUp {
    /// Of a run with these waves.
    pub fn of(standing: Option<&Standing>) -> Self {
        match standing {
            Some(standing) if standing.halted().is_some() => Self::ByHalt,
            Some(standing) if standing.awaits().is_some() => Self::ByApproval,
            _ => Self::No,
        }
    }
}

/// The waves as reports have them.
pub(crate) fn reports(standing: &Standing) -> Vec<WaveReport> {
    let waves = standing.groups.waves.iter().zip(&standing.waves);
    let doing = standing.doing().into_iter();
    let report = |((wave, standing), doing): ((&Wave, &WaveStanding), Doing)| {
        let (state, until) = match doing {
            Doing::Pending => (WaveState::Pending, None),
            Doing::Running => (WaveState::Running, None),
            Doing::Soaking(until) => (WaveState::Soaking, Some(until)),
            Doing::AwaitingApproval => (WaveState::AwaitingApproval, None),
            Doing::Halted => (WaveState::Halted, None),
            Doing::Done => (WaveState::Done, None),
        };
        let row = standing.facts.row;
        WaveReport {
            name: wave.name.clone(),
            state,
            orgs: standing.orgs,
            entries: standing.counts.entries(),
            failed: standing.facts.failed,
            started_at: row.started_at.map(rfc3339),
            finished_at: (doing != Doing::Running)
                .then_some(row.finished_at)
                .flatten()
                .map(rfc3339),
            until: until.map(rfc3339),
            may_fail: wave.halt_when_failed.map(|halts| halts.to_string()),
        }
    };
    waves.zip(doing).map(report).collect()
}

/// What a person decides about the waves of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The wave that waits for an approval begins.
    pub approve: bool,
    /// The run continues in spite of the halt that it stands at.
    pub past_halt: bool,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// This wave may begin.
    Approved(String),
    /// No wave waits for that.
    NothingAwaits,
    /// The run continues in spite of the failures of this wave.
    Passed(String),
    /// The run stands at no halt.
    NoHalt,
}

/// Stores what is decided, before anything of the run moves; `retries` = failed entries are tried again, so that waves are
/// judged anew.
pub(crate) async fn decide(
    (ledger, lock, run): (&Ledger, &RunLock, &RunRow),
    orgs: &[OrgRow],
    selected: &Selected,
    decision: Decision,
    retries: bool,
) -> Result<Vec<Decided>, LedgerError> {
    let mut decided = Vec::new();
    let Some(mut standing) = standing(ledger, run, orgs, selected).await? else {
        if decision.approve {
            decided.push(Decided::NothingAwaits);
        }
        if decision.past_halt {
            decided.push(Decided::NoHalt);
        }
        return Ok(decided);
    };
    let now = unix_millis();
    let before = standing.rows();
    let name = |no: usize| standing.groups.waves[no].name.clone();
    let (mut approved, mut passed) = (None, None);
    if decision.approve {
        approved = standing.awaits();
        decided.push(approved.map_or(Decided::NothingAwaits, |no| Decided::Approved(name(no))));
    }
    if decision.past_halt {
        passed = standing.halted();
        decided.push(passed.map_or(Decided::NoHalt, |no| Decided::Passed(name(no))));
    }
    reopen(&mut standing.waves, retries);
    for (no, wave) in standing.waves.iter_mut().enumerate() {
        let row = &mut wave.facts.row;
        if approved == Some(no) {
            row.approved_at = Some(now);
        }
        if passed == Some(no) {
            row.passed_at = Some(now);
        }
    }
    if retries {
        let counts = selected.counts_by_org(ledger, &run.id).await?;
        for (org, _) in counts.iter().filter(|(_, counts)| counts.held_back > 0) {
            // Its entries are tried again, too, and count by what becomes of them then.
            ledger.set_stopped(lock, *org, None).await?;
        }
    }
    let rows = standing.rows().into_iter().enumerate();
    let changed: Vec<_> = rows.filter(|(no, row)| before[*no] != *row).collect();
    if !changed.is_empty() {
        ledger.set_waves(lock, changed).await?;
    }
    Ok(decided)
}

/// What of a wave that had ended is begun again makes it end again. One of which a part began before its turn, by `--only`,
/// waits for its turn with the rest: whoever let that part begin had not seen what comes of the waves before.
fn reopen(waves: &mut [WaveStanding], retries: bool) {
    let mut is_ahead = false;
    for wave in waves {
        let (has_unbegun, is_halted) = (wave.unbegun > 0, wave.facts.is_halted());
        let row = &mut wave.facts.row;
        if retries {
            row.passed_at = None;
        }
        if has_unbegun || retries && wave.wanted.failed > 0 {
            row.finished_at = None;
        }
        if has_unbegun && is_ahead && !is_halted && row.started_at.is_some() {
            (row.started_at, row.approved_at) = (None, None);
        }
        is_ahead |= has_unbegun;
    }
}

/// The waves of a job, by what is planned for these orgs.
pub(crate) fn planned(waves: &[Wave], orgs: &[OrgPlan]) -> Vec<WavePlan> {
    let groups = Groups::of(waves, orgs.iter().map(|org| org.name.as_str()));
    let plan = |(no, wave): (usize, &Wave)| {
        let mut plan = WavePlan {
            name: wave.name.clone(),
            ..WavePlan::default()
        };
        for org in groups.orgs_in(no).map(|org| &orgs[org]) {
            plan.add(org.entries.len() as u64, org.cost.total());
        }
        plan
    };
    groups.waves.iter().enumerate().map(plan).collect()
}

/// What is wrong with a job's waves, given the names of its orgs.
pub(crate) fn problems<'a>(
    file: &std::path::Path,
    waves: &[Wave],
    orgs: impl Iterator<Item = &'a str>,
) -> Vec<Problem> {
    let orgs: Vec<&str> = orgs.collect();
    let mut problems = Vec::new();
    let groups = Groups::of(waves, orgs.iter().copied());
    for (no, wave) in waves.iter().enumerate() {
        let mut add = |at: usize, message: String, hint: Option<String>| {
            let place = wave.places.get(at).copied().unzip();
            problems.push(Problem {
                file: file.display().to_string(),
                line: place.0,
                column: place.1,
                row: None,
                field: Some(format!("waves[{no}].orgs")),
                message,
                hint,
                count: 1,
                also: Vec::new(),
            });
        };
        for (at, pattern) in wave.orgs.iter().enumerate() {
            if !orgs.iter().any(|org| fits(pattern, org)) {
                let near = did_you_mean(pattern, orgs.iter().copied());
                let hint = near.unwrap_or_else(|| "name an org, or leave it out".to_owned());
                add(at, format!("no org fits {pattern:?}"), Some(hint));
            }
        }
        let named = |org: &&str| wave.orgs.iter().any(|pattern| fits(pattern, org));
        let is_empty = groups.orgs_in(no).next().is_none();
        // One that takes whatever is left may be for orgs to come.
        if is_empty && orgs.iter().any(named) && !wave.orgs.iter().any(|pattern| is_any(pattern)) {
            let hint = "an org belongs to the first wave that names it: move this one up";
            let message = format!(
                "no org is left for wave {:?}: earlier ones take them",
                wave.name
            );
            add(0, message, Some(hint.to_owned()));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_no_org_can_be_in_is_a_mistake() {
        let wave = |name: &str, orgs: &[&str]| Wave {
            name: name.to_owned(),
            orgs: orgs.iter().map(|org| (*org).to_owned()).collect(),
            places: (1..).map(|column| (4, column)).take(orgs.len()).collect(),
            ..Wave::default()
        };
        let found = |waves: &[Wave], orgs: &[&str]| -> Vec<String> {
            let problems = problems(Path::new("j.toml"), waves, orgs.iter().copied());
            problems.iter().map(ToString::to_string).collect()
        };
        let orgs = ["canary-1", "acme", "globex"];
        for (waves, wanted) in [
            (vec![wave("a", &["canary-*"]), wave("b", &["acme"])], None),
            (
                vec![
                    wave("a", &["canary-*"]),
                    wave("b", &["acme", "globex"]),
                    wave("c", &["*"]),
                ],
                None,
            ),
            (
                vec![wave("a", &["canary-*", "acne"])],
                Some("j.toml:4:2: waves[0].orgs: no org fits \"acne\""),
            ),
            (
                vec![wave("a", &["prod-*"])],
                Some("j.toml:4:1: waves[0].orgs: no org fits \"prod-*\""),
            ),
            (
                vec![wave("a", &["ac*", "glo*"]), wave("b", &["acme", "globex"])],
                Some(
                    "j.toml:4:1: waves[1].orgs: no org is left for wave \"b\": earlier ones take them",
                ),
            ),
        ] {
            let found = found(&waves, &orgs);
            let wanted: Vec<_> = wanted.map(str::to_owned).into_iter().collect();
            assert_eq!(found, wanted, "{waves:?}");
        }
        assert!(found(&[], &orgs).is_empty());
    }
}
