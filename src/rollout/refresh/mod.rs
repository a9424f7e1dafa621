//! Reads the live state of all orgs of a manifest, each through its own gate, and foretells what a run would do. Sends
//! nothing but GETs, and writes nothing to the ledger.

mod app;
mod find;
mod gather;
mod hub;
mod means;
mod org;
mod remembered;
mod see_hub;
mod seen;
mod view;
mod waiting;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::task::JoinSet;

use crate::engine::{Engine, OrgAccess};
use crate::event::RunEvent;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, LedgerError, RunRow};
use crate::manifest::{Auth, Secrets};
use crate::model::EntryState;
use crate::okta::{Http, HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{CancellationToken, Gated, idle_per_org};
use crate::plan::{Obstacle, OrgPlan, WavePlan, book_elsewhere};
use crate::rollout::access::{self, Opened, no_calls};
use crate::rollout::context::RunContext;
use crate::rollout::continuation::goes_on;
use crate::rollout::needs::Needs;
use crate::rollout::refused::Refused;
use crate::rollout::simulated::{Simulated, is_sandbox};
use crate::rollout::target::Target;
use crate::rollout::waves::planned;
use crate::selection::{Ended, Selection};
use crate::steps::Reader;
use gather::{Choice, gather};
pub(crate) use gather::{Gathered, Gathering, Kept, gather_all, org_row};
use hub::{HubView, Hubs};
use means::Means;
use org::unseen;
use remembered::Remembered;
use view::OrgRefresh;

/// What is asked of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanRequest {
    /// See `--force`.
    pub force: bool,
    /// See `--reconnect`.
    pub reconnect: bool,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// See `--only`.
    pub selection: Selection,
    /// The only rows to plan, if not all.
    pub rows: Option<HashSet<u64>>,
}

/// A plan, in order of the orgs' first use.
pub(crate) struct Planned {
    /// Every org with its entries.
    pub orgs: Vec<OrgPlan>,
    /// The waves of the job, in order.
    pub waves: Vec<WavePlan>,
    /// SHA-256 (hex) of the manifest's bytes.
    pub digest: String,
    /// The run that `run` would continue with.
    pub continues: Option<String>,
}

/// What is known before anything is sent.
pub(crate) struct Prepared {
    ledger: Option<Ledger>,
    goes_on: Option<RunRow>,
    /// What the manifest wants.
    pub gathered: Gathered,
}

impl Prepared {
    /// Reads the manifest and what is remembered.
    ///
    /// # Errors
    /// When the manifest has mistakes, or the ledger cannot be read: nothing was sent then.
    pub async fn of(
        target: &Target,
        request: &PlanRequest,
        ledger: Option<Ledger>,
    ) -> Result<Self, Refused> {
        let goes_on = match &ledger {
            Some(ledger) => {
                let (selection, reconnect) = (&request.selection, request.reconnect);
                goes_on(ledger, target, None, selection, reconnect).await?
            }
            None => None,
        };
        let choice = choose(request, ledger.as_ref().zip(goes_on.as_ref())).await?;
        let gathered = gather(target, request.allow_exec.into(), choice).await?;
        Ok(Self {
            ledger,
            goes_on,
            gathered,
        })
    }

    /// Opens the orgs; simulated ones as they were left beside the ledger of this file. `None` when interrupted.
    pub async fn open(
        self,
        target: &Target,
        request: &PlanRequest,
        engine: &Engine,
        ledger: Option<&Path>,
    ) -> Result<Option<Ready>, Failure> {
        let gathered = self.gathered;
        let http = HttpSettings {
            idle_per_org: idle_per_org(gathered.orgs.len()),
            ..target.policy.http.clone()
        };
        let http = engine.http(&http).map_err(no_calls)?;
        let remembered = Arc::new(Remembered::read(self.ledger).await?);
        let orgs = gathered.orgs.iter().map(|gathering| {
            let entries = gathering.entries.iter().map(Kept::entry);
            (&gathering.org, entries)
        });
        let simulated = Simulated::as_left(&target.policy.sandbox, ledger, orgs).await?;
        let (rows, kept): (Vec<_>, Vec<_>) = gathered
            .orgs
            .into_iter()
            .map(|Gathering { org, entries }| (org, entries))
            .unzip();
        let context = RunContext::new(&target.file, &target.policy)?;
        let next = Arc::default();
        let orgs = tokio::select! {
            biased;
            // A secret that takes long is not waited for any more.
            () = engine.cancellation().cancelled() => return Ok(None),
            orgs = access::open(rows, &context, request.allow_exec, simulated.as_ref(), &next) => orgs?,
        };
        Ok(Some(Ready {
            orgs: orgs.into_iter().zip(kept).collect(),
            hubs: gathered.hubs,
            entries: gathered.entries,
            digest: gathered.digest,
            continues: self.goes_on.map(|run| run.id.0),
            http,
            remembered,
            simulated,
        }))
    }
}

/// Orgs that can be looked at.
pub(crate) struct Ready {
    /// Each with what is wanted of it.
    pub orgs: Vec<(Opened, Vec<Kept>)>,
    /// How many entries are planned.
    pub entries: u64,
    hubs: BTreeMap<String, Needs>,
    digest: String,
    continues: Option<String>,
    http: Http,
    remembered: Arc<Remembered>,
    simulated: Option<Simulated>,
}

impl Ready {
    /// Reads the live state; `None` when interrupted.
    pub async fn look(
        self,
        target: &Target,
        request: &PlanRequest,
        engine: &Engine,
    ) -> Result<Option<Planned>, Failure> {
        engine.events().run(|| RunEvent::Started {
            entries: self.entries,
            ended: 0,
        });
        let shared = Shared {
            engine: engine.clone(),
            http: self.http,
            remembered: self.remembered,
            looked: Arc::default(),
            force: request.force,
            reconnect: request.reconnect,
        };
        let plans = look(shared, target, self.orgs, self.hubs).await;
        if let Some(simulated) = self.simulated {
            simulated.stop().await;
        }
        Ok(plans?.map(|orgs| Planned {
            waves: planned(&target.policy.waves, &orgs),
            orgs,
            digest: self.digest,
            continues: self.continues,
        }))
    }
}

/// Looks at all orgs at once; `None` when interrupted.
async fn look(
    shared: Shared,
    target: &Target,
    orgs: Vec<(Opened, Vec<Kept>)>,
    needs: BTreeMap<String, Needs>,
) -> Result<Option<Vec<OrgPlan>>, Failure> {
    let mut plans = Vec::new();
    let (mut open, mut hubs) = (Vec::with_capacity(orgs.len()), Hubs::new());
    for (no, (org, entries)) in orgs.into_iter().enumerate() {
        let org = match org {
            Ok(org) => shared.means(target, org)?,
            Err(shut) => {
                if needs.contains_key(&shut.row.name) {
                    let why = Obstacle::new(shut.why.to_string(), shut.why.remedy.clone());
                    hubs.insert(shut.row.name.clone(), Err(why));
                }
                plans.push((no, unseen(*shut, entries)));
                continue;
            }
        };
        if let Some(needs) = needs.get(&org.0.name) {
            let mut needs = needs.clone();
            let selected = entries.iter().filter(|kept| kept.selected);
            selected.for_each(|kept| needs.add(&kept.entry()));
            let view = HubView::new(org.0.clone(), needs);
            hubs.insert(org.0.name.clone(), Ok(Arc::new(view)));
        }
        open.push((no, org, entries));
    }
    let hubs = Arc::new(hubs);
    let mut tasks = JoinSet::new();
    for (no, (means, secrets), entries) in open {
        let refresh = shared.org(target, means, secrets, &hubs);
        let engine = shared.engine.clone();
        tasks.spawn(async move {
            // Without a place it is being interrupted, and no plan is wanted.
            let _place = engine.capacity().org(engine.cancellation()).await;
            (no, Box::pin(refresh.run(entries)).await)
        });
    }
    let plans = collect(plans, &mut tasks, shared.engine.cancellation()).await;
    tasks.shutdown().await;
    let Some(mut plans) = plans? else {
        return Ok(None);
    };
    for plan in &mut plans {
        if let Some(Ok(hub)) = hubs.get(&plan.name) {
            hub.complete(plan).await;
        }
    }
    Ok(Some(plans))
}

/// States are those of the run that continues; in a new one all entries are pending.
async fn choose(
    request: &PlanRequest,
    goes_on: Option<(&Ledger, &RunRow)>,
) -> Result<Choice, LedgerError> {
    let PlanRequest {
        selection, rows, ..
    } = request;
    let mut choice = Choice {
        selection: selection.with_state(None),
        rows: rows.clone(),
    };
    if !selection.has_states() {
        return Ok(choice);
    }
    if let Some((ledger, run)) = goes_on {
        let mut rows = HashSet::new();
        let each = |row: EntryRow| {
            if selection.takes_stored(
                row.state,
                Ended::of(row.progress.changed, row.progress.is_deactivated()),
            ) {
                rows.insert(row.row);
            }
        };
        ledger.for_each_entry(&run.id, each).await?;
        choice.rows = Some(rows);
    } else if !selection.takes_stored(EntryState::Pending, Ended::Unchanged) {
        choice.rows = Some(HashSet::new());
    }
    Ok(choice)
}

type Tasks = JoinSet<(usize, Result<OrgPlan, LedgerError>)>;

async fn collect(
    mut plans: Vec<(usize, OrgPlan)>,
    tasks: &mut Tasks,
    interrupt: &CancellationToken,
) -> Result<Option<Vec<OrgPlan>>, Failure> {
    loop {
        let joined = tokio::select! {
            // An org whose calls were given up has no plan.
            biased;
            () = interrupt.cancelled() => return Ok(None),
            joined = tasks.join_next() => joined,
        };
        match joined {
            Some(Ok((no, plan))) => plans.push((no, plan?)),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            None => break,
        }
    }
    plans.sort_by_key(|(no, _)| *no);
    let mut plans: Vec<_> = plans.into_iter().map(|(_, plan)| plan).collect();
    book_elsewhere(&mut plans);
    Ok(Some(plans))
}

/// What all orgs share.
struct Shared {
    engine: Engine,
    http: Http,
    remembered: Arc<Remembered>,
    looked: Arc<AtomicU64>,
    force: bool,
    reconnect: bool,
}

impl Shared {
    /// The means to look at an org, and what its entries' secrets are read with.
    fn means(&self, target: &Target, org: OrgAccess) -> Result<(Means, Secrets), Failure> {
        let mut client = OrgClient::new(self.http.clone(), &org.origin, org.credentials)
            .map_err(Failure::usage)?;
        let limits = target.policy.limits;
        let gate = self.engine.gates().open(Gated {
            name: org.row.name.as_str().into(),
            client: &mut client,
            spec: &org.row.spec,
            limits,
            retry: target.policy.retry,
            events: self.engine.events().clone(),
            interrupt: self.engine.cancellation().clone(),
            status: None,
            remembered: None,
        });
        let secrets = org.secrets.covered_by(client.veil());
        let means = Means {
            limits: org.row.spec.limits.or(limits),
            asked: match &org.row.spec.auth {
                Some(Auth::PrivateKeyJwt(jwt)) if !is_sandbox(&org.row) => Some(jwt.scopes.clone()),
                _ => None,
            },
            name: org.row.name,
            url: org.row.url,
            origin: client.origin().to_owned(),
            reader: Reader::new(gate, ReadOnlyClient::new(client)),
        };
        Ok((means, secrets))
    }

    /// An org with the means to look at it, and no others.
    fn org(&self, target: &Target, means: Means, secrets: Secrets, hubs: &Arc<Hubs>) -> OrgRefresh {
        OrgRefresh {
            means,
            events: self.engine.events().clone(),
            looked: Arc::clone(&self.looked),
            hubs: Arc::clone(hubs),
            secrets,
            remembered: Arc::clone(&self.remembered),
            on_drift: target.policy.on_drift,
            force: self.force,
            reconnect: self.reconnect,
        }
    }
}
