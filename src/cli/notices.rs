//! Notices of a run on the command line: who is notified is found out before anything is sent, and what did not arrive is
//! named at the end.

use std::path::Path;
use std::sync::Arc;

use super::output::{Output, local_times};
use super::target::refuse;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::pacing::CancellationToken;
use crate::report::{counted, undelivered};
use crate::rollout::access::no_calls;
use crate::rollout::notices::{Notices, Outcome, Receiver};
use crate::settings::Policy;

/// Who is notified of a run of this file, if anybody.
///
/// # Errors
/// When the secrets of the job's `[notify]` cannot be used: they are mistakes of the job, as those of its entries.
pub(super) async fn receiver(
    file: &Path,
    policy: &Policy,
    allow_exec: bool,
    engine: &Engine,
    output: Output,
) -> Result<Option<Arc<Receiver>>, Failure> {
    if policy.notify.is_none() {
        return Ok(None);
    }
    let http = engine.http(&policy.http).map_err(no_calls)?;
    // Boxed, so that those that notify nobody carry less.
    let receiver = Box::pin(Receiver::of(file, policy, allow_exec, &http)).await;
    receiver
        .map(|receiver| receiver.map(Arc::new))
        .map_err(|problems| refuse(file, &problems, problems.len() as u64, output))
}

/// Notifies of how the command ended, waits a while for what is under way, and names what did not arrive.
pub(super) async fn finish(
    notices: Option<Notices>,
    outcome: Outcome<'_>,
    interrupt: &CancellationToken,
    output: Output,
) {
    let Some(notices) = notices else { return };
    let (ledger, run) = (outcome.ledger.clone(), outcome.run.id.clone());
    let finish = notices.finish(outcome, interrupt, |open| say_waits(open, output));
    let finished = Box::pin(finish).await;
    match finished.and(ledger.undelivered(&run).await) {
        Ok(notices) if notices.is_empty() => {}
        Ok(notices) => {
            output.total("");
            output.totals(&local_times(&undelivered(&notices).join("\n")));
        }
        Err(error) => output.warning(format_args!(
            "what became of notices cannot be read: {error}"
        )),
    }
}

/// As [`finish`], of a run that was broken off: its ledger takes no more. `None` = it goes on, as soon as that does.
pub(super) async fn broken_off(
    notices: Option<Notices>,
    failure: Option<&Failure>,
    interrupt: &CancellationToken,
    output: Output,
) {
    if let Some(notices) = notices {
        let waits = |open| say_waits(open, output);
        Box::pin(notices.break_off(failure, interrupt, waits)).await;
    }
}

fn say_waits(open: usize, output: Output) {
    output.total(format_args!(
        "waiting up to 30 s until {} delivered; Ctrl-C stops waiting",
        counted(open as u64, "notice is", "notices are")
    ));
}
