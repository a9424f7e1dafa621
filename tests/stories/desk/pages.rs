//! The pages say what the ledger says, failures first, each with what to do; and whatever comes from outside is text.

use crate::support::{Scenario, google, slack, user, zscaler};

#[test]
fn a_run_and_its_entries_are_told_in_full_failures_first() {
    let story = Scenario::of([
        zscaler("0oa1"),
        google("0oa2").feature(user()),
        zscaler("0oa3").at("globex").missing(),
    ]);
    story.run().exits(3);
    let report = story.report();
    let run = report["run"].as_str().unwrap();
    let desk = story.desk(&["serve"]);
    desk.enter();
    let page = desk
        .get("/runs")
        .is(200)
        .shows(run)
        .shows("1 failed")
        .shows("With failures");
    page.shows("settled");
    let page = desk.get(&format!("/runs/{run}")).is(200);
    let error = &report["entries"][2]["error"];
    let (message, hint) = (
        error["message"].as_str().unwrap(),
        error["hint"].as_str().unwrap(),
    );
    let place = |what: &str| {
        page.body
            .find(what)
            .unwrap_or_else(|| panic!("{what} in {}", page.body))
    };
    let command = hint.split("okta-rollout ").nth(1).unwrap();
    assert!(place("<h2>Failures") < place("<h2>Orgs"));
    assert!(
        page.body.contains(&message[..20]) && page.body.contains(&command[..10]),
        "{message} {hint}"
    );
    assert!(place("globex/zscalerbyz (row 3)") < place("acme/zscalerbyz (row 1)"));
    for (query, shown, hidden) in [
        ("org=globex", "globex/zscalerbyz", "acme/google"),
        ("app=google", "acme/google", "acme/zscalerbyz"),
        ("state=waiting", "acme/google", "acme/zscalerbyz"),
        ("state=changed&org=ac*", "acme/zscalerbyz", "acme/google"),
    ] {
        let page = desk.get(&format!("/runs/{run}?{query}")).is(200);
        let list = page.body.split("id=\"entry-list\"").nth(1).unwrap();
        assert!(
            list.contains(shown) && !list.contains(hidden),
            "{query}: {list}"
        );
    }
    desk.get(&format!("/runs/{run}?page=9"))
        .is(200)
        .shows("No entry is among these");
    let entry = desk.get(&format!("/runs/{run}/entries/1")).is(200);
    let step = &report["entries"][0]["steps"].as_array().unwrap()[0];
    entry
        .shows(step["step"].as_str().unwrap())
        .shows("POST /api/v1/apps/")
        .shows("<h2>Changes</h2>")
        .shows("Request id");
    desk.get(&format!("/runs/{run}/entries/2"))
        .is(200)
        .shows("waiting")
        .hides("state=");
    for nowhere in [
        format!("/runs/{run}/entries/4"),
        format!("/runs/{run}/entries/x"),
        "/runs/zzzz".to_owned(),
    ] {
        desk.get(&nowhere).is(404);
    }
}

#[test]
fn a_start_that_failed_is_told_among_the_runs() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    story.write("job.toml", "manifest = 7\n");
    story.run().exits(2);
    let desk = story.desk(&["serve"]);
    desk.enter();
    desk.get("/runs")
        .is(200)
        .shows("It did not begin")
        .shows("expected a text")
        .shows("hint: ");
}

#[test]
fn what_comes_from_outside_is_never_markup_and_no_bad_link_is_opened() {
    let label = "<script>alert(1)</script>\"'";
    let story = Scenario::of([google("").labelled(label), slack("0oa2")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter()
        .is(200)
        .shows("&lt;script&gt;alert(1)")
        .hides("<script>alert");
    let run = story.report()["run"].as_str().unwrap().to_owned();
    for path in [
        format!("/runs/{run}"),
        format!("/runs/{run}/entries/1"),
        format!("/runs/{run}?org=%3Cscript%3E"),
    ] {
        desk.get(&path).is(200).hides("<script>alert");
    }
    // Somebody wrote into the ledger what Okta never said.
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    let set = "UPDATE entry SET progress = json_set(progress, '$.consent.authorizeUrl', ?1)
        WHERE progress ->> '$.consent' IS NOT NULL";
    for bad in [
        "javascript:alert(1)//?state=s1",
        "http://evil.example/?state=s1",
    ] {
        assert_eq!(sql.execute(set, [bad]).unwrap(), 2);
        let page = desk
            .get("/consents")
            .is(200)
            .hides(">Open<")
            .hides("href=\"javascript")
            .hides("href=\"http://evil");
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            !policy.contains("evil") && !policy.contains("javascript"),
            "{policy}"
        );
        let page = page.shows("Its link is not opened from here");
        desk.post("/consents/open", &page.form("/consents/fresh"))
            .is(409)
            .shows("the link is not opened");
    }
}

#[test]
fn an_open_button_leads_wherever_its_link_does() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter();
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    let own: String = sql
        .query_row("SELECT url FROM org", [], |row| row.get(0))
        .unwrap();
    let set = "UPDATE entry SET progress = json_set(progress, '$.consent.authorizeUrl', ?1)";
    for (host, back, is_named) in [
        ("third.example", "https://back.example/callback", true),
        ("third.example", "http://127.0.0.1:7/callback", true),
        ("third.example", "http://back.example/callback", false),
        ("third.example", "https://u@back.example/", false),
        ("third.example", "javascript:alert(1)", false),
        ("third.example", "https://back;sandbox/", false),
        ("third.example", "https://*/", false),
        ("third;sandbox", "https://back.example/callback", true),
    ] {
        let mut link = url::Url::parse(&format!("https://{host}/authorize?state=s1")).unwrap();
        link.query_pairs_mut().append_pair("redirect_uri", back);
        sql.execute(set, [link.as_str()]).unwrap();
        let page = desk.get("/consents").is(200).shows(">Open<");
        let policy = page.header("content-security-policy").unwrap();
        let (_, actions) = policy.split_once("form-action ").unwrap();
        let actions: Vec<_> = actions.split(' ').collect();
        let origin = url::Url::parse(back).unwrap().origin();
        let back = origin.ascii_serialization();
        assert_eq!(actions.contains(&&*back), is_named, "{policy}");
        assert!(actions.contains(&own.as_str()), "{own}: {policy}");
        let is_there = actions.contains(&"https://third.example");
        assert_eq!(is_there, host == "third.example", "{policy}");
        assert!(
            !actions.iter().any(|one| one.contains([';', '*'])),
            "{policy}"
        );
    }
}

#[test]
fn a_ledger_that_is_not_there_yet_or_breaks_is_no_end_of_the_desk() {
    let story = Scenario::of([google("0oa1")]);
    let desk = story.desk(&["serve"]);
    desk.enter().is(200).shows("Nothing waits for a consent");
    desk.get("/runs").is(200).shows("No run has begun yet");
    desk.get("/runs/k3f9").is(404);
    desk.get("/jobs").is(200).shows("No job is served here");
    story.run().exits(4);
    desk.get("/consents").is(200).shows("1 entry waits");
    desk.get("/runs").is(200).shows("waiting for consent");
}
