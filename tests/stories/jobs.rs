//! The jobs that are shipped, and what programs are told of any job: its schema, and the settings that hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Scenario, zscaler};

/// Each job that is shipped, with its text.
fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs");
    let mut jobs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|job| job.unwrap().path())
        .filter(|job| job.extension().is_some_and(|end| end == "toml"))
        .map(|job| {
            let name = job.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(job).unwrap())
        })
        .collect();
    jobs.sort();
    jobs
}

fn validator() -> Validator {
    let story = Scenario::of([]);
    let schema = story.okta_rollout(&["schema", "--job"]).exits(0).json();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn mistakes(validator: &Validator, job: &str) -> Vec<String> {
    let job: toml::Table = toml::from_str(job).unwrap();
    let job = serde_json::to_value(job).unwrap();
    let found = validator.iter_errors(&job);
    found
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// A job with every key that can be given.
const EVERY_KEY: &str = r#"manifest = "m.json"
orgs = "orgs.csv"
onDrift = "report"
[ledger]
path = "state/night.db"
keep = "90d"
[limits]
share = 0.5
maxRps = 10
maxInFlight = 3
[retry]
maxAttempts = 3
initial = "500ms"
max = "1m 30s"
maxElapsed = "2h"
orgPatience = "45m"
[http]
connectTimeout = "5s"
timeout = "0.5m"
caFile = "ca.pem"
[[waves]]
name = "canaries"
orgs = ["canary-*"]
haltWhenFailed = "2.5%"
soak = "30m"
approve = true
[[waves]]
orgs = ["*"]
haltWhenFailed = 3
[schedule]
cron = "0 2 * * 1-5"
timezone = "America/New_York"
overlap = "queue"
catchUp = true
jitter = "5m"
[notify]
webhook = "env:HOOK"
secret = "file:hook-key"
format = "slack"
on = ["run.finished", "org.stopped"]
[secrets]
passEnv = ["VAULT_ADDR"]
[[reports]]
format = "csv"
path = "reports/{job}-{run}.csv"
[sandbox]
consent = "manual"
latency = "250ms"
[sandbox.limits]
"/oauth2/v1/clients" = 5
[sandbox.switches.acme]
revokedToken = true
"#;

#[test]
fn shipped_jobs_are_as_the_schema_says() {
    let validator = validator();
    let begun = include_str!("../../src/cli/init/job.toml").to_owned();
    let every = ("every key".to_owned(), EVERY_KEY.to_owned());
    let more = [("init".to_owned(), begun), every];
    for (name, job) in shipped().into_iter().chain(more) {
        assert_eq!(mistakes(&validator, &job), [""; 0], "{name}");
    }
}

#[test]
fn what_the_check_refuses_is_not_as_the_schema_says() {
    let validator = validator();
    let story = Scenario::of([zscaler("0oa1")]);
    for (right, wrong) in [
        ("manifest = ", "manifst = "),
        ("\"m.json\"", "7"),
        ("\"m.json\"", "''"),
        ("\"report\"", "\"repare\""),
        ("keep = \"90d\"", "keep = \"90\""),
        ("share = 0.5", "share = 1.5"),
        ("share = 0.5", "share = 0"),
        ("maxInFlight = 3", "maxInflight = 3"),
        ("maxAttempts = 3", "maxAttempts = 0"),
        ("initial = \"500ms\"", "initial = \"500\""),
        ("initial = \"500ms\"", "initial = 500"),
        ("cron = \"0 2 * * 1-5\"\n", ""),
        ("[schedule]", "[shedule]"),
        ("\"queue\"", "\"wait\""),
        ("catchUp = true", "catchUp = 1"),
        ("\"2.5%\"", "\"2.5\""),
        ("approve = true", "approve = 'yes'"),
        ("soak = \"30m\"", "soak = \"30\""),
        ("[\"*\"]", "[]"),
        ("\"env:HOOK\"", "\"https://hooks.example.com/x\""),
        ("\"run.finished\"", "\"run.ended\""),
        ("\"slack\"", "\"slak\""),
        ("\"VAULT_ADDR\"", "\"VAULT-ADDR\""),
        ("\"csv\"", "\"cvs\""),
        ("[[reports]]", "[reports]"),
        ("consent = \"manual\"", "consent = \"nobody\""),
        ("revokedToken", "revokeToken"),
    ] {
        let job = EVERY_KEY.replace(right, wrong);
        assert_ne!(job, EVERY_KEY, "{right}");
        assert!(!mistakes(&validator, &job).is_empty(), "{wrong}");
        story.write("wrong.toml", &job);
        story.okta_rollout(&["check", "wrong.toml"]).exits(2);
    }
}

/// How a job ends as it is shipped: its comments say so, where it is not 0.
fn ends_with(job: &str) -> i32 {
    let comments = job.lines().filter_map(|line| line.split_once('#'));
    let mut codes = comments.filter_map(|(_, comment)| {
        let (_, code) = comment.split_once("exit ")?;
        let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    codes.next().unwrap_or(0)
}

#[test]
fn shipped_jobs_end_as_they_say() {
    let jobs = shipped();
    assert!(jobs.len() >= 2, "{jobs:?}");
    std::thread::scope(|scope| {
        for (name, job) in &jobs {
            scope.spawn(move || {
                let story = Scenario::of([]);
                story.copy("jobs");
                story.copy("samples");
                let file = format!("jobs/{name}");
                story.okta_rollout(&["check", &file]).exits(0);
                story.okta_rollout(&["run", &file]).exits(ends_with(job));
                let job: toml::Table = toml::from_str(job).unwrap();
                let asked = job.get("reports").and_then(toml::Value::as_array);
                let is_report = |file: &&PathBuf| file.to_str().unwrap().contains("/reports/");
                let written = story.files().iter().filter(is_report).count();
                assert_eq!(written, asked.map_or(0, Vec::len), "{name}");
            });
        }
    });
}

/// The settings that hold, and their names.
fn explained(story: &Scenario, arguments: &[&str]) -> Vec<Value> {
    let command = [&["check", "--explain", "--format", "json"], arguments].concat();
    let found = story.okta_rollout(&command).json();
    found["settings"].as_array().unwrap().clone()
}

fn setting(settings: &[Value], org: Option<&str>, name: &str) -> Value {
    let mut found = settings
        .iter()
        .filter(|one| one["org"] == json!(org) && one["setting"] == name);
    let one = found.next().unwrap_or_else(|| panic!("{name} is missing"));
    assert!(found.next().is_none(), "{name} is there twice");
    json!([one["value"], one["source"], one["from"]])
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_setting_says_where_it_comes_from() {
    let mut story = Scenario::of([]);
    story.write("orgs.csv", "org,url,auth.apiToken,limits.share\nacme,https://acme.okta.com,env:ACME_TOKEN,0.3\nsim,sandbox,,\n");
    story.write(
        "j/m.csv",
        "org,app,appId,connection.profile.authScheme\nacme,google,0oa1,OAUTH2\nsim,google,0oa2,OAUTH2\n",
    );
    story.write("night.env", "ACME_TOKEN=tell-tale\n");
    story.secret("ACME_TOKEN", "tell-tale");
    story.set(
        "HTTPS_PROXY",
        "http://me:tell-tale-password@proxy.example:8080",
    );
    story.set("no_proxy", "intern.example");
    story.write(
        "j/night.toml",
        "manifest = 'm.csv'\norgs = 'other.csv'\n\n[ledger]\npath = '../l.db'\n[limits]\nshare = 0.5\n\
         [[reports]]\nformat = 'text'\npath = 'r/{run}.txt'\n[sandbox]\nlimit = 7\n",
    );
    let flags = [
        "j/night.toml",
        "--orgs",
        "orgs.csv",
        "--env-file",
        "night.env",
    ];
    let settings = explained(&story, &flags);
    for (org, name, wanted) in [
        (
            None,
            "manifest",
            json!(["j/m.csv", "job", "j/night.toml:1"]),
        ),
        (None, "orgs", json!(["orgs.csv", "flag", "--orgs"])),
        (None, "onDrift", json!(["repair", "default", null])),
        (
            None,
            "ledger.path",
            json!(["j/../l.db", "job", "j/night.toml:5"]),
        ),
        (None, "ledger.keep", json!([null, "default", null])),
        (None, "limits.share", json!([0.5, "job", "j/night.toml:7"])),
        (None, "limits.maxInFlight", json!([20, "default", null])),
        (None, "retry.maxAttempts", json!([8, "default", null])),
        (None, "retry.maxElapsed", json!(["30m", "default", null])),
        (None, "http.timeout", json!(["1m", "default", null])),
        (None, "http.caFile", json!([null, "default", null])),
        (None, "schedule", json!([null, "default", null])),
        (
            None,
            "reports[0].format",
            json!(["text", "job", "j/night.toml:9"]),
        ),
        (
            None,
            "reports[0].path",
            json!(["j/r/{run}.txt", "job", "j/night.toml:10"]),
        ),
        (None, "sandbox.limit", json!([7, "job", "j/night.toml:12"])),
        (None, "sandbox.consent", json!(["auto", "default", null])),
        (None, "log.file", json!([null, "default", null])),
        (None, "envFile", json!(["night.env", "flag", "--env-file"])),
        (
            None,
            "proxy.https",
            json!(["http://proxy.example:8080", "environment", "HTTPS_PROXY"]),
        ),
        (
            None,
            "proxy.except",
            json!(["intern.example", "environment", "no_proxy"]),
        ),
        (
            Some("acme"),
            "url",
            json!(["https://acme.okta.com", "org", "orgs.csv"]),
        ),
        (
            Some("acme"),
            "auth.apiToken",
            json!(["env:ACME_TOKEN", "org", "orgs.csv"]),
        ),
        (
            Some("acme"),
            "limits.share",
            json!([0.3, "org", "orgs.csv"]),
        ),
        (Some("sim"), "url", json!(["sandbox", "org", "orgs.csv"])),
    ] {
        assert_eq!(setting(&settings, org, name), wanted, "{name}");
    }
    let of_sim = settings.iter().filter(|one| one["org"] == "sim").count();
    assert_eq!(of_sim, 1, "what an org does not say is as for all");
    // A variable wins over the job, a flag over both.
    story.set("OKTA_ROLLOUT_LEDGER", "e.db");
    let ledger = |more: &[&str]| {
        let settings = explained(&story, &[&flags[..], more].concat());
        setting(&settings, None, "ledger.path")
    };
    assert_eq!(
        ledger(&[]),
        json!(["e.db", "environment", "OKTA_ROLLOUT_LEDGER"])
    );
    assert_eq!(
        ledger(&["--ledger", "f.db"]),
        json!(["f.db", "flag", "--ledger"])
    );
}

#[test]
fn what_is_explained_of_a_manifest_are_the_defaults() {
    let story = Scenario::of([zscaler("0oa1")]);
    let settings = explained(&story, &["m.json"]);
    for (name, wanted) in [
        ("manifest", json!(["m.json", "flag", "FILE"])),
        ("orgs", json!([null, "default", null])),
        (
            "ledger.path",
            json!([".okta-rollout/ledger.db", "default", null]),
        ),
        ("limits.share", json!([0.9, "default", null])),
    ] {
        assert_eq!(setting(&settings, None, name), wanted, "{name}");
    }
    let is_simulated = |one: &Value| one["setting"].as_str().unwrap().starts_with("sandbox");
    assert!(!settings.iter().any(is_simulated));
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let story = Scenario::of([]);
    let schema = story.okta_rollout(&["schema", "--job"]).exits(0).json();
    let made = rcgen::generate_simple_self_signed(["corp.example".to_owned()]).unwrap();
    story.write("ca.pem", &made.cert.pem());
    story.write("orgs.csv", "org,url\nacme,sandbox\n");
    story.write("every.toml", EVERY_KEY);
    let settings = explained(&story, &["every.toml"]);
    let names: BTreeSet<_> = settings
        .iter()
        .map(|one| one["setting"].as_str().unwrap().to_owned())
        .collect();
    for (section, inner) in schema["properties"].as_object().unwrap() {
        let (table, begin) = match &inner["items"] {
            Value::Null => (inner, format!("{section}.")),
            items => (items, format!("{section}[0].")),
        };
        let Some(keys) = table["properties"].as_object() else {
            assert!(names.contains(section), "{section}");
            continue;
        };
        let is_given = toml::from_str::<toml::Table>(EVERY_KEY)
            .unwrap()
            .contains_key(section);
        for key in keys.keys().filter(|_| is_given) {
            let name = format!("{begin}{key}");
            let is_there = names.iter().any(|known| known.starts_with(&name));
            assert!(is_there, "{name}");
        }
        assert!(is_given || names.contains(section), "{section}");
    }
}

#[test]
fn people_see_settings_as_a_table_and_then_the_mistakes() {
    let story = Scenario::of([]);
    story.write("orgs.csv", "org,url\nacme,sandbox\n");
    story.write(
        "m.csv",
        "org,app,appId,connection.profile.authScheme\nacme,gogle,0oa1,OAUTH2\n",
    );
    story.write(
        "j.toml",
        "manifest = 'm.csv'\norgs = 'orgs.csv'\n[limits]\nmaxInFlight = 4\n",
    );
    let ran = story
        .okta_rollout(&["check", "j.toml", "--explain"])
        .exits(2);
    let table = ran.says("gogle").data();
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("setting"), ["setting", "value", "source", "from"]);
    assert_eq!(
        line("limits.maxInFlight"),
        ["limits.maxInFlight", "4", "job", "j.toml:4"]
    );
    assert_eq!(line("limits.maxRps"), ["limits.maxRps", "none", "default"]);
    assert_eq!(
        line("acme: url"),
        ["acme:", "url", "sandbox", "org", "orgs.csv"]
    );
    // A job that cannot be read holds no settings.
    story.write("j.toml", "manifst = 'm.csv'\n");
    let ran = story
        .okta_rollout(&["check", "j.toml", "--explain"])
        .exits(2);
    assert_eq!(ran.says("manifst: unknown key").data(), "");
}

/// Mistakes of jobs, beyond what they begin with: what is told of each, and what helps.
const ELSEWHERE: [(&str, &str, &str); 10] = [
    (
        "[http]\ncaFile = 'none.pem'\n",
        "job.toml:7:10: http.caFile: none.pem cannot be used: No such file or directory",
        "give a file of PEM certificates",
    ),
    (
        "[http]\ncaFile = 'key.pem'\n",
        "job.toml:7:10: http.caFile: key.pem cannot be used: holds no PEM certificate",
        "give a file of PEM certificates",
    ),
    (
        "[http]\ntimeout = '5s'\ncaFile = \"empty.pem\"\n",
        "job.toml:8:10: http.caFile: empty.pem cannot be used: ",
        "give a file of PEM certificates",
    ),
    (
        "[sandbox]\nlimt = 3\n",
        "job.toml:7:1: sandbox.limt: unknown key",
        "did you mean `limit`?",
    ),
    (
        "[sandbox]\nlatency = 'slow'\n",
        "job.toml:7:11: sandbox.latency: `slow` is not a duration",
        "",
    ),
    (
        "[sandbox]\nwindow = '0s'\n",
        "job.toml:7:10: sandbox.window: must be longer than nothing",
        "limit = 0",
    ),
    (
        "[sandbox.faults.percent]\nreset = 70\nhang = 40\n",
        "sandbox.faults.percent: 110 % of the requests go wrong",
        "at most 100",
    ),
    (
        "[[sandbox.faults.rules]]\nfault = 'hang'\norg = 'globx'\n",
        "job.toml:8:7: sandbox.faults.rules[0].org: no org fits \"globx\"",
        "did you mean globex?",
    ),
    (
        "[sandbox.switches.Acme]\nmissingRole = true\n",
        "sandbox.switches.Acme: there is no org \"Acme\"",
        "did you mean acme?",
    ),
    (
        "[sandbox.switches.acme]\nmissingRoles = true\n",
        "job.toml:7:1: sandbox.switches.acme.missingRoles: unknown key",
        "did you mean `missingRole`?",
    ),
];

/// What is wrong with a job beyond its own text: in its place, and before anything of a run is there.
#[test]
fn what_only_others_know_of_a_job_is_a_mistake_of_it_too() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    story.write(
        "key.pem",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    story.write("empty.pem", "");
    for (more, wanted, hint) in ELSEWHERE {
        story.job(more);
        for command in ["check", "run", "plan", "rehearse"] {
            let ran = story.okta_rollout(&[command, "job.toml"]).exits(2);
            ran.says(wanted).says(hint);
        }
        let found = story.okta_rollout(&["check", "job.toml", "--format", "json"]);
        let found = found.exits(2).json();
        assert_eq!(found["problemCount"], 1, "{found}");
        let problem = &found["problems"][0];
        assert!(
            problem["line"].is_u64() && problem["column"].is_u64(),
            "{found}"
        );
        assert!(!story.ledger().exists(), "{more}");
    }
    // All of them at once, with those of the manifest.
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &manifest.replace("TOKEN", "TOKN"));
    story.job("[http]\ncaFile = 'none.pem'\n[sandbox]\nseed = 'x'\n[sandbox.switches.nobody]\nlimit = -1\n");
    let found = story.okta_rollout(&["check", "job.toml", "--no-secrets", "--format", "json"]);
    let found = found.exits(2).json();
    let fields = found["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].as_str().unwrap());
    let fields: Vec<_> = fields.collect();
    for field in [
        "http.caFile",
        "sandbox.seed",
        "sandbox.switches.nobody.limit",
    ] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert!(
        fields.iter().any(|field| field.contains("authScheme")),
        "{fields:?}"
    );
    assert!(story.all_calls("acme").is_empty());
}

/// Patterns, orgs that the sandbox makes by number, and orgs elsewhere are all right.
#[test]
fn orgs_that_a_job_speaks_of_may_be_any_that_are_there() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    story.job(
        "[sandbox]\norgs = 3\n[[sandbox.faults.rules]]\nfault = 'hang'\norg = 'glo*'\n\
         [sandbox.switches.org-0003]\nlimit = 4\n[sandbox.switches.acme]\nlimit = 4\n",
    );
    story.okta_rollout(&["check", "job.toml"]).exits(0);
    story.run().exits(0);
    story.job("[sandbox]\norgs = 3\n[sandbox.switches.org-0004]\nlimit = 4\n");
    story
        .okta_rollout(&["check", "job.toml"])
        .exits(2)
        .says("there is no org \"org-0004\"");
}

/// A job that goes bad while a run of it is left over: neither it nor a new one is taken up, and who looks sees why.
#[test]
fn a_job_that_goes_bad_leaves_its_run_as_it_is() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
    story.dies_after(1, &["run", "job.toml"]);
    let before = story.report();
    story.calls("acme");
    story.job("[sandbox]\nconcurency = 3\n");
    for arguments in [
        &["run", "job.toml"][..],
        &["run", "job.toml", "--new"],
        &["resume"],
    ] {
        let ran = story.okta_rollout(arguments).exits(2);
        ran.says("job.toml:7:1: sandbox.concurency: unknown key")
            .says("did you mean `concurrency`?");
    }
    assert_eq!(story.report(), before);
    assert!(story.all_calls("acme").is_empty());
    let runs = story
        .okta_rollout(&["runs", "--format", "json"])
        .exits(0)
        .json();
    let states: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["failed", "failed", "interrupted"]);
    let message = runs[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("sandbox.concurency"), "{message}");
    story.job("");
    story.run().exits(0);
}
