//! At a terminal the first deactivation of a connection is asked for; without one, and with `--yes`, nobody is.

use crate::support::{Scenario, Terminal, user, zscaler};

const RUN: [&str; 2] = ["run", "job.toml"];
const OFF: &str = "POST …/connections/default/lifecycle/deactivate";
const QUESTION: &str = "deactivate? [y/N]";

/// An org with connections that are on, of which two are to be off from now on.
fn story() -> Scenario {
    let on = || {
        [
            zscaler("0oa1"),
            zscaler("0oa2"),
            zscaler("0oa3").feature(user()),
        ]
    };
    let story = Scenario::of(on());
    story.run().exits(0);
    let [one, two, three] = on();
    story.manifest([one.disabled(), two.disabled(), three]);
    story.all_calls("acme");
    story
}

fn deactivated(story: &Scenario) -> usize {
    let calls = story.all_calls("acme");
    calls.iter().filter(|call| *call == OFF).count()
}

#[test]
fn a_person_is_asked_before_the_first_deactivation() {
    let story = story();
    for no in ["n\n", "\n", "\u{4}", "yess\n"] {
        let mut terminal = Terminal::of(&story, &RUN);
        let before = terminal.says(QUESTION);
        assert!(
            before.contains(
                "2 connections are to be deactivated: acme/zscalerbyz (row 1), acme/zscalerbyz (row 2)"
            ),
            "{before}"
        );
        terminal.types(no);
        let (code, said) = terminal.ends();
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("was not confirmed; nothing was sent"),
            "{said}"
        );
        assert!(story.all_calls("acme").is_empty());
        let run = story.report()["run"].as_str().unwrap().to_owned();
        let again = format!("okta-rollout resume {run} --yes");
        assert!(said.contains(&again), "{said}");
    }
    let mut terminal = Terminal::of(&story, &RUN);
    terminal.says(QUESTION);
    terminal.types("y\n");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(deactivated(&story), 2);
    assert_eq!(story.report()["totals"]["deactivated"], 2);

    // What this ledger knows as switched off is not asked for again, whoever switched it on.
    let path = "/api/v1/apps/0oa1/connections/default/lifecycle/activate";
    story.somebody_else("acme", "POST", path, &serde_json::json!({}));
    let (code, said) = Terminal::of(&story, &RUN).ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(QUESTION), "{said}");
    assert_eq!(deactivated(&story), 1);
}

#[test]
fn who_says_yes_beforehand_and_who_has_no_terminal_is_not_asked() {
    let with_yes = story();
    let (code, said) = Terminal::of(&with_yes, &[&RUN[..], &["--yes"]].concat()).ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(QUESTION), "{said}");
    assert_eq!(deactivated(&with_yes), 2);

    let by_cron = story();
    let said = by_cron.run().exits(0).said();
    assert!(!said.contains(QUESTION), "{said}");
    assert_eq!(deactivated(&by_cron), 2);
}

#[test]
fn the_command_that_is_printed_after_a_no_does_it_without_a_question() {
    let story = story();
    let mut terminal = Terminal::of(&story, &[&RUN[..], &["--only", "app=zscalerbyz"]].concat());
    terminal.says(QUESTION);
    terminal.types("no\n");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(2), "{said}");
    let (_, command) = said.split_once("okta-rollout ").unwrap();
    let command = command.lines().next().unwrap().trim_end();
    assert!(command.ends_with(" --only app=zscalerbyz --yes"), "{said}");
    let words: Vec<&str> = command.split(' ').collect();
    let (code, said) = Terminal::of(&story, &words).ends();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(deactivated(&story), 2);
}

#[test]
fn a_plan_that_was_shown_is_not_asked_about_twice() {
    let story = story();
    let mut terminal = Terminal::of(&story, &[&RUN[..], &["--ask"]].concat());
    terminal.says("make these changes? (yes, no, details)");
    terminal.types("yes\n");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(QUESTION), "{said}");
    assert_eq!(deactivated(&story), 2);
}
