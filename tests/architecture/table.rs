//! What each module at the top may use. A module that is not named here may not be there.

use super::source::Tree;

/// Lower ones first: a module uses only what stands above it here.
const MAY_USE: &[(&str, &[&str])] = &[
    ("apps", &[]),
    ("failure", &[]),
    ("jose", &[]),
    ("limits", &[]),
    ("nearest", &[]),
    ("passing", &[]),
    ("input", &["limits"]),
    ("text", &["passing"]),
    ("model", &["apps", "failure"]),
    ("selection", &["apps", "model"]),
    (
        "manifest",
        &[
            "apps",
            "input",
            "jose",
            "limits",
            "nearest",
            "passing",
            "selection",
            "text",
        ],
    ),
    ("job", &["input", "manifest"]),
    ("event", &["model", "text"]),
    (
        "okta",
        &[
            "apps", "failure", "input", "job", "jose", "limits", "manifest", "model", "text",
        ],
    ),
    (
        "ledger",
        &[
            "apps", "failure", "input", "job", "limits", "manifest", "model",
        ],
    ),
    ("settings", &["failure", "job", "manifest", "okta"]),
    ("consent", &["apps", "ledger", "text"]),
    (
        "plan",
        &[
            "apps", "failure", "job", "ledger", "manifest", "model", "nearest", "okta", "text",
        ],
    ),
    (
        "report",
        &[
            "apps",
            "failure",
            "ledger",
            "manifest",
            "model",
            "selection",
            "text",
        ],
    ),
    (
        "pacing",
        &[
            "apps", "event", "failure", "job", "ledger", "manifest", "model", "okta",
        ],
    ),
    (
        "steps",
        &[
            "apps",
            "consent",
            "failure",
            "job",
            "ledger",
            "manifest",
            "model",
            "okta",
            "pacing",
            "plan",
            "selection",
            "text",
        ],
    ),
    (
        "export",
        &[
            "apps", "manifest", "okta", "pacing", "plan", "steps", "text",
        ],
    ),
    (
        "engine",
        &[
            "apps",
            "consent",
            "event",
            "failure",
            "job",
            "ledger",
            "manifest",
            "model",
            "okta",
            "pacing",
            "plan",
            "selection",
            "steps",
        ],
    ),
    ("sandbox", &[]),
    ("rollout", ALL_BELOW),
    ("desk", ALL_BELOW),
    ("cli", ALL_BELOW),
];

/// Parts of a module that may use less than the whole: of its own module what its top passes on, and these.
const PARTS: &[(&str, &[&str])] = &[
    // What a second backend has to know as well.
    ("ledger::error", &["failure", "ledger::model", "model"]),
    ("ledger::model", &["apps", "manifest", "model"]),
    ("ledger::ownership", &["ledger::store", "model"]),
];

/// Everything that stands above it.
const ALL_BELOW: &[&str] = &["*"];

/// Every use that the table does not have.
pub fn violations(tree: &Tree) -> Vec<String> {
    let mut found = runs_down();
    for (module, file) in &tree.0 {
        let Some(top) = module.first() else { continue };
        if top == "main" {
            continue;
        }
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| name == top) else {
            found.push(format!("{}:1: {top} is not in the table", file.name));
            continue;
        };
        for named in &file.named {
            let home = tree.home(&named.path);
            let used = home.first().or(named.path.first());
            if let Some(used) = used
                && used != top
                && !allows(top, may_use, used)
            {
                found.push(format!(
                    "{}:{}: {top} may not use {used}",
                    file.name, named.line
                ));
            }
            let (module, home) = (module.join("::"), home.join("::"));
            for (part, may_use) in PARTS.iter().filter(|(part, _)| is_in(&module, part)) {
                let is_passed_on = home == *top;
                let mut allowed = may_use.iter().chain([part]);
                if !is_passed_on && !allowed.any(|allowed| is_in(&home, allowed)) {
                    let (name, line) = (&file.name, named.line);
                    found.push(format!("{name}:{line}: {part} may not use {home}"));
                }
            }
        }
    }
    found
}

fn is_in(module: &str, place: &str) -> bool {
    let rest = module.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn runs_down() -> Vec<String> {
    let place = |name: &str| MAY_USE.iter().position(|(module, _)| *module == name);
    let mut found = Vec::new();
    for (at, (module, used)) in MAY_USE.iter().enumerate() {
        for name in used.iter().filter(|name| **name != "*") {
            if place(name).is_none_or(|place| place >= at) {
                found.push(format!(
                    "the table: {module} uses {name}, which is not below it"
                ));
            }
        }
    }
    found
}

fn allows(module: &str, may_use: &[&str], used: &str) -> bool {
    let below = MAY_USE.iter().take_while(|(name, _)| *name != module);
    match may_use {
        ["*"] => below.into_iter().any(|(name, _)| *name == used),
        names => names.contains(&used),
    }
}
