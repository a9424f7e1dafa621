//! `status --watch`: somebody looks on while another process runs.

use crate::support::{Live, Scenario, Terminal, zscaler};

const WATCH: [&str; 2] = ["status", "--watch"];

/// A run that takes a while, and has begun.
fn begun() -> (Scenario, Live) {
    let apps = (1..=24).map(|no| zscaler(&format!("0oa{no}")));
    let story = Scenario::with("limit = 0\nlatency = '400ms'", apps);
    story.job("[limits]\nmaxInFlight = 2\n");
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("(row 2)");
    (story, run)
}

#[test]
fn each_change_is_a_line_until_the_run_is_settled() {
    let (story, mut run) = begun();
    let ran = story.okta_rollout(&WATCH).exits(0);
    let ran = ran.says("24 entries: ").says(" pending");
    assert!(ran.said().lines().count() >= 3, "{}", ran.said());
    assert!(!ran.said().contains('\r'), "{}", ran.said());
    assert_eq!(run.ends(), Some(0));
    let data = ran.data();
    assert!(
        data.contains("settled") && data.contains("24 changed"),
        "{data}"
    );
    // It is at rest.
    let again = story.okta_rollout(&["status", "--watch", "--format", "json"]);
    assert_eq!(again.exits(0).json()["state"], "settled");
}

#[test]
fn a_terminal_is_painted_again_and_left_clean() {
    let (story, mut run) = begun();
    let mut terminal = Terminal::of(&story, &WATCH);
    terminal.says("run ");
    terminal.says("/24  ");
    terminal.says("24 entries: ");
    terminal.says("/24  ");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("\r\u{1b}[J"), "{said:?}");
    assert_eq!(run.ends(), Some(0));
}

#[test]
fn a_signal_ends_the_watching_and_not_the_run() {
    let (story, mut run) = begun();
    let mut watching = story.begin(&WATCH);
    watching.says("24 entries: ");
    watching.signal("INT");
    assert_eq!(watching.ends(), Some(130));
    assert_eq!(run.ends(), Some(0));
}

#[test]
fn a_run_whose_process_is_gone_is_at_rest() {
    let (story, mut run) = begun();
    let mut watching = story.begin(&WATCH);
    watching.says("24 entries: ");
    run.signal("KILL");
    assert_eq!(run.ends(), None);
    assert_eq!(watching.ends(), Some(0));
    let state = story.okta_rollout(&["status", "--format", "json"]).json();
    assert_eq!(state["state"], "interrupted");
}
