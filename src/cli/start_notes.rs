//! What is said when a run begins, and of the file's last one.

use super::only::say_nothing_matches;
use super::output::Output;
use crate::ledger::RunRow;
use crate::report::counted;
use crate::rollout::beginning::BegunRun;
use crate::rollout::continuation::Next;
use crate::rollout::in_flight::InFlight;
use crate::rollout::shell::quoted;
use crate::rollout::target::Target;
use crate::rollout::waves::waves_of;
use crate::selection::Selection;

pub(super) fn say_waits(call: &InFlight, output: Output) {
    output.note(format_args!(
        "waits {} s: a call of run {} may still be under way",
        call.left.as_secs() + 1,
        call.run.0
    ));
}

pub(super) fn say_nothing_to_do(target: &Target, selection: &Selection, output: Output) {
    if target.rotates.is_some() {
        output.total(format_args!(
            "nothing to rotate: no okta_org2org connection with a hub and rotationMode MANUAL{}",
            selection.flag()
        ));
    } else {
        say_nothing_matches(selection, output);
    }
}

pub(super) fn say_begun(begun: &BegunRun, output: Output) {
    if begun.nowhere > 0 {
        output.warning(format_args!(
            "{} left out: without a hub nobody can tell where the service app is; give the entry a `hub`",
            counted(begun.nowhere, "connection is", "connections are")
        ));
    }
    output.note(format_args!(
        "run {} of {}: {}",
        begun.run.id.0,
        begun.run.file,
        counted(begun.entries, "entry", "entries")
    ));
}

/// A run keeps its waves as they were when it began.
pub(super) fn say_if_other_waves(run: &RunRow, target: &Target, output: Output) {
    let (began, now) = (waves_of(run), &target.policy.waves);
    let mut pairs = began.iter().zip(now);
    if began.len() != now.len() || !pairs.all(|(began, now)| began.is_like(now)) {
        output.warning(format_args!(
            "the waves of {file} have changed since run {id} began, which continues with those of then; to begin anew: \
             okta-rollout run {shown} --new",
            file = target.file.display(),
            id = run.id.0,
            shown = quoted(&target.file)
        ));
    }
}

pub(super) fn note_left_behind(run: &RunRow, left: u64, next: Next, output: Output) {
    let (id, file) = (&run.id.0, &run.file);
    let left_of_it = counted(left, "entry is", "entries are");
    match next {
        Next::GoesOn => {}
        Next::Settled => {
            let halt = if waves_of(run).is_empty() { "" } else { " or behind a halt" };
            output.note(format_args!(
                "run {id} is settled: {left_of_it} left of it, of orgs that were stopped{halt}; a new run starts"
            ));
        }
        Next::LeftOut => output.note(format_args!(
            "a new run starts: what --only selects is done in run {id}; {left} unfinished there {stay}; to do them \
             there: okta-rollout resume {id}",
            left = counted(left, "other entry", "other entries"),
            stay = if left == 1 { "stays as it is" } else { "stay as they are" },
        )),
        Next::Changed => output.warning(format_args!(
            "{file} changed since run {id} began, of which {left_of_it} left: a new run starts"
        )),
        Next::Moved => output.warning(format_args!(
            "orgs of {file} are at other addresses than run {id} has them at, of which {left_of_it} left: a new run \
             starts"
        )),
        Next::Renews => output.warning(format_args!(
            "run {id} does not renew these consents, and {left_of_it} left of it: a new run starts"
        )),
        Next::OfPlan => output.warning(format_args!(
            "run {id} applies a saved plan, and {left_of_it} left of it: a new run starts"
        )),
    }
}
