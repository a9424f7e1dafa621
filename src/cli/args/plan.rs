//! The command line of `plan`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::candidates::files;
use super::{DataFormat, Only};

/// `plan`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout plan rollout.csv --orgs orgs.csv
  okta-rollout plan rollout.csv --orgs orgs.csv --out plan.json && okta-rollout run --plan plan.json
  okta-rollout plan rollout.csv --orgs orgs.csv --only 'org=canary-*,app=google'
  okta-rollout plan jobs/nightly.toml --detailed-exitcode || echo 'somebody changed something'
  okta-rollout plan rollout.json --format json > changes.json

+ is set up, ~ is changed (live → wanted), - is deactivated, ? needs a person's consent, = is as wanted,
! cannot be done. Nothing but GETs is sent, and nothing is written to the ledger.

With a state, --only means the entries of FILE's last run, as for `run`.

Exits 0, 3 when something cannot be read or done, and with --detailed-exitcode 5 when there are changes.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Plan {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", add = files())]
    pub file: PathBuf,
    /// Which entries.
    #[command(flatten)]
    pub only: Only,
    /// Exit with 5 when `run` would change something
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Save the plan, for `run --plan PLAN`
    #[arg(long, value_name = "PLAN")]
    pub out: Option<PathBuf>,
    /// Plan for `run --force`: TOKEN connections are set again even where everything looks right
    #[arg(long)]
    pub force: bool,
    /// Plan for `run --reconnect`: consents and admin credentials of the selected entries are renewed
    #[arg(long)]
    pub reconnect: bool,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}
