//! The reports that a job asks for: where they are written, and what becomes of one that cannot be.

use std::fs;

use jiff::Timestamp;

use crate::support::{Scenario, google, zscaler};

fn report(format: &str, path: &str) -> String {
    format!("[[reports]]\nformat = '{format}'\npath = '{path}'\n")
}

#[test]
fn a_report_is_where_its_placeholders_say() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.set("TZ", "UTC");
    story.job(&report("text", "out/{date}/{job}-{run}.txt"));
    let before = Timestamp::now();
    story.run().exits(0);
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let day = |at: Timestamp| at.to_string()[..10].to_owned();
    let named = |day: String| story.path(&format!("out/{day}/job-{run}.txt"));
    let written = [day(before), day(Timestamp::now())].map(named);
    let text = written
        .iter()
        .find_map(|file| fs::read_to_string(file).ok());
    let text = text.unwrap();
    assert!(text.starts_with(&format!("run {run} of job.toml: settled")));
    // The next run's is another file.
    story.run().exits(0);
    let folder = written.iter().find(|file| file.exists()).unwrap();
    let files = fs::read_dir(folder.parent().unwrap()).unwrap().count();
    assert!(files == 2 || day(before) != day(Timestamp::now()));
}

#[test]
fn an_unknown_placeholder_is_a_mistake_where_it_stands() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.job(&format!(
        "{}{}",
        report("text", "{run}.txt"),
        report("json", "reports/{when}.json")
    ));
    let wanted = "job.toml:11:8: reports[1].path: unknown placeholder `{when}`";
    for command in ["check", "run"] {
        story
            .okta_rollout(&[command, "job.toml"])
            .exits(2)
            .says(wanted)
            .says("known here: {run}, {date}, {job}");
    }
    assert!(story.all_calls("acme").is_empty());
}

#[test]
fn each_report_that_cannot_be_written_is_named_and_the_run_is_as_it_is() {
    let story = Scenario::of([google("0oa1")]);
    let long = "x".repeat(300);
    story.job(&format!(
        "{}{}{}",
        report("json", &format!("{{run}}-{long}")),
        report("text", "good.txt"),
        report("csv", "/dev/full"),
    ));
    // Without the reports it would have ended with 4.
    let ran = story.run().exits(3);
    let run = story.report()["run"].as_str().unwrap().to_owned();
    ran.says(&format!(
        "{run}-{long} cannot be written: File name too long"
    ))
    .says("/dev/full cannot be written: No space left on device")
    .says(&format!(
        "hint: give another one: okta-rollout report {run} -o FILE"
    ))
    .says("report: good.txt");
    let written = fs::read_to_string(story.path("good.txt")).unwrap();
    assert!(written.contains("1 waiting for consent"), "{written}");
    assert_eq!(story.report()["state"], "settled");
    story.job(&report("text", "good.txt"));
    story.okta_rollout(&["resume"]).exits(4);
}

#[test]
fn no_report_replaces_what_the_job_reads_whatever_day_it_is() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.set("TZ", "UTC");
    let manifest = fs::read_to_string(story.path("m.json")).unwrap();
    let today = Timestamp::now();
    let tomorrow = today + jiff::SignedDuration::from_hours(24);
    let days = [today, tomorrow].map(|day| format!("{}.json", &day.to_string()[..10]));
    for day in &days {
        story.write(day, &manifest);
    }
    story.write(
        "job.toml",
        &format!(
            "manifest = '{}'\n{}",
            days[0],
            report("json", "{date}.json")
        ),
    );
    let ran = story.run();
    // Over midnight it is the other file, which the job does not read.
    if Timestamp::now().to_string()[..10] == days[0][..10] {
        ran.exits(3).says(&format!(
            "{} cannot be written: it is the manifest",
            days[0]
        ));
        let now = fs::read_to_string(story.path(&days[0])).unwrap();
        assert_eq!(now, manifest);
    }
    assert_eq!(story.report()["totals"]["changed"], 1);
}
