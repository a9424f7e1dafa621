//! What a step works with: its entry, the org's lane, and what this process already read of the entry.

use secrecy::SecretString;

use super::memory::{Basis, Memory};
use super::sending::{Caller, sent};
use super::{Access, StepError};
use crate::consent::Answer;
use crate::ledger::{
    AppMemory, Applied, Drift, EntryRow, Fingerprint, InFlight, Ledger, LedgerError, Likeness,
    Owner,
};
use crate::manifest::{Entry, SecretRef, SecretUse};
use crate::model::{Changed, Step, Stored, Why};
use crate::okta::{Body, Class, Read, Request, Write};
use crate::pacing::{CallLog, Effect, unix_millis};
use crate::plan::{Difference, Earlier, Judged, Look, Part};
use crate::steps::{Also, checkpoint};

/// See the module.
pub struct Context<'a> {
    /// By which right it is checkpointed.
    pub owner: &'a Owner,
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
    /// Hash of the link's `state` that Okta showed before a fresh one is asked for.
    pub link_before: Option<String>,
    /// Keyed fingerprint of the credentials that it is asked for with.
    pub credentials: Option<String>,
    /// Whether this attempt recorded a once-only call as about to be sent.
    pub announced: bool,
}

/// A call of an entry, with what has to be durable around it.
struct EntryCall<'c, 'a> {
    context: &'c mut Context<'a>,
    effect: Effect,
}

impl Caller for EntryCall<'_, '_> {
    fn log(&mut self) -> &mut CallLog {
        self.context.log
    }

    async fn admitted(&mut self) -> Result<(), StepError> {
        match self.effect {
            Effect::OnceOnly => self.context.announce().await,
            Effect::ReadOnly | Effect::Idempotent => Ok(()),
        }
    }

    async fn refused(&mut self) -> Result<(), StepError> {
        if self.effect != Effect::ReadOnly {
            // Whoever goes on after a crash must know that it is not under way.
            self.context.row.progress.in_flight = None;
        }
        // An org may refuse for long, so that the call is kept before.
        Ok(self.context.commit(None).await?)
    }
}

/// What was wanted of an app before this entry; earlier entries are read only if they tell something.
pub async fn earlier(
    ledger: &Ledger,
    app: &AppMemory,
    entry: &Entry,
) -> Result<Earlier, LedgerError> {
    match Earlier::at_once(app, entry) {
        Some(earlier) => Ok(earlier),
        None => Ok(Earlier::of(ledger.wishes(app).await?)),
    }
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
        let (rank, reader) = (self.rank(), &self.access.reader);
        let mut caller = EntryCall {
            context: self,
            effect: Effect::ReadOnly,
        };
        Ok(reader.read_by(call, rank, &mut caller).await?.0)
    }

    /// How near the entry is to its end: of the calls that wait, those with a higher one go first.
    pub fn rank(&self) -> usize {
        self.row.progress.steps.len()
    }

    /// Sends a call that changes something.
    pub async fn write<T>(&mut self, call: &Write<T>, effect: Effect) -> Result<T, StepError> {
        let body = self.send(call.request(), effect).await?;
        let found = call
            .decode(body)
            .map_err(|error| StepError::call(error, effect))?;
        self.log.looked(unix_millis());
        Ok(found)
    }

    /// As [`Self::write`]; `look` gets the answer as it came.
    pub async fn write_and<T, R>(
        &mut self,
        call: &Write<T>,
        effect: Effect,
        look: impl FnOnce(&Body) -> R,
    ) -> Result<R, StepError> {
        let body = self.send(call.request(), effect).await?;
        self.log.looked(unix_millis());
        Ok(look(&body))
    }

    async fn send(&mut self, request: &Request, effect: Effect) -> Result<Body, StepError> {
        self.is_right_app().await?;
        let applied = self.leaves().await?;
        // Once drift is mended nobody can see it any more.
        if std::mem::take(&mut self.memory.unsaved) || applied.is_some() {
            self.row.state = Stored::Started;
            self.commit(applied).await?;
        }
        let (Access { lane, client, .. }, rank) = (self.access, self.rank());
        let mut caller = EntryCall {
            context: self,
            effect,
        };
        let exchange = sent(lane, request, rank, &mut caller, || client.exchange(request)).await?;
        exchange.outcome.map_err(|error| {
            let certainly_not = matches!(
                error.class,
                Class::NotSent | Class::NoRoom | Class::Refused | Class::OrgStopped
            );
            if certainly_not {
                self.row.progress.changing.clear();
            }
            if effect == Effect::OnceOnly && certainly_not {
                self.row.progress.in_flight = None;
            }
            StepError::call(error, effect)
        })
    }

    // Nothing is written to an app that is not what the entry says.
    async fn is_right_app(&mut self) -> Result<(), StepError> {
        if !self.memory.is_right {
            // Boxed, as it is done once an entry and a look takes much memory.
            Box::pin(self.see_identity()).await?;
            self.memory.is_right = true;
        }
        Ok(())
    }

    /// Whether the entry's consent is to be renewed although there is one.
    pub fn renews(&self) -> bool {
        let Self { row, access, .. } = self;
        row.progress.renewing || access.reconnects(&row.entry)
    }

    /// Records, before it is asked for anew, that a consent that was given stands no more: whatever becomes of this
    /// run, another one must not go on as if it did.
    pub async fn give_up_consent(&mut self, app_id: &str) -> Result<(), StepError> {
        self.is_right_app().await?;
        self.row.progress.renewing = true;
        if !self.app_memory().await?.connected {
            return Ok(());
        }
        if let Some(app) = &mut self.memory.app {
            app.connected = false;
        }
        self.row.state = Stored::Started;
        let applied = Applied {
            org_url: self.access.url.clone(),
            app_id: app_id.to_owned(),
            like: Likeness::Reconnecting,
        };
        Ok(self.commit(Some(applied)).await?)
    }

    // Records, durably, that a once-only call is being sent: after leave was given, so that the time is true.
    async fn announce(&mut self) -> Result<(), StepError> {
        self.row.state = Stored::Started;
        self.row.progress.in_flight = Some(InFlight {
            step: self.step,
            sent_at: unix_millis(),
            ended: false,
            link_before: self.link_before.clone(),
            credentials: self.credentials.clone(),
        });
        self.announced = true;
        Ok(self.commit(None).await?)
    }

    /// Whether an attempt of this once-only step may have reached Okta already.
    pub fn may_have_been_sent(&self) -> bool {
        self.row
            .progress
            .in_flight
            .as_ref()
            .is_some_and(|in_flight| in_flight.step == self.step)
    }

    // Makes the row durable as it stands, with the calls since the last checkpoint.
    fn commit(
        &mut self,
        applied: Option<Applied>,
    ) -> impl Future<Output = Result<(), LedgerError>> {
        let also = Also {
            fingerprint: self.fingerprint.take(),
            applied,
            name: self.memory.name.take(),
            ..Also::default()
        };
        checkpoint(self.ledger, self.owner, self.row, self.log, also)
    }

    /// What earlier runs left about the app.
    pub async fn app_memory(&mut self) -> Result<&AppMemory, StepError> {
        let app = match (self.memory.app.take(), self.row.known.take()) {
            (Some(app), _) => app,
            (None, Some(known)) if self.ledger.is_current(&known) => known.app,
            (None, _) => {
                let app_id = self.app_id()?;
                self.ledger.app_memory(&self.access.url, &app_id).await?
            }
        };
        Ok(self.memory.app.insert(app))
    }

    /// Forgets, before the next write, which secrets the app was last set with: they are about to be replaced.
    pub fn forget_fingerprint(&mut self, known: &Fingerprint) {
        self.fingerprint = Some(Fingerprint {
            hmac: None,
            ..known.clone()
        });
        self.memory.unsaved = true;
        if let Some(app) = &mut self.memory.app {
            app.hmac = None;
        }
    }

    /// The value behind a reference.
    pub async fn secret(
        &self,
        reference: &SecretRef,
        purpose: SecretUse,
    ) -> Result<SecretString, StepError> {
        let read = self.access.secrets.resolve(reference, purpose).await;
        read.map_err(|error| {
            let remedy = error.remedy();
            StepError::failed(error.to_string(), remedy)
        })
    }

    /// Tells changes by hand from those of the manifest, and takes note of the former.
    pub async fn judge(
        &mut self,
        part: Part,
        differences: &[Difference],
    ) -> Result<Judged, StepError> {
        if differences.is_empty() {
            return Ok(Judged::default());
        }
        let judged = self.earlier().await?.judge(part, differences);
        self.note_drift(part, &judged.by_hand);
        Ok(judged)
    }

    /// Whether what is there is looked at before anything is written.
    pub async fn look(&mut self) -> Result<Look, StepError> {
        let policy = self.access.on_drift;
        Ok(Look::of(policy, self.app_memory().await?))
    }

    /// Whether this ledger had features of the app as they are wanted now.
    pub async fn had_features(&mut self) -> Result<bool, StepError> {
        self.earlier().await?;
        let earlier = self.memory.earlier.as_ref();
        Ok(earlier.is_some_and(|earlier| earlier.had_features(&self.row.entry)))
    }

    /// Notes what the next write changes. Where it was found by a look, it is durable before: whoever looks after a
    /// lost answer finds nothing left to change.
    pub fn changing(&mut self, changes: Vec<Changed>, basis: Basis) {
        if self.row.progress.changing != changes {
            self.row.progress.changing = changes;
            self.memory.unsaved |= basis == Basis::Look;
        }
    }

    /// As [`Self::changing`], of what was looked at; but for what is left.
    pub async fn changing_judged(
        &mut self,
        part: Part,
        judged: &Judged,
        left: &[Difference],
    ) -> Result<(), StepError> {
        let why = self.why().await?;
        self.changing(judged.changes(part, why, left), Basis::Look);
        Ok(())
    }

    /// Why something is written that no hand has changed.
    pub async fn why(&mut self) -> Result<Why, StepError> {
        Ok(self.earlier().await?.why())
    }

    /// What was wanted of the app before this entry.
    pub async fn earlier(&mut self) -> Result<&Earlier, StepError> {
        let found = match self.memory.earlier.take() {
            Some(earlier) => earlier,
            None => {
                let app = self.app_memory().await?.clone();
                earlier(self.ledger, &app, &self.row.entry).await?
            }
        };
        Ok(self.memory.earlier.insert(found))
    }

    // What has to be known before the first write: that what was wanted before holds no more. If the answer to
    // that write is lost, what it did must not be taken for a hand's.
    async fn leaves(&mut self) -> Result<Option<Applied>, StepError> {
        if self.memory.left {
            return Ok(None);
        }
        // An app that is still to be created has no past.
        let Ok(app_id) = self.app_id() else {
            return Ok(None);
        };
        self.memory.left = true;
        self.app_memory().await?;
        self.earlier().await?;
        let Memory { app, earlier, .. } = &*self.memory;
        let known = app.as_ref().zip(earlier.as_ref());
        let like = known.and_then(|(app, earlier)| earlier.left_for(app, &self.row.entry));
        Ok(like.map(|like| Applied {
            org_url: self.access.url.clone(),
            app_id,
            like,
        }))
    }

    fn note_drift(&mut self, part: Part, differences: &[Difference]) {
        for difference in differences {
            let drift = Drift {
                field: format!("{part}.{}", difference.path),
                live: difference.live.clone(),
                wanted: difference.wanted.clone(),
            };
            // An attempt that is made again finds the same.
            if !self.row.progress.drift.contains(&drift) {
                self.row.progress.drift.push(drift);
                self.memory.unsaved = true;
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
