//! The desk: what waits for people is worked off in a browser, and whoever is not let in sees and changes nothing.

mod answers;
mod door;
mod ledgers;
mod live;
mod pages;
mod share;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::support::{Desk, Page, Scenario, google, slack, user, zscaler};

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Leaves acme in the story's manifest, and puts globex into `own.json`.
fn split(story: &Scenario) {
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for (file, org) in [("m.json", "acme"), ("own.json", "globex")] {
        let mut of_org = manifest.clone();
        let apps = of_org["apps"].as_array_mut().unwrap();
        apps.retain(|app| app["org"] == org);
        story.write(file, &of_org.to_string());
    }
}

/// Opens the only entry that waits; where its link leads.
#[track_caller]
fn open(desk: &Desk) -> String {
    let page = desk.get("/consents").is(200);
    let opened = desk
        .post("/consents/open", &page.form("/consents/open"))
        .is(303);
    assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
    opened.header("location").unwrap().to_owned()
}

#[test]
fn a_run_stays_at_the_desk_until_nothing_waits() {
    let story = Scenario::of([google("0oa1").feature(user()), zscaler("0oa2")]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    assert!(desk.base.starts_with("http://127.0.0.1:"), "{}", desk.base);
    desk.live.says("acme/google (row 1): waiting");
    desk.enter()
        .is(200)
        .shows("1 entry waits for a consent")
        .shows(">Open<")
        .shows(">Fresh link<")
        .hides("state=");
    let link = open(&desk);
    assert_eq!(link, story.link());
    // Whoever else looks sees that somebody is at it.
    desk.get("/consents").is(200).shows("Somebody opened it");
    let page = story.approve(&link);
    let told = desk.hand_in(&page);
    assert!(
        told.told("status")
            .contains("acme/google (row 1): accepted"),
        "{}",
        told.body
    );
    assert_eq!(told.told("alert"), "");
    // Nobody says `run` or `resume`: the run does the rest, and ends as runs do.
    assert_eq!(desk.live.ends(), Some(0), "{}", desk.live.said());
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    assert_eq!(story.report()["totals"]["changed"], 2);
}

#[test]
fn a_run_without_anything_to_wait_for_does_not_stay() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").missing()]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    assert_eq!(desk.live.ends(), Some(3), "{}", desk.live.said());
}

#[test]
fn a_run_at_the_desk_is_interrupted_as_any_other() {
    let story = Scenario::of([google("0oa1")]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    desk.live.says("acme/google (row 1): waiting");
    desk.live.signal("TERM");
    // Nothing was cut short: what is left waits for a consent.
    assert_eq!(desk.live.ends(), Some(4), "{}", desk.live.said());
    story
        .fed(&["consent", "complete"], &story.approve(&story.link()))
        .exits(0);
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn what_is_wrong_is_told_in_place_and_a_fresh_link_helps() {
    let story = Scenario::of([google("0oa1"), slack("0oa2")]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    for _ in 0..2 {
        desk.live.says(": waiting for consent");
    }
    desk.enter();
    let alert = |answers: &str| {
        let told = desk.hand_in(answers);
        assert_eq!(told.told("status"), "", "{}", told.body);
        told.told("alert")
    };
    assert!(alert("nothing of it").contains("no answer was found"));
    assert!(alert("").contains("no answer was found"));
    let links: Vec<String> = story
        .consents()
        .iter()
        .map(|consent| consent["authorizeUrl"].as_str().unwrap().to_owned())
        .collect();
    assert!(alert(&links[0]).contains("the link to open"));
    let old = story.approve(&links[0]);
    assert!(alert(&old.replace("acme", "globex")).contains("not sent"));
    // A fresh link takes the place of the old one, of which nothing is taken any more.
    let page = desk.get("/consents").is(200);
    let fresh = desk
        .post("/consents/fresh", &page.form("/consents/fresh"))
        .is(200);
    assert!(
        fresh
            .told("status")
            .contains("acme/google (row 1): a fresh link is there"),
        "{}",
        fresh.body
    );
    assert!(alert(&old).contains("not sent"));
    let both: String = story
        .consents()
        .iter()
        .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()) + "\n")
        .collect();
    let told = desk.hand_in(&format!("> Hello,\n> {both}\nand {old}"));
    let (good, bad) = (told.told("status"), told.told("alert"));
    assert!(
        good.contains("acme/google (row 1)") && good.contains("acme/slack (row 2)"),
        "{good}"
    );
    assert!(bad.contains("not sent"), "{bad}");
    assert_eq!(desk.live.ends(), Some(0), "{}", desk.live.said());
}

#[test]
fn an_answer_under_serve_moves_its_entry_and_no_other() {
    let story = Scenario::of([
        google("0oa1").feature(user()),
        slack("0oa2"),
        zscaler("0oa3").missing(),
    ]);
    story.run().exits(3);
    story.calls("acme");
    let mut desk = story.desk(&["serve"]);
    desk.enter().is(200).shows("2 entries wait for a consent");
    let consents = story.consents();
    let link = consents
        .iter()
        .find(|consent| consent["app"] == "google")
        .unwrap();
    let page = story.approve(link["authorizeUrl"].as_str().unwrap());
    let told = desk.hand_in(&page).told("status");
    assert!(
        told.contains("accepted; the entry continues by itself"),
        "{told}"
    );
    desk.live.says("acme/google (row 1): done");
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/oauth2/callback",
            "POST …/connections/default/lifecycle/activate",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    // Handed in again it is told as accepted before.
    let again = desk.hand_in(&page).told("status");
    assert!(again.contains("accepted before"), "{again}");
    let totals = &story.report()["totals"];
    assert_eq!(
        (&totals["changed"], &totals["waiting"], &totals["failed"]),
        (&json!(1), &json!(1), &json!(1))
    );
    desk.live.signal("TERM");
    assert_eq!(desk.live.ends(), Some(143));
}

/// Gives a consent as a person does with a browser: the third party's page, its button, Okta's page.
fn consent(link: &str) -> String {
    let ask = |method: &str, url: &url::Url, body: &str| {
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
        let path = &url[url::Position::BeforePath..];
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let url = url::Url::parse(link).unwrap();
    assert!(ask("GET", &url, "").contains("Approve"));
    let value = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for name in ["redirect_uri", "state"] {
        form.append_pair(name, &value(name));
    }
    let decided = ask(
        "POST",
        &url,
        &form.append_pair("decision", "approve").finish(),
    );
    let location = decided
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap();
    let shown = ask("GET", &url::Url::parse(location).unwrap(), "");
    shown.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// An org that the program serves itself, whose consents are left to people.
fn manual() -> Scenario {
    let story = Scenario::of([]);
    let entry = |label: &str| {
        json!({ "org": "own", "app": "google", "label": label,
            "connection": { "profile": { "authScheme": "OAUTH2" } } })
    };
    let manifest =
        json!({ "orgs": { "own": { "url": "sandbox" } }, "apps": [entry("One"), entry("Two")] });
    story.write("own.json", &manifest.to_string());
    story.write(
        "own.toml",
        "manifest = 'own.json'\n[sandbox]\nconsent = 'manual'\nlimit = 0\n",
    );
    story
}

#[test]
fn simulated_orgs_stay_there_as_long_as_somebody_is_to_consent() {
    let story = manual();
    let mut desk = story.desk(&["run", "own.toml", "--desk"]);
    for _ in 0..2 {
        desk.live.says(": waiting for consent");
    }
    desk.enter().is(200).shows("2 entries wait for a consent");
    for _ in 0..2 {
        let page = consent(&open(&desk));
        let told = desk.hand_in(&page);
        assert!(told.told("status").contains("accepted"), "{}", told.body);
    }
    assert_eq!(desk.live.ends(), Some(0), "{}", desk.live.said());
}

#[test]
fn a_job_of_simulated_orgs_waits_for_people_under_serve_too() {
    let story = manual();
    let mut desk = story.desk(&["serve", "own.toml"]);
    let told = "own.toml has no [schedule]: it starts only when somebody at the desk wants it";
    desk.live.says(told);
    let page = desk.enter();
    page.is(200).shows("Nothing waits for a consent");
    let page = desk
        .get("/jobs")
        .is(200)
        .shows("own.toml")
        .shows(">Run now<");
    desk.post("/jobs/run", &page.form("/jobs/run"))
        .is(200)
        .shows("the job starts");
    for _ in 0..2 {
        desk.live.says(": waiting for consent");
    }
    for _ in 0..2 {
        let told = desk.hand_in(&consent(&open(&desk)));
        let good = told.told("status");
        let wanted = "accepted; the entry continues by itself";
        assert!(good.contains(wanted), "{}", told.body);
    }
    desk.live.says("own.toml: ended with 0");
    let page: Page = desk.get("/jobs").is(200).shows("settled");
    page.hides(">Stop<");
}

#[test]
fn a_wave_is_approved_at_the_desk() {
    let entries = ["canary", "beta"].map(|org| zscaler("0oa1").at(org));
    let waves = "[[waves]]\norgs = ['canary']\n[[waves]]\norgs = ['beta']\napprove = true\n";
    let story = Scenario::of(entries.clone());
    story.job(waves);
    // A run that stays for it.
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    desk.live.says("canary/zscalerbyz (row 1): done");
    desk.enter();
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let page = desk
        .get(&format!("/runs/{run}"))
        .is(200)
        .shows(">Approve<")
        .shows("awaiting approval");
    let action = format!("/runs/{run}/approve");
    let told = desk
        .post(&action, &page.form(&action))
        .is(200)
        .told("status");
    assert!(told.contains("wave 2 may begin"), "{told}");
    assert_eq!(desk.live.ends(), Some(0), "{}", desk.live.said());
    // And one that ended at it, under serve.
    let story = Scenario::of(entries);
    story.job(waves);
    story.run().exits(4);
    let mut desk = story.desk(&["serve"]);
    desk.enter();
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let action = format!("/runs/{run}/approve");
    let page = desk.get(&format!("/runs/{run}")).is(200).shows(">Approve<");
    let form = page.form(&action);
    desk.post(&action, &form).is(200);
    desk.live.says("beta/zscalerbyz (row 2): done");
    // A second click lets nothing else begin.
    desk.post(&action, &form)
        .is(409)
        .shows("no such wave waits");
}

#[test]
fn a_run_is_stopped_at_the_desk_in_good_order() {
    let story = manual();
    let mut desk = story.desk(&["serve", "own.toml"]);
    desk.enter();
    let page = desk.get("/jobs").is(200);
    desk.post("/jobs/run", &page.form("/jobs/run")).is(200);
    for _ in 0..2 {
        desk.live.says(": waiting for consent");
    }
    let page = desk.get("/jobs").is(200).shows(">Stop<");
    desk.post("/jobs/run", &page.form("/jobs/stop")).is(409);
    let told = desk
        .post("/jobs/stop", &page.form("/jobs/stop"))
        .is(200)
        .told("status");
    assert!(told.contains("everything is checkpointed"), "{told}");
    desk.live.says("own.toml: ended with");
    let page = desk.get("/jobs").is(200).shows("at rest");
    let form = page.form("/jobs/run");
    desk.post("/jobs/stop", &[form, vec![field("run", "none")]].concat())
        .is(409);
}
