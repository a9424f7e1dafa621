//! `resume`: moves on whatever can move in a run.

use super::access::can_call;
use super::args;
use super::context::{RunContext, orgs_now};
use super::execute::{Begun, Work, execute};
use super::only::refuse_unknown_org;
use super::open::existing;
use super::output::Output;
use super::run::refresh;
use crate::failure::{Ending, Failure};
use crate::settings::Settings;

/// `resume`.
pub(super) async fn resume(
    args: &args::Resume,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    let selection = args.only.selection();
    let orgs = ledger.orgs(&run.id).await?;
    let names: Vec<&str> = orgs.iter().map(|org| org.name.as_str()).collect();
    refuse_unknown_org(&selection, &names)?;
    let context = RunContext::of(&run)?;
    let policy = context.policy(settings, output)?;
    can_call(&policy.http)?;
    let lock = ledger.lock_run(&run.id)?;
    if let Some(orgs) = orgs_now(&policy, output)? {
        refresh(&ledger, &run.id, &orgs).await?;
    }
    let work = Work {
        ledger,
        run,
        lock,
        force: context.is_forced(),
        context,
        policy,
        selection,
        failed: args.failed,
        allow_exec: args.allow_exec,
        consent_to_deactivate: args.yes.into(),
        format: args.format,
        begun: Begun::Earlier {
            looks_at_all: Some("run --new"),
        },
    };
    execute(work, settings, output).await
}
