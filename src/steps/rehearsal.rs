//! An entry of a run that is only rehearsed: its steps are taken as a run takes them, in an org that exists in memory
//! only, and take their time.

use std::time::Duration;

use super::Outcome;
use super::context::Context;
use super::error::StepError;
use super::forecast::{row, take_next};
use super::memory::Memory;
use super::outside::Outside;
use super::supposition::{RehearsedOrgs, Supposition};
use crate::ledger::{OrgStats, StepRecord};
use crate::manifest::Entry;
use crate::model::{Site, Step};
use crate::pacing::{CallLog, Halted};
use crate::plan::{Call, Seen, steps};

/// An attempt at a step failed.
#[derive(Debug)]
pub struct Failed<'a> {
    /// Why.
    pub error: &'a StepError,
    /// Attempts at this step so far.
    pub attempts: u32,
    /// How long they and the pauses between them took.
    pub elapsed: Duration,
}

/// Where an entry is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenUp {
    /// At its first step.
    AtStart,
    /// After the person's consent that it waited for.
    AfterConsent,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// Calls that it made to both orgs, those that were refused or failed included.
    pub calls: u64,
    /// How many of them asked what features an app has.
    pub feature_lists: u64,
    /// How many of them were made to the hub.
    pub hub_calls: u64,
    /// How long the org could not send.
    pub waited_ms: u64,
    /// How long the hub could not.
    pub hub_waited_ms: u64,
    /// How it ended.
    pub end: End,
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As wanted.
    #[default]
    Done,
    /// It waits for a person's consent.
    Waits,
    /// Neither.
    Failed,
    /// The run was halted before its first call.
    NotBegun,
}

/// Takes the steps of an entry in orgs where it is not as wanted, until it waits for a consent at the latest. `pauses`:
/// returns how long the entry rested when it tries again, or `None` if it is given up.
pub async fn rehearse(
    entry: &Entry,
    seen: &Seen,
    orgs: RehearsedOrgs<'_>,
    taken_up: TakenUp,
    mut pauses: impl AsyncFnMut(Failed<'_>) -> Option<Duration>,
) -> Rehearsed {
    let steps = steps(entry);
    let mut supposition = Supposition::of(entry, seen).at(orgs);
    let mut memory = Memory {
        app: Some(seen.past.app.clone()),
        earlier: Some(seen.past.earlier.clone()),
        ..Memory::default()
    };
    let (mut row, mut log) = (row(entry), CallLog::of(entry.app));
    if taken_up == TakenUp::AfterConsent {
        supposition.wait();
        (memory.is_right, memory.has_begun) = (true, true);
        row.progress.app_id = entry.app_id.clone().or_else(|| Some(String::new()));
        let before = steps.iter().take_while(|step| **step != Step::AwaitConsent);
        before.for_each(|step| row.progress.end_step(made(*step)));
    }
    let mut context = Context {
        outside: Outside::Supposed(&mut supposition),
        row: &mut row,
        step: Step::FindApp,
        steps: &steps,
        memory: &mut memory,
        answer: None,
        log: &mut log,
        fingerprint: None,
        link_before: None,
        credentials: None,
        announced: false,
    };
    let (mut attempts, mut elapsed) = (0, Duration::ZERO);
    let mut in_hub = OrgStats::default();
    let end = loop {
        context.log.busy = Duration::ZERO;
        let before = context.log.stats;
        // Boxed, so that an entry that rests takes little memory.
        let taken = Box::pin(take_next(&mut context)).await;
        add(&mut in_hub, context.step.site(), context.log.stats, before);
        let error = match taken {
            Ok(None) => break End::Done,
            Ok(Some(Outcome::Waiting(_))) => break End::Waits,
            Ok(Some(_)) => {
                context.row.progress.in_flight = None;
                (attempts, elapsed) = (0, Duration::ZERO);
                continue;
            }
            Err(StepError::Halted(Halted::NoFurtherEntry)) => break End::NotBegun,
            Err(error) => error,
        };
        attempts += 1;
        elapsed += context.log.busy;
        let failed = Failed {
            error: &error,
            attempts,
            elapsed,
        };
        match pauses(failed).await {
            Some(rested) => elapsed += rested,
            None => break End::Failed,
        }
    };
    let stats = context.log.stats;
    Rehearsed {
        calls: stats.requests,
        feature_lists: lists(context.outside),
        hub_calls: in_hub.requests,
        waited_ms: stats.waited_ms - in_hub.waited_ms,
        hub_waited_ms: in_hub.waited_ms,
        end,
    }
}

/// Adds what came of a step in the hub to sums since they were these.
fn add(to: &mut OrgStats, site: Site, now: OrgStats, before: OrgStats) {
    if site == Site::Hub {
        to.requests += now.requests - before.requests;
        to.waited_ms += now.waited_ms - before.waited_ms;
    }
}

/// How often it was asked what features an app has.
fn lists(outside: Outside<'_>) -> u64 {
    let Outside::Supposed(supposed) = outside else {
        return 0;
    };
    let forecast = supposed.finish(&[], None);
    let calls = forecast.calls.iter().chain(&forecast.after_consent);
    calls.filter(|call| **call == Call::ListFeatures).count() as u64
}

/// A step that changed something before the consent.
fn made(step: Step) -> StepRecord {
    StepRecord {
        changed: true,
        ..StepRecord::unmade(step)
    }
}
