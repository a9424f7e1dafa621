//! What the program says to people who have not started anything yet: help, wrong usage, mistakes in
//! manifests and jobs. Nothing here sends a call or needs a ledger.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, is_empty};
use tempfile::TempDir;

fn okta_rollout(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("okta-rollout").unwrap();
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const ORGS: &str = "org,url,auth.apiToken\nacme,https://acme.okta.com,env:ACME_OKTA_TOKEN\n";
const TOKEN_MANIFEST: &str = "org,app,label,connection.baseUrl,connection.profile.authScheme,connection.profile.token\n\
    acme,zscalerbyz,Z,https://scim.zscalerbeta.net/1/2/scim,TOKEN,env:ACME_ZSCALER_TOKEN\n";
const MANIFEST: &str = "org,app,label,connection.profile.authScheme\nacme,google,G,OAUTH2\n";

/// Before the options of every command, these, and after them.
fn help() -> (String, String, String) {
    let folder = folder(&[]);
    let help = okta_rollout(folder.path()).arg("--help").assert().code(0);
    assert!(help.get_output().stderr.is_empty());
    let text = String::from_utf8(help.get_output().stdout.clone()).unwrap();
    let (head, rest) = text.split_once("Global options:\n").unwrap();
    let (options, tail) = rest.split_once("Examples:\n").unwrap();
    let tail = format!("Examples:\n{tail}");
    (head.to_owned(), options.to_owned(), tail)
}

#[test]
fn help_lists_every_command_with_examples_and_exit_codes() {
    let (head, _, tail) = help();
    insta::assert_snapshot!(head + &tail, @r#"
    Set up Okta provisioning connections for many apps in many orgs from one manifest.

    A manifest (CSV, JSON or JSON Lines) says which app in which org should be connected and how.
    okta-rollout does it with rate-limited, retrying workers, checkpoints every step, and parks entries
    that wait for a person's consent until it is given.

    Usage: okta-rollout [OPTIONS] <COMMAND>

    Commands:
      init         Write a manifest, orgs file and job to begin with; they run as they are
      check        Find every mistake of a manifest or job at once; offline, nothing is sent
      plan         Show what `run` would do and what it costs; reads the live state with GETs only
      doctor       Find what keeps orgs and ledger from a run: one GET an org, nothing is changed
      rehearse     Say how long a run will take and where it will wait, in simulated time
      run          Make it so: continue the file's interrupted run, or start a new one
      resume       Move on whatever can move: consents that came in, stopped orgs, interrupted entries
      rotate-keys  Give Org2Org connections new keys, where Okta does not rotate them
      status       Show where a run stands
      runs         List runs, newest first, or drop old ones
      consent      Work off what waits for a person's consent
      report       Write what a run did, entry by entry
      rotate-key   Replace the key of the secrets' fingerprints; nothing is sent
      ledger       Move a ledger, or let others work with one on PostgreSQL
      export       Write what orgs have now as a manifest; nothing is changed
      serve        Serve the desk, and run jobs by their schedules, until it is stopped
      work         Work on the runs of a ledger on PostgreSQL, with any number of others, until it is
                   stopped
      workers      List the processes that work on a ledger on PostgreSQL, and on what
      sandbox      Serve simulated Okta orgs on loopback
      schema       Print the JSON Schema of the manifest, of a job, or of the JSON report
      completions  Print the completions of a shell
      man          Print the manual page, or write one per command into a folder
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Examples:
      okta-rollout init                                files to begin with
      okta-rollout check rollout.csv --orgs orgs.csv   find every mistake, send nothing
      okta-rollout plan rollout.csv --orgs orgs.csv    what would be done, and what it costs
      okta-rollout doctor rollout.csv --orgs orgs.csv  can every org be reached, with enough rights
      okta-rollout rehearse jobs/nightly.toml          how long it will take, and where it will wait
      okta-rollout run rollout.csv --orgs orgs.csv     make it so; run it again to go on after a crash
      okta-rollout consent list                        links that people have to open
      okta-rollout consent complete < okta-page.json   hand in what Okta's page showed
      okta-rollout resume                              go on with what can go on
      okta-rollout report --only failed                what went wrong, and what to do
      okta-rollout serve jobs                          the desk, and jobs by their schedules

    Exit codes:
      0 all done   2 wrong usage, manifest, job or settings; nothing was sent
      3 some entries failed or an org was stopped; `doctor`: something must be mended
      4 nothing failed, some entries wait for consent or a wave for approval
      5 `plan --detailed-exitcode` found changes
      129, 130, 143 interrupted, everything is checkpointed   1 a bug in okta-rollout
    "#);
}

#[test]
fn help_lists_the_options_of_every_command() {
    let (_, options, _) = help();
    insta::assert_snapshot!(options, @r#"
          --orgs <FILE>
              File with the orgs (CSV or JSON), when the manifest or job does not give them

          --ledger <URL>
              Where checkpoints are kept [env: OKTA_ROLLOUT_LEDGER] [default: .okta-rollout/ledger.db]

          --env-file <FILE>
              File with variables for `env:` secrets (NAME=VALUE lines); the environment's own win

          --color <WHEN>
              Colour on the terminal; `NO_COLOR` is honoured

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set
              - always: Always, in files and pipes too
              - never:  Never
              
              [default: auto]

          --no-progress
              Plain lines instead of a moving progress bar

      -v, --verbose...
              Say more: a line per step (-v), also per attempt and wait (-vv)

          --summary
              Say only what is changed, what it comes to, and errors

      -q, --quiet
              Say nothing but errors and the data that was asked for

          --log-file <FILE>
              Append what happens to a file, a line per event

          --log-format <FORMAT>
              How lines of --log-file are written [default: text]

              Possible values:
              - text: For people and `grep`
              - json: For programs: an object a line
    "#);
}

#[test]
fn the_desk_has_a_heading_for_its_own_options() {
    let folder = folder(&[]);
    for command in ["run", "serve"] {
        let help = okta_rollout(folder.path())
            .args([command, "--help"])
            .output();
        let help = String::from_utf8(help.unwrap().stdout).unwrap();
        let (_, desk) = help.split_once("\nThe desk:\n").unwrap();
        let section = desk
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with(' '));
        let flags: Vec<_> = section
            .filter_map(|line| line.trim_start().strip_prefix("--")?.split(' ').next())
            .collect();
        assert_eq!(
            flags,
            ["listen", "token", "tls-cert", "tls-key", "behind-proxy"],
            "{command}"
        );
    }
}

#[test]
fn every_command_has_help() {
    let folder = folder(&[]);
    for command in [
        "init",
        "check",
        "run",
        "resume",
        "status",
        "runs",
        "consent",
        "report",
        "rotate-key",
        "ledger",
        "sandbox",
        "schema",
        "completions",
        "man",
    ] {
        okta_rollout(folder.path())
            .args([command, "--help"])
            .assert()
            .code(0)
            .stdout(contains("Usage: okta-rollout").and(contains(command)));
        let helped = ["help", command];
        let help = okta_rollout(folder.path()).args(helped).assert().code(0);
        help.stdout(contains("Usage: okta-rollout").and(contains(command)));
    }
}

#[test]
fn wrong_usage_is_exit_code_2_on_standard_error() {
    let folder = folder(&[]);
    for (arguments, wanted) in [
        (vec![], "Usage: okta-rollout"),
        (vec!["run"], "<FILE>"),
        (
            vec!["run", "m.csv", "--fresh"],
            "unexpected argument '--fresh'",
        ),
        (vec!["chek", "m.csv"], "unrecognized subcommand 'chek'"),
        (
            vec!["report", "--format", "pdf"],
            "[possible values: text, json, csv, junit, markdown, html]",
        ),
        (vec!["-q", "-v", "runs"], "cannot be used with"),
        (vec!["consent"], "Usage: okta-rollout consent"),
        (vec!["ledger"], "Usage: okta-rollout ledger"),
        (vec!["ledger", "grants"], "<ROLE>"),
        (vec!["ledger", "grants", ""], "the role has no name"),
        (
            vec!["ledger", "grants", "a\u{202e}b"],
            "characters that nobody sees",
        ),
        (
            vec![
                "ledger",
                "grants",
                "a123456789012345678901234567890123456789012345678901234567890123",
            ],
            "has 64 bytes",
        ),
        (vec!["ledger", "move", "ledger.db"], "<FROM> <TO>"),
        (vec!["ledger", "move", "a.db", "mysql://db"], "mysql: "),
        (
            vec!["ledger", "move", "a.db", "a.db"],
            "that is to be moved",
        ),
        (vec!["ledger", "move", "a.db", "b.db"], "no ledger at "),
        (vec!["runs", "prune"], "<--keep <N>|--older-than <AGE>>"),
    ] {
        okta_rollout(folder.path())
            .args(&arguments)
            .assert()
            .code(2)
            .stdout(is_empty())
            .stderr(contains(wanted));
    }
}

#[test]
fn grants_are_sql_for_the_ledgers_owner() {
    let folder = folder(&[]);
    let grants = okta_rollout(folder.path())
        .args(["ledger", "grants", "night \"shift\""])
        .assert()
        .code(0)
        .stderr(is_empty());
    let sql = String::from_utf8(grants.get_output().stdout.clone()).unwrap();
    insta::assert_snapshot!(sql, @r#"
    BEGIN;
    GRANT USAGE ON SCHEMA okta_rollout TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.run TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.org TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.entry TO "night ""shift""";
    GRANT SELECT, INSERT, DELETE ON okta_rollout.spec TO "night ""shift""";
    GRANT SELECT, INSERT, DELETE ON okta_rollout.call TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE ON okta_rollout.settled TO "night ""shift""";
    GRANT SELECT, INSERT ON okta_rollout.org_url TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE ON okta_rollout.app TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE ON okta_rollout.budget TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE ON okta_rollout.others TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.notice TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.wave TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.schedule TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.holder TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE ON okta_rollout.share TO "night ""shift""";
    GRANT SELECT, INSERT, UPDATE, DELETE ON okta_rollout.change TO "night ""shift""";
    GRANT SELECT, UPDATE (key_check) ON okta_rollout.ledger TO "night ""shift""";
    COMMIT;
    "#);
}

#[test]
fn a_clean_manifest_is_exit_code_0_and_says_so_on_standard_error() {
    let folder = folder(&[("m.csv", MANIFEST), ("o.csv", ORGS)]);
    let check = || {
        let mut command = okta_rollout(folder.path());
        command
            .env("ACME_OKTA_TOKEN", "t0ken")
            .args(["check", "m.csv", "--orgs", "o.csv"]);
        command
    };
    check()
        .assert()
        .code(0)
        .stdout(is_empty())
        .stderr(contains("m.csv: 1 entry in 1 org, no mistakes"));
    check().arg("-q").assert().code(0).stderr(is_empty());
    let json = check().args(["--format", "json"]).assert().code(0);
    let value: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(value["ok"], true);
    assert_eq!(value["entries"], 1);
    assert!(!folder.path().join(".okta-rollout").exists());
}

#[test]
fn mistakes_are_exit_code_2_all_at_once_with_places_and_hints() {
    let folder = folder(&[
        ("o.csv", ORGS),
        (
            "m.csv",
            "org,app,label,connection.profile.authScheme\n\
             acme,gogle,G,OAUTH2\n\
             acmee,google,G,OAUTH2\n\
             acme,slack,S,TOKEN\n",
        ),
    ]);
    let check = |format: &str| {
        okta_rollout(folder.path())
            .args([
                "check",
                "m.csv",
                "--orgs",
                "o.csv",
                "--no-secrets",
                "--format",
                format,
            ])
            .assert()
            .code(2)
    };
    check("human").stdout(is_empty()).stderr(
        contains("m.csv:2")
            .and(contains("google"))
            .and(contains("m.csv:3"))
            .and(contains("m.csv:4"))
            .and(contains("m.csv: 3 mistakes; nothing was sent")),
    );
    let json = check("json");
    let value: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(value["ok"], false);
    assert_eq!(value["problemCount"], 3);
    assert_eq!(value["problems"][0]["row"], 2);
}

#[test]
fn run_names_the_same_mistakes_and_leaves_no_run_behind() {
    let folder = folder(&[("o.csv", ORGS), ("m.csv", "org,app\nacme,gogle\n")]);
    okta_rollout(folder.path())
        .env("ACME_OKTA_TOKEN", "t0ken")
        .args(["run", "m.csv", "--orgs", "o.csv"])
        .assert()
        .code(2)
        .stderr(contains("m.csv:2").and(contains("nothing was sent")));
    okta_rollout(folder.path())
        .args(["status"])
        .assert()
        .code(2)
        .stderr(contains("no run yet").or(contains("no ledger")));
}

#[test]
fn secrets_that_cannot_be_read_are_found_before_anything_is_sent() {
    let folder = folder(&[("m.csv", MANIFEST), ("o.csv", ORGS)]);
    okta_rollout(folder.path())
        .args(["check", "m.csv", "--orgs", "o.csv"])
        .assert()
        .code(2)
        .stderr(contains("env:ACME_OKTA_TOKEN").and(contains("is not set")));
    // An org by itself is stopped; what an entry needs has to be there.
    std::fs::write(folder.path().join("m.csv"), TOKEN_MANIFEST).unwrap();
    okta_rollout(folder.path())
        .args(["run", "m.csv", "--orgs", "o.csv"])
        .assert()
        .code(2)
        .stderr(
            contains("env:ACME_ZSCALER_TOKEN")
                .and(contains("is not set"))
                .and(contains("env:ACME_OKTA_TOKEN").not()),
        );
}

#[test]
fn files_that_are_not_there_or_not_readable_are_named() {
    let folder = folder(&[("m.txt", "")]);
    std::fs::create_dir(folder.path().join("d.csv")).unwrap();
    std::fs::create_dir(folder.path().join("d.toml")).unwrap();
    for file in ["none.csv", "none.toml", "d.csv", "d.toml", "m.txt"] {
        for command in ["check", "run"] {
            okta_rollout(folder.path())
                .args([command, file])
                .assert()
                .code(2)
                .stderr(contains(file));
        }
    }
}

#[test]
fn a_jobs_mistakes_have_places_and_what_is_not_supported_is_refused() {
    let folder = folder(&[
        ("m.csv", MANIFEST),
        ("o.csv", ORGS),
        (
            "wrong.toml",
            "manifest = 'm.csv'\n[limit]\n[retry]\nmax = 3\n",
        ),
        (
            "waves.toml",
            "manifest = 'm.csv'\norgs = 'o.csv'\n[[waves]]\norgs = ['canary-*']\n",
        ),
        (
            "notify.toml",
            "manifest = 'm.csv'\norgs = 'o.csv'\n[notify]\nwebhook = 'env:HOOK'\n",
        ),
    ]);
    okta_rollout(folder.path())
        .args(["check", "wrong.toml"])
        .assert()
        .code(2)
        .stderr(
            contains("wrong.toml:2:2: limit: unknown key")
                .and(contains("did you mean `limits`?"))
                .and(contains("wrong.toml:4:7: retry.max: expected a text")),
        );
    for (job, said) in [
        (
            "waves.toml",
            "waves.toml:4:9: waves[0].orgs: no org fits \"canary-*\"",
        ),
        ("notify.toml", "notify.toml:4:11: notify.webhook: env:HOOK"),
    ] {
        okta_rollout(folder.path())
            .args(["run", job])
            .assert()
            .code(2)
            .stderr(contains(said).and(contains("nothing was sent")));
    }
}

#[test]
fn what_a_job_names_and_is_not_there_is_missed_where_it_does_so() {
    let folder = folder(&[
        ("m.csv", MANIFEST),
        (
            "manifest.toml",
            "manifest = 'gone.csv'\n[[reports]]\nformat = 'text'\npath = 'manifest.toml'\n",
        ),
        ("orgs.toml", "manifest = 'm.csv'\norgs = 'gone.csv'\n"),
    ]);
    let said = [
        (
            "manifest.toml",
            "manifest.toml:1:12: manifest: gone.csv: no such file",
            2,
        ),
        (
            "orgs.toml",
            "orgs.toml:2:8: orgs: gone.csv: no such file",
            1,
        ),
    ];
    for (job, said, mistakes) in said {
        okta_rollout(folder.path())
            .args(["check", "--no-secrets", job])
            .assert()
            .code(2)
            .stderr(
                contains(said)
                    .and(contains("relative to the job's folder"))
                    .and(contains(format!("{mistakes} mistake"))),
            );
    }
}

#[test]
fn schema_completions_and_man_pages_are_printed() {
    let folder = folder(&[]);
    let schema = okta_rollout(folder.path()).arg("schema").assert().code(0);
    let value: serde_json::Value = serde_json::from_slice(&schema.get_output().stdout).unwrap();
    assert!(value["properties"]["apps"].is_object(), "{value}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        okta_rollout(folder.path())
            .args(["completions", shell])
            .assert()
            .code(0)
            .stdout(contains("okta-rollout"));
    }
    okta_rollout(folder.path())
        .arg("man")
        .assert()
        .code(0)
        .stdout(contains(".TH"));
    okta_rollout(folder.path())
        .args(["man", "-o", "pages"])
        .assert()
        .code(0);
    assert!(folder.path().join("pages/okta-rollout-run.1").exists());
}

#[test]
fn a_ledger_that_is_not_there_or_of_another_kind_says_what_to_do() {
    let folder = folder(&[("notes.db", "these are notes, not a ledger")]);
    for (arguments, wanted) in [
        (vec!["status"], "no ledger at "),
        (
            vec!["runs", "--ledger", "notes.db"],
            "notes.db is not a ledger",
        ),
        (
            vec!["resume", "--ledger", "notes.db"],
            "notes.db is not a ledger",
        ),
        (
            vec!["runs", "--ledger", "postgres://u:s3cr3t@h/db"],
            "a password in clear",
        ),
        (
            vec!["runs", "--ledger", "mysql://u:s3cr3t@h/db"],
            "mysql: a ledger is a file of SQLite's or a database of PostgreSQL's",
        ),
    ] {
        okta_rollout(folder.path())
            .args(&arguments)
            .assert()
            .code(2)
            .stderr(
                contains(wanted)
                    .and(contains("hint: "))
                    .and(contains("s3cr3t").not()),
            );
    }
}

#[test]
fn a_thousand_rows_with_one_mistake_do_not_hide_the_others() {
    use std::fmt::Write as _;
    let mut manifest = "org,app,appId,status\n".to_owned();
    for row in 0..1000 {
        writeln!(manifest, "acmee,slack,{row},DISABLED").unwrap();
    }
    for row in 0..20 {
        writeln!(manifest, "acme,zoomus,{},DISABLED", row % 10).unwrap();
    }
    manifest.push_str("acme,slak,last,DISABLED\n");
    let folder = folder(&[("o.csv", ORGS), ("m.csv", &manifest)]);
    let check = |format: &str| {
        let arguments = [
            "check",
            "m.csv",
            "--orgs",
            "o.csv",
            "--no-secrets",
            "--format",
            format,
        ];
        okta_rollout(folder.path()).args(arguments).assert().code(2)
    };
    let human = check("human");
    let said = String::from_utf8_lossy(&human.get_output().stderr).into_owned();
    insta::assert_snapshot!(said, @"
    error: m.csv:2: row 2, org: unknown org `acmee` (1000 times: rows 2, 3, 4, 5, 6, …)
    hint: did you mean acme?
    error: m.csv:1012: row 1012, appId: is the same app in the same org as row 1002
    hint: keep one of the two
    error: m.csv:1013: row 1013, appId: is the same app in the same org as row 1003
    error: m.csv:1014: row 1014, appId: is the same app in the same org as row 1004
    error: m.csv:1015: row 1015, appId: is the same app in the same org as row 1005
    error: m.csv:1016: row 1016, appId: is the same app in the same org as row 1006
    error: m.csv:1022: row 1022, app: `slak` is not one of google, office365, okta_org2org, slack, zoomus or zscalerbyz
    hint: did you mean slack?
    and 5 more such as appId: is the same app in the same org as row 1007 (rows 1017, 1018, 1019, 1020, 1021)
    error: m.csv: 1011 mistakes; nothing was sent
    hint: mend them, then: okta-rollout check --orgs o.csv --no-secrets m.csv
    ");
    let json = check("json");
    let value: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(value["problemCount"], 1011);
    let first = &value["problems"][0];
    assert_eq!((&first["row"], &first["count"]), (&2.into(), &1000.into()));
    assert_eq!(
        first["also"][0],
        serde_json::json!({ "line": 3, "column": null, "row": 3 })
    );
}
