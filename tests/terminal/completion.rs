//! Completion in real shells.

use std::time::{Duration, Instant};

use crate::pane::{PROMPT, Pane, needs};

/// How long a key may take to do what it does before it is pressed again.
const AGAIN: Duration = Duration::from_secs(3);

/// What is typed before the tabulator, and what then stands there.
const COMPLETED: [(&str, &str); 13] = [
    ("okta-rollout che", "okta-rollout check"),
    ("okta-rollout reh", "okta-rollout rehearse"),
    ("okta-rollout consent ref", "okta-rollout consent refresh"),
    ("okta-rollout report --form", "okta-rollout report --format"),
    (
        "okta-rollout report --format js",
        "okta-rollout report --format json",
    ),
    (
        "okta-rollout report --format=js",
        "okta-rollout report --format=json",
    ),
    (
        "okta-rollout run --only wai",
        "okta-rollout run --only waiting",
    ),
    (
        "okta-rollout run --only app=goo",
        "okta-rollout run --only app=google",
    ),
    (
        "okta-rollout run --only failed,app=sl",
        "okta-rollout run --only failed,app=slack",
    ),
    ("okta-rollout run roll", "okta-rollout run rollout.csv"),
    (
        "okta-rollout -v check jobs/nig",
        "okta-rollout -v check jobs/nightly.toml",
    ),
    (
        "okta-rollout run rollout.csv --orgs or",
        "okta-rollout run rollout.csv --orgs orgs.csv",
    ),
    (
        "okta-rollout export --app zo",
        "okta-rollout export --app zoomus",
    ),
];

fn completes(shell: &str, begins: &str) {
    needs(shell.split(' ').next().unwrap());
    let pane = Pane::new(shell, 120, 50);
    pane.write("rollout.csv", "");
    pane.write("rolled.txt", "");
    pane.write("orgs.csv", "");
    pane.write("orders.txt", "");
    std::fs::create_dir(pane.path("jobs")).unwrap();
    pane.write("jobs/nightly.toml", "");
    pane.until("a prompt", |screen| !screen.trim().is_empty());
    pane.enters(begins);
    for (typed, wanted) in COMPLETED {
        // What follows belongs to another word where this one is whole, and nothing else stands there.
        becomes(&pane, typed, &format!("{wanted} END"));
    }
    // An org's name follows its key without a blank, and a folder's content its name.
    for (typed, wanted) in [
        (
            "okta-rollout run --only or",
            "okta-rollout run --only org=END",
        ),
        ("okta-rollout check job", "okta-rollout check jobs/END"),
    ] {
        becomes(&pane, typed, wanted);
    }
    // Several that fit are listed.
    pane.last_line(PROMPT);
    pane.types("okta-rollout run --only app=z");
    pane.presses("Tab");
    pane.presses("Tab");
    for app in ["zoomus", "zscalerbyz"] {
        pane.shows(app);
    }
}

/// What is typed becomes this when END is typed after a tabulator.
#[track_caller]
fn becomes(pane: &Pane, typed: &str, wanted: &str) {
    pane.last_line(PROMPT);
    pane.types(typed);
    pane.presses("Tab");
    pane.last_line(&format!("{PROMPT}{}", wanted.trim_end_matches("END")));
    pane.types("END");
    let whole = format!("{PROMPT}{wanted}");
    pane.last_line(&whole);
    // One that comes while a shell is busy with its screen is lost now and then.
    let is_left = || pane.screen().trim_end().ends_with(&whole);
    for _ in 0..20 {
        pane.presses("C-c");
        let pressed = Instant::now();
        while is_left() && pressed.elapsed() < AGAIN {
            std::thread::sleep(AGAIN / 20);
        }
        if !is_left() {
            return;
        }
    }
    panic!("{whole} cannot be taken back");
}

#[test]
fn bash_completes() {
    completes(
        "bash --norc --noprofile",
        "source <(okta-rollout completions bash)",
    );
}

#[test]
fn zsh_completes() {
    completes(
        "zsh -f",
        "autoload -U compinit; compinit -u; source <(okta-rollout completions zsh)",
    );
}

#[test]
fn fish_completes() {
    completes(
        "fish --no-config",
        "function fish_prompt; echo -n 'ready> '; end; function fish_greeting; end; set -g fish_autosuggestion_enabled 0; okta-rollout completions fish | source",
    );
}
