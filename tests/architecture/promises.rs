//! Where things are that only one place may do.

use super::source::{File, Tree};

/// A promise: whoever names one of these is in one of those modules.
struct Promise {
    what: &'static str,
    named: &'static [&'static str],
    only: &'static [&'static str],
}

const PROMISES: &[Promise] = &[
    Promise {
        what: "SQL",
        named: &["rusqlite"],
        only: &["ledger::sqlite"],
    },
    Promise {
        what: "SQL",
        named: &["tokio_postgres"],
        only: &["ledger::postgres"],
    },
    Promise {
        what: "HTTP to Okta",
        named: &["reqwest"],
        only: &["okta"],
    },
    Promise {
        what: "the command line's definition",
        named: &["clap", "clap_complete", "clap_mangen"],
        only: &["cli"],
    },
    Promise {
        what: "printing",
        named: &[
            "println::!",
            "print::!",
            "eprintln::!",
            "eprint::!",
            "std::io::stdout",
            "std::io::stderr",
            "io::stdout",
            "io::stderr",
        ],
        only: &["cli", "settings"],
    },
    Promise {
        what: "the log",
        named: &["tracing_subscriber", "tracing::subscriber"],
        only: &["cli::log"],
    },
    Promise {
        what: "the end of the process",
        named: &["std::process::exit", "process::exit"],
        only: &["cli", "ledger::sqlite::writer"],
    },
    Promise {
        what: "changing entries of a run that may be another process's",
        named: &["ConsentRight::of", "ledger::ConsentRight::of"],
        only: &["rollout::consent"],
    },
    Promise {
        what: "signals",
        named: &["tokio::signal"],
        only: &["cli"],
    },
    Promise {
        what: "the environment",
        named: &[
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "env::var",
            "env::var_os",
        ],
        only: &["settings", "manifest::secrets", "manifest::program"],
    },
];

/// Modules that are given everything: clock, network and disk are not for them.
const PURE: &[&str] = &[
    "apps",
    "consent",
    "model",
    "nearest",
    "pacing::budget",
    "pacing::retry",
    "plan",
    "report",
    "selection",
];

const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "tokio::fs",
    "tokio::net",
    "tokio::time",
    "jiff::Timestamp::now",
    "Timestamp::now",
    "jiff::Zoned::now",
    "Zoned::now",
];

/// Where statements may stand: the ledger's port and its domain types know of none.
const SQL: &[&str] = &["ledger::sqlite", "ledger::postgres"];

/// Modules that know of no files: what they are about may be kept elsewhere.
const WITHOUT_FILES: &[&str] = &["ledger::error", "ledger::model", "ledger::ownership"];

const FILES: &[&str] = &["std::path", "std::fs", "tokio::fs"];

/// How statements begin.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "PRAGMA ",
];

/// Every promise that is broken.
pub fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (module, file) in &tree.0 {
        let module = module.join("::");
        for Promise { what, named, only } in PROMISES {
            if !is_in(&module, only) {
                found.extend(named_in(file, named).map(|(line, name)| {
                    format!(
                        "{}:{line}: {what} is {}'s: {name}",
                        file.name,
                        only.join(" and ")
                    )
                }));
            }
        }
        if is_in(&module, WITHOUT_FILES) {
            found.extend(named_in(file, FILES).map(|(line, name)| {
                format!("{}:{line}: {module} knows of no files: {name}", file.name)
            }));
        }
        if is_in(&module, PURE) {
            found.extend(named_in(file, IMPURE).map(|(line, name)| {
                format!(
                    "{}:{line}: {module} does nothing outside: {name}",
                    file.name
                )
            }));
        }
        if !is_in(&module, SQL) {
            let begins = |text: &str| {
                let text = text.trim_start_matches(['r', '#', '"']).trim_start();
                STATEMENTS
                    .iter()
                    .any(|statement| text.starts_with(statement))
            };
            let statements = file.texts.iter().filter(|(_, text)| begins(text));
            found.extend(statements.map(|(line, text)| {
                format!(
                    "{}:{line}: SQL is {}'s: {text}",
                    file.name,
                    SQL.join(" and ")
                )
            }));
        }
    }
    found.extend(strangers(tree));
    found
}

// The sandbox answers for itself: types that it shared with the client would agree with themselves.
fn strangers(tree: &Tree) -> Vec<String> {
    let pairs = [("sandbox", "okta"), ("okta", "sandbox")];
    let mut found = Vec::new();
    for (module, file) in &tree.0 {
        for named in &file.named {
            let (ours, theirs) = (module.first(), named.path.first());
            if pairs.iter().any(|(from, to)| {
                ours.is_some_and(|name| name == from) && theirs.is_some_and(|name| name == to)
            }) {
                let (name, line) = (&file.name, named.line);
                found.push(format!("{name}:{line}: sandbox and okta share nothing"));
            }
        }
    }
    found
}

fn is_in(module: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        module
            .strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

fn named_in<'a>(
    file: &'a File,
    names: &'a [&str],
) -> impl Iterator<Item = (usize, String)> + use<'a> {
    let all = file.foreign.iter().chain(&file.named);
    all.filter_map(|named| {
        let path = named.path.join("::");
        let is = names.iter().any(|name| is_in(&path, &[name]));
        is.then_some((named.line, path))
    })
}
