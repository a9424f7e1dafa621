//! One org of a rehearsal: as many entries at work as a run would have, each until it is done, fails, or waits for a
//! consent that nobody gives.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{OrgRehearsed, OrgToRehearse, RehearsalPolicy};
use crate::engine::failing::verdict_on;
use crate::engine::org_permit::OrgPermit;
use crate::engine::process::Engine;
use crate::engine::waves::InWave;
use crate::job::OnDrift;
use crate::manifest::{Entry, OrgSpec};
use crate::model::OrgNo;
use crate::okta::{Credentials, Http, HttpError, OrgClient};
use crate::pacing::{Gate, Gated, Verdict};
use crate::plan::{LiveConnection, LiveStatus, Past, Seen, SeenApp};
use crate::steps::{End, Pause, Rehearsed, RehearsedOrg, rehearse};

/// Where no org is.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What there is of an app before the run.
pub(super) struct Worlds {
    /// It is still to be created.
    without: Seen,
    /// It is there, and nobody has connected it.
    with: Seen,
}

impl Worlds {
    /// Where this is done about changes made by hand.
    pub fn new(on_drift: OnDrift) -> Self {
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

/// The orgs of a wave in which something moves: an entry that has not begun, is at work, or is tried again later. What
/// waits for a consent holds no wave up.
pub(super) struct Moving {
    orgs: Cell<usize>,
    is_over: Cell<bool>,
    at_rest: Notify,
}

impl Moving {
    /// So many orgs, which all begin at once.
    pub fn new(orgs: usize) -> Self {
        Self {
            orgs: Cell::new(orgs),
            is_over: Cell::new(false),
            at_rest: Notify::new(),
        }
    }

    /// Ends when nothing moves any more. What moves from then on does not count.
    pub async fn at_rest(&self) {
        while self.orgs.get() > 0 {
            self.at_rest.notified().await;
        }
        self.is_over.set(true);
    }

    /// Something of an org moves again.
    fn begin(&self) {
        self.orgs.set(self.orgs.get() + 1);
    }

    /// Nothing of an org moves any more.
    fn end(&self) {
        self.orgs.set(self.orgs.get() - 1);
        if self.orgs.get() == 0 {
            self.at_rest.notify_one();
        }
    }
}

/// What an org's entries are doing.
#[derive(Default)]
struct Doing {
    at_work: Cell<usize>,
    /// Those that wait for a person's consent.
    waiting: Cell<usize>,
    /// Notified when fewer are at work.
    rested: Notify,
}

impl Doing {
    fn begin(&self) {
        self.at_work.set(self.at_work.get() + 1);
    }

    fn end(&self) {
        self.at_work.set(self.at_work.get() - 1);
        self.rested.notify_one();
    }

    async fn rest(&self, pause: Duration) {
        self.end();
        tokio::time::sleep(pause).await;
        self.begin();
    }

    /// As [`Self::rest`], of an entry that does not move meanwhile.
    async fn wait(&self, pause: Duration) {
        self.waiting.set(self.waiting.get() + 1);
        self.rest(pause).await;
        self.waiting.set(self.waiting.get() - 1);
        self.rested.notify_one();
    }
}

/// An org of a run, and what it is rehearsed with.
#[derive(Clone, Copy)]
pub(super) struct OrgTask<'a> {
    pub engine: &'a Engine,
    pub http: &'a Http,
    pub policy: &'a RehearsalPolicy,
    pub worlds: &'a Worlds,
    pub in_wave: &'a InWave,
    pub moving: &'a Moving,
    pub wave_began: Instant,
    pub no: OrgNo,
}

impl OrgTask<'_> {
    /// Rehearses its entries, until nothing is to come any more.
    pub async fn run(self, org: OrgToRehearse<'_>) -> Result<OrgRehearsed, HttpError> {
        let (capacity, interrupt) = (self.engine.capacity(), self.engine.cancellation());
        let mut entries = org.entries;
        let mut rehearsed = OrgRehearsed {
            entries: entries.len() as u64,
            ..OrgRehearsed::default()
        };
        let Some(permit) = capacity.org(interrupt).await else {
            return Ok(rehearsed);
        };
        let (mut permit, began) = (OrgPermit::new(permit), Instant::now());
        let gate = self.open(org.name, org.spec)?;
        let halted = self.in_wave.halted().cloned();
        let in_memory = RehearsedOrg::new(gate, org.answering, org.apps, halted);
        let (gate, doing) = (in_memory.gate(), Doing::default());
        let mut under_way = FuturesUnordered::new();
        let mut moves = true;
        loop {
            let at_work = || doing.at_work.get();
            if self.is_left(entries.len()) {
                permit.take(at_work(), gate, capacity, interrupt).await;
            }
            while self.is_left(entries.len()) && permit.has_room(at_work(), gate) {
                let Some(entry) = entries.next() else { break };
                doing.begin();
                let (in_memory, doing) = (&in_memory, &doing);
                under_way.push(Box::pin(async move {
                    let ended = self.entry(&entry, in_memory, doing).await;
                    doing.end();
                    ended
                }));
            }
            let is_left = self.is_left(entries.len());
            let moves_now = is_left || under_way.len() > doing.waiting.get();
            match (std::mem::replace(&mut moves, moves_now), moves_now) {
                (false, true) => self.moving.begin(),
                (true, false) => {
                    if !self.moving.is_over.get() {
                        rehearsed.at_rest_after = self.wave_began.elapsed();
                    }
                    self.moving.end();
                }
                _ => {}
            }
            if under_way.is_empty() && !is_left {
                break;
            }
            permit.give_up(at_work(), gate, capacity);
            tokio::select! {
                Some(ended) = under_way.next() => rehearsed.add(ended),
                () = doing.rested.notified() => {}
            }
        }
        drop(under_way);
        rehearsed.not_begun += entries.len() as u64;
        rehearsed.wall = began.elapsed();
        rehearsed.waited += Duration::from_millis(gate.end_waits());
        rehearsed.at_its_limit = gate.was_at_its_limit();
        Ok(rehearsed)
    }

    /// Whether one of so many entries is still to begin.
    fn is_left(&self, entries: usize) -> bool {
        entries > 0 && !self.in_wave.is_halted()
    }

    async fn entry(&self, entry: &Entry, org: &RehearsedOrg, doing: &Doing) -> Rehearsed {
        let pauses = async |pause: Pause<'_>| match pause {
            Pause::Consent => {
                let given_after = self.policy.consent_after?;
                doing.wait(given_after).await;
                Some(given_after)
            }
            Pause::Failed {
                error,
                attempts,
                elapsed,
            } => {
                let (verdict, class) = verdict_on(&self.policy.retry, error, attempts, elapsed);
                if !matches!(verdict, Verdict::Retry | Verdict::Look) {
                    return None;
                }
                let pause = org.gate().retry_pause(attempts, class);
                if doing.at_work.get() == 1 {
                    org.gate().begin_wait();
                }
                doing.rest(pause).await;
                Some(pause)
            }
        };
        let rehearsed = rehearse(entry, self.worlds.of(entry), org, pauses).await;
        if rehearsed.end == End::Failed {
            self.in_wave.count_failure(self.no);
        }
        rehearsed
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
    fn add(&mut self, entry: Rehearsed) {
        self.calls += entry.calls;
        self.feature_lists += entry.feature_lists;
        self.consents += u64::from(entry.needed_consent);
        self.waited += Duration::from_millis(entry.waited_ms);
        match entry.end {
            End::AtRest => {}
            End::Failed => self.failed += 1,
            End::NotBegun => self.not_begun += 1,
        }
    }
}
