//! The structure of the code, kept by a test: what a module may use, that nothing goes round in circles, and where SQL,
//! HTTP, printing, the command line and the environment are.

#![expect(
    clippy::unwrap_used,
    reason = "a tree that cannot be read has failed the test"
)]

mod circles;
mod planted;
mod promises;
mod source;
mod table;

use std::path::{Path, PathBuf};

use source::{Tree, texts};

/// Lines of a file at most, without its tests.
const LONGEST: usize = 400;

/// Everything that is wrong with a tree, with file and line.
fn violations(tree: &Tree) -> Vec<String> {
    let mut found = table::violations(tree);
    found.extend(circles::violations(tree));
    found.extend(promises::violations(tree));
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn as_it_is() -> Tree {
    Tree::read(&root())
}

/// Files that are too long to be read at once, each with its lines.
fn long(texts: Vec<(String, String)>) -> Vec<String> {
    let product = texts.into_iter().filter(|(name, _)| {
        let mut parts = name.split('/');
        !parts.any(|part| matches!(part, "tests" | "tests.rs"))
    });
    let lines = product.map(|(name, text)| {
        let lines = text.lines();
        (
            name,
            lines.take_while(|line| *line != "#[cfg(test)]").count(),
        )
    });
    let long = lines.filter(|(_, lines)| *lines > LONGEST);
    long.map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect()
}

#[test]
fn files_are_short() {
    assert_eq!(long(texts(&root())), Vec::<String>::new());
    let planted = |name: &str, lines, tests| {
        let text = format!(
            "{}#[cfg(test)]\n{}",
            "x\n".repeat(lines),
            "x\n".repeat(tests)
        );
        (name.to_owned(), text)
    };
    let found = long(vec![
        planted("a.rs", LONGEST, 1_000),
        planted("b/c.rs", LONGEST + 1, 0),
        planted("b/tests.rs", LONGEST + 1, 0),
        planted("b/tests/d.rs", LONGEST + 1, 0),
    ]);
    assert_eq!(found, ["b/c.rs: 401 lines"]);
}

#[test]
fn imports_run_downwards_and_every_promise_is_kept() {
    let found = violations(&as_it_is());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
