//! The calls of a step: each is given with what comes of it if Okta does what it is asked. A run sends it, with what has
//! to be durable around it; a plan notes it.

use super::StepError;
use super::context::Context;
use super::memory::Memory;
use super::outside::{Live, Outside, unknown};
use super::sending::{Caller, sent};
use super::supposition::Supposition;
use crate::ledger::{InFlight, LastAppliedChange, LastAppliedUpdate, LedgerError};
use crate::model::{EntryState, Site};
use crate::okta::{Body, Read, Request, Tokens, Write};
use crate::pacing::{CallLog, CancellationToken, Halted, Idempotency, unix_millis};
use crate::steps::{Also, checkpoint};

/// A call of an entry, with what has to be durable around it.
pub(super) struct EntryCall<'c, 'a> {
    context: &'c mut Context<'a>,
    idempotency: Idempotency,
    /// What the ledger must know of the app before it is sent.
    applied: Option<Box<LastAppliedUpdate>>,
}

impl Caller for EntryCall<'_, '_> {
    fn log(&mut self) -> &mut CallLog {
        self.context.log
    }

    fn given_up(&self) -> Option<CancellationToken> {
        if self.context.memory.has_begun {
            return None;
        }
        self.context.live().ok()?.halted.cloned()
    }

    async fn admitted(&mut self) -> Result<(), StepError> {
        self.context.begin()?;
        let applied = self.applied.take();
        self.context.memory.left |= applied.is_some();
        if self.idempotency == Idempotency::OnceOnly {
            self.context.announce();
        } else if self.idempotency == Idempotency::ReadOnly
            // Once drift is fixed nobody can see it any more.
            || !(self.context.memory.unsaved || applied.is_some())
        {
            let live = self.context.live()?;
            return Ok(live.ledger.still_holds(live.owner).await?);
        }
        // Only now: an entry that still waits for its turn has not begun.
        self.context.memory.unsaved = false;
        self.context.row.state = EntryState::Started;
        let live = self.context.live()?;
        let applied = applied.map(|applied| *applied);
        self.context.commit(live, applied).await?;
        // That it is stored may be read long after it was: this process may have stood still in between.
        Ok(live.ledger.still_holds(live.owner).await?)
    }

    async fn refused(&mut self) -> Result<(), StepError> {
        if self.idempotency == Idempotency::OnceOnly {
            // Whoever continues after a crash must know that it is not under way.
            self.context.row.progress.in_flight = None;
        }
        // An org may refuse for long, so that the call is kept before.
        let live = self.context.live()?;
        Ok(self.context.commit(live, None).await?)
    }
}

impl<'a> Context<'a> {
    // The run may have been halted while the first call of the entry waited for its turn.
    fn begin(&mut self) -> Result<(), StepError> {
        let halted = self.live()?.halted;
        if !self.memory.has_begun && halted.is_some_and(CancellationToken::is_cancelled) {
            return Err(Halted::NoFurtherEntry.into());
        }
        self.memory.has_begun = true;
        Ok(())
    }

    /// For a call that only looks, of this entry or for all of its org.
    pub(super) const fn reading(&mut self) -> EntryCall<'_, 'a> {
        EntryCall {
            context: self,
            idempotency: Idempotency::ReadOnly,
            applied: None,
        }
    }

    /// A call that changes nothing; `taken`: what is made of its answer.
    pub async fn read<T, R>(
        &mut self,
        call: &Read<T>,
        taken: impl FnOnce(T) -> R,
        supposed: impl FnOnce(&mut Supposition<'a>) -> Result<R, StepError>,
    ) -> Result<R, StepError> {
        match &mut self.outside {
            Outside::Live(_) => Ok(taken(self.read_live(call).await?)),
            Outside::Supposed(_) => {
                self.rehearse(call.request(), Idempotency::ReadOnly).await?;
                self.supposed(supposed)?
            }
        }
    }

    /// As [`Self::read`], of what only a run asks.
    pub(super) async fn read_live<T>(&mut self, call: &Read<T>) -> Result<T, StepError> {
        let (reader, priority) = (&self.live()?.access.reader, self.priority());
        let mut caller = self.reading();
        Ok(reader.read_by(call, priority, &mut caller).await?.0)
    }

    /// A call that changes something; `taken`: what is made of its answer.
    pub async fn write<T, R>(
        &mut self,
        call: &Write<T>,
        idempotency: Idempotency,
        taken: impl FnOnce(T) -> R,
        supposed: impl FnOnce(&mut Supposition<'a>) -> R,
    ) -> Result<R, StepError> {
        if let Some(found) = self.suppose(call.request(), idempotency, supposed).await? {
            return Ok(found);
        }
        let body = self.send(call.request(), idempotency).await?;
        let found = call.decode(body);
        let found = found.map_err(|error| StepError::call(error, idempotency))?;
        self.log.looked(unix_millis());
        Ok(taken(found))
    }

    /// As [`Self::write`]; `taken` gets the answer as it came.
    pub async fn write_and<T, R>(
        &mut self,
        call: &Write<T>,
        idempotency: Idempotency,
        taken: impl FnOnce(&Body) -> R,
        supposed: impl FnOnce(&mut Supposition<'a>) -> R,
    ) -> Result<R, StepError> {
        if let Some(found) = self.suppose(call.request(), idempotency, supposed).await? {
            return Ok(found);
        }
        let body = self.send(call.request(), idempotency).await?;
        self.log.looked(unix_millis());
        Ok(taken(&body))
    }

    // What a write comes to where it is only supposed. Neither there nor in truth is anything written to an app that is
    // not what the entry says; what is written in a hub is not written to it.
    async fn suppose<R>(
        &mut self,
        request: &Request,
        idempotency: Idempotency,
        supposed: impl FnOnce(&mut Supposition<'a>) -> R,
    ) -> Result<Option<R>, StepError> {
        if self.step.site() == Site::Own {
            self.is_right_app().await?;
        }
        if matches!(self.outside, Outside::Live(_)) {
            return Ok(None);
        }
        self.rehearse(request, idempotency).await?;
        self.supposed(supposed).map(Some)
    }

    fn supposed<R>(
        &mut self,
        supposed: impl FnOnce(&mut Supposition<'a>) -> R,
    ) -> Result<R, StepError> {
        match &mut self.outside {
            Outside::Supposed(supposition) => Ok(supposed(supposition)),
            Outside::Live(_) => Err(unknown()),
        }
    }

    // In a rehearsal a call takes its time and may fail before it is supposed to be done.
    async fn rehearse(
        &mut self,
        request: &Request,
        idempotency: Idempotency,
    ) -> Result<(), StepError> {
        let Some(org) = self.rehearsed() else {
            return Ok(());
        };
        // Boxed, so that entries of a run, which never come here, take no memory for it.
        let called = Box::pin(org.call(request, idempotency, self.by_entry())).await;
        if let Err(StepError::Call { error, idempotency }) = &called
            && *idempotency == Idempotency::OnceOnly
        {
            let may_be_done = !error.class.was_not_done();
            self.row.progress.in_flight = may_be_done.then(|| self.in_flight());
        }
        called
    }

    async fn send(
        &mut self,
        request: &Request,
        idempotency: Idempotency,
    ) -> Result<Body, StepError> {
        let live = self.live()?;
        let applied = self.leaves(live).await?;
        let (access, priority) = (live.access, self.priority());
        let mut caller = EntryCall {
            context: self,
            idempotency,
            applied: applied.map(Box::new),
        };
        let (gate, tokens) = (&access.gate, Tokens::of(&access.client));
        let exchange = || access.client.exchange(request);
        let ended = sent(gate, tokens, request, priority, &mut caller, exchange).await;
        if matches!(ended, Err(StepError::Call { .. })) {
            // It was not sent: no token was to be had for it.
            self.row.progress.changing.clear();
        }
        ended?.outcome.map_err(|error| {
            let certainly_not = error.class.was_not_done();
            if certainly_not {
                self.row.progress.changing.clear();
            }
            if idempotency == Idempotency::OnceOnly && certainly_not {
                self.row.progress.in_flight = None;
            }
            StepError::call(error, idempotency)
        })
    }

    pub(super) async fn is_right_app(&mut self) -> Result<(), StepError> {
        if !self.memory.is_right {
            // Boxed, as it is done once an entry and a look takes much memory.
            Box::pin(self.see_identity()).await?;
            self.memory.is_right = true;
        }
        Ok(())
    }

    /// Records, before it is asked for anew, that a consent that was given stands no more: whatever becomes of this
    /// run, another one must not continue as if it did.
    pub async fn give_up_consent(&mut self, app_id: &str) -> Result<(), StepError> {
        self.is_right_app().await?;
        self.row.progress.renewing = true;
        if !self.app_memory().await?.connected {
            return Ok(());
        }
        if let Some(app) = &mut self.memory.app {
            app.connected = false;
        }
        self.row.state = EntryState::Started;
        let Ok(live) = self.live() else {
            return Ok(());
        };
        let applied = LastAppliedUpdate {
            org_url: live.own_url.to_owned(),
            app_id: app_id.to_owned(),
            like: LastAppliedChange::Reconnecting,
        };
        Ok(self.commit(live, Some(applied)).await?)
    }

    // A once-only call is being sent: said after leave was given, so that the time is true.
    fn announce(&mut self) {
        self.row.progress.in_flight = Some(self.in_flight());
        self.announced = true;
    }

    fn in_flight(&self) -> InFlight {
        InFlight {
            step: self.step,
            sent_at: unix_millis(),
            ended: false,
            link_before: self.link_before.clone(),
            credentials: self.credentials.clone(),
        }
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
        Live { owner, ledger, .. }: Live<'a>,
        applied: Option<LastAppliedUpdate>,
    ) -> impl Future<Output = Result<(), LedgerError>> {
        let also = Also {
            fingerprint: self.fingerprint.take(),
            applied,
            name: self.memory.name.take(),
            client: self.memory.client.take(),
            ..Also::default()
        };
        checkpoint(ledger, owner, self.row, self.log, also)
    }

    // What has to be known before the first write: that what was wanted before holds no more. If the answer to
    // that write is lost, what it did must not be taken for a hand's.
    async fn leaves(&mut self, live: Live<'_>) -> Result<Option<LastAppliedUpdate>, StepError> {
        if self.memory.left || self.step.site() == Site::Hub {
            return Ok(None);
        }
        // An app that is still to be created has no past.
        let Ok(app_id) = self.app_id() else {
            return Ok(None);
        };
        self.app_memory().await?;
        self.earlier().await?;
        let Memory { app, earlier, .. } = &*self.memory;
        let known = app.as_ref().zip(earlier.as_ref());
        let left = known.and_then(|(app, earlier)| earlier.left_for(app, &self.row.entry));
        self.memory.left = left.is_none();
        Ok(left.map(|like| LastAppliedUpdate {
            org_url: live.own_url.to_owned(),
            app_id,
            like,
        }))
    }
}
