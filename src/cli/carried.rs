//! Commands that people are told to type next work as printed: they find the ledger that this command works on, and
//! the orgs and secrets that it was given. What the ledger keeps of hints does not know where it will be moved to, so
//! that they are completed where they are shown.
//!
//! `serve` works on several ledgers: what is said of a job is said [within](Apart::within) what was opened for it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::job::LedgerUrl;
use crate::passing::is_passing;
use crate::rollout::shell::quoted;
use crate::settings::{LedgerChoice, Settings};

/// How every printed command begins.
const PROGRAM: &str = "okta-rollout ";

/// The flag that names a ledger.
const LEDGER: &str = "--ledger";

/// Commands that take a run, and look for it where environment or default say.
const OF_RUNS: [&str; 11] = [
    "resume",
    "status",
    "report",
    "runs prune",
    "runs",
    "consent list",
    "consent complete",
    "consent refresh",
    "consent share",
    "rotate-key",
    "work",
];

/// Commands that take a file, which may be a job that names its ledger.
const OF_FILES: [&str; 3] = ["run", "plan", "doctor"];

/// Commands that read secrets.
pub(super) const OF_SECRETS: [&str; 9] = [
    "run",
    "plan",
    "doctor",
    "check",
    "resume",
    "rotate-keys",
    "consent complete",
    "consent refresh",
    "work",
];

/// What goes into printed commands of this process.
static CARRIED: RwLock<Carried> = RwLock::new(Carried(Vec::new()));

/// Whether a printed command has a placeholder for what it cannot name.
static HAS_PLACEHOLDER: AtomicBool = AtomicBool::new(false);

/// What goes into printed commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried(pub(super) Vec<Flag>);

/// A flag, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    /// Its name; commands that have it are left as they are.
    pub(super) name: &'static str,
    /// Its value as a shell takes it, after a blank; empty if it takes none.
    pub(super) value: String,
    /// Whether that only stands for a file that this process alone can read.
    pub(super) is_placeholder: bool,
    /// The commands it goes into.
    pub(super) verbs: Vec<&'static str>,
}

/// Has the commands that are printed from now on have these flags.
pub(super) fn carry_flags(flags: Vec<Flag>) {
    CARRIED.write().0.extend(flags);
}

/// Has the commands that are printed from now on find the ledger of these settings.
pub(super) fn carry(settings: &Settings, url: &LedgerUrl) {
    if let Ok(apart) = APART.try_with(Apart::clone) {
        // That of the last reading of the job: it may name another one by now.
        *apart.0.write() = Flag::of_ledger(settings, url);
        return;
    }
    let mut carried = CARRIED.write();
    // Opened twice, it is the same one.
    if !carried.0.iter().any(|flag| flag.name == LEDGER) {
        carried.0.extend(Flag::of_ledger(settings, url));
    }
}

/// A text with its commands completed.
pub(super) fn complete(text: &str) -> Cow<'_, str> {
    if !text.contains(PROGRAM) {
        return Cow::Borrowed(text);
    }
    let mut carried = CARRIED.read().clone();
    if let Ok(ledger) = APART.try_with(|apart| apart.0.read().clone()) {
        carried.0.retain(|flag| flag.name != LEDGER);
        carried.0.extend(ledger);
    }
    Cow::Owned(carried.complete(text))
}

/// As [`complete`], of a text about a run in this ledger.
pub(super) fn completed_for(settings: &Settings, ledger: Option<&LedgerUrl>, text: &str) -> String {
    let Some(url) = ledger.filter(|_| text.contains(PROGRAM)) else {
        return complete(text).into_owned();
    };
    let settings = Settings {
        ledger: LedgerChoice::Job(url.clone()),
        ..settings.clone()
    };
    Apart::default().say(|| {
        carry(&settings, url);
        complete(text).into_owned()
    })
}

tokio::task_local! {
    static APART: Apart;
}

/// The ledger that printed commands are to find apart from those of the process: of one of several jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart(Arc<RwLock<Option<Flag>>>);

impl Apart {
    /// What is opened and said in here is apart from everything else.
    pub async fn within<T>(&self, what: impl Future<Output = T>) -> T {
        APART.scope(self.clone(), what).await
    }

    /// As [`Self::within`], of what does not wait.
    pub fn say<T>(&self, what: impl FnOnce() -> T) -> T {
        APART.sync_scope(self.clone(), what)
    }

    /// What becomes a task of its own stays within that of who begins it.
    pub fn stay<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
        let here = APART.try_with(Self::clone).ok();
        async move {
            match here {
                Some(here) => here.within(what).await,
                None => what.await,
            }
        }
    }
}

/// As [`complete`], of a text that the ledger keeps: where that is then, whoever shows it knows.
pub(super) fn complete_to_keep(text: &str) -> String {
    let carried = CARRIED.read();
    let flags = carried.0.iter().filter(|flag| flag.name != LEDGER);
    Carried(flags.cloned().collect()).complete(text)
}

/// The flags that stand for a file in the commands that were printed, as they were printed.
pub(super) fn placeholders() -> Vec<Flag> {
    if !HAS_PLACEHOLDER.load(Ordering::Relaxed) {
        return Vec::new();
    }
    let carried = CARRIED.read();
    let flags = carried.0.iter().filter(|flag| flag.is_placeholder);
    flags.cloned().collect()
}

impl Flag {
    /// One that names a file.
    pub(super) fn of_path(name: &'static str, path: &Path, verbs: &[&'static str]) -> Self {
        Self {
            name,
            value: format!(" {}", quoted(path)),
            is_placeholder: is_passing(path),
            verbs: verbs.to_vec(),
        }
    }

    fn of_ledger(settings: &Settings, url: &LedgerUrl) -> Option<Self> {
        let mut verbs = OF_RUNS.to_vec();
        match &settings.ledger {
            LedgerChoice::Flag(_) => verbs.extend(OF_FILES),
            LedgerChoice::Job(_) => {}
            LedgerChoice::Environment(_) | LedgerChoice::Default => return None,
        }
        let by_itself = settings.ledger_by_itself().url().ok();
        if by_itself.is_some_and(|by_itself| is_same_ledger(&by_itself, url)) {
            return None;
        }
        let path = match url {
            LedgerUrl::File(path) => path.clone(),
            LedgerUrl::Postgres(url) => url.to_string().into(),
        };
        Some(Self::of_path(LEDGER, &path, &verbs))
    }

    fn goes_into(&self, verb: &str, rest: &str) -> bool {
        let line = rest.lines().next().unwrap_or_default();
        self.verbs.contains(&verb) && !line.split(' ').any(|word| word == self.name)
    }
}

impl Carried {
    /// A text with its commands completed.
    pub(super) fn complete(&self, text: &str) -> String {
        let mut parts = text.split(PROGRAM);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            whole.push_str(PROGRAM);
            let verb = verb(part);
            let rest = &part[verb.len()..];
            whole.push_str(verb);
            for flag in self.0.iter().filter(|flag| flag.goes_into(verb, rest)) {
                whole.push(' ');
                whole.push_str(flag.name);
                whole.push_str(&flag.value);
                if flag.is_placeholder {
                    HAS_PLACEHOLDER.store(true, Ordering::Relaxed);
                }
            }
            whole.push_str(rest);
        }
        whole
    }
}

/// The command in what follows the program's name; empty if no flag goes into it.
fn verb(text: &str) -> &'static str {
    // `runs prune` before `runs`.
    let all = OF_RUNS.iter().chain(&OF_SECRETS);
    all.copied()
        .find(|verb| {
            text.strip_prefix(verb)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        })
        .unwrap_or_default()
}

/// Whether two names are one file's; a name nobody made yet is compared as it is written.
fn is_same_ledger(a: &LedgerUrl, b: &LedgerUrl) -> bool {
    match (a.path(), b.path()) {
        (Some(a), Some(b)) => is_same(a, b),
        _ => a == b,
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => std::path::absolute(a).ok() == std::path::absolute(b).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Flags, Terminals};

    fn of_ledger(choice: LedgerChoice, environment: Option<&str>) -> Option<Flag> {
        let environment = Environment {
            ledger: environment.map(str::to_owned),
            ..Environment::default()
        };
        let settings = Settings::new(&Flags::default(), environment, Terminals::default());
        let url = choice.url().unwrap();
        let settings = Settings {
            ledger: choice,
            ..settings
        };
        Flag::of_ledger(&settings, &url)
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
            (flag("f.db"), None, Some((" f.db", true))),
            (flag("sqlite:f.db"), None, Some((" f.db", true))),
            (flag("a b.db"), Some("e.db"), Some((" 'a b.db'", true))),
            (flag("e.db"), Some("e.db"), None),
            (flag(".okta-rollout/ledger.db"), None, None),
            (flag("./.okta-rollout/ledger.db"), None, None),
            (
                job("jobs/../state/n.db"),
                None,
                Some((" jobs/../state/n.db", false)),
            ),
            (job(".okta-rollout/ledger.db"), None, None),
        ] {
            let flag = of_ledger(choice.clone(), environment);
            let found = flag
                .as_ref()
                .map(|flag| (flag.value.as_str(), flag.verbs.contains(&"run")));
            assert_eq!(found, wanted, "{choice:?} {environment:?}");
        }
    }

    #[tokio::test]
    async fn what_is_said_of_one_of_several_jobs_finds_its_ledger() {
        let open = |ledger: &str| {
            let flags = Flags {
                ledger: Some(ledger.to_owned()),
                ..Flags::default()
            };
            let settings = Settings::new(&flags, Environment::default(), Terminals::default());
            carry(&settings, &settings.ledger.url().unwrap());
        };
        let (one, other) = (Apart::default(), Apart::default());
        let said = || complete("okta-rollout resume k3f9").into_owned();
        one.within(async { open("one.db") }).await;
        other.within(async { open("other.db") }).await;
        let begun = one.within(async {
            let stays = tokio::spawn(Apart::stay(async move { said() }));
            stays.await.unwrap()
        });
        assert_eq!(
            [one.say(said), other.say(said), begun.await],
            [
                "okta-rollout resume --ledger one.db k3f9",
                "okta-rollout resume --ledger other.db k3f9",
                "okta-rollout resume --ledger one.db k3f9",
            ]
        );
        // A job may name another one by tomorrow.
        one.within(async { open("later.db") }).await;
        assert_eq!(one.say(said), "okta-rollout resume --ledger later.db k3f9");
        assert_eq!(Apart::default().say(said), "okta-rollout resume k3f9");
    }

    #[test]
    fn it_goes_into_every_command_that_takes_it_and_nowhere_else() {
        let of = |is_of_files_too| {
            let mut verbs = OF_RUNS.to_vec();
            if is_of_files_too {
                verbs.extend(OF_FILES);
            }
            Carried(vec![Flag {
                name: "--ledger",
                value: " x.db".to_owned(),
                is_placeholder: false,
                verbs,
            }])
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
