//! Where consents are handed in and links renewed, for the commands and for the desk: the orgs are opened as their files
//! say them now, or are those that a run of this process serves itself.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use crate::cli::context::policy;
use crate::cli::output::Output;
use crate::consent::reader::Reading;
use crate::engine::{Engine, OrgAccess, RunOptions};
use crate::failure::Failure;
use crate::ledger::{Ledger, Pending, RunRow};
use crate::manifest;
use crate::model::RunId;
use crate::rollout::access::{SECRETS_AT_ONCE, access, can_call, moved};
use crate::rollout::consent::{Answered, Desk, Refreshed, Unopened};
use crate::rollout::context::{RunContext, options, orgs_now};
use crate::rollout::simulated::is_sandbox;
use crate::selection::Selection;
use crate::settings::Settings;

/// See the first lines of this file.
pub(in crate::cli) struct Seat<'a> {
    ledger: &'a Ledger,
    options: RunOptions,
    allow_exec: bool,
    settings: &'a Settings,
    output: Output,
}

impl<'a> Seat<'a> {
    /// One at this ledger, by the policy of this run.
    pub fn of(
        (ledger, run): (&'a Ledger, &RunRow),
        allow_exec: bool,
        settings: &'a Settings,
        output: Output,
    ) -> Result<Self, Failure> {
        let policy = policy(&RunContext::of(run)?, settings, output)?;
        can_call(&policy.http)?;
        Ok(Self {
            ledger,
            options: options(&policy, false),
            allow_exec,
            settings,
            output,
        })
    }

    /// Hands answers in; see [`Desk::complete`].
    pub async fn hand_in(
        &self,
        engine: &Engine,
        (reading, only): (Reading, Option<&str>),
        tell: impl FnMut(usize, Answered),
    ) -> Result<(), Failure> {
        let orgs = Orgs::of(self, engine);
        let open = async |pending: &Pending| orgs.open(pending).await;
        let desk = Desk::new(&engine.child(), self.ledger, &self.options, open).await;
        let mut desk = desk.map_err(Failure::usage)?;
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
        let desk = Desk::new(&engine.child(), self.ledger, &self.options, open).await;
        let mut desk = desk.map_err(Failure::usage)?;
        let refreshed = desk.refresh(pending, tell).await;
        refreshed.map_err(Failure::usage)
    }
}

/// Opens orgs when they are asked for.
struct Orgs<'a> {
    seat: &'a Seat<'a>,
    engine: &'a Engine,
    // Programs of `exec:` secrets that run at once.
    places: Semaphore,
    // The orgs of each run as their files say them now.
    now: Mutex<HashMap<RunId, Arc<manifest::Orgs>>>,
}

impl<'a> Orgs<'a> {
    fn of(seat: &'a Seat<'a>, engine: &'a Engine) -> Self {
        Self {
            seat,
            engine,
            places: Semaphore::const_new(SECRETS_AT_ONCE),
            now: Mutex::default(),
        }
    }

    /// Read once a run.
    async fn now(&self, run: &RunId, context: &RunContext) -> Result<Arc<manifest::Orgs>, Failure> {
        let mut now = self.now.lock().await;
        if let Some(orgs) = now.get(run) {
            return Ok(Arc::clone(orgs));
        }
        let policy = policy(context, self.seat.settings, self.seat.output)?;
        let orgs = Arc::new(orgs_now(&policy)?);
        now.insert(run.clone(), Arc::clone(&orgs));
        Ok(orgs)
    }

    async fn open(&self, pending: &Pending) -> anyhow::Result<OrgAccess> {
        let Seat {
            ledger, allow_exec, ..
        } = *self.seat;
        let place = self.places.acquire().await?;
        let run = ledger.run(&pending.run).await?;
        let context = RunContext::of(&run).map_err(|failure| failure.error)?;
        let next = Arc::new(context.next_commands(&run, &Selection::default()));
        if is_sandbox(&pending.org) {
            let served = self.engine.live().served(&pending.run, pending.org.no);
            let Some(served) = served else {
                anyhow::bail!(
                    "org {} is simulated by okta-rollout itself, and only while a run lives: resume run {}",
                    pending.org.name,
                    run.id.0
                );
            };
            return Ok(OrgAccess {
                row: pending.org.clone(),
                origin: served.origin,
                credentials: served.credentials,
                secrets: context.secrets(allow_exec),
                next,
            });
        }
        let now = self.now(&run.id, &context).await;
        let now = now.map_err(|failure| Unopened {
            message: format!("org {}: {failure}", pending.org.name),
            hint: failure.hint,
        })?;
        if let Some(why) = moved(&pending.org, &now) {
            return Err(anyhow::Error::new(Unopened {
                message: format!("org {}: {why}; nothing was sent there", pending.org.name),
                hint: Some(why.cure()),
            }));
        }
        let opened = access(pending.org.clone(), &context, allow_exec, None, &next).await;
        drop(place);
        Ok(opened.map_err(|failure| failure.error)??)
    }
}
