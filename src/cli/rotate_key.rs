//! `rotate-key`: a new key for the fingerprints of secrets.

use super::args::RotateKey;
use super::open::existing;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::ledger::Forgetting;
use crate::report::counted;
use crate::settings::Settings;

/// `rotate-key`.
pub(super) async fn rotate_key(
    args: &RotateKey,
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
    output.note(if ledger.file().is_some() {
        "the key was replaced; the one before is kept as LEDGER.key.old"
    } else {
        "the key was replaced; the one before has to stay after it, wherever a process has it"
    });
    if rotation.to_renew > 0 {
        output.note(format_args!(
            "{} renewed when next run; nothing is posted again for it",
            counted(rotation.to_renew, "fingerprint is", "fingerprints are")
        ));
    }
    Ok(Ending::Success)
}
