//! Makes a run's entries so: orgs in turn, workers in parallel, each call through its org's lane.
//!
//! Owns the queue in memory, the budgets, retries and interrupts; what to do is [`crate::plan`]'s, how is
//! [`crate::steps`]', and what was done is the ledger's.

mod admission;
mod budget;
mod circuit;
mod clock;
mod concurrency;
mod fingerprint;
mod hand_in;
mod interrupt;
mod lane;
mod org;
mod places;
mod retry;
mod retry_budget;
#[cfg(test)]
mod simulation;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use fingerprint::Fingerprints;
pub use interrupt::Interrupt;
pub use lane::{CallLog, Halted, Lane, LaneConfig, unix_millis};
pub use org::Administrator;
pub use places::Places;
pub use retry::{Effect, RetryPolicy};
pub use worker::{Rest, Shop, Work, name_of};

use crate::event::{Event, Events};
use crate::ledger::{Ledger, LedgerError, OrgNo, OrgRow, RunId};
use crate::manifest::{Limits, Secrets};
use crate::okta::{Credentials, Http, HttpSettings, OrgClient};
use crate::steps::{Access, Listing};
use org::OrgTask;

/// Policy of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// When to try again.
    pub retry: RetryPolicy,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// How calls are made.
    pub http: HttpSettings,
    /// Post TOKEN connections even where they look right.
    pub force: bool,
}

/// What a run needs of one org.
pub struct OrgAccess {
    /// Its row in the ledger.
    pub row: OrgRow,
    /// Where it is reached: its URL, or the sandbox's.
    pub origin: String,
    /// How to authenticate, resolved.
    pub credentials: Credentials,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// Gives consents in simulated orgs.
    pub administrator: Option<Administrator>,
}

/// Entries read ahead over all orgs; an entry takes about 2 KB.
const WINDOW: usize = 40_000;

/// How often another process's commits (`consent complete`) are looked for.
const LOOK_FOR_COMMITS: Duration = Duration::from_secs(1);

/// Makes the run's entries so until nothing can move any more, or the run is interrupted. The run's
/// lock is the caller's. Returns, by org, the largest part of a rate limit that was used.
pub async fn drive(
    ledger: &Ledger,
    run: &RunId,
    orgs: Vec<OrgAccess>,
    options: &RunOptions,
    events: &Events,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<(OrgNo, Option<f64>)>> {
    let counts = ledger.counts(run).await?;
    let ended = counts.changed + counts.unchanged + counts.failed + counts.waiting;
    events.send(Event::Begun {
        entries: counts.entries(),
        ended,
    });
    let http = Http::new(&options.http)?;
    let places = Places::new();
    let window = (WINDOW / orgs.len().max(1)).clamp(2, 256);
    let mut teams = Vec::with_capacity(orgs.len());
    for org in orgs {
        if org.row.stopped.is_some() {
            // What stopped it may be mended; its next call tells.
            ledger.set_stopped(run, org.row.no, None).await?;
        }
        let administrator = org.administrator.clone();
        let no = org.row.no;
        let shop = shop(ledger, run, org, options, &http, &places, events, interrupt)?;
        teams.push(Team {
            no,
            shop: Arc::new(shop),
            administrator,
        });
    }
    supervise(ledger, &teams, interrupt, window).await?;
    Ok(teams
        .iter()
        .map(|team| (team.no, team.shop.access.lane.share_used()))
        .collect())
}

// An org and those who work on it.
struct Team {
    no: OrgNo,
    shop: Arc<Shop>,
    administrator: Option<Administrator>,
}

impl Team {
    fn task(&self, interrupt: &Interrupt, window: usize) -> OrgTask {
        OrgTask::new(
            Arc::clone(&self.shop),
            self.no,
            interrupt.clone(),
            self.administrator.clone(),
            window,
        )
    }
}

// Runs all orgs' tasks; starts one again when another process made an entry of its org ready.
async fn supervise(
    ledger: &Ledger,
    teams: &[Team],
    interrupt: &Interrupt,
    window: usize,
) -> Result<(), LedgerError> {
    let mut tasks = JoinSet::new();
    let mut resting = vec![false; teams.len()];
    for (index, team) in teams.iter().enumerate() {
        let task = team.task(interrupt, window);
        tasks.spawn(async move { (index, task.run().await) });
    }
    let mut seen = ledger.data_version().await?;
    let mut look = tokio::time::interval(LOOK_FOR_COMMITS);
    let mut failed = None;
    loop {
        tokio::select! {
            joined = tasks.join_next() => match joined {
                None => break,
                Some(Ok((index, Ok(())))) => resting[index] = true,
                Some(Ok((_, Err(error)))) => {
                    // Without checkpoints no further call may be sent.
                    interrupt.request();
                    failed.get_or_insert(error);
                }
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            },
            _ = look.tick() => {
                let now = ledger.data_version().await?;
                if now == seen {
                    continue;
                }
                seen = now;
                for (index, team) in teams.iter().enumerate() {
                    if std::mem::take(&mut resting[index]) {
                        let task = team.task(interrupt, window);
                        tasks.spawn(async move { (index, task.run().await) });
                    }
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Opens an org for work.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a shop, named at the one place that joins them"
)]
pub fn shop(
    ledger: &Ledger,
    run: &RunId,
    org: OrgAccess,
    options: &RunOptions,
    http: &Http,
    places: &Places,
    events: &Events,
    interrupt: &Interrupt,
) -> anyhow::Result<Shop> {
    let name: Arc<str> = org.row.name.as_str().into();
    let lane = Lane::new(LaneConfig {
        org: Arc::clone(&name),
        client: OrgClient::new(http.clone(), &org.origin, org.credentials)?,
        limits: org.row.spec.limits.or(options.limits),
        retry: options.retry,
        places: places.clone(),
        events: events.clone(),
        interrupt: interrupt.clone(),
    });
    Ok(Shop {
        run: run.clone(),
        ledger: ledger.clone(),
        access: Access {
            lane,
            url: org.row.url,
            secrets: org.secrets,
            listing: Listing::new(),
            fingerprints: Fingerprints::new(ledger.hmac_key()?),
            force: options.force,
        },
        retry: options.retry,
        call_timeout: options.http.timeout,
        org: name,
        events: events.clone(),
    })
}
