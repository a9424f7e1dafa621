//! `--log-file`: a line for each thing that happens, for people and for programs, without what is secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::consent::url_in;
use crate::outputs::{OVER, with_other_names};
use crate::support::{Scenario, google, user, zscaler};

/// A call that is answered with an error although it was carried out, one that is refused with a 429, a token that
/// Okta does not take, and a consent.
fn eventful() -> Scenario {
    let faults = "limit = 0\n\
        [[faults.rules]]\nfault = 'appliedError'\nmethod = 'POST'\npath = '*/0oa1/*'\n\
        [[faults.rules]]\nfault = 'concurrency'\nmethod = 'PUT'\npath = '*/0oa2/*'\n";
    let story = Scenario::with(
        faults,
        [
            zscaler("0oa1"),
            zscaler("0oa2").feature(user()),
            zscaler("0oa3").token("file:secrets/refused"),
            google("0oa4").at("globex"),
        ],
    );
    story.write("secrets/refused", "bad-tell-tale-refused-token");
    story
}

fn log(story: &Scenario) -> String {
    fs::read_to_string(story.path("log")).unwrap()
}

fn objects(log: &str) -> Vec<Value> {
    let lines = log.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The only one with these members.
#[track_caller]
fn one<'a>(lines: &'a [Value], members: &[(&str, Value)]) -> &'a Value {
    let has = |line: &&Value| members.iter().all(|(name, value)| line[name] == *value);
    let found: Vec<_> = lines.iter().filter(has).collect();
    assert_eq!(found.len(), 1, "{members:?} in {lines:#?}");
    found[0]
}

fn is_known(line: &Value, names: &[&str]) {
    for name in names {
        let is_text = line[*name].as_str().is_some_and(|text| !text.is_empty());
        assert!(is_text, "{name} in {line}");
    }
}

#[test]
fn what_happens_to_a_run_is_logged_line_by_line_for_programs() {
    let story = eventful();
    let flags = ["--log-file", "log", "--log-format", "json"];
    let run = [&["run", "job.toml"][..], &flags].concat();
    story.okta_rollout(&run).exits(3);
    let report = story.report();
    let lines = objects(&log(&story));
    for (line, seq) in lines.iter().zip(1..) {
        assert_eq!(line["seq"], seq);
        assert_eq!(line["run"], report["run"], "{line}");
        let time = line["time"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        assert_eq!(time.len(), "2026-11-29T05:00:00.000Z".len());
    }
    assert_eq!(lines[0]["event"], "run_started");
    assert_eq!(lines[0]["entries"], 4);
    assert_eq!(lines[lines.len() - 1]["event"], "run_ended");
    let retrying = one(&lines, &[("event", "step_retrying".into())]);
    assert_eq!(
        (&retrying["entry"], &retrying["row"]),
        (&0.into(), &1.into())
    );
    assert_eq!(retrying["httpStatus"], 500);
    is_known(
        retrying,
        &["nextAt", "requestId", "oktaErrorCode", "message"],
    );
    let limited = one(&lines, &[("event", "org_rate_limited".into())]);
    assert_eq!(
        (&limited["org"], &limited["httpStatus"]),
        (&"acme".into(), &429.into())
    );
    is_known(limited, &["call", "requestId"]);
    let failed = one(&lines, &[("event", "entry_failed".into())]);
    assert_eq!(
        (&failed["entry"], &failed["app"]),
        (&2.into(), &"zscalerbyz".into())
    );
    is_known(failed, &["requestId", "oktaErrorCode", "message", "hint"]);
    let waiting = one(&lines, &[("event", "entry_waiting".into())]);
    assert_eq!(
        (&waiting["org"], &waiting["app"]),
        (&"globex".into(), &"google".into())
    );
    // Each step that ended has the id that the report has.
    for (entry, no) in report["entries"].as_array().unwrap().iter().zip(0..) {
        for step in entry["steps"].as_array().unwrap() {
            if step["state"] != "done" || step["requestId"].is_null() {
                continue;
            }
            if entry["state"] == "waiting" {
                assert_eq!(waiting["requestId"], step["requestId"]);
                continue;
            }
            let done = one(
                &lines,
                &[
                    ("event", "step_done".into()),
                    ("entry", no.into()),
                    ("step", step["step"].clone()),
                ],
            );
            assert_eq!(done["requestId"], step["requestId"]);
            assert_eq!(done["httpStatus"], step["httpStatus"]);
        }
    }
    let mode = fs::metadata(story.path("log")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn commands_append_to_a_log_and_no_link_or_state_gets_into_it() {
    for format in ["text", "json"] {
        let story = eventful();
        let flags = ["-q", "--log-file", "logs/log", "--log-format", format];
        let with =
            |command: &'static str| -> Vec<&str> { command.split(' ').chain(flags).collect() };
        story.okta_rollout(&with("run job.toml")).exits(3);
        let log = || fs::read_to_string(story.path("logs/log")).unwrap();
        let run = log();
        let mut links = vec![story.link()];
        let refresh = story.okta_rollout(&with("consent refresh")).exits(0);
        links.push(refresh.data());
        let page = story.approve(&story.link());
        story
            .fed(&with("consent complete"), &url_in(&page))
            .exits(0);
        for (command, code) in [
            ("resume --failed", 3),
            ("plan job.toml", 0),
            ("export --orgs m.json --org acme", 0),
        ] {
            story.okta_rollout(&with(command)).exits(code);
        }
        let all = log();
        assert!(all.starts_with(&run) && all.len() > run.len());
        for event in [
            "run_started",
            "step_started",
            "step_retrying",
            "org_rate_limited",
            "step_done",
            "entry_done",
            "entry_failed",
            "entry_waiting",
            "run_looked",
            "run_ended",
        ] {
            assert!(all.contains(event), "{event} is missing in:\n{all}");
        }
        let consents = all.lines().filter(|line| line.contains("complete_consent"));
        let id = story.report()["run"].as_str().unwrap().to_owned();
        assert!(consents.clone().count() >= 2, "{all}");
        assert!(consents.clone().all(|line| line.contains(&id)), "{all}");
        for link in &links {
            let state = link.split("state=").nth(1).unwrap();
            let state = state.split(['&', '\n']).next().unwrap();
            assert!(state.len() > 8 && !all.contains(state), "{all}");
        }
        assert!(
            !all.contains("authorize?") && !all.contains("state="),
            "{all}"
        );
        // Every line is one, whatever is in it.
        for line in all.lines() {
            assert!(line.contains("seq"), "{line}");
        }
    }
}

#[test]
fn a_log_is_never_written_over_or_into_what_a_command_reads_or_keeps() {
    let story = with_other_names();
    let others = [
        ("secrets/app-token", "it is the secret"),
        ("sub", "it is a folder"),
        ("m.json/log", "m.json is no folder"),
    ];
    let files = || {
        let read = |name: &str| fs::read(story.path(name)).ok();
        let names = OVER.iter().chain(&others).map(|(name, _)| *name);
        names.map(read).collect::<Vec<_>>()
    };
    let before = files();
    for (path, wanted) in OVER.into_iter().chain(others) {
        for command in ["run", "plan"] {
            story
                .okta_rollout(&[command, "job.toml", "--log-file", path])
                .exits(2)
                .says(&format!("{path} cannot be written: {wanted}"))
                .says("nothing was sent")
                .says("hint: give another one: --log-file FILE");
        }
    }
    assert_eq!(files(), before);
    assert!(story.calls("acme").is_empty(), "nothing was sent");
    story.run().exits(0);
    story.calls("acme");
    for command in [&["resume"][..], &["consent", "complete", "x"]] {
        for path in ["m.json", "job.toml", ".okta-rollout/ledger.db-wal"] {
            let with = [command, &["--log-file", path]].concat();
            story
                .okta_rollout(&with)
                .exits(2)
                .says("cannot be written: it ");
        }
    }
    let export = ["export", "--orgs", "m.json", "--org", "acme", "--log-file"];
    let over = story.okta_rollout(&[&export[..], &["m.json"]].concat());
    over.exits(2).says("m.json cannot be written: it is ");
    assert!(story.calls("acme").is_empty(), "nothing was sent");
}

#[test]
fn no_other_output_is_written_over_the_log() {
    let story = Scenario::of([zscaler("0oa1")]);
    let log = ["--log-file", "log"];
    let plan = [&["plan", "job.toml", "--out", "./log"][..], &log].concat();
    let export = "export --orgs m.json --org acme --format json -o log";
    let export: Vec<_> = export.split(' ').chain(log).collect();
    for command in [plan, export] {
        let refused = story.okta_rollout(&command).exits(2);
        refused.says("cannot be written: it is the log log");
    }
    story.job("[[reports]]\nformat = 'json'\npath = 'log'\n");
    let run = [&["run", "job.toml"][..], &log].concat();
    story
        .okta_rollout(&run)
        .exits(2)
        .says("no report can be written there: it is the log log");
    let stdout = story.shell("okta-rollout plan job.toml --log-file /dev/stdout");
    stdout.exits(2).says("it is standard output");
    assert!(story.calls("acme").is_empty(), "nothing was sent");
}

#[test]
fn a_log_that_cannot_be_written_is_said_once_and_stops_nothing() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").feature(user())]);
    let said = "error: the log /dev/full cannot be written: No space left on device: the disk is full; the command \
                continues without it";
    let ran = story.okta_rollout(&["run", "job.toml", "--log-file", "/dev/full"]);
    let ran = ran.exits(0);
    assert_eq!(ran.said().matches(said).count(), 1, "{}", ran.said());
    assert!(!story.calls("acme").is_empty());
    // The limit of a file's size ends only the log.
    let limits = "ulimit -f 400; head -c 409600 /dev/zero > log";
    let ran = story.limited(limits, &["run", "job.toml", "--new", "--log-file", "log"]);
    let ran = ran.exits(0);
    assert_eq!(
        ran.said().matches("the log log cannot be written").count(),
        1,
        "{}",
        ran.said()
    );
}

#[test]
fn a_format_of_no_log_is_refused() {
    let story = Scenario::of([zscaler("0oa1")]);
    let formats = ["--log-format", "json"];
    for command in [
        [&formats[..], &["run", "job.toml"]],
        [&["run", "job.toml"], &formats],
    ] {
        let refused = story.okta_rollout(&command.concat()).exits(2);
        refused.says("hint: add --log-file FILE, or leave --log-format out");
    }
    assert!(!story.ledger().exists());
}

#[test]
fn a_log_goes_where_its_name_leads() {
    let story = Scenario::of([zscaler("0oa1")]);
    std::os::unix::fs::symlink("logs/of-today", story.path("log")).unwrap();
    fs::create_dir(story.path("logs")).unwrap();
    fs::write(story.path("logs/of-today"), "before\n").unwrap();
    story
        .okta_rollout(&["run", "job.toml", "--log-file", "log"])
        .exits(0);
    let today = fs::read_to_string(story.path("logs/of-today")).unwrap();
    assert!(today.starts_with("before\n") && today.contains(" info  run_started run="));
    let ran = story.shell("okta-rollout -q run job.toml --new --log-file /dev/stderr");
    assert!(
        ran.said().contains(" info  run_ended run="),
        "{}",
        ran.said()
    );
    let ran = story.shell("okta-rollout run job.toml --new --log-file >(cat >piped); status=$?; wait $!; exit $status");
    ran.exits(0);
    let piped = fs::read_to_string(story.path("piped")).unwrap();
    assert!(piped.contains(" info  entry_done run="), "{piped}");
}

#[test]
fn what_the_program_traces_is_in_the_log_and_what_libraries_trace_is_not() {
    let story = Scenario::of([]);
    story.write(
        "own.json",
        r#"{ "orgs": { "s": { "url": "sandbox" } }, "apps": [ { "org": "s", "app": "google", "label": "G",
            "create": { "signOnMode": "SAML_2_0", "settings": { "app": { "domain": "x.example" } } },
            "connection": { "profile": { "authScheme": "OAUTH2" } } } ] }"#,
    );
    let run = [
        "run",
        "own.json",
        "--log-file",
        "log",
        "--log-format",
        "json",
    ];
    story.okta_rollout(&run).exits(0);
    let lines = objects(&log(&story));
    let traced = one(&lines, &[("event", "trace".into())]);
    assert_eq!(traced["message"], "sandbox app created");
    assert_eq!(
        (&traced["org"], &traced["level"]),
        (&"s".into(), &"debug".into())
    );
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_a_run_from_ending() {
    const MANY: usize = 120;
    let entries = (0..MANY).map(|no| zscaler(&format!("0oa{no}")).feature(user()));
    let story = Scenario::of(entries);
    story.shell("mkfifo log").exits(0);
    let mut options = fs::OpenOptions::new();
    let pipe = options.read(true).write(true).open(story.path("log"));
    let pipe = pipe.unwrap();
    let flags = ["--log-file", "log", "--log-format", "json"];
    let run = [&["run", "job.toml"][..], &flags].concat();
    story.okta_rollout(&run).exits(0);
    // It took no more: a pipe has 64 KiB, and lines go in whole.
    let unread = rustix::io::ioctl_fionread(&pipe).unwrap();
    assert!(unread > 60_000, "{unread}");
    // Whoever looks at what a story left behind would wait for a writer.
    fs::remove_file(story.path("log")).unwrap();
    assert_eq!(story.report()["totals"]["changed"], MANY);
}

#[test]
fn the_log_of_a_sandbox_is_none_of_the_files_that_it_reads() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("vars", "A_TOKEN=tell-tale-token-of-a-file\n");
    story.write("settings.toml", "limit = 0\n");
    story
        .shell("chmod 600 vars; ln vars other-name; ln -s vars link")
        .exits(0);
    let before = fs::read(story.path("vars")).unwrap();
    for (log, wanted) in [
        ("vars", "vars cannot be written: it is the env file"),
        ("./vars", "vars cannot be written: it is the env file"),
        (
            "other-name",
            "other-name cannot be written: it is the env file",
        ),
        ("link", "link cannot be written: it is the env file"),
        (
            "settings.toml",
            "settings.toml cannot be written: it is the settings",
        ),
    ] {
        let command = [
            "--env-file",
            "vars",
            "--log-file",
            log,
            "--settings",
            "settings.toml",
        ];
        let ran = story.okta_rollout(&[&["sandbox"][..], &command].concat());
        ran.exits(2).says(wanted);
        assert_eq!(fs::read(story.path("vars")).unwrap(), before, "{log}");
    }
}
