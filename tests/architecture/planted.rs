//! The test of the test: each of these, planted into the tree as it is, is found with its file and line.

use std::path::Path;

use super::source::Tree;
use super::violations;

/// What is planted, where, and what is said of it.
const PLANTED: &[(&str, &str, &str)] = &[
    (
        "engine/worker.rs",
        "use crate::cli::main;",
        "engine may not use cli",
    ),
    (
        "ledger/sqlite/rows.rs",
        "fn planted() { crate::pacing::unix_millis(); }",
        "ledger may not use pacing",
    ),
    (
        "manifest/cells.rs",
        "use crate::{apps::App, ledger::{Ledger, LedgerError}};",
        "manifest may not use ledger",
    ),
    (
        "pacing/gate.rs",
        "fn planted() { super::super::steps::earlier(); }",
        "pacing may not use steps",
    ),
    (
        "report/build.rs",
        "fn planted() { rusqlite::Connection::open_in_memory(); }",
        "SQL is ledger::sqlite's",
    ),
    (
        "steps/find_app.rs",
        "const PLANTED: &str = \"SELECT 1 FROM entry\";",
        "SQL is ledger::sqlite and ledger::postgres's",
    ),
    (
        "engine/window.rs",
        "fn planted() { crate::ledger::ConsentRight::of(todo()); }",
        "a run that may be another process's is rollout::consent's",
    ),
    (
        "ledger/model/counts.rs",
        "fn planted() { super::super::sqlite::Store::open(); }",
        "ledger::model may not use ledger::sqlite",
    ),
    (
        "ledger/error.rs",
        "use std::path::PathBuf;",
        "ledger::error knows of no files: std::path::PathBuf",
    ),
    (
        "ledger/model/mod.rs",
        "fn planted() { rusqlite::Connection::open_in_memory(); }",
        "SQL is ledger::sqlite's",
    ),
    (
        "steps/create_app.rs",
        "use reqwest::{Client, redirect};",
        "HTTP to Okta is okta's",
    ),
    (
        "plan/decide.rs",
        "fn planted() { println!(\"planted\"); }",
        "printing is cli",
    ),
    (
        "okta/client.rs",
        "fn planted() { std::env::var(\"HOME\"); }",
        "the environment is settings",
    ),
    (
        "consent/inbox.rs",
        "fn planted() { std::fs::read(\"planted\"); }",
        "consent::inbox does nothing outside",
    ),
    (
        "sandbox/org.rs",
        "use crate::okta::Class;",
        "sandbox and okta share nothing",
    ),
    (
        "event.rs",
        "fn planted() { tracing_subscriber::registry(); }",
        "the log is cli::log's",
    ),
    (
        "event.rs",
        "use crate::ledger::Counts;",
        "event may not use ledger",
    ),
    (
        "engine/org.rs",
        "use clap::Parser as _;",
        "the command line's definition is cli's",
    ),
];

fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    super::source::texts(&root)
}

#[test]
fn what_is_planted_is_found() {
    let texts = texts();
    for (name, line, wanted) in PLANTED {
        let mut planted = texts.clone();
        let (_, text) = planted.iter_mut().find(|(file, _)| file == name).unwrap();
        let at = text.find("\nuse ").unwrap();
        text.insert_str(at, &format!("\n{line}"));
        let place = format!("{name}:{}: ", text[..=at].lines().count() + 1);
        let found = violations(&Tree::of(planted));
        assert!(
            found
                .iter()
                .any(|said| said.starts_with(&place) && said.contains(wanted)),
            "{name}: {line}: {found:#?}"
        );
    }
}

#[test]
fn a_circle_within_a_folder_is_found_through_what_its_parent_passes_on() {
    let files = [
        ("pacing/mod.rs", "mod a;\nmod b;\npub use b::B;\n"),
        ("pacing/a.rs", "use super::B;\npub struct A;\n"),
        ("pacing/b.rs", "pub struct B(super::a::A);\n"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(
        super::circles::violations(&Tree::of(files.to_vec())),
        ["a circle in pacing: a uses b (pacing/a.rs:1), b uses a (pacing/b.rs:1)"]
    );
}

#[test]
fn a_circle_in_the_tree_is_found() {
    let mut planted = texts();
    let (_, text) = planted
        .iter_mut()
        .find(|(file, _)| file == "cli/output.rs")
        .unwrap();
    text.push_str("fn planted() { super::bug::guard(|| 0); }");
    let found = violations(&Tree::of(planted));
    let wanted = "a circle in cli: bug uses output (cli/bug.rs:";
    assert!(
        found.iter().any(|said| said.starts_with(wanted)),
        "{found:#?}"
    );
}

#[test]
fn tests_and_texts_and_comments_are_left_out() {
    let text = "//! use crate::cli;\n#[cfg(test)]\nmod tests { use crate::cli::main; }\nconst A: &str = \"crate::cli::main\";\n";
    let files = vec![("plan/a.rs".to_owned(), text.to_owned())];
    assert_eq!(violations(&Tree::of(files)), [""; 0]);
}

#[test]
fn a_file_of_tests_is_left_out_whoever_may_use_it() {
    for visibility in ["", "pub ", "pub(crate) ", "pub(in crate::plan) "] {
        let parent = format!("#[cfg(test)]\n{visibility}mod tests;\n");
        let tests = "use crate::cli::main;\n".to_owned();
        let files = vec![
            ("plan/mod.rs".to_owned(), parent),
            ("plan/tests.rs".to_owned(), tests),
        ];
        assert_eq!(violations(&Tree::of(files)), [""; 0], "{visibility}");
    }
}
