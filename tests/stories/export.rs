//! What orgs have, as a manifest: read and never changed, accepted by the commands that read manifests, and carried
//! over to another org.

use okta_rollout::sandbox::{SeedApp, Switches};
use serde_json::{Value, json};

use crate::support::{
    Entry, Ran, Scenario, google, inbound, office365, org2org, partly_user, slack, user, zoomus,
    zscaler,
};

/// A label that CSV has to quote.
const AWKWARD: &str = "Slack, \"EMEA\"\n2nd line";

/// The apps of an org: integration, id, label.
const APPS: [(&str, &str, &str); 9] = [
    ("zscalerbyz", "0oa1", "Zscaler"),
    ("okta_org2org", "0oa2", "To the hub"),
    ("okta_org2org", "0oa3", "To another hub"),
    ("google", "0oa4", "Google Workspace"),
    ("office365", "0oa5", "Office 365"),
    ("slack", "0oa6", "Slack"),
    ("zoomus", "0oa7", "Zoom"),
    ("zoomus", "0oa8", "Zoom, not set up"),
    ("bookmark", "0oa9", "Intranet"),
];

/// An org `acme` with these apps, of which those with entries are set up.
fn set_up(entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let story = Scenario::of([]);
    add_apps(&story, "acme", "");
    story.manifest(entries);
    settle(&story, &["run", "job.toml"]);
    story.calls("acme");
    story
}

fn add_apps(story: &Scenario, org: &str, suffix: &str) {
    for (name, id, label) in APPS {
        let app = SeedApp {
            name: name.to_owned(),
            id: Some(format!("{id}{suffix}")),
            label: Some(label.to_owned()),
        };
        story.add_app(org, &app);
    }
}

/// Runs until all consents are given.
fn settle(story: &Scenario, run: &[&str]) {
    story.okta_rollout(run);
    let consents = story.consents();
    let pages: Vec<_> = consents
        .iter()
        .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()))
        .collect();
    if !pages.is_empty() {
        story
            .fed(&["consent", "complete"], &pages.join("\n"))
            .exits(0);
    }
    story.okta_rollout(&["resume"]).exits(0);
}

fn all_set_up() -> Scenario {
    let oauth = json!({ "profile": { "authScheme": "OAUTH2", "clientId": "0oaHub",
        "signing": { "rotationMode": "AUTO" } } });
    let schedule = json!({ "importSettings": { "username": { "userNameFormat": "CUSTOM",
            "userNameExpression": "String.toLowerCase(user.login)" },
        "schedule": { "status": "ENABLED", "incrementalImport": null,
            "fullImport": { "expression": "0 3 * * *", "timezone": "Europe/Berlin" } } } });
    set_up([
        zscaler("0oa1").feature(user()),
        org2org("0oa2").feature(user()).feature(inbound()),
        org2org("0oa3").with("connection", oauth),
        google("0oa4").feature(partly_user()),
        office365("0oa5").feature(("INBOUND_PROVISIONING", schedule)),
        slack("0oa6"),
        zoomus("0oa7"),
    ])
}

fn export(story: &Scenario, more: &str) -> Ran {
    let arguments: Vec<_> = "export --orgs m.json"
        .split(' ')
        .chain(more.split(' '))
        .collect();
    story.okta_rollout(&arguments)
}

/// An exported file, as JSON.
fn exported(story: &Scenario, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(story.path(name)).unwrap()).unwrap()
}

/// Fills in the secrets that an export asks for, as a person does.
fn fill_in(story: &Scenario, export: &Ran, from: &str, to: &str) {
    let said = export.said();
    let (_, asked) = said.split_once("which Okta never shows: ").unwrap();
    let mut names: Vec<_> = asked.lines().next().unwrap().split(' ').collect();
    // No name may be taken for the beginning of a longer one.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut text = std::fs::read_to_string(story.path(from)).unwrap();
    for name in names {
        assert!(text.contains(name), "{name}");
        text = text.replace(name, "file:secrets/app-token");
    }
    story.write(to, &text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one literal manifest")]
fn a_small_export_as_json() {
    let story = set_up([zscaler("0oa1").feature(partly_user())]);
    let said = export(
        &story,
        "--org acme --all-supported --app zscalerbyz --app zoomus",
    );
    let said = said.exits(0);
    let text = said.data().replace(&story.url("acme"), "[url]");
    insta::assert_snapshot!(text, @r#"
    {
      "$comment": "live connections of acme",
      "orgs": {
        "acme": {
          "url": "[url]",
          "auth": {
            "apiToken": "env:ACME_TOKEN"
          }
        }
      },
      "apps": [
        {
          "$comment": "label: Zoom",
          "org": "acme",
          "app": "zoomus",
          "appId": "0oa7",
          "status": "DISABLED"
        },
        {
          "$comment": "label: Zoom, not set up",
          "org": "acme",
          "app": "zoomus",
          "appId": "0oa8",
          "status": "DISABLED"
        },
        {
          "$comment": "label: Zscaler",
          "org": "acme",
          "app": "zscalerbyz",
          "appId": "0oa1",
          "connection": {
            "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
            "profile": {
              "authScheme": "TOKEN",
              "token": "env:ACME_ZSCALERBYZ_0OA1_TOKEN"
            }
          },
          "features": {
            "USER_PROVISIONING": {
              "create": {
                "lifecycleCreate": {
                  "status": "ENABLED"
                }
              },
              "update": {
                "profile": {
                  "status": "DISABLED"
                },
                "lifecycleDeactivate": {
                  "status": "DISABLED"
                },
                "password": {
                  "status": "DISABLED",
                  "seed": "RANDOM",
                  "change": "KEEP_EXISTING"
                }
              }
            }
          }
        }
      ]
    }
    "#);
    insta::assert_snapshot!(said.said(), @r#"
    acme: 3 apps exported
    1 secret to fill in, which Okta never shows: env:ACME_ZSCALERBYZ_0OA1_TOKEN
    "#);
}

#[test]
fn a_small_export_as_csv() {
    let story = set_up([zscaler("0oa1"), google("0oa4")]);
    let said = export(
        &story,
        "--org acme --format csv --all-supported --app google --app zscalerbyz --app zoomus",
    );
    insta::assert_snapshot!(said.exits(0).data(), @r#"
    org,app,appId,status,$comment,connection.baseUrl,connection.profile.authScheme,connection.profile.token,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.allowPartialMatch,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.autoActivateNewUsers,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.autoConfirmExactMatch,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.autoConfirmNewUsers,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.autoConfirmPartialMatch,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.exactMatchCriteria,features.INBOUND_PROVISIONING.importSettings.schedule.fullImport,features.INBOUND_PROVISIONING.importSettings.schedule.incrementalImport,features.INBOUND_PROVISIONING.importSettings.schedule.status,features.INBOUND_PROVISIONING.importSettings.username.userNameFormat,features.USER_PROVISIONING.create.lifecycleCreate.status,features.USER_PROVISIONING.update.lifecycleDeactivate.status,features.USER_PROVISIONING.update.password.change,features.USER_PROVISIONING.update.password.seed,features.USER_PROVISIONING.update.password.status,features.USER_PROVISIONING.update.profile.status
    acme,google,0oa4,,label: Google Workspace,,OAUTH2,,true,false,false,false,false,USERNAME,null,null,DISABLED,EMAIL,DISABLED,DISABLED,KEEP_EXISTING,RANDOM,DISABLED,DISABLED
    acme,zoomus,0oa7,DISABLED,label: Zoom,,,,,,,,,,,,,,,,,,,
    acme,zoomus,0oa8,DISABLED,"label: Zoom, not set up",,,,,,,,,,,,,,,,,,,
    acme,zscalerbyz,0oa1,,label: Zscaler,https://scim.zscalerbeta.net/1/2/scim,TOKEN,env:ACME_ZSCALERBYZ_0OA1_TOKEN,,,,,,,,,,,DISABLED,DISABLED,KEEP_EXISTING,RANDOM,DISABLED,DISABLED
    "#);
}

#[test]
fn an_export_is_accepted_by_check_and_only_reads() {
    let story = all_set_up();
    for more in ["-o acme.json", "-o acme.csv", "--all-supported -o all.json"] {
        export(&story, &format!("--org acme {more}"))
            .exits(0)
            .says("next: okta-rollout check");
    }
    let calls = story.calls("acme");
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    // A list of the apps, then a connection each and the features of those that are ENABLED.
    assert_eq!(calls.len(), 3 * (1 + 8 + 7));
    let check = |arguments: &[&str]| {
        let arguments = [&["check", "--no-secrets"], arguments].concat();
        story.okta_rollout(&arguments).exits(0);
    };
    check(&["acme.json"]);
    check(&["acme.json", "--orgs", "m.json"]);
    check(&["acme.csv", "--orgs", "m.json"]);
    check(&["acme.csv", "--orgs", "acme.json"]);
    check(&["all.json"]);
    // Without a ledger of its own, and without leaving anything but the manifest.
    assert!(!has_parts(&story));
    let all = exported(&story, "all.json");
    let apps = all["apps"].as_array().unwrap();
    let disabled: Vec<_> = apps
        .iter()
        .filter(|app| app["status"] == "DISABLED")
        .collect();
    assert_eq!(
        disabled,
        [
            &json!({ "$comment": "label: Zoom, not set up", "org": "acme", "app": "zoomus",
        "appId": "0oa8", "status": "DISABLED" })
        ]
    );
}

#[test]
fn a_run_of_it_in_the_same_org_changes_nothing() {
    let story = all_set_up();
    let state = || APPS.map(|(_, id, _)| story.app("acme", id));
    let before = state();
    let said = export(&story, "--org acme -o acme.json").exits(0);
    fill_in(&story, &said, "acme.json", "filled.json");
    story.calls("acme");
    story.okta_rollout(&["run", "filled.json"]).exits(0);
    let calls = story.calls("acme");
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );

    // Another ledger has never set the two tokens, so these are set once.
    let other = ["--ledger", "other.db"];
    // Nothing but the secrets, of which this ledger knows nothing, could be otherwise.
    let plan = [&["plan", "filled.json", "--format", "json"], &other[..]].concat();
    let plan = story.okta_rollout(&plan).exits(0).json();
    for entry in plan["entries"].as_array().unwrap() {
        for change in entry["changes"].as_array().unwrap() {
            assert_eq!(change["secret"], "unknown", "{entry}");
        }
    }
    story
        .okta_rollout(&[&["run", "filled.json"], &other[..]].concat())
        .exits(0);
    let report = story.okta_rollout(&[&["report", "--format", "json"], &other[..]].concat());
    let report = report.exits(0).json();
    for entry in report["entries"].as_array().unwrap() {
        let token = ["0oa1", "0oa2"].contains(&entry["appId"].as_str().unwrap());
        assert_eq!(entry["changed"], token, "{entry}");
    }
    assert_eq!(state(), before);
}

#[test]
fn what_one_org_has_is_carried_over_to_another() {
    for format in ["json", "csv"] {
        let story = all_set_up();
        story.manifest([zscaler("").at("globex").missing(), zscaler("").missing()]);
        add_apps(&story, "globex", "g");
        let file = format!("globex.{format}");
        let first = format!("--org acme --retarget acme=globex -o {file}");
        let said = export(&story, &first).exits(0);
        story
            .okta_rollout(&["check", "--no-secrets", &file, "--orgs", "m.json"])
            .exits(0);
        let filled = format!("filled.{format}");
        fill_in(&story, &said, &file, &filled);
        settle(&story, &["run", &filled, "--orgs", "m.json", "--new"]);
        export(&story, "--org acme --retarget acme=globex -o one.json").exits(0);
        export(&story, "--org globex --retarget globex=globex -o two.json").exits(0);
        let (mut one, two) = (exported(&story, "one.json"), exported(&story, "two.json"));
        for app in one["apps"].as_array_mut().unwrap() {
            // Whose service app a clientId is, is told of the org it is taken from only.
            app.as_object_mut().unwrap().remove("$comment");
        }
        assert_eq!(one["apps"], two["apps"], "{format}");
        assert_eq!(one["orgs"], two["orgs"]);
        assert_eq!(one["apps"].as_array().unwrap().len(), 7);
    }
}

#[test]
fn only_the_apps_asked_for_are_looked_at() {
    let story = all_set_up();
    let said = export(&story, "--org acme --app google").exits(0);
    assert_eq!(said.json()["apps"].as_array().unwrap().len(), 1);
    assert_eq!(
        story.calls("acme"),
        [
            "GET /api/v1/apps",
            "GET …/connections/default",
            "GET …/features",
        ]
    );
    let said = export(&story, "--org acme --app slack --app zoomus --org acme").exits(0);
    let ids: Vec<_> = said.json()["apps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app["appId"].clone())
        .collect();
    assert_eq!(ids, ["0oa6", "0oa7"]);
}

#[test]
fn labels_of_all_kinds_survive() {
    let story = Scenario::of([]);
    for (id, label) in [
        ("0oaA", AWKWARD),
        ("0oaB", "null"),
        ("0oaC", "Twice"),
        ("0oaD", "Twice"),
        ("0oaE", "=1+1"),
    ] {
        let app = SeedApp {
            name: "slack".to_owned(),
            id: Some(id.to_owned()),
            label: Some(label.to_owned()),
        };
        story.add_app("acme", &app);
    }
    let slacks = ["0oaA", "0oaB", "0oaC", "0oaD", "0oaE"].map(slack);
    story.manifest(slacks);
    settle(&story, &["run", "job.toml"]);
    for (retarget, entries) in [("", 5), (" --retarget acme=globex", 2)] {
        for format in ["json", "csv"] {
            let more = format!("--org acme{retarget} -o out.{format}");
            let said = export(&story, &more).exits(0);
            if !retarget.is_empty() {
                said.says("2 slack apps have this label (0oaC, 0oaD)");
            }
            let file = format!("out.{format}");
            story.write("orgs.csv", "org,url\nacme,sandbox\nglobex,sandbox\n");
            let mut arguments = vec!["check", "--format", "json", file.as_str()];
            if !retarget.is_empty() || format == "csv" {
                arguments.extend(["--orgs", "orgs.csv"]);
            }
            let found = story.okta_rollout(&arguments).exits(0).json();
            // A cell cannot say the label `null`.
            let refused = usize::from(format == "csv" && !retarget.is_empty());
            assert_eq!(found["entries"], entries - refused, "{more}");
        }
    }
}

#[test]
fn an_org_that_cannot_be_read_is_reported_and_the_others_are_exported() {
    let mut story = Scenario::of([slack("0oa1"), slack("0oa2").at("globex")]);
    story.org_at("initech", "http://127.0.0.1:9");
    story.manifest([
        slack("0oa1"),
        slack("0oa2").at("globex"),
        slack("").missing().at("initech"),
    ]);
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    let all = ["export", "--job", "job.toml", "--all-supported"];
    let orgs = [
        "--org",
        "globex",
        "--org",
        "acme",
        "--org",
        "initech",
        "-o",
        "out/all.json",
    ];
    let said = story.okta_rollout(&[&all[..], &orgs].concat()).exits(3);
    let said = said
        .says("org globex cannot be read")
        .says("org initech cannot be read");
    assert!(said.said().contains("hint"), "{}", said.said());
    let manifest = exported(&story, "out/all.json");
    let apps = manifest["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 3);
    assert!(
        apps[0]["$comment"]
            .as_str()
            .unwrap()
            .starts_with("org globex is missing")
    );
    assert_eq!(apps[1]["appId"], "0oa1");
    assert!(
        apps[2]["$comment"]
            .as_str()
            .unwrap()
            .starts_with("org initech is missing")
    );
    let names: Vec<_> = manifest["orgs"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["acme"]);
    story.okta_rollout(&["check", "out/all.json"]).exits(0);

    story.write("none.json", "as it was");
    story
        .okta_rollout(&[&all[..], &["--org", "globex", "-o", "none.json"]].concat())
        .exits(3)
        .says("none.json was not written");
    assert_eq!(
        std::fs::read_to_string(story.path("none.json")).unwrap(),
        "as it was"
    );
}

#[test]
fn a_read_that_fails_is_made_again_and_one_that_keeps_failing_is_reported() {
    for (fault, code, said) in [
        (
            "fault = 'serverError'\ntimes = 2\npath = '/api/v1/apps'",
            0,
            "1 app exported",
        ),
        (
            "fault = 'badGateway'\ntimes = 2\npath = '*/features'",
            0,
            "1 app exported",
        ),
        (
            "fault = 'serverError'\ntimes = 0\npath = '*/features'",
            3,
            "its features cannot be read",
        ),
        (
            "fault = 'unavailable'\ntimes = 0\npath = '*/default'",
            3,
            "its connection cannot be read",
        ),
    ] {
        let rule =
            format!("limit = 0\n[[faults.rules]]\nmethod = 'GET'\norg = 'globex'\n{fault}\n");
        let story = Scenario::with(&rule, [org2org("0oa1").at("globex")]);
        story.run().exits(0);
        story.calls("globex");
        let export = [
            "export", "--job", "job.toml", "--org", "globex", "-o", "out.json",
        ];
        story.okta_rollout(&export).exits(code).says(said);
        assert!(story.calls("globex").len() > 3, "{fault}");
        let manifest = exported(&story, "out.json");
        let apps = manifest["apps"].as_array().unwrap();
        assert_eq!(apps.len(), 1);
        let comment = apps[0]["$comment"].as_str().unwrap();
        assert_eq!(comment.contains("cannot be read"), code == 3, "{comment}");
    }
}

#[test]
fn an_interrupt_ends_it_without_a_file() {
    // The second window never comes within the story.
    let entries = (0..15).map(|n| slack(&format!("0oa{n}")));
    let story = Scenario::with("limit = 5\nwindow = '1h'\n", entries);
    let arguments = [
        "export", "--orgs", "m.json", "--org", "acme", "-o", "out.json",
    ];
    let mut export = story.begin(&arguments);
    export.says("acme: waits");
    export.signal("INT");
    export.says("interrupted; nothing was written");
    assert_eq!(export.ends(), Some(130));
    assert!(!story.path("out.json").exists());
    assert!(!has_parts(&story));
}

#[test]
fn an_export_keeps_to_the_budget() {
    let entries: Vec<_> = (0..15).map(|n| slack(&format!("0oa{n}"))).collect();
    let story = Scenario::with("limit = 12\nwindow = '2s'\n", entries);
    let said = export(&story, "--org acme --all-supported").exits(0);
    assert_eq!(said.json()["apps"].as_array().unwrap().len(), 15);
    assert_eq!(story.statuses("acme"), [Some(200); 16]);
}

#[test]
fn references_to_files_are_right_wherever_the_export_stands() {
    let story = Scenario::of([slack("0oa1")]);
    let url = story.url("acme");
    story.write("secrets/okta", &story.api_token("acme"));
    story.write(
        "orgs.csv",
        &format!("org,url,auth.apiToken\nacme,{url},file:secrets/okta\n"),
    );
    for (file, relative) in [("here.json", true), ("sub/there.json", false)] {
        let export = [
            "export",
            "--orgs",
            "orgs.csv",
            "--org",
            "acme",
            "--all-supported",
            "-o",
            file,
        ];
        story.okta_rollout(&export).exits(0);
        let token = exported(&story, file)["orgs"]["acme"]["auth"]["apiToken"].clone();
        assert_eq!(token == "file:secrets/okta", relative, "{token}");
        story.okta_rollout(&["check", file]).exits(0);
        story
            .okta_rollout(&["check", file, "--orgs", "orgs.csv"])
            .exits(0);
    }
}

#[test]
fn wrong_usage_is_reported_before_anything_is_sent() {
    let story = Scenario::of([slack("0oa1"), slack("0oa2").at("globex")]);
    story.write("sandbox.csv", "org,url\nacme,sandbox\n");
    story.write("folder.json/x", "");
    for (arguments, says) in [
        ("--orgs m.json --org acmee", "the orgs are acme, globex"),
        ("--org acme", "--orgs FILE"),
        ("--orgs sandbox.csv --org acme", "okta-rollout sandbox"),
        (
            "--orgs m.json --org acme --retarget globex=acme",
            "globex is not exported",
        ),
        (
            "--orgs m.json --org acme --org globex --retarget acme=globex",
            "globex is exported itself",
        ),
        (
            "--orgs m.json --org acme --retarget acme=a --retarget acme=b",
            "two --retarget",
        ),
        ("--orgs m.json --org acme -o x.txt", ".json or .csv"),
        (
            "--orgs m.json --org acme -o x.csv --format json",
            "contradict",
        ),
        ("--orgs m.json --org acme -o folder.json", "is a folder"),
        ("--job m.json --org acme", "a job ends in .toml"),
    ] {
        let arguments: Vec<_> = ["export"].into_iter().chain(arguments.split(' ')).collect();
        story.okta_rollout(&arguments).exits(2).says(says);
    }
    assert_eq!(story.calls("acme"), [""; 0]);
}

/// Whether a file was left that was only half written.
fn has_parts(story: &Scenario) -> bool {
    let files = story.files();
    let mut names = files.iter().filter_map(|file| file.file_name());
    names.any(|name| name.to_string_lossy().contains(".part"))
}
