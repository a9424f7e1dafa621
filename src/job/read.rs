//! From the text of a job file to a [`Job`], or to all of its mistakes.

use std::io::ErrorKind;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::tree::{Document, Table, Wrong, expected, string, suggestion};
use super::values::{SINGLE_QUOTES, at_least_one, no_controls, number, owned, path_in, pause};
use super::{
    Format, HttpPolicy, Job, LedgerPolicy, LedgerUrl, LedgerUrlError, OnDrift, ReportFile,
    ReportPath, RetryPolicy, Schedule, Written, duration, is_job, notify, schedule, waves,
};
use crate::input;
use crate::manifest::{Limits, Problem, is_variable};

/// A job file is written by hand; one larger than this (bytes) is some other file.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads and checks a job file.
///
/// # Errors
/// Every mistake in it, in the order they stand in the file; or the one reason it cannot be read.
pub fn read(file: &Path) -> Result<Job, Vec<Problem>> {
    let text = load(file).map_err(|wrong| {
        let document = Document::new(file.display().to_string(), "");
        document.report(None, None, wrong);
        document.into_problems()
    })?;
    parse(file, &text)
}

/// Where the ledger of a job is, whatever else is wrong with it.
pub fn ledger_of(file: &Path) -> Option<LedgerUrl> {
    if !is_job(file) {
        return None;
    }
    let bytes = input::read(file, MAX_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // What can be read of it is enough: a mistake elsewhere is no reason to look for the ledger elsewhere.
    let (root, _) = DeTable::parse_recoverable(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let ledger = root.get_ref().get("ledger")?.get_ref();
    let path = ledger.as_table()?.get("path")?.get_ref().as_str()?;
    no_controls(path).ok()?;
    let url: LedgerUrl = path.parse().ok()?;
    Some(url.in_folder(file.parent().unwrap_or(Path::new(""))))
}

/// When a job runs, whatever else is wrong with it: a start that fails at its time is seen, one that never comes is not.
pub fn schedule_of(file: &Path) -> Option<Schedule> {
    let bytes = input::read(file, MAX_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let document = Document::new(file.display().to_string(), text);
    let (root, _) = DeTable::parse_recoverable(text);
    let schedule = Table::root(&document, &root).table("schedule");
    let schedule = schedule.and_then(schedule::read)?;
    // Said of something else it counts as nothing.
    let is_whole = |problem: &Problem| {
        let field = problem.field.as_deref().unwrap_or_default();
        !field.starts_with("schedule")
    };
    document
        .into_problems()
        .iter()
        .all(is_whole)
        .then_some(schedule)
}

fn load(file: &Path) -> Result<String, Wrong> {
    let bytes = input::read(file, MAX_BYTES).map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => Wrong::new("is a folder, not a job file"),
        ErrorKind::FileTooLarge => Wrong::new("is larger than 1 MiB, which no job file is"),
        _ => {
            let wrong = Wrong::new(format!("cannot be read: {error}"));
            match input::hint(&error) {
                Some(hint) => wrong.hint(hint),
                None => wrong,
            }
        }
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Wrong::new(format!("is not UTF-8: the byte at offset {at} is invalid"))
    })
}

/// Checks the text of a job file, which may be somewhere else by now.
///
/// # Errors
/// Every mistake in it, in the order they stand in the text.
pub fn parse(file: &Path, text: &str) -> Result<Job, Vec<Problem>> {
    // Offsets stay right for people: a byte order mark is no column of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = Document::new(file.display().to_string(), text);
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        let wrong = Wrong::new(error.message());
        let wrong = match error.span().filter(|span| is_escape(text, span.start)) {
            Some(_) => wrong.hint(SINGLE_QUOTES),
            None => wrong,
        };
        document.report(error.span(), None, wrong);
    }
    if !syntax_errors.is_empty() {
        // What did parse is not checked further: most of what is missing there is lost, not absent.
        return Err(document.into_problems());
    }
    let job = job(file, Table::root(&document, &root));
    let problems = document.into_problems();
    match job {
        Some(job) if problems.is_empty() => Ok(Job {
            written: Written::of(file.display().to_string(), text, root.get_ref())
                .unwrap_or_default(),
            ..job
        }),
        _ => Err(problems),
    }
}

// Whether a syntax error is one in, or because of, an escape: its line has a backslash in a text in double quotes.
fn is_escape(text: &str, at: usize) -> bool {
    let start = text
        .get(..at)
        .map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1));
    let line = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    line.split_once('"')
        .is_some_and(|(_, rest)| rest.contains('\\'))
}

fn job(file: &Path, mut root: Table<'_, '_>) -> Option<Job> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let path = |value: &DeValue<'_>| path_in(folder, value);
    let manifest = root.require("manifest", path);
    let orgs = root.get("orgs", path);
    let ledger = root
        .table("ledger")
        .map(|table| ledger(table, folder))
        .unwrap_or_default();
    let limits = root.table("limits").map(limits).unwrap_or_default();
    let retry = root.table("retry").map(retry).unwrap_or_default();
    let http = root
        .table("http")
        .map(|table| http(table, folder))
        .unwrap_or_default();
    let on_drift = root.get("onDrift", on_drift).unwrap_or_default();
    let waves = waves::read(root.tables("waves"));
    let schedule = root.table("schedule").and_then(schedule::read);
    let notify = root.table("notify").and_then(notify::read);
    let reports = root
        .tables("reports")
        .into_iter()
        .filter_map(|table| report(table, file, schedule.as_ref()))
        .collect();
    let sandbox = root.get("sandbox", sandbox).unwrap_or_default();
    let pass_env = root.table("secrets").map(pass_env).unwrap_or_default();
    root.finish();
    Some(Job {
        file: file.to_owned(),
        manifest: manifest?,
        orgs,
        ledger,
        limits,
        retry,
        http,
        on_drift,
        waves,
        schedule,
        notify,
        reports,
        sandbox,
        pass_env,
        written: Written::default(),
    })
}

fn ledger(mut table: Table<'_, '_>, folder: &Path) -> LedgerPolicy {
    let ledger = LedgerPolicy {
        url: table.get("path", |value| {
            let text = string(value)?;
            no_controls(&text)?;
            match text.parse::<LedgerUrl>() {
                Ok(url) => Ok(url.in_folder(folder)),
                Err(error @ (LedgerUrlError::Empty | LedgerUrlError::Unsupported(_))) => {
                    Err(Wrong::new(error.to_string())
                        .hint("give a file, as in `path = \"../state/nightly.db\"`"))
                }
                Err(error) => Err(Wrong::new(error.to_string()).hint(error.hint())),
            }
        }),
        keep: table.get("keep", |value| {
            let keep = duration::parse_age(&string(value)?);
            keep.map_err(|error| Wrong::new(error.to_string()))
        }),
    };
    table.finish();
    ledger
}

fn limits(mut table: Table<'_, '_>) -> Limits {
    let limits = Limits {
        share: table.get("share", |value| match number(value)? {
            share if share > 0.0 && share <= 1.0 => Ok(share),
            _ => Err(Wrong::new("must be over 0 and at most 1")),
        }),
        max_rps: table.get("maxRps", |value| match number(value)? {
            rps if rps > 0.0 => Ok(rps),
            _ => Err(Wrong::new("must be over 0")),
        }),
        max_in_flight: table.get("maxInFlight", at_least_one),
    };
    table.finish();
    limits
}

fn retry(mut table: Table<'_, '_>) -> RetryPolicy {
    let defaults = RetryPolicy::default();
    let retry = RetryPolicy {
        max_attempts: table
            .get("maxAttempts", at_least_one)
            .unwrap_or(defaults.max_attempts),
        initial: table.get("initial", pause).unwrap_or(defaults.initial),
        max: table.get("max", pause).unwrap_or(defaults.max),
        max_elapsed: table
            .get("maxElapsed", pause)
            .unwrap_or(defaults.max_elapsed),
        org_patience: table
            .get("orgPatience", pause)
            .unwrap_or(defaults.org_patience),
    };
    if retry.initial > retry.max {
        table.refuse(
            Wrong::new(format!(
                "`initial` ({:?}) is longer than `max` ({:?})",
                retry.initial, retry.max
            ))
            .hint("raise `max` or lower `initial`"),
        );
    }
    table.finish();
    retry
}

fn on_drift(value: &DeValue<'_>) -> Result<OnDrift, Wrong> {
    match string(value)?.as_str() {
        "repair" => Ok(OnDrift::Repair),
        "report" => Ok(OnDrift::Report),
        other => Err(Wrong::new(format!("{other:?} is not a policy"))
            .hint("\"repair\" mends what was changed by hand, \"report\" only tells of it")),
    }
}

fn http(mut table: Table<'_, '_>, folder: &Path) -> HttpPolicy {
    let defaults = HttpPolicy::default();
    let http = HttpPolicy {
        connect_timeout: table
            .get("connectTimeout", pause)
            .unwrap_or(defaults.connect_timeout),
        timeout: table.get("timeout", pause).unwrap_or(defaults.timeout),
        ca_file: table.get("caFile", |value| path_in(folder, value)),
    };
    table.finish();
    http
}

fn pass_env(mut table: Table<'_, '_>) -> Vec<String> {
    let names = table.list("passEnv", ("a list of variables", || Ok(())), variable);
    table.finish();
    names.unwrap_or_default()
}

fn variable(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = string(value)?;
    if is_variable(&name) {
        return Ok(name);
    }
    // What stands there may be a variable's value.
    Err(Wrong::new("is not the name of a variable")
        .hint("letters, digits and _ only, as in [\"VAULT_ADDR\", \"VAULT_TOKEN\"]"))
}

fn report(mut table: Table<'_, '_>, job: &Path, schedule: Option<&Schedule>) -> Option<ReportFile> {
    let format = table.require("format", |value| {
        let name = string(value)?;
        Format::from_name(&name).ok_or_else(|| {
            Wrong::new(format!("unknown report format `{name}`"))
                .hint(suggestion(&name, &Format::ALL.map(Format::name)))
        })
    });
    let path = table.require("path", |value| {
        let path = string(value)?;
        no_controls(&path)?;
        let path = ReportPath::parse(&path, job)?;
        Ok(path.in_timezone(schedule.and_then(|schedule| schedule.timezone.clone())))
    });
    let place = table.place_of("path");
    table.finish();
    Some(ReportFile {
        format: format?,
        path: path?,
        place: place?,
    })
}

fn sandbox(value: &DeValue<'_>) -> Result<toml::Table, Wrong> {
    if !value.is_table() {
        return Err(expected("a table", value).hint("write it as `[sandbox]`"));
    }
    owned(value).map_err(|error| Wrong::new(error.message()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::super::{NoticeFormat, NoticeKind};
    use super::*;
    use crate::job::{HaltWhenFailed, Overlap, Wave};

    #[test]
    fn a_ledger_is_found_whatever_else_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        let found = |text: &[u8]| {
            std::fs::write(&file, text).unwrap();
            ledger_of(&file).and_then(|url| url.path().map(Path::to_owned))
        };
        let wanted = Some(folder.path().join("n.db"));
        for text in [
            &b"[ledger]\npath = 'n.db'\n"[..],
            b"manifest = 7\nledger.path = 'n.db'\n",
            b"\xef\xbb\xbfledger = { path = 'n.db' }\n",
            // No TOML.
            b"manifest = 'm.csv\n[ledger]\npath = 'n.db'\n",
            b"manifest = m.csv\n[ledger]\npath = 'n.db'\n",
            b"manifest = \"a\\q\"\n[ledger]\npath = 'n.db'\n",
            b"[ledger]\npath = 'n.db'\n[schedule\ncron = '0 2 * * *'\n",
            b"[ledger]\npath = 'n.db'\nkeep = \n[limits]\nshare = 0.5\nshare = 0.6\n",
            b"[ledger]\npath = 'n.db'\n[[waves]]\norgs = ['a'\nname = 'b'\n",
            b"manifest = 'm.csv'\nmanifest = 'n.csv'\n[ledger]\npath = 'n.db'\n",
            // No UTF-8.
            b"manifest = '\xff.csv'\n[ledger]\npath = 'n.db'\n",
        ] {
            assert_eq!(found(text), wanted, "{}", String::from_utf8_lossy(text));
        }
        for text in [
            &b""[..],
            b"manifest = 'm.csv'\n",
            b"[ledger]\npath = 7\n",
            b"ledger = 'n.db'\n",
            b"[ledger]\npath = ''\n",
            b"[ledger]\npath = 'n\xff.db'\n",
        ] {
            let found = found(text);
            // Bytes that are no text name no file that anybody made.
            let exists = found.as_deref().is_some_and(Path::exists);
            assert!(!exists, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(ledger_of(&folder.path().join("gone.toml")), None);
    }

    #[test]
    fn a_schedule_is_found_whatever_else_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        for (text, wanted) in [
            ("[schedule]\ncron = '0 2 * * *'\n", Some("0 2 * * *")),
            (
                "manifest = 7\nx = \n[schedule]\ncron = '0 2 * * *'\n",
                Some("0 2 * * *"),
            ),
            ("[schedule]\ncron = '0 25 * * *'\n", None),
            (
                "[schedule]\ncron = '0 2 * * *'\ntimezone = 'Nowhere'\n",
                None,
            ),
            ("[schedule]\ncron = '0 2 * * *'\noverlap = 'both'\n", None),
            ("manifest = 'm.csv'\n", None),
            ("", None),
        ] {
            std::fs::write(&file, text).unwrap();
            let found = schedule_of(&file).map(|schedule| schedule.cron);
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
        assert_eq!(schedule_of(&folder.path().join("gone.toml")), None);
    }

    fn problems(text: &str) -> String {
        match parse(Path::new("jobs/x.toml"), text) {
            Ok(_) => String::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| match &problem.hint {
                    Some(hint) => format!("{problem}\n  hint: {hint}\n"),
                    None => format!("{problem}\n"),
                })
                .collect(),
        }
    }

    const EVERY_KEY: &str = r#"
            manifest = "../samples/rollout.csv"
            orgs = "../samples/orgs.csv"
            [ledger]
            path = "../state/nightly.db"
            keep = "90d"
            [limits]
            share = 0.5
            maxRps = 10
            maxInFlight = 20
            [retry]
            maxAttempts = 3
            initial = "500ms"
            max = "10s"
            maxElapsed = "2h"
            orgPatience = "45m"
            [http]
            connectTimeout = "5s"
            timeout = "30s"
            caFile = "corp-ca.pem"
            [[waves]]
            name = "canaries"
            orgs = ["canary-*"]
            haltWhenFailed = "2%"
            soak = "1d 30m"
            [[waves]]
            orgs = ["*"]
            haltWhenFailed = 5
            approve = true
            [schedule]
            cron = "0 2 * * 1-5"
            timezone = "America/New_York"
            overlap = "queue"
            catchUp = true
            jitter = "5m"
            [notify]
            webhook = "env:ROLLOUT_WEBHOOK"
            [[reports]]
            format = "csv"
            path = "reports/{job}-{date}-{run}.csv"
            [secrets]
            passEnv = ["VAULT_ADDR", "VAULT_TOKEN"]
            [sandbox]
            consent = "auto"
            faults = [ { kind = "reset", every = 7 } ]
        "#;

    #[test]
    fn every_policy_key_of_the_contract_is_read() {
        let job = parse(Path::new("jobs/nightly.toml"), EVERY_KEY).unwrap();
        assert_eq!(job.manifest, Path::new("jobs/../samples/rollout.csv"));
        assert_eq!(
            job.orgs.as_deref(),
            Some(Path::new("jobs/../samples/orgs.csv"))
        );
        assert_eq!(
            job.limits,
            Limits {
                share: Some(0.5),
                max_rps: Some(10.0),
                max_in_flight: Some(20)
            }
        );
        assert_eq!(
            job.retry,
            RetryPolicy {
                max_attempts: 3,
                initial: Duration::from_millis(500),
                max: Duration::from_secs(10),
                max_elapsed: Duration::from_hours(2),
                org_patience: Duration::from_mins(45),
            }
        );
        assert_eq!(
            job.http,
            HttpPolicy {
                connect_timeout: Duration::from_secs(5),
                timeout: Duration::from_secs(30),
                ca_file: Some(PathBuf::from("jobs/corp-ca.pem")),
            }
        );
    }

    #[test]
    fn every_other_key_of_the_contract_is_read() {
        let job = parse(Path::new("jobs/nightly.toml"), EVERY_KEY).unwrap();
        assert_eq!(
            job.ledger,
            LedgerPolicy {
                url: Some(LedgerUrl::file("jobs/../state/nightly.db")),
                keep: Some(Duration::from_hours(90 * 24)),
            }
        );
        let wave = |name: &str, orgs: &str| Wave {
            name: name.to_owned(),
            orgs: vec![orgs.to_owned()],
            ..Wave::default()
        };
        let wanted = [
            Wave {
                halt_when_failed: Some(HaltWhenFailed::Percent(2.0)),
                soak: Duration::from_mins(24 * 60 + 30),
                places: vec![(23, 21)],
                ..wave("canaries", "canary-*")
            },
            Wave {
                halt_when_failed: Some(HaltWhenFailed::Entries(5)),
                approve: true,
                places: vec![(27, 21)],
                ..wave("wave 2", "*")
            },
        ];
        assert_eq!(job.waves, wanted);
        assert_eq!(
            job.schedule,
            Some(Schedule {
                cron: "0 2 * * 1-5".to_owned(),
                timezone: Some("America/New_York".to_owned()),
                overlap: Overlap::Queue,
                catch_up: true,
                jitter: Duration::from_mins(5),
            })
        );
        assert_eq!(
            job.notify
                .as_ref()
                .map(|notify| notify.webhook.reference.as_str()),
            Some("env:ROLLOUT_WEBHOOK")
        );
        let [
            ReportFile {
                format: Format::Csv,
                path,
                ..
            },
        ] = &job.reports[..]
        else {
            panic!("{:?}", job.reports)
        };
        // Midnight in UTC is the day before in the time zone of the schedule.
        let path = path.of_run("k3f9", 1_767_225_600_000);
        let wanted = "jobs/reports/nightly-2025-12-31-k3f9.csv";
        assert_eq!(path, Path::new(wanted));
        assert_eq!(job.pass_env, ["VAULT_ADDR", "VAULT_TOKEN"]);
        assert_eq!(job.sandbox["consent"].as_str(), Some("auto"));
        assert_eq!(job.sandbox["faults"][0]["every"].as_integer(), Some(7));
    }

    #[test]
    fn absent_sections_mean_the_documented_defaults() {
        let job = parse(Path::new("job.toml"), "manifest = 'm.csv'").unwrap();
        assert_eq!(job.manifest, Path::new("m.csv"));
        assert_eq!(job.retry, RetryPolicy::default());
        assert_eq!(job.retry.max_attempts, 8);
        assert_eq!(job.http, HttpPolicy::default());
        assert_eq!(job.limits, Limits::default());
        assert_eq!(job.ledger, LedgerPolicy::default());
        assert!(job.waves.is_empty() && job.reports.is_empty() && job.sandbox.is_empty());
    }

    #[test]
    fn a_ledger_that_is_none_is_a_mistake_where_it_stands() {
        for (text, wanted) in [
            ("path = ''", "3:8: ledger.path: is empty"),
            (
                "path = \"x\\beta.db\"",
                "3:8: ledger.path: contains the control character U+0008",
            ),
            (
                "path = 'postgres://u:hunter2@db/x'",
                "3:8: ledger.path: the ledger's address has a password in clear, which others on this machine can read",
            ),
            (
                "keep = '90'",
                "3:8: ledger.keep: `90` is not an age: write a number and a unit, as in `90d` or `12h`",
            ),
            ("keep = 90", "3:8: ledger.keep: expected a text in quotes"),
            ("file = 'x.db'", "3:1: ledger.file: unknown key"),
        ] {
            let problems = problems(&format!("manifest = 'm.csv'\n[ledger]\n{text}\n"));
            let wanted = format!("jobs/x.toml:{wanted}");
            assert!(problems.starts_with(&wanted), "{problems}, wanted {wanted}");
            assert!(!problems.contains("hunter2"), "{problems}");
        }
    }

    #[test]
    fn all_mistakes_come_at_once_with_their_places() {
        let text = r#"manifst = "a.csv"
orgs = 7
[limits]
share = 1.5
maxRps = 0
maxInFlight = -1
maxInflight = 2
[retry]
initial = "2m"
max = "1"
[http]
timeout = "0s"
[[waves]]
orgs = []
haltWhenFailed = "two"
[schedule]
cron = "0 2 * *"
timezone = "America/NewYork"
[notify]
webhook = "https://hooks.example.com/s3cr3t"
[[reports]]
format = "jsn"
[[reports]]
format = "csv"
path = "out/{jobs}.html"
[sandbox]
"#;
        insta::assert_snapshot!(problems(text), @r#"
        jobs/x.toml:1:1: manifest: this key is required
        jobs/x.toml:1:1: manifst: unknown key
          hint: did you mean `manifest`?
        jobs/x.toml:2:8: orgs: expected a text in quotes, found an integer
        jobs/x.toml:4:9: limits.share: must be over 0 and at most 1
        jobs/x.toml:5:10: limits.maxRps: must be over 0
        jobs/x.toml:6:15: limits.maxInFlight: must be a whole number from 1 to 4294967295
        jobs/x.toml:7:1: limits.maxInflight: unknown key
          hint: did you mean `maxInFlight`?
        jobs/x.toml:8:1: retry: `initial` (120s) is longer than `max` (60s)
          hint: raise `max` or lower `initial`
        jobs/x.toml:10:7: retry.max: `1` is not a duration: write a number and a unit, as in `500ms`, `10s`, `30m` or `2h`
        jobs/x.toml:12:11: http.timeout: must be longer than nothing
        jobs/x.toml:14:8: waves[0].orgs: names no org
          hint: `["*"]` means every org
        jobs/x.toml:15:18: waves[0].haltWhenFailed: `two` is not a percentage from `0%` to `100%`
        jobs/x.toml:17:8: schedule.cron: a cron expression has 5 fields, this one has 4
          hint: minute hour day-of-month month day-of-week, as in 0 2 * * *
        jobs/x.toml:18:12: schedule.timezone: `America/NewYork` is not an IANA time zone
          hint: did you mean America/New_York?
        jobs/x.toml:20:11: notify.webhook: a secret is given as env:NAME, file:PATH or exec:PROGRAM, never as a value
          hint: put the URL into a variable: `env:ROLLOUT_WEBHOOK`
        jobs/x.toml:21:1: reports[0].path: this key is required
        jobs/x.toml:22:10: reports[0].format: unknown report format `jsn`
          hint: did you mean `json`?
        jobs/x.toml:25:8: reports[1].path: unknown placeholder `{jobs}`
          hint: did you mean `job`?
        "#);
    }

    #[test]
    fn who_is_notified_of_what_and_how() {
        let notify = |keys: &str| {
            let text = format!("manifest='m'\n[notify]\nwebhook='env:W'\n{keys}");
            parse(Path::new("jobs/x.toml"), &text).map(|job| job.notify.unwrap())
        };
        let plain = notify("").unwrap();
        assert_eq!((plain.format, plain.secret), (NoticeFormat::Json, None));
        assert_eq!(plain.on, NoticeKind::ALL);
        assert_eq!(
            (plain.webhook.field, plain.webhook.place),
            ("notify.webhook", (3, 9))
        );
        let all = "secret='file:key'\nformat='slack'\non=['wave.halted', 'org.stopped']";
        let all = notify(all).unwrap();
        assert_eq!(all.format, NoticeFormat::Slack);
        assert_eq!(all.secret.unwrap().reference.as_str(), "file:key");
        assert_eq!(all.on, [NoticeKind::WaveHalted, NoticeKind::OrgStopped]);
        for (keys, wanted) in [
            (
                "format='Slack'",
                "4:8: notify.format: unknown format of notices `Slack`\n  hint: did you mean `slack`?",
            ),
            (
                "on=['run.finish']",
                "4:5: notify.on: unknown kind of notice `run.finish`\n  hint: did you mean `run.finished`?",
            ),
            (
                "on=['x']",
                "4:5: notify.on: unknown kind of notice `x`\n  hint: known here: run.finished, run.interrupted, \
                 consent.needed, org.stopped, wave.halted, wave.awaitingApproval",
            ),
            (
                "on=[]",
                "4:4: notify.on: names no kind of notice\n  hint: leave `on` out to be notified of every kind, \
                 or `[notify]` of none",
            ),
            (
                "on='run.finished'",
                "4:4: notify.on: expected a list of kinds of notices, found a string",
            ),
            (
                "secret='whsec_s3cr3t'",
                "4:8: notify.secret: a secret is given as env:NAME, file:PATH or exec:PROGRAM, never as a value\n  \
                 hint: put it into a variable: `env:ROLLOUT_WEBHOOK_SECRET`",
            ),
            ("url='x'", "4:1: notify.url: unknown key"),
        ] {
            let text = format!("manifest='m'\n[notify]\nwebhook='env:W'\n{keys}");
            let shown = problems(&text);
            let wanted = format!("jobs/x.toml:{wanted}");
            assert!(shown.starts_with(&wanted), "{shown}, wanted {wanted}");
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        let missing = problems("manifest='m'\n[notify]\nformat='json'");
        assert!(
            missing.starts_with("jobs/x.toml:2:1: notify.webhook: this key is required"),
            "{missing}"
        );
    }

    #[test]
    fn mistakes_of_waves_have_their_places() {
        let text = r#"manifest = "m.csv"
[[waves]]
orgs = ["a", 3, ""]
soak = "soon"
approve = "yes"
[[waves]]
name = "wave 1"
orgs = ["*"]
haltWhenFailed = -1
[[waves]]
name = "b\u0007"
orgs = "b"
haltWhenFailed = 2.5
[[waves]]
orgs = ["c"]
haltWhenFailed = "101%"
halt = 3
[[waves]]
name = "wave 4"
orgs = ["d"]
"#;
        insta::assert_snapshot!(problems(text), @r#"
        jobs/x.toml:3:14: waves[0].orgs: expected a text in quotes, found an integer
        jobs/x.toml:3:17: waves[0].orgs: is empty
        jobs/x.toml:4:8: waves[0].soak: `soon` is not a duration: write a number and a unit, as in `500ms`, `10s`, `30m` or `2h`
        jobs/x.toml:5:11: waves[0].approve: expected `true` or `false`, found a string
        jobs/x.toml:7:8: waves[1].name: another wave is called "wave 1", too
          hint: give each wave a name of its own
        jobs/x.toml:9:18: waves[1].haltWhenFailed: must be a whole number from 0 to 4294967295
        jobs/x.toml:11:8: waves[2].name: contains the control character U+0007
          hint: a backslash in double quotes begins an escape: write a path with backslashes in single quotes, as in 'C:\jobs\m.csv'
        jobs/x.toml:12:8: waves[2].orgs: expected a list of org names, found a string
        jobs/x.toml:13:18: waves[2].haltWhenFailed: expected a percentage in quotes or a number of entries, found a float
          hint: as in haltWhenFailed = "2%", or haltWhenFailed = 5
        jobs/x.toml:15:8: waves[3].orgs: no org is left: wave "wave 1" takes all
          hint: an org belongs to the first wave that names it: move this one up
        jobs/x.toml:16:18: waves[3].haltWhenFailed: `101%` is not a percentage from `0%` to `100%`
        jobs/x.toml:17:1: waves[3].halt: unknown key
          hint: did you mean `haltWhenFailed`?
        jobs/x.toml:19:8: waves[4].name: another wave is called "wave 4", too
          hint: give each wave a name of its own
        jobs/x.toml:20:8: waves[4].orgs: no org is left: wave "wave 1" takes all
          hint: an org belongs to the first wave that names it: move this one up
        "#);
    }

    #[test]
    fn the_last_waves_name_is_no_other_ones() {
        let told = problems("manifest='m'\n[[waves]]\norgs=['a']\nname='rest'\n");
        let wanted = "jobs/x.toml:4:6: waves[0].name: \"rest\" is the last wave, that of orgs which no wave names\n  \
                      hint: give this wave another name\n";
        assert_eq!(told, wanted);
        // It is what that would be.
        let all = "manifest='m'\n[[waves]]\norgs=['a']\n[[waves]]\norgs=['*']\nname='rest'\n";
        assert_eq!(problems(all), "");
    }

    #[test]
    fn a_webhook_that_is_no_reference_is_not_shown() {
        let shown = problems("manifest='m'\n[notify]\nwebhook='https://hooks.example.com/s3cr3t'");
        assert!(shown.contains("notify.webhook"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn variables_to_pass_are_named() {
        for (list, wanted) in [
            ("'A'", "secrets.passEnv: expected a list of variables"),
            (
                "['A=s3cr3t']",
                "secrets.passEnv: is not the name of a variable",
            ),
            ("[1]", "secrets.passEnv: expected a text in quotes"),
            ("['']", "secrets.passEnv: is empty"),
        ] {
            let shown = problems(&format!("manifest='m'\n[secrets]\npassEnv={list}"));
            assert!(
                shown.contains(wanted) && !shown.contains("s3cr3t"),
                "{shown}"
            );
        }
    }

    #[test]
    fn syntax_errors_and_wrong_shapes_have_places() {
        for (text, wanted) in [
            ("manifest = ", "jobs/x.toml:1:"),
            ("manifest = 'm'\nmanifest = 'n'", "jobs/x.toml:2:1"),
            (
                "manifest = 'm'\nwaves = 3",
                "jobs/x.toml:2:9: waves: expected a list of tables",
            ),
            (
                "manifest = 'm'\nlimits = [1]",
                "jobs/x.toml:2:10: limits: expected a table",
            ),
            (
                "manifest = 'm'\nsandbox = 1",
                "jobs/x.toml:2:11: sandbox: expected a table",
            ),
            ("manifest = ''", "jobs/x.toml:1:12: manifest: is empty"),
            (
                "\u{feff}manifest = 1",
                "jobs/x.toml:1:12: manifest: expected a text",
            ),
            ("'ü' = 1\nmanifest='m'", "jobs/x.toml:1:1: ü: unknown key"),
            (
                "manifest='m'\n[schedule]\ncron='61 2 * * *'",
                "jobs/x.toml:3:6: schedule.cron: ",
            ),
            (
                "manifest='m'\n[limits]\nshare=nan",
                "jobs/x.toml:3:7: limits.share",
            ),
        ] {
            let shown = problems(text);
            assert!(shown.starts_with(wanted), "{text:?} gave {shown:?}");
        }
    }

    #[test]
    fn paths_with_backslashes_are_reported_with_how_to_write_them() {
        for text in [
            "manifest = \"..\\samples\\rollout.csv\"",
            "manifest = \"C:\\Users\\me\\m.csv\"",
            "manifest = \"C:\\temp\\new.csv\"",
            "manifest = \"C:\\bin\\m.csv\"",
            "manifest = 'm.csv'\norgs = \"C:\\jobs\\\"\n",
            "manifest = 'm.csv'\n[http]\ncaFile = \"C:\\ca.pem\"",
            "manifest = 'm.csv'\n[[reports]]\nformat = 'json'\npath = \"out\\report.json\"",
        ] {
            let shown = problems(text);
            assert!(
                shown.contains("write a path with backslashes in single quotes"),
                "{text}: {shown}"
            );
        }
        for text in [
            "manifest = 'C:\\temp\\m.csv'",
            "manifest = \"C:\\\\temp\\\\m.csv\"",
        ] {
            assert_eq!(problems(text), "", "{text}");
        }
        let other = problems("manifest = \"m.csv\n");
        assert!(!other.is_empty() && !other.contains("backslash"), "{other}");
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.toml");
        std::fs::write(&broken, b"manifest = '\xff'").unwrap();
        for (file, wanted) in [
            (folder.path().to_owned(), "is a folder"),
            (folder.path().join("none.toml"), "cannot be read"),
            (broken, "is not UTF-8: the byte at offset 12"),
        ] {
            let problems = read(&file).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert!(
                problems[0].message.starts_with(wanted),
                "{}",
                problems[0].message
            );
        }
    }
}
