//! The command line of `run`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::candidates::files;
use super::{DataFormat, DeskAt, Labelled, Only};
use crate::rollout::people::Stays;
use crate::rollout::shell::flags;

/// `run`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout run rollout.csv --orgs orgs.csv
  okta-rollout run jobs/demo.toml
  okta-rollout run rollout.csv --orgs orgs.csv --ask
  okta-rollout run rollout.csv --orgs orgs.csv --new --force
  okta-rollout run rollout.csv --orgs orgs.csv --only 'org=canary-*'
  okta-rollout run rollout.csv --orgs orgs.csv --reconnect --only app=office365
  okta-rollout run rollout.csv --orgs orgs.csv --desk
  okta-rollout run --plan plan.json
  okta-rollout run rollout.csv --orgs orgs.csv --ledger postgres://rollout@db/rollouts --detach

When the last run of FILE was interrupted, soaks or waits for an approval, and FILE and the URLs of its orgs are unchanged,
that run goes on.
Otherwise a new one starts, which keeps consents that are still waiting for unchanged entries; also when all that is left
of the last run waits for consent, failed, belongs to an org that was stopped, or lies behind a halt.

What --only leaves out stays pending and costs no call; the same command without it, or `resume`, does
it later. When all that it selects is done, a new run looks at that anew. With states, the entries of
FILE's last run are meant; failed ones are tried again.

With --plan a new run does what `plan --out` saved, and nothing else; FILE may be left out. When the manifest
or the live state moved since, nothing is done. If it is interrupted, the same command goes on with it, or
`resume`. Entries that the plan could not plan are left alone, and make the exit code 3.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Run {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", required_unless_present = "plan", add = files())]
    pub file: Option<PathBuf>,
    /// Apply exactly this saved plan, if the live state and the files are still what they were
    ///
    /// Without FILE, the files that were planned are looked for in this folder and beside the plan. --force and
    /// --reconnect have to be given as they were to `plan`.
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["new", "only"])]
    pub plan: Option<PathBuf>,
    /// Show the plan, and ask before anything is changed; needs a terminal
    #[arg(long, conflicts_with = "plan")]
    pub ask: bool,
    /// Show, in a browser, what waits for people, and stay until nothing does
    ///
    /// The first line on standard output is the link to the desk, with its token.
    #[arg(long)]
    pub desk: bool,
    /// Store the run for workers (`okta-rollout work`), print its id and return; nothing is sent
    ///
    /// Takes a ledger on PostgreSQL. FILE is checked as by `check --no-secrets`: secrets are read by workers, which are given
    /// --allow-exec themselves.
    #[arg(long, conflicts_with_all = ["plan", "ask", "desk", "allow_exec"])]
    pub detach: bool,
    /// There is none: who looks for it is told what there is instead
    #[arg(long, hide = true)]
    pub dry_run: bool,
    /// Start a new run even if the last one can go on
    #[arg(long)]
    pub new: bool,
    /// Which entries.
    #[command(flatten)]
    pub only: Only,
    /// Set TOKEN connections again even where everything looks right
    ///
    /// Whatever goes on with the run later does so, too.
    #[arg(long)]
    pub force: bool,
    /// Deactivate connections without asking; only on a terminal is there a question
    #[arg(long)]
    pub yes: bool,
    /// Renew consents and admin credentials of the selected entries: post them again, wait for the new consent
    ///
    /// A consent that is waited for already is asked for again only if the credentials changed since. Whatever goes
    /// on with the run later does so, too, for the same entries.
    #[arg(long)]
    pub reconnect: bool,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// What this machine is.
    #[command(flatten)]
    pub labelled: Labelled,
    /// Whether it stays for people, if `--desk` does not say so: that is `serve`'s to say.
    #[arg(skip)]
    pub(in crate::cli) stays: Stays,
    /// `json` prints the report on standard output at the end
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
    /// Where the desk is. The last, because its heading in `--help` is also that of what follows.
    #[command(flatten)]
    pub desk_at: DeskAt,
}

impl Run {
    /// A run of a file as nobody is there to ask.
    pub(in crate::cli) fn of_file(file: PathBuf, allow_exec: bool) -> Self {
        Self {
            file: Some(file),
            plan: None,
            ask: false,
            desk: false,
            detach: false,
            dry_run: false,
            new: false,
            only: Only::default(),
            force: false,
            yes: false,
            reconnect: false,
            allow_exec,
            labelled: Labelled::default(),
            // What is served here ends with the run, and the links with it.
            stays: Stays::Simulated,
            format: DataFormat::Human,
            desk_at: DeskAt::default(),
        }
    }

    /// The flags that `plan` takes as well, as they follow the file.
    pub(in crate::cli) fn of_plan(&self) -> String {
        let flags = flags([("--force", self.force), ("--reconnect", self.reconnect)]);
        format!("{flags}{}", self.only.selection().flag())
    }
}
