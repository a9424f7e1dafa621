//! The orgs of a desk: each is opened once, however many entries ask for it at the same time, so that its
//! gate bounds what all of them send. Each is used by the policy of the run that the entry is of.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::engine::{Common, Engine, OrgAccess, OrgContext, RunOptions};
use crate::ledger::{Ledger, LedgerError, Pending};
use crate::manifest::Connection;
use crate::model::{OrgNo, RunId};

/// An org that is open.
pub(super) struct Open {
    /// What its entries share.
    pub org_context: Arc<OrgContext>,
}

/// Why an org could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unopened {
    /// The org, and what failed.
    pub message: String,
    /// The edit or flag that helps, where one is known.
    pub hint: Option<String>,
}

impl Unopened {
    fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref().cloned().unwrap_or_else(|| Self {
            message: format!("{error:#}"),
            hint: None,
        })
    }
}

type Opened = Result<Arc<Open>, Unopened>;

/// Filled by who asks first.
type Slot = Arc<OnceCell<Opened>>;

/// An org that can be reached, and the policy of its run.
pub type Reached = (OrgAccess, RunOptions);

/// The orgs opened so far, and those that are being opened now.
pub(super) struct OpenOrgs<F> {
    pub engine: Engine,
    pub ledger: Ledger,
    access: F,
    /// What the orgs of a run share.
    of_runs: tokio::sync::Mutex<HashMap<RunId, Arc<Common>>>,
    slots: Mutex<HashMap<(String, OrgNo), Slot>>,
}

impl<F> OpenOrgs<F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<Reached>,
{
    pub fn new(engine: &Engine, ledger: &Ledger, access: F) -> Self {
        Self {
            engine: engine.clone(),
            ledger: ledger.clone(),
            access,
            of_runs: tokio::sync::Mutex::default(),
            slots: Mutex::default(),
        }
    }

    /// Ends once what others have to know of the orgs is in the ledger.
    pub async fn settled(&self) -> Result<(), LedgerError> {
        for common in self.of_runs.lock().await.values() {
            common.status.settled().await?;
        }
        Ok(())
    }

    /// Opens anew, when next asked, what was stopped or could not be opened: it may have been fixed since.
    pub fn forget_broken(&self) {
        self.slots.lock().retain(|_, slot| match slot.get() {
            Some(Ok(open)) => open.org_context.access.gate.stopped().is_none(),
            Some(Err(_)) | None => false,
        });
    }

    /// The org of an entry. Who asks meanwhile waits for the same; what went wrong is told to each.
    pub async fn open(&self, pending: &Pending) -> anyhow::Result<Arc<Open>> {
        let key = (pending.run.0.clone(), pending.org.no);
        let slot = Arc::clone(self.slots.lock().entry(key).or_default());
        let opened = slot.get_or_init(|| self.try_open(pending)).await;
        let open = opened.clone().map_err(anyhow::Error::new)?;
        let own = pending.entry.entry.connection.iter();
        let own = own.flat_map(Connection::secrets);
        open.org_context.access.secrets.cover(own).await;
        Ok(open)
    }

    async fn try_open(&self, pending: &Pending) -> Opened {
        let reached = tokio::select! {
            biased;
            // A secret that takes long is not waited for any more.
            () = self.engine.cancellation().cancelled() => {
                let name = &pending.org.name;
                Err(anyhow::anyhow!("org {name}: stopped; nothing was sent there"))
            }
            reached = (self.access)(pending) => reached,
        };
        let org_context = match reached {
            Ok(reached) => self.context(&pending.run, reached).await,
            Err(error) => Err(error),
        };
        let org_context = Arc::new(org_context.map_err(|error| Unopened::of(&error))?);
        let known = self
            .ledger
            .secrets(&pending.run, Some(pending.org.no))
            .await;
        let known = known.map_err(|error| Unopened::of(&error.into()))?;
        let known = known.into_values().flatten();
        org_context.access.secrets.cover(known).await;
        Ok(Arc::new(Open { org_context }))
    }

    async fn context(&self, run: &RunId, (access, options): Reached) -> anyhow::Result<OrgContext> {
        let mut of_runs = self.of_runs.lock().await;
        let common = if let Some(common) = of_runs.get(run) {
            Arc::clone(common)
        } else {
            let common = Common::new(&self.engine, &self.ledger, &options).await?;
            let common = Arc::new(common);
            of_runs.insert(run.clone(), Arc::clone(&common));
            common
        };
        drop(of_runs);
        let org = common.open(run, access)?;
        Ok(common.org_context(&org, None))
    }
}
