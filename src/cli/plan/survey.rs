//! Looks at all orgs of a manifest at once, each through its own lane, and foretells what a run would do.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::gather::{Choice, Gathered, Gathering, gather};
use super::org::OrgSurvey;
use super::remembered::Remembered;
use crate::cli::access;
use crate::cli::context::RunContext;
use crate::cli::continuation;
use crate::cli::open;
use crate::cli::output::Output;
use crate::cli::progress;
use crate::cli::simulated::{Simulated, state_folder};
use crate::cli::target::Target;
use crate::event::Events;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, LedgerError, RunRow, Stored};
use crate::okta::{Http, OrgClient, ReadOnlyClient};
use crate::plan::OrgPlan;
use crate::report::counted;
use crate::run::{Interrupt, Lane, LaneConfig, OrgAccess, Places, Reader};
use crate::selection::Selection;
use crate::settings::{Animation, Settings};

/// What is asked of a plan.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Wish {
    /// See `--force`.
    pub force: bool,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// See `--only`.
    pub selection: Selection,
    /// The only rows to plan, if not all.
    pub rows: Option<HashSet<u64>>,
}

/// A plan, in order of the orgs' first use.
pub(in crate::cli) struct Surveyed {
    /// Every org with its entries.
    pub orgs: Vec<OrgPlan>,
    /// SHA-256 (hex) of the manifest's bytes.
    pub digest: String,
    /// The run that `run` would go on with.
    pub continues: Option<String>,
}

/// Reads the live state of everything a file speaks of; `None` when interrupted. Sends nothing but GETs.
///
/// # Errors
/// When the manifest has mistakes, or credentials or the ledger cannot be read: nothing was sent then.
pub(in crate::cli) async fn survey(
    target: &Target,
    wish: &Wish,
    settings: &Settings,
    output: Output,
    interrupt: &Interrupt,
) -> Result<Option<Surveyed>, Failure> {
    let ledger = open::readable_if_there(settings).await?;
    let goes_on = match &ledger {
        Some(ledger) => continuation::goes_on(ledger, target, None, &wish.selection).await?,
        None => None,
    };
    let choice = choose(wish, ledger.as_ref().zip(goes_on.as_ref())).await?;
    let gathered = gather(target, wish.allow_exec.into(), choice, output).await?;
    let http = Http::new(&target.policy.http).map_err(Failure::usage)?;
    let remembered = Arc::new(Remembered::read(ledger, &target.key).await?);
    let simulated = simulate(target, &gathered, settings).await?;
    let (rows, entries): (Vec<_>, Vec<_>) = gathered
        .orgs
        .into_iter()
        .map(|Gathering { org, entries }| (org, entries))
        .unzip();
    let context = RunContext::new(target)?;
    let orgs = access::open(rows, &context, wish.allow_exec, simulated.as_ref()).await?;
    output.note(format_args!(
        "reads the live state of {} in {}",
        counted(gathered.entries, "entry", "entries"),
        counted(orgs.len() as u64, "org", "orgs")
    ));
    let (events, receiver) = Events::channel();
    // Waits are told as lines: there is no run whose progress could be drawn.
    let shown = tokio::spawn(progress::show(receiver, Animation::Lines, output));
    let shared = Shared {
        http,
        places: Places::new(),
        events,
        interrupt: interrupt.clone(),
        remembered,
        force: wish.force,
    };
    let mut surveys = Vec::with_capacity(orgs.len());
    for (org, entries) in orgs.into_iter().zip(entries) {
        surveys.push((shared.org(target, org)?, entries));
    }
    let places = shared.places.clone();
    drop(shared);
    let mut tasks = JoinSet::new();
    for (no, (survey, entries)) in surveys.into_iter().enumerate() {
        let (places, interrupt) = (places.clone(), interrupt.clone());
        tasks.spawn(async move {
            // Without a place it is being interrupted, and no plan is wanted.
            let _place = places.org(&interrupt).await;
            (no, Box::pin(survey.run(entries)).await)
        });
    }
    let plans = collect(&mut tasks, interrupt).await;
    tasks.shutdown().await;
    drop(shown.await);
    if let Some(simulated) = simulated {
        simulated.stop().await;
    }
    Ok(plans?.map(|orgs| Surveyed {
        orgs,
        digest: gathered.digest,
        continues: goes_on.map(|run| run.id.0),
    }))
}

/// States are those of the run that goes on; in a new one all entries are pending.
async fn choose(wish: &Wish, goes_on: Option<(&Ledger, &RunRow)>) -> Result<Choice, LedgerError> {
    let Wish {
        selection, rows, ..
    } = wish;
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
            if selection.takes_stored(row.state) {
                rows.insert(row.row);
            }
        };
        ledger.for_each_entry(&run.id, each).await?;
        choice.rows = Some(rows);
    } else if !selection.takes_stored(Stored::Pending) {
        choice.rows = Some(HashSet::new());
    }
    Ok(choice)
}

type Tasks = JoinSet<(usize, Result<OrgPlan, LedgerError>)>;

async fn collect(
    tasks: &mut Tasks,
    interrupt: &Interrupt,
) -> Result<Option<Vec<OrgPlan>>, Failure> {
    let mut plans = Vec::with_capacity(tasks.len());
    loop {
        let joined = tokio::select! {
            // An org whose calls were given up has no plan.
            biased;
            () = interrupt.requested() => return Ok(None),
            joined = tasks.join_next() => joined,
        };
        match joined {
            Some(Ok((no, plan))) => plans.push((no, plan?)),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            None => break,
        }
    }
    plans.sort_by_key(|(no, _)| *no);
    Ok(Some(plans.into_iter().map(|(_, plan)| plan).collect()))
}

/// What all orgs share.
struct Shared {
    http: Http,
    places: Places,
    events: Events,
    interrupt: Interrupt,
    remembered: Arc<Remembered>,
    force: bool,
}

impl Shared {
    /// An org with the means to look at it, and no others.
    fn org(&self, target: &Target, org: OrgAccess) -> Result<OrgSurvey, Failure> {
        let limits = org.row.spec.limits.or(target.policy.limits);
        let lane = Lane::new(LaneConfig {
            org: org.row.name.as_str().into(),
            limits,
            retry: target.policy.retry,
            places: self.places.clone(),
            events: self.events.clone(),
            interrupt: self.interrupt.clone(),
        });
        let client = OrgClient::new(self.http.clone(), &org.origin, org.credentials)
            .map_err(Failure::usage)?;
        Ok(OrgSurvey {
            name: org.row.name,
            url: org.row.url,
            limits,
            reader: Reader::new(Arc::new(lane), ReadOnlyClient::new(client)),
            secrets: org.secrets,
            remembered: Arc::clone(&self.remembered),
            on_drift: target.policy.on_drift,
            force: self.force,
        })
    }
}

/// Serves the orgs that the program serves itself, as an earlier run left them. A look leaves no trace of them.
async fn simulate(
    target: &Target,
    gathered: &Gathered,
    settings: &Settings,
) -> Result<Option<Simulated>, Failure> {
    let mut served = gathered
        .orgs
        .iter()
        .filter(|gathering| access::is_sandbox(&gathering.org))
        .peekable();
    if served.peek().is_none() {
        return Ok(None);
    }
    let state = state_folder(&open::path(settings)?);
    let state = state.is_dir().then_some(state);
    let simulated = Simulated::start(&target.policy.sandbox, state).await?;
    for Gathering { org, entries } in served {
        simulated.add_org(&org.name)?;
        for kept in entries {
            simulated.seed(&org.name, &kept.entry())?;
        }
    }
    Ok(Some(simulated))
}
