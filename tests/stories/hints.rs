//! After each kind of failure the command that is printed succeeds, as printed, once the cause is fixed.

use okta_rollout::sandbox::{SeedApp, Switches};
use serde_json::Value;

use crate::support::{Entry, Scenario, google, lie, org2org, slack, user, zscaler};

/// What goes wrong, and how it is fixed.
struct Kind {
    /// Names it where it fails.
    name: &'static str,
    /// More of the sandbox's settings.
    settings: &'static str,
    entries: Vec<Entry>,
    breaks: fn(&mut Scenario),
    /// What is said of it.
    says: &'static str,
    /// How the printed command begins after `okta-rollout `, `RUN` standing for the run's id.
    next: &'static str,
    fixes: fn(&mut Scenario),
}

/// An entry that nothing is wrong with.
fn good() -> Entry {
    zscaler("0oa9")
}

fn nothing(_: &mut Scenario) {}

fn manifest_is_good(story: &mut Scenario) {
    story.manifest([good(), zscaler("0oa1")]);
}

fn seed(name: &str, label: &str) -> SeedApp {
    SeedApp {
        name: name.to_owned(),
        id: None,
        label: Some(label.to_owned()),
    }
}

fn switched(switches: Switches) -> impl Fn(&Scenario) {
    move |story| story.switch("acme", switches.clone())
}

/// Mistakes of the file: the stored entry would fail for ever.
fn in_the_file() -> Vec<Kind> {
    let kind = |name, entry: Entry, breaks, says| Kind {
        name,
        settings: "limit = 0",
        entries: vec![good(), entry],
        breaks,
        says,
        next: "run job.toml",
        fixes: manifest_is_good,
    };
    vec![
        kind(
            "a label with a typing mistake",
            zscaler("").labelled("Zscaler EUU").missing(),
            |story| {
                for label in ["Zscaler EU", "Zscaler US", "Something else"] {
                    story.add_app("acme", &seed("zscalerbyz", label));
                }
                // Of another app, however near.
                story.add_app("acme", &seed("okta_org2org", "Zscaler EUUU"));
            },
            r#"labelled "Zscaler EUU"; the nearest: "Zscaler EU", "Zscaler US""#,
        ),
        kind(
            "a label in the wrong case",
            zscaler("").labelled("zscaler eu").missing(),
            |story| story.add_app("acme", &seed("zscalerbyz", "Zscaler EU")),
            r#"upper and lower case count, and it is "Zscaler EU""#,
        ),
        kind(
            "a label of two apps",
            zscaler("").labelled("Zscaler").missing(),
            |story| {
                for id in ["0oa5", "0oa6"] {
                    let app = SeedApp {
                        id: Some(id.to_owned()),
                        ..seed("zscalerbyz", "Zscaler")
                    };
                    story.add_app("acme", &app);
                }
            },
            "give one of these ids as appId",
        ),
        kind(
            "the id of another app",
            zscaler("0oa2").in_truth("okta_org2org"),
            nothing,
            "0oa2 is an okta_org2org app, not zscalerbyz",
        ),
        kind(
            "an id that is not there",
            zscaler("0oa3").missing(),
            nothing,
            "0oa3",
        ),
        kind(
            "an app without this connection",
            zscaler("0oa4").in_truth("bookmark"),
            nothing,
            "0oa4 is a bookmark app, not zscalerbyz",
        ),
    ]
}

fn two_rows_of_one_app() -> Kind {
    Kind {
        name: "two rows of one app",
        settings: "limit = 0",
        entries: vec![
            good(),
            zscaler("0oa8").missing(),
            zscaler("").labelled("Zscaler 8").missing(),
        ],
        breaks: |story| {
            let app = SeedApp {
                id: Some("0oa8".to_owned()),
                ..seed("zscalerbyz", "Zscaler 8")
            };
            story.add_app("acme", &app);
        },
        says: "sets up already",
        next: "run job.toml",
        fixes: manifest_is_good,
    }
}

/// An org whose address the file has wrong, or perhaps has: a run keeps the one that it began with.
fn in_an_address() -> Vec<Kind> {
    fn at(story: &mut Scenario, url: &str) {
        story.org_at("acme", url);
        manifest_is_good(story);
    }
    let kind = |name, breaks, says| Kind {
        name,
        settings: "limit = 0",
        entries: vec![good(), zscaler("0oa1")],
        breaks,
        says,
        next: "run job.toml",
        fixes: |story| {
            let url = story.url("acme");
            at(story, &url);
        },
    };
    vec![
        kind(
            "a host that nobody knows",
            |story| at(story, "https://acme.okta.invalid"),
            "acme was stopped: cannot resolve",
        ),
        kind(
            "an address without TLS",
            |story| {
                let url = story.url("acme").replace("http://", "https://");
                at(story, &url);
            },
            "acme was stopped: cannot set up TLS",
        ),
        kind(
            "an address where nobody listens",
            |story| at(story, "http://127.0.0.1:1"),
            "cannot connect to 127.0.0.1",
        ),
        kind(
            "an address that leads elsewhere",
            |story| {
                let to = [("location", "https://acme.okta.com/")];
                let url = story.lies(move |_| lie(302, &to, "")).url;
                at(story, &url);
            },
            "redirected to acme.okta.com",
        ),
    ]
}

/// Causes outside of it: the entry is tried again as it is.
fn elsewhere() -> Vec<Kind> {
    let kind = |name, breaks, says, next, fixes| Kind {
        name,
        settings: "limit = 0",
        entries: vec![good(), org2org("0oa1").at("globex")],
        breaks,
        says,
        next,
        fixes,
    };
    vec![
        kind(
            "a token that the app refuses",
            |story| story.write("secrets/app-token", "bad"),
            "check the value behind file:secrets/app-token",
            "resume RUN --failed",
            |story| story.write("secrets/app-token", "good"),
        ),
        kind(
            "a revoked API token",
            |story| {
                switched(Switches {
                    revoked_token: true,
                    ..Switches::default()
                })(story);
            },
            "acme was stopped",
            "resume RUN",
            |story| switched(Switches::default())(story),
        ),
        kind(
            "a missing role",
            |story| {
                switched(Switches {
                    missing_role: true,
                    ..Switches::default()
                })(story);
            },
            "admin role",
            "resume RUN",
            |story| switched(Switches::default())(story),
        ),
        kind(
            "an API token that is not set",
            |story| story.unset("ACME_TOKEN"),
            "ACME_TOKEN",
            "resume RUN",
            |story| {
                let token = story.api_token("acme");
                story.set("ACME_TOKEN", &token);
            },
        ),
    ]
}

/// The commands that hints of a report name, each once.
fn commands(report: &Value) -> Vec<String> {
    let entries = report["entries"].as_array().unwrap().iter();
    let of_entries = entries.map(|entry| &entry["error"]["hint"]);
    let orgs = report["orgs"].as_array().unwrap().iter();
    let of_orgs = orgs.map(|org| &org["stopped"]["hint"]);
    let mut commands: Vec<String> = of_entries
        .chain(of_orgs)
        .filter_map(Value::as_str)
        .map(|hint| {
            let at = hint
                .find("okta-rollout ")
                .unwrap_or_else(|| panic!("{hint}"));
            hint[at..].to_owned()
        })
        .collect();
    commands.sort();
    commands.dedup();
    commands
}

/// What is printed to type next, line by line.
fn printed(said: &str) -> Vec<&str> {
    said.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("hint: ") || line.starts_with("then: "))
        .filter_map(|line| line.find("okta-rollout ").map(|at| &line[at..]))
        .collect()
}

fn walk(kind: Kind) {
    let name = kind.name;
    let mut story = Scenario::with(kind.settings, kind.entries);
    (kind.breaks)(&mut story);
    let ran = story.run();
    let said = ran.said();
    assert!(said.contains(kind.says), "{name}: {said}");
    ran.exits(3);
    let report = story.report();
    let run = report["run"].as_str().unwrap().to_owned();
    let commands = commands(&report);
    let expected = format!("okta-rollout {}", kind.next.replace("RUN", &run));
    assert_eq!(commands, std::slice::from_ref(&expected), "{name}");
    // No other command follows it, which would fail.
    let printed = printed(&said);
    assert!(!printed.is_empty(), "{name}: {said}");
    for command in printed {
        assert_eq!(command, expected, "{name}: {said}");
    }
    for command in commands {
        assert!(said.contains(&command), "{name}: {command} in {said}");
        (kind.fixes)(&mut story);
        story.shell(&command).exits(0);
    }
    let totals = &story.report()["totals"];
    assert_eq!(
        (&totals["failed"], &totals["pending"]),
        (&0.into(), &0.into()),
        "{name}"
    );
}

#[test]
fn a_mistake_in_the_file_is_followed_by_a_run_of_the_file() {
    in_the_file().into_iter().for_each(walk);
    walk(two_rows_of_one_app());
}

#[test]
fn a_wrong_address_is_followed_by_a_run_of_the_file() {
    in_an_address().into_iter().for_each(walk);
}

#[test]
fn a_run_that_keeps_an_old_address_says_how_to_use_the_new_one() {
    let mut story = Scenario::of([]);
    story.org_at("acme", "https://acme.okta.invalid");
    story.manifest([good()]);
    story.run().exits(3);
    let url = story.url("acme");
    story.org_at("acme", &url);
    story.manifest([good()]);
    let said = story
        .okta_rollout(&["resume"])
        .exits(3)
        .says("a run keeps the addresses that it began with")
        .said();
    let printed = printed(&said);
    assert_eq!(printed.last(), Some(&"okta-rollout run job.toml"), "{said}");
    assert!(!said.contains("then: okta-rollout resume"), "{said}");
    story.shell("okta-rollout run job.toml").exits(0);
}

#[test]
fn causes_of_two_kinds_have_a_command_each() {
    let story = Scenario::of([
        org2org("0oa1").at("globex"),
        zscaler("").labelled("Z").missing(),
    ]);
    story.write("secrets/app-token", "bad");
    let said = story.run().exits(3).said();
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let mut printed = printed(&said);
    printed.sort_unstable();
    // While it happens, and in the summary.
    printed.dedup();
    let resume = format!("okta-rollout resume {run} --failed");
    assert_eq!(
        printed,
        [resume.as_str(), "okta-rollout run job.toml"],
        "{said}"
    );
    story.write("secrets/app-token", "good");
    story.manifest([org2org("0oa1").at("globex"), good()]);
    story.shell("okta-rollout run job.toml").exits(0);
}

#[test]
fn a_field_that_okta_refuses_is_the_files_whatever_secret_goes_with_it() {
    let mut story = Scenario::of([]);
    let org = story.distorts("acme", |honest| {
        let body = r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: baseUrl",
            "errorCauses":[{"errorSummary":"baseUrl: bad"}]}"#;
        if honest.path.contains("/connections/") && !honest.sent.is_empty() {
            honest.told_as(400, body)
        } else {
            honest.told()
        }
    });
    story.manifest([good()]);
    let said = story.run().exits(3).said();
    assert!(said.contains("hint: correct baseUrl of the"), "{said}");
    let printed = printed(&said);
    assert!(
        printed
            .iter()
            .all(|line| *line == "okta-rollout run job.toml"),
        "{said}"
    );
    org.turn(false);
    story.manifest([good().feature(user())]);
    story.shell(printed[0]).exits(0);
}

#[test]
fn a_private_ca_is_named_in_the_job_or_in_one_that_the_manifest_gets() {
    let mut story = Scenario::of([]);
    let pem = story.signs("acme");
    story.manifest([good()]);
    story.write("ca.pem", &pem);
    let settings = "[http]\ncaFile = 'ca.pem'\n";

    let said = story.okta_rollout(&["run", "m.json"]).exits(3).said();
    let how = "[http] of the job file m.toml (new, with manifest = \"m.json\"), then: ";
    assert!(said.contains(how), "{said}");
    let lines = printed(&said);
    assert!(
        lines.iter().all(|line| *line == "okta-rollout run m.toml"),
        "{said}"
    );
    story.write("m.toml", &format!("manifest = \"m.json\"\n{settings}"));
    story.shell(lines[0]).exits(0);

    let said = story.run().exits(3).said();
    let lines = printed(&said);
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let resume = format!("okta-rollout resume {run}");
    assert!(lines.iter().all(|line| *line == resume), "{said}");
    story.job(settings);
    story.shell(lines[0]).exits(0);
}

#[test]
fn what_was_passed_by_the_shell_has_a_placeholder_in_commands() {
    let mut story = Scenario::of([org2org("0oa1").token("env:APP_TOKEN")]);
    story.write("app.env", "APP_TOKEN=good\n");
    story.secret("APP_TOKEN", "bad");
    let line = "okta-rollout run job.toml --env-file <(echo APP_TOKEN=bad)";
    let said = story
        .shell(line)
        .exits(3)
        .says("--env-file FILE stands for what was passed as --env-file")
        .said();
    assert!(!said.contains("/dev/fd"), "{said}");
    let printed = printed(&said);
    let last = printed.last().unwrap();
    assert!(
        last.starts_with("okta-rollout resume --env-file FILE "),
        "{said}"
    );
    story.unset("APP_TOKEN");
    let said = story
        .shell(&last.replace("FILE", "app.env"))
        .exits(0)
        .said();
    assert!(!said.contains("stands for"), "{said}");
}

#[test]
fn a_cause_elsewhere_is_followed_by_a_resume() {
    elsewhere().into_iter().for_each(walk);
}

#[test]
fn an_org_that_keeps_failing_is_tried_again_when_it_is_well() {
    let rule = "limit = 0\n[[faults.rules]]\nfault = 'unavailable'\nmethod = 'PUT'\ntimes = 3\nnth = 1\npath = '*'\norg = '*'\n";
    walk(Kind {
        name: "an outage",
        settings: rule,
        entries: vec![zscaler("0oa1").feature(user())],
        breaks: nothing,
        says: "E0000010",
        next: "resume RUN --failed",
        fixes: nothing,
    });
}

#[test]
fn commands_keep_what_was_given_on_the_command_line() {
    let story = Scenario::of([good(), zscaler("").labelled("Z").missing()]);
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(story.path("m.json")).unwrap()).unwrap();
    let lines: Vec<String> = manifest["apps"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    story.write("in/the apps.jsonl", &lines.join("\n"));
    story.write("in/secrets/app-token", "t");
    story.write(
        "o.json",
        &serde_json::json!({ "orgs": manifest["orgs"] }).to_string(),
    );
    let arguments = [
        "run",
        "in/the apps.jsonl",
        "--orgs",
        "o.json",
        "--ledger",
        "l.db",
        "--only",
        "org=acme",
    ];
    let said = story.okta_rollout(&arguments).exits(3).said();
    let (_, command) = said.rsplit_once("are written): ").unwrap();
    let command = command.lines().next().unwrap();
    for part in [
        "'in/the apps.jsonl'",
        "--orgs o.json",
        "--ledger l.db",
        "--only org=acme",
    ] {
        assert!(command.contains(part), "{part} in {command}");
    }
    story.write("in/the apps.jsonl", &lines[0]);
    story.shell(command).exits(0);
    assert!(!story.path(".okta-rollout").exists(), "no other ledger");
}

#[test]
fn a_resume_says_that_the_file_has_changed() {
    let story = Scenario::of([good(), zscaler("").labelled("Z").missing()]);
    story.run().exits(3);
    let resume = ["resume", "--failed"];
    let said = story.okta_rollout(&resume).exits(3).said();
    assert!(!said.contains("has changed"), "{said}");
    story.manifest([good()]);
    let said = story
        .okta_rollout(&resume)
        .exits(3)
        .says("has changed since")
        .said();
    let (_, command) = said.split_once("as it is now: ").unwrap();
    story.shell(command.lines().next().unwrap()).exits(0);
}

#[test]
fn mistakes_are_followed_by_a_check_that_finds_them_gone() {
    let story = Scenario::of([good().token("env:NOT_SET")]);
    let said = story.run().exits(2).said();
    let (_, command) = said.rsplit_once("then: ").unwrap();
    story.manifest([good()]);
    story.shell(command.trim()).exits(0);
}

#[test]
fn an_unknown_org_comes_with_the_nearest_name() {
    let story = Scenario::of([good()]);
    for (only, hint) in [
        ("org=Acme", "upper and lower case count: did you mean acme?"),
        ("org=acmee", "did you mean acme?"),
        ("org=elsewhere", "the orgs are acme"),
    ] {
        story
            .okta_rollout(&["run", "job.toml", "--only", only])
            .exits(2)
            .says(hint);
    }
}

/// A manifest whose orgs are elsewhere.
fn without_orgs() -> Scenario {
    let story = Scenario::of([
        zscaler("0oa1"),
        zscaler("0oa2").at("globex"),
        zscaler("0oa3").at("globex"),
    ]);
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let apps = manifest["apps"].as_array().unwrap().iter();
    let apps: Vec<String> = apps.map(Value::to_string).collect();
    story.write("m.jsonl", &apps.join("\n"));
    story
}

#[test]
fn a_new_run_after_other_orgs_were_given_takes_those() {
    let mut story = without_orgs();
    story.set("WRONG_TOKEN", "00wrong-token-of-nobody");
    let url = story.url("acme");
    orgs_file(&story, &url, "env:WRONG_TOKEN");
    story
        .okta_rollout(&["run", "m.jsonl", "--orgs", "o.csv"])
        .exits(3);
    let orgs = std::fs::read_to_string(story.path("o.csv")).unwrap();
    story.write("new.csv", &orgs.replace(&url, "http://127.0.0.1:1"));
    let said = story
        .okta_rollout(&["resume", "--orgs", "new.csv"])
        .exits(3)
        .said();
    let run = "okta-rollout run m.jsonl --orgs new.csv";
    assert_eq!(told(&said, "okta-rollout run"), [run], "{said}");
}

/// A job with an orgs file, whose run was interrupted while all of its orgs can still move.
fn interrupted(acme: &str, reference: &str) -> Scenario {
    let story = without_orgs();
    story.write(
        "job.toml",
        "manifest = 'm.jsonl'\norgs = 'o.csv'\n[limits]\nmaxInFlight = 1\n[retry]\nmaxAttempts = 3\ninitial = '1ms'\n",
    );
    orgs_file(&story, acme, reference);
    story.dies_after(2, &["run", "job.toml"]);
    let report = story.report();
    assert_eq!(report["state"], "interrupted");
    assert!(report["totals"]["pending"].as_u64().unwrap() > 0);
    story
}

fn orgs_file(story: &Scenario, acme: &str, reference: &str) {
    let globex = story.url("globex");
    let text = format!(
        "org,url,auth.apiToken\nacme,{acme},{reference}\nglobex,{globex},env:GLOBEX_TOKEN\n"
    );
    story.write("o.csv", &text);
}

#[test]
fn a_run_of_the_file_takes_an_address_that_was_corrected_though_others_can_still_move() {
    let story = interrupted("http://127.0.0.1:1", "env:ACME_TOKEN");
    let first = story.report()["run"].as_str().unwrap().to_owned();
    let url = story.url("acme");
    orgs_file(&story, &url, "env:ACME_TOKEN");
    let plan = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    assert!(!plan.said().contains("was interrupted"), "{}", plan.said());
    // What is only about another org continues.
    let only = ["plan", "job.toml", "--only", "org=globex"];
    story
        .okta_rollout(&only)
        .exits(0)
        .says(&format!("run {first} of job.toml was interrupted"));
    let said = story.run().exits(0).said();
    let moved = format!("orgs of job.toml are at other addresses than run {first} has them at");
    assert!(said.contains(&moved), "{said}");
    let report = story.report();
    assert_ne!(report["run"], first.as_str());
    let totals = &report["totals"];
    assert_eq!(
        (&totals["pending"], &totals["failed"]),
        (&0.into(), &0.into())
    );
    for (org, id) in [("acme", "0oa1"), ("globex", "0oa2"), ("globex", "0oa3")] {
        assert_eq!(story.app(org, id)["connection"]["status"], "ENABLED");
    }
    // The run before keeps the address that it began with, and says what to type instead.
    let said = story.okta_rollout(&["resume", &first]).exits(3).said();
    assert!(
        said.contains("a run keeps the addresses that it began with"),
        "{said}"
    );
    let printed = printed(&said);
    assert_eq!(printed.last(), Some(&"okta-rollout run job.toml"), "{said}");
    story.shell("okta-rollout run job.toml").exits(0);
}

#[test]
fn a_run_of_the_file_continues_with_a_reference_that_was_corrected() {
    let mut story = interrupted("http://127.0.0.1:1", "env:ACME_TOKEN");
    story.set("WRONG_TOKEN", "00wrong-token-of-nobody");
    let url = story.url("acme");
    orgs_file(&story, &url, "env:WRONG_TOKEN");
    // A run that has the right address and the wrong reference, interrupted again.
    story.dies_after(2, &["run", "job.toml"]);
    let second = story.report()["run"].as_str().unwrap().to_owned();
    orgs_file(&story, &url, "env:ACME_TOKEN");
    story
        .run()
        .exits(0)
        .says(&format!("run {second} of today goes on"));
    let report = story.report();
    assert_eq!(report["run"], second.as_str());
    assert_eq!(report["totals"]["pending"], 0);
}

/// What hints say to run, each once.
fn told(said: &str, command: &str) -> Vec<String> {
    let mut told: Vec<_> = printed(said)
        .into_iter()
        .filter(|line| line.starts_with(command))
        .map(str::to_owned)
        .collect();
    told.sort();
    told.dedup();
    told
}

#[test]
fn a_run_of_the_file_is_forced_if_the_one_before_was() {
    let story = Scenario::of([good(), zscaler("").labelled("Z").missing()]);
    let said = story
        .okta_rollout(&["run", "job.toml", "--force", "--only", "org=acme"])
        .exits(3)
        .said();
    let run = "okta-rollout run job.toml --force --only org=acme";
    assert_eq!(told(&said, "okta-rollout run"), [run], "{said}");
    // Also told by whoever continues with it.
    let said = story.okta_rollout(&["resume", "--failed"]).exits(3).said();
    let all = "okta-rollout run job.toml --force";
    assert_eq!(told(&said, "okta-rollout run"), [all], "{said}");
    story.manifest([good()]);
    story.all_calls("acme");
    story.shell(run).exits(0);
    let calls = story.all_calls("acme");
    assert!(
        calls.iter().any(|call| call.starts_with("POST")),
        "{calls:?}"
    );
}

#[test]
fn a_run_of_the_file_renews_the_same_consents_and_no_others() {
    let story = Scenario::of([google("0oa2"), slack("").labelled("Slak").missing()]);
    let arguments = ["run", "job.toml", "--reconnect", "--only", "org=acme"];
    let said = story.okta_rollout(&arguments).exits(3).said();
    let run = "okta-rollout run job.toml --reconnect --only org=acme";
    assert_eq!(told(&said, "okta-rollout run"), [run], "{said}");
    let said = story.okta_rollout(&["resume", "--failed"]).exits(3).said();
    assert_eq!(
        told(&said, "okta-rollout run"),
        ["okta-rollout run job.toml"],
        "{said}"
    );
    story.manifest([google("0oa2")]);
    story.shell(run).exits(4);
}

#[test]
fn commands_about_a_saved_plan_have_its_flags_and_its_part_of_the_file() {
    let entries = |globex: &str| [good(), google("0oa2"), zscaler(globex).at("globex")];
    let story = Scenario::of(entries("0oa3"));
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    let plan = [
        "plan",
        "job.toml",
        "--out",
        "p.json",
        "--reconnect",
        "--only",
        "org=acme",
    ];
    let said = story.okta_rollout(&plan).exits(0).said();
    let apply = "okta-rollout run --plan p.json --reconnect";
    assert!(said.contains(&format!("with: {apply}\n")), "{said}");

    let said = story
        .okta_rollout(&["run", "--plan", "p.json"])
        .exits(2)
        .said();
    let with = "it was made with --reconnect, which has to be given again: \
        okta-rollout run --plan p.json job.toml --reconnect";
    assert!(said.contains(with), "{said}");
    let forced = ["run", "--plan", "p.json", "--reconnect", "--force"];
    let said = story.okta_rollout(&forced).exits(2).said();
    let without =
        "it was made without --force: okta-rollout run --plan p.json job.toml --reconnect";
    assert!(said.contains(without), "{said}");

    story.manifest(entries("0oa4"));
    let said = story.shell(apply).exits(2).said();
    let anew = "make a new plan: okta-rollout plan job.toml --reconnect --only org=acme --out PLAN";
    assert!(said.contains(anew), "{said}");
    story
        .shell(anew.strip_prefix("make a new plan: ").unwrap())
        .exits(0);
    story
        .shell("okta-rollout run --plan PLAN --reconnect")
        .exits(4);
}

#[test]
fn a_run_of_the_file_is_of_no_more_than_the_plan_was() {
    let story = Scenario::of([good(), zscaler("0oa3").at("globex")]);
    let plan = ["plan", "job.toml", "--out", "p.json", "--only", "org=acme"];
    story.okta_rollout(&plan).exits(0);
    story.write("secrets/app-token", "bad");
    let said = story
        .okta_rollout(&["run", "--plan", "p.json"])
        .exits(3)
        .said();
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let retry = format!("okta-rollout resume {run} --failed");
    assert_eq!(told(&said, "okta-rollout resume"), [retry], "{said}");
    story.write("secrets/app-token", "good");
    story.manifest([good().feature(user()), zscaler("0oa3").at("globex")]);
    let said = story.okta_rollout(&["resume", "--failed"]).exits(0).said();
    let (_, now) = said.split_once("as it is now: ").unwrap();
    assert_eq!(
        now.lines().next(),
        Some("okta-rollout run job.toml --only org=acme"),
        "{said}"
    );
}

#[test]
fn a_check_is_followed_by_the_same_check() {
    let story = Scenario::of([good().token("env:NOT_SET").with("nothing", "x".into())]);
    let said = story
        .okta_rollout(&["check", "job.toml", "--no-secrets"])
        .exits(2)
        .said();
    let (_, command) = said.rsplit_once("then: ").unwrap();
    assert_eq!(command.trim(), "okta-rollout check --no-secrets job.toml");
    story.manifest([good().token("env:NOT_SET")]);
    story.shell(command.trim()).exits(0);
}
