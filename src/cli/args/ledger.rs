//! The command line of `ledger`.

use clap::{Args as ClapArgs, Subcommand};

/// `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Print SQL that lets a role work with a ledger on PostgreSQL, and do no more
    Grants(Grants),
}

/// `ledger grants`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout ledger grants rollout_worker | psql postgres://owner@db/rollouts
  okta-rollout ledger grants rollout_worker > grants.sql

The ledger's owner is whose command made its tables, the first one that was run on it. The role has to be there, and to be
let into the database. It can read and write the ledger's tables, but not make, change or drop any: that is the owner's,
who runs the first command of a new version, and this one again after it.")]
pub struct Grants {
    /// Role of PostgreSQL's, as it is named there
    #[arg(value_name = "ROLE")]
    pub role: String,
}
