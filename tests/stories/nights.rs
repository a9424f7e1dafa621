//! A job that is run night after night, whatever happens to its orgs, its rows, its disk and its clock: what report and
//! exit code say of each night is true of that night.

use std::collections::BTreeMap;

use okta_rollout::sandbox::{Latency, Switches};
use serde_json::{Value, json};

use crate::support::{Entry, Ran, Scenario, google, user, zscaler};

const DAY_MS: i64 = 24 * 3_600_000;

/// Silence of an org is seen soon.
const JOB: &str = "[http]\ntimeout = '1s'\n[limits]\nmaxInFlight = 2\n";

fn rows() -> Vec<Entry> {
    let acme = (0..4).map(|n| zscaler(&format!("0oaA{n}")).feature(user()));
    let globex = (0..4).map(|n| zscaler(&format!("0oaG{n}")).at("globex").feature(user()));
    let initech = (0..4).map(|n| zscaler(&format!("0oaI{n}")).at("initech"));
    let consent = [google("0oaC").at("globex").feature(user())];
    acme.chain(globex).chain(initech).chain(consent).collect()
}

/// An org, how many of its entries stand so, and how many were looked at.
type Wanted<'a> = (&'a str, &'a [(&'a str, u64)], u64);

/// How one night went.
struct Night {
    report: Value,
    said: String,
}

impl Night {
    fn of(story: &Scenario, ran: &Ran) -> Self {
        Self {
            report: story.report(),
            said: ran.said(),
        }
    }

    fn run(&self) -> &str {
        self.report["run"].as_str().unwrap()
    }

    fn state(&self) -> &str {
        self.report["state"].as_str().unwrap()
    }

    fn time(value: &Value) -> Option<jiff::Timestamp> {
        value.as_str().map(|text| text.parse().unwrap())
    }

    /// How many entries of each org stand so, and how many of them were looked at since the run began.
    fn by_org(&self) -> BTreeMap<String, (BTreeMap<String, u64>, u64)> {
        let begun = Self::time(&self.report["startedAt"]).unwrap();
        let mut orgs: BTreeMap<String, (BTreeMap<String, u64>, u64)> = BTreeMap::new();
        for entry in self.report["entries"].as_array().unwrap() {
            let org = orgs
                .entry(entry["org"].as_str().unwrap().to_owned())
                .or_default();
            let state = match (entry["state"].as_str().unwrap(), &entry["changed"]) {
                ("done", Value::Bool(true)) => "changed",
                ("done", _) => "unchanged",
                (state, _) => state,
            };
            *org.0.entry(state.to_owned()).or_default() += 1;
            org.1 += u64::from(Self::time(&entry["checkedAt"]).is_some_and(|at| at >= begun));
        }
        orgs
    }

    #[track_caller]
    fn is(&self, wanted: &[Wanted<'_>]) {
        let wanted = wanted.iter().map(|(org, states, looked_at)| {
            let states = states.iter().map(|(state, n)| ((*state).to_owned(), *n));
            ((*org).to_owned(), (states.collect(), *looked_at))
        });
        assert_eq!(self.by_org(), wanted.collect(), "{}", self.said);
    }
}

fn runs(story: &Scenario) -> Vec<Value> {
    let runs = story.okta_rollout(&["runs", "--format", "json"]).exits(0);
    serde_json::from_value(runs.json()).unwrap()
}

/// The nights follow each other by a day.
fn night(story: &Scenario, code: i32) -> Night {
    let ran = story.run().exits(code);
    let night = Night::of(story, &ran);
    story.time_passes(DAY_MS);
    night
}

#[test]
#[expect(clippy::too_many_lines, reason = "a week")]
fn every_night_of_a_week_is_reported_as_it_was() {
    let story = Scenario::of(rows());
    story.job(JOB);

    // 1: all is set up, and one entry waits for somebody.
    let first = night(&story, 4);
    assert_eq!(first.state(), "settled");
    first.is(&[
        ("acme", &[("changed", 4)], 4),
        ("globex", &[("changed", 4), ("waiting", 1)], 5),
        ("initech", &[("changed", 4)], 4),
    ]);
    let link = story.link();

    // 2: acme's token was revoked. All others are looked at, and the link stays good.
    story.switch(
        "acme",
        Switches {
            revoked_token: true,
            ..Switches::default()
        },
    );
    let second = night(&story, 3);
    assert_eq!(second.state(), "settled");
    let acme = second.by_org().remove("acme").unwrap();
    // The refused call of the first one showed nothing of it.
    assert_eq!(acme, (BTreeMap::from([("pending".to_owned(), 4)]), 0));
    let others = [
        ("globex", &[("unchanged", 4), ("waiting", 1)][..], 4),
        ("initech", &[("unchanged", 4)], 4),
    ];
    let only = |night: &Night, orgs: &[&str]| {
        let mut night = Night {
            report: night.report.clone(),
            said: night.said.clone(),
        };
        let entries = night.report["entries"].as_array_mut().unwrap();
        entries.retain(|entry| orgs.contains(&entry["org"].as_str().unwrap()));
        night
    };
    only(&second, &["globex", "initech"]).is(&others);
    assert!(second.said.contains("acme was stopped"), "{}", second.said);
    assert_eq!(story.link(), link);

    // 3: that token is back, initech is silent. Acme is looked at anew.
    story.switch("acme", Switches::default());
    story.switch(
        "initech",
        Switches {
            latency: Some(Latency::Fixed("2s".parse().unwrap())),
            ..Switches::default()
        },
    );
    let third = night(&story, 3);
    assert_ne!(third.run(), second.run());
    assert_eq!(third.state(), "settled");
    let said = &third.said;
    let anew = format!(
        "run {} is settled: 4 entries are left of it, of orgs that were stopped; a new run starts",
        second.run()
    );
    assert!(said.contains(&anew), "{said}");
    let looked_at = [
        ("acme", &[("unchanged", 4)][..], 4),
        ("globex", &[("unchanged", 4), ("waiting", 1)], 4),
    ];
    only(&third, &["acme", "globex"]).is(&looked_at);
    // Nobody looked at initech; that of the night before is no look of this one.
    let (states, looked_at) = third.by_org().remove("initech").unwrap();
    assert_eq!(looked_at, 0);
    assert!(
        states
            .keys()
            .all(|state| state == "pending" || state == "failed"),
        "{states:?}"
    );
    assert!(third.report["orgs"][2]["stopped"].is_object());

    // 4: all answer, and somebody has switched something in globex off and something in initech.
    story.switch("initech", Switches::default());
    let off = |org: &str, app: &str| {
        let path = format!("/api/v1/apps/{app}/connections/default/lifecycle/deactivate");
        story.somebody_else(org, "POST", &path, &json!({}));
    };
    off("globex", "0oaG1");
    off("initech", "0oaI2");
    let fourth = night(&story, 4);
    fourth.is(&[
        ("acme", &[("unchanged", 4)], 4),
        (
            "globex",
            &[("changed", 1), ("unchanged", 3), ("waiting", 1)],
            4,
        ),
        ("initech", &[("changed", 1), ("unchanged", 3)], 4),
    ]);
    for name in ["globex/zscalerbyz (row 6)", "initech/zscalerbyz (row 11)"] {
        let drifted = format!("{name} had drifted");
        assert!(fourth.said.contains(&drifted), "{}", fourth.said);
    }
    assert_eq!(story.link(), link);

    // 5: rows were edited: one is gone, one is new, one wants something else; the link's is as it was.
    let mut edited = rows();
    edited.remove(0);
    edited.push(zscaler("0oaI9").at("initech"));
    edited[0] = zscaler("0oaA1").feature(user()).token("file:secrets/other");
    story.write("secrets/other", "another");
    story.manifest(edited);
    let fifth = night(&story, 4);
    fifth.is(&[
        ("acme", &[("changed", 1), ("unchanged", 2)], 3),
        ("globex", &[("unchanged", 4), ("waiting", 1)], 4),
        ("initech", &[("changed", 1), ("unchanged", 4)], 5),
    ]);
    assert_eq!(story.link(), link);

    // 6: the disk is full in the middle: the night ends with its cause, and what was stored stands.
    let slow = |latency: &str| {
        for org in ["acme", "globex", "initech"] {
            let latency = Some(latency.parse().unwrap());
            story.switch(
                org,
                Switches {
                    latency,
                    ..Switches::default()
                },
            );
        }
    };
    slow("50ms");
    let mut live = story.begin(&["run", "job.toml"]);
    live.says(": done, ");
    // As far as the process can see: no file takes any more.
    let full = rustix::process::Rlimit {
        current: Some(1),
        maximum: None,
    };
    let pid = rustix::process::Pid::from_raw(live.id().try_into().unwrap());
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, full).unwrap();
    assert_eq!(live.ends(), Some(3));
    live.has_said("was broken off");
    slow("0ms");
    let sixth = Night {
        report: story.report(),
        said: live.said().to_owned(),
    };
    assert!(sixth.said.contains("ledger.db"), "{}", sixth.said);
    story.time_passes(DAY_MS);
    assert_eq!(sixth.state(), "interrupted");
    let pending = sixth.report["totals"]["pending"].as_u64().unwrap();
    let ended = sixth.report["totals"]["unchanged"].as_u64().unwrap();
    assert!(pending > 0, "{}", sixth.report["totals"]);

    // 7: there is room again, and the clock was set back by two days. The broken night continues and says what it left
    // alone, and nothing of that reads as looked at.
    story.time_passes(-2 * DAY_MS);
    let began = jiff::Timestamp::now();
    let seventh = Night::of(&story, &story.run().exits(4));
    assert_eq!(seventh.run(), sixth.run());
    assert_eq!(seventh.state(), "settled");
    let goes_on = format!("run {} of ", sixth.run());
    assert!(seventh.said.contains(&goes_on), "{}", seventh.said);
    if ended > 0 {
        let left = "ended then and";
        assert!(seventh.said.contains(left), "{}", seventh.said);
        assert!(
            seventh.said.contains("not looked at again"),
            "{}",
            seventh.said
        );
    }
    let looked_at = seventh.report["entries"].as_array().unwrap().iter();
    let looked_at =
        looked_at.filter(|entry| Night::time(&entry["checkedAt"]).is_some_and(|at| at >= began));
    assert_eq!(looked_at.count() as u64, pending);
    assert_eq!(story.link(), link);
    // And the night after looks at all again.
    let eighth = night(&story, 4);
    eighth.is(&[
        ("acme", &[("unchanged", 3)], 3),
        ("globex", &[("unchanged", 4), ("waiting", 1)], 4),
        ("initech", &[("unchanged", 5)], 5),
    ]);
    assert_eq!(runs(&story).len(), 7);
}

#[test]
fn only_an_answer_that_shows_something_is_a_look() {
    for (fault, times, is_look) in [
        ("unavailable", 0, false),
        ("serverError", 0, false),
        ("badGateway", 0, false),
        ("foreignBody", 0, false),
        ("hang", 0, false),
        // What comes after it is a look.
        ("unavailable", 1, true),
    ] {
        let rule = format!("fault = '{fault}'\ntimes = {times}\n");
        let story = Scenario::with(
            &format!("limit = 0\n[[faults.rules]]\n{rule}"),
            [zscaler("0oa1")],
        );
        story.job("[http]\ntimeout = '1s'\n");
        story.run().exits(if is_look { 0 } else { 3 });
        let report = story.report();
        let looked_at = &report["entries"][0]["checkedAt"];
        assert_eq!(looked_at.is_string(), is_look, "{fault}: {report}");
    }
    // To be refused for what is asked for is one, too.
    let story = Scenario::of([zscaler("0oa1").token("file:secrets/bad")]);
    story.write("secrets/bad", "bad-token");
    story.run().exits(3);
    let entry = &story.report()["entries"][0];
    assert_eq!(entry["state"], "failed");
    assert!(entry["checkedAt"].is_string(), "{entry}");
}
