//! Every example that people are shown, run as it is printed: those of `--help`, of the manual pages and of the README.
//! They are taken from the texts themselves, so that a new one is run without a change here. What stands for something
//! else is resolved by rule ([`world::World::resolve`]); a text that is no command and follows no rule fails the test.

mod texts;
mod world;

use std::collections::BTreeSet;
use std::sync::Mutex;

use texts::{Shown, commands, help_of, in_man, in_readme, name};
use world::World;

#[test]
fn examples_of_help_work_as_printed() {
    let examples: BTreeSet<_> = commands().iter().flat_map(|path| help_of(path)).collect();
    assert!(examples.len() > 30, "{examples:?}");
    all_work(examples.into_iter().map(|example| vec![example]).collect());
}

#[test]
fn manual_pages_have_the_examples_of_help() {
    for (path, examples) in in_man() {
        assert_eq!(examples, help_of(&path), "{path:?}");
    }
}

#[test]
fn examples_of_the_readme_work_as_printed() {
    let mut blocks = 0;
    let mut all = Vec::new();
    for shown in in_readme() {
        all.push(match shown {
            Shown::Block(lines) => {
                blocks += 1;
                lines
            }
            // A command's name in a sentence, or a whole command.
            Shown::Inline(command) if commands().iter().any(|path| command == name(path)) => {
                continue;
            }
            Shown::Inline(command) => vec![command],
        });
    }
    assert!(blocks > 5);
    all_work(all);
}

/// Runs each in a world of its own, some at once: most of their time they wait.
fn all_work(all: Vec<Vec<String>>) {
    let left = Mutex::new(all);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some(lines) = next else { break };
                    if let Err(said) = World::new().runs(&lines) {
                        failed.lock().unwrap().push(said);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn no_text_refers_to_what_its_reader_does_not_have() {
    let mut texts = vec![include_str!("../../README.md").to_owned()];
    let story = crate::support::Scenario::of([]);
    for path in commands() {
        let mut help = path.clone();
        help.push("--help".to_owned());
        let help: Vec<_> = help.iter().map(String::as_str).collect();
        texts.push(story.okta_rollout(&help).data());
    }
    for arguments in [
        &["schema"][..],
        &["schema", "--job"],
        &["man"],
        &["completions", "bash"],
        &["completions", "zsh"],
    ] {
        texts.push(story.okta_rollout(arguments).exits(0).data());
    }
    let jobs = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs");
    for job in std::fs::read_dir(jobs).unwrap() {
        texts.push(std::fs::read_to_string(job.unwrap().path()).unwrap());
    }
    let tree = env!("CARGO_MANIFEST_DIR");
    let above = std::path::Path::new(tree).parent().unwrap();
    for line in texts.iter().flat_map(|text| text.lines()) {
        for document in line.split(|c: char| !c.is_ascii_alphanumeric() && !"._-/".contains(c)) {
            let document = std::path::Path::new(document);
            let is_one = document.extension().is_some_and(|end| end == "md");
            let is_there = std::path::Path::new(tree).join(document).exists();
            assert!(is_there || !is_one, "{line}");
        }
        // A section of such a document, or the folder this was built in.
        let above = format!("{}/", above.display());
        assert!(
            !line.contains('§') && (above.len() < 4 || !line.contains(&above)),
            "{line}"
        );
    }
}
