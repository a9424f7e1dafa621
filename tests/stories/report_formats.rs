//! The formats of reports: what each holds, and that none differs because a run was killed in between.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Scenario, google, user, zscaler};

const FORMATS: [&str; 6] = ["text", "json", "csv", "junit", "markdown", "html"];

/// Labels and messages that would be markup in one format or another.
const HOSTILE: [&str; 3] = [
    "<script>alert(1)</script>",
    "a | b `c` ``` [x](javascript:y) <b>",
    "]]> &lt; \" ' <!-- -->",
];

/// One entry of each state, in two orgs.
fn of_each_state() -> Scenario {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").token("file:secrets/bad"),
        google("").labelled("Google").at("globex"),
        google("0oaNone").labelled(HOSTILE[0]).at("globex"),
    ]);
    story.write("secrets/bad", "bad-token");
    story
}

fn in_format(story: &Scenario, format: &str, more: &[&str]) -> String {
    let report = [&["report", "--format", format], more].concat();
    story.okta_rollout(&report).exits(0).data()
}

/// What a browser or an XML reader makes of a document's references.
fn without_references(text: &str) -> String {
    [
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn every_format_holds_the_run_its_totals_and_what_failed_in_full() {
    let story = of_each_state();
    let path = |format: &str| format!("out/{{job}}-{format}-{{run}}");
    let reports = FORMATS.map(|format| {
        let path = path(format);
        format!("[[reports]]\nformat = '{format}'\npath = '{path}'\n")
    });
    story.job(&reports.concat());
    story.okta_rollout(&["check", "job.toml"]).exits(0);
    story.run().exits(3);
    let report = story.report();
    assert_eq!(report["version"], 1);
    let run = report["run"].as_str().unwrap();
    let failed: Vec<&Value> = report["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["state"] == "failed")
        .collect();
    assert!(!failed.is_empty());
    for format in FORMATS {
        let text = in_format(&story, format, &[]);
        let file = story.path(&format!("out/job-{format}-{run}"));
        assert_eq!(std::fs::read_to_string(file).unwrap(), text, "{format}");
        let text = without_references(&text);
        if ["text", "markdown", "html"].contains(&format) {
            assert!(text.contains(run), "{format}: {text}");
            let totals = &report["totals"];
            for (state, word) in [
                ("changed", "changed"),
                ("waiting", "waiting for consent"),
                ("failed", "failed"),
            ] {
                let count = &totals[state];
                let told = [format!("{count} {word}"), format!("<b>{count}</b>{word}")];
                assert!(
                    told.iter().any(|told| text.contains(told)),
                    "{format}: {told:?}: {text}"
                );
            }
        }
        if format != "json" {
            for entry in &failed {
                for part in ["message", "hint"] {
                    let part = entry["error"][part].as_str().unwrap();
                    assert!(text.contains(part), "{format}: {part}: {text}");
                }
            }
        }
    }
    // Only some of them, in each format.
    for format in ["junit", "html"] {
        let text = in_format(&story, format, &["--only", "org=globex"]);
        assert!(text.contains("Google") && !text.contains("0oa2"), "{text}");
        let calls = ["report", "--calls", "--format", format];
        story.okta_rollout(&calls).exits(2).says("holds no calls");
    }
}

#[test]
fn the_json_report_is_as_its_schema_says() {
    let story = of_each_state();
    story.run().exits(3);
    let schema = story.okta_rollout(&["schema", "--report"]).exits(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for more in [
        &[][..],
        &["--calls"],
        &["--only", "failed"],
        &["--only", "state=running"],
    ] {
        let report: Value = serde_json::from_str(&in_format(&story, "json", more)).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&report)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{more:?}: {errors:?}");
    }
    let mut report = story.report();
    report["version"] = 2.into();
    assert!(!validator.is_valid(&report));
    report["version"] = 1.into();
    assert!(validator.is_valid(&report));
    report["entries"][0]["state"] = "well".into();
    assert!(!validator.is_valid(&report));
    // What a person reads of it is said for each field.
    let entry = &schema["$defs"]["EntryReport"]["properties"];
    assert!(entry["row"]["description"].is_string(), "{entry}");
}

#[test]
fn labels_are_data_in_every_format() {
    let entries = HOSTILE.map(|label| google("").labelled(label));
    let story = Scenario::of(entries);
    story.run().exits(4);
    for format in FORMATS {
        let text = in_format(&story, format, &[]);
        let tags = ["<script>alert", "<b> ", "<!-- -->"];
        let raw = tags.iter().any(|tag| text.contains(tag));
        assert_eq!(
            raw,
            ["text", "json", "csv"].contains(&format),
            "{format}: {text}"
        );
        if format == "junit" || format == "html" {
            let text = without_references(&text);
            for label in HOSTILE {
                assert!(text.contains(label), "{format}: {label}: {text}");
            }
        }
    }
}

/// A report without what is another in every run: ids, times, and how often something was asked.
fn comparable(story: &Scenario, text: &str, run: &str, requests: &[String]) -> String {
    let folder = story.path("").display().to_string();
    let mut text = text.replace(&folder, "/").replace(run, "[run]");
    for request in requests {
        text = text.replace(request.as_str(), "[request]");
    }
    let mut kept = String::new();
    let mut rest = text.as_str();
    // Charts are all about times.
    while let Some((before, chart)) = rest.split_once("<figure") {
        kept.push_str(before);
        rest = chart.split_once("</figure>").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    for counter in [
        "\"requests\":",
        "\"rateLimited\":",
        "\"retries\":",
        "\"waitedMs\":",
        "\"attempts\":",
        "time=\"",
    ] {
        kept = without_number(&kept, counter);
    }
    let lines = kept.lines().filter(|line| !line.contains(" ended before "));
    // What an org cost are the last columns of its line.
    let lines = lines.map(|line| match line.strip_suffix(" |") {
        Some(row) => row.split('|').take(8).collect::<Vec<_>>().join("|"),
        None => line.to_owned(),
    });
    // Text says of an entry that rests since before the crash when it was looked at.
    let lines = lines.map(|line| without_times(&line).replace(", looked at [time]", ""));
    lines.map(|line| line + "\n").collect()
}

fn without_number(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(before);
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    }
    kept
}

fn without_times(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "\",;<>=".contains(c);
    let is_time = |word: &str| word.len() > 18 && word.starts_with("20") && word.contains('T');
    text.split_inclusive(ends)
        .map(|word| {
            let bare = word.trim_end_matches(|c| ends(c) || c == ':');
            if is_time(bare) && bare.ends_with('Z') {
                word.replace(bare, "[time]")
            } else {
                word.to_owned()
            }
        })
        .collect()
}

/// Every report of the newest run, made comparable.
fn reports(story: &Scenario) -> BTreeMap<&'static str, String> {
    let json = story.report();
    let run = json["run"].as_str().unwrap().to_owned();
    let mut requests = Vec::new();
    collect(&json, &mut requests);
    let made = FORMATS.map(|format| {
        let text = in_format(story, format, &[]);
        (format, comparable(story, &text, &run, &requests))
    });
    made.into_iter().collect()
}

fn collect(value: &Value, requests: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, requests)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(id) if name == "requestId" => requests.push(id.clone()),
                    value => collect(value, requests),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_run_that_was_killed_leaves_the_same_reports() {
    // What dies are calls that may be sent again: of a link that may be on its way, the next process waits to know more.
    let after_the_links = || {
        let story = Scenario::of([
            zscaler("0oa1").feature(user()),
            zscaler("0oa2").token("file:secrets/bad"),
            google("0oa3"),
            zscaler("0oa4"),
        ]);
        story.write("secrets/bad", "bad-token");
        story.job("[limits]\nmaxInFlight = 1\n");
        let links = ["run", "job.toml", "--only", "app=google"];
        story.okta_rollout(&links).exits(4);
        story
    };
    let undisturbed = after_the_links();
    undisturbed.run().exits(3);
    let wanted = reports(&undisturbed);
    for checkpoints in [1, 2, 3] {
        let story = after_the_links();
        story.dies_after(checkpoints, &["run", "job.toml"]);
        story.run().exits(3);
        for (format, report) in reports(&story) {
            let wanted = &wanted[format];
            assert_eq!(&report, wanted, "{format} after {checkpoints} checkpoints");
        }
    }
}

#[test]
fn reports_are_written_when_a_run_is_interrupted_and_again_when_it_ends() {
    let slow = "limit = 0\nlatency = '50ms'\n";
    let story = Scenario::with(slow, (0..60).map(|app| zscaler(&format!("0oa{app}"))));
    let reports = ["junit", "markdown", "html"]
        .map(|format| format!("[[reports]]\nformat = '{format}'\npath = 'r.{format}'\n"));
    story.job(&format!("{}[limits]\nmaxInFlight = 1\n", reports.concat()));
    let mut run = story.begin(&["run", "job.toml", "--no-progress"]);
    run.says("(row 2)");
    run.signal("INT");
    assert_eq!(run.ends(), Some(130));
    let read = |format: &str| std::fs::read_to_string(story.path(&format!("r.{format}"))).unwrap();
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let resume = format!("okta-rollout resume {run}");
    for (format, wanted) in [
        ("junit", "<skipped message=\"not done yet\""),
        ("markdown", "interrupted"),
        ("html", "<h1>Run"),
    ] {
        assert!(read(format).contains(wanted), "{format}: {}", read(format));
        if format == "junit" {
            assert!(read(format).contains(&resume), "{}", read(format));
        }
    }
    story.run().exits(0);
    for format in ["junit", "markdown", "html"] {
        let report = read(format);
        let wanted = report.contains("60 changed") || report.contains("tests=\"60\" skipped=\"0\"");
        assert!(
            wanted && !report.contains("interrupted"),
            "{format}: {report}"
        );
    }
}

/// How often it has this.
fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// The number between two texts.
fn number(text: &str, before: &str, after: &str) -> usize {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before:?} in {text}"));
    rest.split_once(after).unwrap().0.parse().unwrap()
}

#[test]
fn a_report_of_a_run_at_work_does_not_contradict_itself() {
    const ENTRIES: usize = 240;
    let slow = "limit = 0\nlatency = '20ms'\n";
    let entries = (0..ENTRIES).map(|app| match app % 4 {
        0 => zscaler(&format!("0oa{app}")).token("file:secrets/bad"),
        1 => google(&format!("0oa{app}")).at("globex"),
        _ => zscaler(&format!("0oa{app}")),
    });
    let story = Scenario::with(slow, entries);
    story.write("secrets/bad", "bad-token");
    story.job("[limits]\nmaxInFlight = 1\n");
    let mut run = story.begin(&["run", "job.toml", "--no-progress"]);
    run.says("(row 2)");
    let mut looks = 0;
    loop {
        let junit = in_format(&story, "junit", &[]);
        let of_run = junit.split_once("<testsuites").unwrap().1;
        let (whole, _) = of_run.split_once('>').unwrap();
        assert_eq!(number(whole, "tests=\"", "\""), ENTRIES);
        assert_eq!(count(&junit, "<testcase"), ENTRIES, "{junit}");
        for (total, item) in [("skipped=\"", "<skipped"), ("failures=\"", "<failure")] {
            assert_eq!(
                number(whole, total, "\""),
                count(&junit, item),
                "{item}: {junit}"
            );
        }
        let html = in_format(&story, "html", &[]);
        let failed = |text: &str| {
            text.split_once("</b>failed").map_or(0, |(before, _)| {
                before.rsplit_once("<b>").unwrap().1.parse().unwrap()
            })
        };
        let failed = failed(&html);
        assert_eq!(count(&html, "why it failed"), failed, "{html}");
        assert_eq!(count(&html, "class=\"card\" id=\"row-"), failed);
        let json: Value = serde_json::from_str(&in_format(&story, "json", &[])).unwrap();
        for (state, total) in [("failed", "failed"), ("waiting", "waiting")] {
            let entries = json["entries"].as_array().unwrap().iter();
            let found = entries.filter(|entry| entry["state"] == state).count();
            assert_eq!(json["totals"][total], found, "{state}");
        }
        let text = in_format(&story, "text", &[]);
        let pending = text.split_once(" pending").map_or(0, |(before, _)| {
            before.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()
        });
        let (_, lines) = text.split_once('\n').unwrap();
        let held = count(lines, ": pending") + count(lines, ": running");
        assert_eq!(pending, held, "{text}");
        if json["state"] != "running" {
            break;
        }
        // What would move it on is refused meanwhile.
        let resume = "not done yet\">hint: okta-rollout resume";
        assert!(!junit.contains(resume), "{junit}");
        looks += 1;
    }
    assert!(looks > 1, "it was over at once");
    assert_eq!(run.ends(), Some(3));
}

#[test]
fn reports_of_a_selection_are_about_its_orgs_alone() {
    let story = of_each_state();
    story.run().exits(3);
    // What is gone from the file is of its org, too.
    let manifest = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    let apps = manifest["apps"].as_array_mut().unwrap();
    apps.retain(|app| app["appId"] != "0oa1");
    story.write("m.json", &manifest.to_string());
    story.run().exits(3);
    for format in ["junit", "markdown", "html"] {
        let all = in_format(&story, format, &[]);
        assert!(
            all.contains("acme") && all.contains("globex"),
            "{format}: {all}"
        );
        let globex = in_format(&story, format, &["--only", "org=globex"]);
        assert!(
            globex.contains("globex") && !globex.contains("acme"),
            "{format}: {globex}"
        );
        assert!(globex.contains("(--only org=globex)"), "{format}: {globex}");
        let acme = in_format(&story, format, &["--only", "org=acme,failed"]);
        assert!(
            acme.contains("acme") && !acme.contains("globex"),
            "{format}: {acme}"
        );
        let none = in_format(&story, format, &["--only", "app=slack"]);
        assert!(
            !none.contains("acme") && !none.contains("globex"),
            "{format}: {none}"
        );
    }
    let markdown = in_format(&story, "markdown", &["--only", "org=acme"]);
    assert!(markdown.contains("**1 entry: 1 failed**"), "{markdown}");
    assert!(markdown.contains("No longer in the file"), "{markdown}");
    let html = in_format(&story, "html", &["--only", "org=acme"]);
    assert!(
        html.contains("<b>1</b>entry") && html.contains("<b>1</b>failed"),
        "{html}"
    );
}

#[test]
fn the_report_of_a_start_that_failed_says_so_in_every_format() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &good.replace("zscalerbyz", "zscaller"));
    story.run().exits(2);
    let runs = story
        .okta_rollout(&["runs", "--format", "json"])
        .exits(0)
        .json();
    let start = runs[0]["run"].as_str().unwrap();
    for format in FORMATS {
        let text = in_format(&story, format, &[&start[..start.len() - 1]]);
        let text = without_references(&text);
        for part in [
            "job.toml: 1 mistake; nothing was sent",
            "app: `zscaller` is not one of google, office365",
            "mend them, then: okta-rollout check job.toml",
        ] {
            assert!(text.contains(part), "{format}: {part}: {text}");
        }
        let says = match format {
            "text" => "did not begin: ",
            "json" => "\"state\":\"failed\"",
            "csv" => ",failed,",
            "junit" => "errors=\"1\"",
            "markdown" => "**Did not begin**",
            _ => "It did not begin",
        };
        assert!(text.contains(says), "{format}: {text}");
        story
            .okta_rollout(&["report", start, "--format", format, "-o", "start.out"])
            .exits(0);
        let written = std::fs::read_to_string(story.path("start.out")).unwrap();
        assert_eq!(without_references(&written), text, "{format}");
    }
    // Whoever names none gets the newest that began, and is told.
    let ran = story
        .okta_rollout(&["report", "--format", "junit"])
        .exits(0);
    assert!(ran.data().contains("errors=\"0\""), "{}", ran.data());
    ran.says(&format!(
        "a later start of job.toml failed; to see why: okta-rollout report {start}"
    ));
    // As a manifest it is one without entries, which nobody takes for a rollout.
    story
        .okta_rollout(&["report", start, "--format", "csv", "-o", "start.csv"])
        .exits(0);
    let orgs = serde_json::from_str::<Value>(&good).unwrap()["orgs"].to_string();
    story.write("orgs.json", &format!("{{\"orgs\":{orgs}}}"));
    let ran = story.okta_rollout(&["check", "start.csv", "--orgs", "orgs.json"]);
    ran.exits(2).says("has no entries");
}

#[test]
fn the_hint_of_a_start_that_failed_is_a_command_that_works_as_printed() {
    let story = Scenario::of([zscaler("0oa1")]);
    let good: Value =
        serde_json::from_str(&std::fs::read_to_string(story.path("m.json")).unwrap()).unwrap();
    let apps = good["apps"].clone();
    story.write(
        "orgs.json",
        &serde_json::json!({ "orgs": good["orgs"] }).to_string(),
    );
    story.write("more.env", "OTHER=1\n");
    let manifest = |app: &str| {
        let mut apps = apps.clone();
        apps[0]["app"] = app.into();
        story.write(
            "apps.json",
            &serde_json::json!({ "apps": apps }).to_string(),
        );
    };
    manifest("zscalerbyz");
    let given = [
        "--orgs",
        "orgs.json",
        "--env-file",
        "more.env",
        "--ledger",
        "other.db",
    ];
    story
        .okta_rollout(&[&["run", "apps.json"][..], &given].concat())
        .exits(0);
    manifest("zscaller");
    let said = story
        .okta_rollout(&[&["run", "apps.json"][..], &given].concat())
        .exits(2)
        .said();
    let hint = "mend them, then: okta-rollout check --orgs orgs.json --env-file more.env apps.json";
    assert!(said.contains(hint), "{said}");
    // Whoever looks need not give again what the start was given; the ledger may have moved since.
    std::fs::rename(story.path("other.db"), story.path("moved.db")).unwrap();
    std::fs::rename(story.path("other.db.key"), story.path("moved.db.key")).unwrap();
    for look in [
        &["runs", "--format", "json"][..],
        &["status", "--format", "json"],
    ] {
        let found = story
            .okta_rollout(&[look, &["--ledger", "moved.db"]].concat())
            .exits(0)
            .json();
        let first = found.get(0).unwrap_or(&found);
        assert_eq!(first["error"]["hint"], hint, "{look:?}");
    }
    let shown = story
        .okta_rollout(&["status", "--ledger", "moved.db"])
        .exits(0)
        .data();
    assert!(shown.contains(hint), "{shown}");
    manifest("zscalerbyz");
    story.shell(hint.split_once("then: ").unwrap().1).exits(0);
}
