//! What a step works with: its entry, the org's lane, and what this process already read of the entry.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Listing, Step, StepError};
use crate::job::OnDrift;
use crate::ledger::{AppMemory, Drift, EntryRow, Fingerprint, InFlight, Ledger, RunId, Stored};
use crate::manifest::{SecretRef, Secrets};
use crate::okta::features::FeatureState;
use crate::okta::{Body, Class, OrgClient, Read, Request, Write};
use crate::plan::{Difference, Origin};
use crate::run::{
    Also, CallLog, Concluded, Effect, Fingerprints, Lane, Reader, checkpoint, unix_millis,
};

/// What the steps of all entries of an org share.
pub struct Access {
    /// Where the org's calls wait for their turn.
    pub lane: Arc<Lane>,
    /// Reads.
    pub reader: Reader,
    /// Writes.
    pub client: OrgClient,
    /// The org's URL as the ledger knows it.
    pub url: String,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// The org's apps, listed once a run.
    pub listing: Listing,
    /// Keyed fingerprints of secrets.
    pub fingerprints: Fingerprints,
    /// What to do about changes made by hand.
    pub on_drift: OnDrift,
    /// Write even what looks right already (TOKEN connections).
    pub force: bool,
}

/// What this process read of one entry, to save calls; lost with the process.
#[derive(Debug, Default)]
pub struct Memory {
    /// The features as last listed.
    pub features: Option<Vec<FeatureState>>,
    /// What earlier runs left about the app.
    pub app: Option<AppMemory>,
    /// Whether drift was noted that is not durable yet.
    pub new_drift: bool,
}

/// What a person handed in: lives only until it is sent.
pub struct Answer {
    /// The third party's authorization code.
    pub code: SecretString,
    /// The `state` it belongs to.
    pub state: SecretString,
}

/// See the module.
pub struct Context<'a> {
    /// The run.
    pub run: &'a RunId,
    /// Where checkpoints go.
    pub ledger: &'a Ledger,
    /// The entry's org.
    pub access: &'a Access,
    /// The entry; steps change its progress only.
    pub row: &'a mut EntryRow,
    /// The step at hand.
    pub step: Step,
    /// The entry's steps.
    pub steps: &'a [Step],
    /// See [`Memory`].
    pub memory: &'a mut Memory,
    /// The consent's answer, for `complete_consent`.
    pub answer: Option<Answer>,
    /// The calls since the last checkpoint.
    pub log: &'a mut CallLog,
    /// A fingerprint to store with the step's checkpoint.
    pub fingerprint: Option<Fingerprint>,
    /// Whether this attempt recorded a once-only call as about to be sent.
    pub announced: bool,
}

impl Context<'_> {
    /// The app instance's id, known since `find_app` at the latest.
    pub fn app_id(&self) -> Result<String, StepError> {
        self.row
            .progress
            .app_id
            .as_ref()
            .or(self.row.entry.app_id.as_ref())
            .cloned()
            .ok_or_else(|| StepError::failed("the app's id is not known", "run again with --new"))
    }

    /// Sends a call that changes nothing.
    pub async fn read<T>(&mut self, call: &Read<T>) -> Result<T, StepError> {
        let rank = self.rank();
        self.access.reader.read(call, rank, self.log).await
    }

    /// How near the entry is to its end: of the calls that wait, those with a higher one go first.
    pub fn rank(&self) -> usize {
        self.row.progress.steps.len()
    }

    /// Sends a call that changes something.
    pub async fn write<T>(&mut self, call: &Write<T>, effect: Effect) -> Result<T, StepError> {
        let body = self.send(call.request(), effect).await?;
        call.decode(body)
            .map_err(|error| StepError::call(error, effect))
    }

    async fn send(&mut self, request: &Request, effect: Effect) -> Result<Body, StepError> {
        if std::mem::take(&mut self.memory.new_drift) {
            // Once it is mended nobody can see it any more.
            self.row.state = Stored::Started;
            self.commit().await?;
        }
        let Access { lane, client, .. } = self.access;
        let exchange = loop {
            let pass = lane.admit(request, self.rank(), self.log).await?;
            if effect == Effect::OnceOnly {
                self.announce().await?;
            }
            // Boxed, so that entries that wait for leave take little memory.
            let exchange = Box::pin(client.exchange(request)).await;
            let pause = match lane.conclude(pass, request, exchange, self.log) {
                Concluded::Ended(exchange) => break exchange,
                Concluded::Refused(pause) => pause,
            };
            if self.row.progress.in_flight.take().is_some() {
                // It was certainly not carried out, which whoever goes on after a crash must know.
                self.commit().await?;
            }
            lane.pause(pause).await?;
        };
        exchange.outcome.map_err(|error| {
            let certainly_not = matches!(
                error.class,
                Class::NotSent | Class::Refused | Class::OrgStopped
            );
            if effect == Effect::OnceOnly && certainly_not {
                self.row.progress.in_flight = None;
            }
            StepError::call(error, effect)
        })
    }

    // Records, durably, that a once-only call is being sent: after leave was given, so that the time is true.
    async fn announce(&mut self) -> Result<(), StepError> {
        self.row.state = Stored::Started;
        self.row.progress.in_flight = Some(InFlight {
            step: self.step,
            sent_at: unix_millis(),
            ended: false,
        });
        self.announced = true;
        self.commit().await
    }

    /// Whether an attempt of this once-only step may have reached Okta already.
    pub fn may_have_been_sent(&self) -> bool {
        self.row
            .progress
            .in_flight
            .as_ref()
            .is_some_and(|in_flight| in_flight.step == self.step)
    }

    /// Makes the row durable as it stands, with the calls since the last checkpoint.
    pub async fn commit(&mut self) -> Result<(), StepError> {
        let also = Also {
            fingerprint: self.fingerprint.take(),
            ..Also::default()
        };
        checkpoint(self.ledger, self.run, self.row, self.log, also).await?;
        Ok(())
    }

    /// What earlier runs left about the app.
    pub async fn app_memory(&mut self) -> Result<AppMemory, StepError> {
        if let Some(app) = &self.memory.app {
            return Ok(app.clone());
        }
        let app = match self.row.known.take() {
            Some(known) if known.others == self.ledger.others() => known.app,
            _ => {
                let app_id = self.app_id()?;
                self.ledger.app_memory(&self.access.url, &app_id).await?
            }
        };
        self.memory.app = Some(app.clone());
        Ok(app)
    }

    /// Forgets, durably, which secrets the app was last set with: they are about to be replaced.
    pub async fn forget_fingerprint(&mut self, known: &Fingerprint) -> Result<(), StepError> {
        self.fingerprint = Some(Fingerprint {
            hmac: String::new(),
            ..known.clone()
        });
        self.commit().await?;
        if let Some(app) = &mut self.memory.app {
            app.hmac = None;
        }
        Ok(())
    }

    /// The value behind a reference.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString, StepError> {
        self.access
            .secrets
            .resolve(reference)
            .await
            .map_err(|error| {
                StepError::failed(
                    error.to_string(),
                    format!("make {} readable", reference.as_str()),
                )
            })
    }

    /// Takes note of differences between the live state and the manifest that nobody of this run made, and
    /// decides what becomes of them.
    pub async fn on_drift(
        &mut self,
        what: &str,
        differences: &[Difference],
    ) -> Result<OnDrift, StepError> {
        let memory = self.app_memory().await?;
        let origin = Origin::of(memory.applied.as_deref(), &self.row.entry);
        if origin != Origin::Manifest {
            self.note_drift(what, differences);
        }
        Ok(origin.answer(self.access.on_drift))
    }

    fn note_drift(&mut self, what: &str, differences: &[Difference]) {
        for difference in differences {
            let drift = Drift {
                field: format!("{what}.{}", difference.path),
                live: difference.live.clone(),
                wanted: difference.wanted.clone(),
            };
            // An attempt that is made again finds the same.
            if !self.row.progress.drift.contains(&drift) {
                self.row.progress.drift.push(drift);
                self.memory.new_drift = true;
            }
        }
    }

    /// Whether no step follows this one.
    pub fn is_last(&self) -> bool {
        self.row.progress.steps.len() + 1 >= self.steps.len()
    }

    /// Whether an earlier step of this run wrote the connection.
    pub fn connection_was_written(&self) -> bool {
        self.row.progress.steps.iter().any(|record| {
            record.changed
                && matches!(
                    record.step,
                    Step::SetConnection | Step::ActivateConnection | Step::CompleteConsent
                )
        })
    }
}
