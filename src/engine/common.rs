//! What all orgs of a process share, and an org that is open.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::next::NextCommands;
use super::org_access::OrgAccess;
use super::org_context::OrgContext;
use super::process::Engine;
use super::run_orgs::{OrgName, RunOrgs};
use super::selected::Selected;
use super::waves::InWave;
use crate::job::{OnDrift, RetryPolicy, Wave};
use crate::ledger::{Ledger, LedgerError};
use crate::manifest::{Limits, Secrets};
use crate::model::{OrgNo, RunId};
use crate::okta::{Http, HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{CancellationToken, Gate, Gated, OrgStatusWriter, Remembered, StatusWriter};
use crate::selection::Selection;
use crate::steps::{
    Access, ClientList, Fingerprints, IdpList, LastWanted, Listing, Reader, Relisting,
};

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
    /// Groups of orgs of which each begins after the one before.
    pub waves: Arc<[Wave]>,
    /// Whether entries whose secrets are not here are left to other processes, instead of failing.
    pub leaves: bool,
    /// Orgs that are left to other processes.
    pub left: Arc<[OrgNo]>,
}

/// An org that calls can be made to: what of it stays while a process runs. Thousands wait for their turn with this.
pub struct OpenOrg {
    /// Its number in the run.
    pub no: OrgNo,
    /// Where its calls wait for their turn.
    pub gate: Arc<Gate>,
    run: RunId,
    known_as: OrgName,
    client: OrgClient,
    secrets: Secrets,
    next: Arc<NextCommands>,
    // Kept while the org rests: its entries come and go.
    clients: Arc<ClientList>,
    idps: Arc<IdpList>,
    waits: AtomicBool,
    is_elsewhere: bool,
}

impl OpenOrg {
    /// An entry of it waits for a consent: whoever hands it in makes this process continue with the org.
    pub(super) fn note_waiting(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Its URL as the ledger knows it.
    pub(super) fn url(&self) -> &str {
        &self.known_as.url
    }

    /// Whether others alone may work on it.
    pub(super) const fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// Nothing of it is in use any more. Of an org that may be woken the secrets stay covered: what it was sent it may
    /// repeat then.
    pub(super) fn rest(&self) {
        if !self.waits.load(Ordering::Relaxed) {
            self.client.veil().forget();
        }
    }
}

/// What all orgs of a process share.
pub struct Common {
    /// What it shares with all else, as this run or desk has it.
    pub engine: Engine,
    /// Where checkpoints go.
    pub ledger: Ledger,
    /// The policy.
    pub options: RunOptions,
    /// The HTTP client.
    pub http: Http,
    /// Keyed fingerprints of secrets.
    pub fingerprints: Fingerprints,
    /// What entries want of their features.
    pub wanted: LastWanted,
    /// What other processes have to know at once.
    pub status: StatusWriter,
    /// All orgs of the run, where one is worked on.
    pub(super) orgs: Arc<RunOrgs>,
    // What was known of rate limits when this process began, by org URL.
    remembered: HashMap<String, Remembered>,
    // The same as it was last looked for, where others spend from them, too.
    looked: tokio::sync::Mutex<Looked>,
}

/// What the ledger knew of rate limits then.
#[derive(Default)]
struct Looked {
    at: Option<Instant>,
    remembered: HashMap<String, Remembered>,
}

impl Common {
    /// Opens what all orgs share.
    pub async fn new(
        engine: &Engine,
        ledger: &Ledger,
        options: &RunOptions,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: engine.http(&options.http)?,
            fingerprints: Fingerprints::new(ledger.keys().await?),
            wanted: LastWanted::default(),
            status: StatusWriter::new(ledger.clone(), engine.cancellation().clone()),
            ledger: ledger.clone(),
            options: options.clone(),
            orgs: Arc::default(),
            engine: engine.clone(),
            remembered: Remembered::load(ledger).await?,
            looked: tokio::sync::Mutex::default(),
        })
    }

    /// What the ledger knows of an org's rate limits now. Those who ask together are told together.
    pub(super) async fn remembered_of(
        &self,
        org_url: &str,
    ) -> Result<Option<Remembered>, LedgerError> {
        let asked = Instant::now();
        let mut looked = self.looked.lock().await;
        if looked.at.is_none_or(|at| at < asked) {
            *looked = Looked {
                at: Some(Instant::now()),
                remembered: Remembered::load(&self.ledger).await?,
            };
        }
        Ok(looked.remembered.remove(org_url))
    }

    /// Opens an org.
    pub fn open(&self, run: &RunId, org: OrgAccess) -> anyhow::Result<OpenOrg> {
        let known_as = OrgName::of(&org.row, &org.origin);
        let mut client = OrgClient::new(self.http.clone(), &org.origin, org.credentials)?;
        // An org that the program serves itself forgets its windows with the process.
        let served_here = org.origin != org.row.url;
        let writer = OrgStatusWriter {
            status: self.status.clone(),
            run: run.clone(),
            org: org.row.no,
            url: (!served_here).then(|| org.row.url.as_str().into()),
        };
        let remembered = self.remembered.get(&org.row.url);
        let remembered = remembered.filter(|_| !served_here);
        let gate = self.engine.gates().open(Gated {
            name: Arc::clone(&known_as.name),
            client: &mut client,
            spec: &org.row.spec,
            limits: self.options.limits,
            retry: self.options.retry,
            events: self.engine.events().clone(),
            interrupt: self.engine.cancellation().clone(),
            status: Some(writer),
            remembered,
        });
        Ok(OpenOrg {
            no: org.row.no,
            gate,
            run: run.clone(),
            known_as,
            client,
            secrets: org.secrets,
            next: org.next,
            clients: Arc::default(),
            idps: Arc::default(),
            waits: AtomicBool::default(),
            is_elsewhere: org.is_elsewhere,
        })
    }

    /// What the workers of an org share while it is worked on. `until`: when they are to stop, if that may be earlier than
    /// the run.
    pub fn org_context(&self, org: &OpenOrg, until: Option<CancellationToken>) -> OrgContext {
        let client = org.client.clone();
        let (gate, interrupt) = match until {
            Some(until) => (Arc::new(org.gate.until(until.clone())), until),
            None => (Arc::clone(&org.gate), self.engine.cancellation().clone()),
        };
        let reader = Reader::new(Arc::clone(&gate), ReadOnlyClient::new(client.clone()));
        OrgContext {
            run: org.run.clone(),
            ledger: self.ledger.clone(),
            access: Access {
                gate,
                reader,
                secrets: org.secrets.clone().covered_by(client.veil()),
                client,
                listing: Listing::default(),
                relisting: Relisting::default(),
                clients: Arc::clone(&org.clients),
                idps: Arc::clone(&org.idps),
                directory: OnceLock::new(),
                wanted: self.wanted.clone(),
                fingerprints: self.fingerprints.clone(),
                on_drift: self.options.on_drift,
                force: self.options.force,
                reconnect: self.options.reconnect.clone(),
            },
            selected: self.options.selected.clone(),
            in_wave: InWave::default(),
            retry: self.options.retry,
            call_timeout: self.options.http.timeout,
            leaves: self.options.leaves,
            no: org.no,
            known_as: org.known_as.clone(),
            orgs: Arc::clone(&self.orgs),
            next: Arc::clone(&org.next),
            events: self.engine.events().for_run(&org.run),
            capacity: self.engine.capacity().clone(),
            interrupt,
        }
    }
}
