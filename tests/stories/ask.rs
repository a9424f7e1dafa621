//! A person sees what a run would do, and decides.

use crate::support::{Scenario, Terminal, google, user, zscaler};

const ASK: [&str; 3] = ["run", "job.toml", "--ask"];
const QUESTION: &str = "make these changes? (yes, no, details)";

fn story() -> Scenario {
    Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").at("globex"),
    ])
}

fn writes(story: &Scenario) -> usize {
    let orgs = story.orgs();
    let calls = orgs.iter().flat_map(|org| story.calls(org));
    calls.filter(|call| !call.starts_with("GET")).count()
}

#[test]
fn a_person_is_asked_before_the_first_write() {
    let story = story();
    for no in ["no\n", "\n", "\u{4}"] {
        let mut terminal = Terminal::of(&story, &ASK);
        let plan = terminal.says(QUESTION);
        assert!(plan.contains("2 to set up"), "{plan}");
        terminal.types(no);
        let (code, said) = terminal.ends();
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("not confirmed; nothing was changed"),
            "{said}"
        );
        assert_eq!(writes(&story), 0);
        assert!(!story.ledger().exists());
    }
    let mut terminal = Terminal::of(&story, &ASK);
    terminal.says(QUESTION);
    terminal.types("perhaps\n");
    terminal.says("please type yes, no or details");
    terminal.says(QUESTION);
    terminal.types("yes\n");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(writes(&story), 3);
    assert_eq!(story.report()["totals"]["changed"], 2);
}

#[test]
fn what_is_as_wanted_is_a_detail_and_nothing_to_do_is_no_question() {
    let story = story();
    story.run().exits(0);
    story.write("secrets/other", "another");
    story.manifest([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").at("globex").token("file:secrets/other"),
    ]);
    writes(&story);
    let mut terminal = Terminal::of(&story, &ASK);
    let plan = terminal.says(QUESTION);
    assert!(
        plan.contains("1 entry as wanted") && !plan.contains("0oa1"),
        "{plan}"
    );
    terminal.types("details\n");
    let details = terminal.says(QUESTION);
    assert!(details.contains("0oa1"), "{details}");
    terminal.types("yes\n");
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(writes(&story), 1);
    let run = story.report()["run"].clone();
    let terminal = Terminal::of(&story, &ASK);
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("nothing to change: no run was started"),
        "{said}"
    );
    assert_eq!((writes(&story), &story.report()["run"]), (0, &run));
}

#[test]
fn without_a_terminal_nothing_is_changed() {
    let story = story();
    for input in ["", "yes\n"] {
        story
            .fed(&ASK, input)
            .exits(2)
            .says("there is no terminal to ask at; nothing was changed");
        assert!(!story.ledger().exists());
        assert!(story.orgs().iter().all(|org| story.calls(org).is_empty()));
    }
}

#[test]
fn whoever_looks_for_a_dry_run_is_shown_plan() {
    let story = story();
    let ran = story.okta_rollout(&["run", "job.toml", "--dry-run"]);
    let said = ran
        .exits(2)
        .says("nothing was sent")
        .says("use plan")
        .said();
    assert_eq!(writes(&story), 0);
    let (_, command) = said.split_once("okta-rollout ").unwrap();
    let words = shlex::split(command).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let plan = story.okta_rollout(&words).exits(0).data();
    assert!(plan.contains("2 to set up"), "{plan}");
    let help = story.okta_rollout(&["run", "--help"]).exits(0).data();
    assert!(
        help.contains("--ask") && !help.contains("--dry-run"),
        "{help}"
    );
}

#[test]
fn what_is_typed_instead_has_the_same_flags() {
    let story = Scenario::of([
        zscaler("0oa1"),
        google("0oa2"),
        zscaler("0oa3").at("globex"),
    ]);
    story
        .okta_rollout(&["plan", "job.toml", "--only", "org=acme", "--out", "p.json"])
        .exits(0);
    let flags = ["--force", "--reconnect", "--only", "org=acme"];
    for (arguments, is_of_plan, told) in [
        (
            &["--ask", "--new"][..],
            false,
            &[
                "okta-rollout plan job.toml --force --reconnect --only org=acme",
                "okta-rollout run job.toml --new --force --reconnect --only org=acme",
            ][..],
        ),
        (
            &["--dry-run"],
            false,
            &["okta-rollout plan job.toml --force --reconnect --only org=acme"],
        ),
        (
            &["--dry-run", "--plan", "p.json"],
            true,
            &["okta-rollout plan job.toml --only org=acme"],
        ),
    ] {
        let given = if is_of_plan { &[][..] } else { &flags };
        let file = if is_of_plan {
            &["run"][..]
        } else {
            &["run", "job.toml"]
        };
        let said = story
            .okta_rollout(&[file, arguments, given].concat())
            .exits(2)
            .said();
        let (_, hint) = said.split_once("hint: ").unwrap();
        for told in told {
            assert!(
                hint.split("; ").any(|part| part.trim_end().ends_with(told)),
                "{told} in {said}"
            );
        }
        let plan = told[0].strip_prefix("okta-rollout ").unwrap();
        let plan: Vec<&str> = plan.split(' ').collect();
        let shown = story.okta_rollout(&plan).exits(0).data();
        assert!(shown.contains("2 entries:"), "{shown}");
        assert_eq!(writes(&story), 0);
        assert!(!story.ledger().exists());
    }
}
