//! `--env-file`: variables for secrets, from a file, for whatever command reads one; and what comes along with a
//! secret that is no part of it.

use std::os::unix::fs::PermissionsExt as _;

use okta_rollout::sandbox::SeedApp;
use serde_json::json;

use crate::support::{APP_TOKEN, Entry, Scenario, office365, user, zscaler};

fn mode(story: &Scenario, name: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(story.path(name), permissions).unwrap();
}

/// A rollout whose secrets are in a file.
fn from_a_file() -> Scenario {
    let admin = json!({ "adminUsername": "env:ADMIN", "adminPassword": "env:PASSWORD" });
    let profile = json!({ "authScheme": "OAUTH2", "settings": admin });
    let story = Scenario::of([
        zscaler("0oa1").token("env:APP_TOKEN"),
        office365("0oa2").with("connection", json!({ "profile": profile })),
    ]);
    story.write(
        "secrets.env",
        &format!(
            "# a comment\nexport APP_TOKEN={APP_TOKEN} # and one\nADMIN='admin@acme.example'\nPASSWORD=\"a b\"\n"
        ),
    );
    mode(&story, "secrets.env", 0o600);
    story
}

#[test]
fn every_command_that_reads_secrets_takes_them_from_the_file() {
    let story = from_a_file();
    let given = ["--env-file", "secrets.env"];
    for command in ["check", "plan", "run"] {
        let without = story.okta_rollout(&[command, "job.toml"]).exits(2);
        let without = without.says("env:APP_TOKEN: the environment variable is not set");
        without.says("hint: set it, or give a file with it: --env-file FILE");
    }
    for place in [
        [&given[..], &["check", "job.toml"]].concat(),
        [&["check", "job.toml"][..], &given].concat(),
        [&["plan", "job.toml"][..], &given].concat(),
    ] {
        let said = story.okta_rollout(&place).exits(0).said();
        assert!(!said.contains("warning"), "{said}");
    }
    assert!(story.written_apps("acme").is_empty());
    let run = [&["-vv", "run", "job.toml"][..], &given].concat();
    let run = story.okta_rollout(&run).exits(4);
    assert!(!run.said().contains(APP_TOKEN), "{}", run.said());
    let url = story.approve(&story.link());
    story.fed(&["consent", "complete"], &url).exits(0);
    let resume = [&["resume"][..], &given].concat();
    story.okta_rollout(&resume).exits(0);
    // What the file said is nowhere else.
    for file in story.files() {
        let is_source = file.ends_with("secrets.env") || file.ends_with("app-token");
        let bytes = std::fs::read(&file).unwrap();
        let there = bytes
            .windows(APP_TOKEN.len())
            .any(|part| part == APP_TOKEN.as_bytes());
        assert_eq!(there, is_source, "{}", file.display());
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let story = from_a_file();
    let line = |set: &str| format!("{set} okta-rollout check job.toml --env-file secrets.env");
    story.shell(&line("APP_TOKEN=from-outside")).exits(0);
    // Set, if to nothing: the file does not stand in for it.
    let empty = story.shell(&line("APP_TOKEN=")).exits(2);
    empty.says("env:APP_TOKEN: the secret is empty");
    story
        .shell(&line("APP_TOKEN='Bearer x'"))
        .exits(2)
        .says("env:APP_TOKEN: the secret begins with");
}

#[test]
fn programs_of_secrets_do_not_get_the_file() {
    let story = Scenario::of([zscaler("0oa1").token("exec:printenv APP_TOKEN")]);
    story.write("secrets.env", "APP_TOKEN=not-for-others\n");
    let run = "okta-rollout run job.toml --allow-exec --env-file secrets.env";
    let run = story.shell(run).exits(3);
    run.says("exec:printenv APP_TOKEN: the program failed");
}

#[test]
fn files_that_are_wrong_or_open_are_reported() {
    let story = from_a_file();
    story.write("secrets.env", "APP_TOKEN=hunter 2\nhunter3\n'\n");
    let check = ["check", "job.toml", "--env-file", "secrets.env"];
    let refused = story.okta_rollout(&check).exits(2);
    for said in [
        "secrets.env:1: has a blank inside the value",
        "secrets.env:2: expects NAME=VALUE",
        "secrets.env: 3 mistakes; nothing was sent",
    ] {
        assert!(refused.said().contains(said), "{}", refused.said());
    }
    assert!(!refused.said().contains("hunter"), "{}", refused.said());
    let missing = ["check", "job.toml", "--env-file", "none.env"];
    story
        .okta_rollout(&missing)
        .exits(2)
        .says("none.env: no such file");
    story.write(
        "secrets.env",
        "OKTA_ROLLOUT_LEDGER=x.db\nAPP_TOKEN=t\nADMIN=a\nPASSWORD=p\n",
    );
    mode(&story, "secrets.env", 0o644);
    let open = story.okta_rollout(&check).exits(0);
    open.says("warning: secrets.env can be read by others; chmod 600 secrets.env")
        .says("warning: OKTA_ROLLOUT_LEDGER in secrets.env has no effect");
    mode(&story, "secrets.env", 0o600);
    // As `--env-file <(sops decrypt …)` gives it.
    let pipe = "okta-rollout check job.toml --env-file <(cat secrets.env)";
    let piped = story.shell(pipe).exits(0);
    assert!(!piped.said().contains("by others"), "{}", piped.said());
}

/// Orgs as a file, for `export`.
fn orgs(story: &Scenario) {
    let orgs = json!({ "acme": { "url": story.url("acme"), "auth": { "apiToken": "env:TOKEN" } } });
    story.write("orgs.json", &orgs.to_string());
    story.write("token.env", &format!("TOKEN={}\n", story.api_token("acme")));
}

#[test]
fn an_export_writes_what_is_to_be_filled_in() {
    let story = Scenario::of([zscaler("0oa1").feature(user()), zscaler("0oa2")]);
    story.run().exits(0);
    orgs(&story);
    let line = "export $(cat token.env); okta-rollout export --org acme --orgs orgs.json -o acme.json --env-file new/acme.env";
    story.shell(line).exits(0).says(
        "2 secrets to fill in in new/acme.env, which Okta never shows: env:ACME_ZSCALERBYZ_0OA1_TOKEN",
    )
    .says("acme.json --env-file new/acme.env");
    let data = story.path("new/acme.env").metadata().unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    let skeleton = std::fs::read_to_string(story.path("new/acme.env")).unwrap();
    let filled = skeleton.replace("_TOKEN=\n", "_TOKEN='new-token'\n");
    assert_eq!(filled.matches("new-token").count(), 2, "{skeleton}");
    story.write("new/acme.env", &filled);
    let next = "export $(cat token.env); okta-rollout check acme.json --env-file new/acme.env";
    story.shell(next).exits(0);
}

#[test]
fn a_skeleton_is_written_over_nothing() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    orgs(&story);
    story.write("acme.env", "MINE=1\n");
    std::os::unix::fs::symlink("nowhere", story.path("link.env")).unwrap();
    story.calls("acme");
    for (file, said) in [
        ("acme.env", "acme.env exists; nothing was written"),
        ("link.env", "link.env exists; nothing was written"),
        ("acme.json", "-o and --env-file are one file"),
    ] {
        let line = format!(
            "export $(cat token.env); okta-rollout export --org acme --orgs orgs.json -o acme.json --env-file {file}"
        );
        story.shell(&line).exits(2).says(said);
        assert!(!story.path("acme.json").exists());
    }
    assert!(story.calls("acme").is_empty());
    assert_eq!(
        std::fs::read_to_string(story.path("acme.env")).unwrap(),
        "MINE=1\n"
    );
    assert!(!story.path("nowhere").exists());
}

/// What comes along with a secret, and what is said of it.
const FLAWS: [(&str, &str); 6] = [
    ("tell-tale\n\n", "has a line break at its end"),
    ("tell-tale ", "has a blank at its end"),
    (
        "\u{feff}tell-tale",
        "has a byte order mark (U+FEFF) at its beginning",
    ),
    ("\"tell-tale\"\n", "has quotes around it"),
    ("Bearer tell-tale\r\n", "begins with the word Bearer"),
    (
        "tell\u{200b}-tale",
        "has an invisible character inside: U+200B",
    ),
];

#[test]
fn a_secret_that_is_more_than_one_is_refused_before_anything_is_sent() {
    let flawed = |name: &str, entry: Entry| entry.token(&format!("file:secrets/{name}"));
    let story = Scenario::of([zscaler("0oa1"), flawed("flawed", zscaler("0oa2"))]);
    for (content, said) in FLAWS {
        story.write("secrets/flawed", content);
        for command in ["check", "run"] {
            let refused = story.okta_rollout(&[command, "job.toml"]).exits(2);
            let whole = refused.said();
            assert!(whole.contains("m.json:1:"), "{whole}");
            let expected =
                format!("row 2, connection.profile.token: file:secrets/flawed: the secret {said}");
            assert!(whole.contains(&expected), "{whole}");
            assert!(!whole.contains("tale"), "{whole}");
        }
    }
    assert!(story.calls("acme").is_empty());
    story.write("secrets/flawed", "tell-tale\n");
    story.run().exits(0);
}

#[test]
fn a_secret_that_is_spoilt_later_is_not_sent_either() {
    let story = Scenario::of([zscaler("0oa1").missing(), office365("0oa2").missing()]);
    story.run().exits(3);
    for (id, name) in [("0oa1", "zscalerbyz"), ("0oa2", "office365")] {
        let app = SeedApp {
            name: name.to_owned(),
            id: Some(id.to_owned()),
            label: None,
        };
        story.add_app("acme", &app);
    }
    story.calls("acme");
    story.write("secrets/app-token", "\"tell-tale\"");
    story.write("secrets/admin-password", "tell tale ");
    let resume = story.okta_rollout(&["resume", "--failed"]).exits(3);
    for said in [
        "file:secrets/app-token: the secret has quotes around it",
        "file:secrets/admin-password: the secret has a blank at its end",
    ] {
        assert!(resume.said().contains(said), "{}", resume.said());
    }
    assert!(!resume.said().contains("tale"), "{}", resume.said());
    assert!(story.written_apps("acme").is_empty());
}
