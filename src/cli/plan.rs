//! `plan`: reads the live state and shows what a run would do to each entry, and what that costs. It sends nothing but
//! GETs and writes nothing to the ledger.

mod approve;
mod ask;
mod groups;
mod look;
mod parts;
mod saved;
mod text;

use super::args::{self, DataFormat};
use super::file::{can_be_written, refuse_clash};
use super::only::say_nothing_matches;
use super::output::Output;
use super::outputs;
use super::signals::Signals;
use super::target;
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::plan::{Sheet, Totals};
use crate::report::counted;
use crate::rollout::refresh::{PlanRequest, Planned};
use crate::rollout::shell::{flags, quoted};
use crate::selection::Selection;
use crate::settings::Settings;
use crate::text::Syntax;
pub(super) use approve::{Approved, approve};
pub(super) use ask::{Answer, ask};
pub(super) use saved::Saved;

/// `plan`.
pub(super) async fn plan(
    args: &args::Plan,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = target::read(&args.file, settings, output)?;
    let settings = &settings.with_policy(&target.policy);
    let request = PlanRequest {
        force: args.force,
        reconnect: args.reconnect,
        allow_exec: args.allow_exec,
        selection: args.only.selection(),
        rows: None,
    };
    if let Some(file) = &args.out {
        let guarded = outputs::guarded(&args.file, &target.policy, settings)?;
        refuse_clash(file, &guarded, "--out PLAN")?;
        // Reading may take long: what cannot be saved is told before.
        can_be_written(file, "--out PLAN")?;
    }
    let engine = Engine::new();
    let signals = Signals::listen(engine.cancellation().clone(), output)?;
    let planned = look::plan(&target, &request, &engine, settings, output).await?;
    let Some(planned) = planned else {
        return Ok(Ending::Short(
            signals.received().unwrap_or(Kind::Interrupted),
        ));
    };
    if let Some(run) = &planned.continues {
        if request.selection.has_states() {
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
    if planned.orgs.is_empty() {
        say_nothing_matches(&request.selection, output);
    }
    if let Some(file) = &args.out {
        let apply = saved::write(file, &target, &planned, &request).await?;
        output.note(format_args!("saved; apply exactly this plan with: {apply}"));
    }
    print(args, &planned, output)?;
    note_unrenewed(args, &planned, output);
    let totals = Totals::of(&planned.orgs);
    let unread = planned.orgs.iter().any(|org| org.error.is_some());
    Ok(if totals.errors > 0 || unread {
        Ending::Short(Kind::Failed)
    } else if args.detailed_exitcode && totals.changes() > 0 {
        Ending::Short(Kind::Changes)
    } else {
        Ending::Success
    })
}

/// What only `run --reconnect` sets, and the command.
fn note_unrenewed(args: &args::Plan, planned: &Planned, output: Output) {
    let left = planned.orgs.iter().flat_map(|org| {
        let left = org
            .entries
            .iter()
            .filter(|entry| !entry.left_secrets.is_empty());
        left.map(|entry| (org.name.as_str(), entry.which.app.name()))
    });
    let count = left.clone().count() as u64;
    if count > 0 {
        let only = Selection::covering(left, false).flag();
        let needs = counted(count, "entry needs", "entries need");
        let (file, force) = (quoted(&args.file), flags([("--force", args.force)]));
        output.note(format_args!(
            "{needs} a new consent for changed admin credentials, and would be left as it is; to do it: okta-rollout run \
             {file}{force} --reconnect{only}"
        ));
    }
}

fn print(args: &args::Plan, planned: &Planned, output: Output) -> Result<(), Failure> {
    match args.format {
        DataFormat::Human => output.page(|page| text::write(page, planned, output.verbosity())),
        DataFormat::Json => output.data(Syntax::Json, |out| {
            let file = args.file.display().to_string();
            let sheet = Sheet::new(&file, planned.continues.as_deref(), &planned.orgs)
                .in_waves(&planned.waves);
            serde_json::to_writer_pretty(&mut *out, &sheet)?;
            Ok(writeln!(out)?)
        }),
    }
}
