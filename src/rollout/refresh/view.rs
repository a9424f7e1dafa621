//! An org that is looked at, and what is found of an entry there.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};

use super::hub::Hubs;
use super::means::Means;
use super::remembered::Remembered;
use crate::event::Events;
use crate::job::OnDrift;
use crate::ledger::{AppMemory, LedgerError};
use crate::manifest::{Entry, Secrets};
use crate::plan::{Call, Forecast, Obstacle, Past};
use crate::steps::StepError;

/// An org that is looked at.
pub(super) struct OrgRefresh {
    /// With what.
    pub means: Means,
    /// Who is told how far it is.
    pub events: Events,
    /// Entries of all orgs that were looked at by now.
    pub looked: Arc<AtomicU64>,
    /// Where its entries have their service apps.
    pub hubs: Arc<Hubs>,
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
    /// One whose service app cannot be looked at.
    pub fn hidden((obstacle, seen): (Obstacle, Value), app_id: Option<String>) -> Self {
        Self {
            app_id,
            seen,
            ..Self::failed(obstacle, Vec::new())
        }
    }

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

    /// See [`Means::describe`].
    pub(super) fn describe(&self, error: &StepError) -> (Obstacle, Value) {
        self.means.describe(error)
    }
}
