//! Commands that people are told to type next find the ledger that this command works on: where they would look
//! elsewhere by themselves, `--ledger` goes into them. What the ledger keeps of hints does not know where it will be
//! moved to, so that they are completed where they are shown.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

use crate::ledger::LedgerUrl;
use crate::settings::{LedgerChoice, Settings};

/// How every printed command begins.
const PROGRAM: &str = "okta-rollout ";

/// Commands that take a run, and look for it where environment or default say.
const OF_RUNS: [&str; 9] = [
    "resume",
    "status",
    "report",
    "runs prune",
    "runs",
    "consent list",
    "consent complete",
    "consent refresh",
    "rotate-key",
];

/// Commands that take a file, which may be a job that names its ledger.
const OF_FILES: [&str; 2] = ["run", "plan"];

/// One process works on one ledger.
static CARRIED: OnceLock<Carried> = OnceLock::new();

/// What goes into printed commands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Carried {
    /// ` --ledger PATH`, as a shell takes it.
    flag: String,
    /// Whether a job does not find it by itself either.
    is_of_files_too: bool,
}

/// Has the commands that are printed from now on find the ledger of these settings.
pub(super) fn carry(settings: &Settings, url: &LedgerUrl) {
    if let Some(carried) = Carried::of(settings, url) {
        // Opened twice, it is the same one.
        CARRIED.get_or_init(|| carried);
    }
}

/// A text with its commands completed.
pub(super) fn complete(text: &str) -> Cow<'_, str> {
    match CARRIED.get() {
        Some(carried) if text.contains(PROGRAM) => Cow::Owned(carried.complete(text)),
        _ => Cow::Borrowed(text),
    }
}

impl Carried {
    fn of(settings: &Settings, url: &LedgerUrl) -> Option<Self> {
        let is_of_files_too = match &settings.ledger {
            LedgerChoice::Flag(_) => true,
            LedgerChoice::Job(_) => false,
            LedgerChoice::Environment(_) | LedgerChoice::Default => return None,
        };
        let by_itself = settings.ledger_by_itself().url().ok();
        if by_itself.is_some_and(|by_itself| is_same(by_itself.path(), url.path())) {
            return None;
        }
        // A name with a NUL is no file's.
        let path = url.path().to_string_lossy();
        let quoted = shlex::try_quote(&path).ok()?;
        Some(Self {
            flag: format!(" --ledger {quoted}"),
            is_of_files_too,
        })
    }

    fn complete(&self, text: &str) -> String {
        let mut parts = text.split(PROGRAM);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            whole.push_str(PROGRAM);
            let end = self.place(part).unwrap_or(0);
            let (verb, rest) = part.split_at(end);
            whole.push_str(verb);
            if end > 0 && !rest.starts_with(" --ledger") {
                whole.push_str(&self.flag);
            }
            whole.push_str(rest);
        }
        whole
    }

    /// Where the flag goes into what follows the program's name, if it does.
    fn place(&self, command: &str) -> Option<usize> {
        let files = OF_FILES.iter().filter(|_| self.is_of_files_too);
        let verb = OF_RUNS.iter().chain(files).find(|verb| {
            command
                .strip_prefix(**verb)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        })?;
        Some(verb.len())
    }
}

/// Whether two names are one file's; a name nobody made yet is compared as it is written.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => std::path::absolute(a).ok() == std::path::absolute(b).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Global;
    use crate::settings::{Environment, Terminals};

    fn carried(choice: LedgerChoice, environment: Option<&str>) -> Option<Carried> {
        let environment = Environment {
            ledger: environment.map(str::to_owned),
            ..Environment::default()
        };
        let settings = Settings::new(&Global::default(), environment, Terminals::default());
        let url = choice.url().unwrap();
        let settings = Settings {
            ledger: choice,
            ..settings
        };
        Carried::of(&settings, &url)
    }

    #[test]
    fn a_ledger_is_carried_where_a_command_would_not_look_by_itself() {
        let flag = |path: &str| LedgerChoice::Flag(path.to_owned());
        let job = |path: &str| LedgerChoice::Job(LedgerUrl::file(path));
        for (choice, environment, wanted) in [
            (LedgerChoice::Default, None, None),
            (
                LedgerChoice::Environment("e.db".to_owned()),
                Some("e.db"),
                None,
            ),
            (flag("f.db"), None, Some((" --ledger f.db", true))),
            (flag("sqlite:f.db"), None, Some((" --ledger f.db", true))),
            (
                flag("a b.db"),
                Some("e.db"),
                Some((" --ledger 'a b.db'", true)),
            ),
            (flag("e.db"), Some("e.db"), None),
            (flag(".okta-rollout/ledger.db"), None, None),
            (flag("./.okta-rollout/ledger.db"), None, None),
            (
                job("jobs/../state/n.db"),
                None,
                Some((" --ledger jobs/../state/n.db", false)),
            ),
            (job(".okta-rollout/ledger.db"), None, None),
        ] {
            let carried = carried(choice.clone(), environment);
            let found = carried
                .as_ref()
                .map(|c| (c.flag.as_str(), c.is_of_files_too));
            assert_eq!(found, wanted, "{choice:?} {environment:?}");
        }
    }

    #[test]
    fn it_goes_into_every_command_that_takes_it_and_nowhere_else() {
        let of = |is_of_files_too| Carried {
            flag: " --ledger x.db".to_owned(),
            is_of_files_too,
        };
        for (text, runs, files) in [
            ("no command", "no command", "no command"),
            (
                "then: okta-rollout resume k3f9 --failed",
                "then: okta-rollout resume --ledger x.db k3f9 --failed",
                "then: okta-rollout resume --ledger x.db k3f9 --failed",
            ),
            (
                "okta-rollout consent list; okta-rollout runs",
                "okta-rollout consent list --ledger x.db; okta-rollout runs --ledger x.db",
                "okta-rollout consent list --ledger x.db; okta-rollout runs --ledger x.db",
            ),
            (
                "okta-rollout runs prune --keep 3",
                "okta-rollout runs prune --ledger x.db --keep 3",
                "okta-rollout runs prune --ledger x.db --keep 3",
            ),
            (
                "okta-rollout run m.csv or okta-rollout plan m.csv",
                "okta-rollout run m.csv or okta-rollout plan m.csv",
                "okta-rollout run --ledger x.db m.csv or okta-rollout plan --ledger x.db m.csv",
            ),
            (
                "okta-rollout check m.csv",
                "okta-rollout check m.csv",
                "okta-rollout check m.csv",
            ),
            (
                "upgrade okta-rollout, or okta-rollout resumes",
                "upgrade okta-rollout, or okta-rollout resumes",
                "upgrade okta-rollout, or okta-rollout resumes",
            ),
            (
                "okta-rollout status --ledger y.db",
                "okta-rollout status --ledger y.db",
                "okta-rollout status --ledger y.db",
            ),
        ] {
            assert_eq!(of(false).complete(text), runs);
            assert_eq!(of(true).complete(text), files);
        }
    }
}
