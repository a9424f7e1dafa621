//! What a step works with: its entry, what this process already read of it, and where its calls lead.

use std::sync::Arc;

use secrecy::SecretString;

use super::StepError;
use super::memory::{Basis, Memory};
use super::outside::{Live, Outside, unknown};
use super::rehearsed::{ByEntry, RehearsedOrg};
use crate::consent::Answer;
use crate::job::OnDrift;
use crate::ledger::{AppMemory, Drift, EntryRow, Fingerprint, Ledger, LedgerError};
use crate::manifest::{Entry, SecretRef, SecretUse};
use crate::model::{Changed, Step, Why};
use crate::pacing::CallLog;
use crate::plan::{Difference, Earlier, Fate, Judged, Look, Part, TokenPost, Wanted};

/// All that a step may use and change.
pub struct Context<'a> {
    /// Where its calls lead.
    pub outside: Outside<'a>,
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

impl<'a> Context<'a> {
    /// The org, for what only a run does.
    pub(super) fn live(&self) -> Result<Live<'a>, StepError> {
        match &self.outside {
            Outside::Live(live) => Ok(*live),
            Outside::Supposed(_) => Err(unknown()),
        }
    }

    /// The org that exists in memory only, in a rehearsal.
    pub(super) fn rehearsed(&self) -> Option<&'a RehearsedOrg> {
        match &self.outside {
            Outside::Live(_) => None,
            Outside::Supposed(supposed) => supposed.org(self.step.site()),
        }
    }

    /// The entry as it calls that org.
    pub(super) fn by_entry(&mut self) -> ByEntry<'_> {
        let own_org = match &self.outside {
            Outside::Live(_) => None,
            Outside::Supposed(supposed) => supposed.own_org(),
        };
        ByEntry {
            priority: self.priority(),
            log: self.log,
            has_begun: &mut self.memory.has_begun,
            halted: own_org.and_then(RehearsedOrg::halted),
        }
    }

    /// What to do about changes made by hand.
    pub fn on_drift(&self) -> OnDrift {
        match &self.outside {
            Outside::Live(live) => live.access.on_drift,
            Outside::Supposed(supposed) => supposed.seen.past.on_drift,
        }
    }

    /// What the entry wants of its features.
    pub(super) fn wanted(&self) -> Arc<Wanted> {
        let features = &self.row.entry.features;
        match &self.outside {
            Outside::Live(live) => live.access.wanted.of(features),
            Outside::Supposed(_) => Arc::new(Wanted::of(features)),
        }
    }

    /// Whether the entry's consent is to be renewed although there is one.
    pub fn renews(&self) -> bool {
        self.row.progress.renewing
            || match &self.outside {
                Outside::Live(live) => live.access.reconnects(&self.row.entry),
                Outside::Supposed(supposed) => supposed.seen.consent.renew,
            }
    }

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

    /// How near the entry is to its end: of the calls that wait, those with a higher one go first.
    pub fn priority(&self) -> usize {
        self.row.progress.steps.len()
    }

    /// What earlier runs left about the app.
    pub async fn app_memory(&mut self) -> Result<&AppMemory, StepError> {
        let app = match (self.memory.app.take(), self.row.known.take()) {
            (Some(app), _) => app,
            (None, known) => {
                let Live {
                    ledger, own_url, ..
                } = self.live()?;
                match known {
                    Some(known) if ledger.is_current(&known) => known.app,
                    _ => ledger.app_memory(own_url, &self.app_id()?).await?,
                }
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
        let secrets = &self.live()?.access.secrets;
        Ok(secrets.resolve(reference, purpose).await?)
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

    /// What becomes of a connection that differs so; `token`: of a TOKEN connection.
    pub async fn fate(
        &mut self,
        differences: &[Difference],
        token: Option<TokenPost>,
    ) -> Result<(Fate, Judged), StepError> {
        let judged = self.judge(Part::Connection, differences).await?;
        let fate = judged.connection(self.on_drift());
        let fate = token.map_or(fate, |token| fate.with(token));
        if matches!(fate, Fate::LeftActive | Fate::LeftAlone) {
            self.leave(Part::Connection, &judged.by_hand);
        }
        Ok((fate, judged))
    }

    /// What somebody changed by hand stays so.
    pub fn leave(&mut self, part: Part, by_hand: &[Difference]) {
        if let Outside::Supposed(supposed) = &mut self.outside {
            supposed.leave(part, by_hand);
        }
    }

    /// Whether what is there is looked at before anything is written.
    pub async fn look(&mut self) -> Result<Look, StepError> {
        let policy = self.on_drift();
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
        let found = if let Some(earlier) = self.memory.earlier.take() {
            earlier
        } else {
            let ledger = self.live()?.ledger;
            let app = self.app_memory().await?.clone();
            earlier(ledger, &app, &self.row.entry).await?
        };
        Ok(self.memory.earlier.insert(found))
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
