//! An entry whose consent is waited for already: a run leaves it to whoever has its link, unless its secrets are others
//! by now and `--reconnect` asks for a fresh one.

use serde_json::json;

use super::find::Found;
use super::remembered::{Instance, LinkIsOut};
use super::view::{Looked, OrgRefresh};
use crate::ledger::{AppMemory, LedgerError};
use crate::manifest::{Entry, SecretError};
use crate::pacing::CallLog;
use crate::plan::{Call, Forecast, Identity, changed_admin, is_right_app};
use crate::steps::forecast_waiting;

impl OrgRefresh {
    /// What a run would do to it, and why one of its secrets cannot be read: then it is left as it is.
    pub(super) async fn waiting(
        &self,
        entry: &Entry,
        link: &LinkIsOut,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<(Looked, Option<SecretError>), LedgerError> {
        let Some(app_id) = &link.app_id else {
            let forecast = self.foretell_waiting(entry, &AppMemory::default()).await?;
            return Ok((Looked::waiting(forecast, None), None));
        };
        let memory = self.remembered.app(&self.means.url, app_id).await?;
        let instance = Instance {
            org_url: &self.means.url,
            app_id,
            memory: &memory,
            live_base_url: None,
        };
        let admin = self.remembered.admin(instance, entry, &self.secrets).await;
        let (changed, unread): (Vec<_>, _) = match admin {
            Ok(secrets) => (changed_admin(secrets).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        if self.reconnect && !changed.is_empty() {
            return Ok((self.app(entry, app_id.clone(), found, log).await?, None));
        }
        let mut forecast = self.foretell_waiting(entry, &memory).await?;
        if link.in_doubt {
            forecast.calls.push(Call::ReadConnection);
        }
        forecast.left_secrets = changed;
        Ok((Looked::waiting(forecast, Some(app_id.clone())), unread))
    }

    /// Nothing is sent: whoever hands its answer in looks what the app is, if nobody did.
    async fn foretell_waiting(
        &self,
        entry: &Entry,
        memory: &AppMemory,
    ) -> Result<Forecast, LedgerError> {
        let identity = match (&entry.app_id, memory.name.as_deref()) {
            (None, _) => Identity::Right,
            (Some(_), None) => Identity::Looked,
            (Some(app_id), Some(name)) => match is_right_app(entry, app_id, name) {
                Ok(()) => Identity::Right,
                Err(obstacle) => Identity::Wrong(obstacle),
            },
        };
        let past = self.past(entry, memory).await?;
        Ok(forecast_waiting(entry, past, identity))
    }
}

impl Looked {
    // As earlier versions spelled it, where no secret changed.
    fn waiting(forecast: Forecast, app_id: Option<String>) -> Self {
        let seen = match forecast.left_secrets.as_slice() {
            [] => json!("waiting"),
            changed => json!(["waiting", changed]),
        };
        Self {
            forecast,
            app_id,
            seen,
        }
    }
}
