//! The tree stands alone: no text in it sends its reader to a document, a section, a file or a ticket that is not
//! there.

#![expect(
    clippy::unwrap_used,
    reason = "a tree that cannot be read has failed the test"
)]

use std::collections::BTreeSet;
use std::path::Path;

/// What is searched, below the root.
const SEARCHED: [&str; 11] = [
    ".ci",
    "jobs",
    "samples",
    "src",
    "tests",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    ".clippy.toml",
    "deny.toml",
];

/// What is known of Okta's API, cited by section.
const FACTS: &str = "src/okta/API.md";

/// What a document is recognized by.
const MARKDOWN: &str = ".md";

/// A flag of cargo's, and where what it names may be.
const TARGETS: [(&str, [&str; 2]); 2] = [
    ("--test ", ["tests/*.rs", "tests/*/main.rs"]),
    ("--bench ", ["tests/bench/*.rs", "tests/bench/*/main.rs"]),
];

/// What texts may refer to.
struct Tree {
    /// Files and folders, relative to the root.
    paths: BTreeSet<String>,
    /// Sections of the facts: `3.4`.
    sections: BTreeSet<String>,
}

impl Tree {
    /// Reads what is there, with the texts of all files.
    fn read() -> (Self, Vec<(String, String)>) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut paths, mut texts) = (BTreeSet::new(), Vec::new());
        for name in SEARCHED {
            walk(root, name, &mut paths, &mut texts);
        }
        let facts = std::fs::read_to_string(root.join(FACTS)).unwrap();
        // A heading, or the first cell of a row.
        let begins = |line: &str| line.starts_with('#') || line.starts_with("| §");
        let sections = facts
            .lines()
            .filter(|line| begins(line))
            .filter_map(|line| sections_in(line).next())
            .collect();
        (Self { paths, sections }, texts)
    }

    /// Whether a path is there: as seen from the root, or beside the file that names it. A document that is named
    /// without a folder may be in any.
    fn has(&self, path: &str, named_in: &str) -> bool {
        let path = path.trim_end_matches('/');
        let mut beside: Vec<_> = named_in.split('/').collect();
        beside.pop();
        for part in path.split('/') {
            match part {
                ".." => drop(beside.pop()),
                part => beside.push(part),
            }
        }
        let anywhere = |known: &String| known.rsplit('/').next() == Some(path);
        self.paths.contains(path)
            || self.paths.contains(&beside.join("/"))
            || (path.ends_with(MARKDOWN) && self.paths.iter().any(anywhere))
    }

    /// What a text refers to and is not there, with file and line.
    fn dangling(&self, file: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let here = |what: String| format!("{file}:{number}: {what}: {}", line.trim());
            for word in words(line) {
                let is_document = word.len() > MARKDOWN.len() && word.ends_with(MARKDOWN);
                // Okta's repositories have their tests in a folder of the same name.
                let is_ours = word.starts_with("src/")
                    || word.starts_with(".ci/")
                    || (word.starts_with("tests/") && file != FACTS);
                if (is_document || is_ours) && !self.has(word, file) {
                    found.push(here(format!("{word} is not in the tree")));
                }
            }
            for (flag, targets) in TARGETS {
                let absent = |name: &&str| {
                    !targets
                        .map(|target| target.replace('*', name))
                        .iter()
                        .any(|path| self.paths.contains(path))
                };
                for name in arguments(line, flag).filter(absent) {
                    found.push(here(format!("{flag}{name} has nothing to run")));
                }
            }
            let is_of_another = line.contains("RFC ");
            for section in sections_in(line) {
                if !is_of_another && !self.sections.contains(&section) {
                    found.push(here(format!("{FACTS} has no section {section}")));
                }
            }
            if file != FACTS && names_a_ticket(line) {
                found.push(here("a ticket is nothing that the tree holds".to_owned()));
            }
        }
        found
    }
}

fn walk(root: &Path, name: &str, paths: &mut BTreeSet<String>, texts: &mut Vec<(String, String)>) {
    paths.insert(name.to_owned());
    let path = root.join(name);
    if !path.is_dir() {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        // What is no text refers to nothing.
        if let Ok(text) = String::from_utf8(bytes) {
            texts.push((name.to_owned(), text));
        }
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        let below = entry.unwrap().file_name();
        walk(
            root,
            &format!("{name}/{}", below.to_str().unwrap()),
            paths,
            texts,
        );
    }
}

/// What may be a path. An address on the web is none.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && !"._-/".contains(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.starts_with("//"))
}

/// The names given to a flag of cargo's.
fn arguments<'a>(line: &'a str, flag: &str) -> impl Iterator<Item = &'a str> {
    line.split(flag)
        .skip(1)
        .filter_map(|after| words(after).next())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The numbers behind each `§`.
fn sections_in(line: &str) -> impl Iterator<Item = String> {
    line.split('§').skip(1).filter_map(|after| {
        let number: String = after
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        let number = number.trim_end_matches('.');
        (!number.is_empty()).then(|| number.to_owned())
    })
}

/// Whether an issue is named by its number.
fn names_a_ticket(line: &str) -> bool {
    let line = line.to_lowercase();
    line.split("issue ").skip(1).any(|after| {
        after
            .trim_start_matches('#')
            .starts_with(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn nothing_refers_to_what_is_not_in_the_tree() {
    let (tree, texts) = Tree::read();
    assert!(texts.len() > 200 && tree.sections.len() > 40);
    let found: Vec<_> = texts
        .iter()
        .flat_map(|(file, text)| tree.dangling(file, text))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_reference_into_the_void_is_found() {
    let (tree, _) = Tree::read();
    let (section, gone, ticket, flag) = ('§', "gone.rs", "issue", "--test");
    for (file, line) in [
        ("src/lib.rs", format!("//! As PRODUCT{MARKDOWN} says.")),
        ("README.md", format!("See [it](docs/README{MARKDOWN}).")),
        ("src/okta/mod.rs", format!("/// API.md {section}3.9.")),
        (
            "src/okta/mod.rs",
            format!("/// API.md {section}3.4, {section}13"),
        ),
        (FACTS, format!("Of this: {section}3.9.")),
        (
            "CONTRIBUTING.md",
            format!("The steps are in src/steps/{gone}."),
        ),
        ("tests/cli_run.rs", format!("// See tests/{gone}")),
        ("src/lib.rs", format!("// For {ticket} #7.")),
        ("README.md", format!("`cargo test {flag} nothing x`")),
        (
            "README.md",
            format!("`cargo {flag} cli_run {flag} nothing`"),
        ),
    ] {
        let found = tree.dangling(file, &format!("\n{line}\n"));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].starts_with(&format!("{file}:2: ")), "{found:?}");
    }
    for (file, line) in [
        ("src/lib.rs", "//! See README.md and src/okta/API.md."),
        ("tests/cli_run.rs", "// As API.md §3.4, §11.4 and §12 say."),
        (
            "src/okta/mod.rs",
            "// Beside this: API.md; an issue; RFC 9110 §8.6.",
        ),
        (
            "README.md",
            "`cargo test --test cli_run`, `cargo bench --bench limits`",
        ),
        (
            "README.md",
            "At https://example.com/elsewhere/README.md, in tests/bench/.",
        ),
    ] {
        let found = tree.dangling(file, line);
        assert!(found.is_empty(), "{line}: {found:?}");
    }
    // The facts name other repositories' tickets and files.
    let elsewhere = format!("In {ticket} 2941, and in tests/{gone}.");
    let found = tree.dangling(FACTS, &elsewhere);
    assert!(found.is_empty(), "{found:?}");
}
