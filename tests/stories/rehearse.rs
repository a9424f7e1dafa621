//! A rehearsal says which calls a run makes and how long it takes, and makes none itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{
    Entry, Scenario, google, inbound, office365, org2org, partly_user, slack, user, zoomus, zscaler,
};

/// Orgs without limits that answer at once, as [`Scenario::of`] has them.
const FREE: [&str; 6] = ["rehearse", "job.toml", "--limit", "0", "--latency", "none"];

/// Calls by org, as a rehearsal or a report has them.
fn calls(sheet: &Value, key: &str) -> BTreeMap<String, u64> {
    let orgs = sheet["orgs"].as_array().unwrap().iter();
    orgs.map(|org| {
        (
            org["org"].as_str().unwrap().to_owned(),
            org[key].as_u64().unwrap(),
        )
    })
    .collect()
}

fn rehearsed(story: &Scenario, more: &[&str]) -> Value {
    let arguments = [&FREE[..], &["--format", "json"], more].concat();
    story.okta_rollout(&arguments).exits(0).json()
}

fn created(label: &str) -> Entry {
    let create =
        json!({ "signOnMode": "SAML_2_0", "settings": { "app": { "domain": "x.example" } } });
    google("0oa0")
        .labelled(label)
        .with("create", create)
        .missing()
}

/// All apps and all ways to find one, in orgs where each is found in another way.
fn all_kinds() -> Vec<Entry> {
    let mut entries = vec![
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").feature(partly_user()),
        org2org("0oa3").feature(user()).feature(inbound()),
        google("0oa4").feature(user()),
        slack("0oa5"),
        zoomus("0oa6").feature(partly_user()),
        office365("0oa7"),
        zscaler("0oa8").disabled().without("connection"),
        // Found by a list of all apps, or of the only kind, or created.
        zscaler("0oa1").labelled("one").at("listed").feature(user()),
        org2org("0oa2").labelled("two").at("listed"),
        slack("0oa3").at("listed"),
        created("three").at("created"),
        created("four").at("created"),
        zscaler("0oa9").at("created"),
    ];
    // So many of one kind that they are seen by a list, and of another that they are not.
    entries.extend((0..30).map(|no| zscaler(&format!("0oaz{no}")).at("many").feature(user())));
    entries.extend((0..5).map(|no| google(&format!("0oag{no}")).at("many")));
    entries
}

#[test]
fn calls_and_consents_are_those_of_a_run_in_which_nobody_consents() {
    let story = Scenario::of(all_kinds());
    let rehearsal = rehearsed(&story, &[]);
    story.run().exits(4);
    let report = story.report();
    assert_eq!(calls(&rehearsal, "calls"), calls(&report, "requests"));
    assert_eq!(rehearsal["consents"], report["totals"]["waiting"]);
    assert_eq!(rehearsal["entries"], report["totals"]["entries"]);
    let sum: u64 = calls(&report, "requests").values().sum();
    assert_eq!(rehearsal["calls"], sum);
    assert_eq!(rehearsal["waves"], json!([]));
    assert_eq!(report["waves"], json!([]));
}

#[test]
fn with_consents_calls_are_those_of_an_attended_run() {
    let story = Scenario::of([]);
    let entries = [
        google("0oa4").feature(user()).json(),
        slack("0oa5").json(),
        zoomus("0oa6").feature(partly_user()).json(),
    ];
    let manifest = json!({ "orgs": { "acme": { "url": "sandbox" } }, "apps": entries });
    story.write("m.json", &manifest.to_string());
    story.job("[sandbox]\nlimit = 0\nconsent = 'auto'\n");
    let rehearsal = rehearsed(&story, &["--consent-after", "1d"]);
    story.run().exits(0);
    assert_eq!(
        calls(&rehearsal, "calls"),
        calls(&story.report(), "requests")
    );
    assert_eq!(rehearsal["consents"], 3);
    let day_ms = 24 * 60 * 60 * 1_000;
    let wall_ms = rehearsal["wallMs"].as_u64().unwrap();
    assert!((day_ms..day_ms + 1_000).contains(&wall_ms), "{wall_ms}");
    let never = rehearsed(&story, &["--consent-after", "never"]);
    assert!(never["calls"].as_u64() < rehearsal["calls"].as_u64());
}

#[test]
fn nothing_is_sent_read_of_secrets_or_written() {
    let story = Scenario::of(all_kinds());
    std::fs::remove_file(story.path("secrets/app-token")).unwrap();
    let before = story.files();
    let rehearsal = story.okta_rollout(&["rehearse", "job.toml"]).exits(0);
    let said = rehearsal.data();
    assert!(said.starts_with("49 entries in 4 orgs: "), "{said}");
    assert!(
        said.contains("\n12 entries need a person's consent; "),
        "{said}"
    );
    assert!(said.ends_with("nothing was sent\n"), "{said}");
    assert_eq!(story.files(), before);
    for org in ["acme", "listed", "created", "many"] {
        assert!(story.statuses(org).is_empty(), "{org}");
    }
}

#[test]
fn the_sheet_has_what_programs_look_for_and_is_the_same_each_time() {
    let story = Scenario::of([zscaler("0oa1").feature(user()), google("0oa2")]);
    let arguments = [
        "rehearse", "job.toml", "--format", "json", "--limit", "4", "--window", "3s",
    ];
    let sheet = story.okta_rollout(&arguments).exits(0).json();
    assert_eq!(sheet, story.okta_rollout(&arguments).exits(0).json());
    let keys = |value: &Value| {
        let keys = value.as_object().unwrap().keys().cloned();
        keys.collect::<Vec<_>>().join(" ")
    };
    let mut found = [keys(&sheet), keys(&sheet["orgs"][0])];
    for keys in &mut found {
        let mut words: Vec<&str> = keys.split(' ').collect();
        words.sort_unstable();
        *keys = words.join(" ");
    }
    assert_eq!(found[0], "calls consents entries orgs wallMs waves");
    assert_eq!(found[1], "calls org waitedMs wallMs");
    assert!(sheet["orgs"][0]["waitedMs"].as_u64().unwrap() > 1_000);
}

#[test]
fn waves_come_one_after_the_other_and_soak() {
    let orgs = ["canary1", "prod1", "prod2"];
    let story = Scenario::of(orgs.map(|org| zscaler("0oa1").at(org)));
    story.job("[[waves]]\nname = 'canaries'\norgs = ['canary*']\nsoak = '30m'\napprove = true\n");
    let rehearsal = rehearsed(&story, &[]);
    let waves = rehearsal["waves"].as_array().unwrap();
    let of = |no: usize| (waves[no]["name"].as_str(), waves[no]["entries"].as_u64());
    assert_eq!(of(0), (Some("canaries"), Some(1)));
    assert_eq!(of(1), (Some("rest"), Some(2)));
    let soak_ms = 30 * 60 * 1_000;
    let wall_ms = |sheet: &Value| sheet["wallMs"].as_u64().unwrap();
    for wall_ms in [wall_ms(&rehearsal), wall_ms(&waves[0])] {
        assert!((soak_ms..soak_ms + 1_000).contains(&wall_ms), "{wall_ms}");
    }
    assert!(wall_ms(&waves[1]) < 1_000);
}

#[test]
fn the_readme_shows_what_is_said() {
    let story = Scenario::of([]);
    story.copy("jobs");
    story.copy("samples");
    let command = "rehearse jobs/bulk-migration.toml --limit 50 --window 60s";
    let arguments: Vec<_> = command.split(' ').collect();
    let said = story.okta_rollout(&arguments).exits(0).data();
    let readme = include_str!("../../README.md");
    let shown = readme.split_once(command).unwrap().1;
    let shown = shown.split_once("```text\n").unwrap().1;
    assert_eq!(shown.split_once("```").unwrap().0, said);
}

#[test]
fn faults_cost_calls_and_time() {
    let entries = || (0..60).map(|no| zscaler(&format!("0oa{no}")).feature(user()));
    let story = Scenario::of(entries());
    let none = rehearsed(&story, &[]);
    let some = rehearsed(&story, &["--faults", "10%"]);
    let (none, some) = (
        none["calls"].as_u64().unwrap(),
        some["calls"].as_u64().unwrap(),
    );
    assert!((none + 5..none + 30).contains(&some), "{none} and {some}");
}

#[test]
fn what_makes_it_shorter_is_said() {
    let story = Scenario::of((0..40).map(|no| zscaler(&format!("0oa{no}")).feature(partly_user())));
    story.job("[limits]\nshare = 0.5\n");
    let said = story
        .okta_rollout(&["rehearse", "job.toml"])
        .exits(0)
        .data();
    assert!(said.contains("shorter: acme alone would take "), "{said}");
    assert!(said.contains(", with `share` 1 in its limits"), "{said}");
    assert!(
        said.contains("40 calls are made only because features are given in part"),
        "{said}"
    );
}

#[test]
fn a_share_that_is_never_used_up_is_no_advice() {
    let story = Scenario::of((0..40).map(|no| zscaler(&format!("0oa{no}")).feature(user())));
    story.job("[limits]\nshare = 0.5\n");
    for limit in ["0", "600"] {
        let said = story.okta_rollout(&["rehearse", "job.toml", "--limit", limit]);
        let said = said.exits(0).data();
        assert!(said.contains("never waits for its limits"), "{said}");
        assert!(!said.contains("`share`"), "{said}");
    }
}

/// Three waves, in each of which an entry waits for a consent.
fn consents_in_waves() -> Scenario {
    let orgs = ["canary", "early", "late"];
    let story = Scenario::of(orgs.into_iter().flat_map(|org| {
        [
            google("0oa1").at(org).feature(user()),
            zscaler("0oa2").at(org),
        ]
    }));
    story.job(
        "[[waves]]\nname = 'canaries'\norgs = ['canary']\nsoak = '1h'\n\
         [[waves]]\nname = 'early'\norgs = ['early']\nsoak = '30m'\n",
    );
    story
}

#[test]
fn a_consent_holds_no_wave_up() {
    let story = consents_in_waves();
    let (minute_ms, hour_ms) = (60 * 1_000, 60 * 60 * 1_000);
    let asked = |after: &str| {
        let arguments = [
            "rehearse",
            "job.toml",
            "--limit",
            "0",
            "--format",
            "json",
            "--consent-after",
            after,
        ];
        story.okta_rollout(&arguments).exits(0).json()
    };
    let ms = |sheet: &Value| sheet["wallMs"].as_u64().unwrap();
    let walls = |sheet: &Value| [0, 1, 2].map(|no| ms(&sheet["waves"][no]));
    let never = asked("never");
    // The last one is asked for after both soaks.
    let late = asked("1d");
    let wanted = (24 * hour_ms + hour_ms + 30 * minute_ms)..;
    assert!(wanted.contains(&ms(&late)), "{late}");
    assert!(ms(&late) < wanted.start + 2 * minute_ms, "{late}");
    assert_eq!(walls(&late), walls(&never));
    assert!(ms(&never) < hour_ms + 32 * minute_ms, "{never}");
    // Those of the first wave come while it soaks, and its calls are made meanwhile.
    let soon = asked("20m");
    assert_eq!(walls(&soon), walls(&never));
    assert_eq!(soon["consents"], 3);
    assert_eq!(soon["calls"], late["calls"]);
    assert!(soon["calls"].as_u64() > never["calls"].as_u64());
}

#[test]
fn what_comes_of_a_consent_while_its_wave_works_is_waited_for() {
    // Entries for half an hour, and a consent that is given after five minutes and takes calls then.
    let entries = (0..600).map(|no| zscaler(&format!("0oa{no}")).at("slow").feature(user()));
    let consents = (0..3).map(|no| google(&format!("0oag{no}")).at("quick"));
    let story = Scenario::of(entries.chain(consents).chain([zscaler("0oa1").at("next")]));
    story.job("[[waves]]\norgs = ['slow', 'quick']\n");
    let arguments = [
        "rehearse",
        "job.toml",
        "--format",
        "json",
        "--consent-after",
        "5m",
    ];
    let sheet = story.okta_rollout(&arguments).exits(0).json();
    let wall = |sheet: &Value| sheet["wallMs"].as_u64().unwrap();
    assert_eq!(
        wall(&sheet),
        wall(&sheet["waves"][0]) + wall(&sheet["waves"][1])
    );
    assert!(wall(&sheet["waves"][0]) > 20 * 60 * 1_000, "{sheet}");
    let orgs = sheet["orgs"].as_array().unwrap();
    let quick = orgs.iter().find(|org| org["org"] == "quick").unwrap();
    assert!(
        (5 * 60 * 1_000..6 * 60 * 1_000).contains(&wall(quick)),
        "{quick}"
    );
}

#[test]
fn a_wave_with_too_many_failures_halts_the_run_and_an_approval_is_assumed() {
    let entries = |org: &'static str, count: u32| {
        (0..count).map(move |no| zscaler(&format!("0oa{no}")).at(org).feature(user()))
    };
    let story = Scenario::of(entries("canary", 40).chain(entries("prod", 5)));
    let waves = "[limits]\nmaxInFlight = 3\n[[waves]]\nname = 'canaries'\norgs = ['canary']\nhaltWhenFailed = 1\nsoak = '1h'\n\
                 [[waves]]\nname = 'prod'\norgs = ['prod']\napprove = true\n";
    let job = format!("manifest = 'm.json'\n[retry]\nmaxAttempts = 1\n{waves}");
    story.write("job.toml", &job);
    let said = story.okta_rollout(&FREE).exits(0).data();
    assert!(said.contains("wave prod: 5 entries, "), "{said}");
    assert!(said.contains(", approved at once, as is assumed"), "{said}");
    assert!(!said.contains("halts"), "{said}");
    // Half of all calls fail, and none is made again.
    let half = ["--faults", "50%"];
    let said = story
        .okta_rollout(&[&FREE[..], &half].concat())
        .exits(0)
        .data();
    let halts = "wave canaries halts the run: ";
    let line = said.lines().find(|line| line.starts_with(halts)).unwrap();
    assert!(line.contains(" of 40 entries fail, and 1 may; "), "{line}");
    let left = line.strip_suffix(" entries do not begin").unwrap();
    let left: u32 = left.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((6..43).contains(&left), "some of its own, too: {line}");
    assert!(
        said.contains("\nwave prod: 5 entries, does not begin\n"),
        "{said}"
    );
    let sheet = rehearsed(&story, &half);
    assert_eq!(sheet["halted"], "canaries");
    assert_eq!(sheet["entries"], 45);
    let calls = calls(&sheet, "calls");
    assert_eq!(calls["prod"], 0);
    // No soak follows a halt, either.
    assert!(calls["canary"] > 0, "{calls:?}");
    let wall_ms = |sheet: &Value| sheet["wallMs"].as_u64().unwrap();
    assert_eq!(wall_ms(&sheet["waves"][1]), 0);
    assert!(wall_ms(&sheet) < 60 * 60 * 1_000);
}

#[test]
fn flags_win_over_what_a_job_says_of_single_orgs() {
    let story = Scenario::of([]);
    let apps = (0..20).map(|no| zscaler(&format!("0oa{no}")).feature(user()).json());
    let orgs = json!({ "acme": { "url": "sandbox" } });
    let manifest = json!({ "orgs": orgs, "apps": apps.collect::<Vec<_>>() });
    story.write("m.json", &manifest.to_string());
    let wall_ms = |flags: &[&str]| rehearsed(&story, flags)["wallMs"].as_u64().unwrap();
    let flags = ["--limit", "20", "--window", "3s", "--latency", "10ms"];
    let arguments = [&["rehearse", "job.toml", "--format", "json"], &flags[..]].concat();
    let sheet = || story.okta_rollout(&arguments).exits(0).json();
    story.job("");
    let without = sheet();
    story.job("[sandbox.switches.acme]\nlimit = 2\nlatency = '5s'\n");
    assert_eq!(sheet(), without);
    assert!(wall_ms(&[]) < 1_000, "neither a limit nor a latency");
    let by_job = story.okta_rollout(&["rehearse", "job.toml", "--format", "json"]);
    let by_job = by_job.exits(0).json()["wallMs"].as_u64().unwrap();
    assert!(by_job > 10 * 60 * 1_000, "{by_job}");
}

#[test]
fn mistakes_are_refused_as_by_every_command() {
    let story = Scenario::of([zscaler("0oa1").with("app", json!("zcaler"))]);
    story
        .okta_rollout(&["rehearse", "job.toml"])
        .exits(2)
        .says("zcaler");
    for (flag, value) in [
        ("--faults", "2"),
        ("--faults", "51%"),
        ("--latency", "slow"),
        ("--window", "60"),
        ("--consent-after", "366d"),
    ] {
        story
            .okta_rollout(&["rehearse", "job.toml", flag, value])
            .exits(2)
            .says(flag);
    }
    story
        .okta_rollout(&["rehearse", "job.toml", "--consent-after", "3000d"])
        .exits(2)
        .says("takes an age up to 365d, as in 1d or 12h, or never");
}
