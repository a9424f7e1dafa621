//! `plan`: reads the live state and shows what a run would do to each entry, and what that costs. It sends nothing but
//! GETs and writes nothing to the ledger.

mod apply;
mod ask;
mod find;
mod gather;
mod groups;
mod org;
mod remembered;
mod saved;
mod survey;
mod text;

use super::args::{self, DataFormat};
use super::file::can_be_written;
use super::only::say_nothing_matches;
use super::output::Output;
use super::outputs;
use super::signals::Signals;
use super::target::Target;
use crate::failure::{Ending, Failure, Kind};
use crate::plan::{Sheet, Totals};
use crate::run::Interrupt;
use crate::settings::Settings;
pub(super) use apply::apply;
pub(super) use ask::{Answer, ask};
pub(super) use saved::Approved;
use survey::{Surveyed, Wish, survey};

/// `plan`.
pub(super) async fn plan(
    args: &args::Plan,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = Target::read(&args.file, settings, output)?;
    let settings = &settings.with_policy(&target.policy);
    let wish = Wish {
        force: args.force,
        allow_exec: args.allow_exec,
        selection: args.only.selection(),
        rows: None,
    };
    if let Some(file) = &args.out {
        let guarded = outputs::guarded(&args.file, &target.policy, settings)?;
        outputs::refuse_clash(file, &guarded, "--out PLAN")?;
        // Reading may take long: what cannot be saved is told before.
        can_be_written(file, "--out PLAN")?;
    }
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let surveyed = survey(&target, &wish, settings, output, &interrupt).await?;
    let Some(surveyed) = surveyed else {
        return Ok(Ending::Short(
            signals.received().unwrap_or(Kind::Interrupted),
        ));
    };
    if let Some(run) = &surveyed.continues {
        if wish.selection.has_states() {
            output.note(format_args!(
                "states are those of run {run}, which `run` goes on with"
            ));
        } else {
            output.warning(format_args!(
                "run {run} of {} was interrupted, and `run` goes on with it: what it did already is left alone; this \
                 plan is what `run --new` does",
                args.file.display()
            ));
        }
    }
    if surveyed.orgs.is_empty() {
        say_nothing_matches(&wish.selection, output);
    }
    if let Some(file) = &args.out {
        saved::write(file, &target, &surveyed, &wish).await?;
        output.note(format_args!(
            "saved; apply exactly this plan with: okta-rollout run --plan {}",
            file.display()
        ));
    }
    print(args, &surveyed, output)?;
    let totals = Totals::of(&surveyed.orgs);
    let unread = surveyed.orgs.iter().any(|org| org.error.is_some());
    Ok(if totals.errors > 0 || unread {
        Ending::Short(Kind::Failed)
    } else if args.detailed_exitcode && totals.changes() > 0 {
        Ending::Short(Kind::Changes)
    } else {
        Ending::Success
    })
}

fn print(args: &args::Plan, surveyed: &Surveyed, output: Output) -> Result<(), Failure> {
    output.data(|out| match args.format {
        DataFormat::Human => Ok(text::write(out, &surveyed.orgs, output.verbosity())?),
        DataFormat::Json => {
            let file = args.file.display().to_string();
            let sheet = Sheet::new(&file, surveyed.continues.as_deref(), &surveyed.orgs);
            serde_json::to_writer_pretty(&mut *out, &sheet)?;
            Ok(writeln!(out)?)
        }
    })
}
