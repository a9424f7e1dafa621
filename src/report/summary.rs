//! What a command says at the end: totals, what every org cost, then only what needs a person, each
//! with the next command to type. Pure.

mod next_steps;

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{drifted, earlier, headline, totals};
use super::undelivered::undelivered;
use super::words::counted;
use super::{Alike, EntryReport, OrgReport, Overview};
use crate::ledger::Undelivered;
use crate::model::State;
use crate::selection::Selection;
use crate::text;

/// Orgs that get a line of their own; a screen holds about this many beside the rest.
const ORG_LINES: usize = 20;

/// Failed entries whose reasons are looked at: a second's work.
pub const FAILED_READ: u64 = 10_000;

/// Changes that are shown.
const CHANGES_SHOWN: usize = 10;

/// Changed entries that are looked at.
pub const CHANGED_READ: usize = 10_000;

/// Entries that had drifted which are shown; the report has them all.
pub const DRIFTED_SHOWN: usize = 10;

/// Fields shown of each.
const FIELDS_SHOWN: usize = 5;

/// What is told of an entry whose connection signs in as a service app from now on.
pub const TOKEN_UNUSED: &str =
    "the hub's old API token is unused now, revoke it there (Admin Console, Security, API, Tokens)";

/// The entries a person has to look at.
#[derive(Clone, Debug, Default)]
pub struct Attention {
    /// Why entries failed, of the first [`FAILED_READ`].
    pub failed: Alike,
    /// Why entries are left pending, of the first orgs in which some are.
    pub lacking: Alike,
    /// What was changed but was there before, of the first [`CHANGED_READ`] changed entries.
    pub changes: Alike,
    /// Whether there are more of these.
    pub has_more_changes: bool,
    /// Those among them whose connections do not use the API token any more that they had.
    pub migrated: Alike,
    /// The first ones that had drifted, [`DRIFTED_SHOWN`] at most.
    pub drifted: Vec<EntryReport>,
    /// How many had.
    pub drifted_count: u64,
    /// The first ones whose admin credentials changed and were left, [`DRIFTED_SHOWN`] at most.
    pub unrenewed: Vec<EntryReport>,
    /// How many there are.
    pub unrenewed_count: u64,
}

/// The closing summary of a run.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The run.
    pub overview: &'a Overview,
    /// What needs a person.
    pub attention: &'a Attention,
    /// Part of its rate limit that an org's busiest window used, over 0 to 1, in the order of the
    /// overview's orgs; shown where it is known.
    pub share_used: &'a [Option<f64>],
    /// What the command was about; overview and attention are, too.
    pub selection: &'a Selection,
    /// Notices that did not arrive.
    pub undelivered: &'a [Undelivered],
    /// Unfinished entries that it left alone.
    pub left_out: u64,
    /// The command that runs the file as it is by then, all of it.
    pub run_file: &'a str,
}

impl Summary<'_> {
    /// What it came to, each line ended.
    pub fn totals(&self) -> String {
        let mut text = String::new();
        line(&mut text, &headline(self.overview));
        line(&mut text, &totals(self.overview));
        if let Some(earlier) = earlier(self.overview) {
            line(&mut text, &earlier);
        }
        for wave in &self.overview.waves {
            line(&mut text, &format!("  {}", wave.line()));
        }
        text
    }

    /// The text, each line ended.
    pub fn text(&self) -> String {
        let mut text = self.totals();
        self.orgs(&mut text);
        self.changes(&mut text);
        self.drifted(&mut text);
        self.removed(&mut text);
        self.unrenewed(&mut text);
        self.migrated(&mut text);
        self.stopped(&mut text);
        self.failed(&mut text);
        self.waves(&mut text);
        self.waiting(&mut text);
        self.lacking(&mut text);
        self.pending(&mut text);
        self.carried_over(&mut text);
        self.left_out(&mut text);
        if !self.undelivered.is_empty() {
            line(&mut text, "");
            for told in undelivered(self.undelivered) {
                line(&mut text, &told);
            }
        }
        text
    }

    fn changes(&self, text: &mut String) {
        let changes = &self.attention.changes;
        if changes.is_empty() {
            return;
        }
        line(text, "");
        line(text, "changed:");
        for told in changes.told().take(CHANGES_SHOWN) {
            line(text, &format!("  {}: {}", told.text, told.names));
        }
        let more = changes.told().count().saturating_sub(CHANGES_SHOWN);
        if more > 0 || self.attention.has_more_changes {
            let run = &self.overview.run;
            line(
                text,
                &format!("  and more: okta-rollout report {run} --only changed"),
            );
        }
    }

    fn removed(&self, text: &mut String) {
        let count = self.overview.removed.len() as u64;
        if count > 0 && self.selection.is_all() {
            let run = &self.overview.run;
            let gone = counted(
                count,
                "entry of the last run is no longer in the file; left as it is",
                "entries of the last run are no longer in the file; left as they are",
            );
            line(text, "");
            line(text, &format!("{gone}: okta-rollout report {run}"));
        }
    }

    fn drifted(&self, text: &mut String) {
        if self.attention.drifted.is_empty() {
            return;
        }
        line(text, "");
        for entry in &self.attention.drifted {
            line(text, &format!("{} had drifted:", entry.name()));
            for drift in entry.drift.iter().take(FIELDS_SHOWN) {
                line(text, &format!("  {}", drifted(drift)));
            }
            let more = entry.drift.len().saturating_sub(FIELDS_SHOWN);
            if more > 0 {
                line(text, &format!("  and {more} more fields"));
            }
        }
        let shown = self.attention.drifted.len() as u64;
        let more = self.attention.drifted_count.saturating_sub(shown);
        if more > 0 {
            let run = &self.overview.run;
            line(
                text,
                &format!("and {more} more had drifted: okta-rollout report {run}"),
            );
        }
    }

    fn unrenewed(&self, text: &mut String) {
        let Attention {
            unrenewed,
            unrenewed_count,
            ..
        } = self.attention;
        if unrenewed.is_empty() {
            return;
        }
        line(text, "");
        for entry in unrenewed {
            let fields = entry.needs_reconnect.iter();
            let fields: Vec<_> = fields
                .filter_map(|field| field.rsplit('.').next())
                .collect();
            let (name, fields) = (entry.name(), fields.join(" and "));
            let left = if entry.state == State::Waiting {
                format!("{name} waits with the link of before: {fields} changed")
            } else {
                format!("{name} was left as it is: {fields} changed")
            };
            line(text, &left);
        }
        let more = unrenewed_count.saturating_sub(unrenewed.len() as u64);
        if more > 0 {
            let run = &self.overview.run;
            line(text, &format!("and {more} more: okta-rollout report {run}"));
        }
        let named = unrenewed
            .iter()
            .map(|entry| (entry.org.as_str(), entry.app));
        let only = Selection::covering(named, more > 0).flag();
        let command = format!("{} --reconnect{only}", self.run_file);
        let waits = unrenewed.iter().any(|entry| entry.state == State::Waiting);
        let costs = if waits {
            "takes a fresh link, and the one of before is of no use then"
        } else {
            "costs a consent"
        };
        line(
            text,
            &format!("  setting that {costs}; to do it: {command}"),
        );
    }

    fn migrated(&self, text: &mut String) {
        if self.attention.migrated.is_empty() {
            return;
        }
        line(text, "");
        for told in self.attention.migrated.told() {
            line(text, &format!("{}: {}", told.text, told.names));
        }
    }

    fn carried_over(&self, text: &mut String) {
        let count = self.overview.carried_over;
        if count > 0 {
            let taken = counted(count, "consent was", "consents were");
            line(text, "");
            line(
                text,
                &format!("{taken} taken over by a later run: okta-rollout consent list"),
            );
        }
    }

    fn left_out(&self, text: &mut String) {
        if self.left_out > 0 {
            let left = counted(self.left_out, "entry was", "entries were");
            let run = &self.overview.run;
            line(text, "");
            line(
                text,
                &format!("{left} left out by --only; to do them, too: okta-rollout resume {run}"),
            );
        }
    }

    fn orgs(&self, text: &mut String) {
        let orgs = &self.overview.orgs;
        let mut busiest: Vec<usize> = (0..orgs.len()).collect();
        if orgs.len() > ORG_LINES {
            busiest.sort_by_key(|&at| {
                std::cmp::Reverse((
                    orgs[at].stopped.is_some(),
                    orgs[at].waiting.is_some(),
                    orgs[at].waited_ms,
                    orgs[at].requests,
                ))
            });
        }
        let (shown, rest) = busiest.split_at(orgs.len().min(ORG_LINES));
        let width = shown
            .iter()
            .map(|&at| orgs[at].org.chars().count())
            .max()
            .unwrap_or(0);
        for &at in shown {
            let share = self.share_used.get(at).copied().flatten();
            line(text, &format!("  {}", org_line(&orgs[at], width, share)));
        }
        if !rest.is_empty() {
            let calls: u64 = rest.iter().map(|&at| orgs[at].requests).sum();
            let limited: u64 = rest.iter().map(|&at| orgs[at].rate_limited).sum();
            line(
                text,
                &format!(
                    "  and {} more orgs: {calls} calls, {limited} 429s",
                    rest.len()
                ),
            );
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{}", text::line(line));
}

fn org_line(org: &OrgReport, width: usize, share: Option<f64>) -> String {
    let mut parts = vec![
        counted(org.requests, "call", "calls"),
        counted(org.rate_limited, "429", "429s"),
    ];
    if let Some(share) = share {
        parts.push(format!("{:.0} % of the limit used", share * 100.0));
    }
    if org.retries > 0 {
        parts.push(counted(org.retries, "retry", "retries"));
    }
    parts.push(format!(
        "waited {}",
        short(Duration::from_millis(org.waited_ms))
    ));
    if let Some(wait) = &org.waiting {
        parts.push(format!("waits until {}: {}", wait.until, wait.reason));
    }
    let stopped = if org.stopped.is_some() {
        ", stopped"
    } else {
        ""
    };
    format!("{:width$}  {}{stopped}", org.org, parts.join(", "))
}

/// `0 s`, `1.5 s`, `42 s`, `3 min 5 s`, `2 h 3 min`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() == 0 => "0 s".to_owned(),
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, refused, run, stopped};
    use super::super::{Held, RunFacts, entry, overview};
    use super::*;
    use crate::ledger::{Counts, Drift, EntryRow, OrgRow, OrgStats, OrgWait, Progress, Removed};
    use crate::model::{Changed, EntryState, Step, UnixMillis, Why};

    const RUN: &str = "okta-rollout run samples/rollout.csv";

    fn summary(counts: Counts, orgs: &[OrgRow], attention: &Attention) -> String {
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts,
            orgs,
            removed: &[],
        });
        Summary {
            overview: &overview,
            attention,
            share_used: &[Some(0.9)],
            selection: &Selection::default(),
            undelivered: &[],
            left_out: 0,
            run_file: RUN,
        }
        .text()
    }

    #[test]
    fn a_clean_run_is_three_lines() {
        let counts = Counts {
            changed: 3,
            unchanged: 1,
            ..Counts::default()
        };
        insta::assert_snapshot!(summary(counts, &[acme()], &Attention::default()), @r#"
        run k3f9 of samples/rollout.csv: settled, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        4 entries: 3 changed, 1 unchanged
          acme  120 calls, 1 429, 90 % of the limit used, 2 retries, waited 1 min 1 s
        "#);
    }

    #[test]
    fn what_an_org_waits_for_is_shown_while_a_process_works() {
        let waits = OrgRow {
            wait: Some(OrgWait {
                reason: "budget of /api/v1/apps: 0 of 45 left".to_owned(),
                bucket: Some("/api/v1/apps".to_owned()),
                left: Some(0),
                limit: Some(45),
                others_per_second: None,
                until: UnixMillis(1_767_323_105_000),
            }),
            ..acme()
        };
        let lines = [Held::Yes, Held::No].map(|held| {
            let overview = overview(RunFacts {
                run: &run(),
                held,
                counts: Counts::default(),
                orgs: std::slice::from_ref(&waits),
                removed: &[],
            });
            org_line(&overview.orgs[0], 4, None)
        });
        insta::assert_snapshot!(lines.join("\n"), @r#"
        acme  120 calls, 1 429, 2 retries, waited 1 min 1 s, waits until 2026-01-02T03:05:05Z: budget of /api/v1/apps: 0 of 45 left
        acme  120 calls, 1 429, 2 retries, waited 1 min 1 s
        "#);
    }

    fn alike(rows: &[EntryRow]) -> Alike {
        let mut alike = Alike::default();
        for row in rows {
            alike.add(&entry(row, &acme(), &GOOGLE, Held::No));
        }
        alike
    }

    #[test]
    fn what_many_have_in_common_is_reported_once() {
        let failed = |row: u64, message: &str| {
            let mut entry = google(EntryState::Failed, Progress::default());
            entry.row = row;
            let mut error = refused(Step::SetConnection);
            error.message = message.to_owned();
            error.request_id = Some(format!("r{row}"));
            entry.error = Some(error);
            entry
        };
        let mut rows: Vec<_> = (1..=20).map(|row| failed(row, "Not authorized")).collect();
        rows.insert(5, failed(30, "no such app"));
        let token = Changed::unseen("connection.profile.token", Why::SecretChanged);
        let mut changed = google(
            EntryState::Done,
            Progress {
                changes: vec![token],
                ..Progress::default()
            },
        );
        let mut attention = Attention {
            failed: alike(&rows),
            ..Attention::default()
        };
        for row in 40..45 {
            changed.row = row;
            let entry = entry(&changed, &acme(), &GOOGLE, Held::No);
            attention.changes.add_changes(&entry);
        }
        let halted = |name: &str| OrgRow {
            name: name.to_owned(),
            stopped: Some(stopped()),
            stats: OrgStats::default(),
            ..acme()
        };
        let orgs = ["a", "b", "c", "d", "e"].map(halted);
        let counts = Counts {
            changed: 5,
            deactivated: 1,
            failed: 21,
            pending: 9,
            ..Counts::default()
        };
        insta::assert_snapshot!(summary(counts, &orgs, &attention), @r#"
        run k3f9 of samples/rollout.csv: interrupted, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        35 entries: 4 changed, 1 deactivated, 21 failed, 9 pending
          a  0 calls, 0 429s, 90 % of the limit used, waited 0 s, stopped
          b  0 calls, 0 429s, waited 0 s, stopped
          c  0 calls, 0 429s, waited 0 s, stopped
          d  0 calls, 0 429s, waited 0 s, stopped
          e  0 calls, 0 429s, waited 0 s, stopped

        changed:
          connection.profile.token (secret): changed: acme/google (row 40), acme/google (row 41), acme/google (row 42) and 2 more

        5 orgs were stopped: Okta refused the API token (E0000011, HTTP 401): a, b, c and 2 more
          hint: check env:ACME
          then: okta-rollout resume k3f9

        20 entries failed: set_connection: Not authorized (E0000001, HTTP 400): acme/google (row 1), acme/google (row 2), acme/google (row 3) and 17 more
          hint: check the value behind env:ACME_GOOGLE
        acme/google (row 30) failed: set_connection: no such app (E0000001, HTTP 400, request r30)
          hint: check the value behind env:ACME_GOOGLE
          then: okta-rollout resume k3f9 --failed

        9 not finished; all that was done is kept: okta-rollout resume k3f9
        "#);
    }

    #[test]
    fn what_left_the_file_is_counted() {
        let gone = |label: &str| Removed {
            org: "acme".to_owned(),
            app: "google".to_owned(),
            app_id: None,
            label: Some(label.to_owned()),
        };
        for (removed, line) in [
            (vec![], None),
            (
                vec![gone("a")],
                Some(
                    "1 entry of the last run is no longer in the file; left as it is: okta-rollout report k3f9",
                ),
            ),
            (
                vec![gone("a"), gone("b")],
                Some(
                    "2 entries of the last run are no longer in the file; left as they are: okta-rollout report k3f9",
                ),
            ),
        ] {
            let overview = overview(RunFacts {
                run: &run(),
                held: Held::No,
                counts: Counts::default(),
                orgs: &[],
                removed: &removed,
            });
            let text = Summary {
                overview: &overview,
                attention: &Attention::default(),
                share_used: &[],
                selection: &Selection::default(),
                undelivered: &[],
                left_out: 0,
                run_file: RUN,
            }
            .text();
            assert_eq!(text.lines().find(|line| line.contains("no longer")), line);
        }
    }

    #[test]
    fn credentials_that_were_left_are_named_with_what_setting_them_costs() {
        let left = |state| {
            let mut row = google(state, Progress::default());
            row.progress.left_secrets = ["adminUsername", "adminPassword"]
                .map(|field| format!("connection.profile.settings.{field}"))
                .to_vec();
            entry(&row, &acme(), &GOOGLE, Held::No)
        };
        let told = |states: &[EntryState]| {
            let attention = Attention {
                unrenewed: states.iter().copied().map(left).collect(),
                unrenewed_count: states.len() as u64,
                ..Attention::default()
            };
            let text = summary(Counts::default(), &[acme()], &attention);
            let from = text.find("acme/google").unwrap_or_default();
            text[from..].to_owned()
        };
        insta::assert_snapshot!(told(&[EntryState::Done]), @r#"
        acme/google (row 14) was left as it is: adminUsername and adminPassword changed
          setting that costs a consent; to do it: okta-rollout run samples/rollout.csv --reconnect --only org=acme,app=google
        "#);
        insta::assert_snapshot!(told(&[EntryState::Done, EntryState::Waiting]), @r#"
        acme/google (row 14) was left as it is: adminUsername and adminPassword changed
        acme/google (row 14) waits with the link of before: adminUsername and adminPassword changed
          setting that takes a fresh link, and the one of before is of no use then; to do it: okta-rollout run samples/rollout.csv --reconnect --only org=acme,app=google
        "#);
    }

    #[test]
    fn everything_that_needs_a_person_comes_with_a_command() {
        let mut row = google(EntryState::Failed, Progress::default());
        row.error = Some(refused(Step::SetConnection));
        let attention = Attention {
            failed: alike(&[row]),
            ..Attention::default()
        };
        let counts = Counts {
            changed: 2,
            failed: 12,
            waiting: 1,
            pending: 4,
            held_back: 4,
            ..Counts::default()
        };
        let halted = OrgRow {
            name: "initech-europe".to_owned(),
            stopped: Some(stopped()),
            stats: OrgStats::default(),
            ..acme()
        };
        insta::assert_snapshot!(summary(counts, &[acme(), halted], &attention), @r#"
        run k3f9 of samples/rollout.csv: settled, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        19 entries: 2 changed, 1 waiting for consent, 12 failed, 4 pending
          acme            120 calls, 1 429, 90 % of the limit used, 2 retries, waited 1 min 1 s
          initech-europe  0 calls, 0 429s, waited 0 s, stopped

        initech-europe was stopped: Okta refused the API token (E0000011, HTTP 401, request abc)
          hint: check env:ACME
          then: okta-rollout resume k3f9

        acme/google (row 14) failed: set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
          hint: check the value behind env:ACME_GOOGLE
        and 11 more failed: okta-rollout report k3f9 --only failed
          then: okta-rollout resume k3f9 --failed

        1 entry waits for consent: okta-rollout consent list k3f9
          open each link, then hand in what Okta's page shows: okta-rollout consent complete
          then: okta-rollout resume k3f9
        "#);
    }

    #[test]
    fn an_interrupted_run_says_how_to_continue() {
        let counts = Counts {
            pending: 3,
            started: 1,
            ..Counts::default()
        };
        let text = summary(counts, &[acme()], &Attention::default());
        assert!(
            text.ends_with("4 not finished; all that was done is kept: okta-rollout resume k3f9\n"),
            "{text}"
        );
    }

    #[test]
    fn what_was_left_out_is_no_problem_and_every_command_keeps_to_the_selection() {
        let mut row = google(EntryState::Failed, Progress::default());
        let mut error = refused(Step::SetConnection);
        error.hint = Some("mend it, then: okta-rollout resume k3f9 --failed".to_owned());
        row.error = Some(error);
        let attention = Attention {
            failed: alike(&[row]),
            ..Attention::default()
        };
        let counts = Counts {
            changed: 1,
            failed: 1,
            waiting: 1,
            ..Counts::default()
        };
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts,
            orgs: &[acme()],
            removed: &[],
        });
        let conditions = ["org=a*".parse().unwrap(), "pending".parse().unwrap()];
        let text = Summary {
            overview: &overview,
            attention: &attention,
            share_used: &[],
            selection: &Selection::of(&conditions),
            undelivered: &[],
            left_out: 7,
            run_file: RUN,
        }
        .text();
        insta::assert_snapshot!(text, @r#"
        run k3f9 of samples/rollout.csv: settled, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        3 entries: 1 changed, 1 waiting for consent, 1 failed
          acme  120 calls, 1 429, 2 retries, waited 1 min 1 s

        acme/google (row 14) failed: set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
          hint: mend it, then: okta-rollout resume k3f9 --only 'failed,org=a*'

        1 entry waits for consent: okta-rollout consent list k3f9
          open each link, then hand in what Okta's page shows: okta-rollout consent complete
          then: okta-rollout resume k3f9 --only 'org=a*'

        7 entries were left out by --only; to do them, too: okta-rollout resume k3f9
        "#);
    }

    #[test]
    fn drift_is_named_by_entry_and_field_within_bounds() {
        let drift = |n: usize| Drift {
            field: format!("connection.field{n}"),
            live: (n > 0).then(|| "x".repeat(n * 30).into()),
            wanted: true.into(),
        };
        let progress = Progress {
            drift: (0..7).map(drift).collect(),
            ..Progress::default()
        };
        let row = google(EntryState::Done, progress);
        let attention = Attention {
            drifted: vec![entry(&row, &acme(), &GOOGLE, Held::No)],
            drifted_count: 12,
            ..Attention::default()
        };
        let counts = Counts {
            changed: 12,
            ..Counts::default()
        };
        insta::assert_snapshot!(summary(counts, &[acme()], &attention), @r#"
        run k3f9 of samples/rollout.csv: settled, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        12 entries: 12 changed
          acme  120 calls, 1 429, 90 % of the limit used, 2 retries, waited 1 min 1 s

        acme/google (row 14) had drifted:
          connection.field0 was not set, wanted true
          connection.field1 was "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", wanted true
          connection.field2 was "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, wanted true
          connection.field3 was "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, wanted true
          connection.field4 was "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, wanted true
          and 2 more fields
        and 11 more had drifted: okta-rollout report k3f9
        "#);
    }

    #[test]
    fn what_a_later_run_took_over_leaves_nothing_to_do() {
        let counts = Counts {
            changed: 1,
            carried_over: 2,
            ..Counts::default()
        };
        insta::assert_snapshot!(summary(counts, &[acme()], &Attention::default()), @r#"
        run k3f9 of samples/rollout.csv: settled, begun 2026-01-02T03:04:05Z, ended 2026-01-02T03:05:05.25Z
        3 entries: 1 changed, 2 pending
          acme  120 calls, 1 429, 90 % of the limit used, 2 retries, waited 1 min 1 s

        2 consents were taken over by a later run: okta-rollout consent list
        "#);
    }

    #[test]
    fn ten_thousand_orgs_fit_on_a_screen_and_stopped_ones_come_first() {
        let mut orgs = vec![acme(); 10_000];
        for (at, org) in orgs.iter_mut().enumerate() {
            org.name = format!("org{at}");
            org.stats.waited_ms = at as u64;
        }
        orgs[7].stopped = Some(stopped());
        let text = summary(Counts::default(), &orgs, &Attention::default());
        assert!(text.lines().count() < 40, "{text}");
        assert!(text.lines().nth(2).unwrap().contains("org7 "), "{text}");
        assert!(text.contains("  and 9980 more orgs: 1197600 calls, 9980 429s"));
    }

    #[test]
    fn durations_are_short() {
        for (ms, wanted) in [
            (0, "0 s"),
            (1_540, "1.5 s"),
            (42_900, "42 s"),
            (185_000, "3 min 5 s"),
            (7_380_000, "2 h 3 min"),
        ] {
            assert_eq!(short(Duration::from_millis(ms)), wanted);
        }
    }
}
