//! A saved plan is a claim: it decides neither where calls go nor what is done there, and what does not fit the files
//! that people keep is refused before anything is sent.

use serde_json::{Value, json};

use crate::support::{APP_TOKEN, Scenario, google, lie, zscaler};

fn plan(story: &Scenario) -> Value {
    serde_json::from_str(&std::fs::read_to_string(story.path("plan.json")).unwrap()).unwrap()
}

/// Two entries, one to be switched off, and their plan.
fn planned() -> Scenario {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
    story.run().exits(0);
    story.manifest([zscaler("0oa1").disabled(), zscaler("0oa2")]);
    story
        .okta_rollout(&["plan", "job.toml", "--out", "plan.json"])
        .exits(0)
        .says("run --plan plan.json");
    story.all_calls("acme");
    story
}

#[test]
fn a_plan_that_does_not_hold_is_made_anew_by_the_command_that_is_printed() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let apps = manifest["apps"].as_array().unwrap().iter();
    let apps: Vec<String> = apps.map(Value::to_string).collect();
    story.write("secrets/app-token", APP_TOKEN);
    story.write("a b.jsonl", &apps.join("\n"));
    let orgs = json!({ "orgs": manifest["orgs"] });
    story.write("o.json", &orgs.to_string());
    let only = ["--orgs", "o.json", "--only", "app=zscalerbyz"];
    let plan = ["plan", "a b.jsonl", "--out", "p.json"];
    story.okta_rollout(&[&plan[..], &only].concat()).exits(0);
    story.write("a b.jsonl", &format!("{}\n", apps.join("\n")));
    let said = story
        .okta_rollout(&["run", "--plan", "p.json"])
        .exits(2)
        .said();
    let (_, command) = said.rsplit_once("make a new plan: ").unwrap();
    let command = command.trim_end();
    let wanted = "okta-rollout plan 'a b.jsonl' --orgs o.json --only app=zscalerbyz --out PLAN";
    assert_eq!(command, wanted);
    story.shell(command).exits(0).says("--plan PLAN");
}

/// A change that somebody made to a plan, and what is said of it.
type Forgery = (&'static str, fn(&mut Value), &'static str);

const FORGERIES: [Forgery; 18] = [
    (
        "a row that does not exist",
        |plan| plan["entries"][0]["row"] = json!(99),
        "row 99, which it calls acme zscalerbyz 0oa1 (row 1), is not there",
    ),
    (
        "row 0",
        |plan| plan["entries"][0]["row"] = json!(0),
        "row 0, which it calls",
    ),
    (
        "a huge row",
        |plan| plan["entries"][0]["row"] = json!(u64::MAX),
        "row 18446744073709551615, which it calls",
    ),
    (
        "a negative row",
        |plan| plan["entries"][0]["row"] = json!(-1),
        "is no saved plan: invalid value: integer `-1`",
    ),
    (
        "no whole row",
        |plan| plan["entries"][0]["row"] = json!(1.5),
        "is no saved plan: invalid type: floating point `1.5`",
    ),
    (
        "a row twice",
        |plan| plan["entries"][1]["row"] = json!(1),
        "is no saved plan: it has row 1 twice",
    ),
    (
        "rows of each other",
        |plan| {
            plan["entries"][0]["row"] = json!(2);
            plan["entries"][1]["row"] = json!(1);
        },
        "is another entry there",
    ),
    (
        "another entry in a row",
        |plan| plan["entries"][0]["entry"] = json!("zscalerbyz 0oa9 (row 1)"),
        "row 1, which it calls acme zscalerbyz 0oa9 (row 1), is another entry there",
    ),
    (
        "another org in a row",
        |plan| plan["entries"][0]["org"] = json!("globex"),
        "is another entry there",
    ),
    (
        "a row that it does not select",
        |plan| plan["only"] = json!(["app=google"]),
        "is not there, or not among what it selects",
    ),
    (
        "a selection that is none",
        |plan| plan["only"] = json!(["org"]),
        "is no saved plan: no state \"org\"",
    ),
    (
        "the manifest's digest",
        |plan| plan["digests"]["manifest"] = json!("00"),
        "m.json changed since the plan was made; nothing was sent",
    ),
    (
        "the job's digest",
        |plan| plan["digests"]["job"] = json!("00"),
        "job.toml changed since the plan was made; nothing was sent",
    ),
    (
        "no job",
        |plan| plan["digests"]["job"] = Value::Null,
        "the plan is of ",
    ),
    (
        "orgs of somewhere",
        |plan| plan["digests"]["orgs"] = json!("00"),
        "the plan was made with an orgs file, and there is none now",
    ),
    (
        "an unknown key",
        |plan| plan["url\u{1b}[2J"] = json!("https://evil.example"),
        "is no saved plan: unknown field `url [2J`",
    ),
    (
        "an unknown version",
        |plan| plan["version"] = json!(3),
        "is a plan of version 3, this program reads 4; nothing was sent",
    ),
    (
        "a file that does not exist",
        |plan| plan["file"] = json!("/nowhere/job.toml"),
        "the plan is of /nowhere/job.toml, which cannot be read",
    ),
];

#[test]
fn a_forged_plan_is_refused_before_anything_is_sent() {
    let story = planned();
    let honest = plan(&story);
    for (what, forge, wanted) in FORGERIES {
        let mut forged = honest.clone();
        forge(&mut forged);
        story.write("plan.json", &forged.to_string());
        let refused = story.okta_rollout(&["run", "--plan", "plan.json"]);
        let said = refused.exits(2).said();
        assert!(said.contains(wanted), "{what}: {said}");
        assert!(!said.contains('\u{1b}'), "{what}: {said}");
        let calls = story.all_calls("acme");
        assert!(calls.is_empty(), "{what}: {calls:?}");
    }
    assert_eq!(story.report()["totals"]["entries"], 2, "no run began");
    // None of it harmed the files.
    story.write("plan.json", &honest.to_string());
    story.okta_rollout(&["run", "--plan", "plan.json"]).exits(0);
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let story = planned();
    let deep = "[".repeat(100_000);
    let long = format!("{{\"version\":4,\"file\":\"{}\"}}", "x".repeat(1 << 20));
    for (text, wanted) in [
        ("", "is no saved plan: EOF"),
        ("null", "is no saved plan: invalid type: null"),
        ("[]", "is no saved plan: "),
        ("{}", "is no saved plan: missing field `version`"),
        ("{\"version\":4}", "is no saved plan: missing field `file`"),
        ("{\"version\":-4}", "is no saved plan: invalid value"),
        ("{\"version\":4}{", "is no saved plan: trailing characters"),
        ("org,app\nacme,google\n", "is no saved plan: expected value"),
        (&deep, "is no saved plan: "),
        (&long, "is no saved plan: missing field `digests`"),
    ] {
        story.write("plan.json", text);
        let refused = story.okta_rollout(&["run", "--plan", "plan.json"]);
        refused.exits(2).says(wanted).says("nothing was sent");
    }
    let huge = std::fs::File::create(story.path("plan.json")).unwrap();
    huge.set_len((512 << 20) + 1).unwrap();
    let refused = story.okta_rollout(&["run", "--plan", "plan.json"]);
    refused
        .exits(2)
        .says("is no saved plan: it is over 512 MiB");
    for (path, wanted) in [
        (".", ". cannot be read: "),
        ("none.json", "none.json cannot be read: No such file"),
        ("/dev/zero", "/dev/zero is no saved plan: it is over"),
    ] {
        story
            .okta_rollout(&["run", "--plan", path])
            .exits(2)
            .says(wanted);
    }
    assert!(story.all_calls("acme").is_empty());
}

#[test]
fn what_a_plan_claims_to_have_seen_and_to_change_is_compared() {
    for (what, forge) in [
        (
            "the live state",
            (|plan| plan["entries"][0]["seen"] = json!("00".repeat(16))) as fn(&mut Value),
        ),
        ("what is done", |plan| {
            plan["entries"][1]["action"] = json!("set_up");
        }),
        ("what is changed", |plan| {
            plan["entries"][0]["changes"] = json!(["connection.status: \"ENABLED\" → \"X\""]);
        }),
        ("nothing is changed", |plan| {
            plan["entries"][0]["changes"] = json!([]);
        }),
    ] {
        let story = planned();
        let mut forged = plan(&story);
        forge(&mut forged);
        story.write("plan.json", &forged.to_string());
        let refused = story.okta_rollout(&["run", "--plan", "plan.json"]);
        refused.exits(2).says("moved since the plan was made");
        let calls = story.all_calls("acme");
        assert!(
            calls.iter().all(|call| call.starts_with("GET ")),
            "{what}: {calls:?}"
        );
    }
}

/// Posts that an org got since a story last asked.
fn posts(story: &Scenario) -> usize {
    let calls = story.calls("acme");
    calls.iter().filter(|call| call.starts_with("POST")).count()
}

#[test]
fn force_comes_from_the_command_line_and_never_from_a_plan() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    story.run().exits(4);
    let save = [
        "plan",
        "job.toml",
        "--out",
        "plan.json",
        "--only",
        "app=zscalerbyz",
    ];
    let apply = ["run", "--plan", "plan.json"];
    story.okta_rollout(&save).exits(0);
    let mut forged = plan(&story);
    forged["force"] = json!(true);
    story.write("plan.json", &forged.to_string());
    story.calls("acme");
    story.okta_rollout(&apply).exits(0).says("nothing to do");
    assert_eq!(posts(&story), 0);

    // Who planned with it gives it again, as is said.
    let with_force = [&save[..], &["--force"]].concat();
    story
        .okta_rollout(&with_force)
        .exits(0)
        .says("okta-rollout run --plan plan.json --force");
    story
        .okta_rollout(&apply)
        .exits(2)
        .says("hint: it was made with --force")
        .says("okta-rollout run --plan plan.json job.toml --force");
    assert_eq!(posts(&story), 0);
    let apply = [&apply[..], &["job.toml", "--force"]].concat();
    story.okta_rollout(&apply).exits(0).says("1 changed");
    assert_eq!(posts(&story), 1);
}

const ORGS: &str = "org,url,auth.apiToken\n";
const ROWS: &str = "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token\n\
    acme,zscalerbyz,0oa1,https://scim.zscalerbeta.net/1/2/scim,TOKEN,file:secrets/app-token\n";

/// A manifest and an orgs file, in a folder.
fn with_orgs_file(story: &Scenario, folder: &str, url: &str) {
    story.write(&format!("{folder}m.csv"), ROWS);
    story.write(
        &format!("{folder}orgs.csv"),
        &format!("{ORGS}acme,{url},env:ACME_TOKEN\n"),
    );
    story.write(&format!("{folder}secrets/app-token"), APP_TOKEN);
}

#[test]
fn nothing_goes_where_only_a_plan_leads() {
    let story = Scenario::of([zscaler("0oa1")]);
    let liar = story.lies(|_| {
        lie(
            404,
            &[],
            r#"{"errorCode":"E0000007","errorSummary":"not found"}"#,
        )
    });
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let org = manifest["orgs"]["acme"]["url"].as_str().unwrap();
    with_orgs_file(&story, "here/", org);
    let here = |arguments: &[&str]| story.elsewhere("here", &[], arguments);
    here(&["plan", "m.csv", "--orgs", "orgs.csv", "--out", "plan.json"]).exits(0);
    story.all_calls("acme");
    let read = || std::fs::read_to_string(story.path("here/plan.json")).unwrap();
    let honest: Value = serde_json::from_str(&read()).unwrap();

    // Somebody puts files of their own elsewhere, plans with them, and changes the plan.
    with_orgs_file(&story, "theirs/", &liar.url);
    let theirs = [
        "plan",
        "m.csv",
        "--orgs",
        "orgs.csv",
        "--out",
        "../here/plan.json",
    ];
    story.elsewhere("theirs", &[], &theirs);
    assert!(!liar.calls().is_empty());
    let forged: Value = serde_json::from_str(&read()).unwrap();
    let mut orgs_only = honest.clone();
    orgs_only["orgsFile"] = forged["orgsFile"].clone();
    orgs_only["digests"]["orgs"] = forged["digests"]["orgs"].clone();
    let mut same_name = forged.clone();
    same_name["file"] = honest["file"].clone();
    same_name["orgsFile"] = honest["orgsFile"].clone();
    let mut with_dots = forged.clone();
    for key in ["file", "orgsFile"] {
        let path = honest[key].as_str().unwrap();
        with_dots[key] = json!(path.replace("/here/", "/here/../theirs/"));
    }
    for (plan, wanted) in [
        (&forged, "which is neither here nor beside it"),
        (&with_dots, "which is neither here nor beside it"),
        (&orgs_only, "which is neither here nor beside it"),
        (&same_name, "orgs.csv changed since the plan was made"),
    ] {
        story.write("here/plan.json", &plan.to_string());
        for files in [&[][..], &["m.csv"], &["m.csv", "--orgs", "orgs.csv"]] {
            let arguments = [&["run", "--plan", "plan.json"], files].concat();
            let refused = here(&arguments).exits(2);
            if files.is_empty() {
                refused.says(wanted).says("nothing was sent");
            }
            assert_eq!(liar.calls(), [""; 0], "{arguments:?}");
            assert_eq!(story.all_calls("acme"), [""; 0], "{arguments:?}");
        }
    }

    // As it was; and by the files that are given, wherever they are.
    story.write("here/plan.json", &honest.to_string());
    let there = ["run", "--plan", "../here/plan.json", "../here/m.csv"];
    let given = [&there[..], &["--orgs", "../here/orgs.csv"]].concat();
    story
        .elsewhere("there", &[], &given)
        .exits(0)
        .says("1 changed");
    here(&["run", "--plan", "plan.json"])
        .exits(2)
        .says("moved since");
}

#[test]
fn an_orgs_file_that_changed_is_refused_as_a_changed_manifest_is() {
    let story = Scenario::of([zscaler("0oa1")]);
    let liar = story.lies(|_| {
        lie(
            404,
            &[],
            r#"{"errorCode":"E0000007","errorSummary":"not found"}"#,
        )
    });
    with_orgs_file(&story, "", &liar.url);
    let save = ["plan", "m.csv", "--orgs", "orgs.csv", "--out", "plan.json"];
    story.okta_rollout(&save).exits(3);
    let before = std::fs::read_to_string(story.path("orgs.csv")).unwrap();
    liar.calls();
    for (orgs, wanted) in [
        (
            before.replace("127.0.0.1", "localhost"),
            "orgs.csv changed since the plan",
        ),
        (
            format!("{before}globex,https://globex.okta.com,env:X\n"),
            "orgs.csv changed since",
        ),
        (format!("{before} "), "orgs.csv changed since"),
        (String::new(), "orgs.csv changed since"),
    ] {
        story.write("orgs.csv", &orgs);
        for more in [&[][..], &["m.csv"], &["--orgs", "orgs.csv"]] {
            let apply = [&["run", "--plan", "plan.json"], more].concat();
            let refused = story.okta_rollout(&apply);
            refused.exits(2).says(wanted).says("nothing was sent");
        }
    }
    std::fs::remove_file(story.path("orgs.csv")).unwrap();
    let apply = ["run", "--plan", "plan.json"];
    let gone = story.okta_rollout(&apply);
    gone.exits(2).says("orgs.csv").says("No such file");
    assert_eq!(liar.calls(), [""; 0]);
}
