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

use std::path::Path;

use source::Tree;

/// Everything that is wrong with a tree, with file and line.
fn violations(tree: &Tree) -> Vec<String> {
    let mut found = table::violations(tree);
    found.extend(circles::violations(tree));
    found.extend(promises::violations(tree));
    found
}

fn as_it_is() -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn imports_run_downwards_and_every_promise_is_kept() {
    let found = violations(&as_it_is());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
