//! The command line of `ledger`.

use clap::{Args as ClapArgs, Subcommand};

/// `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Print SQL that lets a role work with a ledger on PostgreSQL, and do no more
    Grants(Grants),

    /// Move all runs, fingerprints and their key to another ledger, which is new
    Move(Move),
}

/// `ledger move`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout ledger move .okta-rollout/ledger.db postgres://okta@db.example.com/rollouts
  okta-rollout ledger move postgres://okta@db.example.com/rollouts ledger.db

Nobody may work with FROM meanwhile, and TO has to be new or empty. All or nothing of it is moved: cut off, the same command
does it again, or what is left of it. FROM stays and can be read, but is closed to work. To move back, name a new file or
database again.

On PostgreSQL whoever moves owns the ledger's tables. The key goes where TO keeps its key: ?key=, OKTA_ROLLOUT_LEDGER_KEY or
~/.okta-rollout; beside FROM it stays as well.")]
pub struct Move {
    /// The ledger that is moved, named as for `--ledger`
    #[arg(value_name = "FROM")]
    pub from: String,

    /// Where it is moved to, named in the same way
    #[arg(value_name = "TO")]
    pub to: String,
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
