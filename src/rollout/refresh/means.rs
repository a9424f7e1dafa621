//! With what an org is looked at, and what is told of it itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::manifest::Limits;
use crate::model::{Step, Stopped};
use crate::okta::Bucket;
use crate::plan::{Obstacle, Pace, Scopes};
use crate::rollout::needs::{Needs, lacking};
use crate::steps::{Reader, StepError};

/// With what an org is looked at. Cheap to clone.
#[derive(Clone)]
pub(super) struct Means {
    /// Its name.
    pub name: String,
    /// Its URL as the ledger knows it.
    pub url: String,
    /// Where it is reached.
    pub origin: String,
    /// Its limits, the job's defaults applied.
    pub limits: Limits,
    /// What its service app asks for, if it is reached as one.
    pub asked: Option<Vec<String>>,
    /// Reads it.
    pub reader: Reader,
}

impl Means {
    /// Why the org is not looked at any more, if that is so.
    pub fn stopped(&self) -> Option<Obstacle> {
        let stopped = self.reader.gate().stopped();
        stopped.map(|stopped| stopped_by(&stopped))
    }

    /// What the org lets through.
    pub fn pace(&self, busy: Duration, requests: u64) -> Pace {
        let gate = self.reader.gate();
        let shown = |bucket| Some((bucket, gate.allowance(bucket)?));
        Pace {
            allowances: Bucket::ALL.into_iter().filter_map(shown).collect(),
            at_once: gate.concurrency() as u64,
            max_rps: self.limits.max_rps,
            call: busy / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
        }
    }

    /// What of the scopes that are needed its token has, as far as one was had.
    pub fn scopes(&self, needs: &Needs) -> Option<Scopes> {
        let asked = self.asked.as_ref()?;
        let missing = needs.missing(&self.reader.scopes()?);
        let lack = lacking(&missing, asked);
        Some(Scopes {
            needed: needs.scopes.iter().copied().collect(),
            missing,
            lack: lack.map(|(message, hint)| Obstacle::new(message, hint)),
        })
    }

    /// For people, and what of it is the same next time.
    pub fn describe(&self, error: &StepError) -> (Obstacle, Value) {
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
fn stopped_by(stopped: &Stopped) -> Obstacle {
    let hint = stopped.hint.clone();
    Obstacle::new(
        stopped.details.to_string(),
        hint.unwrap_or_else(|| "check the org's credentials".to_owned()),
    )
}
