//! The command line of `schema`.

use clap::Args as ClapArgs;

/// `schema`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout schema > manifest.schema.json
  okta-rollout schema --job > job.schema.json

An editor takes the first by `$schema` in a JSON manifest, the second by `#:schema ./job.schema.json` as the first line of
a job.")]
pub struct Schema {
    /// Of a job file instead
    #[arg(long, conflicts_with = "report")]
    pub job: bool,
    /// Of the JSON report instead
    #[arg(long)]
    pub report: bool,
}
