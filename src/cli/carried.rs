//! Commands that people are told to type next work as printed: they find the ledger that this command works on, and
//! the orgs and secrets that it was given. What the ledger keeps of hints does not know where it will be moved to, so
//! that they are completed where they are shown.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::args::{Args, Command, Consent};
use super::output::Output;
use super::shell::quoted;
use crate::job::LedgerUrl;
use crate::passing::is_passing;
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

/// Commands that read orgs from files.
const OF_ORGS: [&str; 3] = ["run", "plan", "check"];

/// The same, with those for which a run knows where they were: who gives them others has to do so again.
const OF_ORGS_GIVEN_ANEW: [&str; 6] = [
    "run",
    "plan",
    "check",
    "resume",
    "consent complete",
    "consent refresh",
];

/// Commands that read secrets.
const OF_SECRETS: [&str; 6] = [
    "run",
    "plan",
    "check",
    "resume",
    "consent complete",
    "consent refresh",
];

/// What goes into printed commands of this process.
static CARRIED: RwLock<Carried> = RwLock::new(Carried(Vec::new()));

/// Whether a printed command has a placeholder for what it cannot name.
static HAS_PLACEHOLDER: AtomicBool = AtomicBool::new(false);

/// What goes into printed commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Carried(Vec<Flag>);

/// A flag, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flag {
    /// Its name; commands that have it are left as they are.
    name: &'static str,
    /// Its value as a shell takes it, after a blank; empty if it takes none.
    value: String,
    /// Whether that only stands for a file that this process alone can read.
    is_placeholder: bool,
    /// The commands it goes into.
    verbs: Vec<&'static str>,
}

/// Has the commands that are printed from now on be given what this one was.
pub(super) fn carry_flags(args: &Args) {
    let given = Flag::given(args);
    CARRIED.write().0.extend(given);
}

/// Has the commands that are printed from now on find the ledger of these settings.
pub(super) fn carry(settings: &Settings, url: &LedgerUrl) {
    let mut carried = CARRIED.write();
    // Opened twice, it is the same one.
    if !carried.0.iter().any(|flag| flag.name == "--ledger") {
        carried.0.extend(Flag::of_ledger(settings, url));
    }
}

/// A text with its commands completed.
pub(super) fn complete(text: &str) -> Cow<'_, str> {
    if !text.contains(PROGRAM) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(CARRIED.read().complete(text))
}

/// Says what stands for a file in the commands that were printed, if anything does.
pub(super) fn explain(output: Output) {
    if HAS_PLACEHOLDER.load(Ordering::Relaxed) {
        let carried = CARRIED.read();
        let flags = carried.0.iter().filter(|flag| flag.is_placeholder);
        for Flag { name, value, .. } in flags {
            output.detail(format_args!(
                "{name}{value} stands for what was passed as {name}: it can be read only once, so give it again"
            ));
        }
    }
}

impl Flag {
    fn of_path(name: &'static str, path: &Path, verbs: &[&'static str]) -> Self {
        Self {
            name,
            value: format!(" {}", quoted(path)),
            is_placeholder: is_passing(path),
            verbs: verbs.to_vec(),
        }
    }

    fn given(args: &Args) -> Vec<Self> {
        let global = &args.global;
        let of_path = |name, path: &Option<std::path::PathBuf>, verbs: &[&'static str]| {
            let path = path.as_deref()?;
            Some(Self::of_path(name, path, verbs))
        };
        let allows = match &args.command {
            Command::Check(args) => args.allow_exec,
            Command::Plan(args) => args.allow_exec,
            Command::Run(args) => args.allow_exec,
            Command::Resume(args) => args.allow_exec,
            Command::Consent(Consent::Complete(args)) => args.allow_exec,
            Command::Consent(Consent::Refresh(args)) => args.allow_exec,
            _ => false,
        };
        let allow_exec = allows.then(|| Self {
            name: "--allow-exec",
            value: String::new(),
            is_placeholder: false,
            verbs: OF_SECRETS.to_vec(),
        });
        let orgs = match args.command {
            // What is exported has orgs of its own, or is told which.
            Command::Export(_) => None,
            Command::Resume(_) | Command::Consent(_) => {
                of_path("--orgs", &global.orgs, &OF_ORGS_GIVEN_ANEW)
            }
            _ => of_path("--orgs", &global.orgs, &OF_ORGS),
        };
        let no_secrets = matches!(&args.command, Command::Check(args) if args.no_secrets);
        let no_secrets = no_secrets.then(|| Self {
            name: "--no-secrets",
            value: String::new(),
            is_placeholder: false,
            verbs: vec!["check"],
        });
        orgs.into_iter()
            .chain(no_secrets)
            .chain(of_path("--env-file", &global.env_file, &OF_SECRETS))
            .chain(allow_exec)
            .collect()
    }

    fn of_ledger(settings: &Settings, url: &LedgerUrl) -> Option<Self> {
        let mut verbs = OF_RUNS.to_vec();
        match &settings.ledger {
            LedgerChoice::Flag(_) => verbs.extend(OF_FILES),
            LedgerChoice::Job(_) => {}
            LedgerChoice::Environment(_) | LedgerChoice::Default => return None,
        }
        let by_itself = settings.ledger_by_itself().url().ok();
        if by_itself.is_some_and(|by_itself| is_same(by_itself.path(), url.path())) {
            return None;
        }
        Some(Self::of_path("--ledger", url.path(), &verbs))
    }

    fn goes_into(&self, verb: &str, rest: &str) -> bool {
        let line = rest.lines().next().unwrap_or_default();
        self.verbs.contains(&verb) && !line.split(' ').any(|word| word == self.name)
    }
}

impl Carried {
    fn complete(&self, text: &str) -> String {
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

    #[test]
    fn what_a_command_was_given_its_successors_are_given() {
        use clap::Parser as _;
        let given = |line: &str| Carried(Flag::given(&Args::parse_from(line.split(' '))));
        let said =
            "then: okta-rollout run m.csv; okta-rollout resume k3f9\nokta-rollout consent list";
        for (line, expected) in [
            ("okta-rollout run m.csv", said),
            (
                "okta-rollout run m.csv --orgs o.csv",
                "then: okta-rollout run --orgs o.csv m.csv; okta-rollout resume k3f9\nokta-rollout consent list",
            ),
            (
                "okta-rollout resume --allow-exec --env-file e.env",
                "then: okta-rollout run --env-file e.env --allow-exec m.csv; \
                 okta-rollout resume --env-file e.env --allow-exec k3f9\nokta-rollout consent list",
            ),
            // A run knows where its orgs were; who gives others has to give them again.
            (
                "okta-rollout resume --orgs o.csv",
                "then: okta-rollout run --orgs o.csv m.csv; okta-rollout resume --orgs o.csv k3f9\nokta-rollout consent list",
            ),
            ("okta-rollout check m.csv --no-secrets", said),
            (
                "okta-rollout run m.csv --orgs /dev/stdin --env-file /dev/fd/63",
                "then: okta-rollout run --orgs FILE --env-file FILE m.csv; \
                 okta-rollout resume --env-file FILE k3f9\nokta-rollout consent list",
            ),
        ] {
            assert_eq!(given(line).complete(said), expected);
        }
        let orgs = given("okta-rollout check m.csv --orgs o.csv");
        let has = "okta-rollout run m.csv --orgs other.csv";
        assert_eq!(orgs.complete(has), has);
        let check = given("okta-rollout check m.csv --no-secrets");
        assert_eq!(
            check.complete("mend them, then: okta-rollout check m.csv"),
            "mend them, then: okta-rollout check --no-secrets m.csv"
        );
        let lines = "okta-rollout plan m.csv\n--orgs";
        assert_eq!(
            orgs.complete(lines),
            "okta-rollout plan --orgs o.csv m.csv\n--orgs"
        );
    }

    /// How a flag of a command that tells people what to type next gets into that.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Way {
        /// It is put into every command that takes it: here.
        Carried,
        /// The run keeps it, so that whatever goes on with it does as it says; a new run is told again.
        Kept,
        /// It is in the commands that need it, as far as they need it.
        Selection,
        /// It only says how things are shown, or where a copy of them goes.
        Shown,
        /// It is about this one command.
        Once,
    }

    #[test]
    fn of_every_flag_is_known_how_it_gets_into_the_next_command() {
        use clap::CommandFactory as _;
        let ways = [
            ("orgs", Way::Carried),
            ("ledger", Way::Carried),
            ("env-file", Way::Carried),
            ("allow-exec", Way::Carried),
            ("no-secrets", Way::Carried),
            ("force", Way::Kept),
            ("reconnect", Way::Kept),
            ("only", Way::Selection),
            ("failed", Way::Selection),
            ("format", Way::Shown),
            ("out", Way::Shown),
            ("color", Way::Shown),
            ("no-progress", Way::Shown),
            ("verbose", Way::Shown),
            ("summary", Way::Shown),
            ("quiet", Way::Shown),
            ("log-file", Way::Shown),
            ("log-format", Way::Shown),
            ("detailed-exitcode", Way::Shown),
            // A plan that was applied is not applied again, a run that was begun is not begun again.
            ("plan", Way::Once),
            ("new", Way::Once),
            ("dry-run", Way::Once),
            // What somebody agreed to once is asked again.
            ("ask", Way::Once),
            ("yes", Way::Once),
            ("help", Way::Once),
        ];
        let way = |flag: &str| ways.iter().find(|(known, _)| *known == flag);
        let mut whole = Args::command();
        whole.build();
        for command in ["check", "plan", "run", "resume"] {
            let command = whole.find_subcommand(command).unwrap();
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(way(flag).is_some(), "{} --{flag}", command.get_name());
            }
        }
        // Those that are carried are, with each command that takes them.
        let line =
            "okta-rollout check m.csv --orgs o.csv --env-file e.env --allow-exec --no-secrets";
        let args = <Args as clap::Parser>::parse_from(line.split(' '));
        let mut names: Vec<_> = Flag::given(&args).iter().map(|flag| flag.name).collect();
        names.push("--ledger");
        names.sort_unstable();
        let carried = ways.iter().filter(|(_, way)| *way == Way::Carried);
        let mut wanted: Vec<_> = carried.map(|(flag, _)| format!("--{flag}")).collect();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    }
}
