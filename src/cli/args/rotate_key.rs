//! The flags of `rotate-key`.

/// `rotate-key`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The ledger remembers a keyed fingerprint of each TOKEN connection's secret, to know whether it changed.
The key is in LEDGER.key; replace it when somebody may have read it, or as often as your rules ask.

The key before is kept as LEDGER.key.old: fingerprints made with it are still recognized, and renewed
when their entries are next run, so that no connection is posted again because of this.")]
pub struct RotateKey {
    /// Also when connections not run since the last rotation would then be posted once more
    #[arg(long)]
    pub force: bool,
}
