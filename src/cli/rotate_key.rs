//! `rotate-key`: a new key for the fingerprints of secrets.

use super::open::existing;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::ledger::Forgetting;
use crate::report::counted;
use crate::settings::Settings;

/// Its flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The ledger remembers a keyed fingerprint of each TOKEN connection's secret, to know whether it changed.
The key is in LEDGER.key; replace it when somebody may have read it, or as often as your rules ask.

The key before is kept as LEDGER.key.old: fingerprints made with it are still recognized, and renewed
when their entries are next run, so that no connection is posted again because of this.")]
pub struct Args {
    /// Also when connections not run since the last rotation would then be posted once more
    #[arg(long)]
    pub force: bool,
}

/// `rotate-key`.
pub(super) async fn rotate_key(
    args: &Args,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing(settings).await?;
    let forgetting = if args.force {
        Forgetting::Allowed
    } else {
        Forgetting::Refused
    };
    let Some(rotation) = ledger.rotate_key(forgetting).await? else {
        output.note("there is no key yet: the first run makes one");
        return Ok(Ending::Success);
    };
    if rotation.forgotten > 0 {
        output.warning(format_args!(
            "{} once more when next run: their key is gone",
            counted(
                rotation.forgotten,
                "TOKEN connection is posted",
                "TOKEN connections are posted"
            )
        ));
    }
    output.note("the key was replaced; the one before is kept as LEDGER.key.old");
    if rotation.to_renew > 0 {
        output.note(format_args!(
            "{} renewed when next run; nothing is posted again for it",
            counted(rotation.to_renew, "fingerprint is", "fingerprints are")
        ));
    }
    Ok(Ending::Success)
}
