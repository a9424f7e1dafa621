//! Looks at the service apps that entries have in their hubs, each hub through its own gate: by the id that the ledger
//! knows, else in a list of all that is made once; then its roles, its scopes, and whether its tokens are bound to a key.
//! And at the identity providers that stand for the entries' orgs, in another list.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::means::Means;
use crate::ledger::AppMemory;
use crate::manifest::Hub;
use crate::okta::clients::{self, AssignedRole, ClientKeys, ServiceClient};
use crate::okta::idps::{self, IdentityProvider};
use crate::okta::{Bucket, Read, grants, service_app};
use crate::pacing::CallLog;
use crate::plan::{
    Obstacle, OrgPlan, SeenHub, SeenIdp, client_differences, found_client, jwks_uri,
};
use crate::rollout::needs::Needs;
use crate::steps::{Extent, Pages, StepError};
use crate::text::Told;

/// The hubs of a plan, by name; in the place of one that cannot be reached, why.
pub(super) type Hubs = HashMap<String, Result<Arc<HubView>, Obstacle>>;

/// A hub that is looked at for entries of other orgs.
pub(super) struct HubView {
    /// With what.
    pub means: Means,
    /// What those entries need of its service app, if it is reached as one.
    pub needs: Needs,
    clients: tokio::sync::Mutex<Pages<ServiceClient>>,
    idps: tokio::sync::Mutex<Pages<IdentityProvider>>,
    busy: Mutex<(Duration, u64)>,
}

impl HubView {
    /// One at which nobody has looked.
    pub fn new(means: Means, needs: Needs) -> Self {
        Self {
            means,
            needs,
            clients: tokio::sync::Mutex::default(),
            idps: tokio::sync::Mutex::default(),
            busy: Mutex::default(),
        }
    }

    /// What there is of an entry's service app; `app_id` is empty where the app is still to be created.
    pub async fn see(
        &self,
        hub: &Hub,
        own_origin: &str,
        app_id: &str,
        memory: &AppMemory,
    ) -> Result<SeenHub, StepError> {
        let mut log = CallLog::default();
        let seen = self.look(hub, own_origin, app_id, memory, &mut log).await;
        self.count(&log);
        seen
    }

    fn count(&self, log: &CallLog) {
        let mut busy = self.busy.lock();
        busy.0 += log.busy;
        busy.1 += log.stats.requests;
    }

    /// The hub's identity providers of which this is true.
    pub async fn idps(
        &self,
        is_one: impl Fn(&IdentityProvider) -> bool,
    ) -> Result<Vec<IdentityProvider>, StepError> {
        let (mut log, reader) = (CallLog::default(), &self.means.reader);
        let mut pages = self.idps.lock().await;
        let extent = Extent::all(None);
        let listed = pages.read_with_retry(reader, extent, 0, &mut log).await;
        self.count(&log);
        listed.map(|()| pages.that_are(is_one))
    }

    /// The one with this id; `None` = it is not there.
    pub async fn idp(&self, id: &str) -> Result<Option<IdentityProvider>, StepError> {
        let mut log = CallLog::default();
        let looked = self.read(&idps::get(id), &mut log).await;
        self.count(&log);
        match looked {
            Err(StepError::Call { error, .. }) if error.http_status == Some(404) => Ok(None),
            looked => Ok(Some(looked?.provider)),
        }
    }

    async fn look(
        &self,
        hub: &Hub,
        own_origin: &str,
        app_id: &str,
        memory: &AppMemory,
        log: &mut CallLog,
    ) -> Result<SeenHub, StepError> {
        let known = memory.client.as_deref();
        let known = known.filter(|client| *client.hub_url == *self.means.url);
        let mut seen = SeenHub {
            own_origin: own_origin.to_owned(),
            own_app_id: app_id.to_owned(),
            known: known.map(|client| client.client_id.to_string()),
            ..SeenHub::default()
        };
        if let Some(id) = seen.known.clone() {
            (seen.looked, seen.dpop) = self.by_id(hub, &id, log).await?;
        }
        if seen.looked.is_none() {
            seen.listed = self.named(&hub.client_name, log).await?;
        }
        let uri = jwks_uri(own_origin, app_id);
        let found = match &seen.looked {
            Some(looked) => Some(looked),
            None => found_client(hub, &uri, &seen.listed)?,
        };
        let Some(found) = found else {
            return Ok(seen);
        };
        // A run that fails there looks no further.
        client_differences(hub, &uri, found)?;
        let id = found.id.clone();
        if !hub.roles.is_empty() {
            seen.roles = self.read(&clients::roles(&id), log).await?;
        }
        if !hub.scopes.is_empty() {
            seen.scopes = self.read(&grants::list(&id), log).await?;
        }
        if hub.dpop && seen.looked.is_none() {
            seen.dpop = self.read(&service_app::get(&id), log).await?.dpop;
        }
        Ok(seen)
    }

    /// One that the ledger knows, and whether its tokens are bound to a key, where that is wanted.
    async fn by_id(
        &self,
        hub: &Hub,
        id: &str,
        log: &mut CallLog,
    ) -> Result<(Option<ServiceClient>, Option<bool>), StepError> {
        let looked = if hub.dpop {
            let app = self.read(&service_app::get(id), log).await;
            app.map(|app| (Some(app.client), app.dpop))
        } else {
            let client = self.read(&clients::get(id), log).await;
            client.map(|client| (Some(client.client), None))
        };
        match looked {
            Err(StepError::Call { error, .. }) if error.http_status == Some(404) => {
                Ok((None, None))
            }
            looked => looked,
        }
    }

    async fn named(&self, name: &str, log: &mut CallLog) -> Result<Vec<ServiceClient>, StepError> {
        let mut pages = self.clients.lock().await;
        let extent = Extent::all(None);
        pages
            .read_with_retry(&self.means.reader, extent, 0, log)
            .await?;
        Ok(pages.named(name))
    }

    async fn read<T>(&self, call: &Read<T>, log: &mut CallLog) -> Result<T, StepError> {
        self.means.reader.read_with_retry(call, 0, log).await
    }

    /// Completes the plan of the hub with what was found out of it for others.
    pub async fn complete(&self, plan: &mut OrgPlan) {
        let pages = self.clients.lock().await.pages;
        plan.cost.add_pages(Bucket::Clients, pages);
        let pages = self.idps.lock().await.pages;
        plan.cost.add_pages(Bucket::Rest, pages);
        let (busy, requests) = *self.busy.lock();
        plan.pace = self.means.pace(busy, requests);
        plan.scopes = self.means.scopes(&self.needs);
        plan.error = self.means.stopped();
    }
}

/// All of it that a run decides on, in one value.
pub(super) fn shown(seen: &SeenHub) -> Value {
    let client = |client: &ServiceClient| {
        let keys = match &client.keys {
            ClientKeys::At(uri) => json!(uri.raw()),
            ClientKeys::Registered => json!(1),
            ClientKeys::NotShown => Value::Null,
        };
        json!([client.id, client.name.raw(), keys])
    };
    let roles = seen.roles.iter().filter_map(AssignedRole::role);
    json!([
        seen.known,
        seen.looked.as_ref().map(client),
        seen.listed.iter().map(client).collect::<Vec<_>>(),
        roles.collect::<Vec<_>>(),
        seen.scopes.iter().map(Told::raw).collect::<Vec<_>>(),
        seen.dpop,
        seen.idp.as_ref().map(shown_idp),
    ])
}

fn shown_idp(seen: &SeenIdp) -> Value {
    let told = |text: &Option<Told>| text.as_ref().map(|text| text.raw().to_owned());
    let idp = |idp: &IdentityProvider| {
        json!([
            idp.id,
            idp.name.raw(),
            told(&idp.org_url),
            told(&idp.client_id),
            told(&idp.algorithm),
            idp.has_policy,
        ])
    };
    let app = seen.app.as_ref();
    json!([
        seen.listed.iter().map(idp).collect::<Vec<_>>(),
        app.map(|app| json!([app.client_id, told(&app.idp_id)])),
        seen.named.as_ref().map(idp),
    ])
}
