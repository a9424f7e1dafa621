//! The command line of `doctor`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::candidates::files;
use super::{DataFormat, Only};

/// `doctor`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout doctor rollout.csv --orgs orgs.csv
  okta-rollout doctor jobs/nightly.toml
  okta-rollout doctor rollout.csv --orgs orgs.csv --only 'org=canary-*'
  okta-rollout doctor rollout.json --json > health.json

Each org that FILE has entries for is asked for the first page of its apps: one GET of its budget, up to three where an
answer is lost or fails. That shows whether it is reached, whether its credentials are good and may read its apps,
how far its clock is from this machine's, and its rate limit. What its entries need besides is named, as no GET shows
whether it is there. An org that hangs costs the time of one call (60 s, or the job's); one that says only that
it is limited is given up after two minutes. Then the ledger: present, whole, writable, held by whom, room on its disk.
Nothing is written, and no ledger is made.

Exits 0, and 3 when something has to be fixed.")]
pub struct Doctor {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", add = files())]
    pub file: PathBuf,
    /// Of which entries the orgs are asked; no states.
    #[command(flatten)]
    pub only: Only,
    /// Run the programs of credentials given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl Doctor {
    /// How it is printed.
    pub const fn data_format(&self) -> DataFormat {
        if self.json {
            DataFormat::Json
        } else {
            self.format
        }
    }
}
