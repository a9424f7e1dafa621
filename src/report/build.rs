//! From the ledger's rows to the report's types. Pure: no clock, no ledger.

use jiff::Timestamp;

use super::{
    CallReport, DriftReport, EntryReport, ErrorReport, OrgReport, Overview, RunState, StepReport,
    Totals, VERSION, WaitingReport, changes,
};
use crate::ledger::{Attempt, Counts, Drift, EntryRow, OrgRow, Removed, RunRow, StepRecord};
use crate::model::{EntryError, EntryState, ErrorDetails, RunId, State, Step, UnixMillis};

/// Whether a process holds the run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// One does: what was started is running.
    Yes,
    /// None does: what was started was interrupted.
    No,
}

/// The rows an [`Overview`] is built from.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    /// The run.
    pub run: &'a RunRow,
    /// Whether a process holds it.
    pub held: Held,
    /// Its entries by state.
    pub counts: Counts,
    /// Its orgs.
    pub orgs: &'a [OrgRow],
    /// What is no longer in its file.
    pub removed: &'a [Removed],
}

/// Everything of the report but its entries.
pub fn overview(facts: RunFacts<'_>) -> Overview {
    let RunFacts {
        run,
        held,
        counts,
        orgs,
        removed,
    } = facts;
    let state = match held {
        _ if run.failed.is_some() => RunState::Failed,
        Held::Yes => RunState::Running,
        Held::No if is_stored(run) && counts.movable() > 0 => RunState::Stored,
        Held::No if counts.movable() > 0 => RunState::Interrupted,
        Held::No => RunState::Settled,
    };
    Overview {
        version: VERSION,
        run: run.id.0.clone(),
        file: run.file.clone(),
        state,
        started_at: rfc3339(run.started_at),
        finished_at: run.finished_at.filter(|_| held == Held::No).map(rfc3339),
        totals: Totals {
            entries: counts.entries(),
            changed: counts.changed,
            deactivated: counts.deactivated,
            unchanged: counts.unchanged,
            waiting: counts.waiting,
            failed: counts.failed,
            pending: counts.unfinished() + counts.carried_over,
        },
        orgs: orgs.iter().map(|row| org(row, held)).collect(),
        waves: Vec::new(),
        error: run.failed.clone(),
        removed: removed.to_vec(),
        carried_over: counts.carried_over,
        undelivered: Vec::new(),
        movable: counts.movable(),
        continued_at: run.continued_at.map(rfc3339),
        earlier: run.ended_before,
    }
}

/// Whether it is as `run --detach` left it.
fn is_stored(run: &RunRow) -> bool {
    let is_detached = run.context.get("detached");
    let is_detached = is_detached.and_then(serde_json::Value::as_bool);
    is_detached == Some(true) && run.continued_at.is_none() && run.finished_at.is_none()
}

/// A wait that is over is the caller's to leave out.
fn org(row: &OrgRow, held: Held) -> OrgReport {
    let wait = row.wait.as_ref().filter(|_| held == Held::Yes);
    OrgReport {
        org: row.name.clone(),
        requests: row.stats.requests,
        rate_limited: row.stats.rate_limited,
        retries: row.stats.retries,
        waited_ms: row.stats.waited_ms,
        waiting: wait.map(|wait| WaitingReport {
            reason: wait.reason.clone(),
            bucket: wait.bucket.clone(),
            left: wait.left,
            limit: wait.limit,
            others_per_second: wait.others_per_second,
            until: rfc3339(wait.until),
        }),
        stopped: row.stopped.as_ref().map(|stopped| stopped.details.clone()),
    }
}

/// Whether an entry came to its end, or to a consent, before the run's last process began at that time, which then did
/// not look at it.
pub fn is_earlier(row: &EntryRow, session_at: UnixMillis) -> bool {
    let rests = matches!(
        row.state,
        EntryState::Waiting | EntryState::Done | EntryState::Failed
    );
    rests && row.carried_over_by.is_none() && row.checked_at.is_none_or(|at| at < session_at)
}

/// One entry; `planned` are the steps it takes, in order.
pub fn entry(row: &EntryRow, org: &OrgRow, planned: &[Step], held: Held) -> EntryReport {
    let state = match row.state {
        _ if row.carried_over_by.is_some() => State::Pending,
        EntryState::Started if held == Held::Yes => State::Running,
        EntryState::Pending | EntryState::Started => State::Pending,
        EntryState::Waiting => State::Waiting,
        EntryState::Done => State::Done,
        EntryState::Failed => State::Failed,
    };
    EntryReport {
        org: org.name.clone(),
        app: row.entry.app.name(),
        app_id: row
            .progress
            .app_id
            .clone()
            .or_else(|| row.entry.app_id.clone()),
        label: row.entry.label.clone(),
        row: row.row,
        state,
        changed: row.progress.changed,
        checked_at: row.checked_at.map(rfc3339),
        is_earlier: false,
        deactivated: row.progress.is_deactivated(),
        changes: changes::fields(&row.progress.changes, &row.entry),
        told: (row.progress.changes.iter())
            .map(|change| (changes::told(change), change.why))
            .collect(),
        error: error(row, org, planned),
        drift: row.progress.drift.iter().map(drift).collect(),
        needs_reconnect: row.progress.left_secrets.clone(),
        steps: steps(row, planned, state),
        calls: None,
    }
}

/// The calls that were made for an entry.
pub fn calls(attempts: Vec<Attempt>) -> Vec<CallReport> {
    attempts.into_iter().map(call).collect()
}

fn call(attempt: Attempt) -> CallReport {
    CallReport {
        at: rfc3339(attempt.at),
        step: attempt.step.name(),
        feature: attempt.step.feature().map(crate::apps::Feature::name),
        index: attempt.step.index(),
        call: attempt.call,
        http_status: attempt.http_status,
        okta_error_code: attempt.okta_error_code,
        request_id: attempt.request_id,
        duration_ms: attempt.duration_ms,
        next_try_at: attempt.next_at.map(rfc3339),
    }
}

fn drift(drift: &Drift) -> DriftReport {
    DriftReport {
        field: drift.field.clone(),
        live: drift.live.clone().unwrap_or_default(),
        wanted: drift.wanted.clone(),
    }
}

/// A pending entry that a later run took over, or that stands in the queue of an org that was stopped, says why it stays
/// so; `org`: in whose queue it stands.
pub fn error(row: &EntryRow, org: &OrgRow, planned: &[Step]) -> Option<ErrorReport> {
    if let Some(RunId(later)) = &row.carried_over_by {
        return Some(ErrorReport {
            step: Step::AwaitConsent.name(),
            details: ErrorDetails::new(
                format!("run {later} took its consent over"),
                Some(format!("look there: okta-rollout status {later}")),
            ),
        });
    }
    if let (EntryState::Pending | EntryState::Started, Some(stopped)) = (row.state, &org.stopped) {
        let step = current(row, planned).map_or("", |place| planned[place].name());
        return Some(ErrorReport {
            step,
            details: ErrorDetails {
                message: format!("org {} was stopped: {}", org.name, stopped.message),
                ..stopped.details.clone()
            },
        });
    }
    row.error.as_ref().map(|error| ErrorReport {
        step: error.step.name(),
        details: error.details.clone(),
    })
}

fn steps(row: &EntryRow, planned: &[Step], state: State) -> Vec<StepReport> {
    let current = current(row, planned);
    let mut steps: Vec<StepReport> = planned
        .iter()
        .enumerate()
        .map(|(place, step)| match (recorded(row, *step), current) {
            (_, Some(now)) if place == now => under_way(row, *step, state),
            (_, Some(now)) if place > now => blank(*step, State::Pending),
            (Some(record), _) => record,
            // Passed over without a record: it turned out to be needless.
            (None, _) => blank(*step, State::Done),
        })
        .collect();
    // A step that was taken although it is not planned (any more) is not hidden.
    for record in &row.progress.steps {
        let shown =
            planned.contains(&record.step) || steps.iter().any(|step| same(step, record.step));
        if !shown {
            steps.extend(recorded(row, record.step));
        }
    }
    steps
}

/// The place of the step an entry stands at; none when it is done.
fn current(row: &EntryRow, planned: &[Step]) -> Option<usize> {
    let place = |wanted: Step| planned.iter().position(|step| *step == wanted);
    match row.state {
        EntryState::Done => return None,
        EntryState::Waiting => return place(Step::AwaitConsent),
        EntryState::Failed => {
            if let Some(place) = row.error.as_ref().and_then(|error| place(error.step)) {
                return Some(place);
            }
        }
        EntryState::Pending | EntryState::Started => {}
    }
    let next = row
        .progress
        .steps
        .last()
        .and_then(|record| place(record.step))
        .map_or(0, |last| last + 1);
    (next < planned.len()).then_some(next)
}

fn under_way(row: &EntryRow, step: Step, state: State) -> StepReport {
    let error: Option<&EntryError> = row.error.as_ref().filter(|error| error.step == step);
    StepReport {
        attempts: row.progress.attempts,
        http_status: error.and_then(|error| error.http_status),
        request_id: error.and_then(|error| error.request_id.clone()),
        ..blank(step, state)
    }
}

/// All records of a step as one: a fresh consent link takes `set_connection` a second time.
fn recorded(row: &EntryRow, step: Step) -> Option<StepReport> {
    let records: Vec<&StepRecord> = row
        .progress
        .steps
        .iter()
        .filter(|record| record.step == step)
        .collect();
    let last = records.last()?;
    Some(StepReport {
        attempts: records.iter().map(|record| record.attempts).sum(),
        changed: records.iter().any(|record| record.changed),
        http_status: last.http_status,
        request_id: last.request_id.clone(),
        ..blank(step, State::Done)
    })
}

fn blank(step: Step, state: State) -> StepReport {
    StepReport {
        step: step.name(),
        feature: step.feature().map(crate::apps::Feature::name),
        index: step.index(),
        state,
        attempts: 0,
        changed: false,
        http_status: None,
        request_id: None,
    }
}

fn same(report: &StepReport, step: Step) -> bool {
    report.step == step.name()
        && report.feature == step.feature().map(crate::apps::Feature::name)
        && report.index == step.index()
}

/// A time of the ledger; a stored time outside of jiff's years (a broken clock) is its nearest end.
pub(crate) fn rfc3339(at: UnixMillis) -> String {
    Timestamp::from_millisecond(at.0)
        .unwrap_or(if at.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
        .to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use crate::failure::Remedy;
    use serde_json::json;

    use super::*;
    use crate::apps::Feature;
    use crate::ledger::{OrgStats, Progress};
    use crate::model::{EntryNo, OrgNo, Stopped};

    pub(in crate::report) fn run() -> RunRow {
        RunRow {
            id: RunId("k3f9".to_owned()),
            file: "samples/rollout.csv".to_owned(),
            file_key: "/x/samples/rollout.csv".to_owned(),
            digest: "d".to_owned(),
            context: json!({}),
            started_at: UnixMillis(1_767_323_045_000),
            finished_at: Some(UnixMillis(1_767_323_105_250)),
            continued_at: None,
            ended_before: 0,
            failed: None,
        }
    }

    pub(in crate::report) fn acme() -> OrgRow {
        OrgRow {
            no: OrgNo(0),
            name: "acme".to_owned(),
            url: "https://acme.okta.com".to_owned(),
            spec: serde_json::from_value(json!({
                "url": "https://acme.okta.com", "auth": { "apiToken": "env:ACME" } }))
            .unwrap(),
            stopped: None,
            stats: OrgStats {
                requests: 120,
                rate_limited: 1,
                retries: 2,
                waited_ms: 61_500,
            },
            wait: None,
        }
    }

    pub(in crate::report) fn stopped() -> Stopped {
        Stopped {
            remedy: Remedy::Outside,
            details: ErrorDetails {
                message: "Okta refused the API token".to_owned(),
                hint: Some("check env:ACME".to_owned()),
                okta_error_code: Some("E0000011".to_owned()),
                http_status: Some(401),
                request_id: Some("abc".to_owned()),
            },
        }
    }

    pub(in crate::report) const GOOGLE: [Step; 6] = [
        Step::FindApp,
        Step::SetConnection,
        Step::AwaitConsent,
        Step::CompleteConsent,
        Step::ActivateConnection,
        Step::SetFeature(Feature::UserProvisioning),
    ];

    pub(in crate::report) fn google(state: EntryState, progress: Progress) -> EntryRow {
        EntryRow {
            no: EntryNo(0),
            org: OrgNo(0),
            queue: None,
            row: 14,
            entry: serde_json::from_value(json!({
                "org": "acme", "app": "google", "label": "Google Workspace",
                "connection": { "profile": { "authScheme": "OAUTH2" } },
                "features": { "USER_PROVISIONING": {} } }))
            .unwrap(),
            state,
            progress,
            due_at: None,
            error: None,
            known: None,
            stored: None,
            version: 0,
            carried_over_by: None,
            checked_at: None,
        }
    }

    pub(in crate::report) fn record(step: Step, attempts: u32) -> StepRecord {
        StepRecord {
            step,
            attempts,
            changed: attempts > 0,
            http_status: (attempts > 0).then_some(200),
            request_id: (attempts > 0).then(|| format!("req-{}", step.name())),
        }
    }

    pub(in crate::report) fn refused(step: Step) -> EntryError {
        EntryError {
            step,
            details: ErrorDetails {
                message: "Verification failed: Not authorized".to_owned(),
                okta_error_code: Some("E0000001".to_owned()),
                http_status: Some(400),
                request_id: Some("abc".to_owned()),
                hint: Some("check the value behind env:ACME_GOOGLE".to_owned()),
            },
        }
    }

    fn states(row: &EntryRow, held: Held) -> Vec<State> {
        entry(row, &acme(), &GOOGLE, held)
            .steps
            .iter()
            .map(|step| step.state)
            .collect()
    }

    #[test]
    fn the_run_state_follows_from_counts_and_holder() {
        for (pending, started, held_back, held, wanted) in [
            (0, 0, 0, Held::No, RunState::Settled),
            (1, 0, 0, Held::No, RunState::Interrupted),
            (0, 1, 0, Held::No, RunState::Interrupted),
            // All that is left is of orgs that were stopped.
            (2, 1, 3, Held::No, RunState::Settled),
            (2, 1, 2, Held::No, RunState::Interrupted),
            (0, 0, 0, Held::Yes, RunState::Running),
            (3, 1, 0, Held::Yes, RunState::Running),
            (3, 1, 4, Held::Yes, RunState::Running),
        ] {
            let counts = Counts {
                pending,
                started,
                held_back,
                waiting: 1,
                ..Counts::default()
            };
            let overview = overview(RunFacts {
                run: &run(),
                held,
                counts,
                orgs: &[acme()],
                removed: &[],
            });
            assert_eq!(overview.state, wanted);
            assert_eq!(overview.totals.pending, pending + started);
            assert_eq!(overview.totals.entries, pending + started + 1);
            assert_eq!(overview.finished_at.is_some(), held == Held::No);
        }
    }

    #[test]
    fn steps_before_the_current_one_are_done_and_later_ones_pending() {
        use State::{Done, Failed, Pending, Running, Waiting};
        let found = Progress {
            steps: vec![record(Step::FindApp, 1)],
            attempts: 2,
            ..Progress::default()
        };
        let linked = Progress {
            steps: vec![record(Step::FindApp, 1), record(Step::SetConnection, 1)],
            ..Progress::default()
        };
        let rest = [Pending; 4];
        let with = |first: &[State]| [first, &rest].concat()[..6].to_vec();

        let row = google(EntryState::Pending, Progress::default());
        assert_eq!(states(&row, Held::No), [Pending; 6]);
        let row = google(EntryState::Started, found.clone());
        assert_eq!(states(&row, Held::Yes), with(&[Done, Running]));
        assert_eq!(states(&row, Held::No), with(&[Done, Pending]));
        assert_eq!(entry(&row, &acme(), &GOOGLE, Held::No).steps[1].attempts, 2);
        let row = google(EntryState::Waiting, linked);
        assert_eq!(states(&row, Held::No), with(&[Done, Done, Waiting]));
        let mut row = google(EntryState::Failed, found);
        row.error = Some(refused(Step::SetConnection));
        assert_eq!(states(&row, Held::No), with(&[Done, Failed]));
    }

    #[test]
    fn a_done_entry_shows_needless_steps_without_attempts() {
        let row = google(
            EntryState::Done,
            Progress {
                steps: vec![
                    record(Step::FindApp, 1),
                    record(Step::SetConnection, 1),
                    record(Step::SetFeature(Feature::UserProvisioning), 3),
                ],
                app_id: Some("0oa1".to_owned()),
                changed: true,
                ..Progress::default()
            },
        );
        let report = entry(&row, &acme(), &GOOGLE, Held::No);
        assert!(report.steps.iter().all(|step| step.state == State::Done));
        let attempts: Vec<u32> = report.steps.iter().map(|step| step.attempts).collect();
        assert_eq!(attempts, [1, 1, 0, 0, 0, 3]);
        assert_eq!(report.steps[5].feature, Some("USER_PROVISIONING"));
        assert_eq!(report.app_id.as_deref(), Some("0oa1"));
        assert!(report.changed);
    }

    #[test]
    fn a_fresh_link_counts_both_attempts_of_set_connection() {
        let row = google(
            EntryState::Waiting,
            Progress {
                steps: vec![
                    record(Step::FindApp, 1),
                    record(Step::SetConnection, 1),
                    record(Step::SetConnection, 2),
                ],
                ..Progress::default()
            },
        );
        let report = entry(&row, &acme(), &GOOGLE, Held::No);
        assert_eq!(report.steps[1].attempts, 3);
        assert_eq!(report.steps[2].state, State::Waiting);
    }

    #[test]
    fn a_pending_entry_of_a_stopped_org_says_why() {
        let org = OrgRow {
            stopped: Some(stopped()),
            ..acme()
        };
        let row = google(EntryState::Pending, Progress::default());
        let error = entry(&row, &org, &GOOGLE, Held::No).error.unwrap();
        assert_eq!(error.step, "find_app");
        assert_eq!(
            error.message,
            "org acme was stopped: Okta refused the API token"
        );
        assert_eq!(error.okta_error_code.as_deref(), Some("E0000011"));
        // What ended before the org was stopped keeps its own story.
        let done = google(EntryState::Done, Progress::default());
        assert_eq!(entry(&done, &org, &GOOGLE, Held::No).error, None);
    }

    #[test]
    fn a_record_of_an_unplanned_step_is_shown() {
        let row = google(
            EntryState::Done,
            Progress {
                steps: vec![record(Step::DeactivateConnection, 1)],
                ..Progress::default()
            },
        );
        let report = entry(&row, &acme(), &GOOGLE[1..2], Held::No);
        let names: Vec<&str> = report.steps.iter().map(|step| step.step).collect();
        assert_eq!(names, ["set_connection", "deactivate_connection"]);
    }

    #[test]
    fn what_rests_since_before_the_last_process_began_is_distinguished() {
        let at = |checked_at, state| EntryRow {
            checked_at,
            ..google(state, Progress::default())
        };
        for (checked_at, state, wanted) in [
            (Some(9), EntryState::Done, true),
            (Some(10), EntryState::Done, false),
            (Some(9), EntryState::Failed, true),
            (Some(9), EntryState::Waiting, true),
            (Some(11), EntryState::Waiting, false),
            // It failed before any call: nobody looked.
            (None, EntryState::Failed, true),
            (Some(9), EntryState::Pending, false),
            (Some(9), EntryState::Started, false),
        ] {
            let row = at(checked_at.map(UnixMillis), state);
            assert_eq!(
                is_earlier(&row, UnixMillis(10)),
                wanted,
                "{checked_at:?} {state:?}"
            );
        }
        let carried_over = EntryRow {
            carried_over_by: Some(RunId("abcd".to_owned())),
            ..at(Some(UnixMillis(9)), EntryState::Waiting)
        };
        assert!(!is_earlier(&carried_over, UnixMillis(10)));
    }

    #[test]
    fn any_stored_time_can_be_shown() {
        assert_eq!(
            rfc3339(UnixMillis(1_767_323_045_000)),
            "2026-01-02T03:04:05Z"
        );
        assert_eq!(
            rfc3339(UnixMillis(1_767_323_105_250)),
            "2026-01-02T03:05:05.25Z"
        );
        assert!(rfc3339(UnixMillis(i64::MAX)).starts_with("9999-12-3"));
        assert!(rfc3339(UnixMillis(i64::MIN)).starts_with("-009999-"));
    }
}
