//! The command line of `rotate-keys`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::candidates::files;
use super::{DataFormat, Labelled, Only};

/// `rotate-keys`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout rotate-keys rollout.json
  okta-rollout rotate-keys rollout.json --only 'org=canary-*'
  okta-rollout rotate-keys jobs/multi-tenant-rollout.toml --overlap 24h

Connections of okta_org2org with a hub, OAUTH2 and rotationMode MANUAL (or none, which means MANUAL) get a new key each; those
that Okta rotates itself (AUTO), and all other entries, are left alone. The key is made in the spoke, registered with the
service app in the hub beside the old one, taken into use, and only then is the old one removed. It is a run like any other:
the same command goes on with it after a crash, and so does `resume`.

With --overlap the old key stays in the hub when the run ends, and the next rotation removes it. Until that time is over
the same connections are not rotated again.")]
pub struct RotateKeys {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", add = files())]
    pub file: PathBuf,
    /// Which entries.
    #[command(flatten)]
    pub only: Only,
    /// Leave the old key in the hub for at least so long, as in `1h` or `2d`; the next rotation after that removes it
    #[arg(long, value_name = "D", value_parser = crate::job::parse_age)]
    pub overlap: Option<Duration>,
    /// Years for which the new keys are good, 2 to 10
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=10))]
    pub years: u8,
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
