//! An org that is looked at, and what is found of an entry there.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};

use super::remembered::Remembered;
use crate::event::Events;
use crate::job::OnDrift;
use crate::ledger::{AppMemory, LedgerError};
use crate::manifest::{Entry, Limits, Secrets};
use crate::model::{Step, Stopped};
use crate::plan::{Call, Forecast, Obstacle, Past};
use crate::steps::{Reader, StepError};

/// An org that is looked at.
pub(super) struct OrgRefresh {
    /// Who is told how far it is.
    pub events: Events,
    /// Entries of all orgs that were looked at by now.
    pub looked: Arc<AtomicU64>,
    /// Its name.
    pub name: String,
    /// Its URL as the ledger knows it.
    pub url: String,
    /// Its limits, the job's defaults applied.
    pub limits: Limits,
    /// What its service app asks for, if it is reached as one.
    pub asked: Option<Vec<String>>,
    /// Reads it.
    pub reader: Reader,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// What the ledger knows.
    pub remembered: Arc<Remembered>,
    /// What a run would do about changes by hand.
    pub on_drift: OnDrift,
    /// Whether a run would post TOKEN connections anyway.
    pub force: bool,
    /// Whether a run would renew consents.
    pub reconnect: bool,
}

/// An entry that was looked at.
pub(super) struct Looked {
    pub forecast: Forecast,
    pub app_id: Option<String>,
    pub seen: Value,
}

impl Looked {
    /// One for which nothing can be done.
    pub fn failed(obstacle: Obstacle, calls: Vec<Call>) -> Self {
        let seen = json!(obstacle.message);
        Self {
            forecast: Forecast::failed(obstacle, calls),
            app_id: None,
            seen,
        }
    }
}

impl OrgRefresh {
    /// What the ledger says was done to it before.
    pub(super) async fn past(
        &self,
        entry: &Entry,
        memory: &AppMemory,
    ) -> Result<Past, LedgerError> {
        Ok(Past {
            earlier: self.remembered.earlier(memory, entry).await?,
            app: memory.clone(),
            on_drift: self.on_drift,
        })
    }

    /// For people, and what of it is the same next time.
    pub(super) fn describe(&self, error: &StepError) -> (Obstacle, Value) {
        if let Some(stopped) = self.reader.gate().stopped() {
            return (stopped_by(&stopped), json!("stopped"));
        }
        // The step is not told: none was taken.
        let described = error.describe(Step::FindApp);
        let seen = json!([described.http_status, described.okta_error_code]);
        let message = described.details.to_string();
        let hint = described.details.hint;
        let hint = hint.unwrap_or_else(|| "mend the cause".to_owned());
        (Obstacle::new(message, hint), seen)
    }
}

/// Why an org is not looked at any more.
pub(super) fn stopped_by(stopped: &Stopped) -> Obstacle {
    let hint = stopped.hint.clone();
    Obstacle::new(
        stopped.details.to_string(),
        hint.unwrap_or_else(|| "check the org's credentials".to_owned()),
    )
}
