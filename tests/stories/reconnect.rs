//! A consent that was given is renewed when somebody asks for it, once, and never by itself; a changed admin credential
//! is told until then. A link that is out already is kept.

use serde_json::{Value, json};

use crate::plan::planned;
use crate::support::{Entry, Scenario, google, office365, slack, user, zscaler};

/// Looks at a connection.
pub const GET: &str = "GET …/connections/default";
/// Sets a connection.
pub const POST: &str = "POST …/connections/default";
/// See [`USERNAME`].
pub const PASSWORD: &str = "connection.profile.settings.adminPassword";
/// What an administrator is known by.
pub const USERNAME: &str = "connection.profile.settings.adminUsername";

/// Gives every consent that waits and does the rest.
pub fn consented(story: &Scenario) {
    let consents = story.consents();
    let links = consents
        .iter()
        .map(|consent| consent["authorizeUrl"].as_str().unwrap());
    let pages: Vec<_> = links.map(|link| story.approve(link)).collect();
    story
        .fed(&["consent", "complete"], &pages.join("\n"))
        .exits(0);
    story.okta_rollout(&["resume"]).exits(0);
}

/// A rollout whose consents were given.
fn connected(entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let story = Scenario::of(entries);
    story.run().exits(4);
    consented(&story);
    for org in story.orgs() {
        story.all_calls(&org);
    }
    story
}

/// The fields of a planned entry that need `--reconnect`.
pub fn needs(plan: &Value, entry: usize) -> Vec<&str> {
    let needs = plan["entries"][entry]["needsReconnect"].as_array().unwrap();
    needs
        .iter()
        .map(|need| need["field"].as_str().unwrap())
        .collect()
}

/// Connections that acme was asked to set since a story last asked for its calls.
pub fn posts(story: &Scenario) -> usize {
    story
        .all_calls("acme")
        .iter()
        .filter(|call| *call == POST)
        .count()
}

/// Asks for new consents of office365.
pub const RECONNECT: [&str; 5] = ["run", "job.toml", "--reconnect", "--only", "app=office365"];

#[test]
fn a_changed_admin_password_is_reported_and_renewed_when_asked_for() {
    let story = connected([
        office365("0oa1").feature(user()),
        google("0oa2"),
        zscaler("0oa3"),
    ]);
    let before = story.app("acme", "0oa1")["connection"]["credential"].clone();
    story.run().exits(0).says("3 unchanged");
    assert!(!story.run().said().contains("--reconnect"));
    story.write("secrets/admin-password", "tell-tale-new-password");

    let (plan, sheet) = planned(&story, &["--detailed-exitcode"]);
    plan.exits(0);
    assert_eq!(needs(&sheet, 0), [PASSWORD]);
    assert_eq!(sheet["entries"][0]["action"], "nothing");
    assert!(needs(&sheet, 1).is_empty());
    let human = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    assert!(
        human
            .data()
            .contains(&format!("{PASSWORD}: (secret, changed) !reconnect")),
        "{}",
        human.data()
    );
    human.says("okta-rollout run job.toml --reconnect --only org=acme,app=office365");

    // Without it the run leaves it, names it, and ends as if nothing was pending.
    let left = story.run().exits(0);
    left.says("acme/office365 (row 1) was left as it is: adminPassword changed")
        .says("okta-rollout run job.toml --reconnect --only org=acme,app=office365");
    assert_eq!(posts(&story), 0);
    let report = story.report();
    assert_eq!(report["entries"][0]["needsReconnect"], json!([PASSWORD]));
    assert_eq!(report["totals"]["unchanged"], 3);

    let (_, sheet) = planned(&story, &["--reconnect", "--only", "app=office365"]);
    assert_eq!(sheet["entries"][0]["action"], "consent");
    assert!(
        sheet["entries"][0]["changes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|change| { change["field"] == PASSWORD && change["secret"] == "changed" }),
        "{sheet:#}"
    );
    story.all_calls("acme");
    story.okta_rollout(&RECONNECT).exits(4);
    let calls = story.all_calls("acme");
    assert_eq!(calls, [GET, POST]);
    assert_eq!(sheet["orgs"][0]["total"], calls.len());
    assert_ne!(
        story.app("acme", "0oa1")["connection"]["credential"],
        before
    );
    consented(&story);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    // The others were left alone, and now nothing is left to tell.
    let done = story.run().exits(0);
    assert!(!done.said().contains("--reconnect"), "{}", done.said());
    let (_, sheet) = planned(&story, &[]);
    assert!(needs(&sheet, 0).is_empty());
}

#[test]
fn a_changed_admin_username_counts_whether_it_is_a_reference_or_plain() {
    let with = |username: &str| {
        office365("0oa1").with(
            "connection",
            json!({ "profile": { "authScheme": "OAUTH2", "settings": {
                "adminUsername": username, "adminPassword": "file:secrets/admin-password" } } }),
        )
    };
    let story = Scenario::of([with("admin@acme.example")]);
    story.write("names/admin", "admin@acme.example");
    story.run().exits(4);
    consented(&story);
    // The same name behind a reference is the same name.
    story.manifest([with("file:names/admin")]);
    assert!(!story.run().exits(0).said().contains("--reconnect"));
    for (entry, name) in [
        (with("other@acme.example"), "admin@acme.example"),
        (with("file:names/admin"), "third@acme.example"),
    ] {
        story.write("names/admin", name);
        story.manifest([entry]);
        let (_, sheet) = planned(&story, &[]);
        assert_eq!(needs(&sheet, 0), [USERNAME]);
        story.run().exits(0).says("adminUsername changed");
    }
    story.write("secrets/admin-password", "another");
    let (_, sheet) = planned(&story, &[]);
    assert_eq!(needs(&sheet, 0), [USERNAME, PASSWORD]);
    for said in [story.run().said(), story.report().to_string()] {
        assert!(!said.contains("third@acme.example"), "{said}");
    }
}

#[test]
fn a_consent_without_a_secret_is_renewed_too_and_only_of_what_is_selected() {
    let story = connected([google("0oa1"), slack("0oa2"), google("0oa3").at("globex")]);
    let only = [
        "run",
        "job.toml",
        "--reconnect",
        "--only",
        "org=acme,app=google",
    ];
    story.okta_rollout(&only).exits(4);
    assert_eq!(story.all_calls("acme"), [GET, POST]);
    assert_eq!(story.consents().len(), 1);
    let link = story.link();
    // It was asked for once: the same again keeps the link, as does a nightly run.
    story.okta_rollout(&only).exits(4);
    story.run().exits(4);
    assert_eq!(story.link(), link);
    let calls = story.all_calls("acme");
    assert!(!calls.contains(&POST.to_owned()), "{calls:?}");
    assert!(story.written_apps("globex").is_empty());
    consented(&story);
    story.run().exits(0);
    // Asked for again it is renewed again.
    story.all_calls("acme");
    story.okta_rollout(&only).exits(4);
    assert_eq!(posts(&story), 1);
    assert_ne!(story.link(), link);
}

#[test]
fn what_was_asked_for_is_done_once_across_crashes() {
    for checkpoints in 1..=4 {
        let story = connected([google("0oa1"), google("0oa2")]);
        story.job("[http]\ntimeout = '1s'\n");
        let only = ["run", "job.toml", "--reconnect", "--only", "org=acme"];
        story.dies_after(checkpoints, &only);
        // Whoever continues with it renews the same.
        story.run().exits(4);
        assert_eq!(posts(&story), 2, "{checkpoints}");
        assert_eq!(story.consents().len(), 2, "{checkpoints}");
        consented(&story);
        story.all_calls("acme");
        story.run().exits(0).says("2 unchanged");
        assert_eq!(posts(&story), 0, "{checkpoints}");
    }
}

#[test]
fn entries_that_the_rest_of_the_run_does_later_keep_their_consents() {
    let story = connected([google("0oa1"), slack("0oa2")]);
    story
        .okta_rollout(&["run", "job.toml", "--reconnect", "--only", "app=google"])
        .exits(4);
    consented(&story);
    story.all_calls("acme");
    // What `--only` left out is done in the same run, without being renewed.
    story.okta_rollout(&["resume"]).exits(0);
    story.run().exits(0);
    assert_eq!(posts(&story), 0);
    assert!(story.consents().is_empty());
}

#[test]
fn a_renewal_that_is_refused_leads_to_a_fresh_link() {
    let story = connected([google("0oa1")]);
    story
        .okta_rollout(&["run", "job.toml", "--reconnect"])
        .exits(4);
    let link = story.link();
    story.approve(&link);
    let refused = ["consent", "refresh"];
    story.okta_rollout(&refused).exits(0);
    let fresh = story.link();
    assert_ne!(fresh, link);
    consented(&story);
    story.run().exits(0).says("1 unchanged");
}

#[test]
fn a_new_ledger_keeps_the_links_that_are_out() {
    let story = Scenario::of([
        google("0oa1"),
        office365("0oa2"),
        slack("").labelled("Slack"),
    ]);
    story.run().exits(4);
    let links = |story: &Scenario| -> Vec<String> {
        let consents = story.consents();
        consents
            .iter()
            .map(|consent| consent["authorizeUrl"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = links(&story);
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    story.all_calls("acme");
    let (_, sheet) = planned(&story, &[]);
    assert_eq!(sheet["totals"]["consent"], 3);
    story.all_calls("acme");
    story.run().exits(4);
    let calls = story.all_calls("acme");
    assert!(!calls.contains(&POST.to_owned()), "{calls:?}");
    assert_eq!(sheet["orgs"][0]["total"], calls.len(), "{calls:?}");
    assert_eq!(links(&story), before);
    assert_eq!(story.report()["totals"]["waiting"], 3);
    assert_eq!(story.report()["entries"][0]["changed"], false);
    consented(&story);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    story.run().exits(0).says("3 unchanged");
}

#[test]
fn what_changes_after_a_link_was_taken_over_shows() {
    let story = Scenario::of([office365("0oa1")]);
    story.run().exits(4);
    let link = story.link();
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    story.write("secrets/admin-password", "tell-tale-second");
    story.run().exits(4);
    assert_eq!(story.link(), link);
    consented(&story);
    story.write("secrets/admin-password", "tell-tale-third");
    let (_, sheet) = planned(&story, &[]);
    assert_eq!(needs(&sheet, 0), [PASSWORD]);
    // However often it is looked at.
    for _ in 0..2 {
        story.run().exits(0).says("adminPassword changed");
    }
}

#[test]
fn a_link_for_other_credentials_is_not_kept() {
    let story = Scenario::of([office365("0oa1")]);
    story.run().exits(4);
    let link = story.link();
    story.write("secrets/admin-password", "another");
    // The entry is another one, so that its waiting consent is not taken over.
    story.manifest([office365("0oa1").feature(user())]);
    story.all_calls("acme");
    story.run().exits(4);
    assert_eq!(posts(&story), 1);
    assert_ne!(story.link(), link);
}

#[test]
fn a_lost_answer_is_no_reason_for_a_second_link() {
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'POST'\n";
    let story = Scenario::with(faults, [google("0oa1")]);
    story.job("[http]\ntimeout = '1s'\n");
    story.run().exits(4);
    assert_eq!(posts(&story), 1);
    consented(&story);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
}
