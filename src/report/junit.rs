//! The `JUnit` report, for CI servers: a suite per org, a case per entry. What is not done yet is skipped, with the reason.
//! Suites are written one by one, so that a run of any size needs the memory of its largest org.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::findings::Commands;
use super::words::{named, plain};
use super::{EntryReport, Findings, Overview, RunState};
use crate::ledger::{Attempt, FailedStart};
use crate::model::State;

/// Writes the report; entries come org by org.
pub struct JunitReport<'a, W> {
    out: W,
    overview: &'a Overview,
    commands: &'a Commands,
    suite: Option<TestSuite>,
    end: String,
}

impl<'a, W: Write> JunitReport<'a, W> {
    /// Writes what comes before the suites.
    pub fn begin(mut out: W, overview: &'a Overview, findings: &'a Findings) -> io::Result<Self> {
        let totals = findings.totals();
        let name = format!("run {} of {}", overview.run, plain(&overview.file));
        let mut report = Report::new(name);
        let count = |entries: u64| usize::try_from(entries).unwrap_or(usize::MAX);
        let errors = u64::from(overview.error.is_some());
        report.tests = count(totals.entries + errors);
        report.errors = count(errors);
        report.failures = count(totals.failed);
        report.skipped = count(totals.waiting + totals.pending);
        let whole = report.to_string().map_err(io::Error::other)?;
        let (head, end) = around_suites(&whole);
        out.write_all(head.as_bytes())?;
        Ok(Self {
            out,
            overview,
            commands: &findings.commands,
            suite: overview.error.as_ref().map(|why| not_begun(overview, why)),
            end: end.to_owned(),
        })
    }

    /// Writes the next entry.
    pub fn entry(&mut self, entry: &EntryReport, calls: &[Attempt]) -> io::Result<()> {
        let org = plain(&entry.org);
        if self.suite.as_ref().is_none_or(|suite| *suite.name != *org) {
            self.close()?;
            let mut suite = TestSuite::new(&*org);
            let began = &self.overview.started_at;
            suite.extra.insert("timestamp".into(), began.into());
            self.suite = Some(suite);
        }
        let case = case(entry, calls, self.overview.state, self.commands);
        if let Some(suite) = &mut self.suite {
            let time = suite.time.unwrap_or_default() + case.time.unwrap_or_default();
            suite.set_time(time);
            suite.add_test_case(case);
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(suite) = self.suite.take() else {
            return Ok(());
        };
        let mut report = Report::unnamed();
        report.add_test_suite(suite);
        let whole = report.to_string().map_err(io::Error::other)?;
        let (head, end) = around_suites(&whole);
        let suites = &whole[head.len()..whole.len() - end.len()];
        self.out.write_all(suites.as_bytes())
    }

    /// Writes what comes after the suites, and flushes.
    pub fn end(mut self) -> io::Result<()> {
        self.close()?;
        self.out.write_all(self.end.as_bytes())?;
        self.out.flush()
    }
}

/// What a document has before its suites, and what it has after them. No text in it has angle brackets of its own.
fn around_suites(xml: &str) -> (&str, &str) {
    const OPEN: &str = "<testsuites";
    let open = xml.find(OPEN).unwrap_or_default();
    let begin = xml[open..].find('>').map_or(open, |end| open + end + 1);
    let end = xml.rfind("\n</testsuites>").unwrap_or(xml.len());
    (&xml[..begin], &xml[end.max(begin)..])
}

/// A start that failed, as a suite of one case.
fn not_begun(overview: &Overview, why: &FailedStart) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let mut lines = why.message.lines().map(plain);
    status.set_message(lines.next().unwrap_or_default());
    status.set_type("failed start");
    let lines = why.message.lines().map(plain).map(String::from);
    let hint = why
        .hint
        .as_ref()
        .map(|hint| format!("hint: {}", plain(hint)));
    let lines: Vec<_> = lines.chain(hint).collect();
    status.set_description(lines.join("\n"));
    let mut suite = TestSuite::new(plain(&overview.file));
    suite
        .extra
        .insert("timestamp".into(), (&overview.started_at).into());
    suite.add_test_case(TestCase::new("begin", status));
    suite
}

fn case(entry: &EntryReport, calls: &[Attempt], run: RunState, commands: &Commands) -> TestCase {
    let mut case = TestCase::new(named(entry), status(entry, run, commands));
    case.set_classname(format!("{}.{}", plain(&entry.org), entry.app));
    let ms = calls.iter().map(|call| call.duration_ms).sum();
    case.set_time(Duration::from_millis(ms));
    case.add_property(Property::new("row", entry.row.to_string()));
    if let Some(id) = &entry.app_id {
        case.add_property(Property::new("appId", plain(id)));
    }
    case
}

fn status(entry: &EntryReport, run: RunState, commands: &Commands) -> TestCaseStatus {
    // Who would move it on is refused while a process works on its run.
    let moves_on = match run {
        RunState::Running | RunState::Stored => &commands.details,
        RunState::Settled | RunState::Interrupted | RunState::Failed => &commands.resume,
    };
    let skipped = |why: &str, hint: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(plain(why));
        status.set_description(format!("hint: {}", plain(hint)));
        status
    };
    match (entry.state, &entry.error) {
        (State::Done, _) => TestCaseStatus::success(),
        (State::Failed, error) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let Some(error) = error else { return status };
            status.set_message(plain(&error.line()));
            status.set_type(
                error
                    .okta_error_code
                    .as_deref()
                    .map_or("failed".into(), plain),
            );
            let hint = error.hint.as_deref().unwrap_or_default();
            let hint = if hint.is_empty() {
                String::new()
            } else {
                format!("\nhint: {}", plain(hint))
            };
            let name = entry.name();
            status.set_description(format!("{}\n{}{hint}", plain(&name), plain(&error.line())));
            status
        }
        (State::Waiting, _) => skipped("waits for a person's consent", &commands.consents),
        (State::Running, _) => skipped("a process is working on it", &commands.details),
        (State::Pending, Some(error)) => {
            skipped(&error.line(), error.hint.as_deref().unwrap_or(moves_on))
        }
        (State::Pending, None) => skipped("not done yet", moves_on),
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, refused, run, stopped};
    use super::super::findings::tests::{call, findings};
    use super::super::{Held, RunFacts, entry, overview};
    use super::*;
    use crate::ledger::{Counts, EntryRow, OrgRow, Progress};
    use crate::model::{EntryState, Step};

    fn junit(entries: &[(EntryRow, Vec<Attempt>)], orgs: &[OrgRow]) -> String {
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts: Counts::default(),
            orgs,
            removed: &[],
        });
        let findings = findings(entries);
        let mut bytes = Vec::new();
        let mut report = JunitReport::begin(&mut bytes, &overview, &findings).unwrap();
        for (row, made) in entries {
            let org = &orgs[usize::from(row.row >= 100)];
            let entry = entry(row, org, &GOOGLE[..2], Held::No);
            report.entry(&entry, made).unwrap();
        }
        report.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn row(row: u64, state: EntryState) -> EntryRow {
        EntryRow {
            row,
            ..google(state, Progress::default())
        }
    }

    #[test]
    fn each_org_is_a_suite_and_each_entry_a_case() {
        let mut failed = row(2, EntryState::Failed);
        failed.error = Some(refused(Step::SetConnection));
        failed.entry.label =
            Some("]]> <script>alert(1)</script> \"&amp; '\u{1b}[31m\u{7}\u{fffe}".to_owned());
        let globex = OrgRow {
            name: "globex".to_owned(),
            stopped: Some(stopped()),
            ..acme()
        };
        let made = vec![call(1, 200), call(2, 200)];
        let entries = [
            (row(1, EntryState::Done), made.clone()),
            (failed, made),
            (row(3, EntryState::Waiting), vec![]),
            (row(4, EntryState::Pending), vec![]),
            (row(100, EntryState::Pending), vec![]),
        ];
        insta::assert_snapshot!(junit(&entries, &[acme(), globex]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="run k3f9 of samples/rollout.csv" tests="5" skipped="3" failures="1" errors="0">
            <testsuite name="acme" tests="4" skipped="2" errors="0" failures="1" time="6.000" timestamp="2026-01-02T03:04:05Z">
                <testcase name="google &quot;Google Workspace&quot;" classname="acme.google" time="3.000">
                    <properties>
                        <property name="row" value="1"/>
                    </properties>
                </testcase>
                <testcase name="google &quot;]]&gt; &lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;amp; &apos;\u{1b}[31m\u{7}\u{fffe}&quot;" classname="acme.google" time="3.000">
                    <properties>
                        <property name="row" value="2"/>
                    </properties>
                    <failure message="set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)" type="E0000001">acme/google (row 2)
        set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
        hint: check the value behind env:ACME_GOOGLE</failure>
                </testcase>
                <testcase name="google &quot;Google Workspace&quot;" classname="acme.google" time="0.000">
                    <properties>
                        <property name="row" value="3"/>
                    </properties>
                    <skipped message="waits for a person&apos;s consent">hint: okta-rollout consent list</skipped>
                </testcase>
                <testcase name="google &quot;Google Workspace&quot;" classname="acme.google" time="0.000">
                    <properties>
                        <property name="row" value="4"/>
                    </properties>
                    <skipped message="not done yet">hint: okta-rollout resume k3f9</skipped>
                </testcase>
            </testsuite>
            <testsuite name="globex" tests="1" skipped="1" errors="0" failures="0" time="0.000" timestamp="2026-01-02T03:04:05Z">
                <testcase name="google &quot;Google Workspace&quot;" classname="globex.google" time="0.000">
                    <properties>
                        <property name="row" value="100"/>
                    </properties>
                    <skipped message="find_app: org globex was stopped: Okta refused the API token (E0000011, HTTP 401, request abc)">hint: check env:ACME</skipped>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn while_a_process_works_on_it_nobody_is_told_to_move_it_on() {
        let pending = row(4, EntryState::Pending);
        let run = run();
        let facts = |held| RunFacts {
            run: &run,
            held,
            counts: Counts::default(),
            orgs: &[],
            removed: &[],
        };
        for (held, hint) in [
            (Held::Yes, "hint: okta-rollout report k3f9 --format json"),
            (Held::No, "hint: okta-rollout resume k3f9"),
        ] {
            // Somebody has to have begun it, or no run is interrupted.
            let overview = Overview {
                state: if held == Held::Yes {
                    RunState::Running
                } else {
                    RunState::Interrupted
                },
                ..overview(facts(held))
            };
            let findings = findings(&[(pending.clone(), vec![])]);
            let mut bytes = Vec::new();
            let mut report = JunitReport::begin(&mut bytes, &overview, &findings).unwrap();
            report
                .entry(&entry(&pending, &acme(), &GOOGLE[..2], held), &[])
                .unwrap();
            report.end().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(hint), "{held:?}: {text}");
        }
    }

    #[test]
    fn a_start_that_failed_is_an_error() {
        let mut overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts: Counts::default(),
            orgs: &[],
            removed: &[],
        });
        overview.error = Some(FailedStart {
            message: "m.csv: 2 mistakes; nothing was sent\nm.csv:2: row 2, app: unknown app `x<y`"
                .to_owned(),
            hint: Some("mend them, then: okta-rollout check m.csv".to_owned()),
            times: 1,
        });
        let findings = findings(&[]);
        let mut bytes = Vec::new();
        let report = JunitReport::begin(&mut bytes, &overview, &findings).unwrap();
        report.end().unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="run k3f9 of samples/rollout.csv" tests="1" skipped="0" failures="0" errors="1">
            <testsuite name="samples/rollout.csv" tests="1" skipped="0" errors="1" failures="0" timestamp="2026-01-02T03:04:05Z">
                <testcase name="begin">
                    <error message="m.csv: 2 mistakes; nothing was sent" type="failed start">m.csv: 2 mistakes; nothing was sent
        m.csv:2: row 2, app: unknown app `x&lt;y`
        hint: mend them, then: okta-rollout check m.csv</error>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn no_entries_are_a_report_too() {
        insta::assert_snapshot!(junit(&[], &[]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="run k3f9 of samples/rollout.csv" tests="0" skipped="0" failures="0" errors="0">
        </testsuites>
        "#);
    }
}
