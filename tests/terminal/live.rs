//! The live lines of a run.

use std::collections::HashSet;

use crate::pane::{PROMPT, Pane, needs};

const SHELL: &str = "bash --norc --noprofile";

/// A run of 40 apps in one simulated org, whose answers take their time.
fn rollout(columns: u16, rows: u16) -> Pane {
    needs("tmux");
    let pane = Pane::new(SHELL, columns, rows);
    let apps: Vec<_> = (1..=40)
        .map(|no| {
            serde_json::json!({ "org": "acme", "app": "zscalerbyz", "label": format!("App {no}"),
                "connection": { "baseUrl": "https://scim.example.com/scim",
                    "profile": { "authScheme": "TOKEN", "token": "env:T" } },
                "features": { "USER_PROVISIONING": { "create": { "lifecycleCreate": { "status": "ENABLED" } } } } })
        })
        .collect();
    let manifest = serde_json::json!({ "orgs": { "acme": { "url": "sandbox" } }, "apps": apps });
    pane.write("m.json", &manifest.to_string());
    pane.write(
        "job.toml",
        "manifest = 'm.json'\n[limits]\nmaxInFlight = 3\n[sandbox]\nlimit = 0\nlatency = '400ms'\n",
    );
    pane.shows(PROMPT.trim_end());
    pane
}

/// Lines that a run draws again and again.
fn live(screen: &str) -> Vec<&str> {
    let is_live = |line: &&str| line.contains("acme/zscalerbyz") || line.contains("/40  ");
    screen.lines().filter(is_live).collect()
}

/// Asserts that every line is there once, with at most one bar.
#[track_caller]
fn is_clean(screen: &str) {
    let live = live(screen);
    let entries: Vec<_> = live
        .iter()
        .filter_map(|line| line.split("(row ").nth(1)?.split(')').next())
        .collect();
    let different: HashSet<_> = entries.iter().collect();
    assert_eq!(
        different.len(),
        entries.len(),
        "a line is there twice:\n{screen}"
    );
    let bars = live.iter().filter(|line| line.contains("/40  ")).count();
    assert_eq!(bars, 1, "one bar:\n{screen}");
    assert!(live.len() <= 9, "eight at once, and no more:\n{screen}");
}

#[test]
fn a_run_shows_time_and_states_in_colour_and_leaves_its_summary() {
    let pane = rollout(100, 24);
    pane.enters("okta-rollout run job.toml");
    let screen = pane.until("changes", |screen| {
        screen.contains("/40  ") && screen.contains(" changed")
    });
    is_clean(&screen);
    assert!(
        screen.contains("/40  ") && screen.contains(" s  "),
        "{screen}"
    );
    assert!(pane.colours().contains("\x1b[32m"), "changed is green");
    let end = pane.until("the end", |screen| {
        screen.contains("40 entries: 40 changed")
    });
    assert!(
        end.contains(" JST, ended 2"),
        "times are those of the zone: {end}"
    );
    let end = pane.until("the prompt", |screen| {
        screen.trim_end().ends_with(PROMPT.trim_end())
    });
    assert!(live(&end).is_empty(), "{end}");
}

#[test]
fn another_size_leaves_no_stale_lines() {
    let pane = rollout(100, 24);
    // A terminal that has been in use: on an empty one tmux takes what became too long for it out of the screen,
    // where nobody can erase it any more.
    pane.enters("seq 40");
    pane.enters("okta-rollout run job.toml");
    pane.shows(" changed");
    for (at, (columns, rows)) in [
        (70, 24),
        (40, 24),
        (100, 24),
        (100, 12),
        (60, 30),
        (34, 24),
        (120, 40),
    ]
    .into_iter()
    .enumerate()
    {
        pane.resizes(columns, rows);
        // A while later, so that it was drawn anew in this size.
        let changed = format!("{} changed", at * 3 + 5);
        let screen = pane.until(&changed, |screen| {
            ended(screen).is_some_and(|ended| ended >= at * 3 + 5)
        });
        is_clean(&screen);
    }
}

/// How many of the forty entries a screen says have ended.
fn ended(screen: &str) -> Option<usize> {
    let line = screen.lines().rev().find(|line| line.contains("/40  "))?;
    let (before, _) = line.split_once("/40")?;
    before.split(' ').next_back()?.parse().ok()
}

#[test]
fn a_narrow_and_low_terminal_shows_what_it_can() {
    let pane = rollout(20, 6);
    pane.enters("okta-rollout run job.toml");
    let screen = pane.shows("/40  ");
    let bar = screen.lines().find(|line| line.contains("/40  ")).unwrap();
    assert!(bar.chars().count() < 20, "{screen}");
    let screen = pane.until("two", |screen| {
        ended(screen).is_some_and(|ended| ended >= 2)
    });
    assert_eq!(screen.matches("/40  ").count(), 1, "{screen}");
}

#[test]
fn a_run_that_is_stopped_and_continued_leaves_no_stale_lines() {
    let pane = rollout(100, 40);
    pane.enters("okta-rollout run job.toml");
    pane.shows(" changed");
    pane.presses("C-z");
    let screen = pane.shows("Stopped");
    assert!(live(&screen).is_empty(), "{screen}");
    pane.enters("echo be''tween");
    pane.shows("between");
    pane.enters("fg");
    let screen = pane.shows("/40  ");
    is_clean(&screen);
    pane.presses("C-z");
    pane.until("stopped again", |screen| {
        screen.matches("Stopped").count() == 2
    });
    // In the background it leaves the terminal to the shell.
    pane.enters("bg");
    pane.enters("sleep 1; echo 'in the back''ground'");
    let screen = pane.shows("in the background");
    assert!(live(&screen).is_empty(), "{screen}");
    pane.enters("fg");
    is_clean(&pane.shows("/40  "));
    pane.presses("C-c");
    pane.shows("; Ctrl-C again to quit now");
}

#[test]
fn ctrl_c_finishes_and_a_second_one_quits() {
    let pane = rollout(100, 24);
    pane.enters("okta-rollout run job.toml; echo code $?");
    pane.shows(" changed");
    pane.presses("C-c");
    pane.until("calls", |screen| {
        screen.contains("finishing 3 calls; Ctrl-C again to quit now")
            || screen.contains("finishing 2 calls; Ctrl-C again to quit now")
    });
    let end = pane.shows("code 130");
    assert!(live(&end).is_empty(), "{end}");
    // Numbers of a continued run say which are of this session.
    pane.enters("okta-rollout run job.toml; echo code $?");
    let screen = pane.shows("in this session ");
    let before = screen.lines().find(|line| line.contains("/40  ")).unwrap();
    assert!(before.trim_end().ends_with(" before"), "{screen}");
    pane.presses("C-c");
    let twice = |what| move |screen: &str| screen.matches(what).count() == 2;
    pane.until("the question again", twice("; Ctrl-C again to quit now"));
    pane.presses("C-c");
    let end = pane.until("the end again", twice("code 130"));
    assert!(
        end.contains("stopped; everything that was answered is kept"),
        "{end}"
    );
    assert!(live(&end).is_empty(), "{end}");
}
