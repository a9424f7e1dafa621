//! The command line of `runs`.

use std::time::Duration;

use clap::{ArgGroup, Args as ClapArgs, Subcommand};

use super::DataFormat;

/// `runs`.
#[derive(Debug, ClapArgs)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  okta-rollout runs --limit 10
  okta-rollout runs --format json | jq '.[0].state'
  okta-rollout runs prune --keep 30 --older-than 90d"
)]
pub struct Runs {
    /// Only so many, the newest
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
    /// Something else than to list them.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

/// What else there is to do with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Drop old runs from the ledger
    Prune(Prune),
}

/// `runs prune`.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("which").required(true).multiple(true)), after_help = "\
Examples:
  okta-rollout runs prune --older-than 90d
  okta-rollout runs prune --keep 30 --older-than 90d --vacuum

With both, only what is older and beyond the newest N is dropped. A run that waits for consents, that was
interrupted or that a process works on is kept, and so is the last run of a file while something in it failed
or was held back. What is known of apps and their secrets stays in any case. The ledger uses the freed space
again; --vacuum gives it back to the file system, for which other processes wait.

A job does the same at the end of each run with `[ledger]` `keep = \"90d\"`.")]
pub struct Prune {
    /// Keep the newest N runs, of those that began
    #[arg(long, value_name = "N", group = "which")]
    pub keep: Option<u64>,
    /// Drop only runs that nobody worked on for so long, as in `90d` or `12h`
    #[arg(long, value_name = "AGE", group = "which", value_parser = crate::job::parse_age)]
    pub older_than: Option<Duration>,
    /// Make the ledger's file as small as it can be
    #[arg(long)]
    pub vacuum: bool,
}
