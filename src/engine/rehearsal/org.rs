//! One org of a rehearsal: as many entries at work as a run would have, those with a consent before those untouched, each
//! until it is done, fails, or waits for a consent that nobody gives.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::hub::Hubs;
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
use crate::steps::{End, Failed, Rehearsed, RehearsedOrg, RehearsedOrgs, TakenUp, rehearse};

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

/// How many entries of an org are at work.
#[derive(Default)]
struct AtWork {
    count: Cell<usize>,
    /// Notified when fewer are.
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

/// The entries of an org that are not under way, by their places.
struct Queue<'a> {
    /// The first that has not begun.
    next: usize,
    entries: usize,
    in_wave: &'a InWave,
    /// Those that wait for a consent, and when it is given; all wait equally long.
    waiting: VecDeque<(Instant, usize)>,
}

impl Queue<'_> {
    /// Whether one can be taken up now.
    fn is_ready(&self) -> bool {
        self.may_begin() || self.given().is_some_and(|at| at <= Instant::now())
    }

    /// Takes one up, those begun before those untouched.
    fn take(&mut self) -> Option<(usize, TakenUp)> {
        if self.given().is_some_and(|at| at <= Instant::now()) {
            return Some((self.waiting.pop_front()?.1, TakenUp::AfterConsent));
        }
        let no = self.next;
        self.may_begin().then(|| {
            self.next += 1;
            (no, TakenUp::AtStart)
        })
    }

    fn may_begin(&self) -> bool {
        self.next < self.entries && !self.in_wave.is_halted()
    }

    /// When the next consent is given.
    fn given(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// Ends when the next consent is given that is still to come.
    async fn when_given(&self) {
        match self.given().filter(|at| *at > Instant::now()) {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
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
    pub hubs: &'a Hubs,
    pub wave_began: Instant,
    pub no: OrgNo,
}

impl OrgTask<'_> {
    /// Rehearses its entries, until nothing is to come any more.
    pub async fn run(self, org: OrgToRehearse<'_>) -> Result<OrgRehearsed, HttpError> {
        let (capacity, interrupt) = (self.engine.capacity(), self.engine.cancellation());
        let mut rehearsed = OrgRehearsed {
            entries: org.entries as u64,
            ..OrgRehearsed::default()
        };
        let Some(permit) = capacity.org(interrupt).await else {
            return Ok(rehearsed);
        };
        let (mut permit, began) = (OrgPermit::new(permit), Instant::now());
        let gate = open((self.engine, self.http), self.policy, org.name, org.spec)?;
        let halted = self.in_wave.halted().cloned();
        let in_memory = RehearsedOrg::new(gate, org.answering, org.apps, halted);
        let (gate, at_work) = (in_memory.gate(), AtWork::default());
        let mut queue = self.queue(org.entries);
        let mut under_way = FuturesUnordered::new();
        let mut moves = true;
        loop {
            if queue.is_ready() {
                let at_work = at_work.count.get();
                permit.take(at_work, gate, capacity, interrupt).await;
            }
            while permit.has_room(at_work.count.get(), gate) {
                let Some((no, taken_up)) = queue.take() else {
                    break;
                };
                at_work.begin();
                let (in_memory, at_work, entry) = (&in_memory, &at_work, &org.entry);
                under_way.push(Box::pin(async move {
                    let ended = self.entry(&entry(no), taken_up, in_memory, at_work).await;
                    at_work.end();
                    (no, ended)
                }));
            }
            let moves_now = !under_way.is_empty() || queue.is_ready();
            if moves != moves_now {
                moves = moves_now;
                self.note(moves, &mut rehearsed);
            }
            if !moves && queue.given().is_none() {
                break;
            }
            permit.give_up(at_work.count.get(), gate, capacity);
            tokio::select! {
                Some((no, ended)) = under_way.next() => {
                    rehearsed.add(ended);
                    if let (End::Waits, Some(after)) = (ended.end, self.policy.consent_after) {
                        queue.waiting.push_back((Instant::now() + after, no));
                    }
                }
                () = at_work.fell.notified() => {}
                () = queue.when_given() => {}
            }
        }
        drop(under_way);
        rehearsed.not_begun += (org.entries - queue.next) as u64;
        rehearsed.wall = began.elapsed();
        rehearsed.waited += Duration::from_millis(gate.end_waits());
        rehearsed.at_its_limit = gate.was_at_its_limit();
        Ok(rehearsed)
    }

    const fn queue(&self, entries: usize) -> Queue<'_> {
        Queue {
            next: 0,
            entries,
            in_wave: self.in_wave,
            waiting: VecDeque::new(),
        }
    }

    /// Something moves again, or nothing any more.
    fn note(&self, moves: bool, rehearsed: &mut OrgRehearsed) {
        if moves {
            self.moving.begin();
            return;
        }
        if !self.moving.is_over.get() {
            rehearsed.at_rest_after = self.wave_began.elapsed();
        }
        self.moving.end();
    }

    async fn entry(
        &self,
        entry: &Entry,
        taken_up: TakenUp,
        org: &RehearsedOrg,
        at_work: &AtWork,
    ) -> Rehearsed {
        let pauses = async |failed: Failed<'_>| {
            let Failed {
                error,
                attempts,
                elapsed,
            } = failed;
            let (verdict, class) = verdict_on(&self.policy.retry, error, attempts, elapsed);
            if !matches!(verdict, Verdict::Retry | Verdict::Look) {
                return None;
            }
            let pause = org.gate().retry_pause(attempts, class);
            if at_work.count.get() == 1 {
                org.gate().begin_wait();
            }
            at_work.end();
            tokio::time::sleep(pause).await;
            at_work.begin();
            Some(pause)
        };
        let hub = entry.hub.as_ref().and_then(|hub| self.hubs.get(&hub.org));
        if let Some(hub) = hub {
            hub.begin();
        }
        let orgs = RehearsedOrgs {
            own: Some(org),
            hub: hub.map(|hub| &hub.org),
        };
        let rehearsed = rehearse(entry, self.worlds.of(entry), orgs, taken_up, pauses).await;
        if let Some(hub) = hub {
            hub.add(&rehearsed);
        }
        if rehearsed.end == End::Failed {
            self.in_wave.count_failure(self.no);
        }
        rehearsed
    }
}

/// The gate of an org, of which there is one however often it is opened.
pub(super) fn open(
    (engine, http): (&Engine, &Http),
    policy: &RehearsalPolicy,
    name: &str,
    spec: &OrgSpec,
) -> Result<Arc<Gate>, HttpError> {
    // Neither is used: they tell the orgs' gates apart.
    let credentials = Credentials::Ssws(SecretString::from(name));
    let mut client = OrgClient::new(http.clone(), NOWHERE, credentials)?;
    Ok(engine.gates().open(Gated {
        name: name.into(),
        client: &mut client,
        spec,
        limits: policy.limits,
        retry: policy.retry,
        events: engine.events().clone(),
        interrupt: engine.cancellation().clone(),
        status: None,
        remembered: None,
    }))
}

impl OrgRehearsed {
    fn add(&mut self, entry: Rehearsed) {
        self.calls += entry.calls - entry.hub_calls;
        self.feature_lists += entry.feature_lists;
        self.waited += Duration::from_millis(entry.waited_ms);
        match entry.end {
            End::Done => {}
            End::Waits => self.consents += 1,
            End::Failed => self.failed += 1,
            End::NotBegun => self.not_begun += 1,
        }
    }
}
