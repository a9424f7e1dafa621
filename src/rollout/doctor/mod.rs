//! Whether everything is in place that a run of a file needs: every org answers, its credentials are good and may do what
//! its entries want, clocks agree, and the ledger is sound. Sends nothing but GETs, one to an org where all is well, each
//! through the org's own gate, and makes and writes no ledger.

mod clock;
mod compare;
mod findings;
mod gather;
mod ledger;
mod org;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::engine::{Engine, NextCommands};
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::model::ErrorDetails;
use crate::okta::{Http, HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{Gated, idle_per_org};
use crate::rollout::access::{self, SECRETS_AT_ONCE, no_calls};
use crate::rollout::context::RunContext;
use crate::rollout::refused::Refused;
use crate::rollout::simulated::Simulated;
use crate::rollout::target::Target;
use crate::selection::Selection;
use crate::steps::Reader;
pub(crate) use clock::Skew;
pub(crate) use findings::{
    Credentials, Findings, Held, LedgerFindings, LedgerState, OrgFindings, Problem, Severity,
};
use gather::{Gathered, gather};
pub(crate) use ledger::size;
use org::{Examination, Wanted};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// See `--only`: which entries decide what orgs are asked, and what they need.
    pub selection: Selection,
}

/// What is known before anything is sent.
pub(crate) struct Checkup {
    orgs: Vec<Wanted>,
    shared: Shared,
}

/// What all orgs share.
struct Shared {
    engine: Engine,
    http: Http,
    settings: HttpSettings,
    target: Target,
    context: RunContext,
    allow_exec: bool,
    simulated: Option<Simulated>,
    /// Programs and files of credentials that are read at once: one that hangs holds up no org but its own.
    secrets: Semaphore,
}

impl Checkup {
    /// Reads the manifest; simulated orgs are served as they were left beside the ledger of this file.
    ///
    /// # Errors
    /// When the file has mistakes, or no call could be made: nothing was sent.
    pub async fn prepare(
        target: Target,
        request: Request,
        engine: &Engine,
        ledger: Option<&Path>,
    ) -> Result<Self, Refused> {
        refuse_states(&request.selection)?;
        let exec = request.allow_exec.into();
        let Gathered { orgs, samples } = gather(&target, exec, request.selection).await?;
        let settings = HttpSettings {
            idle_per_org: idle_per_org(orgs.len()),
            ..target.policy.http.clone()
        };
        let http = engine.http(&settings).map_err(no_calls)?;
        let samples = orgs
            .iter()
            .map(|org| (&org.row, samples.get(&org.row.name).cloned()));
        let simulated = Simulated::as_left(&target.policy.sandbox, ledger, samples).await?;
        Ok(Self {
            shared: Shared {
                engine: engine.clone(),
                http,
                settings,
                context: RunContext::new(&target.file, &target.policy)?,
                target,
                allow_exec: request.allow_exec,
                simulated,
                secrets: Semaphore::new(SECRETS_AT_ONCE),
            },
            orgs,
        })
    }

    /// How many orgs are asked.
    pub fn orgs(&self) -> usize {
        self.orgs.len()
    }

    /// Asks all orgs at once, and looks at the ledger meanwhile; `None` when interrupted.
    pub async fn run(self, ledger: &LedgerUrl) -> Result<Option<Findings>, Failure> {
        let entries = self.orgs.iter().map(|org| org.entries).sum();
        let shared = Arc::new(self.shared);
        let mut tasks = JoinSet::new();
        for (no, wanted) in self.orgs.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let engine = &shared.engine;
                // Without a place it is being interrupted, and nobody wants to know.
                let _place = engine.capacity().org(engine.cancellation()).await;
                (no, Box::pin(shared.ask(wanted)).await)
            });
        }
        let all = async { tokio::join!(collect(&mut tasks), ledger::examine(ledger, entries)) };
        let found = tokio::select! {
            biased;
            () = shared.engine.cancellation().cancelled() => None,
            found = all => Some(found),
        };
        tasks.shutdown().await;
        let file = shared.target.file.display().to_string();
        if let Some(shared) = Arc::into_inner(shared)
            && let Some(simulated) = shared.simulated
        {
            simulated.stop().await;
        }
        let Some((orgs, ledger)) = found else {
            return Ok(None);
        };
        Ok(orgs?.map(|mut orgs| {
            compare::clocks(&mut orgs);
            for org in &mut orgs {
                org.ok = findings::is_ok(&org.problems);
            }
            Findings {
                file,
                ok: ledger.ok && orgs.iter().all(|org| org.ok),
                orgs,
                ledger,
            }
        }))
    }
}

/// What orgs need does not depend on what became of their entries.
fn refuse_states(selection: &Selection) -> Result<(), Failure> {
    if !selection.has_states() {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "--only {selection}: orgs are asked whatever became of their entries; nothing was sent"
    );
    Err(Failure::usage(error).hint("leave the states out: --only org=NAME, --only app=APP"))
}

type Tasks = JoinSet<(usize, Result<Option<OrgFindings>, Failure>)>;

/// All orgs in order; `None` when one of them was interrupted.
async fn collect(tasks: &mut Tasks) -> Result<Option<Vec<OrgFindings>>, Failure> {
    let mut found = Vec::with_capacity(tasks.len());
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok((no, org)) => match org? {
                Some(org) => found.push((no, org)),
                None => return Ok(None),
            },
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    found.sort_by_key(|(no, _)| *no);
    Ok(Some(found.into_iter().map(|(_, org)| org).collect()))
}

impl Shared {
    /// Asks one org; `None` when interrupted.
    async fn ask(&self, wanted: Wanted) -> Result<Option<OrgFindings>, Failure> {
        let policy = &self.target.policy;
        let row = wanted.row.clone();
        let examination = Examination::new(wanted, policy.limits);
        let opened = {
            // It is never closed.
            let _permit = self.secrets.acquire().await;
            let next: Arc<NextCommands> = Arc::default();
            let simulated = self.simulated.as_ref();
            access::access(row, &self.context, self.allow_exec, simulated, &next).await?
        };
        let org = match opened {
            Ok(org) => org,
            Err(shut) => {
                let why = ErrorDetails::new(shut.why.to_string(), Some(shut.why.cure()));
                return Ok(Some(examination.unreadable(why)));
            }
        };
        let looks_swapped = org.credentials.looks_swapped();
        let mut client = match OrgClient::new(self.http.clone(), &org.origin, org.credentials) {
            Ok(client) => client,
            Err(error) => {
                let why = ErrorDetails::new(error.to_string(), error.hint());
                return Ok(Some(examination.unreadable(why)));
            }
        };
        let gate = self.engine.gates().open(Gated {
            name: org.row.name.as_str().into(),
            client: &mut client,
            spec: &org.row.spec,
            limits: policy.limits,
            retry: org::policy(policy.retry),
            events: self.engine.events().clone(),
            interrupt: self.engine.cancellation().clone(),
            status: None,
            remembered: None,
        });
        let reader = Reader::new(gate, ReadOnlyClient::new(client));
        let timeout = self.settings.timeout;
        Ok(examination.ask(&reader, timeout, looks_swapped).await)
    }
}
