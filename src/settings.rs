//! Flags and environment become [`Settings`], and settings and a job file become a [`Policy`]. This
//! is the only reader of the environment, the secret resolver aside.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::job::{self, Job, LedgerUrl, LedgerUrlError};
use crate::manifest::{Label, Limits, Source};
use crate::okta::{HttpSettings, Proxies};

/// The ledger of a command, and who named it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerChoice {
    /// `--ledger`.
    Flag(String),
    /// `OKTA_ROLLOUT_LEDGER`.
    Environment(String),
    /// A job's `[ledger] path`.
    Job(LedgerUrl),
    /// Nobody: the one in the current folder.
    #[default]
    Default,
}

impl LedgerChoice {
    /// Its address.
    ///
    /// # Errors
    /// When the text names no ledger.
    pub fn url(&self) -> Result<LedgerUrl, LedgerUrlError> {
        match self {
            Self::Flag(text) | Self::Environment(text) => text.parse(),
            Self::Job(url) => Ok(url.clone()),
            Self::Default => Ok(LedgerUrl::default()),
        }
    }
}

/// What the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `OKTA_ROLLOUT_LEDGER`.
    pub ledger: Option<String>,
    /// `NO_COLOR` is set to something (<https://no-color.org>).
    pub no_color: bool,
    /// `CI` is set to something: no animation.
    pub ci: bool,
    /// `TERM=dumb`: a terminal that can neither move its cursor nor colour.
    pub dumb_terminal: bool,
    /// `OKTA_ROLLOUT_ABORT_AFTER`: the process kills itself right after this many checkpoints. For
    /// crash tests; a run is never wrong because of it, only short.
    pub abort_after: Option<u64>,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not. What is wrong with them is told
    /// by commands that call orgs.
    pub proxies: Proxies,
}

impl Environment {
    /// Reads the process's environment.
    pub fn read() -> Result<Self, Failure> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    fn from_lookup(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let text = |name: &str| -> Result<Option<String>, Failure> {
            match get(name) {
                None => Ok(None),
                Some(value) if value.is_empty() => Ok(None),
                Some(value) => value.into_string().map(Some).map_err(|_| {
                    Failure::usage(anyhow::anyhow!("the variable {name} is not UTF-8"))
                        .hint(format!("unset {name} or give it another value"))
                }),
            }
        };
        let set = |name: &str| get(name).is_some_and(|value| !value.is_empty());
        let abort_after = text("OKTA_ROLLOUT_ABORT_AFTER")?
            .map(|value| {
                value.parse::<u64>().map_err(|_| {
                    Failure::usage(anyhow::anyhow!(
                        "OKTA_ROLLOUT_ABORT_AFTER={value}: not a number of checkpoints"
                    ))
                    .hint("unset OKTA_ROLLOUT_ABORT_AFTER: it is for crash tests only")
                })
            })
            .transpose()?;
        Ok(Self {
            ledger: text("OKTA_ROLLOUT_LEDGER")?,
            no_color: set("NO_COLOR"),
            ci: set("CI"),
            dumb_terminal: get("TERM").is_some_and(|term| term == "dumb"),
            abort_after,
            proxies: Proxies::from_lookup(get),
        })
    }
}

/// What the process's streams are connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
}

impl Terminals {
    /// Asks the operating system.
    pub fn detect() -> Self {
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
        }
    }
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Changes and totals only.
    Summary,
    /// A line per finished entry, waits and stopped orgs.
    #[default]
    Normal,
    /// Also a line per step.
    Steps,
    /// Also a line per retry.
    Attempts,
}

/// How a run shows that it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Animation {
    /// A bar and live lines.
    Bars,
    /// Lines only: no terminal, `CI` is set, or it was asked for.
    Lines,
}

/// Whether text for people is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coloured {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people and `grep`.
    #[default]
    Text,
    /// For programs: an object a line.
    Json,
}

/// Where a command writes what happens, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The file; lines are appended.
    pub file: PathBuf,
    /// How they are written.
    pub format: LogFormat,
}

/// What flags of every command say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Where the orgs are.
    pub orgs: Option<PathBuf>,
    /// The ledger's address.
    pub ledger: Option<String>,
    /// Whether text is coloured; `None` = where a terminal shows it.
    pub colour: Option<Coloured>,
    /// How much is said.
    pub verbosity: Verbosity,
    /// How a run shows that it moves; `None` = as the terminal can.
    pub animation: Option<Animation>,
    /// Where a log is written, if one is.
    pub log: Option<LogSettings>,
    /// Where variables of secrets are read from, besides the environment.
    pub env_file: Option<PathBuf>,
}

/// What flags and environment together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The ledger.
    pub ledger: LedgerChoice,
    /// `OKTA_ROLLOUT_LEDGER`, whether it is the one or not.
    pub ledger_variable: Option<String>,
    /// `--orgs`.
    pub orgs: Option<PathBuf>,
    /// Colour on standard output.
    pub stdout_colour: Coloured,
    /// Colour on standard error.
    pub stderr_colour: Coloured,
    /// How a run shows that it moves.
    pub animation: Animation,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Standard input is a terminal: a person would have to type there.
    pub stdin_is_terminal: bool,
    /// Standard error is a terminal: a person sees what is said.
    pub stderr_is_terminal: bool,
    /// See [`Environment::abort_after`].
    pub abort_after: Option<u64>,
    /// See [`Environment::proxies`].
    pub proxies: Proxies,
    /// Where a log is written, if one is.
    pub log: Option<LogSettings>,
    /// Where variables of secrets are read from, besides the environment.
    pub env_file: Option<PathBuf>,
    /// What this machine is, as `--label` says.
    pub labels: Vec<Label>,
    /// Files that the command reads besides manifest, orgs and job, and what they are.
    pub inputs: Vec<(&'static str, PathBuf)>,
}

impl Settings {
    /// Flags win over the environment, the environment over defaults.
    pub fn new(flags: &Flags, environment: Environment, terminals: Terminals) -> Self {
        let colour = |terminal: bool| {
            let plain = environment.no_color || environment.dumb_terminal;
            flags.colour.unwrap_or(if terminal && !plain {
                Coloured::Yes
            } else {
                Coloured::No
            })
        };
        let moves = terminals.stderr
            && !environment.ci
            && !environment.dumb_terminal
            && flags.animation != Some(Animation::Lines)
            && flags.verbosity > Verbosity::Summary;
        Self {
            stdout_colour: colour(terminals.stdout),
            stderr_colour: colour(terminals.stderr),
            animation: if moves {
                Animation::Bars
            } else {
                Animation::Lines
            },
            verbosity: flags.verbosity,
            ledger: match (&flags.ledger, &environment.ledger) {
                (Some(flag), _) => LedgerChoice::Flag(flag.clone()),
                (None, Some(variable)) => LedgerChoice::Environment(variable.clone()),
                (None, None) => LedgerChoice::Default,
            },
            ledger_variable: environment.ledger,
            orgs: flags.orgs.clone(),
            stdin_is_terminal: terminals.stdin,
            stderr_is_terminal: terminals.stderr,
            abort_after: environment.abort_after,
            proxies: environment.proxies,
            log: flags.log.clone(),
            env_file: flags.env_file.clone(),
            labels: Vec::new(),
            inputs: Vec::new(),
        }
    }
}

impl Settings {
    /// The same where nobody is there to be asked, and several runs may be at work.
    #[must_use]
    pub fn unattended(&self) -> Self {
        Self {
            stdin_is_terminal: false,
            animation: Animation::Lines,
            ..self.clone()
        }
    }

    /// The same for a command on a file whose job may name a ledger: flag and environment win over it.
    #[must_use]
    pub fn with_policy(&self, policy: &Policy) -> Self {
        self.with_ledger(policy.ledger.url.as_ref())
    }

    /// As [`Self::with_policy`], of a job that has mistakes: as far as it says where its ledger is.
    #[must_use]
    pub fn with_ledger_of(&self, job: &Path) -> Self {
        self.with_ledger(job::ledger_of(job).as_ref())
    }

    /// As [`Self::with_policy`], of a job that names this ledger, or none.
    #[must_use]
    pub fn with_ledger(&self, of_job: Option<&LedgerUrl>) -> Self {
        let mut settings = self.clone();
        let is_asked = matches!(self.ledger, LedgerChoice::Default | LedgerChoice::Job(_));
        if let (true, Some(url)) = (is_asked, of_job) {
            settings.ledger = LedgerChoice::Job(url.clone());
        }
        settings
    }

    /// The ledger of a command that is given none.
    pub fn ledger_by_itself(&self) -> LedgerChoice {
        match &self.ledger_variable {
            Some(variable) => LedgerChoice::Environment(variable.clone()),
            None => LedgerChoice::Default,
        }
    }
}

/// What a run does with a manifest: the job file's word, or the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The manifest to read.
    pub manifest: PathBuf,
    /// Where orgs come from besides the manifest.
    pub orgs: Option<PathBuf>,
    /// Defaults for every org.
    pub limits: Limits,
    /// When a step is tried again.
    pub retry: job::RetryPolicy,
    /// Every call.
    pub http: HttpSettings,
    /// What to do about changes made by hand.
    pub on_drift: job::OnDrift,
    /// Groups of orgs of which each begins after the one before.
    pub waves: Vec<job::Wave>,
    /// Where checkpoints are kept, and for how long.
    pub ledger: job::LedgerPolicy,
    /// Reports to write after the run.
    pub reports: Vec<job::ReportFile>,
    /// Who is notified of a run, and of what.
    pub notify: Option<job::Notify>,
    /// When the job runs under `serve`.
    pub schedule: Option<job::Schedule>,
    /// Settings of the orgs the program serves itself.
    pub sandbox: toml::Table,
    /// Variables that programs of `exec:` secrets get besides the few they always get.
    pub pass_env: Vec<String>,
    /// What of all this the job says itself, and where.
    pub written: job::Written,
}

impl Policy {
    /// The defaults, where there is neither a manifest nor a job.
    pub fn of_nothing(settings: &Settings) -> Self {
        Self {
            http: HttpSettings {
                proxies: settings.proxies.clone(),
                ..HttpSettings::default()
            },
            ..Self::default()
        }
    }

    /// What the manifest reader needs.
    pub fn source(&self) -> Source {
        Source {
            file: self.manifest.clone(),
            orgs_file: self.orgs.clone(),
        }
    }

    /// The policy of a manifest that is run as it is.
    pub fn of_manifest(manifest: &Path, settings: &Settings) -> Self {
        Self {
            manifest: manifest.to_owned(),
            orgs: settings.orgs.clone(),
            ..Self::of_nothing(settings)
        }
    }

    /// The policy of a job; `--orgs` wins over the job's `orgs`.
    pub fn of_job(job: Job, settings: &Settings) -> Self {
        Self {
            manifest: job.manifest,
            orgs: settings.orgs.clone().or(job.orgs),
            limits: job.limits,
            retry: job.retry,
            on_drift: job.on_drift,
            http: HttpSettings {
                proxies: settings.proxies.clone(),
                ..job.http.into()
            },
            waves: job.waves,
            ledger: job.ledger,
            reports: job.reports,
            notify: job.notify,
            schedule: job.schedule,
            sandbox: job.sandbox,
            pass_env: job.pass_env,
            written: job.written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, Failure> {
        Environment::from_lookup(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(value))
        })
    }

    const TERMINAL: Terminals = Terminals {
        stdin: true,
        stdout: true,
        stderr: true,
    };

    #[test]
    fn the_ledger_is_the_flags_then_the_environments_then_the_jobs_then_the_default() {
        let of = |flag: Option<&str>, variables: &[(&str, &str)]| {
            let flags = Flags {
                ledger: flag.map(str::to_owned),
                ..Flags::default()
            };
            let settings = Settings::new(&flags, environment(variables).unwrap(), TERMINAL);
            let path = |settings: Settings| settings.ledger.url().unwrap().to_string();
            let ledger = job::LedgerPolicy {
                url: Some(LedgerUrl::file("j.db")),
                ..job::LedgerPolicy::default()
            };
            let policy = Policy {
                ledger,
                ..Policy::default()
            };
            let of_job = settings.with_policy(&policy);
            let of_manifest = settings.with_policy(&Policy::default());
            assert_eq!(of_manifest, settings);
            (path(settings), path(of_job))
        };
        let set = [("OKTA_ROLLOUT_LEDGER", "e.db")];
        let empty = [("OKTA_ROLLOUT_LEDGER", "")];
        let default = crate::job::DEFAULT_LEDGER;
        for (flag, variables, without_job, with_job) in [
            (Some("f.db"), &set[..], "f.db", "f.db"),
            (Some("f.db"), &[], "f.db", "f.db"),
            (None, &set, "e.db", "e.db"),
            (None, &empty, default, "j.db"),
            (None, &[], default, "j.db"),
        ] {
            let wanted = (without_job.to_owned(), with_job.to_owned());
            assert_eq!(of(flag, variables), wanted, "{flag:?} {variables:?}");
        }
    }

    #[test]
    fn colour_and_animation_follow_terminal_flags_and_environment() {
        use Animation::{Bars, Lines};
        use Coloured::{No, Yes};
        let pipe = Terminals::default();
        for (colour, no_progress, variables, terminals, wanted) in [
            (None, false, &[][..], TERMINAL, (Yes, Bars)),
            (None, false, &[], pipe, (No, Lines)),
            (Some(Yes), false, &[], pipe, (Yes, Lines)),
            (Some(No), false, &[], TERMINAL, (No, Bars)),
            (None, true, &[], TERMINAL, (Yes, Lines)),
            (None, false, &[("NO_COLOR", "1")], TERMINAL, (No, Bars)),
            (None, false, &[("NO_COLOR", "")], TERMINAL, (Yes, Bars)),
            (
                Some(Yes),
                false,
                &[("NO_COLOR", "1")],
                TERMINAL,
                (Yes, Bars),
            ),
            (None, false, &[("CI", "true")], TERMINAL, (Yes, Lines)),
            (None, false, &[("TERM", "dumb")], TERMINAL, (No, Lines)),
        ] {
            let flags = Flags {
                colour,
                animation: no_progress.then_some(Lines),
                ..Flags::default()
            };
            let settings = Settings::new(&flags, environment(variables).unwrap(), terminals);
            assert_eq!(
                (settings.stderr_colour, settings.animation),
                wanted,
                "{colour:?} {no_progress} {variables:?}"
            );
        }
    }

    #[test]
    fn a_crash_test_variable_that_is_no_number_is_refused() {
        assert_eq!(
            environment(&[("OKTA_ROLLOUT_ABORT_AFTER", "3")])
                .unwrap()
                .abort_after,
            Some(3)
        );
        let failure = environment(&[("OKTA_ROLLOUT_ABORT_AFTER", "soon")]).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
    }

    #[test]
    fn a_job_says_what_its_policy_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.toml");
        let settings = Settings::new(&Flags::default(), Environment::default(), TERMINAL);
        for (text, waves, notifies) in [
            ("manifest='m.csv'\n[[waves]]\norgs=['*']", 1, false),
            ("manifest='m.csv'\n[notify]\nwebhook='env:W'", 0, true),
            ("manifest='m.csv'\n[schedule]\ncron='0 2 * * *'", 0, false),
        ] {
            std::fs::write(&file, text).unwrap();
            let policy = Policy::of_job(job::read(&file).unwrap(), &settings);
            assert_eq!(policy.manifest, folder.path().join("m.csv"));
            let has = (policy.waves.len(), policy.notify.is_some());
            assert_eq!(has, (waves, notifies), "{text}");
        }
    }
}
