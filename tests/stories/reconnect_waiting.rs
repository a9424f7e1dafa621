//! Secrets that change while a consent is waited for: the link is for those of before. It is kept and told, and
//! replaced, once, when somebody asks for it.

use okta_rollout::sandbox::Switches;
use serde_json::{Value, json};

use crate::plan::planned;
use crate::reconnect::{GET, PASSWORD, POST, RECONNECT, USERNAME, consented, needs, posts};
use crate::support::{ADMIN_PASSWORD, Entry, Scenario, google, office365, user, zscaler};

/// An office365 whose administrator is behind these references.
fn office(id: &str, username: &str, password: &str) -> Entry {
    let settings = json!({ "adminUsername": username, "adminPassword": password });
    let profile = json!({ "authScheme": "OAUTH2", "settings": settings });
    office365(id).with("connection", json!({ "profile": profile }))
}

/// An office365 and a google that wait.
fn waiting() -> Scenario {
    let story = Scenario::of([]);
    story.write("names/admin", "admin@acme.example");
    story.manifest([
        office("0oa1", "file:names/admin", "file:secrets/admin-password"),
        google("0oa2"),
    ]);
    story.run().exits(4);
    story.all_calls("acme");
    story
}

/// The link of this app.
fn link_of(story: &Scenario, id: &str) -> String {
    let consents = story.consents();
    let of_app: Vec<_> = consents
        .iter()
        .filter(|consent| consent["appId"] == id)
        .collect();
    assert_eq!(of_app.len(), 1, "{consents:?}");
    of_app[0]["authorizeUrl"].as_str().unwrap().to_owned()
}

#[test]
fn after_a_plan_of_a_part_only_what_changed_is_to_be_renewed() {
    let story = waiting();
    story.manifest([
        office("0oa1", "file:names/admin", "file:secrets/admin-password"),
        google("0oa2"),
        zscaler("0oa3"),
        zscaler("0oa4").at("globex"),
    ]);
    story.write("secrets/admin-password", "tell-tale-second");
    let plan = ["plan", "job.toml", "--out", "p.json", "--only"];
    story
        .okta_rollout(&[&plan[..], &["org=acme,org=globex"]].concat())
        .exits(0);
    let command = "okta-rollout run job.toml --reconnect --only org=acme,app=office365";
    story
        .okta_rollout(&["run", "--plan", "p.json"])
        .exits(4)
        .says(command);
    story.all_calls("acme");
    story.shell(command).exits(4);
    assert_eq!(story.all_calls("acme"), [GET, POST]);
}

fn left(story: &Scenario) -> Value {
    let report = story.report();
    // Where there are none the key is left out.
    let fields = report["entries"][0].get("needsReconnect");
    fields.cloned().unwrap_or(json!([]))
}

#[test]
fn a_changed_password_is_reported_while_a_consent_is_waited_for() {
    let story = waiting();
    let (link, other) = (link_of(&story, "0oa1"), link_of(&story, "0oa2"));
    story.write("secrets/admin-password", "tell-tale-second");

    let (plan, sheet) = planned(&story, &["--detailed-exitcode"]);
    plan.exits(5);
    assert_eq!(needs(&sheet, 0), [PASSWORD]);
    assert_eq!(sheet["entries"][0]["action"], "consent");
    assert!(needs(&sheet, 1).is_empty());
    let shown = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    let wanted = format!("{PASSWORD}: (secret, changed) !reconnect");
    assert!(shown.data().contains(&wanted), "{}", shown.data());
    let command = "okta-rollout run job.toml --reconnect --only org=acme,app=office365";
    shown.says(command);
    assert!(story.all_calls("acme").is_empty());

    // A run, and whatever continues with it, keeps the link and says so.
    for arguments in [&["run", "job.toml"][..], &["resume"], &["resume"]] {
        story
            .okta_rollout(arguments)
            .exits(4)
            .says("acme/office365 (row 1) waits with the link of before: adminPassword changed")
            .says(command);
        assert_eq!(left(&story), json!([PASSWORD]));
        assert_eq!(link_of(&story, "0oa1"), link);
        assert!(story.all_calls("acme").is_empty());
    }
    let consents = story.okta_rollout(&["consent", "list"]).exits(0).data();
    let told = consents.lines().filter(|line| line.contains("changed"));
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("acme/office365 (row 1)")
            && told[0].ends_with(", asked for before adminPassword changed"),
        "{told:?}"
    );

    let before = story.app("acme", "0oa1")["connection"]["credential"].clone();
    let (_, sheet) = planned(&story, &RECONNECT[2..]);
    assert!(needs(&sheet, 0).is_empty());
    let changes = sheet["entries"][0]["changes"].as_array().unwrap();
    let told = |change: &Value| change["field"] == PASSWORD && change["secret"] == "changed";
    assert!(changes.iter().any(told), "{sheet:#}");
    story.all_calls("acme");
    story.shell(command).exits(4);
    let calls = story.all_calls("acme");
    assert_eq!(calls, [GET, POST]);
    assert_eq!(sheet["orgs"][0]["total"], calls.len());
    assert_ne!(link_of(&story, "0oa1"), link);
    assert_eq!(link_of(&story, "0oa2"), other);
    assert_ne!(
        story.app("acme", "0oa1")["connection"]["credential"],
        before
    );
    assert_eq!(left(&story), json!([]));

    // It was done: asked for again there is nothing to renew, nor to tell.
    let (_, sheet) = planned(&story, &RECONNECT[2..]);
    assert_eq!(sheet["orgs"][0]["total"], 0);
    story.okta_rollout(&RECONNECT).exits(4);
    story.okta_rollout(&["resume"]).exits(4);
    let ran = story.run().exits(4);
    assert!(!ran.said().contains("--reconnect"), "{}", ran.said());
    assert!(story.all_calls("acme").is_empty());
    consented(&story);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    let done = story.run().exits(0).says("2 unchanged");
    assert!(!done.said().contains("--reconnect"), "{}", done.said());
}

/// What changes, what is run, how many links are asked for, and what is left.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    usize,
    &'static [&'static str],
);

#[test]
fn a_link_is_replaced_if_its_credentials_changed_and_somebody_asks_for_it() {
    const NEW: (&str, &str) = ("secrets/admin-password", "tell-tale-second");
    const NAME: (&str, &str) = ("names/admin", "second@acme.example");
    const RUN: [&str; 2] = ["run", "job.toml"];
    const ALL: [&str; 3] = ["run", "job.toml", "--reconnect"];
    const OTHER: [&str; 5] = ["run", "job.toml", "--reconnect", "--only", "app=google"];
    let cases: [Case; 9] = [
        (&[], &RUN, 0, &[]),
        (&[], &ALL, 0, &[]),
        (&[NEW], &RUN, 0, &[PASSWORD]),
        (&[NEW], &ALL, 1, &[]),
        (&[NAME], &RUN, 0, &[USERNAME]),
        (&[NAME], &RECONNECT, 1, &[]),
        (&[NAME, NEW], &RUN, 0, &[USERNAME, PASSWORD]),
        // Of what is not selected nothing is read.
        (&[NEW], &OTHER, 0, &[]),
        // Whoever asks for a fresh link gets one with what is there now.
        (
            &[NEW],
            &["consent", "refresh", "--app", "office365"],
            1,
            &[],
        ),
    ];
    for (changed, arguments, posted, is_left) in cases {
        let story = waiting();
        let link = link_of(&story, "0oa1");
        for (file, text) in changed {
            story.write(file, text);
        }
        story.okta_rollout(arguments);
        let case = format!("{changed:?} {arguments:?}");
        assert_eq!(posts(&story), posted, "{case}");
        assert_eq!(link_of(&story, "0oa1") == link, posted == 0, "{case}");
        assert_eq!(left(&story), json!(is_left), "{case}");
    }
}

#[test]
fn what_is_as_it_was_again_is_not_reported_any_more() {
    let story = waiting();
    let before = std::fs::read_to_string(story.path("secrets/admin-password")).unwrap();
    story.write("secrets/admin-password", "tell-tale-second");
    story.run().exits(4).says("adminPassword changed");
    story.write("secrets/admin-password", &before);
    assert!(!story.run().exits(4).said().contains("adminPassword"));
    assert_eq!(left(&story), json!([]));
}

#[test]
fn what_was_asked_for_is_done_once_across_crashes() {
    for checkpoints in 1..=6 {
        let story = Scenario::of(["0oa1", "0oa2"].map(office365));
        story.job("[http]\ntimeout = '1s'\n");
        story.run().exits(4);
        let links = ["0oa1", "0oa2"].map(|id| link_of(&story, id));
        story.write("secrets/admin-password", "tell-tale-second");
        story.all_calls("acme");
        story.dies_after(checkpoints, &RECONNECT);
        story.okta_rollout(&RECONNECT).exits(4);
        story.okta_rollout(&RECONNECT).exits(4);
        story.run().exits(4);
        assert_eq!(posts(&story), 2, "{checkpoints}");
        for (id, link) in ["0oa1", "0oa2"].iter().zip(links) {
            assert_ne!(link_of(&story, id), link, "{checkpoints}");
        }
        consented(&story);
        story.run().exits(0).says("2 unchanged");
    }
}

#[test]
fn an_org_that_is_stopped_meanwhile_gives_the_fresh_link_afterwards() {
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    let story = waiting();
    let link = link_of(&story, "0oa1");
    story.write("secrets/admin-password", "tell-tale-second");
    story.switch("acme", revoked);
    let said = story.okta_rollout(&RECONNECT).exits(3).said();
    assert_eq!(story.report()["entries"][0]["state"], "pending");
    assert_eq!(posts(&story), 0);
    story.switch("acme", Switches::default());
    let (_, command) = said.rsplit_once("okta-rollout resume").unwrap();
    let command = format!(
        "okta-rollout resume{}",
        command.lines().next().unwrap_or_default()
    );
    story.shell(&command).exits(4);
    assert_ne!(link_of(&story, "0oa1"), link);
    assert_eq!(posts(&story), 1);
    consented(&story);
    story.run().exits(0).says("2 unchanged");
}

#[test]
fn an_org_that_does_not_answer_fails_what_was_asked_for_and_gives_it_afterwards() {
    // Each look of the second run comes to nothing.
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'unavailable'\nmethod = 'GET'\n\
                  path = '*/connections/default'\nnth = 2\ntimes = 3\n";
    let story = Scenario::with(faults, [office365("0oa1")]);
    story.run().exits(4);
    let link = story.link();
    story.write("secrets/admin-password", "tell-tale-second");
    story.all_calls("acme");
    story.okta_rollout(&RECONNECT).exits(3).says("1 failed");
    assert_eq!(posts(&story), 0);
    story.okta_rollout(&["resume", "--failed"]).exits(4);
    assert_eq!(posts(&story), 1);
    assert_ne!(story.link(), link);
}

#[test]
fn a_link_whose_answer_was_lost_is_for_the_credentials_it_was_asked_for_with() {
    const SECOND: &str = "tell-tale-second";
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'POST'\n";
    let credential =
        |story: &Scenario| story.app("acme", "0oa1")["connection"]["credential"].clone();
    let second = Scenario::of([office365("0oa1")]);
    second.write("secrets/admin-password", SECOND);
    second.run().exits(4);
    for (password, posted) in [(ADMIN_PASSWORD, 0), (SECOND, 1)] {
        let story = Scenario::with(faults, [office365("0oa1")]);
        story.job("[http]\ntimeout = '1s'\n");
        // Announced, and sent: it dies when no answer has come.
        story.dies_after(2, &["run", "job.toml"]);
        assert_eq!(posts(&story), 1);
        let first = credential(&story);
        story.write("secrets/admin-password", password);
        story.run().exits(4);
        assert_eq!(posts(&story), posted, "{password}");
        let wanted = if posted == 0 {
            first
        } else {
            credential(&second)
        };
        assert_eq!(credential(&story), wanted, "{password}");
        assert!(!story.run().exits(4).said().contains("adminPassword"));
    }
}

#[test]
fn an_org_that_cannot_be_opened_is_no_org_without_a_change() {
    let mut story = waiting();
    let link = link_of(&story, "0oa1");
    story.write("secrets/admin-password", "tell-tale-second");
    story.unset("ACME_TOKEN");
    story.okta_rollout(&RECONNECT).exits(3);
    // Without the flag nothing was left to do there.
    story.run().exits(4);
    assert_eq!(link_of(&story, "0oa1"), link);
}

#[test]
fn a_secret_that_cannot_be_read_is_reported_and_stops_nobody() {
    let mut story = Scenario::of([]);
    story.set("FIRST_PASSWORD", "tell-tale-first");
    story.set("OTHER_PASSWORD", "tell-tale-other");
    let name = "admin@acme.example";
    story.manifest([
        office("0oa1", name, "env:FIRST_PASSWORD"),
        office("0oa2", name, "env:FIRST_PASSWORD"),
        office("0oa3", name, "env:OTHER_PASSWORD"),
    ]);
    story
        .okta_rollout(&["run", "job.toml", "--reconnect"])
        .exits(4);
    story.unset("FIRST_PASSWORD");
    story.set("OTHER_PASSWORD", "tell-tale-third");
    let links = ["0oa1", "0oa2"].map(|id| link_of(&story, id));
    story.all_calls("acme");
    // A run that renews continues: what can be read is compared.
    let ran = story.okta_rollout(&["resume"]).exits(4);
    ran.says(
        "acme: whether the credentials of 2 entries that wait changed is not known: env:FIRST_PASSWORD: the environment \
         variable is not set",
    )
    .says("hint: set FIRST_PASSWORD");
    assert_eq!(posts(&story), 1);
    assert_eq!(["0oa1", "0oa2"].map(|id| link_of(&story, id)), links);
}

#[test]
fn programs_run_only_when_that_is_allowed() {
    let mut story = Scenario::of([]);
    story.set("PATH", &std::env::var("PATH").unwrap());
    story.write("pw.sh", "cat secrets/admin-password");
    story.manifest([office("0oa1", "admin@acme.example", "exec:sh pw.sh")]);
    let run = ["run", "job.toml", "--allow-exec"];
    story.okta_rollout(&run).exits(4);
    let link = story.link();
    story.write("secrets/admin-password", "tell-tale-second");
    story
        .okta_rollout(&["resume"])
        .exits(4)
        .says("is not known: exec:sh pw.sh: running programs is refused without --allow-exec");
    assert_eq!(left(&story), json!([]));
    story
        .okta_rollout(&["resume", "--allow-exec"])
        .exits(4)
        .says("adminPassword changed");
    story
        .okta_rollout(&[&run[..], &["--reconnect"]].concat())
        .exits(4);
    assert_ne!(story.link(), link);
}

#[test]
fn of_two_runs_that_wait_for_an_app_the_older_ones_link_is_gone() {
    let story = Scenario::of([office365("0oa1")]);
    story.run().exits(4);
    std::fs::copy(story.path("m.json"), story.path("other.json")).unwrap();
    // The same app, wanted otherwise: another entry, which waits for the same link.
    story.manifest([office365("0oa1").feature(user())]);
    story.run().exits(4);
    let link = story.link();
    story.write("secrets/admin-password", "tell-tale-second");
    story.all_calls("acme");
    // The run of the other file has no waiting entry of its own any more: it asks anew.
    let other = ["run", "other.json", "--reconnect"];
    story.okta_rollout(&other).exits(4);
    assert_eq!(posts(&story), 1);
    let fresh = story.link();
    assert_ne!(fresh, link);
    // It was asked for with the credentials of now, so that it serves both.
    story
        .okta_rollout(&["run", "job.toml", "--reconnect"])
        .exits(4);
    assert_eq!(posts(&story), 0);
    assert_eq!(story.link(), fresh);
    consented(&story);
    story.run().exits(0);
}

#[test]
fn a_saved_plan_says_what_is_renewed_and_only_that_is() {
    let story = waiting();
    let link = link_of(&story, "0oa1");
    story.write("secrets/admin-password", "tell-tale-second");
    let save = ["plan", "job.toml", "--out", "p.json"];
    let apply = ["run", "--plan", "p.json"];
    story.okta_rollout(&save).exits(0);
    story.all_calls("acme");
    story.okta_rollout(&apply).exits(4);
    assert_eq!(posts(&story), 0);
    assert_eq!(link_of(&story, "0oa1"), link);
    let with = |arguments: &[&'static str]| [arguments, &["--reconnect"]].concat();
    story.okta_rollout(&with(&save)).exits(0);
    story.all_calls("acme");
    story.okta_rollout(&with(&apply)).exits(4);
    assert_eq!(posts(&story), 1);
    assert_ne!(link_of(&story, "0oa1"), link);
    // A plan that was made before something changed is refused.
    story.okta_rollout(&save).exits(0);
    story.write("secrets/admin-password", "tell-tale-third");
    story.okta_rollout(&apply).exits(2).says("moved since");
}

#[test]
fn what_changes_while_a_link_of_another_ledger_is_waited_for_shows() {
    let story = Scenario::of([office365("0oa1"), zscaler("0oa2")]);
    story.run().exits(4);
    let link = story.link();
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    story.write("secrets/admin-password", "tell-tale-second");
    // Of what another ledger asked for nothing is known, so that nothing changed.
    let ran = story.okta_rollout(&["run", "job.toml", "--reconnect"]);
    assert!(!ran.exits(4).said().contains("adminPassword"));
    assert_eq!(story.link(), link);
    story.write("secrets/admin-password", "tell-tale-third");
    story.run().exits(4).says("adminPassword changed");
    assert_eq!(story.link(), link);
    story.okta_rollout(&RECONNECT).exits(4);
    assert_ne!(story.link(), link);
}

#[test]
fn who_consents_all_the_same_is_notified_afterwards() {
    let story = waiting();
    story.write("secrets/admin-password", "tell-tale-second");
    consented(&story);
    story
        .run()
        .exits(0)
        .says("acme/office365 (row 1) was left as it is: adminPassword changed");
    story.all_calls("acme");
    story.okta_rollout(&RECONNECT).exits(4);
    assert_eq!(posts(&story), 1);
}
