//! Where consents are handed in and links renewed, for the commands and for the desk: the orgs are opened as their files
//! say them now, or are those that a run of this process serves itself. What is done for an entry is done by the policy
//! of its own run, whatever other runs there are.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell, Semaphore};

use crate::cli::context::policy;
use crate::cli::output::Output;
use crate::consent::reader::Reading;
use crate::engine::{Engine, OrgAccess};
use crate::failure::Failure;
use crate::ledger::{Ledger, Pending, RunRow};
use crate::manifest;
use crate::model::RunId;
use crate::rollout::access::{SECRETS_AT_ONCE, access, can_call, moved};
use crate::rollout::consent::{Answered, Desk, Reached, Refreshed, Sighted, Unopened};
use crate::rollout::context::{RunContext, options};
use crate::rollout::orgs_now::orgs_now;
use crate::rollout::simulated::is_sandbox;
use crate::selection::Selection;
use crate::settings::{Policy, Settings};

/// See the first lines of this file.
pub(in crate::cli) struct Seat<'a> {
    pub ledger: &'a Ledger,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    pub settings: &'a Settings,
    pub output: Output,
}

impl Seat<'_> {
    /// Hands answers in; see [`Desk::complete`].
    pub async fn hand_in(
        &self,
        engine: &Engine,
        (reading, only): (Reading, Option<&str>),
        tell: impl FnMut(Sighted, Answered),
    ) -> Result<(), Failure> {
        let orgs = Orgs::of(self, engine);
        let open = async |pending: &Pending| orgs.open(pending).await;
        let mut desk = Desk::new(&engine.child(), self.ledger, open);
        let completed = desk.complete(reading, only, tell).await;
        completed.map_err(Failure::usage)
    }

    /// Gets fresh links; see [`Desk::refresh`].
    pub async fn renew(
        &self,
        engine: &Engine,
        pending: Vec<Pending>,
        tell: impl FnMut(usize, Refreshed),
    ) -> Result<(), Failure> {
        let orgs = Orgs::of(self, engine);
        let open = async |pending: &Pending| orgs.open(pending).await;
        let mut desk = Desk::new(&engine.child(), self.ledger, open);
        let refreshed = desk.refresh(pending, tell).await;
        refreshed.map_err(Failure::usage)
    }
}

/// A run that entries are of, with its policy as its job says it now.
struct OfRun {
    row: RunRow,
    context: RunContext,
    policy: Policy,
    /// As their files say them now.
    orgs: OnceCell<Result<manifest::Orgs, Unopened>>,
}

impl OfRun {
    async fn read(seat: &Seat<'_>, run: &RunId) -> Result<Self, Failure> {
        let row = seat.ledger.run(run).await?;
        let context = RunContext::of(&row)?;
        let policy = policy(&context, seat.settings, seat.output)?;
        can_call(&policy.http)?;
        Ok(Self {
            row,
            context,
            policy,
            orgs: OnceCell::new(),
        })
    }
}

/// Opens orgs when they are asked for.
struct Orgs<'a> {
    seat: &'a Seat<'a>,
    engine: &'a Engine,
    // Programs of `exec:` secrets that run at once.
    places: Semaphore,
    // Each is read once, and so is what is wrong with it told.
    runs: Mutex<HashMap<RunId, Result<Arc<OfRun>, Unopened>>>,
}

impl<'a> Orgs<'a> {
    fn of(seat: &'a Seat<'a>, engine: &'a Engine) -> Self {
        Self {
            seat,
            engine,
            places: Semaphore::const_new(SECRETS_AT_ONCE),
            runs: Mutex::default(),
        }
    }

    async fn run(&self, run: &RunId) -> Result<Arc<OfRun>, Unopened> {
        let mut runs = self.runs.lock().await;
        if let Some(known) = runs.get(run) {
            return known.clone();
        }
        let read = OfRun::read(self.seat, run).await;
        let read = read.map(Arc::new).map_err(why);
        runs.insert(run.clone(), read.clone());
        read
    }

    async fn open(&self, pending: &Pending) -> anyhow::Result<Reached> {
        let allow_exec = self.seat.allow_exec;
        let place = self.places.acquire().await?;
        let unopened = |why: Unopened| Unopened {
            message: format!("org {}: {}", pending.org.name, why.message),
            ..why
        };
        let run = self.run(&pending.run).await.map_err(unopened)?;
        let (context, options) = (&run.context, options(&run.policy, false));
        let next = Arc::new(context.next_commands(&run.row, &Selection::default()));
        if is_sandbox(&pending.org) {
            let served = self.engine.live().served(&pending.run, pending.org.no);
            let Some(served) = served else {
                anyhow::bail!(
                    "org {} is simulated by okta-rollout itself, and only while a run lives: resume run {}",
                    pending.org.name,
                    run.row.id.0
                );
            };
            let reached = OrgAccess {
                is_elsewhere: false,
                row: pending.org.clone(),
                origin: served.origin,
                credentials: served.credentials,
                secrets: context.secrets(allow_exec),
                next,
            };
            return Ok((reached, options));
        }
        let read = async || orgs_now(&run.policy).map_err(why);
        let now = run.orgs.get_or_init(read).await;
        let now = now.as_ref().map_err(|why| unopened(why.clone()))?;
        if let Some(why) = moved(&pending.org, now) {
            return Err(anyhow::Error::new(Unopened {
                message: format!("org {}: {why}; nothing was sent there", pending.org.name),
                hint: Some(why.cure()),
            }));
        }
        let opened = access(pending.org.clone(), context, allow_exec, None, &next).await;
        drop(place);
        Ok((opened.map_err(|failure| failure.error)??, options))
    }
}

fn why(failure: Failure) -> Unopened {
    Unopened {
        message: failure.to_string(),
        hint: failure.hint,
    }
}
