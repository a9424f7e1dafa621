//! `doctor`: asks every org of a file once, looks at its ledger, and says what keeps a run from going well.

mod problems;
mod table;

use super::args::{self, DataFormat};
use super::listeners::Listeners;
use super::only::say_nothing_matches;
use super::output::Output;
use super::signals::Signals;
use super::{open, progress, target};
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::Ledger;
use crate::report::counted;
use crate::rollout::doctor::{Checkup, Findings, Request};
use crate::rollout::shell::quoted;
use crate::settings::Settings;
use crate::text::Syntax;

/// `doctor`.
pub(super) async fn doctor(
    args: &args::Doctor,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = target::read(&args.file, settings, output)?;
    let settings = &settings.with_policy(&target.policy);
    let ledger = open::url(settings)?;
    let request = Request {
        allow_exec: args.allow_exec,
        selection: args.only.selection(),
    };
    let engine = Engine::new();
    let signals = Signals::listen(engine.cancellation().clone(), output)?;
    let file = Ledger::file_of(&ledger);
    let checkup = Checkup::prepare(target, request.clone(), &engine, file).await;
    let checkup = checkup.map_err(|why| target::refused(&args.file, why, output))?;
    output.note(format_args!(
        "asks {}, with a GET each",
        counted(checkup.orgs() as u64, "org", "orgs")
    ));
    let show = |listener| progress::show(listener, None, settings.animation, output);
    let listeners = Listeners::begin(engine.events(), show, settings, output).await;
    let found = checkup.run(&ledger).await;
    listeners.end().await;
    let Some(found) = found? else {
        return Ok(Ending::Short(
            signals.received().unwrap_or(Kind::Interrupted),
        ));
    };
    if found.orgs.is_empty() {
        say_nothing_matches(&request.selection, output);
    }
    match args.data_format() {
        DataFormat::Human => output.page(|page| table::write(page, &found))?,
        DataFormat::Json => output.data(Syntax::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, &found)?;
            Ok(writeln!(out)?)
        })?,
    }
    let only = request.selection.flag();
    let again = format!("okta-rollout doctor {}{only}", quoted(&args.file));
    problems::tell(&found, &again, output);
    output.total(total(&found));
    Ok(if found.ok {
        Ending::Success
    } else {
        Ending::Short(Kind::Failed)
    })
}

/// `3 orgs: 2 in order, 1 with problems; the ledger is in order; 3 calls`.
fn total(found: &Findings) -> String {
    let all = found.orgs.len() as u64;
    let fine = found.orgs.iter().filter(|org| org.ok).count() as u64;
    let orgs = counted(all, "org", "orgs");
    let others = match all - fine {
        0 => String::new(),
        bad => format!(", {bad} with problems"),
    };
    let ledger = if found.ledger.ok {
        "in order"
    } else {
        "not in order"
    };
    let calls = found.orgs.iter().map(|org| org.calls).sum();
    let calls = counted(calls, "call", "calls");
    format!("{orgs}: {fine} in order{others}; the ledger is {ledger}; {calls}")
}
