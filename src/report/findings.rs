//! What a report says of its entries together, before it lists them: gathered in one pass over them. Pure.

use std::time::Duration;

use super::activity::Activity;
use super::{Alike, EntryReport, Overview, Totals};
use crate::apps::App;
use crate::ledger::{Attempt, EntryRow, OrgRow};
use crate::model::{State, UnixMillis};
use crate::selection::Selection;

/// Entries of a kind that are named, one a line; the lists of all entries and JSON have them all.
pub(super) const NAMED: usize = 20;

/// Entries that had drifted, with what.
pub(super) const DRIFTED: usize = 200;

/// Commands that a report names, as they work from where it is made.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// What makes all that is left of the run move on.
    pub resume: String,
    /// What lists the links to consent.
    pub consents: String,
    /// What gives every detail of the run.
    pub details: String,
}

/// See the first line.
#[derive(Clone, Debug)]
pub struct Findings {
    began_at: UnixMillis,
    /// All entries by state.
    totals: Totals,
    /// By number.
    pub(super) orgs: Vec<OrgFindings>,
    /// Names of the first entries that wait for a consent.
    pub(super) waiting: Vec<String>,
    /// Why entries are pending.
    pub(super) pending: Alike,
    /// The first entries that had drifted.
    pub(super) drifted: Vec<EntryReport>,
    /// How many had.
    pub(super) drifted_count: u64,
    pub(super) commands: Commands,
}

/// Of one org.
#[derive(Clone, Debug, Default)]
pub(super) struct OrgFindings {
    /// Its entries by state.
    pub totals: Totals,
    /// When its calls were made.
    pub activity: Activity,
    /// What it may have of its budget in a window, where calls had to wait for that: the bucket and a number of calls.
    pub budget: Option<(String, u64)>,
}

impl Findings {
    /// None yet, of a run that began at this time.
    pub fn new(began_at: UnixMillis, orgs: &[OrgRow], commands: Commands) -> Self {
        let orgs = orgs.iter().map(|org| {
            let wait = org.wait.as_ref();
            OrgFindings {
                budget: wait.and_then(|wait| Some((wait.bucket.clone()?, wait.limit?))),
                ..OrgFindings::default()
            }
        });
        Self {
            began_at,
            totals: Totals::default(),
            orgs: orgs.collect(),
            waiting: Vec::new(),
            pending: Alike::default(),
            drifted: Vec::new(),
            drifted_count: 0,
            commands,
        }
    }

    /// Adds an entry and its calls.
    pub fn add(&mut self, row: &EntryRow, entry: &EntryReport, calls: &[Attempt]) {
        match entry.state {
            State::Waiting if self.waiting.len() < NAMED => self.waiting.push(entry.name()),
            State::Pending => self.pending.add(entry),
            State::Waiting | State::Failed | State::Done | State::Running => {}
        }
        if !entry.drift.is_empty() {
            self.drifted_count += 1;
            if self.drifted.len() < DRIFTED {
                self.drifted.push(entry.clone());
            }
        }
        let began_at = self.began_at;
        let after_ms = |at: UnixMillis| at.0.saturating_sub(began_at.0);
        let Some(org) = self.orgs.get_mut(row.org.index()) else {
            return;
        };
        org.totals.add(entry);
        self.totals.add(entry);
        let mut last = row.checked_at;
        for call in calls {
            let bin = org.activity.at(after_ms(call.at));
            bin.calls += 1;
            bin.limited += u32::from(call.http_status == Some(429));
            let ended_at = call.at.after(Duration::from_millis(call.duration_ms));
            last = last.max(Some(ended_at));
        }
        let rests = matches!(entry.state, State::Done | State::Failed | State::Waiting);
        if let Some(at) = last.filter(|_| rests) {
            org.activity.at(after_ms(at)).ended += 1;
        }
    }

    /// All entries by state.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Has the report be about what was selected alone: about orgs that have entries of it, and about these.
    pub fn narrow(&mut self, overview: &mut Overview, selection: &Selection) {
        let has_some: Vec<bool> = self.orgs.iter().map(|org| org.totals.entries > 0).collect();
        let mut of_org = has_some.iter();
        self.orgs.retain(|_| of_org.next() == Some(&true));
        let mut of_org = has_some.iter();
        overview.orgs.retain(|_| of_org.next() == Some(&true));
        overview.removed.retain(|gone| {
            App::from_name(&gone.app).is_some_and(|app| selection.takes_entry(&gone.org, app))
        });
        overview.totals = self.totals;
        overview.file = format!("{} (--only {selection})", overview.file);
    }

    /// When the run began.
    pub(super) const fn began_at(&self) -> UnixMillis {
        self.began_at
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, run};
    use super::super::{Held, entry};
    use super::*;
    use crate::ledger::{OrgWait, Progress};
    use crate::model::{EntryState, Step};

    pub(in crate::report) fn commands() -> Commands {
        Commands {
            resume: "okta-rollout resume k3f9".to_owned(),
            consents: "okta-rollout consent list".to_owned(),
            details: "okta-rollout report k3f9 --format json".to_owned(),
        }
    }

    /// A call so many seconds after the run began.
    pub(in crate::report) fn call(after_s: i64, status: u16) -> Attempt {
        Attempt {
            at: UnixMillis(run().started_at.0 + after_s * 1_000),
            step: Step::SetConnection,
            call: "POST /api/v1/apps/0oa1/connections/default".to_owned(),
            http_status: Some(status),
            okta_error_code: None,
            request_id: None,
            duration_ms: 1_500,
            next_at: None,
        }
    }

    /// Of one org, acme, with these entries and their calls.
    pub(in crate::report) fn findings(entries: &[(EntryRow, Vec<Attempt>)]) -> Findings {
        let org = OrgRow {
            wait: Some(OrgWait {
                reason: "budget of /api/v1/apps: 0 of 45 left".to_owned(),
                bucket: Some("/api/v1/apps".to_owned()),
                left: Some(0),
                limit: Some(45),
                others_per_second: None,
                until: run().started_at,
            }),
            ..acme()
        };
        let mut findings = Findings::new(run().started_at, &[org], commands());
        for (row, calls) in entries {
            findings.add(row, &entry(row, &acme(), &GOOGLE, Held::No), calls);
        }
        findings
    }

    #[test]
    fn entries_are_counted_by_org_and_state_and_calls_by_time() {
        let of = |state, calls| (google(state, Progress::default()), calls);
        let found = findings(&[
            of(EntryState::Done, vec![call(0, 200), call(3, 200)]),
            of(EntryState::Failed, vec![call(3, 429)]),
            of(EntryState::Waiting, vec![]),
            of(EntryState::Pending, vec![call(1, 503)]),
        ]);
        let totals = found.totals();
        assert_eq!((totals.entries, totals.unchanged, totals.failed), (4, 1, 1));
        assert_eq!((totals.waiting, totals.pending, totals.changed), (1, 1, 0));
        assert_eq!(found.waiting, ["acme/google (row 14)"]);
        let [org] = &found.orgs[..] else { panic!() };
        assert_eq!(org.budget, Some(("/api/v1/apps".to_owned(), 45)));
        let bins = org.activity.bins().iter();
        let bins: Vec<_> = bins
            .map(|bin| (bin.calls, bin.limited, bin.ended))
            .collect();
        assert_eq!(
            bins,
            [(1, 0, 0), (1, 0, 0), (0, 0, 0), (2, 1, 0), (0, 0, 2)]
        );
    }
}
