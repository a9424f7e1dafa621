//! The orgs of a desk: each is opened once, however many entries ask for it at the same time, so that its
//! gate bounds what all of them send.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::engine::{Common, OrgAccess, OrgContext};
use crate::ledger::Pending;
use crate::manifest::Connection;
use crate::model::OrgNo;

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

/// The orgs opened so far, and those that are being opened now.
pub(super) struct OpenOrgs<F> {
    access: F,
    slots: Mutex<HashMap<(String, OrgNo), Slot>>,
}

impl<F> OpenOrgs<F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<OrgAccess>,
{
    pub fn new(access: F) -> Self {
        Self {
            access,
            slots: Mutex::default(),
        }
    }

    /// Opens anew, when next asked, what was stopped or could not be opened: it may have been fixed since.
    pub fn forget_broken(&self) {
        self.slots.lock().retain(|_, slot| match slot.get() {
            Some(Ok(open)) => open.org_context.access.gate.stopped().is_none(),
            Some(Err(_)) | None => false,
        });
    }

    /// The org of an entry. Who asks meanwhile waits for the same; what went wrong is told to each.
    pub async fn open(&self, common: &Common, pending: &Pending) -> anyhow::Result<Arc<Open>> {
        let key = (pending.run.0.clone(), pending.org.no);
        let slot = Arc::clone(self.slots.lock().entry(key).or_default());
        let opened = slot.get_or_init(|| self.try_open(common, pending)).await;
        let open = opened.clone().map_err(anyhow::Error::new)?;
        let own = pending.entry.entry.connection.iter();
        let own = own.flat_map(Connection::secrets);
        open.org_context.access.secrets.cover(own).await;
        Ok(open)
    }

    async fn try_open(&self, common: &Common, pending: &Pending) -> Opened {
        let access = tokio::select! {
            biased;
            // A secret that takes long is not waited for any more.
            () = common.engine.cancellation().cancelled() => {
                let name = &pending.org.name;
                Err(anyhow::anyhow!("org {name}: stopped; nothing was sent there"))
            }
            access = (self.access)(pending) => access,
        };
        let org_context = match access {
            Ok(access) => common
                .open(&pending.run, access)
                .map(|org| common.org_context(&org)),
            Err(error) => Err(error),
        };
        let org_context = Arc::new(org_context.map_err(|error| Unopened::of(&error))?);
        let known = common
            .ledger
            .secrets(&pending.run, Some(pending.org.no))
            .await;
        let known = known.map_err(|error| Unopened::of(&error.into()))?;
        let known = known.into_values().flatten();
        org_context.access.secrets.cover(known).await;
        Ok(Arc::new(Open { org_context }))
    }
}
