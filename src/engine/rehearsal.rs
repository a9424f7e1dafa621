//! A run that is only rehearsed, in simulated time: the real gates, steps and order of entries, in orgs that exist in
//! memory only, without a ledger.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::failing::verdict_on;
use super::org_permit::OrgPermit;
use super::process::Engine;
use crate::job::{OnDrift, RetryPolicy};
use crate::manifest::{Entry, Limits, OrgSpec};
use crate::okta::{Credentials, Http, HttpError, HttpSettings, OrgClient};
use crate::pacing::{Gate, Gated, Verdict};
use crate::plan::{LiveConnection, LiveStatus, Past, Seen, SeenApp};
use crate::steps::{Answering, OrgApps, Pause, Rehearsed, RehearsedOrg, rehearse};

/// Where no org is.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How a run is rehearsed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RehearsalPolicy {
    /// When a step is tried again.
    pub retry: RetryPolicy,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// What is done about changes made by hand.
    pub on_drift: OnDrift,
    /// How long after it was asked for a consent is given; `None` = never.
    pub consent_after: Option<Duration>,
}

/// An org of a rehearsal, where nothing is as wanted.
pub struct OrgToRehearse<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is said of it.
    pub spec: &'a OrgSpec,
    /// Its entries, in the order in which they are taken up.
    pub entries: Box<dyn Iterator<Item = Entry> + 'a>,
    /// Its apps.
    pub apps: OrgApps,
    /// How it answers.
    pub answering: Answering,
}

/// What became of an org's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgRehearsed {
    /// Entries.
    pub entries: u64,
    /// Calls, those that were refused or failed included.
    pub calls: u64,
    /// How many of them asked what features an app has.
    pub feature_lists: u64,
    /// Entries that needed a person's consent.
    pub consents: u64,
    /// Entries that ended neither as wanted nor waiting.
    pub failed: u64,
    /// How long it took from the org's first call on.
    pub wall: Duration,
    /// How long of that nothing could be sent.
    pub waited: Duration,
}

/// Rehearses these orgs side by side, as a run works on them; the results are in the same order.
///
/// # Errors
/// When no client can be made, which nothing is sent with.
pub async fn rehearse_orgs(
    engine: &Engine,
    orgs: Vec<OrgToRehearse<'_>>,
    policy: &RehearsalPolicy,
) -> Result<Vec<OrgRehearsed>, HttpError> {
    let http = engine.http(&HttpSettings::default())?;
    let worlds = Worlds::new(policy.on_drift);
    let tasks = orgs.into_iter().map(|org| {
        let task = OrgTask {
            engine,
            http: &http,
            policy,
            worlds: &worlds,
        };
        // Boxed, so that orgs that wait for their turn take little memory.
        Box::pin(async move { Box::pin(task.run(org)).await })
    });
    join_all(tasks).await.into_iter().collect()
}

/// What there is of an app before the run.
struct Worlds {
    /// It is still to be created.
    without: Seen,
    /// It is there, and nobody has connected it.
    with: Seen,
}

impl Worlds {
    fn new(on_drift: OnDrift) -> Self {
        let connection = LiveConnection {
            status: LiveStatus::Disabled,
            ..LiveConnection::default()
        };
        let app = SeenApp {
            connection,
            ..SeenApp::default()
        };
        let seen = |app| Seen {
            app,
            past: Past {
                on_drift,
                ..Past::default()
            },
            ..Seen::default()
        };
        Self {
            without: seen(None),
            with: seen(Some(app)),
        }
    }

    const fn of(&self, entry: &Entry) -> &Seen {
        if entry.create.is_some() {
            &self.without
        } else {
            &self.with
        }
    }
}

#[derive(Clone, Copy)]
struct OrgTask<'a> {
    engine: &'a Engine,
    http: &'a Http,
    policy: &'a RehearsalPolicy,
    worlds: &'a Worlds,
}

/// How many entries of an org are at work.
#[derive(Default)]
struct AtWork {
    count: Cell<usize>,
    fell: Notify,
}

impl AtWork {
    fn begin(&self) {
        self.count.set(self.count.get() + 1);
    }

    fn end(&self) {
        self.count.set(self.count.get() - 1);
        self.fell.notify_one();
    }
}

impl OrgTask<'_> {
    async fn run(self, org: OrgToRehearse<'_>) -> Result<OrgRehearsed, HttpError> {
        let (capacity, interrupt) = (self.engine.capacity(), self.engine.cancellation());
        let mut rehearsed = OrgRehearsed::default();
        let Some(permit) = capacity.org(interrupt).await else {
            return Ok(rehearsed);
        };
        let (mut permit, began) = (OrgPermit::new(permit), Instant::now());
        let in_memory = RehearsedOrg::new(self.open(org.name, org.spec)?, org.answering, org.apps);
        let (gate, at_work) = (in_memory.gate(), AtWork::default());
        let mut entries = org.entries.peekable();
        let mut under_way = FuturesUnordered::new();
        loop {
            if entries.peek().is_some() {
                permit
                    .take(at_work.count.get(), gate, capacity, interrupt)
                    .await;
            }
            while permit.has_room(at_work.count.get(), gate) {
                let Some(entry) = entries.next() else { break };
                at_work.begin();
                let (in_memory, at_work) = (&in_memory, &at_work);
                under_way.push(Box::pin(async move {
                    let ended = self.entry(&entry, in_memory, at_work).await;
                    at_work.end();
                    ended
                }));
            }
            if under_way.is_empty() && entries.peek().is_none() {
                break;
            }
            permit.give_up(at_work.count.get(), gate, capacity);
            tokio::select! {
                Some(ended) = under_way.next() => rehearsed.add(ended),
                () = at_work.fell.notified() => {}
            }
        }
        drop(under_way);
        rehearsed.wall = began.elapsed();
        rehearsed.waited += Duration::from_millis(gate.end_waits());
        Ok(rehearsed)
    }

    async fn entry(&self, entry: &Entry, org: &RehearsedOrg, at_work: &AtWork) -> Rehearsed {
        let rest = async |pause: Duration| {
            at_work.end();
            tokio::time::sleep(pause).await;
            at_work.begin();
            Some(pause)
        };
        let pauses = async |pause: Pause<'_>, _: &_| match pause {
            Pause::Consent => rest(self.policy.consent_after?).await,
            Pause::Failed {
                error,
                attempts,
                elapsed,
                ..
            } => {
                let (verdict, class) = verdict_on(&self.policy.retry, error, attempts, elapsed);
                if !matches!(verdict, Verdict::Retry | Verdict::Look) {
                    return None;
                }
                let pause = org.gate().retry_pause(attempts, class);
                if at_work.count.get() == 1 {
                    org.gate().begin_wait();
                }
                rest(pause).await
            }
        };
        rehearse(entry, self.worlds.of(entry), org, pauses).await
    }

    fn open(&self, name: &str, spec: &OrgSpec) -> Result<Arc<Gate>, HttpError> {
        // Neither is used: they tell the orgs' gates apart.
        let credentials = Credentials::Ssws(SecretString::from(name));
        let mut client = OrgClient::new(self.http.clone(), NOWHERE, credentials)?;
        Ok(self.engine.gates().open(Gated {
            name: name.into(),
            client: &mut client,
            spec,
            limits: self.policy.limits,
            retry: self.policy.retry,
            events: self.engine.events().clone(),
            interrupt: self.engine.cancellation().clone(),
            status: None,
            remembered: None,
        }))
    }
}

impl OrgRehearsed {
    /// Adds another org's figures; the time is that of the slower one.
    pub fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.calls += other.calls;
        self.feature_lists += other.feature_lists;
        self.consents += other.consents;
        self.failed += other.failed;
        self.wall = self.wall.max(other.wall);
        self.waited += other.waited;
    }

    fn add(&mut self, entry: Rehearsed) {
        self.entries += 1;
        self.calls += entry.calls;
        self.feature_lists += entry.feature_lists;
        self.consents += u64::from(entry.needed_consent);
        self.failed += u64::from(entry.failed);
        self.waited += Duration::from_millis(entry.waited_ms);
    }
}
