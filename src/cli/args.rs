//! The command line as typed: flags, their help, nothing resolved. What a flag means together with
//! the environment and a job file is decided in [`crate::settings`].

mod candidates;
mod completions;
mod consent;
mod desk;
mod doctor;
mod export;
mod global;
mod labelled;
mod ledger;
mod only;
mod plan;
mod rehearse;
mod report;
mod rotate_key;
mod rotate_keys;
mod run;
mod runs;
mod schema;
mod serve;
mod work;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use candidates::files;
pub use completions::{Complete, Completions};
pub use consent::{
    Consent, ConsentComplete, ConsentList, ConsentRefresh, ConsentShare, ListFormat,
};
pub use desk::DeskAt;
pub use doctor::Doctor;
pub use export::{Export, ExportFormat, Retarget};
pub use global::Global;
pub use labelled::Labelled;
pub use ledger::{Grants, LedgerCommand, Move};
pub use only::Only;
pub use plan::Plan;
pub use rehearse::Rehearse;
pub use report::Report;
pub use rotate_key::RotateKey;
pub use rotate_keys::RotateKeys;
pub use run::Run;
pub use runs::{Prune, Runs, RunsCommand};
pub use schema::Schema;
pub use serve::Serve;
pub use work::{Work, Workers};

const EXAMPLES: &str = "\
Examples:
  okta-rollout init                                files to begin with
  okta-rollout check rollout.csv --orgs orgs.csv   find every mistake, send nothing
  okta-rollout plan rollout.csv --orgs orgs.csv    what would be done, and what it costs
  okta-rollout doctor rollout.csv --orgs orgs.csv  can every org be reached, with enough rights
  okta-rollout rehearse jobs/nightly.toml          how long it will take, and where it will wait
  okta-rollout run rollout.csv --orgs orgs.csv     make it so; run it again to go on after a crash
  okta-rollout consent list                        links that people have to open
  okta-rollout consent complete < okta-page.json   hand in what Okta's page showed
  okta-rollout resume                              go on with what can go on
  okta-rollout report --only failed                what went wrong, and what to do
  okta-rollout serve jobs                          the desk, and jobs by their schedules

Exit codes:
  0 all done   2 wrong usage, manifest, job or settings; nothing was sent
  3 some entries failed or an org was stopped; `doctor`: something must be mended
  4 nothing failed, some entries wait for consent or a wave for approval
  5 `plan --detailed-exitcode` found changes
  129, 130, 143 interrupted, everything is checkpointed   1 a bug in okta-rollout";

/// Set up Okta provisioning connections for many apps in many orgs from one manifest.
///
/// A manifest (CSV, JSON or JSON Lines) says which app in which org should be connected and how.
/// okta-rollout does it with rate-limited, retrying workers, checkpoints every step, and parks
/// entries that wait for a person's consent until it is given.
#[derive(Debug, Parser)]
#[command(
    name = "okta-rollout",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DataFormat {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a manifest, orgs file and job to begin with; they run as they are
    Init(Init),
    /// Find every mistake of a manifest or job at once; offline, nothing is sent
    Check(Check),
    /// Show what `run` would do and what it costs; reads the live state with GETs only
    Plan(Plan),
    /// Find what keeps orgs and ledger from a run: one GET an org, nothing is changed
    Doctor(Doctor),
    /// Say how long a run will take and where it will wait, in simulated time
    Rehearse(Rehearse),
    /// Make it so: continue the file's interrupted run, or start a new one
    Run(Run),
    /// Move on whatever can move: consents that came in, stopped orgs, interrupted entries
    Resume(Resume),
    /// Give Org2Org connections new keys, where Okta does not rotate them
    RotateKeys(RotateKeys),
    /// Show where a run stands
    Status(Status),
    /// List runs, newest first, or drop old ones
    Runs(Runs),
    /// Work off what waits for a person's consent
    #[command(subcommand, arg_required_else_help = true)]
    Consent(Consent),
    /// Write what a run did, entry by entry
    Report(Report),
    /// Replace the key of the secrets' fingerprints; nothing is sent
    RotateKey(RotateKey),
    /// Move a ledger, or let others work with one on PostgreSQL
    #[command(subcommand, arg_required_else_help = true)]
    Ledger(LedgerCommand),
    /// Write what orgs have now as a manifest; nothing is changed
    Export(Export),
    /// Serve the desk, and run jobs by their schedules, until it is stopped
    Serve(Serve),
    /// Work on the runs of a ledger on PostgreSQL, with any number of others, until it is stopped
    Work(Work),
    /// List the processes that work on a ledger on PostgreSQL, and on what
    Workers(Workers),
    /// Serve simulated Okta orgs on loopback
    Sandbox(Sandbox),
    /// Print the JSON Schema of the manifest, of a job, or of the JSON report
    Schema(Schema),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print what may follow on a command line, for the scripts of `completions`
    #[command(hide = true)]
    Complete(Complete),
    /// Print the manual page, or write one per command into a folder
    Man(Man),
}

/// `init`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout init rollout
  okta-rollout run rollout/job.toml

Nothing that exists is overwritten: either all files are written, or none.")]
pub struct Init {
    /// Where to write them; it is made if need be [default: the current folder]
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout check rollout.csv --orgs orgs.csv
  okta-rollout check jobs/nightly.toml --no-secrets
  okta-rollout check jobs/nightly.toml --explain
  okta-rollout check rollout.json --format json > findings.json

Exits 0 when there is nothing to mend, else 2.")]
pub struct Check {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", add = files())]
    pub file: PathBuf,
    /// Do not look whether secrets can be read
    #[arg(long)]
    pub no_secrets: bool,
    /// Accept secrets given as `exec:PROGRAM` (the program is not run by `check`)
    #[arg(long)]
    pub allow_exec: bool,
    /// Show every setting that holds for FILE, and where it comes from
    ///
    /// Of orgs, what is their own. With `--format json` the findings hold them as `settings`.
    #[arg(long)]
    pub explain: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}

/// `resume`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout resume               the newest run
  okta-rollout resume k3f9 --failed
  okta-rollout resume k3f9 --only failed,org=acme
  okta-rollout resume k3f9 --approve

Stopped orgs are tried again with the credentials they have now.

In a run with waves, one that was halted continues only with --failed, which judges its waves anew, or with --past-halt;
a wave with `approve` begins only with --approve.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Resume {
    /// Id of the run, or its beginning [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Try failed entries again, too
    #[arg(long)]
    pub failed: bool,
    /// Let the wave begin that waits for an approval; each --approve lets one begin
    #[arg(long)]
    pub approve: bool,
    /// Continue in spite of the halt that the run stands at; a later one halts it again
    #[arg(long)]
    pub past_halt: bool,
    /// Which entries.
    #[command(flatten)]
    pub only: Only,
    /// Deactivate connections without asking; only on a terminal is there a question
    #[arg(long)]
    pub yes: bool,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// What this machine is.
    #[command(flatten)]
    pub labelled: Labelled,
    /// `json` prints the report on standard output at the end
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}

/// `status`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout status
  okta-rollout status k3f9 --watch
  okta-rollout status --jobs
  okta-rollout status --format json > status.json

--watch ends when the run is settled or no process works on it any more, then shows where it stands, and exits 0
whatever that is. Ctrl-C ends the watching, not the run.")]
pub struct Status {
    /// Id of the run, or its beginning [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Show the jobs that `serve` runs: what comes next, and what came of the last run
    #[arg(long, conflicts_with_all = ["run", "watch"])]
    pub jobs: bool,
    /// Show it again whenever it changes, until the run is at rest
    #[arg(long)]
    pub watch: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}

/// `sandbox`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout sandbox --orgs 3 --apps 10
  okta-rollout sandbox --orgs 20 --apps 50 --limit 50 --window 60s

Orgs are `http://org-0001.localhost:PORT` and so on; the addresses and the API token are printed. It
serves until it is interrupted.")]
pub struct Sandbox {
    /// Number of orgs [default: 1]
    // A path, because the global `--orgs FILE` has the same name, and clap hands a global flag's value
    // up to the root command, whatever it means down here.
    #[arg(long, value_name = "N")]
    pub orgs: Option<PathBuf>,
    /// Number of app instances per org, the six apps in turn [default: 6]
    #[arg(long, value_name = "N")]
    pub apps: Option<u32>,
    /// Calls per window and org; 0 for no limit
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Length of a rate-limit window, as in `60s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub window: Option<String>,
    /// Time an answer takes: `none`, `recorded`, or as in `200ms`
    #[arg(long, value_name = "DURATION")]
    pub latency: Option<String>,
    /// Settings besides these flags: a TOML file with the keys of a job's `[sandbox]`; flags win
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Seed of ids and faults: the same seed gives the same orgs
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// Address to listen on; loopback only [default: a free port, or the one kept with the state]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
    /// Folder that keeps the orgs' state between starts [default: memory only]
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
}

/// `man`.
#[derive(Debug, ClapArgs)]
pub struct Man {
    /// Folder to write one page per command into
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// A duration as `[sandbox]` of a job takes it: checked, and handed on as typed.
fn duration(text: &str) -> Result<String, crate::job::InvalidDuration> {
    crate::job::parse_duration(text).map(|_| text.to_owned())
}

fn app_names() -> clap::builder::PossibleValuesParser {
    crate::apps::App::ALL.map(crate::apps::App::name).into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_and_after_the_command() {
        for line in [
            "okta-rollout --orgs o.csv -vv --log-file l run m.csv --log-format json",
            "okta-rollout --log-format json run --orgs o.csv m.csv -v -v --log-file l",
        ] {
            let args = Args::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(args.global.log_file, Some(PathBuf::from("l")));
            assert!(args.global.fits().is_ok());
            assert_eq!(args.global.orgs, Some(PathBuf::from("o.csv")));
            assert_eq!(args.global.verbose, 2);
        }
    }

    #[test]
    fn orgs_of_a_sandbox_are_a_number() {
        for (line, orgs) in [
            ("okta-rollout sandbox", None),
            ("okta-rollout sandbox --orgs 20 --apps 50", Some("20")),
        ] {
            let Command::Sandbox(sandbox) = Args::try_parse_from(line.split(' ')).unwrap().command
            else {
                panic!("{line}");
            };
            assert_eq!(sandbox.orgs, orgs.map(PathBuf::from), "{line}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "okta-rollout -q -v runs",
            "okta-rollout consent complete answer --file f",
            "okta-rollout consent refresh --app gogle",
            "okta-rollout report --only broken",
            "okta-rollout report --format yaml",
            "okta-rollout plan",
            "okta-rollout doctor",
            "okta-rollout doctor m.csv --json --format human",
            "okta-rollout run --plan p.json --new",
            "okta-rollout run",
            "okta-rollout export",
            "okta-rollout export --org acme --app gogle",
            "okta-rollout export --org acme --retarget globex",
            "okta-rollout export --org acme --retarget acme=",
            "okta-rollout run m.csv --fresh",
        ] {
            assert!(Args::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
