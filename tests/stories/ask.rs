//! A person sees what a run would do, and decides.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Scenario, user, zscaler};

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

/// A command at a terminal.
struct Terminal {
    ours: File,
    child: Child,
    said: String,
}

impl Terminal {
    fn of(story: &Scenario, arguments: &[&str]) -> Self {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        Self {
            ours: ours.into(),
            child: story.wholly_at_terminal(arguments, &theirs),
            said: String::new(),
        }
    }

    /// Waits until it says this; what it said since it was last waited for.
    fn says(&mut self, what: &str) -> String {
        loop {
            if let Some(at) = self.said.find(what) {
                // What came along with it is waited for later.
                let rest = self.said.split_off(at + what.len());
                return std::mem::replace(&mut self.said, rest);
            }
            assert!(self.hear(), "{what:?} is missing in:\n{}", self.said);
        }
    }

    // A terminal that nobody has any more gives an error.
    fn hear(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let Ok(count @ 1..) = self.ours.read(&mut bytes) else {
            return false;
        };
        self.said += &String::from_utf8_lossy(&bytes[..count]);
        true
    }

    fn types(&mut self, line: &str) {
        self.ours.write_all(line.as_bytes()).unwrap();
    }

    /// Its exit code and what it said since.
    fn ends(mut self) -> (Option<i32>, String) {
        while self.hear() {}
        (self.child.wait().unwrap().code(), self.said)
    }
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
