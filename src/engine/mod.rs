//! Makes a run's entries so: orgs in turn, workers in parallel, each call through its org's lane.
//!
//! Owns the queue in memory, the budgets, retries and interrupts; what to do is [`crate::plan`]'s, how is
//! [`crate::steps`]', and what was done is the ledger's.

mod blame;
mod eta;
mod failing;
mod hand_in;
mod next;
mod org;
mod remembered;
mod selected;
mod shop;
mod waiting;
mod window;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use hand_in::HandedIn;
pub use next::{NewJob, NextCommands};
pub use org::{Administrator, GRACE};
pub use selected::Selected;
pub use shop::Shop;
pub use waiting::Unread;
pub use worker::{Rest, Work, name_of};

use crate::event::{Answers, Event, Events};
use crate::job::{OnDrift, RetryPolicy};
use crate::ledger::{Ledger, LedgerError, OrgRow};
use crate::manifest::{Limits, Secrets};
use crate::model::{OrgNo, RunId};
use crate::okta::{Credentials, Http, HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{
    Interrupt, Keeper, Lane, LaneConfig, Notes, Places, Remembered, idle_per_org, orgs_at_once,
};
use crate::selection::Selection;
use crate::steps::{Access, Fingerprints, LastWanted, Listing, Reader, Relisting};
use org::{OrgTask, Team};

/// Policy of a run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// When to try again.
    pub retry: RetryPolicy,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// How calls are made.
    pub http: HttpSettings,
    /// What to do about changes made by hand.
    pub on_drift: OnDrift,
    /// Post TOKEN connections even where they look right.
    pub force: bool,
    /// Of which entries the consents are renewed although there are some.
    pub reconnect: Option<Arc<Selection>>,
    /// Which entries are worked on.
    pub selected: Selected,
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
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
}

/// Entries read ahead over all orgs; an entry takes about 3 KB.
const WINDOW: usize = 4_000;

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
    let counts = options.selected.counts(ledger, run).await?;
    let ended = counts.changed + counts.unchanged + counts.failed + counts.waiting;
    events.send(Event::Begun {
        entries: counts.entries(),
        ended,
    });
    let window = (WINDOW / orgs_at_once(orgs.len())).clamp(2, 256);
    let mut options = options.clone();
    options.http.idle_per_org = idle_per_org(orgs.len());
    let common = Common::new(ledger, &options, events.clone(), interrupt.clone()).await?;
    let in_doubt = ledger.links_in_doubt(run).await?;
    let mut secrets = ledger.secrets(run, None).await?;
    let mut teams = Vec::with_capacity(orgs.len());
    for org in orgs {
        if org.row.stopped.is_some() {
            // What stopped it may be mended; its next call tells.
            ledger.set_stopped(run, org.row.no, None).await?;
        }
        let (no, administrator) = (org.row.no, org.administrator.clone());
        let shop = Arc::new(common.shop(run, org)?);
        let look_again = Arc::new(Notify::new());
        let of_org = in_doubt.iter().filter(|(org, _)| *org == no);
        let selected = of_org.filter(|(_, entry)| options.selected.contains(*entry));
        teams.push(Team {
            no,
            secrets: secrets.remove(&no).unwrap_or_default().into(),
            in_doubt: selected.map(|(_, entry)| *entry).collect(),
            shop,
            administrator,
            look_again,
            window,
        });
    }
    let unfinished = options.selected.counts_by_org(ledger, run).await?;
    tokio::select! {
        ended = supervise(&common, run, &teams) => ended?,
        never = eta::announce(&common.events, &teams, &unfinished) => match never {},
    }
    common.notes.settled().await?;
    Ok(teams
        .iter()
        .map(|team| (team.no, team.shop.access.lane.share_used()))
        .collect())
}

// Runs all orgs' tasks; when another process changed the ledger those at work look again, and those that had
// ended are started anew if there is something for them.
async fn supervise(common: &Common, run: &RunId, teams: &[Team]) -> Result<(), LedgerError> {
    let Common {
        ledger, interrupt, ..
    } = common;
    // Before anything is read: what others store from now on is noticed.
    let mut seen = ledger.data_version().await?;
    let mut tasks = JoinSet::new();
    let start = |tasks: &mut JoinSet<_>, index: usize, team: &Team| {
        let (team, places) = (team.clone(), common.places.clone());
        let interrupt = common.interrupt.clone();
        tasks.spawn(async move {
            let ended = match places.org(&interrupt).await {
                // Boxed, so that orgs that wait for their turn take little memory.
                Some(place) => Box::pin(OrgTask::new(team, place).run()).await,
                None => Ok(()),
            };
            (index, ended)
        });
    };
    for (index, team) in teams.iter().enumerate() {
        start(&mut tasks, index, team);
    }
    let mut resting = vec![false; teams.len()];
    let mut look = tokio::time::interval(LOOK_FOR_COMMITS);
    let mut failed = None;
    let mut told = false;
    while !tasks.is_empty() {
        let ended = tokio::select! {
            joined = tasks.join_next() => match joined {
                Some(Ok((index, ended))) => {
                    resting[index] = true;
                    ended
                }
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
                None => break,
            },
            _ = look.tick(), if !interrupt.is_requested() => match ledger.data_version().await {
                Ok(now) if now == seen => Ok(()),
                Ok(now) => {
                    seen = now;
                    wake(ledger, run, teams, &mut resting, |index| start(&mut tasks, index, &teams[index])).await
                }
                Err(error) => Err(error),
            },
            () = interrupt.requested(), if !told => {
                told = true;
                let answers = if failed.is_some() { Answers::Lost } else { Answers::Kept };
                let in_flight = common.places.calls_in_flight();
                common.events.send(Event::Stopping { in_flight, answers });
                Ok(())
            }
        };
        if let Err(error) = ended {
            // Without checkpoints no further call may be sent.
            interrupt.request();
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn wake(
    ledger: &Ledger,
    run: &RunId,
    teams: &[Team],
    resting: &mut [bool],
    mut start: impl FnMut(usize),
) -> Result<(), LedgerError> {
    let counts = ledger.counts_by_org(run).await?;
    let ready: HashSet<OrgNo> = counts
        .into_iter()
        .filter(|(_, counts)| counts.started > 0)
        .map(|(no, _)| no)
        .collect();
    for (index, team) in teams
        .iter()
        .enumerate()
        .filter(|(_, team)| ready.contains(&team.no))
    {
        if !resting[index] {
            team.look_again.notify_one();
        } else if team.shop.access.lane.stopped().is_none() {
            resting[index] = false;
            start(index);
        }
    }
    Ok(())
}

/// What all orgs of a process share.
pub struct Common {
    /// Where checkpoints go.
    pub ledger: Ledger,
    /// The policy.
    pub options: RunOptions,
    /// The HTTP client.
    pub http: Http,
    /// How much may go on at once.
    pub places: Places,
    /// Keyed fingerprints of secrets.
    pub fingerprints: Fingerprints,
    /// What entries want of their features.
    pub wanted: LastWanted,
    /// Who is told.
    pub events: Events,
    /// When to stop.
    pub interrupt: Interrupt,
    /// What other processes have to know at once.
    pub notes: Notes,
    // What was known of rate limits when this process began, by org URL.
    remembered: HashMap<String, Remembered>,
}

impl Common {
    /// Opens what all orgs share.
    pub async fn new(
        ledger: &Ledger,
        options: &RunOptions,
        events: Events,
        interrupt: Interrupt,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(&options.http)?,
            places: Places::new(),
            fingerprints: Fingerprints::new(ledger.hmac_keys()?),
            wanted: LastWanted::default(),
            notes: Notes::new(ledger.clone(), interrupt.clone()),
            ledger: ledger.clone(),
            options: options.clone(),
            events,
            interrupt,
            remembered: Remembered::load(ledger).await?,
        })
    }

    /// Opens an org for work.
    pub fn shop(&self, run: &RunId, org: OrgAccess) -> anyhow::Result<Shop> {
        let name: Arc<str> = org.row.name.as_str().into();
        let client = OrgClient::new(self.http.clone(), &org.origin, org.credentials)?;
        // An org that the program serves itself forgets its windows with the process.
        let served_here = org.origin != org.row.url;
        let keeper = Keeper {
            notes: self.notes.clone(),
            run: run.clone(),
            org: org.row.no,
            url: (!served_here).then(|| org.row.url.as_str().into()),
        };
        let remembered = self.remembered.get(&org.row.url);
        let remembered = remembered.filter(|_| !served_here);
        let lane = Lane::new(LaneConfig {
            org: Arc::clone(&name),
            limits: org.row.spec.limits.or(self.options.limits),
            retry: self.options.retry,
            places: self.places.clone(),
            events: self.events.clone(),
            interrupt: self.interrupt.clone(),
            credentials: org
                .row
                .spec
                .credentials()
                .map(|secret| secret.as_str().into()),
        });
        let nothing = Remembered::default();
        let lane = Arc::new(lane.kept(keeper, remembered.unwrap_or(&nothing)));
        let reader = Reader::new(Arc::clone(&lane), ReadOnlyClient::new(client.clone()));
        Ok(Shop {
            run: run.clone(),
            ledger: self.ledger.clone(),
            access: Access {
                lane,
                reader,
                secrets: org.secrets.covered_by(client.veil()),
                client,
                url: org.row.url,
                listing: Listing::default(),
                relisting: Relisting::default(),
                directory: OnceLock::new(),
                wanted: self.wanted.clone(),
                fingerprints: self.fingerprints.clone(),
                on_drift: self.options.on_drift,
                force: self.options.force,
                reconnect: self.options.reconnect.clone(),
            },
            selected: self.options.selected.clone(),
            retry: self.options.retry,
            call_timeout: self.options.http.timeout,
            org: name,
            next: org.next,
            events: self.events.clone(),
            places: self.places.clone(),
            interrupt: self.interrupt.clone(),
        })
    }
}
