//! An entry of a run that is only rehearsed: its steps are taken as a run takes them, in an org that exists in memory
//! only, and take their time.

use std::time::Duration;

use super::Outcome;
use super::context::Context;
use super::error::StepError;
use super::forecast::{row, take_next};
use super::memory::Memory;
use super::outside::Outside;
use super::rehearsed::RehearsedOrg;
use super::supposition::Supposition;
use crate::manifest::Entry;
use crate::model::Step;
use crate::pacing::{CallLog, Halted};
use crate::plan::{Call, Forecast, Seen, steps};

/// Where an entry rests between two attempts, or for good.
#[derive(Debug)]
pub enum Pause<'a> {
    /// A person's consent is needed.
    Consent,
    /// An attempt at a step failed.
    Failed {
        /// Why.
        error: &'a StepError,
        /// Attempts at this step so far.
        attempts: u32,
        /// How long they and the pauses between them took.
        elapsed: Duration,
    },
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// Calls that it made, those that were refused or failed included.
    pub calls: u64,
    /// How many of them asked what features an app has.
    pub feature_lists: u64,
    /// How long the org could not send.
    pub waited_ms: u64,
    /// Whether a person's consent was needed.
    pub needed_consent: bool,
    /// How it ended.
    pub end: End,
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As wanted, or waiting for a consent.
    #[default]
    AtRest,
    /// Neither.
    Failed,
    /// The run was halted before its first call.
    NotBegun,
}

/// Takes the steps of an entry in an org where it is not as wanted. `pauses`: returns how long the entry rested when it
/// continues, or `None` if it is given up.
pub async fn rehearse(
    entry: &Entry,
    seen: &Seen,
    org: &RehearsedOrg,
    mut pauses: impl AsyncFnMut(Pause<'_>) -> Option<Duration>,
) -> Rehearsed {
    let steps = steps(entry);
    let mut supposition = Supposition::of(entry, seen).at(org);
    let mut memory = Memory {
        app: Some(seen.past.app.clone()),
        earlier: Some(seen.past.earlier.clone()),
        ..Memory::default()
    };
    let (mut row, mut log) = (row(entry), CallLog::of(entry.app));
    let mut rehearsed = Rehearsed::default();
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
    loop {
        context.log.busy = Duration::ZERO;
        let rest = match take_next(&mut context).await {
            Ok(None) => break,
            Ok(Some(outcome)) => {
                context.row.progress.in_flight = None;
                (attempts, elapsed) = (0, Duration::ZERO);
                if !matches!(outcome, Outcome::Waiting(_)) {
                    continue;
                }
                rehearsed.needed_consent = true;
                pauses(Pause::Consent).await
            }
            Err(StepError::Halted(Halted::NoFurtherEntry)) => {
                rehearsed.end = End::NotBegun;
                break;
            }
            Err(error) => {
                attempts += 1;
                elapsed += context.log.busy;
                let failed = Pause::Failed {
                    error: &error,
                    attempts,
                    elapsed,
                };
                let rest = pauses(failed).await;
                if rest.is_none() {
                    rehearsed.end = End::Failed;
                }
                rest
            }
        };
        let Some(rested) = rest else { break };
        elapsed += rested;
    }
    let stats = context.log.stats;
    let forecast = match context.outside {
        Outside::Supposed(supposed) => supposed.finish(&[], None),
        Outside::Live(_) => Forecast::default(),
    };
    let calls = forecast.calls.iter().chain(&forecast.after_consent);
    Rehearsed {
        calls: stats.requests,
        feature_lists: calls.filter(|call| **call == Call::ListFeatures).count() as u64,
        waited_ms: stats.waited_ms,
        ..rehearsed
    }
}
