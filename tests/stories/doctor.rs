//! `doctor`: each org is asked once, says what keeps a run from it, and holds up no other; nothing is written anywhere.

use std::collections::BTreeSet;
use std::net::TcpListener;

use okta_rollout::sandbox::Switches;
use serde_json::{Value, json};

use crate::support::{Asked, Lie, Ran, Scenario, lie, zscaler};

/// What it asks an org.
const ASKED: &str = "GET /api/v1/apps";

/// Orgs that answer or do not as their stories want, each beside one in the sandbox where all is well.
fn beside_globex(at: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut story = Scenario::with("limit = 50", []);
    at(&mut story);
    story.manifest([zscaler("0oa1"), zscaler("0oa1").at("globex")]);
    story
}

fn switched(switches: Switches) -> Scenario {
    let story = beside_globex(|_| {});
    story.switch("acme", switches);
    story
}

fn lying(answer: impl Fn(&Asked) -> Lie + Send + Sync + 'static) -> Scenario {
    beside_globex(|story| {
        let url = story.lies(answer).url;
        story.org_at("acme", &url);
    })
}

fn asked(story: &Scenario, more: &[&str]) -> Ran {
    story.okta_rollout(&[&["doctor", "job.toml"], more].concat())
}

/// What programs are told, and what acme's and globex's parts of it are.
fn found(ran: &Ran) -> (Value, Value, Value) {
    let whole = ran.json();
    let (acme, globex) = (whole["orgs"][0].clone(), whole["orgs"][1].clone());
    (whole, acme, globex)
}

/// No ledger was made, nor anything beside it.
fn nothing_was_written(story: &Scenario) {
    assert!(!story.path(".okta-rollout").exists());
    for org in story.orgs() {
        let calls = story.all_calls(&org);
        assert!(
            calls.iter().all(|call| call.starts_with("GET ")),
            "{calls:?}"
        );
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    let keys = value.as_object().unwrap().keys();
    keys.map(String::as_str).collect()
}

#[test]
fn where_all_is_well_an_org_gets_one_call() {
    let story = beside_globex(|_| {});
    let ran = asked(&story, &["--json"]).exits(0);
    ran.says("2 orgs: 2 in order; the ledger is in order; 2 calls");
    for org in ["acme", "globex"] {
        assert_eq!(story.all_calls(org), [ASKED]);
    }
    nothing_was_written(&story);
}

#[test]
fn programs_are_told_everything_in_a_form_that_is_documented() {
    let story = beside_globex(|_| {});
    let ran = asked(&story, &["--format", "json"]).exits(0);
    let (whole, acme, _) = found(&ran);
    has_every_key(&whole, &acme);
    assert_eq!(whole["file"], "job.toml");
    assert_eq!(whole["ok"], true);
    for (key, value) in [
        ("org", json!("acme")),
        ("url", json!(story.url("acme"))),
        ("entries", json!(1)),
        ("ok", json!(true)),
        ("reachable", json!(true)),
        ("auth", json!("apiToken")),
        ("credentials", json!("accepted")),
        ("maxInFlight", json!(20)),
        ("maxRps", json!(null)),
        ("calls", json!(1)),
        ("problems", json!([])),
        (
            "rights",
            json!({ "scopes": [
                { "scope": "okta.apps.manage", "held": "unknown" },
                { "scope": "okta.apps.read", "held": "yes" } ],
                "role": "APP_ADMIN", "roleHeld": "unknown" }),
        ),
    ] {
        assert_eq!(acme[key], value, "{key}");
    }
    let limit = &acme["limit"];
    for (key, value) in [
        ("bucket", json!("/api/v1/apps")),
        ("limit", json!(50)),
        ("remaining", json!(49)),
        ("share", json!(0.9)),
        ("calls", json!(45)),
    ] {
        assert_eq!(limit[key], value, "{key}");
    }
    assert!(limit["resetsAt"].as_str().unwrap().ends_with('Z'));
    let clock = &acme["clock"];
    let (ahead, within) = (clock["aheadMs"].as_i64(), clock["withinMs"].as_i64());
    assert!(ahead.unwrap().abs() <= within.unwrap(), "{clock}");
    let ledger = &whole["ledger"];
    assert_eq!(ledger["state"], "absent");
    assert_eq!(ledger["location"], ".okta-rollout/ledger.db");
    nothing_was_written(&story);
}

/// Those that the README names, and no others.
fn has_every_key(whole: &Value, acme: &Value) {
    let rights = &acme["rights"];
    for (what, value, keys_of) in [
        ("all", whole, "file ledger ok orgs"),
        (
            "an org",
            acme,
            "org url entries ok reachable auth credentials rights clock limit maxInFlight maxRps calls \
             durationMs problems",
        ),
        ("rights", rights, "scopes role roleHeld"),
        ("a scope", &rights["scopes"][0], "scope held"),
        ("a clock", &acme["clock"], "aheadMs withinMs"),
        (
            "a limit",
            &acme["limit"],
            "bucket limit remaining resetsAt share calls",
        ),
        (
            "the ledger",
            &whole["ledger"],
            "location ok state format bytes freeBytes runs held problems",
        ),
    ] {
        assert_eq!(keys(value), keys_of.split(' ').collect(), "{what}");
    }
}

#[test]
fn people_see_a_line_an_org() {
    let mut story = Scenario::with("limit = 50", []);
    story.org_at("dead", "http://127.0.0.1:1");
    story.manifest([
        zscaler("0oa1"),
        zscaler("0oa1").at("globex"),
        zscaler("0oa1").at("dead"),
    ]);
    story.job("[limits]\nshare = 0.5\nmaxInFlight = 7\nmaxRps = 2.5\n");
    let shown = asked(&story, &[]).exits(3).data();
    let lines: Vec<_> = shown.lines().collect();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(lines[0]).starts_with("org reached credentials rights"),
        "{shown}"
    );
    for (line, begins, ends) in [
        (
            1,
            "acme in ",
            "accepted may read apps in step 25 of 50 7, 2.5 a second",
        ),
        (
            2,
            "globex in ",
            "accepted may read apps in step 25 of 50 7, 2.5 a second",
        ),
        (3, "dead no ", "- - - - 7, 2.5 a second"),
        (
            4,
            "acme, globex need, which no GET shows: ",
            "a token whose owner is APP_ADMIN, or may do as much",
        ),
        (
            5,
            "ledger .okta-rollout/ledger.db: none yet, the first run makes it",
            " free",
        ),
    ] {
        let line = words(lines[line]);
        assert!(line.starts_with(begins) && line.ends_with(ends), "{line}");
    }
    assert_eq!(lines.len(), 6, "{shown}");
}

/// What one problem is: what it is about, what is said of it, and what helps.
struct Trouble<'a> {
    what: &'a str,
    story: Scenario,
    calls: u64,
    reachable: Value,
    credentials: &'a str,
    about: &'a str,
    said: &'a str,
    hint: &'a str,
}

impl Trouble<'_> {
    fn is_found(&self) {
        let ran = asked(&self.story, &["--json"]).exits(3);
        let (whole, acme, globex) = found(&ran);
        let what = format!("{}: {acme:#}", self.what);
        assert_eq!(
            (&whole["ok"], &acme["ok"]),
            (&json!(false), &json!(false)),
            "{what}"
        );
        assert_eq!(acme["reachable"], self.reachable, "{what}");
        assert_eq!(acme["credentials"], self.credentials, "{what}");
        assert_eq!(acme["calls"], self.calls, "{what}");
        let problems = acme["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{what}");
        assert_eq!(problems[0]["about"], self.about, "{what}");
        assert_eq!(problems[0]["severity"], "error", "{what}");
        let said = ran.said();
        let message = problems[0]["message"].as_str().unwrap();
        assert!(message.contains(self.said), "{what}");
        assert!(said.contains(&format!("error: acme: {message}")), "{said}");
        let hint = problems[0]["hint"].as_str().unwrap();
        assert!(hint.contains(self.hint), "{what}");
        let next = format!("hint: {hint}, then: okta-rollout doctor job.toml\n");
        assert!(said.contains(&next), "{said}");
        assert!(
            said.contains("2 orgs: 1 in order, 1 with problems"),
            "{said}"
        );
        // Nobody else is the worse for it.
        assert_eq!((&globex["ok"], &globex["calls"]), (&json!(true), &json!(1)));
        nothing_was_written(&self.story);
    }
}

#[test]
fn credentials_that_are_not_good() {
    let refused = |what, story, said, hint| Trouble {
        what,
        story,
        calls: 1,
        reachable: json!(true),
        credentials: "refused",
        about: "credentials",
        said,
        hint,
    };
    let revoked = switched(Switches {
        revoked_token: true,
        ..Switches::default()
    });
    refused(
        "revoked",
        revoked,
        "Invalid token provided",
        "env:ACME_TOKEN: the org's credentials are wrong, expired or revoked",
    )
    .is_found();
    let mut jwt = beside_globex(|_| {});
    jwt.set(
        "ACME_TOKEN",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIwb2ExIn0.c2lnbmF0dXJl",
    );
    refused(
        "an access token as an API token",
        jwt,
        "Invalid token provided",
        "env:ACME_TOKEN: this has the form of an access token: give it as auth.accessToken",
    )
    .is_found();
    let swapped = lying(|_| {
        let challenge = "Bearer error=\"invalid_token\"";
        lie(401, &[("www-authenticate", challenge)], "")
    });
    let manifest = std::fs::read_to_string(swapped.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["orgs"]["acme"]["auth"] = json!({ "accessToken": "env:ACME_TOKEN" });
    swapped.write("m.json", &manifest.to_string());
    refused(
        "an API token as an access token",
        swapped,
        "invalid_token",
        "env:ACME_TOKEN: this has the form of an API token: give it as auth.apiToken",
    )
    .is_found();
    let mut unset = beside_globex(|_| {});
    unset.unset("ACME_TOKEN");
    let unread = Trouble {
        calls: 0,
        reachable: json!(null),
        credentials: "unreadable",
        ..refused(
            "unset",
            unset,
            "its credentials cannot be read: env:ACME_TOKEN",
            "set ACME_TOKEN",
        )
    };
    unread.is_found();
}

#[test]
fn rights_that_are_missing() {
    let lacking = |what, story, said, hint| Trouble {
        what,
        story,
        calls: 1,
        reachable: json!(true),
        credentials: "accepted",
        about: "rights",
        said,
        hint,
    };
    let all = "use a token that has the scopes okta.apps.manage and okta.apps.read";
    let scope = switched(Switches {
        missing_scopes: vec!["okta.apps.read".to_owned()],
        ..Switches::default()
    });
    let scope = lacking(
        "a scope that the answer names",
        scope,
        "the access token lacks the scope okta.apps.read (insufficient_scope)",
        all,
    );
    scope.is_found();
    let (_, acme, _) = found(&asked(&scope.story, &["--json"]));
    assert_eq!(acme["rights"]["scopes"][1]["held"], "no");
    let shown = asked(&scope.story, &[]).data();
    assert!(shown.contains("without okta.apps.read"), "{shown}");
    let bare =
        "status 403 without a body, which probably means that the access token lacks a scope";
    lacking(
        "a 403 that says nothing",
        lying(|_| lie(403, &[], "")),
        bare,
        all,
    )
    .is_found();
    let role = switched(Switches {
        missing_role: true,
        ..Switches::default()
    });
    let role = lacking(
        "a role",
        role,
        "You do not have permission",
        "env:ACME_TOKEN: give the owner of the org's credentials an admin role that may manage apps",
    );
    role.is_found();
    let (_, acme, _) = found(&asked(&role.story, &["--json"]));
    assert_eq!(acme["rights"]["roleHeld"], "no");
    let empty = lacking(
        "an org that shows nothing",
        lying(|_| lie(200, &[], "[]")),
        "the org shows no app at all, and 1 entry needs one that is there",
        "a role that may see and manage its apps (APP_ADMIN",
    );
    empty.is_found();
    // Where apps are to be created none has to be there.
    let create = json!({ "signOnMode": "SAML_2_0", "settings": { "app": {} } });
    let creates = zscaler("0oa1").labelled("Z").with("create", create);
    let mut story = Scenario::of([]);
    let url = story.lies(|_| lie(200, &[], "[]")).url;
    story.org_at("acme", &url);
    story.manifest([creates.missing()]);
    asked(&story, &[]).exits(0);
}

/// An org that is not reached.
fn away<'a>(
    what: &'a str,
    story: Scenario,
    calls: u64,
    said: &'a str,
    hint: &'a str,
) -> Trouble<'a> {
    Trouble {
        what,
        story,
        calls,
        reachable: json!(false),
        credentials: "unknown",
        about: "reach",
        said,
        hint,
    }
}

#[test]
fn an_org_that_there_is_no_way_to() {
    let at = |url: &str| beside_globex(|story| story.org_at("acme", url));
    away(
        "nobody knows it",
        at("https://acme.okta.invalid"),
        1,
        "cannot resolve acme.okta.invalid: no such host",
        "correct the org's url",
    )
    .is_found();
    away(
        "nobody listens",
        at("http://127.0.0.1:1"),
        3,
        "cannot connect to 127.0.0.1",
        "check the org's url and the network",
    )
    .is_found();
    let company = beside_globex(|story| drop(story.signs("acme")));
    away(
        "a certificate of a company",
        company,
        1,
        "a certificate that is not trusted",
        "caFile under [http] of the job file",
    )
    .is_found();
    // It takes the connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = at(&format!("http://{}", silent.local_addr().unwrap()));
    hangs.job("maxElapsed = '30s'\n[http]\ntimeout = '1s'\n");
    let hangs = away(
        "it hangs",
        hangs,
        1,
        "no answer from 127.0.0.1 within 1 s",
        "look at the org's status",
    );
    hangs.is_found();
}

#[test]
fn what_answers_in_an_orgs_place() {
    let gateway = lying(|_| {
        lie(
            200,
            &[("content-type", "text/html")],
            "<html>Sign in</html>",
        )
    });
    away(
        "a page of a gateway",
        gateway,
        3,
        "with a body that is not Okta's",
        "something between here and Okta answers in its place",
    )
    .is_found();
    let moved = lying(|_| lie(302, &[("location", "https://elsewhere.example/")], ""));
    away(
        "another address",
        moved,
        1,
        "redirected to elsewhere.example",
        "put the org's own address in its url",
    )
    .is_found();
    let down = lying(|_| lie(503, &[], ""));
    away(
        "it is down",
        down,
        3,
        "status 503",
        "look at the org's status",
    )
    .is_found();
}

#[test]
fn an_answer_that_gets_lost_is_no_finding() {
    let story = lying(|asked| match asked.no {
        0 => lie(503, &[], ""),
        1 => lie(200, &[], "[{\"id\":"),
        _ => lie(200, &[], r#"[{"id":"0oa1","name":"zscalerbyz"}]"#),
    });
    let (_, acme, _) = found(&asked(&story, &["--json"]).exits(0));
    assert_eq!((&acme["calls"], &acme["ok"]), (&json!(3), &json!(true)));
}

#[test]
fn a_limit_that_is_used_up_is_waited_for_but_not_for_ever() {
    let answer = |asked: &Asked| match asked.no {
        0 => lie(
            429,
            &[
                ("x-rate-limit-limit", "50"),
                ("x-rate-limit-remaining", "0"),
                ("retry-after", "1"),
            ],
            r#"{"errorCode":"E0000047"}"#,
        ),
        _ => lie(200, &[], r#"[{"id":"0oa1","name":"zscalerbyz"}]"#),
    };
    let story = lying(answer);
    let (_, acme, _) = found(&asked(&story, &["--json"]).exits(0));
    assert_eq!((&acme["calls"], &acme["ok"]), (&json!(2), &json!(true)));

    let story = lying(|_| {
        lie(
            429,
            &[],
            r#"{"errorCode":"E0000047","errorSummary":"too many"}"#,
        )
    });
    story.job("orgPatience = '1s'\n");
    let used_up = Trouble {
        what: "a limit that is never there",
        story,
        calls: 1,
        reachable: json!(true),
        credentials: "unknown",
        about: "limit",
        said: "no useful answer for 1 s; the last one: too many",
        hint: "see in the org's System Log who uses up its rate limit",
    };
    used_up.is_found();
}

#[test]
fn clocks_that_differ() {
    // Seconds that the org's clock is ahead; what is said of ours; whether that has to be fixed.
    for (org_s, said, code) in [
        (600, "10 min behind", Some(3)),
        (-600, "10 min ahead", Some(3)),
        (90, "behind", Some(0)),
        (-2, "", None),
    ] {
        let story = Scenario::with("limit = 50", [zscaler("0oa1")]);
        story.switch(
            "acme",
            Switches {
                clock_skew_s: org_s,
                ..Switches::default()
            },
        );
        let ran = asked(&story, &["--json"]).exits(code.unwrap_or(0));
        let (_, acme, _) = found(&ran);
        let (clock, problems) = (&acme["clock"], acme["problems"].as_array().unwrap());
        let (ahead, within) = (clock["aheadMs"].as_i64(), clock["withinMs"].as_i64());
        let off = ahead.unwrap() + i64::from(org_s) * 1_000;
        assert!(off.abs() <= within.unwrap(), "{org_s}: {clock}");
        assert_eq!(acme["credentials"], "accepted");
        let Some(code) = code else {
            assert!(problems.is_empty(), "{org_s}");
            continue;
        };
        let severity = if code == 3 { "error" } else { "warning" };
        assert_eq!(problems[0]["about"], "clock");
        assert_eq!(problems[0]["severity"], severity);
        let says = format!("{severity}: acme: this machine's clock is ");
        let ran = ran.says(&says).says(said);
        ran.says("hint: set this machine's clock: sudo timedatectl set-ntp true, then: okta-rollout doctor");
    }
    // Where others agree with ours, it is theirs.
    let story = switched(Switches {
        clock_skew_s: 600,
        ..Switches::default()
    });
    asked(&story, &[])
        .exits(3)
        .says("hint: 1 other org has this machine's time");
}

#[test]
fn many_orgs_are_asked_at_once_and_a_dead_one_holds_up_none() {
    let orgs: Vec<_> = (0..300).map(|no| format!("org{no}")).collect();
    let mut story = Scenario::of([]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    story.org_at("org7", &format!("http://{}", silent.local_addr().unwrap()));
    story.org_at("org8", "https://org8.okta.invalid");
    story.manifest(orgs.iter().map(|org| zscaler("0oa1").at(org)));
    for org in &orgs[9..] {
        story.switch(
            org,
            Switches {
                revoked_token: true,
                ..Switches::default()
            },
        );
    }
    story.job("[http]\ntimeout = '2s'\n");
    let ran = asked(&story, &["--json"]).exits(3);
    let whole = ran.json();
    for (no, org) in orgs.iter().enumerate() {
        let found = &whole["orgs"][no];
        assert_eq!(
            found["org"],
            json!(org),
            "they stand in the order of the manifest"
        );
        assert_eq!(found["ok"], no < 7, "{found:#}");
        let calls = story.all_calls(org);
        assert_eq!(calls.len(), usize::from(no != 7 && no != 8), "{org}");
    }
    let said = ran.said();
    assert!(
        said.contains("300 orgs: 7 in order, 293 with problems"),
        "{said}"
    );
    // People are not shown all of them.
    assert!(said.matches("error: ").count() == 100, "{said}");
    assert!(
        said.contains("and 193 more; --format json has them all"),
        "{said}"
    );
}

#[test]
fn one_cause_is_told_once() {
    let orgs = ["a", "b", "c", "d", "e"];
    let mut story = Scenario::of([]);
    for org in orgs {
        // Each with a request of its own.
        let url = story.lies(move |_| lie(501, &[("x-okta-request-id", org)], ""));
        story.org_at(org, &url.url);
    }
    story.manifest(orgs.map(|org| zscaler("0oa1").at(org)));
    let said = asked(&story, &["-q"]).exits(3).said();
    assert_eq!(
        said,
        "error: a, b, c and 2 more: status 501 without a body (HTTP 501)\n\
         hint: look at the org's status, then: okta-rollout doctor job.toml\n"
    );
}

#[test]
fn an_interrupt_ends_it() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let story = beside_globex(|story| story.org_at("acme", &url));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut waits = story.begin(&["doctor", "job.toml"]);
        // The call is under way.
        let (taken, _) = silent.accept().unwrap();
        waits.signal(signal);
        assert_eq!(waits.ends(), Some(code));
        drop(taken);
    }
    nothing_was_written(&story);
}

#[test]
fn only_the_orgs_of_selected_entries_are_asked() {
    let story = beside_globex(|_| {});
    story.switch(
        "acme",
        Switches {
            revoked_token: true,
            ..Switches::default()
        },
    );
    let ran = asked(&story, &["--only", "org=glob*", "--json"]).exits(0);
    assert_eq!(ran.json()["orgs"].as_array().unwrap().len(), 1);
    assert!(story.all_calls("acme").is_empty());
    asked(&story, &["--only", "org=acme"])
        .exits(3)
        .says("then: okta-rollout doctor job.toml --only org=acme\n");
    asked(&story, &["--only", "app=slack"])
        .exits(0)
        .says("no entry matches --only app=slack");
    story.all_calls("acme");
    for (only, said) in [
        ("org=nobody", "no org fits"),
        ("failed", "orgs are asked whatever became of their entries"),
    ] {
        asked(&story, &["--only", only]).exits(2).says(said);
    }
    assert!(story.all_calls("acme").is_empty());
}

#[test]
fn mistakes_are_those_of_check_and_nothing_is_sent() {
    let story = beside_globex(|_| {});
    let mistakes = |ran: &Ran| {
        let said = ran.said();
        let lines = said
            .lines()
            .filter(|line| line.starts_with("error: m.json"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let bad = zscaler("0oa1").with("conection", json!({}));
    story.manifest([bad, zscaler("0oa2").token("env:NOWHERE")]);
    let doctor = mistakes(&asked(&story, &[]).exits(2));
    assert_eq!(doctor.len(), 2, "{doctor:?}");
    let check = story.okta_rollout(&["check", "job.toml"]).exits(2);
    assert_eq!(doctor, mistakes(&check));
    story.write("job.toml", "manifest = 'm.json'\nretries = 3\n");
    asked(&story, &[]).exits(2).says("unknown");
    story.okta_rollout(&["doctor", "none.csv"]).exits(2);
    story.okta_rollout(&["doctor"]).exits(2);
    assert!(story.all_calls("acme").is_empty());
}

#[test]
fn the_next_command_has_what_this_one_was_given() {
    let mut story = beside_globex(|_| {});
    story.unset("ACME_TOKEN");
    story.write("our.env", "OTHER=x\n");
    let ran = story.okta_rollout(&[
        "doctor",
        "m.json",
        "--env-file",
        "our.env",
        "--ledger",
        "l.db",
    ]);
    ran.exits(3)
        .says("then: okta-rollout doctor --env-file our.env --ledger l.db m.json\n");
}

#[test]
fn the_ledger_is_looked_at_and_left_alone() {
    let story = Scenario::of([zscaler("0oa1")]);
    let ledger = |code| {
        let before = story.files();
        let ran = asked(&story, &["--json"]).exits(code);
        assert_eq!(story.files(), before);
        (ran.json()["ledger"].clone(), ran)
    };
    story.run().exits(0);
    let bytes = std::fs::read(story.ledger()).unwrap();
    let (sound, _) = ledger(0);
    assert_eq!(
        (&sound["state"], &sound["runs"]),
        (&json!("sound"), &json!(1))
    );
    assert_eq!(sound["bytes"], bytes.len());
    assert_eq!(sound["held"], json!([]));
    assert!(sound["format"].as_i64().unwrap() > 1);
    assert_eq!(std::fs::read(story.ledger()).unwrap(), bytes);

    let sql = |text: &str| {
        let connection = rusqlite::Connection::open(story.ledger()).unwrap();
        connection.execute_batch(text).unwrap();
    };
    sql("PRAGMA user_version = 9999");
    let (newer, ran) = ledger(3);
    assert_eq!(
        (&newer["state"], &newer["format"]),
        (&json!("unusable"), &json!(9999))
    );
    ran.says("error: ledger: ").says("upgrade okta-rollout");
    std::fs::write(story.ledger(), &bytes).unwrap();

    // A page of an index, somewhere in the middle.
    let mut damaged = bytes.clone();
    for byte in &mut damaged[3 * 4096 + 100..] {
        *byte = 0xa5;
    }
    std::fs::write(story.ledger(), &damaged).unwrap();
    let (unusable, ran) = ledger(3);
    assert_eq!(unusable["state"], "unusable");
    assert_eq!(unusable["problems"][0]["about"], "ledger");
    ran.says("is damaged")
        .says("restore the file from a backup");
    std::fs::write(story.ledger(), "no ledger").unwrap();
    ledger(3).1.says("is not a ledger");
}

#[test]
fn who_works_on_a_run_is_named() {
    let story = beside_globex(|story| story.org_at("acme", "http://127.0.0.1:1"));
    let job = "manifest = 'm.json'\n[retry]\ninitial = '24h'\nmax = '24h'\nmaxElapsed = '48h'\n";
    story.write("job.toml", job);
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("acme: waits ");
    let ran = asked(&story, &["--json", "--only", "org=globex"]).exits(0);
    let held = ran.json()["ledger"]["held"].clone();
    let by = held[0]["by"].as_str().unwrap();
    assert!(by.starts_with(&format!("pid {} on ", run.id())), "{by}");
    let shown = asked(&story, &["--only", "org=globex"]).exits(0).data();
    let line = format!(
        "run {} is worked on by {by}",
        held[0]["run"].as_str().unwrap()
    );
    assert!(shown.contains(&line), "{shown}");
    run.signal("INT");
    assert_eq!(run.ends(), Some(130));
}

#[test]
fn what_an_org_repeats_of_its_credentials_is_not_shown() {
    let token = "00tell-tale-token-of-acme-that-is-long-enough";
    let mut story = Scenario::of([]);
    let echo = move |_: &Asked| {
        let body = json!({ "errorCode": "E0000011", "errorSummary": format!("no {token} here") });
        lie(401, &[("x-okta-request-id", token)], body.to_string())
    };
    let url = story.lies(echo).url;
    story.org_at("acme", &url);
    story.set("ACME_TOKEN", token);
    story.manifest([zscaler("0oa1")]);
    for more in [&[][..], &["--json"], &["-v", "--log-file", "log.txt"]] {
        asked(&story, more).exits(3).says("no ");
    }
}
