//! What the steps of an entry's service app share: which one it is, and what of it was read.

use super::context::Context;
use super::error::StepError;
use super::memory::InHub;
use super::outside::Outside;
use crate::ledger::{AppClient, HubClient};
use crate::manifest::Hub;
use crate::plan::{Difference, Part, jwks_uri};

/// What becomes of something that a service app lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// It is given.
    Give,
    /// Somebody took it away by hand, and it stays so.
    Leave,
}

impl Context<'_> {
    /// The entry's hub side.
    pub(super) fn hub(&self) -> Result<Hub, StepError> {
        let hub = self.row.entry.hub.as_deref().cloned();
        hub.ok_or_else(|| StepError::failed("the entry has no hub", "give `hub`"))
    }

    /// The service app's id, known since `create_service_app`.
    pub(super) fn client_id(&self) -> Result<String, StepError> {
        let known = self.row.progress.client_id.clone();
        known.ok_or_else(|| {
            StepError::failed("the service app's id is not known", "run again with --new")
        })
    }

    /// Where the connection's keys are.
    pub(super) fn jwks_uri(&self) -> Result<String, StepError> {
        Ok(jwks_uri(&self.own_origin(), &self.app_id()?))
    }

    /// The service app's id, as far as this run or one before knows it.
    pub(super) async fn known_client(&mut self) -> Result<Option<String>, StepError> {
        if let Some(known) = &self.row.progress.client_id {
            return Ok(Some(known.clone()));
        }
        let hub_url = match &self.outside {
            Outside::Live(live) => live.hub_url,
            Outside::Supposed(supposed) => return Ok(supposed.seen.hub.known.clone()),
        };
        let known = self.app_memory().await?.client.as_ref();
        let here = known.filter(|client| Some(&*client.hub_url) == hub_url);
        Ok(here.map(|client| client.client_id.to_string()))
    }

    /// This is the service app. The next checkpoint keeps it for later runs, unless the ledger knows.
    pub(super) async fn choose_client(&mut self, client_id: String) -> Result<(), StepError> {
        self.row.progress.client_id = Some(client_id.clone());
        if let Outside::Supposed(supposed) = &mut self.outside {
            supposed.client_id = Some(client_id);
            return Ok(());
        }
        let live = self.live()?;
        let Some(hub_url) = live.hub_url else {
            return Ok(());
        };
        let client = HubClient {
            hub_url: hub_url.into(),
            client_id: client_id.into(),
        };
        if self.app_memory().await?.client.as_deref() == Some(&client) {
            return Ok(());
        }
        self.memory.client = Some(AppClient {
            org_url: live.own_url.to_owned(),
            app_id: self.app_id()?,
            client: client.clone(),
        });
        if let Some(app) = &mut self.memory.app {
            app.client = Some(Box::new(client));
        }
        Ok(())
    }

    /// What was read of the service app.
    pub(super) fn in_hub(&mut self) -> &mut InHub {
        self.memory.in_hub.get_or_insert_default()
    }

    /// What becomes of something that the service app lacks; notes what the write changes that gives it.
    pub(super) async fn lacks(&mut self, found: &[Difference]) -> Result<Lacking, StepError> {
        let judged = self.judge(Part::Hub, found).await?;
        let left = judged.left(self.on_drift());
        self.leave(Part::Hub, left);
        if left.len() == found.len() {
            self.row.progress.changing.clear();
            return Ok(Lacking::Leave);
        }
        self.changing_judged(Part::Hub, &judged, left).await?;
        Ok(Lacking::Give)
    }
}
