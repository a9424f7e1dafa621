//! Looks at one app: its connection and, where that is active and the entry has features, those.

use serde_json::{Value, json};

use super::find::{Found, Known};
use super::hub;
use super::remembered::Instance;
use super::seen::shown;
use super::view::{Looked, OrgRefresh};
use crate::ledger::LedgerError;
use crate::manifest::{Entry, Status};
use crate::model::Step;
use crate::okta::{Method, connections, features};
use crate::pacing::CallLog;
use crate::plan::{Call, Forecast, LiveStatus, Obstacle, Seen, SeenApp, steps};
use crate::steps::{StepError, forecast, has_link, live_connection};
use crate::text::Told;

impl OrgRefresh {
    /// What a run would do to an app that is there.
    pub(super) async fn app(
        &self,
        entry: &Entry,
        app_id: String,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<Looked, LedgerError> {
        let memory = self.remembered.app(&self.means.url, &app_id).await?;
        let known = Known {
            name: memory.name.as_deref(),
            found,
        };
        if let Some(obstacle) = known.refused(entry) {
            // A run fails it before its first call.
            return Ok(Looked {
                app_id: Some(app_id),
                ..Looked::failed(obstacle, Vec::new())
            });
        }
        let identity = known.identity(entry).unwrap_or_default();
        let acts = |step: &Step| !matches!(step, Step::FindApp | Step::CreateApp);
        if !steps(entry).iter().any(acts) {
            return Ok(only_found(entry, app_id));
        }
        let looked = self.look(entry, &app_id, log).await;
        let live_base_url = looked
            .as_ref()
            .ok()
            .and_then(|app| app.connection.base_url.as_ref().map(Told::raw));
        let instance = Instance {
            org_url: &self.means.url,
            app_id: &app_id,
            memory: &memory,
            live_base_url,
        };
        let (token, consent) = match self.secret_state(entry, instance).await {
            Ok(secrets) => secrets,
            Err(error) => {
                let obstacle = Obstacle::new(error.to_string(), "make the secret readable");
                return Ok(Looked::failed(obstacle, Vec::new()));
            }
        };
        let past = self.past(entry, &memory).await?;
        let hub = self.see_hub(entry, &app_id, (&memory, &past.earlier));
        let hub = match hub.await {
            Ok(hub) => hub,
            Err(why) => return Ok(Looked::hidden(why, Some(app_id))),
        };
        let mut seen = Seen {
            app: None,
            token,
            past,
            identity,
            consent,
            hub,
        };
        let (forecast, seen) = match looked {
            Ok(app) => {
                let wishers = self.remembered.wishers(&memory).await?;
                let shown = shown(&app_id, &app, &seen, (&memory, &wishers));
                let shown = with_hub(entry, shown, &seen);
                seen.app = Some(app);
                (self.foretell(entry, seen, known, log).await, shown)
            }
            Err(error) => {
                let (obstacle, shown) = self.describe(&error);
                // A run would find it out with its first call.
                seen.app = Some(SeenApp::default());
                let first = self.first_call(entry, seen, known, log).await;
                (Forecast::failed(obstacle, first), shown)
            }
        };
        Ok(Looked {
            forecast,
            app_id: Some(app_id),
            seen,
        })
    }

    /// What a run would do, which makes a call to see what the app is only before it writes.
    async fn foretell(
        &self,
        entry: &Entry,
        mut seen: Seen,
        known: Known<'_>,
        log: &mut CallLog,
    ) -> Forecast {
        let foretold = forecast(entry, &seen);
        // With a service app in a hub it is seen first of all.
        if !foretold.writes() && entry.hub.is_none() {
            return foretold;
        }
        seen.identity = self.identity(entry, known, log).await;
        forecast(entry, &seen)
    }

    /// The first call that a run would make.
    async fn first_call(
        &self,
        entry: &Entry,
        mut seen: Seen,
        known: Known<'_>,
        log: &mut CallLog,
    ) -> Vec<Call> {
        let first = |seen: &Seen| forecast(entry, seen).calls.into_iter().next();
        let foretold = first(&seen);
        if foretold.is_none_or(|call| call.method() == Method::Get) {
            return Vec::from_iter(foretold);
        }
        seen.identity = self.identity(entry, known, log).await;
        Vec::from_iter(first(&seen).or(foretold))
    }

    async fn look(
        &self,
        entry: &Entry,
        app_id: &str,
        log: &mut CallLog,
    ) -> Result<SeenApp, StepError> {
        let call = connections::get(app_id);
        let found = self.means.reader.read_with_retry(&call, 0, log).await?;
        let connection = live_connection(&found);
        let with_features = entry.status == Status::Enabled
            && !entry.features.is_empty()
            && connection.status == LiveStatus::Enabled;
        let features = if with_features {
            let call = features::list(app_id);
            // Further along than those whose connection is still to be read.
            Some(self.means.reader.read_with_retry(&call, 1, log).await?)
        } else {
            None
        };
        Ok(SeenApp {
            connection,
            has_link: has_link(&found),
            features,
        })
    }
}

/// With what was seen of the service app, where there is to be one.
fn with_hub(entry: &Entry, shown: Value, seen: &Seen) -> Value {
    match entry.hub {
        Some(_) => json!([shown, hub::shown(&seen.hub)]),
        None => shown,
    }
}

/// An app to which nothing is to be done.
fn only_found(entry: &Entry, app_id: String) -> Looked {
    let seen = Seen {
        app: Some(SeenApp::default()),
        ..Seen::default()
    };
    Looked {
        forecast: forecast(entry, &seen),
        seen: json!([app_id]),
        app_id: Some(app_id),
    }
}
