//! Looks at what an entry has in its hub, and at the entry's app where it has to be seen that the two belong together.

use serde_json::{Value, json};

use super::hub::HubView;
use super::view::OrgRefresh;
use crate::ledger::AppMemory;
use crate::manifest::{Entry, Hub};
use crate::okta::federated_app;
use crate::pacing::CallLog;
use crate::plan::{Earlier, Obstacle, SeenHub, SeenIdp, found_idp, may_be};
use crate::steps::StepError;

impl OrgRefresh {
    /// What there is of an entry's service app and identity provider; nothing of one that has none. `app_id` is empty where
    /// the app is still to be created.
    ///
    /// # Errors
    /// Why it cannot be told, and what of that is the same next time.
    pub(super) async fn see_hub(
        &self,
        entry: &Entry,
        app_id: &str,
        (memory, earlier): (&AppMemory, &Earlier),
    ) -> Result<SeenHub, (Obstacle, Value)> {
        let Some(hub) = &entry.hub else {
            return Ok(SeenHub::default());
        };
        let view = match self.hubs.get(&hub.org) {
            Some(Ok(view)) => view,
            Some(Err(why)) => return Err(told(hub, why.clone())),
            // Every hub of a selected entry is opened.
            None => return Err(told(hub, Obstacle::new("it is not open", "run it again"))),
        };
        let idp = match &hub.idp {
            Some(_) => Some(self.see_idp(view, hub, app_id, earlier).await?),
            None => None,
        };
        let origin = &self.means.origin;
        match view.see(hub, origin, app_id, memory).await {
            Ok(seen) => Ok(SeenHub { idp, ..seen }),
            Err(error) => Err(hidden(view, hub, error)),
        }
    }

    async fn see_idp(
        &self,
        view: &HubView,
        hub: &Hub,
        app_id: &str,
        earlier: &Earlier,
    ) -> Result<SeenIdp, (Obstacle, Value)> {
        let name = hub.idp_name().unwrap_or_default();
        let there = (!app_id.is_empty()).then_some(app_id);
        let in_hub = |error| hidden(view, hub, error);
        let mut seen = SeenIdp {
            listed: view
                .idps(|idp| may_be(idp, name, there))
                .await
                .map_err(in_hub)?,
            ..SeenIdp::default()
        };
        // What a run refuses is told by the forecast.
        let found = found_idp(hub, &self.means.origin, there, &seen.listed);
        let (Some(app_id), Ok(found)) = (there, found) else {
            return Ok(seen);
        };
        if earlier.belongs(found, app_id) {
            return Ok(seen);
        }
        let (mut log, reader) = (CallLog::default(), &self.means.reader);
        let call = federated_app::get(app_id);
        let looked = reader.read_with_retry(&call, 0, &mut log).await;
        let app = looked.map_err(|error| self.describe(&error))?;
        if let (None, Some(id)) = (found, &app.idp_id) {
            let named = view.idps(|idp| idp.id == id.raw()).await.map_err(in_hub)?;
            if named.is_empty() {
                seen.named = view.idp(&id.word()).await.map_err(in_hub)?;
            }
            seen.listed.extend(named);
        }
        seen.app = Some(app);
        Ok(seen)
    }
}

/// What of a hub cannot be looked at.
fn hidden(view: &HubView, hub: &Hub, error: StepError) -> (Obstacle, Value) {
    match error {
        StepError::Failed {
            message,
            hint,
            remedy,
        } => {
            let seen = json!(message);
            let hint = hint.unwrap_or_default();
            let why = Obstacle {
                message,
                hint,
                remedy,
            };
            (why, seen)
        }
        error => {
            let (why, seen) = view.means.describe(&error);
            (told(hub, why).0, seen)
        }
    }
}

/// Which org it is about: not the entry's own.
fn told(hub: &Hub, why: Obstacle) -> (Obstacle, Value) {
    let message = format!("hub {}: {}", hub.org, why.message);
    (Obstacle { message, ..why }, json!("stopped"))
}
